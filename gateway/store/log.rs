//! The tables of the audit log. Every append begins with [`lock_head`]: that write orders all replicas. A log is a row of
//! shards, numbered from 1 without gaps; all but the last are closed.

pub(super) mod checkpoints;
pub(super) mod entries;

use doelpoort_core::audit::Hash;

use super::{Row, Sql, Store, StoreError, Tx, sql};

pub(in crate::store) use checkpoints::read_checkpoint;
pub use checkpoints::{StoredCheckpoint, checkpoints, last_checkpoint};
pub use entries::{
    LastEntry, LeafList, Leaves, NewEntries, POLICY_KINDS, StoredEntry, advance, entries, insert_entries,
    last_entry, leaf_hashes, leaf_list, leaves,
};

const CREATE_SHARD: Sql = sql!(
    "INSERT INTO log_shard (shard, origin, verifier, opened_us, published_us)
     SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), 0
     WHERE NOT EXISTS (SELECT 1 FROM log_entry WHERE shard = CAST($1 AS BIGINT)) ON CONFLICT DO NOTHING"
);
const CREATE_HEAD: Sql = sql!(
    "INSERT INTO log_head (shard, size, frontier, root, last_us, policy_generation, policy_digest)
     VALUES ($1, 0, $2, $3, 0, 0, $2)"
);
const NEXT_SHARD: Sql = sql!(
    "INSERT INTO log_shard (shard, origin, verifier, opened_us, published_us) VALUES ($1, $2, $3, $4, 0)"
);
const NEXT_HEAD: Sql = sql!(
    "INSERT INTO log_head (shard, size, frontier, root, last_us, policy_generation, policy_digest)
     VALUES ($1, 0, $2, $3, $4, $5, $6)"
);
const CLOSE: Sql = sql!("UPDATE log_head SET closed = 1 WHERE shard = $1 AND closed = 0");
const SHARDS: Sql = sql!("SELECT shard, origin, verifier, opened_us FROM log_shard ORDER BY shard");
// On PostgreSQL it also tells whether this very session would lose commits: a role or a database may set that.
const LOCK_HEAD: Sql = sql!(
    sqlite = "UPDATE log_head SET size = size WHERE shard = $1
              RETURNING size, frontier, root, last_us, policy_generation, policy_digest, closed, 'on'",
    postgres = "UPDATE log_head SET size = size WHERE shard = $1
                RETURNING size, frontier, root, last_us, policy_generation, policy_digest, closed,
                          current_setting('synchronous_commit')"
);
const HEAD: Sql = sql!(
    "SELECT size, frontier, root, last_us, policy_generation, policy_digest, closed, 'on' FROM log_head WHERE shard = $1"
);
const UPDATE_HEAD: Sql = sql!(
    "UPDATE log_head SET size = $2, frontier = $3, root = $4, last_us = $5, policy_generation = $6,
            policy_digest = $7 WHERE shard = $1"
);
pub(crate) const ALL: &[(&str, Sql)] = &[
    ("log::CREATE_SHARD", CREATE_SHARD),
    ("log::CREATE_HEAD", CREATE_HEAD),
    ("log::NEXT_SHARD", NEXT_SHARD),
    ("log::NEXT_HEAD", NEXT_HEAD),
    ("log::CLOSE", CLOSE),
    ("log::SHARDS", SHARDS),
    ("log::LOCK_HEAD", LOCK_HEAD),
    ("log::HEAD", HEAD),
    ("log::UPDATE_HEAD", UPDATE_HEAD),
];

/// A shard of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRow {
    /// Its number, from 1.
    pub number: i64,
    /// Its name.
    pub origin: String,
    /// Its public key, C2SP `name+id+key`.
    pub verifier: String,
    /// When it was opened, in µs.
    pub opened_us: i64,
}

/// The stored state of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of leaves.
    pub size: u64,
    /// The compact range of that size, see [`doelpoort_core::audit::merkle::Frontier`].
    pub frontier: Vec<u8>,
    /// The root.
    pub root: Hash,
    /// The time of the last leaf, in µs.
    pub last_us: i64,
    /// The policy generation in force.
    pub policy_generation: i64,
    /// The digest of its policies; empty before the first.
    pub policy_digest: Vec<u8>,
    /// Nothing is appended any more.
    pub closed: bool,
}

/// Makes an empty log, or leaves the one there as it is: what is gone of it is not made again. A crash in between
/// leaves none.
pub async fn create(
    store: &Store,
    shard: i64,
    origin: &str,
    verifier: &str,
    empty_root: &Hash,
    now_us: i64,
) -> Result<(), StoreError> {
    let mut tx = store.begin_write().await?;
    let row = vec![shard.into(), origin.into(), verifier.into(), now_us.into()];
    if tx.execute(CREATE_SHARD, row).await? == 0 {
        return tx.rollback().await;
    }
    let no_bytes: &[u8] = &[];
    tx.execute(
        CREATE_HEAD,
        vec![shard.into(), no_bytes.into(), empty_root.as_slice().into()],
    )
    .await?;
    tx.commit().await
}

/// Closes a shard under the lock of its head, which has its last entry by now.
pub async fn close(tx: &mut Tx, shard: i64) -> Result<(), StoreError> {
    match tx.execute(CLOSE, vec![shard.into()]).await? {
        1 => Ok(()),
        _ => Err(StoreError::Shape { column: 0 }),
    }
}

/// Makes the shard after `before` under the lock of the head of that one: empty, and going on with its time and policies.
pub async fn create_next(
    tx: &mut Tx,
    shard: i64,
    (origin, verifier): (&str, &str),
    (before, empty_root): (&Head, &Hash),
    now_us: i64,
) -> Result<(), StoreError> {
    let row = vec![shard.into(), origin.into(), verifier.into(), now_us.into()];
    tx.execute(NEXT_SHARD, row).await?;
    let no_bytes: &[u8] = &[];
    let head = vec![
        shard.into(),
        no_bytes.into(),
        empty_root.as_slice().into(),
        before.last_us.into(),
        before.policy_generation.into(),
        before.policy_digest.as_slice().into(),
    ];
    tx.execute(NEXT_HEAD, head).await.map(drop)
}

/// All shards, by number.
pub async fn shards(store: &Store) -> Result<Vec<ShardRow>, StoreError> {
    let rows = store.fetch_all(SHARDS, vec![]).await?;
    rows.iter()
        .map(|row| {
            Ok(ShardRow {
                number: row.int(0)?,
                origin: row.text(1)?,
                verifier: row.text(2)?,
                opened_us: row.int(3)?,
            })
        })
        .collect()
}

/// Locks the head until the end of the transaction and reads it, with the session's `synchronous_commit`.
pub async fn lock_head(tx: &mut Tx, shard: i64) -> Result<Option<(Head, String)>, StoreError> {
    let row = tx.fetch_optional(LOCK_HEAD, vec![shard.into()]).await?;
    row.map(|row| Ok((read_head(&row)?, row.text(7)?))).transpose()
}

/// The head as it was last committed.
pub async fn head(store: &Store, shard: i64) -> Result<Option<Head>, StoreError> {
    store
        .fetch_optional(HEAD, vec![shard.into()])
        .await?
        .map(|row| read_head(&row))
        .transpose()
}

/// Writes the new head under the lock.
pub async fn update_head(tx: &mut Tx, shard: i64, head: &Head) -> Result<(), StoreError> {
    let values = vec![
        shard.into(),
        number(head.size)?.into(),
        head.frontier.as_slice().into(),
        head.root.as_slice().into(),
        head.last_us.into(),
        head.policy_generation.into(),
        head.policy_digest.as_slice().into(),
    ];
    match tx.execute(UPDATE_HEAD, values).await? {
        1 => Ok(()),
        _ => Err(StoreError::Shape { column: 0 }),
    }
}

fn read_head(row: &Row) -> Result<Head, StoreError> {
    Ok(Head {
        size: unsigned(row.int(0)?)?,
        frontier: row.bytes(1)?,
        root: row.array(2)?,
        last_us: row.int(3)?,
        policy_generation: row.int(4)?,
        policy_digest: row.bytes(5)?,
        closed: row.int(6)? != 0,
    })
}

/// Indices and sizes are BIGINT in the tables.
pub(in crate::store) fn number(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Value {
        code: "size".to_owned(),
    })
}

pub(in crate::store) fn unsigned(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Value {
        code: "size".to_owned(),
    })
}
