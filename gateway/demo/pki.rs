//! Certificates and keys of the demo and of the tests: an authority, a server, and for each client a folder
//! with which it can call.

mod authority;

pub use authority::{Authority, Issued, Validity};

use crate::client::KeyError;

/// Why certificates and keys could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The certificate library refuses.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A key cannot be made.
    #[error("cannot make a key: {0}")]
    Key(#[from] KeyError),
    /// The machine gives no randomness.
    #[error("the machine gives no random bytes")]
    Random,
    /// A file cannot be written.
    #[error("cannot write `{file}`: {why}")]
    Write {
        /// The file.
        file: String,
        /// The system's reason.
        why: std::io::Error,
    },
}
