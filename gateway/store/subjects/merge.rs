//! Merges: links that hold for all holders' rows.
//!
//! A pair is agreed when two holders delivered it, or by a rule of the controller: a holder of the named kind
//! delivered it and a date of its own row agrees with that of another holder's. A subject that was ever delivered
//! with two partners of one kind merges with neither (of local identifiers: by the same holder), whichever came first.
//! Agreed pairs take effect together at the start of the next day, UTC.

use std::collections::HashMap;

use doelpoort_core::catalogue::FieldName;
use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use super::{subject_at, subject_column, undo};
use crate::store::dataset::canonical::relabels;
use crate::store::dataset::{Rendered, column_name, former, table_name};
use crate::store::{Column, Row, Schema, Sql, SqlValue, Store, StoreError, Tx, sql};

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
/// Pairs written by one transaction.
const AGREE_ROWS_MAX: usize = 5_000;
/// Subjects relabelled by one statement.
const RELABEL_ROWS_MAX: usize = 5_000;

/// Pairs of deliveries that became visible, and the subjects that are in conflict about partners of a kind.
macro_rules! candidates {
    () => {
        "WITH valid AS (
           SELECT l.subject_a, l.subject_b, l.holder, a.kind AS kind_a, b.kind AS kind_b
           FROM subject_link AS l
           JOIN delivery AS d ON d.id = l.delivery AND d.state IN ('active', 'superseded')
           JOIN subject AS a ON a.subject = l.subject_a
           JOIN subject AS b ON b.subject = l.subject_b
         ),
         ends AS (
           SELECT subject_a AS subject, subject_b AS partner, kind_b AS kind, holder FROM valid
           UNION ALL
           SELECT subject_b, subject_a, kind_a, holder FROM valid
         ),
         conflict AS (
           SELECT subject, kind FROM ends
           GROUP BY subject, kind, CASE WHEN kind = 3 THEN holder ELSE '' END
           HAVING COUNT(DISTINCT partner) > 1
         ),
         candidate AS (
           SELECT v.* FROM valid AS v
           LEFT JOIN conflict AS ca ON ca.subject = v.subject_a AND ca.kind = v.kind_b
           LEFT JOIN conflict AS cb ON cb.subject = v.subject_b AND cb.kind = v.kind_a
           WHERE ca.subject IS NULL AND cb.subject IS NULL
         )"
    };
}

pub(super) use candidates;

/// Pairs that two holders delivered and that are not agreed yet.
pub(super) const BORNE_OUT: Sql = Sql::same(concat!(
    candidates!(),
    "SELECT c.subject_b, c.subject_a FROM candidate AS c
     LEFT JOIN subject_merge AS m ON m.merged = c.subject_b AND m.survivor = c.subject_a
     WHERE m.merged IS NULL
     GROUP BY c.subject_a, c.subject_b HAVING COUNT(DISTINCT c.holder) > 1"
));
/// `$1` now, `$2` when they take effect, `$3` why, then the batch: merged, survivor.
pub(super) const AGREE: Sql = sql!(
    sqlite = "INSERT INTO subject_merge (merged, survivor, reason, agreed_us, effective_us)
              SELECT unhex(value ->> 0), unhex(value ->> 1), $3, $1, $2 FROM json_each($4)
              WHERE TRUE ON CONFLICT (merged, survivor) DO NOTHING",
    postgres = "INSERT INTO subject_merge (merged, survivor, reason, agreed_us, effective_us)
                SELECT v.merged, v.survivor, $3, $1, $2 FROM unnest($4::bytea[], $5::bytea[]) AS v (merged, survivor)
                ON CONFLICT (merged, survivor) DO NOTHING"
);
/// A pair that a holder confirmed; agreed or not before. `$1` merged, `$2` survivor, `$3` now, `$4` effective.
pub(super) const CONFIRM: Sql = sql!(
    "INSERT INTO subject_merge (merged, survivor, reason, agreed_us, effective_us)
     VALUES ($1, $2, 'confirmed', $3, $4) ON CONFLICT (merged, survivor) DO NOTHING"
);
/// Merges whose time has come and that no entry of the log tells of yet.
pub(super) const DUE: Sql = sql!(
    "SELECT merged, survivor FROM subject_merge
     WHERE logged_us IS NULL AND applied_us IS NULL AND undo_us IS NULL AND effective_us <= $1
     ORDER BY merged, survivor"
);
/// `$1` now, `$2` the id of the entry, then the batch: merged, survivor, place in the entry.
pub(super) const LOGGED: Sql = sql!(
    sqlite = "UPDATE subject_merge SET logged_us = $1, told_by = $2, told_place = v.value ->> 2 FROM json_each($3) AS v
              WHERE subject_merge.merged = unhex(v.value ->> 0) AND subject_merge.survivor = unhex(v.value ->> 1)
                AND subject_merge.logged_us IS NULL AND subject_merge.undo_us IS NULL",
    postgres = "UPDATE subject_merge SET logged_us = $1, told_by = $2, told_place = v.place
                FROM unnest($3::bytea[], $4::bytea[], $5::bigint[]) AS v (merged, survivor, place)
                WHERE subject_merge.merged = v.merged AND subject_merge.survivor = v.survivor
                  AND subject_merge.logged_us IS NULL AND subject_merge.undo_us IS NULL"
);
/// What an entry (`$1`) told of at these places (`$2` to `$3`) and nobody undid.
pub(super) const TOLD: Sql = sql!(
    "SELECT merged, survivor FROM subject_merge
     WHERE told_by = $1 AND told_place BETWEEN $2 AND $3 AND undo_us IS NULL AND undone_us IS NULL
     ORDER BY told_place"
);
/// What is logged takes effect.
pub(super) const APPLY: Sql = sql!(
    "UPDATE subject_merge SET applied_us = $1
     WHERE applied_us IS NULL AND undo_us IS NULL AND logged_us IS NOT NULL AND effective_us <= $1"
);
pub(super) const LABELS: Sql = sql!(
    "SELECT a.canonical, ra.sequence, b.canonical, rb.sequence FROM subject_merge AS m
     JOIN subject AS a ON a.subject = m.survivor JOIN subject AS ra ON ra.subject = a.canonical
     JOIN subject AS b ON b.subject = m.merged JOIN subject AS rb ON rb.subject = b.canonical
     WHERE m.applied_us = $1 AND a.canonical <> b.canonical"
);
pub(super) const RELABEL: Sql = sql!(
    sqlite = "UPDATE subject SET canonical = unhex(v.value ->> 1) FROM json_each($1) AS v
              WHERE subject.canonical = unhex(v.value ->> 0)",
    postgres = "UPDATE subject SET canonical = v.new FROM unnest($1::bytea[], $2::bytea[]) AS v (old, new)
                WHERE subject.canonical = v.old"
);

/// A controller's rule: a register is enough to confirm a pair. Both fields are dates.
#[derive(Clone, Debug)]
pub struct LinkRule {
    /// The holders whose pairs it confirms.
    pub asserted_by: Vec<Oin>,
    /// A field of the asserting holder's own row about this pupil.
    pub own: FieldName,
    /// A field of another holder's row about either identifier.
    pub other: FieldName,
    /// Whether that other holder must confirm it; else the register is enough.
    pub confirmed: bool,
}

impl Store {
    /// Agrees on the merges that the links now bear out; they take effect at the start of the next day. Returns
    /// how many are new. A merge that was agreed before, or undone, is not agreed again.
    ///
    /// The pairs are found by reading; only what is new is written, in short transactions, so that nobody waits.
    pub async fn agree_merges(&self, rules: &[LinkRule], now_us: i64) -> Result<u64, StoreError> {
        let found = self.fetch_all(BORNE_OUT, vec![]).await?;
        let mut agreed = self.agree(&found, "two-holders", now_us).await?;
        for rule in rules.iter().filter(|rule| !rule.confirmed) {
            let holders = Column::texts(rule.asserted_by.iter().map(Oin::as_str));
            let found = self
                .fetch_all(&borne_out_by(rule), vec![SqlValue::Rows(vec![holders])])
                .await?;
            agreed += self.agree(&found, "rule", now_us).await?;
        }
        Ok(agreed)
    }

    /// Writes pairs of merged and survivor down as agreed.
    async fn agree(&self, pairs: &[Row], reason: &str, now_us: i64) -> Result<u64, StoreError> {
        let effective_us = next_day(now_us);
        let mut agreed = 0;
        for chunk in pairs.chunks(AGREE_ROWS_MAX) {
            let column = |place| {
                chunk
                    .iter()
                    .map(|row| row.bytes(place))
                    .collect::<Result<Vec<_>, _>>()
            };
            let pairs = SqlValue::Rows(vec![Column::bytes(column(0)?), Column::bytes(column(1)?)]);
            let mut tx = self.begin_write().await?;
            tx.take("subject", 0).await?;
            let values = vec![now_us.into(), effective_us.into(), reason.into(), pairs];
            agreed += tx.execute(AGREE, values).await?;
            tx.commit().await?;
        }
        Ok(agreed)
    }

    /// Merges whose time has come and that are in no entry of the log yet; without those that were contradicted since they
    /// were agreed, which never take effect.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due_merges(&self, now_us: i64) -> Result<Vec<Merge>, StoreError> {
        let due = self.due(now_us).await?;
        if due.is_empty() || self.withdraw_contradicted(&due, now_us).await? == 0 {
            return Ok(due);
        }
        self.due(now_us).await
    }

    async fn due(&self, now_us: i64) -> Result<Vec<Merge>, StoreError> {
        let rows = self.fetch_all(DUE, vec![now_us.into()]).await?;
        rows.iter().map(|row| merge_at(row, 0)).collect()
    }

    /// The merges that an entry of the log told of, one of them or all, in its order; without those that were undone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn merges_told_by(
        &self,
        entry: &[u8; 16],
        pair: Option<u32>,
    ) -> Result<Vec<Merge>, StoreError> {
        let (first, last) = pair.map_or((1, i64::MAX), |pair| (pair.into(), pair.into()));
        let values = vec![entry.as_slice().into(), first.into(), last.into()];
        let rows = self.fetch_all(TOLD, values).await?;
        rows.iter().map(|row| merge_at(row, 0)).collect()
    }

    /// Applies the merges whose time has come and that are logged, all together: the lowest creation sequence survives,
    /// the others become its aliases. With them ends what is to be undone. Returns how many pairs changed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn apply_due_merges(&self, now_us: i64) -> Result<u64, StoreError> {
        let mut tx = self.begin_write().await?;
        tx.take("subject", 0).await?;
        let due = tx.execute(APPLY, vec![now_us.into()]).await?;
        let undone = undo::end(&mut tx, now_us).await?;
        if due > 0 || !undone.is_empty() {
            // From here on nobody stages a row under what is about to change; the tables are read under it.
            tx.take("merge", 1).await?;
            let schema = self.schema().await?;
            relabel(&mut tx, &schema, now_us).await?;
            undo::part(&mut tx, &undone, &schema, now_us).await?;
        }
        tx.commit().await?;
        Ok(due + u64::try_from(undone.len()).unwrap_or(u64::MAX))
    }
}

/// Two subjects that become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Merge {
    /// The one that becomes an alias.
    pub merged: SubjectId,
    /// The one that was created first.
    pub survivor: SubjectId,
}

pub(super) fn merge_at(row: &Row, column: usize) -> Result<Merge, StoreError> {
    Ok(Merge {
        merged: subject_at(row, column)?,
        survivor: subject_at(row, column + 1)?,
    })
}

/// These merges are in the log, in this order in the entry of this id; part of the transaction that logs them.
///
/// # Errors
/// [`StoreError::Conflict`] where another replica logged one of them.
pub async fn logged(tx: &mut Tx, entry: &[u8; 16], merges: &[Merge], now_us: i64) -> Result<(), StoreError> {
    let pairs = SqlValue::Rows(vec![
        subject_column(merges.iter().map(|merge| &merge.merged)),
        subject_column(merges.iter().map(|merge| &merge.survivor)),
        Column::ints((1_i64..).zip(merges).map(|(place, _)| place)),
    ]);
    let values = vec![now_us.into(), entry.as_slice().into(), pairs];
    let logged = tx.execute(LOGGED, values).await?;
    if usize::try_from(logged).is_ok_and(|logged| logged == merges.len()) {
        Ok(())
    } else {
        Err(StoreError::Conflict {
            table: "subject_merge".to_owned(),
        })
    }
}

/// A holder confirmed that two subjects are one pupil: it takes effect at the start of the next day. What was undone
/// stays so. Part of the transaction that logs it.
///
/// # Errors
/// When the store fails.
pub async fn confirm(
    tx: &mut Tx,
    (survivor, merged): (SubjectId, SubjectId),
    now_us: i64,
) -> Result<(), StoreError> {
    let values = vec![
        merged.as_bytes().as_slice().into(),
        survivor.as_bytes().as_slice().into(),
        now_us.into(),
        next_day(now_us).into(),
    ];
    tx.execute(CONFIRM, values).await?;
    Ok(())
}

/// The start of the next day, UTC.
pub(super) fn next_day(now_us: i64) -> i64 {
    (now_us.div_euclid(DAY_US) + 1) * DAY_US
}

/// The same as [`BORNE_OUT`], for pairs of the rule's holders (`$1`) whose dates agree.
fn borne_out_by(rule: &LinkRule) -> Rendered {
    let render = |holders: &str| {
        format!(
            "{candidates}
             SELECT DISTINCT c.subject_b, c.subject_a FROM candidate AS c
             LEFT JOIN subject_merge AS m ON m.merged = c.subject_b AND m.survivor = c.subject_a
             WHERE m.merged IS NULL AND c.holder IN ({holders}) AND EXISTS (
               SELECT 1 FROM subject_set AS o
               JOIN {own} AS l ON l.subject = o.root AND l.holder = c.holder
               JOIN delivery AS dl ON dl.id = l.delivery AND dl.state = 'active'
               JOIN {other} AS r ON r.subject IN (c.subject_a, c.subject_b) AND r.holder <> c.holder
                                AND r.{other_date} = l.{own_date}
               JOIN delivery AS dr ON dr.id = r.delivery AND dr.state = 'active'
               WHERE o.holder = c.holder AND o.subject = c.subject_a)",
            candidates = candidates!(),
            own = table_name(&rule.own.dataset),
            own_date = column_name(&rule.own.field),
            other = table_name(&rule.other.dataset),
            other_date = column_name(&rule.other.field),
        )
    };
    Rendered::pair(
        render("SELECT value ->> 0 FROM json_each($1)"),
        render("SELECT unnest($1::text[])"),
    )
}

async fn relabel(tx: &mut Tx, schema: &Schema, applied_us: i64) -> Result<(), StoreError> {
    let (former, rows) = (former::at_merges(schema), relabels(schema));
    let mut labels = Labels::default();
    for row in tx.fetch_all(LABELS, vec![applied_us.into()]).await? {
        labels.join(
            (subject_at(&row, 0)?, row.int(1)?),
            (subject_at(&row, 2)?, row.int(3)?),
        );
    }
    let changes = labels.changes();
    for chunk in changes.chunks(RELABEL_ROWS_MAX) {
        let old = subject_column(chunk.iter().map(|(old, _)| old));
        let new = subject_column(chunk.iter().map(|(_, new)| new));
        let batch = || vec![SqlValue::Rows(vec![old.clone(), new.clone()])];
        for kept in &former {
            let values = std::iter::once(applied_us.into()).chain(batch()).collect();
            tx.execute(kept, values).await?;
        }
        tx.execute(RELABEL, batch()).await?;
        for rows in &rows {
            tx.execute(rows, batch()).await?;
        }
    }
    Ok(())
}

/// Canonical subjects, joined pair by pair under the lowest sequence. Pure.
#[derive(Default)]
pub(super) struct Labels {
    towards: HashMap<SubjectId, SubjectId>,
    sequence: HashMap<SubjectId, i64>,
}

impl Labels {
    pub(super) fn join(&mut self, a: (SubjectId, i64), b: (SubjectId, i64)) {
        self.sequence.extend([a, b]);
        let (a, b) = (self.lowest(a.0), self.lowest(b.0));
        if a != b {
            let (low, high) = if self.sequence.get(&a) < self.sequence.get(&b) {
                (a, b)
            } else {
                (b, a)
            };
            self.towards.insert(high, low);
        }
    }

    pub(super) fn lowest(&self, mut subject: SubjectId) -> SubjectId {
        while let Some(lower) = self.towards.get(&subject) {
            subject = *lower;
        }
        subject
    }

    fn changes(&self) -> Vec<(SubjectId, SubjectId)> {
        self.towards.keys().map(|old| (*old, self.lowest(*old))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label(sequence: u8) -> (SubjectId, i64) {
        (SubjectId::from_bytes([sequence; 16]), i64::from(sequence))
    }

    proptest! {
        #[test]
        fn all_that_is_joined_gets_the_lowest_label(mut pairs in prop::collection::vec((0_u8..20, 0_u8..20), 0..40)) {
            let labels_of = |pairs: &[(u8, u8)]| {
                let mut labels = Labels::default();
                for (a, b) in pairs {
                    labels.join(label(*a), label(*b));
                }
                (0..20).map(|sequence| labels.lowest(label(sequence).0)).collect::<Vec<_>>()
            };
            let labels = labels_of(&pairs);
            for (a, b) in &pairs {
                prop_assert_eq!(labels[usize::from(*a)], labels[usize::from(*b)]);
            }
            for (sequence, label) in labels.iter().enumerate() {
                prop_assert!(usize::from(label.as_bytes()[0]) <= sequence);
            }
            pairs.reverse();
            prop_assert_eq!(labels, labels_of(&pairs));
        }
    }
}
