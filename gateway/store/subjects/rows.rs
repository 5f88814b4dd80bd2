//! From the identifiers of delivered rows to the subjects under which they are stored.

use std::collections::{HashMap, HashSet};

use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use super::sets::{Change, Sets};
use super::staged::{SETS, STAGE};
use super::{Known, NewSubject, Sighting, find_or_create, subject_at, subject_column};
use crate::store::dataset::DatasetTables;
use crate::store::{Column, Sql, SqlValue, Store, StoreError, Tx, sql};

/// `$1` holder, `$2` delivery: pairs that need no writing, asserted by a delivery that became visible or by this.
pub(super) const LINKED: Sql = sql!(
    sqlite = "SELECT l.subject_a, l.subject_b FROM json_each($3) AS v
              CROSS JOIN subject_link AS l ON l.subject_a = unhex(v.value ->> 0)
                     AND l.subject_b = unhex(v.value ->> 1) AND l.holder = $1
              CROSS JOIN delivery AS d ON d.id = l.delivery
              WHERE d.state IN ('active', 'superseded') OR d.id = $2",
    postgres = "SELECT l.subject_a, l.subject_b FROM unnest($3::bytea[], $4::bytea[]) AS v (a, b)
                JOIN subject_link AS l ON l.subject_a = v.a AND l.subject_b = v.b AND l.holder = $1
                JOIN delivery AS d ON d.id = l.delivery
                WHERE d.state IN ('active', 'superseded') OR d.id = $2"
);
pub(super) const LINK: Sql = sql!(
    sqlite = "INSERT INTO subject_link (subject_a, subject_b, holder, delivery, asserted_us)
              SELECT unhex(value ->> 0), unhex(value ->> 1), $1, $2, $3 FROM json_each($4) WHERE TRUE
              ON CONFLICT (subject_a, subject_b, holder, delivery) DO NOTHING",
    postgres = "INSERT INTO subject_link (subject_a, subject_b, holder, delivery, asserted_us)
                SELECT v.a, v.b, $1, $2, $3 FROM unnest($4::bytea[], $5::bytea[]) AS v (a, b)
                ON CONFLICT (subject_a, subject_b, holder, delivery) DO NOTHING"
);
/// Who asserts, by which delivery, that the identifiers of a row belong to one pupil.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// The holder of the rows.
    pub holder: &'a Oin,
    /// The delivery they come with.
    pub delivery: i64,
    /// Now, µs since 1970, UTC.
    pub now_us: i64,
}

/// What [`Store::resolve_rows`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// For each row, in order, the subject under which it is stored; `None` for a row without identifiers.
    pub subjects: Vec<Option<SubjectId>>,
    /// How many identifiers were seen for the first time: misses, for the quotas.
    pub created: usize,
    /// How many identifier pairs this holder asserted for the first time.
    pub linked: usize,
}

impl Store {
    /// Finds or creates the subject of every identifier of every row, remembers which belong together, and
    /// returns under which subject each row of this delivery is stored. Where a link makes earlier rows of the holder
    /// belong elsewhere, they move when the delivery becomes visible; rows of the delivery itself move at once. At most a
    /// few thousand rows a call; each call is a short transaction.
    pub async fn resolve_rows(
        &self,
        by: Assertion<'_>,
        rows: &[Vec<Sighting>],
        new: NewSubject<'_>,
        tables: &DatasetTables,
    ) -> Result<Resolved, StoreError> {
        let sightings: Vec<_> = rows.iter().flatten().collect();
        let seen = find_or_create(self, by.holder, &sightings, new, by.now_us).await?;
        let rows: Vec<Vec<Known>> = rows
            .iter()
            .map(|row| row.iter().filter_map(|sighting| seen.of(sighting)).collect())
            .collect();

        let mut tx = self.begin_read().await?;
        let sets = joined(&mut tx, by, &rows).await?;
        let unlinked = unlinked(&mut tx, by, pairs(&rows)).await?;
        tx.commit().await?;
        let sets = if unlinked.is_empty() && sets.changes().is_empty() {
            sets
        } else {
            let fresh: HashSet<_> = seen.fresh.iter().copied().collect();
            self.store_links(by, &rows, &unlinked, &fresh, tables).await?
        };
        let subjects = rows.iter().map(|row| sets.row_subject(row)).collect();
        Ok(Resolved {
            subjects,
            created: seen.fresh.len(),
            linked: unlinked.len(),
        })
    }

    async fn store_links(
        &self,
        by: Assertion<'_>,
        rows: &[Vec<Known>],
        unlinked: &[(SubjectId, SubjectId)],
        fresh: &HashSet<SubjectId>,
        tables: &DatasetTables,
    ) -> Result<Sets, StoreError> {
        let mut tx = self.begin_write().await?;
        // The sequence is the lock; what the sets were is read again under it.
        tx.take("subject", 0).await?;
        let sets = joined(&mut tx, by, rows).await?;
        let changes = sets.changes();
        if !unlinked.is_empty() {
            let pairs = SqlValue::Rows(vec![
                subject_column(unlinked.iter().map(|(a, _)| a)),
                subject_column(unlinked.iter().map(|(_, b)| b)),
            ]);
            let values = vec![
                by.holder.as_str().into(),
                by.delivery.into(),
                by.now_us.into(),
                pairs,
            ];
            tx.execute(LINK, values).await?;
        }
        if !changes.is_empty() {
            let roots = vec![
                subject_column(changes.iter().map(|change| &change.subject)),
                subject_column(changes.iter().map(|change| &change.root)),
            ];
            tx.execute(STAGE, vec![by.delivery.into(), SqlValue::Rows(roots)])
                .await?;
            move_rows(&mut tx, by.delivery, &changes, fresh, tables).await?;
        }
        tx.commit().await?;
        Ok(sets)
    }
}

/// The holder's sets as the delivery will leave them, after joining what each row names together.
async fn joined(tx: &mut Tx, by: Assertion<'_>, rows: &[Vec<Known>]) -> Result<Sets, StoreError> {
    let mut sets = Sets::default();
    let unique: HashSet<SubjectId> = rows.iter().flatten().map(|known| known.subject).collect();
    let values = vec![
        by.holder.as_str().into(),
        by.delivery.into(),
        SqlValue::Rows(vec![subject_column(&unique)]),
    ];
    for row in tx.fetch_all(SETS, values).await? {
        let member = Known {
            subject: subject_at(&row, 0)?,
            sequence: row.int(2)?,
            kind: row.int(3)?,
        };
        sets.restore(member, subject_at(&row, 1)?);
    }
    for known in rows.iter().flatten() {
        sets.add(*known);
    }
    for row in rows {
        if let Some((first, others)) = row.split_first() {
            for other in others {
                sets.join(first.subject, other.subject);
            }
        }
    }
    Ok(sets)
}

/// Every two identifiers on one row, the lower sequence first, each pair once and in order.
fn pairs(rows: &[Vec<Known>]) -> Vec<(SubjectId, SubjectId)> {
    let mut once = HashSet::new();
    let mut pairs = Vec::new();
    for row in rows {
        for (place, a) in row.iter().enumerate() {
            for b in row.iter().skip(place + 1).filter(|b| b.subject != a.subject) {
                let (low, high) = if a.sequence < b.sequence { (a, b) } else { (b, a) };
                if once.insert((low.subject, high.subject)) {
                    pairs.push((low.subject, high.subject));
                }
            }
        }
    }
    pairs
}

/// Those pairs that have to be written.
async fn unlinked(
    tx: &mut Tx,
    by: Assertion<'_>,
    pairs: Vec<(SubjectId, SubjectId)>,
) -> Result<Vec<(SubjectId, SubjectId)>, StoreError> {
    if pairs.is_empty() {
        return Ok(pairs);
    }
    let batch = SqlValue::Rows(vec![
        subject_column(pairs.iter().map(|(a, _)| a)),
        subject_column(pairs.iter().map(|(_, b)| b)),
    ]);
    let mut linked = HashSet::new();
    for row in tx
        .fetch_all(LINKED, vec![by.holder.as_str().into(), by.delivery.into(), batch])
        .await?
    {
        linked.insert((subject_at(&row, 0)?, subject_at(&row, 1)?));
    }
    Ok(pairs.into_iter().filter(|pair| !linked.contains(pair)).collect())
}

/// Moves the rows of the delivery from roots that are roots no more. A subject made just now has no rows yet.
async fn move_rows(
    tx: &mut Tx,
    delivery: i64,
    changes: &[Change],
    fresh: &HashSet<SubjectId>,
    tables: &DatasetTables,
) -> Result<(), StoreError> {
    let moved: HashMap<SubjectId, SubjectId> = changes
        .iter()
        .filter(|change| change.old_root != change.root && !fresh.contains(&change.old_root))
        .map(|change| (change.old_root, change.root))
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    for repoint in tables.iter().filter_map(|table| table.repoint.as_ref()) {
        let columns: Vec<Column> = vec![subject_column(moved.keys()), subject_column(moved.values())];
        tx.execute(repoint, vec![delivery.into(), SqlValue::Rows(columns)])
            .await?;
    }
    Ok(())
}
