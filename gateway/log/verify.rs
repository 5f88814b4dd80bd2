//! Verifying a whole log from its tables, with the public key alone; it writes nothing. The checks are
//! [`doelpoort_core::audit::verify`], the same as for a bundle.

use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::verify::{Check, Examined, Given, Head, Report, Source};
use doelpoort_verify::{examine_all, open_all};
use tokio::task::JoinError;

use super::SHARD;
use crate::store::{Store, StoreError, log as rows};

/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 8_000;

/// Why a log could not be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no log in the database.
    #[error("there is no audit log in this database")]
    NoLog,
    /// The checkpoint to compare with is not one of this key.
    #[error("the checkpoint to compare with: {0}")]
    Against(#[source] CheckpointError),
    /// A thread ended badly: a defect of ours.
    #[error("the check broke off")]
    Thread(#[from] JoinError),
}

/// Verifies the log in `store` against its public key and, if given, a checkpoint that was kept elsewhere. Entries
/// that are appended meanwhile are left out.
pub async fn verify(store: &Store, log: &Verifier, against: Option<&str>) -> Result<Report, VerifyError> {
    let mut check = Check::new(log, Source::Database);
    if let Some(note) = against {
        check.against(&Checkpoint::open(note, log).map_err(VerifyError::Against)?);
    }
    let (origin, verifier) = rows::shard(store, SHARD).await?.ok_or(VerifyError::NoLog)?;
    // The checkpoints first, then the head: what is read later is never shorter.
    signatures(store, log, &mut check).await?;
    let head = rows::head(store, SHARD).await?.ok_or(VerifyError::NoLog)?;
    if (origin.as_str(), verifier.as_str()) != (log.name(), log.to_text().as_str()) {
        check.find(
            None,
            "the name and key in the database are not those of the given key",
        );
    }
    entries(store, &head, &mut check).await?;
    Ok(check.finish(Some(&Head {
        size: head.size,
        frontier: &head.frontier,
        root: head.root,
        last_us: head.last_us,
        policy_generation: head.policy_generation,
        policy_digest: &head.policy_digest,
    })))
}

/// Every stored note must be signed, and say what stands beside it.
async fn signatures(store: &Store, log: &Verifier, check: &mut Check) -> Result<(), VerifyError> {
    let stored = rows::checkpoints(store, SHARD).await?;
    let log = log.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let notes: Vec<&str> = stored.iter().map(|stored| stored.note.as_str()).collect();
        let opened = open_all(&notes, &log);
        stored.into_iter().zip(opened).collect::<Vec<_>>()
    });
    for (stored, opened) in opened.await? {
        check.checkpoint(stored.size, &stored.root, opened);
    }
    Ok(())
}

async fn entries(store: &Store, head: &rows::Head, check: &mut Check) -> Result<(), VerifyError> {
    let mut next = 0;
    loop {
        let mut entries = rows::entries(store, SHARD, next, ENTRIES_PER_READ).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        next = last.index + 1;
        // What is beyond the head we read: is it new, or does the head lag behind for good?
        let beyond = entries.iter().position(|entry| entry.index >= head.size);
        let new = match beyond.and_then(|at| Some((at, entries.get(at)?.index))) {
            Some((at, index)) if appended_meanwhile(store, index).await? => Some(at),
            _ => None,
        };
        entries.truncate(new.unwrap_or(entries.len()));
        for entry in examined(entries).await? {
            check.entry(&entry);
        }
        if new.is_some() {
            return Ok(());
        }
    }
}

async fn appended_meanwhile(store: &Store, index: u64) -> Result<bool, StoreError> {
    let now = rows::head(store, SHARD).await?;
    Ok(now.is_some_and(|head| index < head.size))
}

async fn examined(entries: Vec<rows::StoredEntry>) -> Result<Vec<Examined>, JoinError> {
    tokio::task::spawn_blocking(move || {
        let given: Vec<_> = entries.iter().map(given).collect();
        examine_all(&given)
    })
    .await
}

fn given(entry: &rows::StoredEntry) -> Given<'_> {
    Given {
        index: entry.index,
        leaf: &entry.leaf,
        leaf_hash: &entry.leaf_hash,
        place: Some((&entry.replica, entry.sequence)),
    }
}
