//! Following a log from its begin, entry by entry, with what the FG can read of each.

use super::reading::{Reader, ReadingError};
use crate::audit::{AuditError, Entries, Entry};

/// Why a log cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log cannot be read, or an entry of it is none: verify the log first.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// A seed of tags cannot be opened.
    #[error("entry `{index}`: {error}")]
    Reading {
        /// Of which entry.
        index: u64,
        /// Why.
        error: ReadingError,
    },
}

/// What is read of each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The leaf alone.
    Leaves,
    /// The leaf and the sealed private part.
    Sealed,
}

/// Gives each entry of a log to `each`, shard by shard and in order, after the reader took note of it. Entries that are appended meanwhile
/// may be left out.
///
/// # Errors
/// When the log cannot be read, or `each` says so.
pub async fn follow<E: From<FollowError>>(
    entries: &Entries,
    parts: Parts,
    reader: &mut Reader<'_>,
    mut each: impl FnMut(&mut Reader<'_>, Entry) -> Result<(), E>,
) -> Result<(), E> {
    let mut pages = match parts {
        Parts::Leaves => entries.pages(0..u64::MAX),
        Parts::Sealed => entries.pages_with_sealed(0..u64::MAX),
    };
    while let Some(page) = pages.next().await.map_err(FollowError::from)? {
        for entry in page {
            let index = entry.index;
            reader.enter(&entry.origin);
            reader
                .follow(&entry.leaf)
                .map_err(|error| FollowError::Reading { index, error })?;
            each(reader, entry)?;
        }
    }
    Ok(())
}
