//! A witness (C2SP tlog-witness): it remembers the longest checkpoint of each log it knows and cosigns what goes on from
//! it. Its word is worth something because it runs where the log's operator does not.
//!
//! A checkpoint is durable before its cosignature leaves: written beside, synced, renamed over the last, the folder
//! synced. A crash before the rename leaves the last checkpoint, after it the new one without a cosignature given; the
//! log asks again. **The state must never be restored from a backup**: a witness that has forgotten may cosign a second
//! history. Make a new key instead; a folder without its state is refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::HEXLOWER;
use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::cosignature::{Cosigner, WitnessKey};
use doelpoort_core::audit::note::{NoteError, Verifier};
use doelpoort_core::audit::witness::{AddCheckpoint, Refusal};
use ring::digest::{SHA256, digest};
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::keys::file::{CreateError, make_directory, write_secret};

/// The private key, in the folder of a witness.
const KEY_FILE: &str = "witness.key";
/// The public key, to hand to logs and their readers.
const PUBLIC_KEY_FILE: &str = "witness.vkey";
/// The folder with the last checkpoint of each log.
const STATE_FOLDER: &str = "state";
/// Locked by the process that serves: two would not know of each other.
const LOCK_FILE: &str = "lock";

/// Logs and shards of them that one witness cosigns.
const LOGS_MAX: usize = 10_000;

/// A witness with its key and its memory.
pub struct Witness {
    cosigner: Cosigner,
    clock: Arc<dyn Clock>,
    state: PathBuf,
    /// The last checkpoint of each log, by origin.
    logs: Mutex<BTreeMap<String, Known>>,
    /// Held as long as the witness lives.
    _lock: File,
}

/// A log that is known here.
struct Known {
    key: Verifier,
    last: Option<Checkpoint>,
}

/// Why a witness cannot be made or opened, or cannot cosign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The log's request is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file cannot be read or written.
    #[error("cannot read or write `{}`: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        why: io::Error,
    },
    /// Another process serves from this folder.
    #[error("another process serves from `{}`", .0.display())]
    Locked(PathBuf),
    /// There is a key, and its memory is gone.
    #[error(
        "`{}` is not there: a witness without its memory might cosign a second history; make a new one with a new name \
         (`doelpoort witness new`)", .0.display()
    )]
    Forgotten(PathBuf),
    /// What is remembered of a log is not what its key signed.
    #[error("what is remembered in `{}` is no checkpoint of its log: {why}", file.display())]
    State {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: CheckpointError,
    },
    /// Two keys for one log.
    #[error("the log `{0}` is given twice")]
    Twice(String),
    /// The key cannot be used.
    #[error("the witness's key: {0}")]
    Key(#[from] NoteError),
    /// It cannot be made.
    #[error(transparent)]
    Create(#[from] CreateError),
}

impl Witness {
    /// Makes a folder with a fresh key and an empty memory; tells the public key.
    pub fn create(folder: &Path, name: &str, random: &dyn SecureRandom) -> Result<WitnessKey, WitnessError> {
        let mut seed = Zeroizing::new([0; 32]);
        random
            .fill(seed.as_mut_slice())
            .map_err(|_| CreateError::Crypto)?;
        let text = Cosigner::to_private_text(name, &seed)?;
        let key = Cosigner::from_seed(name, &seed)?.key().clone();
        make_directory(folder)?;
        write_secret(&folder.join(KEY_FILE), text.as_bytes())?;
        make_directory(&folder.join(STATE_FOLDER))?;
        let public = folder.join(PUBLIC_KEY_FILE);
        std::fs::write(&public, key.to_text() + "\n").map_err(|why| failed(&public, why))?;
        Ok(key)
    }

    /// Opens a folder, for these logs.
    pub fn open(folder: &Path, logs: Vec<Verifier>, clock: Arc<dyn Clock>) -> Result<Self, WitnessError> {
        let key_file = folder.join(KEY_FILE);
        let text = std::fs::read_to_string(&key_file)
            .map(Zeroizing::new)
            .map_err(|why| failed(&key_file, why))?;
        let cosigner = Cosigner::from_private_text(&text)?;
        let state = folder.join(STATE_FOLDER);
        if !state.is_dir() {
            return Err(WitnessError::Forgotten(state));
        }
        let lock_file = folder.join(LOCK_FILE);
        let lock = File::create(&lock_file).map_err(|why| failed(&lock_file, why))?;
        lock.try_lock()
            .map_err(|_| WitnessError::Locked(folder.to_owned()))?;
        let mut known = BTreeMap::new();
        for key in logs {
            let last = remembered(&state, &key)?;
            let origin = key.name().to_owned();
            if known.insert(origin.clone(), Known { key, last }).is_some() {
                return Err(WitnessError::Twice(origin));
            }
        }
        Ok(Self {
            cosigner,
            clock,
            state,
            logs: Mutex::new(known),
            _lock: lock,
        })
    }

    /// The public key.
    pub fn key(&self) -> &WitnessKey {
        self.cosigner.key()
    }

    /// Answers `add-checkpoint`: the cosignature line, once the checkpoint is remembered durably. It waits for the disk.
    pub fn add_checkpoint(&self, body: &str) -> Result<String, WitnessError> {
        let request = AddCheckpoint::parse(body)?;
        // One at a time, so that nothing is remembered between the check and the write.
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        self.meet(&mut logs, &request)?;
        let known = logs.get_mut(request.origin()).ok_or(Refusal::UnknownLog)?;
        let new = request.judge(&known.key, known.last.as_ref())?;
        remember(&self.state, known.key.name(), &request.note)?;
        let text = new.to_text();
        known.last = Some(new);
        let now_s = u64::try_from(self.clock.now().as_second()).unwrap_or_default();
        Ok(self.cosigner.cosign(&text, now_s))
    }
}

impl Witness {
    /// Takes up a shard of a log that is known: the same key signed it, under the shard's name.
    fn meet(&self, logs: &mut BTreeMap<String, Known>, request: &AddCheckpoint) -> Result<(), WitnessError> {
        let origin = request.origin();
        if logs.contains_key(origin) || logs.len() >= LOGS_MAX {
            return Ok(());
        }
        let key = logs.values().find_map(|known| known.key.of_shard(origin));
        let key = key.filter(|key| Checkpoint::open(&request.note, key).is_ok());
        if let Some(key) = key {
            let last = remembered(&self.state, &key)?;
            logs.insert(origin.to_owned(), Known { key, last });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Witness({})", self.key().name())
    }
}

/// Where the last checkpoint of a log is kept.
fn file_of(state: &Path, origin: &str) -> PathBuf {
    let hash = digest(&SHA256, origin.as_bytes());
    state.join(HEXLOWER.encode(hash.as_ref()) + ".checkpoint")
}

fn remembered(state: &Path, log: &Verifier) -> Result<Option<Checkpoint>, WitnessError> {
    let file = file_of(state, log.name());
    match std::fs::read_to_string(&file) {
        Ok(note) => match Checkpoint::open(&note, log) {
            Ok(checkpoint) => Ok(Some(checkpoint)),
            Err(why) => Err(WitnessError::State { file, why }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(failed(&file, why)),
    }
}

/// Writes a checkpoint over the last one, durably or not at all.
fn remember(state: &Path, origin: &str, note: &str) -> Result<(), WitnessError> {
    let file = file_of(state, origin);
    let beside = file.with_extension("new");
    let write = || {
        let mut new = File::create(&beside)?;
        new.write_all(note.as_bytes())?;
        new.sync_all()?;
        std::fs::rename(&beside, &file)?;
        File::open(state)?.sync_all()
    };
    write().map_err(|why| failed(&file, why))
}

fn failed(file: &Path, why: io::Error) -> WitnessError {
    let file = file.to_owned();
    WitnessError::File { file, why }
}
