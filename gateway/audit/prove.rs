//! The proof that one entry is in the log: a file for a parent, a court, or whoever asks.

use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::merkle::{Tree, complete_nodes};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::proof::Proof;

use super::{AuditError, Entries};
use crate::log::SHARD;
use crate::store::{Store, log as rows};

/// Which entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By its number, from 0.
    Index(u64),
    /// By its random id.
    EntryId([u8; 16]),
}

/// The proof of one entry under the last signed checkpoint, with the leaf in it. The log's key in the database must
/// have signed that checkpoint; whether it is the right key is for whoever verifies the proof.
///
/// Reads all leaf hashes: 64 bytes of memory an entry.
pub async fn prove(store: &Store, wanted: Wanted) -> Result<Proof, AuditError> {
    let (_, key) = rows::shard(store, SHARD).await?.ok_or(AuditError::NoLog)?;
    let stored = rows::last_checkpoint(store, SHARD)
        .await?
        .ok_or(AuditError::NoCheckpoint)?;
    let checkpoint = Verifier::parse(&key)
        .ok()
        .and_then(|key| Checkpoint::open(&stored.note, &key).ok())
        .ok_or(AuditError::Root)?;
    let size = checkpoint.size;
    let index = match wanted {
        Wanted::Index(index) => index,
        Wanted::EntryId(id) => index_of(store, id, size).await?,
    };
    let found = rows::entries(store, SHARD, index, 1).await?.into_iter().next();
    let entry = found
        .filter(|entry| entry.index == index && index < size)
        .ok_or(AuditError::NoSuchEntry { size })?;
    let mut hashes = Vec::new();
    rows::leaf_hashes(store, SHARD, 0, size, |hash| hashes.push(hash)).await?;
    let levels = complete_nodes(hashes);
    let node = |level: usize, index: u64| levels.get(level)?.get(usize::try_from(index).ok()?).copied();
    let tree = Tree::at(size, node)
        .filter(|tree| tree.root() == checkpoint.root)
        .ok_or(AuditError::Root)?;
    Ok(Proof {
        extra: Some(entry.leaf),
        index,
        hashes: tree.inclusion(index).ok_or(AuditError::Root)?,
        note: stored.note,
    })
}

/// The number of the entry with this id; the whole log is read for it.
async fn index_of(store: &Store, id: [u8; 16], size: u64) -> Result<u64, AuditError> {
    let mut index = None;
    Entries::Database(store.clone())
        .each(0..size, |entry| {
            if entry.leaf.event.entry_id == id {
                index = Some(entry.index);
            }
            Ok(())
        })
        .await?;
    index.ok_or(AuditError::NoSuchEntry { size })
}
