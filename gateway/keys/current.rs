//! The keys in use: replaced whole when their file changed, never edited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use ring::rand::{SecureRandom as _, SystemRandom};

use super::{KeyFileError, KeyFiles, KeyStoreError, KeyUse, Keyring};

/// The keys of a running gateway, and where they came from.
pub struct CurrentKeys {
    files: KeyFiles,
    usage: KeyUse,
    replica: [u8; 16],
    keyring: ArcSwap<Keyring>,
    fingerprint: ArcSwap<[u8; 32]>,
    told: AtomicBool,
}

impl CurrentKeys {
    /// Reads them for the first time.
    ///
    /// # Errors
    /// [`KeyFileError`]; the gateway must not start then.
    pub async fn load(files: KeyFiles, usage: KeyUse) -> Result<Self, KeyFileError> {
        let (keyring, fingerprint) = read(&files, usage).await?;
        Ok(Self {
            files,
            usage,
            replica: random()?,
            keyring: ArcSwap::from_pointee(keyring),
            fingerprint: ArcSwap::from_pointee(fingerprint),
            told: AtomicBool::new(false),
        })
    }

    /// The keys now. One request keeps the ones that it began with.
    pub fn now(&self) -> Arc<Keyring> {
        self.keyring.load_full()
    }

    /// Whether the file is another than the one in use; false while it cannot be read.
    pub fn changed(&self) -> bool {
        self.files
            .fingerprint()
            .is_ok_and(|found| found != **self.fingerprint.load())
    }

    /// Reads the file again. What cannot be changed while a gateway runs is refused, and the old keys stay.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub async fn reload(&self) -> Result<Arc<Keyring>, KeyFileError> {
        let (keyring, fingerprint) = read(&self.files, self.usage).await?;
        let (old, keyring) = (self.now(), Arc::new(keyring));
        if old.log.active().expose() != keyring.log.active().expose() {
            return Err(KeyFileError::NeedsStart("log"));
        }
        self.keyring.store(Arc::clone(&keyring));
        self.fingerprint.store(Arc::new(fingerprint));
        self.told.store(false, Ordering::Relaxed);
        Ok(keyring)
    }

    /// Whether a failure to read the file again was told of before; from now on it was.
    pub fn told_before(&self) -> bool {
        self.told.swap(true, Ordering::Relaxed)
    }

    /// A random name of this run, under which it tells the others which versions it has.
    pub fn replica(&self) -> &[u8; 16] {
        &self.replica
    }

    /// Where they are.
    pub fn files(&self) -> &KeyFiles {
        &self.files
    }
}

impl std::fmt::Debug for CurrentKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CurrentKeys({:?})", self.now())
    }
}

fn random() -> Result<[u8; 16], KeyFileError> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| KeyFileError::Store(KeyStoreError::Crypto))?;
    Ok(bytes)
}

/// The fingerprint first: a file that changes meanwhile is read again.
async fn read(files: &KeyFiles, usage: KeyUse) -> Result<(Keyring, [u8; 32]), KeyFileError> {
    let files = files.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let fingerprint = files.fingerprint()?;
        Ok((files.load(usage)?, fingerprint))
    });
    reading.await.unwrap_or(Err(KeyFileError::Interrupted))
}
