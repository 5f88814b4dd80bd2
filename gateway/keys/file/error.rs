//! Why there are no keys.

use std::path::PathBuf;

use crate::keys::KeyStoreError;

/// Why there are no keys. Never says anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("`{path}` can be read by others: mode `{mode:04o}`, must be `0400`")]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It would be backed up together with what it protects.
    #[error("`{path}` is inside the data directory `{data_dir}`")]
    InsideDataDirectory {
        /// The file.
        path: PathBuf,
        /// The directory.
        data_dir: PathBuf,
    },
    /// Not 32 bytes.
    #[error("`{path}` is not a key of 32 bytes")]
    NotAKek {
        /// The file.
        path: PathBuf,
    },
    /// Not a key file.
    #[error("`{path}` is not a key file: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never quotes it.
        reason: String,
    },
    /// Example keys are known to everybody.
    #[error("`{path}` holds example keys, which everybody knows")]
    Example {
        /// The file.
        path: PathBuf,
    },
    /// Seeded keys can be computed by who knows the seed.
    #[error("`{path}` holds keys that were made from a seed")]
    Seeded {
        /// The file.
        path: PathBuf,
    },
    /// The KEK is another one, or the entry was changed.
    #[error("key `{id}` version `{version}` does not open with this KEK, or was changed")]
    Unwrap {
        /// Which key.
        id: String,
        /// Which version.
        version: u32,
    },
    /// The key is not the one that was written, or a mark was changed.
    #[error(
        "key `{id}` version `{version}` has another check value: the key or the file's marks were changed"
    )]
    Check {
        /// Which key.
        id: String,
        /// Which version.
        version: u32,
    },
    /// No active version.
    #[error("there is no active key `{0}`")]
    Missing(&'static str),
    /// More than one active version, or a version twice.
    #[error("key `{id}` version `{version}` is there twice, or is a second active one")]
    Twice {
        /// Which key.
        id: String,
        /// Which version.
        version: u32,
    },
    /// A version that was destroyed, or a pending one after the active one, cannot be there in this form.
    #[error("key `{id}` version `{version}` cannot be `{state}`")]
    State {
        /// Which key.
        id: String,
        /// Which version.
        version: u32,
        /// Its state.
        state: &'static str,
    },
    /// No text in the PIN's file.
    #[error("`{path}` holds no PIN")]
    NotAPin {
        /// The file.
        path: PathBuf,
    },
    /// The hardware module refused.
    #[error("{0}")]
    Store(KeyStoreError),
    /// Cannot be changed in a gateway that runs.
    #[error("the active `{0}` key is another one; that needs a start")]
    NeedsStart(&'static str),
    /// The gateway is ending.
    #[error("reading the keys was interrupted")]
    Interrupted,
}
