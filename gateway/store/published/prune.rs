//! Forgetting old checkpoints: one a second for years serves nobody.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::log::{number, unsigned};
use crate::store::{Column, Sql, SqlValue, Store, StoreError, sql};

const OLD: Sql = sql!(
    "SELECT size, made_us FROM log_checkpoint WHERE shard = $1 AND made_us >= $2 AND made_us < $3 ORDER BY size"
);
const COSIGNED: Sql = sql!("SELECT size, COUNT(*) FROM log_cosignature WHERE shard = $1 GROUP BY size");
const LAST_OF_EACH: Sql = sql!("SELECT MAX(size) FROM log_cosignature WHERE shard = $1 GROUP BY witness");
const STAMPED: Sql = sql!("SELECT DISTINCT size FROM log_stamp WHERE shard = $1");
const FORGET: Sql = sql!(
    sqlite = "DELETE FROM log_checkpoint WHERE shard = $1
                AND size IN (SELECT value ->> 0 FROM json_each($2))
                AND size < (SELECT MAX(size) FROM log_checkpoint WHERE shard = $1)",
    postgres = "DELETE FROM log_checkpoint WHERE shard = $1
                  AND size IN (SELECT unnest(CAST($2 AS BIGINT[])))
                  AND size < (SELECT MAX(size) FROM log_checkpoint WHERE shard = $1)"
);
const FORGET_COSIGNATURES: Sql = sql!(
    sqlite =
        "DELETE FROM log_cosignature WHERE shard = $1 AND size IN (SELECT value ->> 0 FROM json_each($2))",
    postgres =
        "DELETE FROM log_cosignature WHERE shard = $1 AND size IN (SELECT unnest(CAST($2 AS BIGINT[])))"
);

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("published::prune::OLD", OLD),
    ("published::prune::COSIGNED", COSIGNED),
    ("published::prune::LAST_OF_EACH", LAST_OF_EACH),
    ("published::prune::STAMPED", STAMPED),
    ("published::prune::FORGET", FORGET),
    ("published::prune::FORGET_COSIGNATURES", FORGET_COSIGNATURES),
];

/// What is needed to tell which checkpoints may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OldCheckpoints {
    /// Size and time in µs of each that was made in the period, by size.
    pub made: Vec<(u64, i64)>,
    /// How many cosignatures each checkpoint has.
    pub cosigned: BTreeMap<u64, u64>,
    /// The largest that each witness cosigned.
    pub last_cosigned: BTreeSet<u64>,
    /// Those with a time stamp.
    pub stamped: BTreeSet<u64>,
}

/// The checkpoints of a shard that were made in `from_us..until_us`.
pub async fn old(
    store: &Store,
    shard: i64,
    (from_us, until_us): (i64, i64),
) -> Result<OldCheckpoints, StoreError> {
    let made = store
        .fetch_all(OLD, vec![shard.into(), from_us.into(), until_us.into()])
        .await?;
    let made = made.iter().map(|row| Ok((unsigned(row.int(0)?)?, row.int(1)?)));
    let made = made.collect::<Result<Vec<_>, StoreError>>()?;
    let cosigned = store.fetch_all(COSIGNED, vec![shard.into()]).await?;
    let cosigned = cosigned
        .iter()
        .map(|row| Ok((unsigned(row.int(0)?)?, unsigned(row.int(1)?)?)));
    Ok(OldCheckpoints {
        made,
        cosigned: cosigned.collect::<Result<_, StoreError>>()?,
        last_cosigned: sizes(store, LAST_OF_EACH, shard).await?,
        stamped: sizes(store, STAMPED, shard).await?,
    })
}

async fn sizes(store: &Store, statement: Sql, shard: i64) -> Result<BTreeSet<u64>, StoreError> {
    let rows = store.fetch_all(statement, vec![shard.into()]).await?;
    rows.iter().map(|row| unsigned(row.int(0)?)).collect()
}

/// Forgets checkpoints of these sizes with their cosignatures, never the last one. A crash leaves all or none.
pub async fn forget(store: &Store, shard: i64, sizes: &[u64]) -> Result<u64, StoreError> {
    let sizes = sizes
        .iter()
        .map(|size| number(*size))
        .collect::<Result<Vec<_>, _>>()?;
    let mut tx = store.begin_write().await?;
    let list = || SqlValue::Rows(vec![Column::ints(sizes.iter().copied())]);
    let forgotten = tx.execute(FORGET, vec![shard.into(), list()]).await?;
    tx.execute(FORGET_COSIGNATURES, vec![shard.into(), list()])
        .await?;
    tx.commit().await?;
    Ok(forgotten)
}
