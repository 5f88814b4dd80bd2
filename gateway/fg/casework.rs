//! The FG's own cases: requests of pupils and parents, reviews, data breaches. Each is a file in the FG's folder, sealed
//! to the FG's key of the month in which it was last written, so that it can be read for as long as the private parts of
//! that month. An authentication code under the same private key says that the FG wrote it, under this name.
//!
//! A file is written beside its place, synchronised, and moved into it: a crash leaves the old one or the new one. One that
//! is not whole is named and never used.

pub mod breach;
mod dates;
pub mod request;
pub mod review;
mod text;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use data_encoding::{BASE64, HEXLOWER};
use doelpoort_core::audit::day::Month;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keys::{FgKeyError, FgPrivateKeys};
use crate::log::sealing::{self, Context, Sealed, SealingError};

pub use text::{InvalidText, Note, checked_text};

/// What a file begins with.
const FORMAT: &str = "doelpoort-case@v1";
/// What the name of a file ends with.
const EXTENSION: &str = "case";
/// Keeps two processes from writing at once.
const LOCK_FILE: &str = ".lock";
/// What the key of authentication codes is derived with.
const CODE_LABEL: &[u8] = b"doelpoort-case-code\x01";
/// Bytes of a file that are read at most: a review of 10,000 entries fits.
const FILE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
/// Permissions of group and others.
const OTHERS: u32 = 0o077;
/// A case is sealed in multiples of this, so that its length tells little.
const PADDED_BYTES: usize = 4_096;

/// A kind of case.
pub trait Dossier: Serialize + DeserializeOwned {
    /// What its files are called.
    const KIND: &'static str;
}

/// What a case is called in addresses and on disk: drawn, so it tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(String);

/// A case as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<T> {
    /// Its name.
    pub id: CaseId,
    /// How often it was written.
    pub revision: u64,
    /// What it says.
    pub case: T,
}

/// All cases of a kind that can be read, and the files that cannot.
#[derive(Debug)]
pub struct Listed<T> {
    /// The cases, in the order of their names.
    pub kept: Vec<Kept<T>>,
    /// What is wrong with the others.
    pub unreadable: Vec<CaseworkError>,
}

/// Why a case is not there.
#[derive(Debug, thiserror::Error)]
pub enum CaseworkError {
    /// The folder or a file of it.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("{}: others may read these cases; allow their owner only (mode 0700)", path.display())]
    ReadableByOthers {
        /// The folder.
        path: PathBuf,
    },
    /// Another console has it open.
    #[error("{}: another console works in this folder; end that one first", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Half-written, changed, or of another FG.
    #[error("the file `{0}` is not whole, was changed, or is not yours: put back a copy of it, or remove it")]
    NotWhole(String),
    /// There is none of this name.
    #[error("there is no such case")]
    Unknown,
    /// Somebody wrote it meanwhile.
    #[error("this case was changed meanwhile: load the page again, and look at what changed")]
    Changed,
    /// The key of its month is not there.
    #[error("the case of the file `{file}`: {error}")]
    KeyGone {
        /// The file.
        file: String,
        /// Which key.
        error: FgKeyError,
    },
    /// There is no key of this month.
    #[error("{0}; make new keys with `doelpoort fg new`")]
    Key(#[from] FgKeyError),
    /// It cannot be sealed.
    #[error("the case {0}")]
    Sealing(#[from] SealingError),
    /// It cannot be written down.
    #[error("the case has no text: {0}")]
    Text(#[from] serde_json::Error),
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document<T> {
    revision: u64,
    case: T,
}

/// The folder with the FG's cases, locked for this process.
#[derive(Debug)]
pub struct Casework {
    folder: PathBuf,
    /// The name of the log that the cases are about.
    origin: String,
    writing: Mutex<()>,
    /// Locked as long as it is open.
    _lock: File,
}

impl CaseId {
    fn draw() -> Result<Self, SealingError> {
        let mut id = [0; 8];
        SystemRandom::new().fill(&mut id).map_err(|_| SealingError)?;
        Ok(Self(HEXLOWER.encode(&id)))
    }

    /// The id that an address names, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 16 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }
}

impl std::fmt::Display for CaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Casework {
    /// Opens the folder for this process alone, and makes it where there is none; `origin` is the name of the log.
    ///
    /// # Errors
    /// When it cannot be, others may read it, or another process has it open.
    pub fn open(folder: &Path, origin: &str) -> Result<Self, CaseworkError> {
        let failed = |source| CaseworkError::File {
            path: folder.to_owned(),
            source,
        };
        if !folder.is_dir() {
            let mut builder = std::fs::DirBuilder::new();
            builder.mode(0o700).create(folder).map_err(failed)?;
        }
        if std::fs::metadata(folder).map_err(failed)?.mode() & OTHERS != 0 {
            return Err(CaseworkError::ReadableByOthers {
                path: folder.to_owned(),
            });
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(folder.join(LOCK_FILE)).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => CaseworkError::InUse {
                path: folder.to_owned(),
            },
            std::fs::TryLockError::Error(source) => failed(source),
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            origin: origin.to_owned(),
            writing: Mutex::default(),
            _lock: lock,
        })
    }

    /// Every case of a kind. What cannot be read hides nothing of the rest.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list<T: Dossier>(&self, keys: &FgPrivateKeys) -> Result<Listed<T>, CaseworkError> {
        let failed = |source| CaseworkError::File {
            path: self.folder.clone(),
            source,
        };
        let mut names = Vec::new();
        for file in std::fs::read_dir(&self.folder).map_err(failed)? {
            names.push(file.map_err(failed)?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        let mut listed = Listed {
            kept: Vec::new(),
            unreadable: Vec::new(),
        };
        for id in names.iter().filter_map(|name| id_of::<T>(name)) {
            match self.read(keys, &id) {
                Ok(kept) => listed.kept.push(kept),
                Err(error) => listed.unreadable.push(error),
            }
        }
        Ok(listed)
    }

    /// One case.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read<T: Dossier>(&self, keys: &FgPrivateKeys, id: &CaseId) -> Result<Kept<T>, CaseworkError> {
        let name = name_of::<T>(id);
        let path = self.folder.join(&name);
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(CaseworkError::Unknown),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(CaseworkError::NotWhole(name));
            }
            Err(source) => return Err(CaseworkError::File { path, source }),
        }
        let not_whole = || CaseworkError::NotWhole(name.clone());
        let (month, sealed, code) = parts(&text).ok_or_else(not_whole)?;
        let key = keys.of(month).map_err(|error| CaseworkError::KeyGone {
            file: name.clone(),
            error,
        })?;
        hmac::verify(&code_key(key), &coded(&name, month, &sealed), &code).map_err(|_| not_whole())?;
        let plain = sealing::open(key, self.context(month), &sealed).map_err(|_| not_whole())?;
        let document: Document<T> =
            serde_json::from_slice(plain.trim_ascii_end()).map_err(|_| not_whole())?;
        Ok(Kept {
            id: id.clone(),
            revision: document.revision,
            case: document.case,
        })
    }

    /// Keeps a new case, sealed to the key of `month`.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn add<T: Dossier>(
        &self,
        (keys, month): (&FgPrivateKeys, Month),
        case: T,
    ) -> Result<Kept<T>, CaseworkError> {
        let kept = Kept {
            id: CaseId::draw()?,
            revision: 1,
            case,
        };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.put((keys, month), &kept)?;
        Ok(kept)
    }

    /// Changes a case that was read at this revision, and seals it to the key of `month`.
    ///
    /// # Errors
    /// When it was changed since, cannot be kept, or `change` says so.
    pub fn change<T: Dossier, E: From<CaseworkError>>(
        &self,
        (keys, month): (&FgPrivateKeys, Month),
        (id, revision): (&CaseId, u64),
        change: impl FnOnce(&mut T) -> Result<(), E>,
    ) -> Result<Kept<T>, E> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept: Kept<T> = self.read(keys, id)?;
        if kept.revision != revision {
            return Err(CaseworkError::Changed.into());
        }
        change(&mut kept.case)?;
        kept.revision += 1;
        self.put((keys, month), &kept)?;
        Ok(kept)
    }

    fn context(&self, month: Month) -> Context<'_> {
        Context {
            origin: &self.origin,
            month,
            what: Sealed::Case,
        }
    }

    fn put<T: Dossier>(
        &self,
        (keys, month): (&FgPrivateKeys, Month),
        kept: &Kept<T>,
    ) -> Result<(), CaseworkError> {
        let (key, name) = (keys.of(month)?, name_of::<T>(&kept.id));
        let document = Document {
            revision: kept.revision,
            case: &kept.case,
        };
        let mut plain = Zeroizing::new(serde_json::to_vec(&document)?);
        let padded = plain.len().next_multiple_of(PADDED_BYTES);
        plain.resize(padded, b' ');
        let sealed = sealing::seal(&sealing::public_key(key)?, self.context(month), &plain)?;
        let code = hmac::sign(&code_key(key), &coded(&name, month, &sealed));
        let text = format!(
            "{FORMAT}\n{month}\n{}\n{}\n",
            BASE64.encode(&sealed),
            BASE64.encode(code.as_ref())
        );
        self.write(&name, text.as_bytes())
            .map_err(|source| CaseworkError::File {
                path: self.folder.join(&name),
                source,
            })
    }

    /// Beside its place, then into it. What a crash left beside is overwritten, and never read.
    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let beside = self.folder.join(format!(".{name}.new"));
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, self.folder.join(name))?;
        File::open(&self.folder)?.sync_all()
    }
}

fn name_of<T: Dossier>(id: &CaseId) -> String {
    format!("{}-{id}.{EXTENSION}", T::KIND)
}

fn id_of<T: Dossier>(name: &str) -> Option<CaseId> {
    let rest = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    CaseId::parse(rest.strip_prefix(T::KIND)?.strip_prefix('-')?)
}

/// The month, what is sealed, and the authentication code.
fn parts(text: &str) -> Option<(Month, Vec<u8>, Vec<u8>)> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (format, month, sealed, code) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
    if format != FORMAT || lines.next().is_some() {
        return None;
    }
    Some((
        month.parse().ok()?,
        BASE64.decode(sealed.as_bytes()).ok()?,
        BASE64.decode(code.as_bytes()).ok()?,
    ))
}

fn code_key(key: &[u8; 32]) -> hmac::Key {
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), CODE_LABEL);
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

/// What the authentication code is of: a file under another name, or of another month, is another one.
fn coded(name: &str, month: Month, sealed: &[u8]) -> Vec<u8> {
    [format!("{FORMAT}\n{name}\n{month}\n").as_bytes(), sealed].concat()
}

#[cfg(test)]
mod tests;
