//! What others read of the log: checkpoints, tiles, entries and proofs, up to the newest signed checkpoint.

use std::sync::Arc;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::leaf::Leaf;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::tile::{Tile, Tiles};
use doelpoort_core::audit::witness::AddCheckpoint;

use super::publishing::Publishing;
use super::shards::Shard;
use super::{Health, Log, LogError, quorum};
use crate::store::{Row, Store, StoreError, log as rows};
use crate::store::{private, published};

/// Cosignatures that are looked through for one checkpoint.
const COSIGNATURES_MAX: i64 = 256;

/// What is published of one shard. Cheap to clone.
#[derive(Clone)]
pub struct Published {
    store: Store,
    health: Arc<Health>,
    publishing: Arc<Publishing>,
    shard: Arc<Shard>,
}

impl Log {
    /// What is published of the last shard.
    pub fn published(&self) -> Result<Published, LogError> {
        Ok(self.view(self.shared.shards.current()?))
    }

    /// What is published of the shard with this label, such as `2026`; `None` where there is none.
    pub fn published_of(&self, label: &str) -> Option<Published> {
        Some(self.view(self.shared.shards.labelled(label)?))
    }

    /// What is published of each shard, by number.
    pub fn all_published(&self) -> Vec<Published> {
        let all = self.shared.shards.all();
        all.into_iter().map(|shard| self.view(shard)).collect()
    }

    fn view(&self, shard: Arc<Shard>) -> Published {
        Published {
            store: self.shared.store.clone(),
            health: Arc::clone(&self.shared.health),
            publishing: Arc::clone(&self.shared.publishing),
            shard,
        }
    }

    /// [`Published::checkpoint`] of the last shard.
    pub async fn checkpoint(&self) -> Result<Option<String>, LogError> {
        self.published()?.checkpoint().await
    }

    /// [`Published::witnessed`] of the last shard.
    pub async fn witnessed(&self) -> Result<Option<String>, LogError> {
        self.published()?.witnessed().await
    }

    /// [`Published::tile`] of the last shard.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        self.published()?.tile(tile).await
    }

    /// [`Published::entries`] of the last shard.
    pub async fn entries(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        self.published()?.entries(tile).await
    }

    /// [`Published::inclusion`] in the last shard.
    pub async fn inclusion(&self, index: u64) -> Result<Option<Proof>, LogError> {
        self.published()?.inclusion(index).await
    }

    /// [`Published::consistency`] of the last shard.
    pub async fn consistency(&self, old_size: u64) -> Result<Option<AddCheckpoint>, LogError> {
        self.published()?.consistency(old_size).await
    }
}

impl Published {
    /// The shard's label, such as `2026`.
    pub fn label(&self) -> String {
        self.shard.label()
    }

    /// The shard's public key.
    pub fn key(&self) -> &Verifier {
        self.shard.key()
    }

    /// The shard's number, from 1.
    pub fn number(&self) -> i64 {
        self.shard.number
    }

    /// The newest signed checkpoint (C2SP tlog-checkpoint) with the cosignatures it has, by whichever replica; `None`
    /// until the first.
    pub async fn checkpoint(&self) -> Result<Option<String>, LogError> {
        self.health.check()?;
        match rows::last_checkpoint(&self.store, self.shard.number).await? {
            None => Ok(None),
            Some(last) => self.cosigned(last).await.map(Some),
        }
    }

    /// The newest checkpoint that a quorum of the witnesses cosigned; `None` where none is, or none is asked for.
    pub async fn witnessed(&self) -> Result<Option<String>, LogError> {
        self.health.check()?;
        match self.quorum_checkpoint().await? {
            None => Ok(None),
            Some(checkpoint) => self.cosigned(checkpoint).await.map(Some),
        }
    }

    /// A tile of hashes, 32 bytes each; `None` beyond the newest checkpoint.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        if !self.is_published(tile).await? {
            return Ok(None);
        }
        let hashes = hashes(&self.store, self.shard.number, tile).await?;
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
        let shard = self.shard.number;
        rows::leaves(&self.store, shard, tile.range(), rows::Leaves::All, each).await?;
        if count == tile.width {
            Ok(Some(bundle))
        } else {
            Err(self.health.stop("entries are missing"))
        }
    }

    /// The proof that entry `index` is in the shard: under the newest checkpoint that a quorum cosigned if it is in
    /// there, else under the newest. `None` where no checkpoint holds it yet.
    pub async fn inclusion(&self, index: u64) -> Result<Option<Proof>, LogError> {
        let quorum = self.quorum_checkpoint().await?;
        let under = match quorum.filter(|quorum| index < quorum.size) {
            Some(quorum) => Some(quorum),
            None => rows::last_checkpoint(&self.store, self.shard.number).await?,
        };
        self.health.check()?;
        let Some(checkpoint) = under.filter(|checkpoint| index < checkpoint.size) else {
            return Ok(None);
        };
        let health = &self.health;
        let tiles = tiles(&self.store, health, self.shard.number, index, &checkpoint).await?;
        let tree = tiles.tree(checkpoint.size).ok_or_else(|| broken(health))?;
        let hashes = tree.inclusion(index).ok_or_else(|| broken(health))?;
        let note = self.cosigned(checkpoint).await?;
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
        self.health.check()?;
        let shard = self.shard.number;
        let last = rows::last_checkpoint(&self.store, shard).await?;
        let Some(checkpoint) = last.filter(|checkpoint| old_size <= checkpoint.size) else {
            return Ok(None);
        };
        consistency(&self.store, &self.health, shard, checkpoint, old_size)
            .await
            .map(Some)
    }

    /// The sealed private parts under a tile of entries, each after its length (four bytes, big-endian; zero where there
    /// is none); `None` beyond the newest checkpoint.
    pub async fn private_parts(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        if !self.is_published(tile).await? {
            return Ok(None);
        }
        let (from, until) = tile.range();
        let parts = private::parts(&self.store, self.shard.number, (from, until)).await?;
        let mut parts = parts.into_iter().peekable();
        let mut bytes = Vec::new();
        for index in from..until {
            let part = parts.next_if(|(at, _)| *at == index).map(|(_, sealed)| sealed);
            let sealed = part.unwrap_or_default();
            bytes.extend(u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(sealed);
        }
        Ok(Some(bytes))
    }

    /// The entry with this number, under a checkpoint or not.
    pub async fn entry(&self, index: u64) -> Result<Option<Leaf>, LogError> {
        let found = rows::entries(&self.store, self.shard.number, index, 1).await?;
        let found = found.into_iter().find(|entry| entry.index == index);
        Ok(found.and_then(|entry| Leaf::decode(&entry.leaf).ok()))
    }

    /// The newest checkpoint under which a quorum stands.
    async fn quorum_checkpoint(&self) -> Result<Option<rows::StoredCheckpoint>, LogError> {
        let shard = self.shard.number;
        let known = self.health.quorum().filter(|quorum| quorum.shard == shard);
        let quorum = match known {
            Some(quorum) => Some(quorum),
            // The watch looks at the last shard only.
            None => quorum::last(&self.store, &self.publishing.policy, shard, quorum::RECENT).await?,
        };
        let Some(quorum) = quorum else { return Ok(None) };
        Ok(published::checkpoint(&self.store, shard, quorum.size).await?)
    }

    async fn is_published(&self, tile: Tile) -> Result<bool, LogError> {
        self.health.check()?;
        let last = rows::last_checkpoint(&self.store, self.shard.number).await?;
        Ok(last.is_some_and(|last| tile.is_in(last.size)))
    }

    /// A checkpoint's note with the cosignatures under it.
    async fn cosigned(&self, checkpoint: rows::StoredCheckpoint) -> Result<String, LogError> {
        let lines = cosignatures(&self.store, self.shard.number, checkpoint.size).await?;
        Ok(checkpoint.note + &lines.concat())
    }
}

/// What a witness is asked that is believed to have cosigned the tree of `old_size`, which is no larger than the
/// checkpoint's.
pub(super) async fn consistency(
    store: &Store,
    health: &Health,
    shard: i64,
    checkpoint: rows::StoredCheckpoint,
    old_size: u64,
) -> Result<AddCheckpoint, LogError> {
    let proof = match old_size.checked_sub(1) {
        // Every tree goes on from the empty one.
        None => Vec::new(),
        Some(leaf) => {
            let tiles = tiles(store, health, shard, leaf, &checkpoint).await?;
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
    shard: i64,
    index: u64,
    checkpoint: &rows::StoredCheckpoint,
) -> Result<Tiles, LogError> {
    let mut tiles = Tiles::default();
    for tile in Tile::for_proof(index, checkpoint.size) {
        tiles.insert(tile, hashes(store, shard, tile).await?);
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
async fn hashes(store: &Store, shard: i64, tile: Tile) -> Result<Vec<Hash>, LogError> {
    let (from, until) = tile.range();
    if tile.level > 0 {
        return Ok(published::nodes(store, shard, tile.level, (from, until)).await?);
    }
    let mut hashes = Vec::with_capacity(usize::from(tile.width));
    rows::leaf_hashes(store, shard, from, until, |hash| hashes.push(hash)).await?;
    Ok(hashes)
}

/// The cosignatures under a checkpoint, a line each.
pub(super) async fn cosignatures(store: &Store, shard: i64, size: u64) -> Result<Vec<String>, StoreError> {
    let found = published::cosignatures(store, shard, size, COSIGNATURES_MAX).await?;
    let under = found.into_iter().filter(|one| one.size == size);
    Ok(under.map(|one| one.line).collect())
}
