//! Makes a fresh set of keys.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::hmac;
use ring::rand::SecureRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use super::{Document, Entry, KEK_FILE, KEYS_FILE, Marks, State, aad, check_value};
use crate::keys::{KeyPurpose, Secret, seal};

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
}

impl NewKeys {
    /// Makes the directory (mode 0700) and writes `keys.toml` and `kek` (mode 0400) into it.
    ///
    /// # Errors
    /// [`CreateError`]; nothing that exists is touched.
    pub fn write(&self, directory: &Path, random: &dyn SecureRandom) -> Result<PublicKeys, CreateError> {
        let marks = Marks {
            example: self.example,
            seeded: self.seed.is_some(),
        };
        let kek = fresh(random)?;
        let mut entries = Vec::with_capacity(KeyPurpose::ALL.len());
        let mut public = PublicKeys {
            log: [0; 32],
            token: [0; 32],
        };
        for purpose in KeyPurpose::ALL {
            let secret = self.secret(purpose, random)?;
            match purpose {
                KeyPurpose::Log => public.log = public_half(&secret)?,
                KeyPurpose::Token => public.token = public_half(&secret)?,
                _ => {}
            }
            entries.push(wrap(purpose, 1, State::Active, &secret, &kek, marks, random)?);
        }
        let document = Document::new(marks, entries);
        let text = toml::to_string(&document).map_err(|_| CreateError::Crypto)?;
        make_directory(directory)?;
        write_secret(&directory.join(KEK_FILE), kek.expose())?;
        write_secret(&directory.join(KEYS_FILE), [HEADER, &text].concat().as_bytes())?;
        Ok(public)
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

fn fresh(random: &dyn SecureRandom) -> Result<Secret, CreateError> {
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

pub(super) fn wrap(
    purpose: KeyPurpose,
    version: u32,
    state: State,
    secret: &Secret,
    kek: &Secret,
    marks: Marks,
    random: &dyn SecureRandom,
) -> Result<Entry, CreateError> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce).map_err(|_| CreateError::Crypto)?;
    let aad = aad(purpose.id(), version, state).map_err(|_| CreateError::Crypto)?;
    // Room for the tag, so that the key is not left behind by a move.
    let mut body = Vec::with_capacity(64);
    body.extend_from_slice(secret.expose());
    seal::cipher(kek)
        .and_then(|key| {
            key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&aad), &mut body)
        })
        .map_err(|_| CreateError::Crypto)?;
    Ok(Entry {
        id: purpose.id().to_owned(),
        version,
        state,
        algorithm: purpose.algorithm().to_owned(),
        wrapped: BASE64.encode(&[nonce.as_slice(), &body].concat()),
        check: HEXLOWER.encode(&check_value(secret, purpose, version, marks)),
    })
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
