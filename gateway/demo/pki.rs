//! Certificates and keys of the demo and of the tests: an authority, a server, and for each client a folder
//! with which it can call.
//!
//! | in the folder | what |
//! |---|---|
//! | `gateway/tls/` | `server.crt`, `server.key`, `client-ca.crt` |
//! | `clients/<client id>/` | `client.toml`, `client.crt`, `client.key`, `ca.crt`, `assertion.key`, perhaps `staff.key` |
//! | `approvers/<slug>.<role>.key` | who signs purposes (`fg`, `holder`) and mandates (`mandate`) |
//! | `identity-providers/<slug>.key` | who vouches for an organisation's staff |

mod approvers;
mod authority;
mod parties;

pub use approvers::ApproverKeys;
pub use authority::{Authority, Issued, Validity};
pub use parties::{FolderOptions, Plan, fill};

use std::path::Path;

use doelpoort_core::policy::jws::JwsError;

use crate::client::{ClientError, KeyError};
use crate::identity::IdentityError;
use crate::tls::TlsError;

/// Certificates, of parties and of the gateway alike.
const MODE_PUBLIC: u32 = 0o644;
/// Private keys: their owner's alone.
const MODE_SECRET: u32 = 0o600;

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
    /// A file that was made before cannot be read back.
    #[error(transparent)]
    Read(#[from] TlsError),
    /// A certificate that was made before names no organisation.
    #[error("`{file}`: {why}")]
    Identity {
        /// The certificate.
        file: String,
        /// Why.
        why: IdentityError,
    },
    /// A client's folder cannot be read back.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An organisation has no key for a role that must sign.
    #[error("there is no key of `{organisation}` for the role `{role}`")]
    NoKey {
        /// Whose.
        organisation: String,
        /// The role.
        role: &'static str,
    },
    /// A signature cannot be made.
    #[error("cannot sign: {0}")]
    Sign(#[from] JwsError),
}

fn write(file: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    use std::io::Write as _;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let error = |why| PkiError::Write {
        file: file.display().to_string(),
        why,
    };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let mut opened = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(file)
        .map_err(error)?;
    opened
        .set_permissions(std::fs::Permissions::from_mode(mode))
        .map_err(error)?;
    opened.write_all(text.as_bytes()).map_err(error)
}

#[cfg(test)]
pub(crate) mod tests;
