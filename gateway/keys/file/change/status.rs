//! What a key file says of its versions, without their secrets.

use jiff::Timestamp;

use crate::keys::file::document::{Document, Entry, State};

/// One version as the file has it; nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionStatus {
    /// What it is for.
    pub id: String,
    /// Its number.
    pub version: u32,
    /// Where it is in its life.
    pub state: State,
    /// Since when it is active; none for the first.
    pub since: Option<Timestamp>,
    /// The algorithm, and with it whether a hardware module keeps it.
    pub algorithm: String,
    /// The check value.
    pub check: String,
}

impl VersionStatus {
    pub(in crate::keys::file) fn of(document: &Document) -> Vec<Self> {
        let status = |entry: &Entry| Self {
            id: entry.id.clone(),
            version: entry.version,
            state: entry.state,
            since: entry.since,
            algorithm: entry.algorithm.clone(),
            check: entry.check.clone(),
        };
        document.key.iter().map(status).collect()
    }
}
