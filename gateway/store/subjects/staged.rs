//! What the rows of a delivery make of its holder's sets: kept beside them while it comes in, and brought into them in the
//! transaction that makes the delivery visible. So nothing of a refused delivery moves a row that others see.

use std::collections::{BTreeSet, HashMap};

use doelpoort_core::catalogue::Name;
use doelpoort_core::pseudonym::SubjectId;

use super::sets::{Change, Sets};
use super::{Known, subject_at, subject_column};
use crate::store::dataset::{former, repoint_all, table_name};
use crate::store::{Sql, SqlValue, StoreError, Tx, sql};

/// Subjects of which a set is changed by one statement.
const CHANGES_PER_WRITE: usize = 5_000;

/// `$1` holder, `$2` delivery: all members of the sets that any of the batch is in, as the delivery will leave them.
pub(super) const SETS: Sql = sql!(
    sqlite = "WITH touched AS (
                SELECT DISTINCT COALESCE(d.root, o.root) AS root FROM json_each($3) AS v
                LEFT JOIN delivery_set AS d ON d.delivery = $2 AND d.subject = unhex(v.value ->> 0)
                LEFT JOIN subject_set AS o ON o.holder = $1 AND o.subject = unhex(v.value ->> 0))
              SELECT m.subject, m.root, s.sequence, s.kind FROM touched AS t
              CROSS JOIN subject_set AS m ON m.holder = $1 AND m.root = t.root
              CROSS JOIN subject AS s ON s.subject = m.subject
              WHERE NOT EXISTS (SELECT 1 FROM delivery_set AS x WHERE x.delivery = $2 AND x.subject = m.subject)
              UNION ALL
              SELECT m.subject, m.root, s.sequence, s.kind FROM touched AS t
              CROSS JOIN delivery_set AS m ON m.delivery = $2 AND m.root = t.root
              CROSS JOIN subject AS s ON s.subject = m.subject",
    postgres = "WITH touched AS (
                  SELECT DISTINCT COALESCE(d.root, o.root) AS root FROM unnest($3::bytea[]) AS v (subject)
                  LEFT JOIN delivery_set AS d ON d.delivery = $2 AND d.subject = v.subject
                  LEFT JOIN subject_set AS o ON o.holder = $1 AND o.subject = v.subject)
                SELECT m.subject, m.root, s.sequence, s.kind FROM touched AS t
                JOIN subject_set AS m ON m.holder = $1 AND m.root = t.root
                JOIN subject AS s ON s.subject = m.subject
                WHERE NOT EXISTS (SELECT 1 FROM delivery_set AS x WHERE x.delivery = $2 AND x.subject = m.subject)
                UNION ALL
                SELECT m.subject, m.root, s.sequence, s.kind FROM touched AS t
                JOIN delivery_set AS m ON m.delivery = $2 AND m.root = t.root
                JOIN subject AS s ON s.subject = m.subject"
);
/// `$1` delivery, then the batch: subject, root.
pub(super) const STAGE: Sql = sql!(
    sqlite = "INSERT INTO delivery_set (delivery, subject, root)
              SELECT $1, unhex(value ->> 0), unhex(value ->> 1) FROM json_each($2) WHERE TRUE
              ON CONFLICT (delivery, subject) DO UPDATE SET root = excluded.root",
    postgres = "INSERT INTO delivery_set (delivery, subject, root)
                SELECT $1, v.* FROM unnest($2::bytea[], $3::bytea[]) AS v
                ON CONFLICT (delivery, subject) DO UPDATE SET root = excluded.root"
);
const SET: Sql = sql!(
    sqlite = "INSERT INTO subject_set (holder, subject, root)
              SELECT $1, unhex(value ->> 0), unhex(value ->> 1) FROM json_each($2) WHERE TRUE
              ON CONFLICT (holder, subject) DO UPDATE SET root = excluded.root",
    postgres = "INSERT INTO subject_set (holder, subject, root)
                SELECT $1, v.* FROM unnest($2::bytea[], $3::bytea[]) AS v
                ON CONFLICT (holder, subject) DO UPDATE SET root = excluded.root"
);
const STAGED: Sql = sql!(
    "SELECT d.subject, s.sequence, s.kind, d.root, r.sequence, r.kind FROM delivery_set AS d
     JOIN subject AS s ON s.subject = d.subject JOIN subject AS r ON r.subject = d.root
     WHERE d.delivery = $1 ORDER BY s.sequence"
);
const DATASETS: Sql = sql!("SELECT DISTINCT dataset FROM delivery WHERE holder = $1 AND swept_us IS NULL");
const FORGET: Sql = sql!("DELETE FROM delivery_set WHERE delivery = $1");
/// A link that a delivery asserted which never became visible says nothing.
const FORGET_LINKS: Sql = sql!("DELETE FROM subject_link WHERE delivery = $1");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("subjects::staged::SETS", SETS),
    ("subjects::staged::STAGE", STAGE),
    ("subjects::staged::SET", SET),
    ("subjects::staged::STAGED", STAGED),
    ("subjects::staged::DATASETS", DATASETS),
    ("subjects::staged::FORGET", FORGET),
    ("subjects::staged::FORGET_LINKS", FORGET_LINKS),
];

/// Brings what a delivery makes of its holder's sets into them, and moves the holder's rows from roots that are roots no
/// more; in the transaction that makes it visible.
pub(in crate::store) async fn settle(
    tx: &mut Tx,
    delivery: i64,
    holder: &str,
    now_us: i64,
) -> Result<(), StoreError> {
    let rows = tx.fetch_all(STAGED, vec![delivery.into()]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let known = |subject, sequence, kind| Known {
        subject,
        sequence,
        kind,
    };
    let mut pairs = Vec::with_capacity(rows.len());
    for row in &rows {
        let member = known(subject_at(row, 0)?, row.int(1)?, row.int(2)?);
        let root = known(subject_at(row, 3)?, row.int(4)?, row.int(5)?);
        pairs.push((member, root));
    }
    // The sequence is the lock of all sets.
    tx.take("subject", 0).await?;
    let sets = joined(tx, holder, &pairs).await?;
    let changes = sets.changes();
    for part in changes.chunks(CHANGES_PER_WRITE) {
        let roots = SqlValue::Rows(vec![
            subject_column(part.iter().map(|change| &change.subject)),
            subject_column(part.iter().map(|change| &change.root)),
        ]);
        tx.execute(SET, vec![holder.into(), roots]).await?;
    }
    move_rows(tx, holder, &moved(&sets, &changes, &pairs), now_us).await?;
    forget(tx, delivery).await
}

/// The holder's sets as they are now, joined as the delivery says. What became a conflict meanwhile stays apart.
async fn joined(tx: &mut Tx, holder: &str, pairs: &[(Known, Known)]) -> Result<Sets, StoreError> {
    let mut sets = Sets::default();
    let all: BTreeSet<[u8; 16]> = pairs
        .iter()
        .flat_map(|(member, root)| [*member.subject.as_bytes(), *root.subject.as_bytes()])
        .collect();
    let all: Vec<SubjectId> = all.into_iter().map(SubjectId::from_bytes).collect();
    // No delivery has this number: the sets as everybody has them.
    let nobody = -1_i64;
    let mut known = BTreeSet::new();
    for part in all.chunks(CHANGES_PER_WRITE) {
        let batch = SqlValue::Rows(vec![subject_column(part)]);
        for row in tx
            .fetch_all(SETS, vec![holder.into(), nobody.into(), batch])
            .await?
        {
            let member = Known {
                subject: subject_at(&row, 0)?,
                sequence: row.int(2)?,
                kind: row.int(3)?,
            };
            // Two parts may touch one set.
            if known.insert(*member.subject.as_bytes()) {
                sets.restore(member, subject_at(&row, 1)?);
            }
        }
    }
    for (member, root) in pairs {
        sets.add(*member);
        sets.add(*root);
    }
    for (member, root) in pairs {
        sets.join(root.subject, member.subject);
    }
    Ok(sets)
}

/// From which subject to which rows move: those of the sets that changed, and those of this delivery that were staged while
/// another one changed them.
fn moved(sets: &Sets, changes: &[Change], pairs: &[(Known, Known)]) -> HashMap<SubjectId, SubjectId> {
    let changed = changes.iter().map(|change| (change.old_root, change.root));
    let staged = pairs
        .iter()
        .flat_map(|(member, root)| [member.subject, root.subject]);
    changed
        .chain(staged.map(|subject| (subject, sets.root(subject))))
        .filter(|(old, new)| old != new)
        .collect()
}

async fn move_rows(
    tx: &mut Tx,
    holder: &str,
    moved: &HashMap<SubjectId, SubjectId>,
    now_us: i64,
) -> Result<(), StoreError> {
    if moved.is_empty() {
        return Ok(());
    }
    for row in tx.fetch_all(DATASETS, vec![holder.into()]).await? {
        let dataset: Name = row
            .text(0)?
            .parse()
            .map_err(|_| StoreError::Shape { column: 0 })?;
        let table = table_name(&dataset);
        let batch = || SqlValue::Rows(vec![subject_column(moved.keys()), subject_column(moved.values())]);
        tx.execute(
            &former::at_links(&table),
            vec![now_us.into(), holder.into(), batch()],
        )
        .await?;
        tx.execute(&former::follow_links(&table), vec![holder.into(), batch()])
            .await?;
        tx.execute(&repoint_all(&dataset), vec![holder.into(), batch()])
            .await?;
    }
    Ok(())
}

async fn forget(tx: &mut Tx, delivery: i64) -> Result<(), StoreError> {
    tx.execute(FORGET, vec![delivery.into()]).await.map(drop)
}

/// Removes what a delivery that ended said of its holder's sets; where it never became visible, also whose identifiers belong
/// together.
pub(in crate::store) async fn give_up(
    tx: &mut Tx,
    delivery: i64,
    was_visible: bool,
) -> Result<(), StoreError> {
    forget(tx, delivery).await?;
    if !was_visible {
        tx.execute(FORGET_LINKS, vec![delivery.into()]).await?;
    }
    Ok(())
}
