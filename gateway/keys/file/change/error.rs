//! Why a key file was not changed.

use crate::keys::KeyStoreError;
use crate::keys::file::{CreateError, KeyFileError};

/// Why a key file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It cannot be read or opened.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] CreateError),
    /// The key store failed.
    #[error(transparent)]
    Store(#[from] KeyStoreError),
    /// No such version.
    #[error("there is no key `{id}` version `{version}`")]
    NoSuchVersion {
        /// Which key.
        id: &'static str,
        /// Which version.
        version: u32,
    },
    /// Not from this state.
    #[error("key `{id}` version `{version}` is `{state}`; only a version that is `{wanted}` can be {done}")]
    WrongState {
        /// Which key.
        id: &'static str,
        /// Which version.
        version: u32,
        /// Its state.
        state: &'static str,
        /// The state it would have to be in.
        wanted: &'static str,
        /// What was to be done.
        done: &'static str,
    },
    /// There is one already.
    #[error("key `{id}` has a pending version already: `{version}`")]
    PendingAlready {
        /// Which key.
        id: &'static str,
        /// Its number.
        version: u32,
    },
    /// There is none to make active.
    #[error("key `{id}` has no pending version")]
    NonePending {
        /// Which key.
        id: &'static str,
    },
}
