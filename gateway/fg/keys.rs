//! The FG's private keys, in a file that only its owner may read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::ldv::SubjectKey;
use doelpoort_core::party::Oin;
use doelpoort_core::policy::FgKeys;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::log::sealing::{self, SealingError};

/// The file's name in the FG's folder.
pub const PRIVATE_FILE: &str = "fg-private.toml";
/// The signed public keys, which go to every gateway.
pub const PUBLIC_FILE: &str = "fg-keys.jws";
/// Bytes of a file that are read at most.
const FILE_BYTES_MAX: u64 = 256 * 1_024;
/// Permissions of group and others.
const OTHERS: u32 = 0o077;

/// The private keys by month.
pub struct FgPrivateKeys {
    /// Whose FG.
    pub organisation: Oin,
    months: BTreeMap<Month, Zeroizing<[u8; 32]>>,
    /// Under what pupils get codes in records that leave, the same in all.
    codes: Zeroizing<[u8; 32]>,
}

/// Why there are no keys. Never says anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum FgKeyError {
    /// Cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read it.
    #[error("{}: others may read these keys; allow their owner only (mode 0400 or 0600)", path.display())]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// Not a file of keys.
    #[error("{}: not a file of private keys by month", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// There is no key of that month: never made, or destroyed.
    #[error("there is no private key of `{0}`: it was never made, or it was destroyed")]
    NoMonth(Month),
    /// No randomness.
    #[error("no key could be made")]
    Make(#[from] SealingError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    organisation: String,
    /// Base64 of 32 bytes.
    codes: String,
    /// Base64 of 32 bytes, by month.
    keys: BTreeMap<Month, String>,
}

impl FgPrivateKeys {
    /// Fresh keys for `count` months from `first` on, with their public halves.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate(organisation: Oin, first: Month, count: u32) -> Result<(Self, FgKeys), FgKeyError> {
        let (mut private, mut public) = (BTreeMap::new(), BTreeMap::new());
        let mut month = first;
        for _ in 0..count {
            let (theirs, ours) = sealing::key_pair()?;
            private.insert(month, ours);
            public.insert(month, theirs);
            month = month.next();
        }
        let keys = FgKeys {
            organisation: organisation.clone(),
            months: public,
        };
        let (_, codes) = sealing::key_pair()?;
        Ok((
            Self {
                organisation,
                months: private,
                codes,
            },
            keys,
        ))
    }

    /// The key of a month.
    ///
    /// # Errors
    /// [`FgKeyError::NoMonth`].
    pub fn of(&self, month: Month) -> Result<&[u8; 32], FgKeyError> {
        self.months
            .get(&month)
            .map(|key| &**key)
            .ok_or(FgKeyError::NoMonth(month))
    }

    /// Under what pupils get codes in records that leave. It outlives the months' keys, so that records can be joined;
    /// what it is made of is gone with them.
    pub fn subject_key(&self) -> SubjectKey {
        SubjectKey::from_bytes(&self.codes)
    }

    /// The months of which there is a key.
    pub fn months(&self) -> impl Iterator<Item = Month> {
        self.months.keys().copied()
    }

    /// Reads a file that nobody else may read.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(path: &Path) -> Result<Self, FgKeyError> {
        let failed = |source| FgKeyError::File {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.mode() & OTHERS != 0 {
            return Err(FgKeyError::ReadableByOthers {
                path: path.to_owned(),
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(failed)?;
        Self::parse(&text).ok_or_else(|| FgKeyError::Malformed {
            path: path.to_owned(),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut document: Document = toml::from_str(text).ok()?;
        let mut months = BTreeMap::new();
        for (month, text) in &mut document.keys {
            months.insert(*month, secret(text)?);
        }
        Some(Self {
            codes: secret(&mut document.codes)?,
            organisation: document.organisation.parse().ok()?,
            months,
        })
    }

    /// Writes a new file with mode 0400; an existing one is never overwritten.
    ///
    /// # Errors
    /// When it cannot be written, or is there.
    pub fn write_new(&self, path: &Path) -> Result<(), FgKeyError> {
        let text = self.to_text();
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o400).open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| FgKeyError::File {
            path: path.to_owned(),
            source,
        })
    }

    /// Destroys the key of a month: the file is written anew without it and put in place of the old one, whose bytes
    /// are overwritten first. Copies elsewhere are the FG's to destroy.
    ///
    /// # Errors
    /// When there is no such key, or the file cannot be written.
    pub fn destroy(mut self, month: Month, path: &Path) -> Result<Self, FgKeyError> {
        self.months.remove(&month).ok_or(FgKeyError::NoMonth(month))?;
        let failed = |source| FgKeyError::File {
            path: path.to_owned(),
            source,
        };
        let beside = path.with_extension("new");
        self.write_new(&beside)?;
        let wipe = || {
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
            let length = std::fs::metadata(path)?.len();
            let mut old = OpenOptions::new().write(true).open(path)?;
            old.write_all(&vec![0; usize::try_from(length).unwrap_or(0)])?;
            old.sync_all()?;
            std::fs::rename(&beside, path)
        };
        wipe().map_err(failed)?;
        Ok(self)
    }

    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!(
            "# Opens the private parts of the audit log. For the FG alone; in no backup together with the log.\n\
             organisation = \"{}\"\n\
             # Under what pupils get codes in exported records; keep it when months are destroyed.\n\
             codes = \"{}\"\n\n[keys]\n",
            self.organisation,
            *Zeroizing::new(BASE64.encode(&*self.codes))
        ));
        for (month, key) in &self.months {
            let encoded = Zeroizing::new(BASE64.encode(&**key));
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "\"{month}\" = \"{}\"", *encoded);
        }
        text
    }
}

/// 32 bytes of base64, which is wiped.
fn secret(text: &mut String) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).ok()?);
    text.zeroize();
    Some(Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?))
}

impl std::fmt::Debug for FgPrivateKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FgPrivateKeys({})", self.months.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> (FgPrivateKeys, FgKeys) {
        let organisation = "00000099000000072001".parse().unwrap();
        FgPrivateKeys::generate(organisation, "2026-11".parse().unwrap(), 3).unwrap()
    }

    #[test]
    fn what_is_written_is_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PRIVATE_FILE);
        let (private, public) = keys();
        private.write_new(&path).unwrap();
        let read = FgPrivateKeys::read(&path).unwrap();
        let months: Vec<_> = read.months().map(|month| month.to_string()).collect();
        assert_eq!(months, ["2026-11", "2026-12", "2027-01"]);
        assert!(
            read.months()
                .all(|month| read.of(month).unwrap() == private.of(month).unwrap())
        );
        assert_eq!(public.months.len(), 3);
        assert!(private.write_new(&path).is_err(), "it was overwritten");

        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o440)).unwrap();
        assert!(matches!(
            FgPrivateKeys::read(&path),
            Err(FgKeyError::ReadableByOthers { .. })
        ));
    }

    #[test]
    fn a_destroyed_key_is_gone_and_the_others_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PRIVATE_FILE);
        let (private, _) = keys();
        private.write_new(&path).unwrap();
        let december = "2026-12".parse().unwrap();
        let left = private.destroy(december, &path).unwrap();
        assert!(matches!(left.of(december), Err(FgKeyError::NoMonth(_))));
        let read = FgPrivateKeys::read(&path).unwrap();
        assert_eq!(read.months().count(), 2);
        assert!(matches!(
            read.destroy(december, &path),
            Err(FgKeyError::NoMonth(_))
        ));
    }

    #[test]
    fn nonsense_is_refused_without_quoting_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PRIVATE_FILE);
        for text in [
            "",
            "secret",
            "organisation = \"1\"\n[keys]\n",
            "organisation = \"00000099000000072001\"\ncodes = \"c2VjcmV0\"\n[keys]\n",
        ] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let error = FgPrivateKeys::read(&path).unwrap_err();
            assert!(matches!(error, FgKeyError::Malformed { .. }), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
