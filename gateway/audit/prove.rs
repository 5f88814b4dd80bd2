//! The proof that one entry is in the log: a file for a parent, a court, or whoever asks.

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::merkle::{Tree, complete_nodes};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::proof::Proof;

use super::{AuditError, Entries};
use crate::log::Numbers;
use crate::store::{Store, log as rows};

/// Which entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By its number in the whole log, from 0.
    Index(u64),
    /// By its random id.
    EntryId([u8; 16]),
}

/// The proof of one entry under the last signed checkpoint of its shard, with the leaf in it. The log's key in the database must
/// have signed that checkpoint; whether it is the right key is for whoever verifies the proof.
///
/// Reads all leaf hashes: 64 bytes of memory an entry.
pub async fn prove(store: &Store, wanted: Wanted) -> Result<Proof, AuditError> {
    let numbers = Numbers::read(store).await?;
    let number = match wanted {
        Wanted::Index(number) => number,
        Wanted::EntryId(id) => number_of(store, id, numbers.end()).await?,
    };
    let (place, index) = numbers.place(number).ok_or(AuditError::NoLog)?;
    let shard = place.shard.number;
    let stored = rows::last_checkpoint(store, shard)
        .await?
        .ok_or(AuditError::NoCheckpoint)?;
    let checkpoint = Verifier::parse(&place.shard.verifier)
        .ok()
        .and_then(|key| Checkpoint::open(&stored.note, &key).ok())
        .ok_or(AuditError::Root)?;
    let size = checkpoint.size;
    let found = rows::entries(store, shard, index, 1).await?.into_iter().next();
    let entry =
        found
            .filter(|entry| entry.index == index && index < size)
            .ok_or(AuditError::NoSuchEntry {
                size: place.first + size,
            })?;
    let mut hashes = Vec::new();
    rows::leaf_hashes(store, shard, 0, size, |hash| hashes.push(hash)).await?;
    let levels = complete_nodes(hashes);
    proof(&levels, &checkpoint, stored.note, (index, entry.leaf))
}

/// The proof of one leaf under a checkpoint, from the complete nodes of the tree (level by level, leaf hashes first).
///
/// # Errors
/// When the nodes are not those of the checkpoint.
pub fn proof(
    levels: &[Vec<Hash>],
    checkpoint: &Checkpoint,
    note: String,
    (index, leaf): (u64, Vec<u8>),
) -> Result<Proof, AuditError> {
    let node = |level: usize, index: u64| levels.get(level)?.get(usize::try_from(index).ok()?).copied();
    let tree = Tree::at(checkpoint.size, node)
        .filter(|tree| tree.root() == checkpoint.root)
        .ok_or(AuditError::Root)?;
    Ok(Proof {
        extra: Some(leaf),
        index,
        hashes: tree.inclusion(index).ok_or(AuditError::Root)?,
        note,
    })
}

/// The number of the entry with this id; the whole log is read for it.
async fn number_of(store: &Store, id: [u8; 16], size: u64) -> Result<u64, AuditError> {
    let mut number = None;
    Entries::Database(store.clone())
        .each(0..size, |entry| {
            if entry.leaf.event.entry_id == id {
                number = Some(entry.index);
            }
            Ok(())
        })
        .await?;
    number.ok_or(AuditError::NoSuchEntry { size })
}
