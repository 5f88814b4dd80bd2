//! Keys at rest: a TOML file of wrapped keys, and the key that wraps them (KEK) in a file of its own.
//!
//! Each key is AES-256-GCM under the KEK with `aad = LP(id) ‖ u32be(version) ‖ LP(state)`, and has a check value
//! over the key and the file's marks, so that nobody passes a seeded or an example key for a real one by
//! deleting a line.

mod change;
mod create;
mod document;
mod error;
pub(super) mod permissions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doelpoort_core::figures::FiguresRoot;
use doelpoort_core::identifier::IndexKey;
use doelpoort_core::policy::sha256;
use doelpoort_core::pseudonym::ExitRoot;
use jiff::Timestamp;

use super::{
    DigestKey, Entrance, EntranceKey, KekSource, KeyPurpose, KeyStore, Keyring, SealKey, Secret, Versions,
};

pub use change::{ChangeError, OpenKeys, VersionStatus};
pub use create::{CreateError, KekKind, Made, NewKeys, PublicKeys, make_held_kek};
pub(crate) use create::{make_directory, write_secret};
pub use document::State;
pub use error::KeyFileError;
pub(crate) use permissions::secret_text;

use document::{Document, Marks};

/// Name of the file with the wrapped keys, in a directory that we make.
pub const KEYS_FILE: &str = "keys.toml";
/// Name of the file with the KEK, in a directory that we make.
pub const KEK_FILE: &str = "kek";

/// Name of the first custodian's half of the KEK, in a directory that we make.
pub const HALF_A_FILE: &str = "kek-a";
/// Name of the second custodian's half.
pub const HALF_B_FILE: &str = "kek-b";

/// Bytes of a key file that are read at most.
const KEYS_BYTES_MAX: u64 = 256 * 1_024;

/// Where the keys are.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    /// The wrapped keys.
    pub keys: PathBuf,
    /// What unwraps them.
    pub kek: KekSource,
    /// Where the database and everything else that is backed up lives; keys may not.
    pub data_dir: Option<PathBuf>,
}

/// What the keys are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Keys that were made from a seed or published as an example are refused.
    Production,
    /// The demo and the tests: such keys are accepted.
    DemoOrTest,
}

impl KeyFiles {
    /// The two files of a directory that [`NewKeys`] wrote.
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            keys: directory.join(KEYS_FILE),
            kek: KekSource::File(directory.join(KEK_FILE)),
            data_dir: None,
        }
    }

    /// Reads, checks and unwraps the keys.
    ///
    /// # Errors
    /// Any [`KeyFileError`]; the gateway must not start then.
    pub fn load(&self, usage: KeyUse) -> Result<Keyring, KeyFileError> {
        let (document, store) = self.open(usage)?;
        keyring(&document, &store)
    }

    /// SHA-256 of the key file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn fingerprint(&self) -> Result<[u8; 32], KeyFileError> {
        Ok(sha256(&permissions::open(&self.keys, KEYS_BYTES_MAX)?.bytes))
    }

    /// The file as it is, and what opens it.
    fn open(&self, usage: KeyUse) -> Result<(Document, Arc<dyn KeyStore>), KeyFileError> {
        for path in std::iter::once(&self.keys).chain(self.kek.files()) {
            permissions::outside(path, self.data_dir.as_deref())?;
        }
        let keys = permissions::open(&self.keys, KEYS_BYTES_MAX)?;
        let document = self.parse(&keys.bytes)?;
        self.permitted(document.marks(), usage)?;
        // What everybody knows needs no hiding, and a checkout cannot hide it.
        let secret = !document.marks().example;
        if secret {
            keys.refuse_others(&self.keys)?;
        }
        let store = self.kek.open(secret)?;
        Ok((document, store))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Document, KeyFileError> {
        let malformed = |reason: String| KeyFileError::Malformed {
            path: self.keys.clone(),
            reason,
        };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8".into()))?;
        let document: Document =
            toml::from_str(text).map_err(|error| malformed(error.message().to_owned()))?;
        if document.format == document::FORMAT {
            Ok(document)
        } else {
            Err(malformed("its format is not 1".into()))
        }
    }

    fn permitted(&self, marks: Marks, usage: KeyUse) -> Result<(), KeyFileError> {
        match usage {
            KeyUse::Production if marks.example => Err(KeyFileError::Example {
                path: self.keys.clone(),
            }),
            KeyUse::Production if marks.seeded => Err(KeyFileError::Seeded {
                path: self.keys.clone(),
            }),
            KeyUse::Production | KeyUse::DemoOrTest => Ok(()),
        }
    }
}

fn keyring(document: &Document, store: &Arc<dyn KeyStore>) -> Result<Keyring, KeyFileError> {
    let mut found: BTreeMap<KeyPurpose, Found> = BTreeMap::new();
    for entry in &document.key {
        let Some(key) = entry.unwrap(store, document.marks())? else {
            continue;
        };
        let twice = || KeyFileError::Twice {
            id: entry.id.clone(),
            version: entry.version,
        };
        let versions = found.entry(key.purpose).or_default();
        if entry.state == State::Active {
            if versions.active.replace(entry.version).is_some() {
                return Err(twice());
            }
            versions.since = entry.since;
        }
        if entry.state < State::Retired
            && versions
                .keys
                .insert(entry.version, (key.secret, key.kept))
                .is_some()
        {
            return Err(twice());
        }
    }
    let mut take = |purpose: KeyPurpose| {
        let Found { active, since, keys } = found.remove(&purpose).unwrap_or_default();
        active
            .and_then(|active| Versions::new(active, keys))
            .map(|versions| versions.since(since))
            .ok_or(KeyFileError::Missing(purpose.id()))
    };
    let index = take(KeyPurpose::Index)?.map(|(secret, kept)| {
        if *kept {
            EntranceKey::Kept(Arc::clone(store), Arc::new(secret.duplicate()))
        } else {
            EntranceKey::Held(Arc::new(IndexKey::from_bytes(*secret.expose())))
        }
    });
    let mut held =
        |purpose: KeyPurpose| take(purpose).map(|versions| versions.map(|(secret, _)| secret.duplicate()));
    Ok(Keyring {
        index: Entrance::new(index),
        exit: held(KeyPurpose::Exit)?.map(|secret| ExitRoot::from_bytes(*secret.expose())),
        figures: FiguresRoot::from_bytes(*held(KeyPurpose::Figures)?.active().expose()),
        log: held(KeyPurpose::Log)?,
        token: held(KeyPurpose::Token)?,
        cursor: SealKey::new(held(KeyPurpose::Cursor)?),
        digest: DigestKey::new(held(KeyPurpose::Digest)?),
        seal: SealKey::new(held(KeyPurpose::Seal)?),
    })
}

/// The versions of one key that are read.
#[derive(Default)]
struct Found {
    active: Option<u32>,
    since: Option<Timestamp>,
    keys: BTreeMap<u32, (Secret, bool)>,
}

#[cfg(test)]
mod tests;
