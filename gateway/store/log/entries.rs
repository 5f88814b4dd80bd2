//! The entries of a shard: appended under its head's lock, read in their order.

use doelpoort_core::audit::Hash;

use super::{Head, number, unsigned};
use crate::store::{Column, Engine, Row, Sql, SqlValue, Store, StoreError, Tx, private, sql};

const INSERT_ENTRIES: Sql = sql!(
    sqlite = "INSERT INTO log_entry (shard, replica, idx, sequence, leaf_hash, leaf)
              SELECT $1, $2, value ->> 0, value ->> 1, substr($4, value ->> 2, value ->> 3),
                     substr($4, value ->> 4, value ->> 5)
              FROM json_each($3)",
    postgres = "INSERT INTO log_entry (shard, replica, idx, sequence, leaf_hash, leaf)
                SELECT $1, $2, i, s, h, l FROM unnest(CAST($3 AS BIGINT[]), CAST($4 AS BIGINT[]),
                                                      CAST($5 AS BYTEA[]), CAST($6 AS BYTEA[])) AS b (i, s, h, l)"
);
// One statement is one transaction and one round trip. It moves the head only from exactly where it is known to be.
const ADVANCE: Sql = sql!(
    sqlite = "UPDATE log_head SET size = $2, frontier = $3, root = $4, last_us = $5
              WHERE shard = $1 AND size = $6 AND frontier = $7 AND root = $8 AND last_us = $9
                AND policy_generation = $10 AND policy_digest = $11 AND closed = 0",
    postgres = "WITH moved AS (
                    UPDATE log_head SET size = $2, frontier = $3, root = $4, last_us = $5
                    WHERE shard = $1 AND size = $6 AND frontier = $7 AND root = $8 AND last_us = $9
                      AND policy_generation = $10 AND policy_digest = $11 AND closed = 0
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
const LAST_ENTRY: Sql =
    sql!("SELECT sequence, idx, leaf_hash FROM log_entry WHERE replica = $1 ORDER BY sequence DESC LIMIT 1");
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
// One row of lists: a whole log is read this way, and a row each costs several times as much.
const ENTRIES: Sql = sql!(
    sqlite = "SELECT group_concat(idx, ' '), group_concat(hex(leaf_hash), ' '), group_concat(hex(leaf), ' '),
                     group_concat(hex(replica), ' '), group_concat(sequence, ' ')
              FROM (SELECT idx, leaf_hash, leaf, replica, sequence FROM log_entry
                    WHERE shard = $1 AND idx >= $2 ORDER BY idx LIMIT $3)",
    postgres = "SELECT array_agg(idx), array_agg(leaf_hash), array_agg(leaf), array_agg(replica), array_agg(sequence)
                FROM (SELECT idx, leaf_hash, leaf, replica, sequence FROM log_entry
                      WHERE shard = $1 AND idx >= $2 ORDER BY idx LIMIT $3) AS e"
);
// The same for leaves alone: their lengths, and their bytes one behind the other.
const LEAF_LIST: Sql = sql!(
    sqlite = "SELECT group_concat(idx, ' '), group_concat(length(leaf), ' '),
                     CAST(group_concat(CAST(leaf AS TEXT), '') AS BLOB)
              FROM (SELECT idx, leaf FROM log_entry WHERE shard = $1 AND idx >= $2 AND idx < $3 ORDER BY idx)",
    postgres = "SELECT array_agg(idx), array_agg(CAST(length(leaf) AS BIGINT)), string_agg(leaf, CAST('' AS BYTEA))
                FROM (SELECT idx, leaf FROM log_entry
                      WHERE shard = $1 AND idx >= $2 AND idx < $3 ORDER BY idx) AS e"
);
pub(crate) const ALL: &[(&str, Sql)] = &[
    ("log::INSERT_ENTRIES", INSERT_ENTRIES),
    ("log::ADVANCE", ADVANCE),
    ("log::LAST_ENTRY", LAST_ENTRY),
    ("log::LEAF_HASHES", LEAF_HASHES),
    ("log::LEAVES", LEAVES),
    ("log::POLICY_LEAVES", POLICY_LEAVES),
    ("log::ENTRIES", ENTRIES),
    ("log::LEAF_LIST", LEAF_LIST),
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

/// The last entry of a boot id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEntry {
    /// Its number among those of the boot id.
    pub sequence: u64,
    /// Its number in the shard.
    pub index: u64,
    /// Its hash.
    pub leaf_hash: Hash,
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
    let values = vec![shard.into(), replica.as_slice().into(), SqlValue::Packed(entries)];
    tx.execute(INSERT_ENTRIES, values).await?;
    if has_private {
        private::insert(tx, shard, private).await?;
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

/// The entry of a boot id with the highest sequence number. Under the head lock this is final.
pub async fn last_entry(tx: &mut Tx, replica: &[u8; 16]) -> Result<Option<LastEntry>, StoreError> {
    let row = tx
        .fetch_optional(LAST_ENTRY, vec![replica.as_slice().into()])
        .await?;
    row.map(|row| {
        Ok(LastEntry {
            sequence: unsigned(row.int(0)?)?,
            index: unsigned(row.int(1)?)?,
            leaf_hash: row.array(2)?,
        })
    })
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
    let row = rows.first().ok_or(StoreError::Shape { column: 0 })?;
    let (indices, hashes) = (row.ints(0)?, row.list_of_bytes(1)?);
    let (leaves, replicas, sequences) = (row.list_of_bytes(2)?, row.list_of_bytes(3)?, row.ints(4)?);
    let lengths = [hashes.len(), leaves.len(), replicas.len(), sequences.len()];
    if let Some(column) = lengths.iter().position(|length| *length != indices.len()) {
        return Err(StoreError::Shape { column: column + 1 });
    }
    let beside = hashes.into_iter().zip(leaves).zip(replicas).zip(sequences);
    indices
        .into_iter()
        .zip(beside)
        .map(|(index, (((leaf_hash, leaf), replica), sequence))| {
            Ok(StoredEntry {
                index: unsigned(index)?,
                leaf_hash,
                leaf,
                replica,
                sequence,
            })
        })
        .collect()
}

/// Many leaves, as they are read together.
#[derive(Clone, Debug, Default)]
pub struct LeafList {
    /// Their indices.
    pub indices: Vec<u64>,
    /// The leaves, one behind the other.
    bytes: Vec<u8>,
    lengths: Vec<usize>,
}

impl LeafList {
    /// Each leaf with its index.
    pub fn leaves(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = self.bytes.as_slice();
        let leaves = self.indices.iter().zip(&self.lengths);
        leaves.map_while(move |(index, length)| {
            let (leaf, after) = rest.split_at_checked(*length)?;
            rest = after;
            Some((*index, leaf))
        })
    }
}

/// Reads the leaves of `from..until`, in order of their stored index.
pub async fn leaf_list(store: &Store, shard: i64, (from, until): (u64, u64)) -> Result<LeafList, StoreError> {
    let values = vec![shard.into(), number(from)?.into(), number(until)?.into()];
    let rows = store.fetch_all(LEAF_LIST, values).await?;
    let row = rows.first().ok_or(StoreError::Shape { column: 0 })?;
    let indices: Result<Vec<u64>, _> = row.ints(0)?.into_iter().map(unsigned).collect();
    let lengths = row.ints(1)?.into_iter().map(usize::try_from);
    let lengths: Vec<usize> = lengths
        .collect::<Result<_, _>>()
        .map_err(|_| StoreError::Shape { column: 1 })?;
    let list = LeafList {
        indices: indices?,
        bytes: row.bytes_opt(2)?.unwrap_or_default(),
        lengths,
    };
    if list.indices.len() != list.lengths.len() || list.lengths.iter().sum::<usize>() != list.bytes.len() {
        return Err(StoreError::Shape { column: 2 });
    }
    Ok(list)
}
