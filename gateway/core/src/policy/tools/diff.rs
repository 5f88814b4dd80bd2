//! What changes between two folders of policies, in sentences: who may newly see what, who no longer, and under which
//! other limits.

mod data;
mod purposes;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::policy::{Draft, PolicyFiles};
use crate::text::Text;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is about: `purpose youth-atlas`, `dataset absence`.
    pub about: String,
    /// Whether somebody may get more, or less, or neither.
    pub effect: Effect,
    /// The sentence.
    pub text: Text,
}

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Somebody may get more.
    Wider,
    /// Somebody may get less.
    Narrower,
    /// Other terms, words or parties.
    Other,
}

/// A folder of policies: its files and what they say.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The files.
    pub files: &'a PolicyFiles,
    /// What they say.
    pub draft: &'a Draft,
}

/// Every change from one folder to another: of purposes first, then of what they rest on.
pub fn diff(before: Side<'_>, after: Side<'_>) -> Vec<Change> {
    let mut changes = purposes::changes(before, after);
    changes.extend(data::changes(before, after));
    changes
}
