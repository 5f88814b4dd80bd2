//! Merges of pupils' numbers: logged before they take effect, together at the start of a day; what holders are asked and
//! told about them, once a day; and their undoing.

use doelpoort_core::audit::leaf::{Kind, Value, extra};
use doelpoort_core::audit::merge_undo::MERGES_APPLIED;
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::party::Caller;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::request::LinkUndo;
use serde_json::json;

use super::Gateway;
use super::inbox::look;
use crate::delivery::link_rules;
use crate::exchange::{Refusal, Trace};
use crate::log::{Effect, Entry, LogError};
use crate::store::StoreError;
use crate::store::inbox::{ItemKind, NewItem, add};
use crate::store::quota::LookUps;
use crate::store::subjects::{Doubt, DoubtKind};

/// Merges of one entry: each names two pupils in its private part, and an entry has 2,048 tags at most.
const MERGES_MAX: usize = 500;
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
/// How long a holder has to confirm a link or to see to a conflict.
const DOUBT_DAYS: i64 = 60;

impl Gateway {
    /// Merges whose time has come take effect, together, after they are in the log; so does their undoing.
    ///
    /// # Errors
    /// When the log or the store fails; the next turn tries again, and nothing has taken effect that is not logged.
    pub async fn apply_merges(&self) -> Result<u64, LogError> {
        let now_us = self.clock.now().as_microsecond();
        let due = self.store.due_merges(now_us).await.map_err(LogError::Effect)?;
        for merges in due.chunks(MERGES_MAX) {
            let mut entry = Entry::new(Kind::Resolution)?;
            entry.event.decision = Some(MERGES_APPLIED.to_owned());
            let count = u64::try_from(merges.len()).unwrap_or(u64::MAX);
            entry.event.extra.insert(extra::ROWS, Value::Number(count));
            let pairs = merges.iter().flat_map(|merge| [merge.survivor, merge.merged]);
            entry.private.subjects = pairs.collect();
            let told = Effect::TellOfMerges {
                entry: entry.event.entry_id,
                merges: merges.to_vec(),
            };
            let entry = entry.with_effect(told);
            match self.log.append(entry).await {
                // Another replica was first.
                Ok(_) | Err(LogError::Effect(StoreError::Conflict { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        self.store
            .apply_due_merges(now_us)
            .await
            .map_err(LogError::Effect)
    }

    /// Fills the holders' inboxes with what they are to confirm and with conflicts in their own links, once a day by one
    /// replica. A conflict counts as a miss of who made it.
    pub(super) async fn fill_inboxes(&self) -> Result<(), Refusal> {
        let now_us = self.clock.now().as_microsecond();
        let day = now_us.div_euclid(DAY_US);
        let mut tx = self.store.begin_write().await?;
        if !tx.fills_inboxes(day).await? {
            return Ok(());
        }
        let doubts = self.store.doubts(&link_rules(&self.policies.current())).await?;
        let mut conflicts = Vec::new();
        for kind in [DoubtKind::Link, DoubtKind::Conflict] {
            let of_kind = doubts.iter().filter(|doubt| doubt.kind == kind);
            for doubt in of_kind {
                let item = self.doubted(doubt, now_us)?;
                let as_item = match kind {
                    DoubtKind::Link => ItemKind::Link,
                    DoubtKind::Conflict => ItemKind::Conflict,
                };
                let is_new = add(&mut tx, as_item, &[&item], now_us).await? == 1;
                if is_new && kind == DoubtKind::Conflict {
                    conflicts.push(doubt.holder.clone());
                }
            }
        }
        tx.commit().await?;
        for holder in conflicts {
            let missed = LookUps { looked: 1, missed: 1 };
            self.store.count_look_ups(&holder, day, missed, i64::MAX).await?;
        }
        Ok(())
    }

    fn doubted(&self, doubt: &Doubt, now_us: i64) -> Result<NewItem, Refusal> {
        let id = self.random_id()?;
        let what = match doubt.kind {
            DoubtKind::Link => "another holder gives this pupil a second number; the birth dates agree",
            DoubtKind::Conflict => {
                "your rows give this pupil two numbers of one kind, or one number to two pupils"
            }
        };
        let (one, other) = doubt.pair;
        let kind = format!("{:?}", doubt.kind);
        let about = [kind.as_bytes(), one.as_bytes(), other.as_bytes()].concat();
        let (dataset, row, reference) = doubt.reference.clone().ok_or(Refusal::Internal)?;
        Ok(NewItem {
            id,
            holder: Some(doubt.holder.clone()),
            dataset,
            row: Some(row),
            reference: Some(reference),
            told: self.sealed("told", &id, 0, json!({ "what": what }).to_string().as_bytes())?,
            about: self.keyring().digest.digest("inbox", &about),
            pair: Some(doubt.pair),
            closes_us: now_us + DOUBT_DAYS * DAY_US,
        })
    }

    /// A holder says that two numbers are not one pupil's: what merges them ends with the next day, if the holder has a row
    /// under one of them itself. The answer is the same whatever there was to end.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn undo_links(&self, caller: &Caller, body: &[u8], trace: Trace) -> Result<Receipt, Refusal> {
        let asked = match LinkUndo::parse(&caller.organisation, body) {
            Ok(asked) => asked,
            Err(errors) => return Err(self.refuse(caller, errors.into(), trace).await?),
        };
        let inbox = self.own_inbox(caller, asked.acting_for.as_ref(), trace).await?;
        let numbers: Vec<_> = asked.pairs.iter().flatten().collect();
        let sightings = self.keyring().index.sightings(&numbers).await?;
        let found = self.store.lookup(Some(&inbox.holder), &sightings).await?;
        let hits = found.iter().flatten().filter(|found| found.borne_out).count();
        let add = LookUps {
            looked: i64::try_from(found.len()).unwrap_or(i64::MAX),
            missed: i64::try_from(found.len() - hits).unwrap_or(i64::MAX),
        };
        let organisations = &self.policies.current().policies.organisations;
        let now = self.clock.now();
        if let Err(refusal) = self.count_look_ups(organisations, &inbox.holder, add, now).await {
            return Err(self.refuse(caller, refusal, trace).await?);
        }
        let known: Vec<SubjectId> = found.iter().flatten().map(|found| found.subject).collect();
        let own = self.store.has_rows_about(&inbox.holder, &known).await?;
        let pairs: Vec<_> = found
            .chunks(2)
            .filter_map(|pair| match pair {
                [Some(one), Some(other)] => Some((one.subject, other.subject)),
                _ => None,
            })
            .filter(|(one, other)| own.contains(one) || own.contains(other))
            .collect();
        let mut entry = look(caller, &inbox.holder, trace, json!({ "links": "undo" }))?;
        entry.private.subjects = found
            .iter()
            .zip(&sightings)
            .map(|(found, sighting)| found.map_or_else(|| sighting.nobody(), |found| found.subject))
            .collect();
        Ok(self
            .log
            .append(entry.with_effect(Effect::UndoMerges(pairs)))
            .await?)
    }
}
