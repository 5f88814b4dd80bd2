//! Keys at rest: a TOML file of wrapped keys, and the key that wraps them (KEK) in a file of its own.
//!
//! Each key is AES-256-GCM under the KEK with `aad = LP(id) ‖ u32be(version) ‖ LP(state)`, and has a check value
//! over the key and the file's marks, so that nobody passes a seeded or an example key for a real one by
//! deleting a line.

mod create;
mod permissions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use doelpoort_core::figures::FiguresRoot;
use doelpoort_core::identifier::IndexKey;
use doelpoort_core::lp::{Part, TooLong};
use doelpoort_core::pseudonym::ExitRoot;
use ring::aead::NONCE_LEN;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{DigestKey, KeyPurpose, Keyring, SealKey, Secret, Versions, seal};

pub use create::{CreateError, NewKeys, PublicKeys};
pub(crate) use create::{make_directory, write_secret};

/// Name of the file with the wrapped keys, in a directory that we make.
pub const KEYS_FILE: &str = "keys.toml";
/// Name of the file with the KEK, in a directory that we make.
pub const KEK_FILE: &str = "kek";

/// Version of the file format.
const FORMAT: u32 = 1;
/// Bytes of a key file that are read at most.
const KEYS_BYTES_MAX: u64 = 256 * 1_024;
/// Bytes of a check value: enough to notice a wrong key, too few to help find it.
const CHECK_LEN: usize = 8;

/// Where the keys are.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    /// The wrapped keys.
    pub keys: PathBuf,
    /// The KEK: 32 bytes.
    pub kek: PathBuf,
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
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Version of the format.
    format: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    example: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    seeded: bool,
    key: Vec<Entry>,
}

/// What kind of keys these are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    example: bool,
    seeded: bool,
}

impl Document {
    fn new(marks: Marks, key: Vec<Entry>) -> Self {
        Self {
            format: FORMAT,
            example: marks.example,
            seeded: marks.seeded,
            key,
        }
    }

    fn marks(&self) -> Marks {
        Marks {
            example: self.example,
            seeded: self.seeded,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    version: u32,
    state: State,
    algorithm: String,
    /// Base64 of nonce ‖ ciphertext ‖ tag.
    wrapped: String,
    /// Hex of the check value.
    check: String,
}

/// Where a version is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Pending,
    Active,
    Accept,
    Retired,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Accept => "accept",
            Self::Retired => "retired",
        }
    }
}

impl KeyFiles {
    /// The two files of a directory that [`NewKeys`] wrote.
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            keys: directory.join(KEYS_FILE),
            kek: directory.join(KEK_FILE),
            data_dir: None,
        }
    }

    /// Reads, checks and unwraps the keys.
    ///
    /// # Errors
    /// Any [`KeyFileError`]; the gateway must not start then.
    pub fn load(&self, usage: KeyUse) -> Result<Keyring, KeyFileError> {
        for path in [&self.keys, &self.kek] {
            permissions::outside(path, self.data_dir.as_deref())?;
        }
        let keys = permissions::open(&self.keys, KEYS_BYTES_MAX)?;
        let kek = permissions::open(&self.kek, 32)?;
        let document = self.parse(&keys.bytes)?;
        self.permitted(document.marks(), usage)?;
        // What everybody knows needs no hiding, and a checkout cannot hide it.
        if !document.marks().example {
            keys.refuse_others(&self.keys)?;
            kek.refuse_others(&self.kek)?;
        }
        let mut bytes: Zeroizing<[u8; 32]> = Zeroizing::new([0; 32]);
        if kek.bytes.len() != bytes.len() {
            return Err(KeyFileError::NotAKek {
                path: self.kek.clone(),
            });
        }
        bytes.copy_from_slice(&kek.bytes);
        keyring(&document, &Secret::take(&mut bytes))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Document, KeyFileError> {
        let malformed = |reason: String| KeyFileError::Malformed {
            path: self.keys.clone(),
            reason,
        };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8".into()))?;
        let document: Document =
            toml::from_str(text).map_err(|error| malformed(error.message().to_owned()))?;
        if document.format == FORMAT {
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

fn keyring(document: &Document, kek: &Secret) -> Result<Keyring, KeyFileError> {
    let mut found: BTreeMap<KeyPurpose, Found> = BTreeMap::new();
    for entry in &document.key {
        let (purpose, secret) = entry.unwrap(kek, document.marks())?;
        let twice = || KeyFileError::Twice {
            id: entry.id.clone(),
            version: entry.version,
        };
        let versions = found.entry(purpose).or_default();
        if entry.state == State::Active && versions.active.replace(entry.version).is_some() {
            return Err(twice());
        }
        if matches!(entry.state, State::Active | State::Accept)
            && versions.keys.insert(entry.version, secret).is_some()
        {
            return Err(twice());
        }
    }
    let mut take = |purpose: KeyPurpose| {
        let Found { active, keys } = found.remove(&purpose).unwrap_or_default();
        active
            .and_then(|active| Versions::new(active, keys))
            .ok_or(KeyFileError::Missing(purpose.id()))
    };
    Ok(Keyring {
        index: take(KeyPurpose::Index)?.map(|secret| IndexKey::from_bytes(*secret.expose())),
        exit: take(KeyPurpose::Exit)?.map(|secret| ExitRoot::from_bytes(*secret.expose())),
        figures: FiguresRoot::from_bytes(*take(KeyPurpose::Figures)?.active().expose()),
        log: take(KeyPurpose::Log)?,
        token: take(KeyPurpose::Token)?,
        cursor: SealKey::new(take(KeyPurpose::Cursor)?),
        digest: DigestKey::new(take(KeyPurpose::Digest)?),
        seal: SealKey::new(take(KeyPurpose::Seal)?),
    })
}

#[derive(Default)]
struct Found {
    active: Option<u32>,
    keys: BTreeMap<u32, Secret>,
}

impl Entry {
    fn unwrap(&self, kek: &Secret, marks: Marks) -> Result<(KeyPurpose, Secret), KeyFileError> {
        let failed = || KeyFileError::Unwrap {
            id: self.id.clone(),
            version: self.version,
        };
        let purpose = KeyPurpose::ALL
            .into_iter()
            .find(|purpose| purpose.id() == self.id && purpose.algorithm() == self.algorithm)
            .ok_or_else(failed)?;
        let wrapped = BASE64.decode(self.wrapped.as_bytes()).map_err(|_| failed())?;
        let (nonce, body) = wrapped.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        let aad = aad(&self.id, self.version, self.state).map_err(|_| failed())?;
        let plain = seal::open(kek, *nonce, &aad, body).ok_or_else(failed)?;
        let mut bytes: Zeroizing<[u8; 32]> = Zeroizing::new([0; 32]);
        if plain.len() != bytes.len() {
            return Err(failed());
        }
        bytes.copy_from_slice(&plain);
        let secret = Secret::take(&mut bytes);
        let expected = check_value(&secret, purpose, self.version, marks);
        if HEXLOWER.encode(&expected) != self.check {
            return Err(KeyFileError::Check {
                id: self.id.clone(),
                version: self.version,
            });
        }
        Ok((purpose, secret))
    }
}

fn aad(id: &str, version: u32, state: State) -> Result<Vec<u8>, TooLong> {
    let mut aad = Vec::new();
    Part::new(id.as_bytes())?.append_to(&mut aad);
    aad.extend_from_slice(&version.to_be_bytes());
    Part::new(state.name().as_bytes())?.append_to(&mut aad);
    Ok(aad)
}

/// First bytes of an HMAC under the key itself.
fn check_value(secret: &Secret, purpose: KeyPurpose, version: u32, marks: Marks) -> [u8; CHECK_LEN] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    let mut context = hmac::Context::with_key(&key);
    context.update(b"dsg-key-check\x01");
    context.update(&[u8::from(marks.example), u8::from(marks.seeded)]);
    context.update(&version.to_be_bytes());
    context.update(purpose.id().as_bytes());
    let tag = context.sign();
    let mut check = [0; CHECK_LEN];
    check
        .iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    check
}

#[cfg(test)]
mod tests;
