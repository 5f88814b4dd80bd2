//! Subject access: every entry about a pupil, told in the words that were in force when it was made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use doelpoort_core::audit::leaf::{GRANTED, Kind};
use doelpoort_core::audit::place::Place;
use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::policy::{History, Policies};
use jiff::Timestamp;

use super::super::held::Held;
use super::super::session::Why;
use super::{Fg, FgConsole, ShowError};
use crate::audit::Entry;
use crate::fg::copy::Scratch;
use crate::fg::look::Logged;
use crate::fg::replay::{Archive, Archived};
use crate::fg::search::search;
use crate::fg::{Reader, hand_out};

/// The purpose under which a pupil is looked for.
const PURPOSE: &str = "log-oversight";

/// One entry about a pupil, as a letter tells it. Nothing of staff is in it.
#[derive(Clone, Debug)]
pub(in crate::console) struct Access {
    pub(in crate::console) index: u64,
    /// The fields that were answered; empty where the private part was destroyed.
    pub(in crate::console) fields: Vec<String>,
    /// The policies that were in force then; none where the archive does not have them.
    pub(in crate::console) policies: Option<Arc<Policies>>,
}

/// A subject access that was answered.
pub(in crate::console) struct Case {
    pub(in crate::console) number: String,
    pub(in crate::console) at: Timestamp,
    /// The number of the look's entry in the whole log.
    pub(in crate::console) entry: u64,
    pub(in crate::console) held: Arc<Held>,
    pub(in crate::console) shown: Vec<Access>,
    pub(in crate::console) refused: usize,
    pub(in crate::console) withheld: usize,
    /// Entries before the period that was asked for.
    pub(in crate::console) earlier: usize,
    /// Entries of months whose key is gone: nobody can tell whom they are about.
    pub(in crate::console) unread: u64,
    /// The file with the proof, of each shard of the log by its label.
    pub(in crate::console) hand_outs: BTreeMap<String, Vec<u8>>,
}

/// Whom a subject access is about.
pub(in crate::console) struct Pupil<'p> {
    pub(in crate::console) kind: &'p str,
    pub(in crate::console) number: &'p str,
    /// Purposes whose entries are counted and not shown.
    pub(in crate::console) withhold: Vec<String>,
    /// Entries before this are counted and not shown, in µs.
    pub(in crate::console) since: i64,
}

impl FgConsole {
    /// Everything that the log has about a pupil, up to now. The number goes to the gateway and nowhere else.
    pub(in crate::console) async fn access(&self, why: &Why, pupil: Pupil<'_>) -> Result<Case, ShowError> {
        let Fg { keys, log, .. } = &self.fg;
        let named = (pupil.kind, pupil.number);
        let (logged, place) = self
            .purpose(why)
            .place_of(PURPOSE, named, (keys, self.month()))
            .await?;
        let Place::Subjects(subjects) = place else {
            return Err(ShowError::NoPlace);
        };
        self.refresh().await?;
        let held = self.held().ok_or(ShowError::NoPlace)?;
        let whom: Vec<Tagged<'_>> = subjects.iter().map(Tagged::Subject).collect();
        let found = search(&held.copy.entries, log.name(), keys, &whom).await?;
        let sorted = sorted(&found.entries, &pupil);
        let shown = self.shown(&held, &logged, &sorted.shown).await?;
        let wanted = hand_out::Wanted {
            subjects: &subjects,
            withhold: &pupil.withhold,
            since: pupil.since,
        };
        let (folder, mut hand_outs) = (Scratch::new()?, BTreeMap::new());
        for shard in held.shards() {
            let file = folder.path().join(format!("{}.tar", shard.label));
            let origin = &shard.checkpoint.origin;
            hand_out::write(&held.copy.entries, origin, keys, wanted, &file).await?;
            hand_outs.insert(shard.label.clone(), std::fs::read(&file)?);
        }
        Ok(Case {
            number: why.case.clone(),
            at: self.now(),
            entry: self.number(&logged),
            shown,
            refused: sorted.refused,
            withheld: sorted.withheld,
            earlier: sorted.earlier,
            unread: found.unread,
            hand_outs,
            held,
        })
    }

    /// What each entry answered, with the policies of its time.
    async fn shown(
        &self,
        held: &Held,
        logged: &Logged,
        indices: &BTreeSet<u64>,
    ) -> Result<Vec<Access>, ShowError> {
        let sealed = self.sealed(held, logged, indices).await?;
        let mut policies = self.policies_at(held, indices).await;
        let mut shown = Vec::new();
        for entry in indices.iter().filter_map(|index| held.entry(*index)) {
            let reader = Reader::new(&entry.origin, &self.fg.keys);
            let private = sealed.get(&entry.index);
            let private = private
                .map(|sealed| reader.danger_open_unheld(&entry.leaf, sealed))
                .transpose()?;
            shown.push(Access {
                index: entry.index,
                fields: private.map(|private| private.fields()).unwrap_or_default(),
                policies: policies.remove(&entry.index),
            });
        }
        Ok(shown)
    }

    /// The policies that were in force at each of these entries, as the archive has them.
    pub(in crate::console) async fn policies_at(
        &self,
        held: &Held,
        indices: &BTreeSet<u64>,
    ) -> BTreeMap<u64, Arc<Policies>> {
        let mut archive = Archive::new(Archived::Exchange(&self.fg.client), &self.fg.deployment);
        let mut read: BTreeMap<[u8; 32], Arc<Policies>> = BTreeMap::new();
        read.extend(
            held.policies
                .iter()
                .map(|policies| (policies.digest, Arc::clone(policies))),
        );
        let (mut found, mut history) = (BTreeMap::new(), History::default());
        let mut changes = held.policy_changes().peekable();
        for entry in indices.iter().filter_map(|index| held.entry(*index)) {
            while let Some(change) = changes.next_if(|change| change.index <= entry.index) {
                // A gap in the policies is the verifier's finding, not ours.
                let _ = history.apply(&change.leaf);
            }
            let Some(digest) = history.policies else {
                continue;
            };
            let policies = if let Some(policies) = read.get(&digest) {
                Ok(Arc::clone(policies))
            } else {
                let at = Timestamp::from_microsecond(entry.leaf.time).unwrap_or_default();
                archive.policies(digest, &history, at).await.map(Arc::new)
            };
            match policies {
                Ok(policies) => {
                    read.insert(digest, Arc::clone(&policies));
                    found.insert(entry.index, policies);
                }
                Err(error) => tracing::warn!(%error, "the policies of an entry are not known any more"),
            }
        }
        found
    }
}

/// Which of the entries about a pupil are shown, and how many are only counted.
#[derive(Default)]
struct Sorted {
    shown: BTreeSet<u64>,
    refused: usize,
    withheld: usize,
    earlier: usize,
}

fn sorted(entries: &[Entry], pupil: &Pupil<'_>) -> Sorted {
    let mut sorted = Sorted::default();
    for entry in entries {
        let event = &entry.leaf.event;
        // Neither the search itself nor the gateway's own work on links gives an organisation anything.
        if event.kind == Kind::LogRead || event.recipient.is_none() {
            continue;
        }
        let purpose = event.purpose.as_ref().map(|purpose| &purpose.id);
        if entry.leaf.time < pupil.since {
            sorted.earlier += 1;
        } else if purpose.is_some_and(|id| pupil.withhold.contains(id)) {
            sorted.withheld += 1;
        } else if event.decision.as_deref() == Some(GRANTED) {
            sorted.shown.insert(entry.index);
        } else {
            sorted.refused += 1;
        }
    }
    sorted
}
