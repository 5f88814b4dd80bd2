//! The tables of the audit log. Every append begins with [`lock_head`]: that write orders all replicas.

use doelpoort_core::audit::Hash;

use super::{Column, Engine, Row, Sql, SqlValue, Store, StoreError, Tx, sql};

const CREATE_SHARD: Sql = sql!(
    "INSERT INTO log_shard (shard, origin, verifier, opened_us, published_us)
     SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), 0
     WHERE NOT EXISTS (SELECT 1 FROM log_entry WHERE shard = CAST($1 AS BIGINT)) ON CONFLICT DO NOTHING"
);
const CREATE_HEAD: Sql = sql!(
    "INSERT INTO log_head (shard, size, frontier, root, last_us, policy_generation, policy_digest)
     VALUES ($1, 0, $2, $3, 0, 0, $2)"
);
const SHARD: Sql = sql!("SELECT origin, verifier FROM log_shard WHERE shard = $1");
// On PostgreSQL it also tells whether this very session would lose commits: a role or a database may set that.
const LOCK_HEAD: Sql = sql!(
    sqlite = "UPDATE log_head SET size = size WHERE shard = $1
              RETURNING size, frontier, root, last_us, policy_generation, policy_digest, 'on'",
    postgres = "UPDATE log_head SET size = size WHERE shard = $1
                RETURNING size, frontier, root, last_us, policy_generation, policy_digest,
                          current_setting('synchronous_commit')"
);
const HEAD: Sql = sql!(
    "SELECT size, frontier, root, last_us, policy_generation, policy_digest, 'on' FROM log_head WHERE shard = $1"
);
const UPDATE_HEAD: Sql = sql!(
    "UPDATE log_head SET size = $2, frontier = $3, root = $4, last_us = $5, policy_generation = $6,
            policy_digest = $7 WHERE shard = $1"
);
const INSERT_ENTRIES: Sql = sql!(
    sqlite = "INSERT INTO log_entry (shard, replica, idx, sequence, leaf_hash, leaf)
              SELECT $1, $2, value ->> 0, value ->> 1, unhex(value ->> 2), unhex(value ->> 3) FROM json_each($3)",
    postgres = "INSERT INTO log_entry (shard, replica, idx, sequence, leaf_hash, leaf)
                SELECT $1, $2, i, s, h, l FROM unnest(CAST($3 AS BIGINT[]), CAST($4 AS BIGINT[]),
                                                      CAST($5 AS BYTEA[]), CAST($6 AS BYTEA[])) AS b (i, s, h, l)"
);
// One statement is one transaction and one round trip. It moves the head only from exactly where it is known to be.
const ADVANCE: Sql = sql!(
    sqlite = "UPDATE log_head SET size = $2, frontier = $3, root = $4, last_us = $5
              WHERE shard = $1 AND size = $6 AND frontier = $7 AND root = $8 AND last_us = $9
                AND policy_generation = $10 AND policy_digest = $11",
    postgres = "WITH moved AS (
                    UPDATE log_head SET size = $2, frontier = $3, root = $4, last_us = $5
                    WHERE shard = $1 AND size = $6 AND frontier = $7 AND root = $8 AND last_us = $9
                      AND policy_generation = $10 AND policy_digest = $11
                      AND current_setting('synchronous_commit') <> 'off'
                    RETURNING shard),
                sealed AS (
                    INSERT INTO log_private (month, shard, idx, sealed)
                    SELECT m, moved.shard, i, p
                    FROM moved, unnest(CAST($17 AS TEXT[]), CAST($18 AS BIGINT[]), CAST($19 AS BYTEA[])) AS b (m, i, p))
                INSERT INTO log_entry (shard, replica, idx, sequence, leaf_hash, leaf)
                SELECT moved.shard, $12, i, s, h, l
                FROM moved, unnest(CAST($13 AS BIGINT[]), CAST($14 AS BIGINT[]),
                                   CAST($15 AS BYTEA[]), CAST($16 AS BYTEA[])) AS b (i, s, h, l)"
);
const INSERT_PRIVATE: Sql = sql!(
    sqlite = "INSERT INTO log_private (shard, month, idx, sealed)
              SELECT $1, value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each($2)",
    postgres = "INSERT INTO log_private (shard, month, idx, sealed)
                SELECT $1, m, i, p FROM unnest(CAST($2 AS TEXT[]), CAST($3 AS BIGINT[]), CAST($4 AS BYTEA[]))
                                        AS b (m, i, p)"
);
const LAST_SEQUENCE: Sql = sql!("SELECT MAX(sequence) FROM log_entry WHERE replica = $1");
const LEAF_HASHES: Sql =
    sql!("SELECT leaf_hash FROM log_entry WHERE shard = $1 AND idx >= $2 AND idx < $3 ORDER BY idx");
const LEAVES: Sql =
    sql!("SELECT leaf, leaf_hash FROM log_entry WHERE shard = $1 AND idx >= $2 AND idx < $3 ORDER BY idx");
// The condition of the index `log_entry_policy`, word for word, so that it is used.
const POLICY_LEAVES: Sql = sql!(
    sqlite = "SELECT leaf, leaf_hash FROM log_entry WHERE shard = $1 AND idx >= $2 AND idx < $3
                AND substr(leaf, 5, 1) IN (x'05', x'10') ORDER BY idx",
    postgres = "SELECT leaf, leaf_hash FROM log_entry WHERE shard = $1 AND idx >= $2 AND idx < $3
                  AND substr(leaf, 5, 1) IN (CAST('\\x05' AS BYTEA), CAST('\\x10' AS BYTEA)) ORDER BY idx"
);
const ENTRIES: Sql = sql!(
    "SELECT idx, leaf_hash, leaf, replica, sequence FROM log_entry
     WHERE shard = $1 AND idx >= $2 ORDER BY idx LIMIT $3"
);
const PRIVATE: Sql =
    sql!("SELECT idx, sealed FROM log_private WHERE shard = $1 AND idx >= $2 AND idx < $3 ORDER BY idx");
const PRIVATE_OF_MONTH: Sql =
    sql!("SELECT COUNT(*), MIN(idx), MAX(idx) FROM log_private WHERE month = $1 AND shard = $2");
const DROP_MONTH: Sql = sql!("DELETE FROM log_private WHERE month = $1 AND shard = $2");
const ERASE_PRIVATE: Sql = sql!("DELETE FROM log_private WHERE shard = $1 AND idx = $2");
const LAST_CHECKPOINT: Sql =
    sql!("SELECT size, root, note FROM log_checkpoint WHERE shard = $1 ORDER BY size DESC LIMIT 1");
const CHECKPOINTS: Sql = sql!("SELECT size, root, note FROM log_checkpoint WHERE shard = $1 ORDER BY size");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("log::CREATE_SHARD", CREATE_SHARD),
    ("log::CREATE_HEAD", CREATE_HEAD),
    ("log::SHARD", SHARD),
    ("log::LOCK_HEAD", LOCK_HEAD),
    ("log::HEAD", HEAD),
    ("log::UPDATE_HEAD", UPDATE_HEAD),
    ("log::INSERT_ENTRIES", INSERT_ENTRIES),
    ("log::ADVANCE", ADVANCE),
    ("log::INSERT_PRIVATE", INSERT_PRIVATE),
    ("log::LAST_SEQUENCE", LAST_SEQUENCE),
    ("log::LEAF_HASHES", LEAF_HASHES),
    ("log::LEAVES", LEAVES),
    ("log::POLICY_LEAVES", POLICY_LEAVES),
    ("log::ENTRIES", ENTRIES),
    ("log::PRIVATE", PRIVATE),
    ("log::PRIVATE_OF_MONTH", PRIVATE_OF_MONTH),
    ("log::DROP_MONTH", DROP_MONTH),
    ("log::ERASE_PRIVATE", ERASE_PRIVATE),
    ("log::LAST_CHECKPOINT", LAST_CHECKPOINT),
    ("log::CHECKPOINTS", CHECKPOINTS),
];

/// The kinds of the leaves that [`Leaves::Policies`] reads: changes of policies, and withdrawals.
pub const POLICY_KINDS: [u8; 2] = [5, 16];

/// Which leaves to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// Each one.
    All,
    /// Those about policies.
    Policies,
}

/// The stored state of a log.
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
}

/// A stored entry.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// Its number, from 0.
    pub index: u64,
    /// The stored hash.
    pub leaf_hash: Vec<u8>,
    /// The exact leaf.
    pub leaf: Vec<u8>,
    /// The boot id beside it.
    pub replica: Vec<u8>,
    /// The sequence number beside it.
    pub sequence: i64,
}

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

/// The origin and the public key of a log.
pub async fn shard(store: &Store, shard: i64) -> Result<Option<(String, String)>, StoreError> {
    let row = store.fetch_optional(SHARD, vec![shard.into()]).await?;
    row.map(|row| Ok((row.text(0)?, row.text(1)?))).transpose()
}

/// Locks the head until the end of the transaction and reads it, with the session's `synchronous_commit`.
pub async fn lock_head(tx: &mut Tx, shard: i64) -> Result<Option<(Head, String)>, StoreError> {
    let row = tx.fetch_optional(LOCK_HEAD, vec![shard.into()]).await?;
    row.map(|row| Ok((read_head(&row)?, row.text(6)?))).transpose()
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

/// Consecutive entries to be, of one boot id.
pub struct NewEntries {
    /// The index of the first.
    pub first_index: u64,
    /// The sequence number of the first.
    pub first_sequence: u64,
    /// Their hashes.
    pub hashes: Vec<Hash>,
    /// Their exact leaves, as many.
    pub leaves: Vec<Vec<u8>>,
    /// The month of the key that private parts are sealed to, `2026-11`.
    pub month: String,
    /// Their sealed private parts, as many; none where there is nothing to keep.
    pub private: Vec<Option<Vec<u8>>>,
}

impl NewEntries {
    /// The columns that differ from entry to entry (index, sequence, hash, leaf), and those of the private parts (month,
    /// index, sealed).
    fn columns(self) -> Result<(Vec<Column>, Vec<Column>), StoreError> {
        let count = number(self.leaves.len() as u64)?;
        let (index, sequence) = (number(self.first_index)?, number(self.first_sequence)?);
        let private = (index..).zip(self.private);
        let (places, sealed): (Vec<i64>, Vec<Vec<u8>>) = private
            .filter_map(|(index, sealed)| Some((index, sealed?)))
            .unzip();
        let entries = vec![
            Column::ints(index..index + count),
            Column::ints(sequence..sequence + count),
            Column::bytes(self.hashes),
            Column::bytes(self.leaves),
        ];
        let private = vec![
            Column::texts(places.iter().map(|_| self.month.as_str())),
            Column::ints(places),
            Column::bytes(sealed),
        ];
        Ok((entries, private))
    }
}

/// Inserts entries and their private parts under the lock.
pub async fn insert_entries(
    tx: &mut Tx,
    shard: i64,
    replica: &[u8; 16],
    entries: NewEntries,
) -> Result<(), StoreError> {
    let has_private = entries.private.iter().any(Option::is_some);
    let (entries, private) = entries.columns()?;
    let values = vec![shard.into(), replica.as_slice().into(), SqlValue::Rows(entries)];
    tx.execute(INSERT_ENTRIES, values).await?;
    if has_private {
        tx.execute(INSERT_PRIVATE, vec![shard.into(), SqlValue::Rows(private)])
            .await?;
    }
    Ok(())
}

/// Inserts entries and moves the head from `known` to `head`, all in one transaction; on PostgreSQL in one statement.
/// Tells whether it did: the head may be another one by now, or the session might lose commits.
pub async fn advance(
    store: &Store,
    shard: i64,
    replica: &[u8; 16],
    (known, head): (&Head, &Head),
    entries: NewEntries,
) -> Result<bool, StoreError> {
    let mut values = vec![
        shard.into(),
        number(head.size)?.into(),
        head.frontier.as_slice().into(),
        head.root.as_slice().into(),
        head.last_us.into(),
        number(known.size)?.into(),
        known.frontier.as_slice().into(),
        known.root.as_slice().into(),
        known.last_us.into(),
        known.policy_generation.into(),
        known.policy_digest.as_slice().into(),
    ];
    match &store.engine {
        Engine::Postgres(_) => {
            let (entries, private) = entries.columns()?;
            values.extend([
                replica.as_slice().into(),
                SqlValue::Rows(entries),
                SqlValue::Rows(private),
            ]);
            Ok(store.execute(ADVANCE, values).await? > 0)
        }
        Engine::Sqlite(_) => {
            let mut tx = store.begin_write().await?;
            if tx.execute(ADVANCE, values).await? == 0 {
                tx.rollback().await?;
                return Ok(false);
            }
            insert_entries(&mut tx, shard, replica, entries).await?;
            tx.commit().await?;
            Ok(true)
        }
    }
}

/// The highest sequence number of a boot id in the log. Under the head lock this is final.
pub async fn last_sequence(tx: &mut Tx, replica: &[u8; 16]) -> Result<Option<u64>, StoreError> {
    let row = tx
        .fetch_optional(LAST_SEQUENCE, vec![replica.as_slice().into()])
        .await?;
    row.map(|row| row.int_opt(0))
        .transpose()?
        .flatten()
        .map(unsigned)
        .transpose()
}

/// Reads the leaf hashes of `from..until`, in order.
pub async fn leaf_hashes(
    store: &Store,
    shard: i64,
    from: u64,
    until: u64,
    mut each: impl FnMut(Hash) + Send,
) -> Result<(), StoreError> {
    let values = vec![shard.into(), number(from)?.into(), number(until)?.into()];
    store
        .for_each(LEAF_HASHES, values, |row| {
            each(row.array(0)?);
            Ok(())
        })
        .await
}

/// Reads leaves of the range, each row a leaf and its stored hash, in order.
pub async fn leaves(
    store: &Store,
    shard: i64,
    (from, until): (u64, u64),
    which: Leaves,
    each: impl FnMut(Row) -> Result<(), StoreError> + Send,
) -> Result<(), StoreError> {
    let values = vec![shard.into(), number(from)?.into(), number(until)?.into()];
    let statement = match which {
        Leaves::All => LEAVES,
        Leaves::Policies => POLICY_LEAVES,
    };
    store.for_each(statement, values, each).await
}

/// Reads at most `limit` entries from `from` on, in order of their stored index.
pub async fn entries(
    store: &Store,
    shard: i64,
    from: u64,
    limit: i64,
) -> Result<Vec<StoredEntry>, StoreError> {
    let rows = store
        .fetch_all(ENTRIES, vec![shard.into(), number(from)?.into(), limit.into()])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(StoredEntry {
                index: unsigned(row.int(0)?)?,
                leaf_hash: row.bytes(1)?,
                leaf: row.bytes(2)?,
                replica: row.bytes(3)?,
                sequence: row.int(4)?,
            })
        })
        .collect()
}

/// The sealed private parts of entries of the range, each with the entry's index, in order. An entry without one had
/// nothing to keep, or it was erased.
pub async fn private_parts(
    store: &Store,
    shard: i64,
    (from, until): (u64, u64),
) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    let values = vec![shard.into(), number(from)?.into(), number(until)?.into()];
    let rows = store.fetch_all(PRIVATE, values).await?;
    rows.iter()
        .map(|row| Ok((unsigned(row.int(0)?)?, row.bytes(1)?)))
        .collect()
}

/// How many private parts a month has, and the lowest and highest index of them; `None` where there are none.
pub async fn private_of_month(
    store: &Store,
    shard: i64,
    month: &str,
) -> Result<Option<(u64, u64, u64)>, StoreError> {
    let row = store
        .fetch_optional(PRIVATE_OF_MONTH, vec![month.into(), shard.into()])
        .await?;
    let Some(row) = row else { return Ok(None) };
    match (row.int_opt(1)?, row.int_opt(2)?) {
        (Some(first), Some(last)) => Ok(Some((unsigned(row.int(0)?)?, unsigned(first)?, unsigned(last)?))),
        _ => Ok(None),
    }
}

/// Drops the private parts of a month, exactly as many as are expected.
pub async fn drop_month(tx: &mut Tx, shard: i64, month: &str, count: u64) -> Result<(), StoreError> {
    match tx.execute(DROP_MONTH, vec![month.into(), shard.into()]).await? {
        dropped if dropped == count => Ok(()),
        _ => Err(StoreError::Shape { column: 0 }),
    }
}

/// Drops the private part of one entry, which must be there.
pub async fn erase_private(tx: &mut Tx, shard: i64, index: u64) -> Result<(), StoreError> {
    match tx
        .execute(ERASE_PRIVATE, vec![shard.into(), number(index)?.into()])
        .await?
    {
        1 => Ok(()),
        _ => Err(StoreError::Shape { column: 0 }),
    }
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

fn read_head(row: &Row) -> Result<Head, StoreError> {
    Ok(Head {
        size: unsigned(row.int(0)?)?,
        frontier: row.bytes(1)?,
        root: row.array(2)?,
        last_us: row.int(3)?,
        policy_generation: row.int(4)?,
        policy_digest: row.bytes(5)?,
    })
}

pub(super) fn read_checkpoint(row: &Row) -> Result<StoredCheckpoint, StoreError> {
    Ok(StoredCheckpoint {
        size: unsigned(row.int(0)?)?,
        root: row.bytes(1)?,
        note: row.text(2)?,
    })
}

/// Indices and sizes are BIGINT in the tables.
pub(super) fn number(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::Value {
        code: "size".to_owned(),
    })
}

pub(super) fn unsigned(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Value {
        code: "size".to_owned(),
    })
}
