//! Changing the key file: a version is added, made active, retired, destroyed; all are wrapped anew under another KEK.

mod error;
mod replace;
mod status;

use std::sync::Arc;

use jiff::Timestamp;
use ring::rand::SecureRandom;

use super::create::{CreateError, fresh};
use super::document::{Document, Entry, Marks, State, Version};
use super::{KekSource, KeyFileError, KeyFiles, KeyUse, keyring};
use crate::keys::store::Hsm;
use crate::keys::{KeyPurpose, KeyStore, Secret};
pub use error::ChangeError;
use replace::replace;
pub use status::VersionStatus;

const HEADER: &str =
    "# Changed by `doelpoort keys`. Each key is wrapped with the KEK; keep the two apart.\n\n";

/// A key file that was opened, to look at or to change. Nothing is changed on disk before [`OpenKeys::save`].
pub struct OpenKeys {
    files: KeyFiles,
    document: Document,
    store: Arc<dyn KeyStore>,
    /// Keys that the store keeps and that are to go once the file no longer names them.
    doomed: Vec<Secret>,
}

impl OpenKeys {
    /// Reads the file and opens every key in it.
    ///
    /// # Errors
    /// [`KeyFileError`], as at a start.
    pub fn open(files: &KeyFiles, usage: KeyUse) -> Result<Self, KeyFileError> {
        let (document, store) = files.open(usage)?;
        keyring(&document, &store)?;
        Ok(Self {
            files: files.clone(),
            document,
            store,
            doomed: Vec::new(),
        })
    }

    /// Every version, in the order of the file.
    pub fn status(&self) -> Vec<VersionStatus> {
        VersionStatus::of(&self.document)
    }

    /// What tells the KEK from others.
    pub fn kek(&self) -> String {
        self.store.describe()
    }

    /// Adds a pending version. `kept`: the store keeps it, and it never leaves.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn add(
        &mut self,
        purpose: KeyPurpose,
        kept: bool,
        random: &dyn SecureRandom,
    ) -> Result<VersionStatus, ChangeError> {
        if let Some(pending) = self.in_state(purpose, State::Pending) {
            return Err(ChangeError::PendingAlready {
                id: purpose.id(),
                version: pending,
            });
        }
        let secret = if kept {
            self.store.make_kept(random)?
        } else {
            fresh(random)?
        };
        let of = Version {
            purpose,
            version: 1 + self.highest(purpose),
            state: State::Pending,
            since: None,
        };
        let marks = self.document.marks();
        let entry = Entry::wrap(of, (&secret, kept), self.store.as_ref(), marks, random)?;
        self.document.key.push(entry);
        self.document
            .key
            .sort_by_key(|entry| (entry.purpose(), entry.version));
        self.told(purpose, of.version)
    }

    /// Makes the pending version the one that issues; the one that did is accepted from here on.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn activate(
        &mut self,
        purpose: KeyPurpose,
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> Result<VersionStatus, ChangeError> {
        let pending = self
            .in_state(purpose, State::Pending)
            .ok_or(ChangeError::NonePending { id: purpose.id() })?;
        if let Some(active) = self.in_state(purpose, State::Active) {
            let since = self.entry(purpose, active)?.since;
            self.set(purpose, active, State::Accept, since, random)?;
        }
        self.set(purpose, pending, State::Active, Some(now), random)?;
        self.told(purpose, pending)
    }

    /// An accepted version is no longer read.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn retire(
        &mut self,
        purpose: KeyPurpose,
        version: u32,
        random: &dyn SecureRandom,
    ) -> Result<VersionStatus, ChangeError> {
        self.must_be(purpose, version, State::Accept, "retired")?;
        let since = self.entry(purpose, version)?.since;
        self.set(purpose, version, State::Retired, since, random)?;
        self.told(purpose, version)
    }

    /// A retired version is no more: what it made can be linked to nothing for good.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn destroy(&mut self, purpose: KeyPurpose, version: u32) -> Result<VersionStatus, ChangeError> {
        self.must_be(purpose, version, State::Retired, "destroyed")?;
        let marks = self.document.marks();
        let entry = self.entry(purpose, version)?;
        if entry.kept()
            && let Some(key) = entry.unwrap(&self.store, marks)?
        {
            self.doomed.push(key.secret);
        }
        let entry = self.entry_mut(purpose, version)?;
        entry.state = State::Destroyed;
        entry.wrapped.clear();
        self.told(purpose, version)
    }

    /// Wraps every key anew. What the old store keeps stays there, so it must be the same module or keep none.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn rewrap(&mut self, kek: &KekSource, random: &dyn SecureRandom) -> Result<(), ChangeError> {
        let secret = !self.document.marks().example;
        let store = match kek {
            KekSource::Pkcs11(settings) => Arc::new(Hsm::open_or_make(settings)?) as Arc<dyn KeyStore>,
            held => held.open(secret)?,
        };
        let marks = self.document.marks();
        let mut entries = Vec::with_capacity(self.document.key.len());
        for entry in std::mem::take(&mut self.document.key) {
            entries.push(rewrapped(entry, &self.store, &store, marks, random)?);
        }
        self.document.key = entries;
        (self.store, self.files.kek) = (store, kek.clone());
        // What was wrapped must open before the old file goes.
        keyring(&self.document, &self.store)?;
        Ok(())
    }

    /// Replaces the file; then what the store kept for destroyed versions goes.
    ///
    /// # Errors
    /// [`ChangeError`]; the file is then the old one.
    pub fn save(self) -> Result<(), ChangeError> {
        keyring(&self.document, &self.store)?;
        let text = toml::to_string(&self.document).map_err(|_| CreateError::Crypto)?;
        replace(&self.files.keys, [HEADER, &text].concat().as_bytes())?;
        for kept in &self.doomed {
            self.store.destroy_kept(kept)?;
        }
        Ok(())
    }

    fn set(
        &mut self,
        purpose: KeyPurpose,
        version: u32,
        state: State,
        since: Option<Timestamp>,
        random: &dyn SecureRandom,
    ) -> Result<(), ChangeError> {
        let marks = self.document.marks();
        let missing = ChangeError::NoSuchVersion {
            id: purpose.id(),
            version,
        };
        let key = self
            .entry(purpose, version)?
            .unwrap(&self.store, marks)?
            .ok_or(missing)?;
        let of = Version {
            purpose,
            version,
            state,
            since,
        };
        let wrapped = Entry::wrap(of, (&key.secret, key.kept), self.store.as_ref(), marks, random)?;
        *self.entry_mut(purpose, version)? = wrapped;
        Ok(())
    }

    fn must_be(
        &self,
        purpose: KeyPurpose,
        version: u32,
        wanted: State,
        done: &'static str,
    ) -> Result<(), ChangeError> {
        let state = self.entry(purpose, version)?.state;
        if state == wanted {
            return Ok(());
        }
        Err(ChangeError::WrongState {
            id: purpose.id(),
            version,
            state: state.name(),
            wanted: wanted.name(),
            done,
        })
    }

    fn told(&self, purpose: KeyPurpose, version: u32) -> Result<VersionStatus, ChangeError> {
        let missing = ChangeError::NoSuchVersion {
            id: purpose.id(),
            version,
        };
        self.status()
            .into_iter()
            .find(|status| status.id == purpose.id() && status.version == version)
            .ok_or(missing)
    }

    fn of(&self, purpose: KeyPurpose) -> impl Iterator<Item = &Entry> {
        self.document
            .key
            .iter()
            .filter(move |entry| entry.id == purpose.id())
    }

    fn highest(&self, purpose: KeyPurpose) -> u32 {
        self.of(purpose).map(|entry| entry.version).max().unwrap_or(0)
    }

    fn in_state(&self, purpose: KeyPurpose, state: State) -> Option<u32> {
        self.of(purpose)
            .find(|entry| entry.state == state)
            .map(|entry| entry.version)
    }

    fn entry(&self, purpose: KeyPurpose, version: u32) -> Result<&Entry, ChangeError> {
        self.of(purpose)
            .find(|entry| entry.version == version)
            .ok_or(ChangeError::NoSuchVersion {
                id: purpose.id(),
                version,
            })
    }

    fn entry_mut(&mut self, purpose: KeyPurpose, version: u32) -> Result<&mut Entry, ChangeError> {
        let found = self
            .document
            .key
            .iter_mut()
            .find(|entry| entry.id == purpose.id() && entry.version == version);
        found.ok_or(ChangeError::NoSuchVersion {
            id: purpose.id(),
            version,
        })
    }
}

impl std::fmt::Debug for OpenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenKeys({} versions)", self.document.key.len())
    }
}

fn rewrapped(
    entry: Entry,
    old: &Arc<dyn KeyStore>,
    new: &Arc<dyn KeyStore>,
    marks: Marks,
    random: &dyn SecureRandom,
) -> Result<Entry, ChangeError> {
    let Some(key) = entry.unwrap(old, marks)? else {
        return Ok(entry);
    };
    let of = Version {
        purpose: key.purpose,
        version: entry.version,
        state: entry.state,
        since: entry.since,
    };
    Ok(Entry::wrap(
        of,
        (&key.secret, key.kept),
        new.as_ref(),
        marks,
        random,
    )?)
}
