//! What others read of the log: checkpoints, tiles, entries and proofs, up to the newest signed checkpoint.

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::tile::{Tile, Tiles};
use doelpoort_core::audit::witness::AddCheckpoint;

use super::{Health, Log, LogError, SHARD};
use crate::store::published;
use crate::store::{Row, Store, log as rows};

/// Cosignatures that are looked through for one checkpoint.
const COSIGNATURES_MAX: i64 = 256;

impl Log {
    /// The newest signed checkpoint (C2SP tlog-checkpoint) with the cosignatures it has, by whichever replica; `None`
    /// until the first.
    pub async fn checkpoint(&self) -> Result<Option<String>, LogError> {
        self.shared.health.check()?;
        let store = &self.shared.store;
        match rows::last_checkpoint(store, SHARD).await? {
            None => Ok(None),
            Some(last) => cosigned(store, last).await.map(Some),
        }
    }

    /// The newest checkpoint that a quorum of the witnesses cosigned; `None` where none is, or none is asked for.
    pub async fn witnessed(&self) -> Result<Option<String>, LogError> {
        self.shared.health.check()?;
        let store = &self.shared.store;
        let Some(size) = self.shared.health.quorum().map(|quorum| quorum.size) else {
            return Ok(None);
        };
        match published::checkpoint(store, SHARD, size).await? {
            None => Ok(None),
            Some(checkpoint) => cosigned(store, checkpoint).await.map(Some),
        }
    }

    /// A tile of hashes, 32 bytes each; `None` beyond the newest checkpoint.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        if !self.is_published(tile).await? {
            return Ok(None);
        }
        let hashes = hashes(&self.shared.store, tile).await?;
        Ok(Some(hashes.as_flattened().to_vec()))
    }

    /// The entries under a tile, each with its length before it; `None` beyond the newest checkpoint. They tell who
    /// asked when: for auditors only, and reading them is logged first.
    pub async fn entries(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        if !self.is_published(tile).await? {
            return Ok(None);
        }
        let (mut bundle, mut count) = (Vec::new(), 0);
        let each = |row: Row| {
            let leaf = row.bytes(0)?;
            // A leaf has at most 65,535 bytes; a longer one has been tampered with, and gives a bundle nobody reads.
            bundle.extend(u16::try_from(leaf.len()).unwrap_or(u16::MAX).to_be_bytes());
            bundle.extend(leaf);
            count += 1;
            Ok(())
        };
        rows::leaves(&self.shared.store, SHARD, tile.range(), rows::Leaves::All, each).await?;
        if count == tile.width {
            Ok(Some(bundle))
        } else {
            Err(self.shared.health.stop("entries are missing"))
        }
    }

    /// The proof that entry `index` is in the log: under the newest checkpoint that a quorum cosigned if it is in there,
    /// else under the newest. `None` where no checkpoint holds it yet.
    pub async fn inclusion(&self, index: u64) -> Result<Option<Proof>, LogError> {
        let store = &self.shared.store;
        let mut under = None;
        if let Some(quorum) = self.shared.health.quorum()
            && index < quorum.size
        {
            under = published::checkpoint(store, SHARD, quorum.size).await?;
        }
        if under.is_none() {
            under = rows::last_checkpoint(store, SHARD).await?;
        }
        self.shared.health.check()?;
        let Some(checkpoint) = under.filter(|checkpoint| index < checkpoint.size) else {
            return Ok(None);
        };
        let health = &self.shared.health;
        let tiles = tiles(store, health, index, &checkpoint).await?;
        let tree = tiles.tree(checkpoint.size).ok_or_else(|| broken(health))?;
        let hashes = tree.inclusion(index).ok_or_else(|| broken(health))?;
        let note = cosigned(store, checkpoint).await?;
        let extra = None;
        Ok(Some(Proof {
            extra,
            index,
            hashes,
            note,
        }))
    }

    /// The proof that the newest checkpoint goes on from the tree of `old_size`, as anybody may give it to a witness.
    /// `None` where there is no such tree.
    pub async fn consistency(&self, old_size: u64) -> Result<Option<AddCheckpoint>, LogError> {
        self.shared.health.check()?;
        let store = &self.shared.store;
        let last = rows::last_checkpoint(store, SHARD).await?;
        let Some(checkpoint) = last.filter(|checkpoint| old_size <= checkpoint.size) else {
            return Ok(None);
        };
        consistency(store, &self.shared.health, checkpoint, old_size)
            .await
            .map(Some)
    }

    async fn is_published(&self, tile: Tile) -> Result<bool, LogError> {
        self.shared.health.check()?;
        let last = rows::last_checkpoint(&self.shared.store, SHARD).await?;
        Ok(last.is_some_and(|last| tile.is_in(last.size)))
    }
}

/// What a witness is asked that is believed to have cosigned the tree of `old_size`, which is no larger than the
/// checkpoint's.
pub(super) async fn consistency(
    store: &Store,
    health: &Health,
    checkpoint: rows::StoredCheckpoint,
    old_size: u64,
) -> Result<AddCheckpoint, LogError> {
    let proof = match old_size.checked_sub(1) {
        // Every tree goes on from the empty one.
        None => Vec::new(),
        Some(leaf) => {
            let tiles = tiles(store, health, leaf, &checkpoint).await?;
            let tree = tiles.tree(checkpoint.size).ok_or_else(|| broken(health))?;
            tree.consistency(old_size).ok_or_else(|| broken(health))?
        }
    };
    let note = checkpoint.note;
    Ok(AddCheckpoint {
        old_size,
        proof,
        note,
    })
}

/// The tiles for proofs about a leaf. They must give the checkpoint's root: no proof is handed out that nobody can
/// verify.
async fn tiles(
    store: &Store,
    health: &Health,
    index: u64,
    checkpoint: &rows::StoredCheckpoint,
) -> Result<Tiles, LogError> {
    let mut tiles = Tiles::default();
    for tile in Tile::for_proof(index, checkpoint.size) {
        tiles.insert(tile, hashes(store, tile).await?);
    }
    let root = tiles.tree(checkpoint.size).map(|tree| tree.root().to_vec());
    if root.as_ref() == Some(&checkpoint.root) {
        Ok(tiles)
    } else {
        Err(broken(health))
    }
}

fn broken(health: &Health) -> LogError {
    health.stop("the tiles do not give the root of a checkpoint")
}

/// The hashes of a tile: leaf hashes, or the roots of the tiles below.
async fn hashes(store: &Store, tile: Tile) -> Result<Vec<Hash>, LogError> {
    let (from, until) = tile.range();
    if tile.level > 0 {
        return Ok(published::nodes(store, SHARD, tile.level, (from, until)).await?);
    }
    let mut hashes = Vec::with_capacity(usize::from(tile.width));
    rows::leaf_hashes(store, SHARD, from, until, |hash| hashes.push(hash)).await?;
    Ok(hashes)
}

/// A checkpoint's note with the cosignatures under it.
async fn cosigned(store: &Store, checkpoint: rows::StoredCheckpoint) -> Result<String, LogError> {
    let size = checkpoint.size;
    let found = published::cosignatures(store, SHARD, size, COSIGNATURES_MAX).await?;
    let lines = found
        .into_iter()
        .filter(|one| one.size == size)
        .map(|one| one.line);
    Ok(checkpoint.note + &lines.collect::<String>())
}
