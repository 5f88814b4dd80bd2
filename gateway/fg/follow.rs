//! Following a log from its begin, entry by entry, with what the FG can read of each.

use doelpoort_core::audit::leaf::Leaf;

use super::reading::{Opened, Reader, ReadingError};
use crate::store::{Store, StoreError, log as rows};

/// How many entries are read by one statement.
const ENTRIES_PER_READ: u64 = 2_000;

/// One entry, as it is stored.
#[derive(Debug)]
pub struct LogEntry {
    /// Its number, from 0.
    pub index: u64,
    /// What it says.
    pub leaf: Leaf,
    /// Its sealed private part; none where there was nothing to keep, or it was erased.
    pub sealed: Option<Vec<u8>>,
}

/// Why a log cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no log in the database.
    #[error("there is no audit log in this database")]
    NoLog,
    /// An entry is not one: verify the log first.
    #[error("entry `{0}` is not readable; run `doelpoort audit verify`")]
    Entry(u64),
    /// A seed of tags cannot be opened.
    #[error("entry `{index}`: {error}")]
    Reading {
        /// Of which entry.
        index: u64,
        /// Why.
        error: ReadingError,
    },
}

/// Gives each entry of a shard to `each`, in order, after the reader took note of it. Entries that are appended
/// meanwhile are left out.
///
/// # Errors
/// When the log cannot be read, or `each` says so.
pub async fn follow<E: From<FollowError>>(
    store: &Store,
    shard: i64,
    reader: &mut Reader<'_>,
    mut each: impl FnMut(&mut Reader<'_>, LogEntry) -> Result<(), E>,
) -> Result<(), E> {
    let head = rows::head(store, shard).await.map_err(FollowError::from)?;
    let size = head.ok_or(FollowError::NoLog)?.size;
    let mut from = 0;
    while from < size {
        let until = size.min(from + ENTRIES_PER_READ);
        let limit = i64::try_from(until - from).unwrap_or(i64::MAX);
        let entries = rows::entries(store, shard, from, limit)
            .await
            .map_err(FollowError::from)?;
        let private = rows::private_parts(store, shard, (from, until)).await;
        let mut private = private.map_err(FollowError::from)?.into_iter().peekable();
        for entry in entries {
            let index = entry.index;
            let leaf = Leaf::decode(&entry.leaf).map_err(|_| FollowError::Entry(index))?;
            reader
                .follow(&leaf)
                .map_err(|error| FollowError::Reading { index, error })?;
            let sealed = private.next_if(|(at, _)| *at == index).map(|(_, sealed)| sealed);
            each(reader, LogEntry { index, leaf, sealed })?;
        }
        from = until;
    }
    Ok(())
}

impl LogEntry {
    /// Opens its private part, if it has one.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, reader: &mut Reader<'_>) -> Result<Option<Opened>, ReadingError> {
        self.sealed
            .as_deref()
            .map(|sealed| reader.open(&self.leaf, sealed))
            .transpose()
    }
}
