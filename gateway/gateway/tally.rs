//! How often each purpose was used, by organisation and month: counted from the public part of the log, as far as it
//! goes. Nothing here is needed by the next request; a fresh replica counts anew.

use std::collections::BTreeMap;

use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::{GRANTED, Kind, Leaf, Micros};
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Oin;
use tokio::sync::MutexGuard;

use super::{Current, Gateway};
use crate::audit::{AuditError, Entries};

/// What was counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// The number of the next entry.
    next: u64,
    uses: BTreeMap<(Name, String, Month), Uses>,
}

/// The uses of one purpose by one organisation in one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Requests that were answered.
    pub granted: u64,
    /// Requests that were refused, but for those that were only counted.
    pub refused: u64,
    /// When the last was.
    pub last: Micros,
}

/// Who asked under a purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The purpose.
    pub purpose: Name,
    /// The OIN of the organisation that asked.
    pub organisation: String,
    /// How often.
    pub uses: Uses,
}

impl Gateway {
    /// What was counted, up to the end of the log.
    ///
    /// # Errors
    /// When the log cannot be read; what was counted before stays.
    pub async fn tally(&self) -> Result<MutexGuard<'_, Tally>, AuditError> {
        let mut tally = self.tally.lock().await;
        let entries = Entries::Database(self.store.clone());
        let mut pages = entries.pages(tally.next..u64::MAX);
        while let Some(page) = pages.next().await? {
            for entry in page {
                tally.count(&entry.leaf);
                tally.next = entry.index + 1;
            }
        }
        Ok(tally)
    }
}

impl Tally {
    fn count(&mut self, leaf: &Leaf) {
        let event = &leaf.event;
        let asked = matches!(event.kind, Kind::AccessDecided);
        let (true, Some(purpose), Some(recipient)) = (asked, &event.purpose, &event.recipient) else {
            return;
        };
        let Ok(purpose) = purpose.id.parse() else { return };
        let uses = self
            .uses
            .entry((purpose, recipient.clone(), Month::of(leaf.time)))
            .or_default();
        uses.last = leaf.time;
        match event.decision.as_deref() {
            Some(GRANTED) => uses.granted += 1,
            _ => uses.refused += 1,
        }
    }

    /// How many requests were answered under a purpose in a month, whoever asked.
    pub fn answered(&self, purpose: &Name, month: Month) -> u64 {
        let of_purpose = self
            .uses
            .iter()
            .filter(|((id, _, when), _)| id == purpose && *when == month);
        of_purpose.map(|(_, uses)| uses.granted).sum()
    }

    /// Who asked since a month under purposes that ask for this organisation's approval, the last first.
    pub fn askers(&self, organisation: &Oin, since: Month, current: &Current) -> Vec<Asker> {
        let mut askers: BTreeMap<(&Name, &String), Uses> = BTreeMap::new();
        for ((purpose, recipient, month), uses) in &self.uses {
            let standing = current.policies.purposes.get(purpose);
            if *month < since || !standing.is_some_and(|standing| standing.asks(organisation)) {
                continue;
            }
            let sum = askers.entry((purpose, recipient)).or_default();
            sum.granted += uses.granted;
            sum.refused += uses.refused;
            sum.last = sum.last.max(uses.last);
        }
        let mut askers: Vec<Asker> = askers
            .into_iter()
            .map(|((purpose, organisation), uses)| Asker {
                purpose: purpose.clone(),
                organisation: organisation.clone(),
                uses,
            })
            .collect();
        askers.sort_by_key(|asker| std::cmp::Reverse(asker.uses.last));
        askers
    }
}
