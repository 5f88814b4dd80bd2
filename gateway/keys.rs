//! The gateway's own secret keys: read once at the start, held wiped-on-drop, handed out one by one.
//!
//! None derives from another, and each has its own versions (`pending → active → accept → retired → destroyed`). The
//! active one issues. Accepted ones still read; so do pending ones, for another replica may have made them active
//! already.

pub mod file;
pub mod store;

mod current;
mod digest;
mod entrance;
mod seal;

use std::collections::BTreeMap;
use std::fmt;

use doelpoort_core::figures::FiguresRoot;
use doelpoort_core::pseudonym::{ExitRoot, KeyVersion};
use jiff::Timestamp;
use zeroize::{Zeroize, Zeroizing};

pub use current::CurrentKeys;
pub use digest::{DigestKey, Digesting};
pub use entrance::{Entrance, EntranceKey};
pub use file::{KeyFileError, KeyFiles, KeyUse};
pub use seal::{SealError, SealKey};
pub use store::{KekSource, KeyStore, KeyStoreError};

/// 32 secret bytes. Wiped on drop, shown as nothing.
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Takes the bytes over and wipes where they came from.
    pub fn take(bytes: &mut [u8; 32]) -> Self {
        let secret = Self(Zeroizing::new(*bytes));
        bytes.zeroize();
        secret
    }

    /// The secret in these bytes, which stay as they are. None: they are not 32.
    pub fn copy(bytes: &[u8]) -> Option<Self> {
        let mut copied: Zeroizing<[u8; 32]> = Zeroizing::new(bytes.try_into().ok()?);
        Some(Self::take(&mut copied))
    }

    /// The same secret once more, for a part that needs one of its own.
    pub(crate) fn duplicate(&self) -> Self {
        Self(Zeroizing::new(*self.0))
    }

    /// The bytes, to make a key of them at once.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyPurpose {
    /// `K_idx`: identifiers to subjects, at the entrance.
    Index,
    /// `R_ext`: subjects to pseudonyms, at the exit.
    Exit,
    /// `R_fig`: noise of the figures.
    Figures,
    /// Signs the log's checkpoints and receipts.
    Log,
    /// Signs access tokens.
    Token,
    /// Seals cursors.
    Cursor,
    /// Digests of bodies, deliveries and results.
    Digest,
    /// Seals holders' own references.
    Seal,
}

impl KeyPurpose {
    /// All of them, in the order of the file.
    pub const ALL: [Self; 8] = [
        Self::Index,
        Self::Exit,
        Self::Figures,
        Self::Log,
        Self::Token,
        Self::Cursor,
        Self::Digest,
        Self::Seal,
    ];

    /// `id` in the key file.
    pub fn id(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Exit => "exit",
            Self::Figures => "figures",
            Self::Log => "log",
            Self::Token => "token",
            Self::Cursor => "cursor",
            Self::Digest => "digest",
            Self::Seal => "seal",
        }
    }

    /// `algorithm` in the key file.
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::Index | Self::Digest => "hmac-sha256",
            Self::Exit | Self::Figures => "hkdf-sha256",
            Self::Log | Self::Token => "ed25519",
            Self::Cursor | Self::Seal => "aes-256-gcm",
        }
    }
}

/// The versions of one key: one that issues, others that are read.
#[derive(Debug)]
pub struct Versions<K> {
    active: u32,
    since: Option<Timestamp>,
    keys: BTreeMap<u32, K>,
}

impl<K> Versions<K> {
    /// None where the active version is not among the keys.
    pub(crate) fn new(active: u32, keys: BTreeMap<u32, K>) -> Option<Self> {
        keys.contains_key(&active).then_some(Self {
            active,
            since: None,
            keys,
        })
    }

    /// The same, active since then.
    #[must_use]
    pub(crate) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    /// The same versions of what is made of each key.
    pub(crate) fn map<M>(self, make: impl Fn(&K) -> M) -> Versions<M> {
        let keys = self
            .keys
            .iter()
            .map(|(version, key)| (*version, make(key)))
            .collect();
        Versions {
            active: self.active,
            since: self.since,
            keys,
        }
    }

    /// Since when the active version issues; none for the first.
    pub fn active_since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Versions that issued before and are still accepted, oldest first.
    pub fn accepted(&self) -> impl Iterator<Item = (u32, &K)> {
        self.iter().take_while(|(version, _)| *version < self.active)
    }

    /// The number of the version that issues.
    pub fn active_version(&self) -> u32 {
        self.active
    }

    /// The version that issues.
    #[expect(
        clippy::indexing_slicing,
        reason = "`new` refuses a map without the active version"
    )]
    pub fn active(&self) -> &K {
        &self.keys[&self.active]
    }

    /// A version that is read.
    pub fn version(&self, version: u32) -> Option<&K> {
        self.keys.get(&version)
    }

    /// All that are read, the active one among them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &K)> {
        self.keys.iter().map(|(version, key)| (*version, key))
    }
}

/// All keys of a running gateway.
pub struct Keyring {
    /// Keys of the entrance.
    pub index: Entrance,
    /// Roots of the pseudonyms, by version.
    pub exit: Versions<ExitRoot>,
    /// Root of the figures' noise; one version, as another would be another figure.
    pub figures: FiguresRoot,
    /// Seeds of the log's Ed25519 signing keys, by version.
    pub log: Versions<Secret>,
    /// Seeds of the access tokens' Ed25519 signing keys, by version.
    pub token: Versions<Secret>,
    /// Seals cursors.
    pub cursor: SealKey,
    /// Digests of bodies, deliveries and results.
    pub digest: DigestKey,
    /// Seals holders' own references.
    pub seal: SealKey,
}

impl Keyring {
    /// The version of the active exit root, as pseudonyms show it.
    pub fn exit_version(&self) -> Option<KeyVersion> {
        self.exit.active_version().try_into().ok()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("index", &self.index.active_version())
            .field("exit", &self.exit.active)
            .field("log", &self.log.active)
            .field("token", &self.token.active)
            .finish_non_exhaustive()
    }
}
