//! The copy of the log that the console works on: fetched, verified, and read into memory once, so that pages are quick.

mod columns;
mod leaves;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::alert::{Alert, Thresholds};
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::audit::merkle::complete_nodes;
use doelpoort_core::audit::month::Making;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::shard::label;
use doelpoort_core::audit::tile::Tile;
use doelpoort_core::policy::{History, Policies, Standing};
use doelpoort_core::text::Language;
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) use columns::Columns;
use leaves::Leaves;

use super::names::Names;
use crate::audit::{AuditError, Entry, PublishedShard, alerts, proof};
use crate::client::Client;
use crate::fg::copy::{CopyError, LogCopy, copy};
use crate::fg::replay::{Archive, Archived};

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// The log cannot be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The copy cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// What the gateway served is not the log that it signed: nothing is concluded from it.
    #[error("the gateway does not serve the log that it signed:\n{0}")]
    NotIntact(String),
    /// The checkpoint of the copy.
    #[error("the copy has no checkpoint that the log's key signed")]
    Checkpoint,
}

/// The log as it was when it was last fetched.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) columns: Columns,
    leaves: Leaves,
    /// Places of what changed the policies.
    policy_changes: Vec<u64>,
    months: BTreeMap<Month, Making>,
    pub(super) copy: LogCopy,
    /// The newest checkpoint of the last shard.
    pub(super) checkpoint: Checkpoint,
    pub(super) note: String,
    /// The number of the last shard's first entry.
    pub(super) first: u64,
    shards: Vec<Shard>,
    pub(super) read_at: Timestamp,
    pub(super) alerts: Vec<Alert>,
    /// Those in force at the end of the log, where the archive has them.
    pub(super) policies: Option<Arc<Policies>>,
}

/// A shard of the log.
#[derive(Debug)]
pub(super) struct Shard {
    /// What stands for it in addresses.
    pub(super) label: String,
    pub(super) first: u64,
    pub(super) checkpoint: Checkpoint,
    name: Arc<str>,
    note: String,
    nodes: Vec<Vec<Hash>>,
}

impl Shard {
    fn of(published: PublishedShard, leaves: &Leaves, log: &Verifier) -> Result<Self, HeldError> {
        let PublishedShard { first, note } = published;
        let checkpoint = Checkpoint::open_of_log(&note, log).map_err(|_| HeldError::Checkpoint)?;
        let (from, until) = (usize::try_from(first), usize::try_from(first + checkpoint.size));
        let range = from.unwrap_or(usize::MAX)..until.unwrap_or(usize::MAX);
        let begins = range.start;
        let leaves_of = leaves.range(range).ok_or(HeldError::Checkpoint)?;
        let hashes = leaves_of.map(leaf_hash).collect();
        // A shard whose name has no label is called after the year in which it was opened.
        let year = || {
            let opened = leaves.get(begins).and_then(|leaf| Leaf::decode(leaf).ok());
            let opened = opened.map_or(0, |leaf| leaf.time);
            let opened = Timestamp::from_microsecond(opened).unwrap_or_default();
            format!("{:04}", opened.to_zoned(TimeZone::UTC).year())
        };
        Ok(Self {
            label: label(&checkpoint.origin).map_or_else(year, str::to_owned),
            first,
            name: Arc::from(checkpoint.origin.as_str()),
            checkpoint,
            note,
            nodes: complete_nodes(hashes),
        })
    }
}

impl Held {
    /// Fetches and checks the log; of what was held `before`, only what is new is fetched, and all is checked.
    pub(super) async fn fetch(
        client: &Client,
        log: &Verifier,
        deployment: &str,
        before: Option<&Self>,
        now: Timestamp,
    ) -> Result<Self, HeldError> {
        let kept = |label: &str, tile: &Tile| before?.under(label, tile);
        let copy = copy(client, log, None, &kept).await?;
        if !copy.report.is_intact() {
            return Err(HeldError::NotIntact(copy.report.to_string()));
        }
        let (mut columns, mut leaves, mut history) =
            (Columns::default(), Leaves::default(), History::default());
        let (mut policy_changes, mut months) = (Vec::new(), BTreeMap::new());
        copy.entries
            .each(0..u64::MAX, |entry| {
                // A gap in the policies is the verifier's finding, not ours.
                let _ = history.apply(&entry.leaf);
                if History::takes(entry.leaf.event.kind) {
                    policy_changes.push(entry.index);
                }
                let month = Month::of(entry.leaf.time);
                let making = months.entry(month).or_insert_with(|| Making::new(month));
                making.entry(entry.index, &entry.leaf);
                columns.push(&entry.leaf);
                leaves.push(&entry.bytes);
                Ok(())
            })
            .await?;
        let found = alerts(
            &copy.entries,
            Thresholds::default(),
            None,
            now.as_microsecond(),
            None,
        )
        .await?;
        let mut shards = Vec::new();
        for published in copy.entries.shards().await? {
            shards.push(Shard::of(published, &leaves, log)?);
        }
        let last = shards.last().ok_or(HeldError::Checkpoint)?;
        let mut archive = Archive::new(Archived::Exchange(client), deployment);
        let policies = match history.policies {
            Some(digest) => archive.policies(digest, &history, now).await.ok().map(Arc::new),
            None => None,
        };
        Ok(Self {
            columns,
            leaves,
            policy_changes,
            months,
            copy,
            checkpoint: last.checkpoint.clone(),
            note: last.note.clone(),
            first: last.first,
            shards,
            read_at: now,
            alerts: found,
            policies,
        })
    }

    /// The leaves under a tile of a shard, where all of them are held.
    fn under(&self, label: &str, tile: &Tile) -> Option<Vec<Vec<u8>>> {
        let shard = self.shards.iter().find(|shard| shard.label == label)?;
        let (from, until) = tile.range();
        if until > shard.checkpoint.size {
            return None;
        }
        let place = |index: u64| usize::try_from(shard.first + index).ok();
        let leaves = self.leaves.range(place(from)?..place(until)?)?;
        Some(leaves.map(<[u8]>::to_vec).collect())
    }

    /// The number after the last entry.
    pub(super) fn end(&self) -> u64 {
        self.first + self.checkpoint.size
    }

    /// The shard of an entry.
    pub(super) fn shard_of(&self, index: u64) -> Option<&Shard> {
        self.shards.iter().rev().find(|shard| shard.first <= index)
    }

    /// The shards that have a checkpoint, oldest first.
    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The shard of this name.
    pub(super) fn shard_named(&self, origin: &str) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.checkpoint.origin == origin)
    }

    /// One entry.
    pub(super) fn entry(&self, index: u64) -> Option<Entry> {
        self.at(usize::try_from(index).ok()?)
    }

    /// The entry at this place of the columns.
    pub(super) fn at(&self, place: usize) -> Option<Entry> {
        let (bytes, index) = (self.leaves.get(place)?.to_vec(), place as u64);
        Some(Entry {
            index,
            origin: Arc::clone(&self.shard_of(index)?.name),
            leaf: Leaf::decode(&bytes).ok()?,
            bytes,
            sealed: None,
        })
    }

    /// What changed the policies, oldest first.
    pub(super) fn policy_changes(&self) -> impl Iterator<Item = Entry> {
        self.policy_changes.iter().filter_map(|index| self.entry(*index))
    }

    /// What the policies were up to an entry.
    pub(super) fn history(&self, index: u64) -> History {
        let mut history = History::default();
        for entry in self.policy_changes().take_while(|entry| entry.index <= index) {
            let _ = history.apply(&entry.leaf);
        }
        history
    }

    /// The report on a month, without what is found elsewhere.
    pub(super) fn month(&self, month: Month) -> Making {
        self.months
            .get(&month)
            .cloned()
            .unwrap_or_else(|| Making::new(month))
    }

    /// The proof that an entry is in the log.
    pub(super) fn proof(&self, entry: &Entry) -> Result<Proof, AuditError> {
        let shard = self
            .shard_of(entry.index)
            .ok_or(AuditError::Missing(entry.index))?;
        let leaf = (entry.index - shard.first, entry.bytes.clone());
        proof(&shard.nodes, &shard.checkpoint, shard.note.clone(), leaf)
    }

    /// The names under the policies in force.
    pub(super) fn names(&self) -> Names<'_> {
        Names(self.policies.as_deref())
    }

    /// What people call an organisation; its number where nobody does.
    pub(super) fn organisation<'h>(&'h self, oin: &'h str) -> &'h str {
        self.names().organisation(oin)
    }

    /// The short name of an organisation; its number where it has none.
    pub(super) fn slug<'h>(&'h self, oin: &'h str) -> &'h str {
        self.names().slug(oin)
    }

    /// The title of a purpose; its id where it is no longer there.
    pub(super) fn purpose<'h>(&'h self, id: &'h str, language: Language) -> &'h str {
        self.names().purpose(id, language)
    }

    pub(super) fn standing(&self, id: &str) -> Option<&Standing> {
        self.names().standing(id)
    }

    /// The title of a dataset.
    pub(super) fn dataset<'h>(&'h self, id: &'h str, language: Language) -> &'h str {
        self.names().dataset(id, language)
    }

    /// Every organisation that asked or delivered something.
    pub(super) fn recipients(&self) -> BTreeSet<&str> {
        self.columns.recipients().collect()
    }

    /// Every dataset that something was asked of.
    pub(super) fn datasets(&self) -> BTreeSet<&str> {
        self.columns.datasets().collect()
    }
}
