//! Makes a fresh set of keys.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::SecureRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use super::document::{Document, Entry, Marks, State, Version};
use super::{KEK_FILE, KEYS_FILE, KeyFileError, VersionStatus};
use crate::keys::store::{HeldKek, Hsm, HsmSettings, check_value, split};
use crate::keys::{KekSource, KeyPurpose, KeyStore, KeyStoreError, Secret};

const HEADER: &str =
    "# Made by `doelpoort keys new`. Each key is wrapped with the KEK; keep the two apart.\n\n";

/// What keys to make.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewKeys {
    /// Derive the three roots from this number, so that a demo repeats. The set is marked and refused elsewhere.
    pub seed: Option<u64>,
    /// Mark the set as an example, which everybody knows.
    pub example: bool,
}

/// What is to wrap the keys.
#[derive(Clone, Debug)]
pub enum KekKind {
    /// A KEK in a file beside them, to be moved elsewhere.
    File,
    /// A KEK in two halves, one for each custodian.
    Split {
        /// The first custodian's file.
        one: PathBuf,
        /// The second custodian's file.
        other: PathBuf,
    },
    /// A KEK in a hardware module; made there if it is not there.
    Pkcs11 {
        /// Which.
        settings: HsmSettings,
        /// Whether the entrance key is made inside, too, and never leaves.
        entrance_inside: bool,
    },
}

/// A new set, for the transcript: nothing of it is secret.
#[derive(Clone, Debug)]
pub struct Made {
    /// The public halves.
    pub public: PublicKeys,
    /// What tells the KEK from others.
    pub kek: String,
    /// Check values of the custodians' halves.
    pub halves: Vec<String>,
    /// Each key with its check value.
    pub keys: Vec<VersionStatus>,
}

/// The public halves of a new set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeys {
    /// Ed25519 key under the log's checkpoints and receipts.
    pub log: [u8; 32],
    /// Ed25519 key under access tokens.
    pub token: [u8; 32],
}

/// Why no keys were made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A file is there already (no key is ever overwritten), or cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The source of randomness or the cipher failed.
    #[error("the keys could not be made")]
    Crypto,
    /// The hardware module did not do its part.
    #[error(transparent)]
    Store(#[from] KeyStoreError),
    /// The hardware module or its PIN cannot be used.
    #[error(transparent)]
    Kek(#[from] KeyFileError),
}

impl NewKeys {
    /// Makes the directory (mode 0700) and writes `keys.toml` and `kek` (mode 0400) into it.
    ///
    /// # Errors
    /// [`CreateError`]; nothing that exists is touched.
    pub fn write(&self, directory: &Path, random: &dyn SecureRandom) -> Result<PublicKeys, CreateError> {
        self.write_under(directory, &KekKind::File, random)
            .map(|made| made.public)
    }

    /// The same, wrapped in another way.
    ///
    /// # Errors
    /// [`CreateError`]; nothing that exists is touched.
    pub fn write_under(
        &self,
        directory: &Path,
        kek: &KekKind,
        random: &dyn SecureRandom,
    ) -> Result<Made, CreateError> {
        let file = directory.join(KEYS_FILE);
        if file.exists() {
            let source = io::ErrorKind::AlreadyExists.into();
            return Err(CreateError::Write { path: file, source });
        }
        make_directory(directory)?;
        let (store, halves, inside) = make_kek(directory, kek, random)?;
        let (document, public) = self.document(store.as_ref(), inside, random)?;
        let text = toml::to_string(&document).map_err(|_| CreateError::Crypto)?;
        write_secret(&file, [HEADER, &text].concat().as_bytes())?;
        Ok(Made {
            public,
            kek: store.describe(),
            halves,
            keys: VersionStatus::of(&document),
        })
    }

    fn document(
        &self,
        store: &dyn KeyStore,
        entrance_inside: bool,
        random: &dyn SecureRandom,
    ) -> Result<(Document, PublicKeys), CreateError> {
        let marks = Marks {
            example: self.example,
            seeded: self.seed.is_some(),
        };
        let mut entries = Vec::with_capacity(KeyPurpose::ALL.len());
        let mut public = PublicKeys {
            log: [0; 32],
            token: [0; 32],
        };
        for purpose in KeyPurpose::ALL {
            let kept = entrance_inside && purpose == KeyPurpose::Index;
            let secret = if kept {
                store.make_kept(random)?
            } else {
                self.secret(purpose, random)?
            };
            match purpose {
                KeyPurpose::Log => public.log = public_half(&secret)?,
                KeyPurpose::Token => public.token = public_half(&secret)?,
                _ => {}
            }
            let of = Version {
                purpose,
                version: 1,
                state: State::Active,
                since: None,
            };
            entries.push(Entry::wrap(of, (&secret, kept), store, marks, random)?);
        }
        Ok((Document::new(marks, entries), public))
    }

    /// A root from the seed, where there is one; every other key is fresh.
    fn secret(&self, purpose: KeyPurpose, random: &dyn SecureRandom) -> Result<Secret, CreateError> {
        let root = matches!(
            purpose,
            KeyPurpose::Index | KeyPurpose::Exit | KeyPurpose::Figures
        );
        match self.seed {
            Some(seed) if root => Ok(seeded(seed, purpose)),
            _ => fresh(random),
        }
    }
}

/// The KEK, with the check values of its halves, and whether the entrance key goes where it is.
#[expect(clippy::type_complexity, reason = "used once")]
fn make_kek(
    directory: &Path,
    kek: &KekKind,
    random: &dyn SecureRandom,
) -> Result<(Box<dyn KeyStore>, Vec<String>, bool), CreateError> {
    Ok(match kek {
        KekKind::File => {
            let kek = fresh(random)?;
            write_secret(&directory.join(KEK_FILE), kek.expose())?;
            (Box::new(HeldKek::new(kek)), Vec::new(), false)
        }
        KekKind::Split { one, other } => {
            let kek = fresh(random)?;
            let (first, second) = split(&kek, random)?;
            write_secret(one, first.expose())?;
            write_secret(other, second.expose())?;
            let checks = [&first, &second].map(|half| check_value(b"dsg-kek-half\x01", half));
            (Box::new(HeldKek::new(kek)), checks.into(), false)
        }
        KekKind::Pkcs11 {
            settings,
            entrance_inside,
        } => {
            let hsm = Hsm::open_or_make(settings)?;
            (Box::new(hsm), Vec::new(), *entrance_inside)
        }
    })
}

/// Makes the files of a held KEK where none of them is there.
///
/// # Errors
/// [`CreateError`].
pub fn make_held_kek(kek: &KekSource, random: &dyn SecureRandom) -> Result<(), CreateError> {
    let files = kek.files();
    if files.iter().any(|file| file.exists()) || matches!(kek, KekSource::Pkcs11(_)) {
        return Ok(());
    }
    // Halves of a random KEK are random: none needs to be made of the whole.
    for file in files {
        write_secret(file, fresh(random)?.expose())?;
    }
    Ok(())
}

pub(super) fn fresh(random: &dyn SecureRandom) -> Result<Secret, CreateError> {
    let mut bytes = Zeroizing::new([0; 32]);
    random
        .fill(bytes.as_mut_slice())
        .map_err(|_| CreateError::Crypto)?;
    Ok(Secret::take(&mut bytes))
}

fn seeded(seed: u64, purpose: KeyPurpose) -> Secret {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"dsg/demo/root/v1");
    let mut context = hmac::Context::with_key(&key);
    context.update(&seed.to_be_bytes());
    context.update(purpose.id().as_bytes());
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(context.sign().as_ref());
    Secret::take(&mut bytes)
}

fn public_half(seed: &Secret) -> Result<[u8; 32], CreateError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| CreateError::Crypto)?;
    pair.public_key()
        .as_ref()
        .try_into()
        .map_err(|_| CreateError::Crypto)
}

/// Makes a directory that only its owner enters.
pub(crate) fn make_directory(directory: &Path) -> Result<(), CreateError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| CreateError::Write {
        path: directory.to_owned(),
        source,
    })
}

/// Writes a file that only its owner reads; never over another.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), CreateError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| CreateError::Write {
        path: path.to_owned(),
        source,
    })
}
