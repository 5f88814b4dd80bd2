//! Undoing merges: everything goes back to what the merges that are left make of it. Rows keep the subject that their
//! holder's own links make of a pupil, so nothing is lost by a merge, and its undoing needs no memory of before.

use std::collections::HashMap;

use doelpoort_core::pseudonym::SubjectId;

use super::merge::{Labels, merge_at, next_day};
use super::{Merge, subject_at, subject_column};
use crate::store::dataset::canonical::follow;
use crate::store::dataset::former;
use crate::store::{Schema, Sql, SqlValue, StoreError, Tx, sql};

/// Subjects of one batch.
const SUBJECTS_MAX: usize = 5_000;

/// `$1` from when on, then the batch of pairs. Where a pair is one pupil by now, every merge of that pupil ends: the two may
/// hang together by a third number.
macro_rules! undoes {
    () => {
        "JOIN subject AS a ON a.subject = v.a JOIN subject AS b ON b.subject = v.b
         JOIN subject AS s ON s.subject = subject_merge.survivor
         WHERE a.canonical = b.canonical AND s.canonical = a.canonical AND subject_merge.applied_us IS NOT NULL
            OR subject_merge.survivor = v.a AND subject_merge.merged = v.b
            OR subject_merge.survivor = v.b AND subject_merge.merged = v.a)"
    };
}
pub(super) const ASK: Sql = Sql {
    sqlite: concat!(
        "UPDATE subject_merge SET undo_us = $1 WHERE undo_us IS NULL AND undone_us IS NULL AND EXISTS (
         SELECT 1 FROM (SELECT unhex(value ->> 0) AS a, unhex(value ->> 1) AS b FROM json_each($2)) AS v ",
        undoes!()
    ),
    postgres: concat!(
        "UPDATE subject_merge SET undo_us = $1 WHERE undo_us IS NULL AND undone_us IS NULL AND EXISTS (
         SELECT 1 FROM unnest($2::bytea[], $3::bytea[]) AS v (a, b) ",
        undoes!()
    ),
};
pub(super) const UNDO: Sql = sql!(
    "UPDATE subject_merge SET undone_us = $1 WHERE undone_us IS NULL AND undo_us <= $1 RETURNING merged, survivor"
);
/// What is left of merges among those that were one pupil with these: every subject of these pupils, its sequence, and
/// the survivor of a merge of it, if any still holds.
pub(super) const EDGES: Sql = sql!(
    sqlite = "SELECT s.subject, s.sequence, t.subject, t.sequence FROM json_each($1) AS v
              CROSS JOIN subject AS n ON n.subject = unhex(v.value ->> 0)
              CROSS JOIN subject AS s ON s.canonical = n.canonical
              LEFT JOIN subject_merge AS m ON m.merged = s.subject AND m.applied_us IS NOT NULL AND m.undone_us IS NULL
              LEFT JOIN subject AS t ON t.subject = m.survivor",
    postgres = "SELECT s.subject, s.sequence, t.subject, t.sequence FROM unnest($1::bytea[]) AS v (subject)
                JOIN subject AS n ON n.subject = v.subject
                JOIN subject AS s ON s.canonical = n.canonical
                LEFT JOIN subject_merge AS m ON m.merged = s.subject AND m.applied_us IS NOT NULL
                                            AND m.undone_us IS NULL
                LEFT JOIN subject AS t ON t.subject = m.survivor"
);
pub(super) const SET: Sql = sql!(
    sqlite = "UPDATE subject SET canonical = unhex(v.value ->> 1) FROM json_each($1) AS v
              WHERE subject.subject = unhex(v.value ->> 0)",
    postgres = "UPDATE subject SET canonical = v.canonical FROM unnest($1::bytea[], $2::bytea[]) AS v (subject, canonical)
                WHERE subject.subject = v.subject"
);

/// Pairs of numbers are not one pupil's, says a holder of one of the two: what merges them ends at the start of the next
/// day. Part of the transaction that logs it.
///
/// # Errors
/// When the store fails.
pub async fn ask_to_undo(
    tx: &mut Tx,
    pairs: &[(SubjectId, SubjectId)],
    now_us: i64,
) -> Result<(), StoreError> {
    let pairs = SqlValue::Rows(vec![
        subject_column(pairs.iter().map(|(one, _)| one)),
        subject_column(pairs.iter().map(|(_, other)| other)),
    ]);
    let values = vec![next_day(now_us).into(), pairs];
    tx.execute(ASK, values).await?;
    Ok(())
}

/// Merges that end now.
pub(super) async fn end(tx: &mut Tx, now_us: i64) -> Result<Vec<Merge>, StoreError> {
    let rows = tx.fetch_all(UNDO, vec![now_us.into()]).await?;
    rows.iter().map(|row| merge_at(row, 0)).collect()
}

/// Gives every subject of the pupils concerned, and every row of theirs, whom it stands for now.
pub(super) async fn part(
    tx: &mut Tx,
    undone: &[Merge],
    schema: &Schema,
    now_us: i64,
) -> Result<(), StoreError> {
    let (former, tables) = (former::at_undoing(schema), follow(schema));
    for chunk in undone.chunks(SUBJECTS_MAX) {
        let concerned = SqlValue::Rows(vec![subject_column(chunk.iter().map(|merge| &merge.survivor))]);
        let (mut labels, mut sequences) = (Labels::default(), HashMap::new());
        for row in tx.fetch_all(EDGES, vec![concerned]).await? {
            let one = (subject_at(&row, 0)?, row.int(1)?);
            sequences.insert(one.0, one.1);
            if let Some(sequence) = row.int_opt(3)? {
                labels.join(one, (subject_at(&row, 2)?, sequence));
            }
        }
        let subjects: Vec<SubjectId> = sequences.into_keys().collect();
        for chunk in subjects.chunks(SUBJECTS_MAX) {
            let changed = SqlValue::Rows(vec![
                subject_column(chunk),
                subject_column(&chunk.iter().map(|one| labels.lowest(*one)).collect::<Vec<_>>()),
            ]);
            tx.execute(SET, vec![changed]).await?;
            for kept in &former {
                let subjects = SqlValue::Rows(vec![subject_column(chunk)]);
                tx.execute(kept, vec![now_us.into(), subjects]).await?;
            }
            for table in &tables {
                let subjects = SqlValue::Rows(vec![subject_column(chunk)]);
                tx.execute(table, vec![subjects]).await?;
            }
        }
    }
    Ok(())
}
