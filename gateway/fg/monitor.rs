//! The FG's daily check that the log says what was done: every private part opens, and every commitment and tag of the
//! leaf is that of its private part. Who finds fewer entries about a pupil than there are would have to have lied here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::{Commitments, GRANTED, Kind};

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::leaf::leaf_hash;
use doelpoort_core::audit::merkle::Frontier;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::retention::{InvalidOrder, RetentionOrder, SignedOrder};
use doelpoort_core::policy::KeyList;

use super::follow::{FollowError, Parts, follow};
use super::keys::FgPrivateKeys;
use super::reading::Reader;
use crate::audit::{AuditError, Entries, Entry};

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
    /// Entries whose private part was destroyed, as an entry of retention says.
    pub destroyed: Vec<u64>,
    /// What is wrong, by index; at most 100.
    pub findings: Vec<(u64, String)>,
}

/// Checks the private parts of the entries from `from` on, that what was destroyed was so by orders which the FG signed, by
/// their keys in the list of approvers, and that all entries together give the root of the newest
/// checkpoint that the log signed: `log` is the key of any of its shards.
///
/// # Errors
/// When the log cannot be followed.
pub async fn monitor(
    entries: &Entries,
    log: &Verifier,
    keys: &FgPrivateKeys,
    approvers: Option<&KeyList>,
    from: u64,
) -> Result<Monitored, FollowError> {
    let mut monitored = Monitored::default();
    let mut missing = Vec::new();
    let mut told = Told::default();
    let mut reader = Reader::new(log.name(), keys);
    // Before the entries: what is read later is never shorter.
    let mut tree = Tree::signed(entries, log).await?;
    follow(entries, Parts::Sealed, &mut reader, |reader, entry| {
        tree.take(&entry);
        told.enter(&entry);
        if let Err(what) = told.take(&entry, approvers) {
            monitored.find(entry.index, &format!("private parts were destroyed: {what}"));
        }
        if entry.index >= from && monitored.take(reader, keys, &entry) == Part::Missing {
            missing.push((entry.index, Month::of(entry.leaf.time)));
        }
        Ok::<(), FollowError>(())
    })
    .await?;
    if let Some(what) = tree.differs() {
        monitored.find(tree.last, what);
    }
    for (index, month) in missing {
        if told.covers(index, month) {
            monitored.destroyed.push(index);
        } else {
            monitored.find(
                index,
                "its private part is gone, and no entry of retention says so",
            );
        }
    }
    Ok(monitored)
}

/// The newest checkpoint.
enum Signed {
    /// A shard that has just been opened has none.
    Nothing,
    /// Not by the log.
    Otherwise,
    Checkpoint(Checkpoint),
}

/// The tree over the entries of the last shard, beside the newest checkpoint over it.
struct Tree {
    signed: Signed,
    origin: Arc<str>,
    over: Frontier,
    /// The root at the size of the checkpoint.
    root: Option<Hash>,
    /// The number of the last entry.
    last: u64,
}

impl Tree {
    async fn signed(entries: &Entries, log: &Verifier) -> Result<Self, FollowError> {
        let signed = match entries.checkpoint().await {
            Ok((note, _)) => {
                Checkpoint::open_of_log(&note, log).map_or(Signed::Otherwise, Signed::Checkpoint)
            }
            // One that stays without is what the verifier and the alerts tell of.
            Err(AuditError::NoCheckpoint) => Signed::Nothing,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            signed,
            origin: Arc::from(""),
            over: Frontier::empty(),
            root: None,
            last: 0,
        })
    }

    fn take(&mut self, entry: &Entry) {
        if self.origin != entry.origin {
            (self.origin, self.over) = (Arc::clone(&entry.origin), Frontier::empty());
        }
        self.over.push(leaf_hash(&entry.bytes));
        self.last = entry.index;
        if let Signed::Checkpoint(signed) = &self.signed
            && signed.size == self.over.size()
            && *signed.origin == *self.origin
        {
            self.root = Some(self.over.root());
        }
    }

    fn differs(&self) -> Option<&'static str> {
        match &self.signed {
            Signed::Otherwise => Some("the newest checkpoint is not signed by the log"),
            Signed::Checkpoint(signed) if self.root != Some(signed.root) => {
                Some("the entries up to here do not give the root that the log signed: verify the log")
            }
            Signed::Checkpoint(_) | Signed::Nothing => None,
        }
    }
}

/// Whether an entry has the private part that its leaf commits to.
#[derive(PartialEq, Eq)]
enum Part {
    /// It has, or there is none to have; or its key is gone.
    There,
    Missing,
}

/// What the log says was destroyed.
#[derive(Default)]
struct Told {
    /// The number of each shard's first entry: ranges are of a shard's indices.
    firsts: HashMap<Arc<str>, u64>,
    /// Up to the first index after the last that a month's entry names: what was appended later is not meant.
    months: HashMap<Month, u64>,
    entries: BTreeSet<u64>,
}

impl Told {
    fn enter(&mut self, entry: &Entry) {
        if !self.firsts.contains_key(&entry.origin) {
            self.firsts.insert(Arc::clone(&entry.origin), entry.index);
        }
    }

    /// Takes note of what was destroyed, if that was rightly so.
    fn take(&mut self, entry: &Entry, approvers: Option<&KeyList>) -> Result<(), String> {
        if entry.leaf.event.kind != Kind::Retention {
            return Ok(());
        }
        let first = self.firsts.get(&*entry.origin).copied().unwrap_or_default();
        let at = entry.index.saturating_sub(first);
        let told = |error: InvalidOrder| error.to_string();
        let order = RetentionOrder::of_entry(&entry.leaf, &entry.origin, at).map_err(told)?;
        let first = self.firsts.get(order.origin.as_str());
        let first = *first.ok_or_else(|| told(InvalidOrder::Range))?;
        match order.month {
            Some(month) => drop(self.months.insert(month, first + order.until)),
            None => self.entries.extend([first + order.from]),
        }
        let approvers = approvers.ok_or("nobody looked whether you signed for it: give --approvers")?;
        SignedOrder::of_event(&entry.leaf.event, approvers).map_err(told)?;
        Ok(())
    }

    fn covers(&self, index: u64, month: Month) -> bool {
        self.entries.contains(&index) || self.months.get(&month).is_some_and(|until| index < *until)
    }
}

impl Monitored {
    /// Is everything as it should be?
    pub fn is_honest(&self) -> bool {
        self.findings.is_empty()
    }

    fn take(&mut self, reader: &mut Reader<'_>, keys: &FgPrivateKeys, entry: &Entry) -> Part {
        self.entries += 1;
        let event = &entry.leaf.event;
        if keys.of(Month::of(entry.leaf.time)).is_err() {
            self.shredded += u64::from(entry.sealed.is_some());
            return Part::There;
        }
        let commits = event.commitments != Commitments::default();
        match reader.open_entry(entry) {
            Ok(None) if commits || !event.tags.is_empty() => return Part::Missing,
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
            Err(error) => self.find(entry.index, &error.to_string()),
        }
        Part::There
    }

    fn find(&mut self, index: u64, what: &str) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push((index, what.to_owned()));
        }
    }
}
