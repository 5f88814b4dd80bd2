//! The signed checkpoints of a shard.

use super::unsigned;
use crate::store::{Row, Sql, Store, StoreError, sql};

const LAST_CHECKPOINT: Sql =
    sql!("SELECT size, root, note FROM log_checkpoint WHERE shard = $1 ORDER BY size DESC LIMIT 1");
const CHECKPOINTS: Sql = sql!("SELECT size, root, note FROM log_checkpoint WHERE shard = $1 ORDER BY size");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("log::LAST_CHECKPOINT", LAST_CHECKPOINT),
    ("log::CHECKPOINTS", CHECKPOINTS),
];

/// A stored checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The size beside the note.
    pub size: u64,
    /// The root beside the note.
    pub root: Vec<u8>,
    /// The signed note.
    pub note: String,
}

/// The checkpoint of the largest size.
pub async fn last_checkpoint(store: &Store, shard: i64) -> Result<Option<StoredCheckpoint>, StoreError> {
    store
        .fetch_optional(LAST_CHECKPOINT, vec![shard.into()])
        .await?
        .map(|row| read_checkpoint(&row))
        .transpose()
}

/// All checkpoints, by size.
pub async fn checkpoints(store: &Store, shard: i64) -> Result<Vec<StoredCheckpoint>, StoreError> {
    store
        .fetch_all(CHECKPOINTS, vec![shard.into()])
        .await?
        .iter()
        .map(read_checkpoint)
        .collect()
}

pub(in crate::store) fn read_checkpoint(row: &Row) -> Result<StoredCheckpoint, StoreError> {
    Ok(StoredCheckpoint {
        size: unsigned(row.int(0)?)?,
        root: row.bytes(1)?,
        note: row.text(2)?,
    })
}
