//! The FG's daily check that the log says what was done: every private part opens, and every commitment and tag of the
//! leaf is that of its private part. Who finds fewer entries about a pupil than there are would have to have lied here.

use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::{GRANTED, Kind};

use super::follow::{FollowError, LogEntry, follow};
use super::keys::FgPrivateKeys;
use super::reading::{Reader, ReadingError};
use crate::store::Store;

/// The most findings that are kept.
const FINDINGS_MAX: usize = 100;

/// What a check of the private parts came to.
#[derive(Debug, Default)]
pub struct Monitored {
    /// Entries that were read.
    pub entries: u64,
    /// Private parts that were opened and held against their leaf.
    pub opened: u64,
    /// Entries of months whose key is gone: shredded, or never ours.
    pub shredded: u64,
    /// Entries whose private part is not there though the leaf commits to one: erased, if an entry says so.
    pub missing: Vec<u64>,
    /// What is wrong, by index; at most 100.
    pub findings: Vec<(u64, String)>,
}

/// Checks the private parts of the entries from `from` on.
///
/// # Errors
/// When the log cannot be followed.
pub async fn monitor(
    store: &Store,
    shard: i64,
    origin: &str,
    keys: &FgPrivateKeys,
    from: u64,
) -> Result<Monitored, FollowError> {
    let mut monitored = Monitored::default();
    let mut reader = Reader::new(origin, keys);
    follow(store, shard, &mut reader, |reader, entry| {
        if entry.index >= from {
            monitored.take(reader, keys, &entry);
        }
        Ok::<(), FollowError>(())
    })
    .await?;
    Ok(monitored)
}

impl Monitored {
    /// Is everything as it should be?
    pub fn is_honest(&self) -> bool {
        self.findings.is_empty()
    }

    fn take(&mut self, reader: &mut Reader<'_>, keys: &FgPrivateKeys, entry: &LogEntry) {
        self.entries += 1;
        let event = &entry.leaf.event;
        if keys.of(Month::of(entry.leaf.time)).is_err() {
            self.shredded += u64::from(entry.sealed.is_some());
            return;
        }
        let commits = event.commitments != doelpoort_core::audit::leaf::Commitments::default();
        match entry.open(reader) {
            Ok(None) if commits || !event.tags.is_empty() => self.missing.push(entry.index),
            Ok(None) => {
                let granted = event.kind == Kind::AccessDecided && event.decision.as_deref() == Some(GRANTED);
                if granted {
                    self.find(entry.index, "an answered request without a private part");
                }
            }
            Ok(Some(opened)) => {
                self.opened += 1;
                if let Err(error) = opened.honest {
                    self.find(entry.index, &error.to_string());
                }
            }
            Err(error @ (ReadingError::Sealing(_) | ReadingError::Private(_) | ReadingError::NoSeed)) => {
                self.find(entry.index, &error.to_string());
            }
            Err(error) => self.find(entry.index, &error.to_string()),
        }
    }

    fn find(&mut self, index: u64, what: &str) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push((index, what.to_owned()));
        }
    }
}
