//! Backups: the database, the policies and the settings of a gateway in one folder, and back from it. Never a key: those
//! are kept elsewhere, or a thief of a backup had all.
//!
//! A folder is a backup once it has its list, `backup.json`, which is written last. It holds the digest of each file and
//! the newest checkpoint of each shard of the log from before the copy, so a restored log shows that nothing is missing.

mod engine;
mod folder;
mod list;

use std::io;
use std::path::{Path, PathBuf};

use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::verify::Report;
use jiff::Timestamp;

use crate::config::Config;
use crate::log::{Evidence, VerifyError, verify_with};
use crate::store::{Store, StoreError, StoreOptions, log as rows};

use engine::Engine;
pub use list::{List, Shard};

/// The folder of the policies in a backup.
const POLICIES: &str = "policies";
/// The settings in a backup.
const CONFIG: &str = "gateway.toml";

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What would be written over.
    #[error("`{}` is there already: name another place", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// No list, or one that cannot be read.
    #[error("`{}` is no backup: {why}", folder.display())]
    NotABackup {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A file is not as it was, or is missing, or came later.
    #[error("the backup was changed: `{file}` {how}")]
    Changed {
        /// The file, within the folder.
        file: String,
        /// In what way.
        how: &'static str,
    },
    /// The URL names neither engine, or not the one of the backup.
    #[error("{0}")]
    Engine(String),
    /// There is no gateway's database at the URL.
    #[error("there is no audit log in this database: nothing to back up")]
    NoLog,
    /// One of PostgreSQL's own programs failed.
    #[error("`{program}` failed: {why}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        why: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The restored log could not be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl BackupError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

/// Copies the gateway of these settings into a folder of its own, while it runs.
///
/// # Errors
/// When something cannot be read or written; then there is no folder.
pub async fn take(
    config: &Config,
    config_file: &Path,
    output: &Path,
    now: Timestamp,
) -> Result<List, BackupError> {
    let part = folder::begin(output)?;
    let taken = copy(config, config_file, &part, now).await;
    match taken {
        Ok(list) => folder::finish(&part, output).map(|()| list),
        Err(error) => {
            // What is left of it is no backup: it has no list.
            let _ = std::fs::remove_dir_all(&part);
            Err(error)
        }
    }
}

async fn copy(config: &Config, config_file: &Path, part: &Path, now: Timestamp) -> Result<List, BackupError> {
    let url = config.database.url.expose();
    let engine = Engine::of(url)?;
    engine.must_exist(url)?;
    let store = Store::open(url, StoreOptions::default()).await?;
    // Before the copy, so that the copy holds at least what they sign.
    let shards = shards(&store).await?;
    let schema = engine.copy(&store, url, part).await;
    store.close().await;
    let schema = schema?;
    folder::copy(&config.policies.dir, &part.join(POLICIES))?;
    folder::copy(config_file, &part.join(CONFIG))?;
    let list = List::of(part, engine, schema, shards, now)?;
    list.write(part)?;
    Ok(list)
}

/// The shards of a log, each with its newest checkpoint.
async fn shards(store: &Store) -> Result<Vec<Shard>, BackupError> {
    let mut shards = Vec::new();
    if !store.has_log().await? {
        return Err(BackupError::NoLog);
    }
    for shard in rows::shards(store).await? {
        let checkpoint = rows::last_checkpoint(store, shard.number).await?;
        shards.push(Shard {
            origin: shard.origin,
            verifier: shard.verifier,
            checkpoint: checkpoint.map(|checkpoint| checkpoint.note),
        });
    }
    if shards.is_empty() {
        return Err(BackupError::NoLog);
    }
    Ok(shards)
}

/// Brings the database of a backup back into one that is empty, and verifies its log, with the key that the backup names
/// or with one that was kept elsewhere.
///
/// # Errors
/// When the folder is not what its list says, when the database is not empty, or when it cannot be written.
pub async fn restore(from: &Path, url: &str, key: Option<Verifier>) -> Result<Report, BackupError> {
    let list = List::read(from)?;
    list.verify(from)?;
    let engine = Engine::of(url)?;
    if engine != list.engine {
        return Err(BackupError::Engine(format!(
            "the backup is of {}, and the database is {engine}",
            list.engine
        )));
    }
    engine.restore(url, from, list.schema.as_deref()).await?;
    let store = Store::open(url, StoreOptions::default()).await?;
    let report = verified(&store, &list, key).await;
    store.close().await;
    report
}

async fn verified(store: &Store, list: &List, key: Option<Verifier>) -> Result<Report, BackupError> {
    let not_listed = |why: String| BackupError::NotABackup {
        folder: PathBuf::from(list::FILE),
        why,
    };
    let last = list.shards.last().ok_or(BackupError::NoLog)?;
    let key = match key {
        Some(key) => key,
        None => Verifier::parse(&last.verifier).map_err(|error| not_listed(error.to_string()))?,
    };
    let against = last.checkpoint.as_deref();
    let against = against.map(|note| doelpoort_core::audit::checkpoint::Checkpoint::open_of_log(note, &key));
    let given = Evidence {
        against: against.transpose(),
        receipts: Vec::new(),
        approvers: None,
    };
    Ok(verify_with(store, &key, given).await?)
}
