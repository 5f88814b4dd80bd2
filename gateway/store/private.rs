//! The sealed private parts of the log's entries: written with their entries, dropped by month or one by one.

use super::log::{number, unsigned};
use super::{Column, Sql, SqlValue, Store, StoreError, Tx, sql};

const INSERT: Sql = sql!(
    sqlite = "INSERT INTO log_private (shard, month, idx, sealed)
              SELECT $1, value ->> 0, value ->> 1, substr($3, value ->> 2, value ->> 3) FROM json_each($2)",
    postgres = "INSERT INTO log_private (shard, month, idx, sealed)
                SELECT $1, m, i, p FROM unnest(CAST($2 AS TEXT[]), CAST($3 AS BIGINT[]), CAST($4 AS BYTEA[]))
                                        AS b (m, i, p)"
);
const PARTS: Sql =
    sql!("SELECT idx, sealed FROM log_private WHERE shard = $1 AND idx >= $2 AND idx < $3 ORDER BY idx");
const OF_MONTH: Sql =
    sql!("SELECT COUNT(*), MIN(idx), MAX(idx) FROM log_private WHERE month = $1 AND shard = $2");
const DROP_MONTH: Sql =
    sql!("DELETE FROM log_private WHERE month = $1 AND shard = $2 AND idx >= $3 AND idx < $4");
const ERASE: Sql = sql!("DELETE FROM log_private WHERE shard = $1 AND idx = $2");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("private::INSERT", INSERT),
    ("private::PARTS", PARTS),
    ("private::OF_MONTH", OF_MONTH),
    ("private::DROP_MONTH", DROP_MONTH),
    ("private::ERASE", ERASE),
];

/// Inserts private parts (columns month, index, sealed) under the head's lock.
pub(super) async fn insert(tx: &mut Tx, shard: i64, parts: Vec<Column>) -> Result<(), StoreError> {
    tx.execute(INSERT, vec![shard.into(), SqlValue::Packed(parts)])
        .await?;
    Ok(())
}

/// The sealed private parts of entries of the range, each with the entry's index, in order. An entry without one had
/// nothing to keep, or it was erased.
pub async fn parts(
    store: &Store,
    shard: i64,
    (from, until): (u64, u64),
) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    let values = vec![shard.into(), number(from)?.into(), number(until)?.into()];
    let rows = store.fetch_all(PARTS, values).await?;
    rows.iter()
        .map(|row| Ok((unsigned(row.int(0)?)?, row.bytes(1)?)))
        .collect()
}

/// How many private parts a month has, and the lowest and highest index of them; `None` where there are none.
pub async fn of_month(store: &Store, shard: i64, month: &str) -> Result<Option<(u64, u64, u64)>, StoreError> {
    let row = store
        .fetch_optional(OF_MONTH, vec![month.into(), shard.into()])
        .await?;
    let Some(row) = row else { return Ok(None) };
    match (row.int_opt(1)?, row.int_opt(2)?) {
        (Some(first), Some(last)) => Ok(Some((unsigned(row.int(0)?)?, unsigned(first)?, unsigned(last)?))),
        _ => Ok(None),
    }
}

/// Drops the private parts of a month in a range, exactly as many as are expected.
pub async fn drop_month(
    tx: &mut Tx,
    shard: i64,
    month: &str,
    (from, until): (u64, u64),
    count: u64,
) -> Result<(), StoreError> {
    let values = vec![
        month.into(),
        shard.into(),
        number(from)?.into(),
        number(until)?.into(),
    ];
    match tx.execute(DROP_MONTH, values).await? {
        dropped if dropped == count => Ok(()),
        _ => Err(StoreError::Shape { column: 0 }),
    }
}

/// Drops the private part of one entry, which must be there.
pub async fn erase(tx: &mut Tx, shard: i64, index: u64) -> Result<(), StoreError> {
    match tx
        .execute(ERASE, vec![shard.into(), number(index)?.into()])
        .await?
    {
        1 => Ok(()),
        _ => Err(StoreError::Shape { column: 0 }),
    }
}
