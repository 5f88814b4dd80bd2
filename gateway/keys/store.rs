//! Where the key is that wraps all others (KEK): held here, from files of one or two custodians, or in a hardware
//! module that never gives it out.

mod held;
mod hsm;
mod pool;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use super::Secret;
use super::file::KeyFileError;

pub use held::{HeldKek, KEK_LEN};
pub(super) use held::{check_value, split};
pub use hsm::{Hsm, HsmSettings};

/// Wraps and unwraps keys, and keeps those that may not leave it.
///
/// Everything blocks: call it off the async threads.
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// AES-256-GCM under the KEK: `nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes)`.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    fn wrap(&self, aad: &[u8], secret: &Secret, random: &dyn SecureRandom) -> Result<Vec<u8>, KeyStoreError>;

    /// Opens what [`KeyStore::wrap`] made with the same `aad`.
    ///
    /// # Errors
    /// [`KeyStoreError::Refused`] when it is another KEK or was changed.
    fn unwrap(&self, aad: &[u8], wrapped: &[u8]) -> Result<Secret, KeyStoreError>;

    /// Makes an HMAC-SHA256 key that never leaves, and gives the name by which it is found again.
    ///
    /// # Errors
    /// [`KeyStoreError::KeepsNone`] where keys can only be wrapped.
    fn make_kept(&self, random: &dyn SecureRandom) -> Result<Secret, KeyStoreError>;

    /// HMAC-SHA256 of each message under a kept key.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    fn mac(&self, kept: &Secret, messages: &[Zeroizing<Vec<u8>>]) -> Result<Vec<[u8; 32]>, KeyStoreError>;

    /// Destroys a kept key; one that is gone already is no error.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    fn destroy_kept(&self, kept: &Secret) -> Result<(), KeyStoreError>;

    /// What tells this KEK from others, for the transcript of a ceremony: a check value, or the token and its label.
    fn describe(&self) -> String;
}

/// Why a key store did nothing. Never says anything of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyStoreError {
    /// The hardware module does not answer, or not as it must.
    #[error("the hardware module does not answer: {0}")]
    Unavailable(String),
    /// What was to be opened was wrapped under another KEK, or changed.
    #[error("wrapped under another KEK, or changed")]
    Refused,
    /// No such key in the hardware module.
    #[error("the hardware module has no key `{0}`")]
    NoSuchKey(String),
    /// This store wraps keys and keeps none.
    #[error("keys can be kept in a hardware module only: set `keys.pkcs11_module`")]
    KeepsNone,
    /// The source of randomness or the cipher failed.
    #[error("the cipher or the source of randomness failed")]
    Crypto,
}

/// Where the KEK comes from.
#[derive(Clone, Debug)]
pub enum KekSource {
    /// A file, or a systemd credential, which is one.
    File(PathBuf),
    /// Two files of two custodians: the KEK is their exclusive or. Either alone is as good as nothing.
    Split(PathBuf, PathBuf),
    /// A key in a hardware module.
    Pkcs11(HsmSettings),
}

impl KekSource {
    /// The files that hold it or open it, all of them secret.
    pub fn files(&self) -> Vec<&PathBuf> {
        match self {
            Self::File(file) => vec![file],
            Self::Split(one, other) => vec![one, other],
            Self::Pkcs11(settings) => vec![&settings.pin],
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`KeyFileError`]: which file or key is missing, or not as it must be.
    pub(super) fn open(&self, files_are_secret: bool) -> Result<Arc<dyn KeyStore>, KeyFileError> {
        Ok(match self {
            Self::File(file) => Arc::new(HeldKek::read(&[file], files_are_secret)?),
            Self::Split(one, other) => Arc::new(HeldKek::read(&[one, other], files_are_secret)?),
            Self::Pkcs11(settings) => Arc::new(Hsm::open(settings, files_are_secret)?),
        })
    }
}
