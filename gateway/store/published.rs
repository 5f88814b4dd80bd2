//! What is published of the log: checkpoints, the nodes above its tiles, cosignatures and time stamps.

pub mod prune;

use doelpoort_core::audit::Hash;

use super::log::{StoredCheckpoint, number, read_checkpoint, unsigned};
use super::{Column, Sql, SqlValue, Store, StoreError, Tx, sql};

const LOCK_PUBLISHER: Sql = sql!("UPDATE log_shard SET published_us = $2 WHERE shard = $1");
const LAST_SIZE: Sql = sql!("SELECT MAX(size) FROM log_checkpoint WHERE shard = $1");
const INSERT_CHECKPOINT: Sql =
    sql!("INSERT INTO log_checkpoint (shard, size, root, note, made_us) VALUES ($1, $2, $3, $4, $5)");
const CHECKPOINT: Sql = sql!("SELECT size, root, note FROM log_checkpoint WHERE shard = $1 AND size = $2");
const INSERT_NODES: Sql = sql!(
    sqlite = "INSERT INTO log_node (shard, level, idx, hash)
              SELECT $1, value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each($2) WHERE 1 = 1
              ON CONFLICT DO NOTHING",
    postgres = "INSERT INTO log_node (shard, level, idx, hash)
                SELECT $1, l, i, h FROM unnest(CAST($2 AS BIGINT[]), CAST($3 AS BIGINT[]),
                                               CAST($4 AS BYTEA[])) AS b (l, i, h)
                ON CONFLICT DO NOTHING"
);
const NODES: Sql =
    sql!("SELECT hash FROM log_node WHERE shard = $1 AND level = $2 AND idx >= $3 AND idx < $4 ORDER BY idx");
const KEEP_COSIGNATURE: Sql = sql!(
    "INSERT INTO log_cosignature (shard, size, witness, line, time_s, made_us) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (shard, size, witness) DO UPDATE
     SET line = excluded.line, time_s = excluded.time_s, made_us = excluded.made_us
     WHERE excluded.time_s >= log_cosignature.time_s"
);
const COSIGNATURES: Sql = sql!(
    "SELECT size, witness, line, time_s, made_us FROM log_cosignature
     WHERE shard = $1 AND size <= $2 ORDER BY size DESC, witness LIMIT $3"
);
const COSIGNED_LAST: Sql = sql!("SELECT MAX(size) FROM log_cosignature WHERE shard = $1 AND witness = $2");
const TAKE_STAMPING: Sql = sql!(
    "UPDATE log_shard SET stamping_us = $2 WHERE shard = $1 AND (stamping_us <= $3 OR stamping_us > $2)"
);
const INSERT_STAMP: Sql =
    sql!("INSERT INTO log_stamp (shard, size, time_us, token, made_us) VALUES ($1, $2, $3, $4, $5)");
const LAST_STAMP: Sql = sql!(
    "SELECT size, time_us, token, made_us FROM log_stamp WHERE shard = $1 ORDER BY made_us DESC, time_us DESC LIMIT 1"
);
const STAMPS: Sql =
    sql!("SELECT size, time_us, token, made_us FROM log_stamp WHERE shard = $1 ORDER BY size, time_us");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("published::LOCK_PUBLISHER", LOCK_PUBLISHER),
    ("published::LAST_SIZE", LAST_SIZE),
    ("published::INSERT_CHECKPOINT", INSERT_CHECKPOINT),
    ("published::CHECKPOINT", CHECKPOINT),
    ("published::INSERT_NODES", INSERT_NODES),
    ("published::NODES", NODES),
    ("published::KEEP_COSIGNATURE", KEEP_COSIGNATURE),
    ("published::COSIGNATURES", COSIGNATURES),
    ("published::COSIGNED_LAST", COSIGNED_LAST),
    ("published::TAKE_STAMPING", TAKE_STAMPING),
    ("published::INSERT_STAMP", INSERT_STAMP),
    ("published::LAST_STAMP", LAST_STAMP),
    ("published::STAMPS", STAMPS),
];

/// Nodes that one statement inserts.
const NODES_PER_INSERT: usize = 4_096;

/// The root of a full tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The level of the tile that holds it, from 1.
    pub level: u8,
    /// Its number on that level.
    pub index: u64,
    /// The hash.
    pub hash: Hash,
}

/// A cosignature under a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCosignature {
    /// The checkpoint's size.
    pub size: u64,
    /// The witness's public key.
    pub witness: String,
    /// The signature line, with its newline.
    pub line: String,
    /// The witness's time, in seconds.
    pub time_s: i64,
    /// When we got it, in µs.
    pub made_us: i64,
}

/// A time stamp over a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStamp {
    /// The checkpoint's size.
    pub size: u64,
    /// The authority's time, in µs.
    pub time_us: i64,
    /// The token (DER).
    pub token: Vec<u8>,
    /// When we got it, in µs.
    pub made_us: i64,
}

/// The publisher's turn: until the transaction ends no other replica publishes. Tells the size published last.
pub async fn turn(store: &Store, shard: i64, now_us: i64) -> Result<(Tx, u64), StoreError> {
    let mut tx = store.begin_write().await?;
    tx.execute(LOCK_PUBLISHER, vec![shard.into(), now_us.into()])
        .await?;
    let row = tx.fetch_optional(LAST_SIZE, vec![shard.into()]).await?;
    let last = row.map(|row| row.int_opt(0)).transpose()?.flatten().unwrap_or(0);
    Ok((tx, unsigned(last)?))
}

/// Stores a checkpoint in its turn, with the nodes that its tree completed.
pub async fn insert_checkpoint(
    tx: &mut Tx,
    shard: i64,
    checkpoint: &StoredCheckpoint,
    nodes: &[Node],
    now_us: i64,
) -> Result<(), StoreError> {
    insert_nodes(tx, shard, nodes).await?;
    let values = vec![
        shard.into(),
        number(checkpoint.size)?.into(),
        checkpoint.root.as_slice().into(),
        checkpoint.note.as_str().into(),
        now_us.into(),
    ];
    tx.execute(INSERT_CHECKPOINT, values).await?;
    Ok(())
}

/// Stores nodes that are not there yet, in the publisher's turn.
pub async fn insert_nodes(tx: &mut Tx, shard: i64, nodes: &[Node]) -> Result<(), StoreError> {
    for nodes in nodes.chunks(NODES_PER_INSERT) {
        let indices = nodes
            .iter()
            .map(|node| number(node.index))
            .collect::<Result<Vec<_>, _>>()?;
        let rows = SqlValue::Rows(vec![
            Column::ints(nodes.iter().map(|node| i64::from(node.level))),
            Column::ints(indices),
            Column::bytes(nodes.iter().map(|node| node.hash)),
        ]);
        tx.execute(INSERT_NODES, vec![shard.into(), rows]).await?;
    }
    Ok(())
}

/// The nodes `from..until` of a level, in order; fewer where some are not there.
pub async fn nodes(
    store: &Store,
    shard: i64,
    level: u8,
    (from, until): (u64, u64),
) -> Result<Vec<Hash>, StoreError> {
    let values = vec![
        shard.into(),
        i64::from(level).into(),
        number(from)?.into(),
        number(until)?.into(),
    ];
    let rows = store.fetch_all(NODES, values).await?;
    rows.iter().map(|row| row.array(0)).collect()
}

/// The checkpoint of a size.
pub async fn checkpoint(
    store: &Store,
    shard: i64,
    size: u64,
) -> Result<Option<StoredCheckpoint>, StoreError> {
    let row = store
        .fetch_optional(CHECKPOINT, vec![shard.into(), number(size)?.into()])
        .await?;
    row.map(|row| read_checkpoint(&row)).transpose()
}

/// Keeps a cosignature; of two by one witness under one checkpoint the later.
pub async fn keep_cosignature(
    store: &Store,
    shard: i64,
    cosignature: &StoredCosignature,
) -> Result<(), StoreError> {
    let values = vec![
        shard.into(),
        number(cosignature.size)?.into(),
        cosignature.witness.as_str().into(),
        cosignature.line.as_str().into(),
        cosignature.time_s.into(),
        cosignature.made_us.into(),
    ];
    store.execute(KEEP_COSIGNATURE, values).await.map(drop)
}

/// At most `limit` cosignatures under checkpoints up to a size, the largest first.
pub async fn cosignatures(
    store: &Store,
    shard: i64,
    size_max: u64,
    limit: i64,
) -> Result<Vec<StoredCosignature>, StoreError> {
    let values = vec![shard.into(), number(size_max)?.into(), limit.into()];
    let rows = store.fetch_all(COSIGNATURES, values).await?;
    rows.iter()
        .map(|row| {
            Ok(StoredCosignature {
                size: unsigned(row.int(0)?)?,
                witness: row.text(1)?,
                line: row.text(2)?,
                time_s: row.int(3)?,
                made_us: row.int(4)?,
            })
        })
        .collect()
}

/// The largest size that a witness cosigned; 0 for none.
pub async fn cosigned_last(store: &Store, shard: i64, witness: &str) -> Result<u64, StoreError> {
    let row = store
        .fetch_optional(COSIGNED_LAST, vec![shard.into(), witness.into()])
        .await?;
    let size = row.map(|row| row.int_opt(0)).transpose()?.flatten().unwrap_or(0);
    unsigned(size)
}

/// Takes the turn to ask for a time stamp, unless another replica took it within `span_us` (of either's clock).
pub async fn take_stamping(store: &Store, shard: i64, now_us: i64, span_us: i64) -> Result<bool, StoreError> {
    let (before_us, after_us) = (now_us.saturating_sub(span_us), now_us.saturating_add(span_us));
    let values = vec![shard.into(), now_us.into(), before_us.into(), after_us.into()];
    Ok(store.execute(TAKE_STAMPING, values).await? == 1)
}

/// Stores a time stamp.
pub async fn insert_stamp(store: &Store, shard: i64, stamp: &StoredStamp) -> Result<(), StoreError> {
    let values = vec![
        shard.into(),
        number(stamp.size)?.into(),
        stamp.time_us.into(),
        stamp.token.as_slice().into(),
        stamp.made_us.into(),
    ];
    store.execute(INSERT_STAMP, values).await.map(drop)
}

/// The time stamp that came last.
pub async fn last_stamp(store: &Store, shard: i64) -> Result<Option<StoredStamp>, StoreError> {
    let row = store.fetch_optional(LAST_STAMP, vec![shard.into()]).await?;
    row.map(|row| read_stamp(&row)).transpose()
}

/// All time stamps, by size.
pub async fn stamps(store: &Store, shard: i64) -> Result<Vec<StoredStamp>, StoreError> {
    store
        .fetch_all(STAMPS, vec![shard.into()])
        .await?
        .iter()
        .map(read_stamp)
        .collect()
}

fn read_stamp(row: &super::Row) -> Result<StoredStamp, StoreError> {
    Ok(StoredStamp {
        size: unsigned(row.int(0)?)?,
        time_us: row.int(1)?,
        token: row.bytes(2)?,
        made_us: row.int(3)?,
    })
}
