//! Agreed merges that something contradicted before they took effect: whichever came first, the pair or what speaks
//! against it, the outcome is the same.
//!
//! Two things speak against a pair: one of its numbers was delivered with another partner of the same kind; or all that is
//! due together would give one pupil two numbers of a kind of which a pupil has one. Then none of what is due about that
//! pupil takes effect, for nobody can tell which of the pairs is wrong. Its holders are told of conflicts in their inboxes.

use std::collections::{HashMap, HashSet};

use doelpoort_core::pseudonym::SubjectId;

use super::merge::{Labels, Merge, candidates, merge_at};
use super::{subject_at, subject_column};
use crate::store::{Sql, SqlValue, Store, StoreError, sql};

/// Type byte of a holder's own numbers, of which a pupil may have several.
const LOCAL: i64 = 3;
/// Merges of one statement.
const MERGES_PER_WRITE: usize = 5_000;

/// Merges whose time has come (`$1`) of which a number has another partner of the same kind.
pub(super) const CONTRADICTED: Sql = Sql::same(concat!(
    candidates!(),
    "SELECT m.merged, m.survivor FROM subject_merge AS m
     JOIN subject AS a ON a.subject = m.survivor JOIN subject AS b ON b.subject = m.merged
     WHERE m.logged_us IS NULL AND m.applied_us IS NULL AND m.undo_us IS NULL AND m.effective_us <= $1
       AND (EXISTS (SELECT 1 FROM conflict AS c WHERE c.subject = m.survivor AND c.kind = b.kind)
         OR EXISTS (SELECT 1 FROM conflict AS c WHERE c.subject = m.merged AND c.kind = a.kind))"
));
/// All numbers of the pupils of a batch of subjects: pupil, its sequence, number, kind; each number as often as the batch
/// has numbers of its pupil.
pub(super) const PUPILS: Sql = sql!(
    sqlite = "SELECT n.subject, c.subject, c.sequence, s.subject, s.kind FROM json_each($1) AS v
              CROSS JOIN subject AS n ON n.subject = unhex(v.value ->> 0)
              CROSS JOIN subject AS c ON c.subject = n.canonical
              CROSS JOIN subject AS s ON s.canonical = n.canonical",
    postgres =
        "SELECT n.subject, c.subject, c.sequence, s.subject, s.kind FROM unnest($1::bytea[]) AS v (subject)
                JOIN subject AS n ON n.subject = v.subject
                JOIN subject AS c ON c.subject = n.canonical
                JOIN subject AS s ON s.canonical = n.canonical"
);
/// They never take effect, and are not agreed again. `$1` now, then the batch: merged, survivor.
pub(super) const WITHDRAW: Sql = sql!(
    sqlite = "UPDATE subject_merge SET undo_us = $1, undone_us = $1 FROM json_each($2) AS v
              WHERE subject_merge.merged = unhex(v.value ->> 0) AND subject_merge.survivor = unhex(v.value ->> 1)
                AND subject_merge.logged_us IS NULL AND subject_merge.undo_us IS NULL",
    postgres = "UPDATE subject_merge SET undo_us = $1, undone_us = $1
                FROM unnest($2::bytea[], $3::bytea[]) AS v (merged, survivor)
                WHERE subject_merge.merged = v.merged AND subject_merge.survivor = v.survivor
                  AND subject_merge.logged_us IS NULL AND subject_merge.undo_us IS NULL"
);

impl Store {
    /// Withdraws those of what is due that must not take effect; tells how many.
    pub(super) async fn withdraw_contradicted(&self, due: &[Merge], now_us: i64) -> Result<u64, StoreError> {
        let mut contradicted = HashSet::new();
        for row in self.fetch_all(CONTRADICTED, vec![now_us.into()]).await? {
            contradicted.insert(merge_at(&row, 0)?);
        }
        let rest: Vec<Merge> = due
            .iter()
            .filter(|merge| !contradicted.contains(merge))
            .copied()
            .collect();
        contradicted.extend(self.clashing(&rest).await?);
        let all: Vec<Merge> = contradicted.into_iter().collect();
        let mut withdrawn = 0;
        for chunk in all.chunks(MERGES_PER_WRITE) {
            let pairs = SqlValue::Rows(vec![
                subject_column(chunk.iter().map(|merge| &merge.merged)),
                subject_column(chunk.iter().map(|merge| &merge.survivor)),
            ]);
            withdrawn += self.execute(WITHDRAW, vec![now_us.into(), pairs]).await?;
        }
        if withdrawn > 0 {
            tracing::warn!(
                withdrawn,
                "agreed merges were contradicted and do not take effect"
            );
        }
        Ok(withdrawn)
    }

    /// The merges of pupils that would have two numbers of one kind.
    async fn clashing(&self, due: &[Merge]) -> Result<Vec<Merge>, StoreError> {
        let mut pupils = Pupils::default();
        for chunk in due.chunks(MERGES_PER_WRITE) {
            let subjects = chunk.iter().flat_map(|merge| [merge.merged, merge.survivor]);
            let subjects: Vec<SubjectId> = subjects.collect();
            let batch = SqlValue::Rows(vec![subject_column(&subjects)]);
            for row in self.fetch_all(PUPILS, vec![batch]).await? {
                let pupil = (subject_at(&row, 1)?, row.int(2)?);
                pupils.of.insert(subject_at(&row, 0)?, pupil);
                pupils
                    .numbers
                    .insert(subject_at(&row, 3)?, (pupil.0, row.int(4)?));
            }
        }
        Ok(pupils.clashing(due))
    }
}

/// Pupils as they are, with all their numbers. Pure.
#[derive(Default)]
struct Pupils {
    /// Of which pupil a number is, with its sequence.
    of: HashMap<SubjectId, (SubjectId, i64)>,
    /// Each number with its pupil and kind.
    numbers: HashMap<SubjectId, (SubjectId, i64)>,
}

impl Pupils {
    fn clashing(&self, due: &[Merge]) -> Vec<Merge> {
        let mut labels = Labels::default();
        for merge in due {
            if let (Some(one), Some(other)) = (self.of.get(&merge.survivor), self.of.get(&merge.merged)) {
                labels.join(*one, *other);
            }
        }
        let mut kinds: HashMap<(SubjectId, i64), u32> = HashMap::new();
        for (pupil, kind) in self.numbers.values().filter(|(_, kind)| *kind != LOCAL) {
            *kinds.entry((labels.lowest(*pupil), *kind)).or_default() += 1;
        }
        let clash: HashSet<SubjectId> = kinds
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|((pupil, _), _)| pupil)
            .collect();
        let clashes = |merge: &&Merge| {
            let pupil = self.of.get(&merge.survivor);
            pupil.is_some_and(|(pupil, _)| clash.contains(&labels.lowest(*pupil)))
        };
        due.iter().filter(clashes).copied().collect()
    }
}
