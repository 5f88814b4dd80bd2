//! Tables from one code to another, such as PC4 → neighbourhood.

use std::collections::BTreeMap;

use super::hierarchy::Source;
use super::name::Name;
use crate::text::Text;

/// A table from the values of a field to codes of the finest level of a hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// `pc4-neighbourhood`.
    pub name: Name,
    /// Grows with every change.
    pub version: u32,
    /// Short title.
    pub title: Text,
    /// Where it comes from and under which licence.
    pub source: Source,
    /// The hierarchy whose finest codes it gives.
    pub to: Name,
    /// The code for every value that is not in the table.
    pub other: String,
    pub(super) heaviest: BTreeMap<String, String>,
}

impl Mapping {
    /// The code with the largest weight for a value, or the code for all others.
    pub fn of(&self, value: &str) -> &str {
        self.heaviest.get(value).unwrap_or(&self.other)
    }
}
