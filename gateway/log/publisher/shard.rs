//! Publishing one shard.

use std::sync::Arc;

use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::leaf::Leaf;
use doelpoort_core::audit::merkle::{Frontier, empty_root};
use doelpoort_core::audit::tile::HEIGHT;
use doelpoort_core::audit::verify::{Ending, Opening};

use super::{nodes, sample};
use crate::clock::Clock;
use crate::log::shards::Shard;
use crate::log::{Health, LogError};
use crate::store::published::{self, Node};
use crate::store::{Store, log as rows};

/// How many leaf hashes are read by one statement.
const HASHES_PER_READ: u64 = 65_536;

pub(super) struct Publication {
    store: Store,
    shard: Arc<Shard>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    /// The tree at the last checkpoint, as rebuilt by this process.
    published: Frontier,
    /// Nothing of it is left to sign.
    finished: bool,
}

/// A tree that was rebuilt beyond the last checkpoint, with the nodes that it completed since.
pub(super) struct Grown {
    tree: Frontier,
    nodes: Vec<Node>,
    closed: bool,
}

impl Publication {
    pub(super) fn new(store: Store, shard: Arc<Shard>, clock: Arc<dyn Clock>, health: Arc<Health>) -> Self {
        Self {
            store,
            shard,
            clock,
            health,
            published: Frontier::empty(),
            finished: false,
        }
    }

    pub(super) fn number(&self) -> i64 {
        self.shard.number
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Signs and stores a checkpoint if the shard has grown.
    pub(super) async fn publish(&mut self) -> Result<(), LogError> {
        if self.finished {
            return Ok(());
        }
        let grown = self.rebuild().await?;
        let (from, until) = (self.published.size(), grown.tree.size());
        if self.finished || from == until {
            self.finished |= grown.closed;
            return Ok(());
        }
        let shard = self.shard.number;
        sample::rehash(&self.store, &self.health, shard, (from, until)).await?;
        let now_us = self.clock.now().as_microsecond();
        let (mut tx, last) = published::turn(&self.store, shard, now_us).await?;
        if last != from {
            // Another replica was first; the next look begins at its checkpoint.
            tx.rollback().await?;
            return Ok(());
        }
        let checkpoint = self.sign(&grown.tree)?;
        published::insert_checkpoint(&mut tx, shard, &checkpoint, &grown.nodes, now_us).await?;
        tx.commit().await?;
        self.published = grown.tree;
        self.finished = grown.closed;
        Ok(())
    }

    fn sign(&self, tree: &Frontier) -> Result<rows::StoredCheckpoint, LogError> {
        let checkpoint = Checkpoint {
            origin: self.shard.origin().to_owned(),
            size: tree.size(),
            root: tree.root(),
        };
        let note = checkpoint
            .sign(&self.shard.signer)
            .map_err(|_| LogError::Stopped)?;
        Ok(rows::StoredCheckpoint {
            size: checkpoint.size,
            root: checkpoint.root.to_vec(),
            note,
        })
    }

    /// The tree of the head, rebuilt from leaf hashes. On the way it catches up with the last checkpoint, ours or
    /// another replica's, and with the nodes that were stored with it.
    pub(super) async fn rebuild(&mut self) -> Result<Grown, LogError> {
        self.health.check()?;
        let shard = self.shard.number;
        // The checkpoint first: the head read after it is never older.
        let last = rows::last_checkpoint(&self.store, shard).await?;
        let Some(head) = rows::head(&self.store, shard).await? else {
            return Err(self.health.stop("the head is gone"));
        };
        let mut grown = Grown {
            tree: self.published.clone(),
            nodes: Vec::new(),
            closed: head.closed,
        };
        if head.closed && is_restored(&self.store, &self.health, shard, head.size).await? {
            self.finished = true;
            return self.grow_to(grown, &head).await;
        }
        let (size, root) = match &last {
            Some(last) => (last.size, last.root.clone()),
            None => (0, empty_root().to_vec()),
        };
        if size < self.published.size() || head.size < size {
            return Err(self
                .health
                .stop("the log is shorter than its last checkpoint: restored or cut off"));
        }
        self.grow(&mut grown, size).await?;
        if grown.tree.root().as_slice() != root {
            return Err(self
                .health
                .stop("the leaf hashes do not give the root of the last checkpoint"));
        }
        let stored = std::mem::take(&mut grown.nodes);
        let now_us = self.clock.now().as_microsecond();
        nodes::compare(&self.store, &self.health, shard, stored, now_us).await?;
        self.published = grown.tree.clone();
        let grown = self.grow_to(grown, &head).await?;
        self.finished = head.closed && size == head.size;
        Ok(grown)
    }

    async fn grow_to(&self, mut grown: Grown, head: &rows::Head) -> Result<Grown, LogError> {
        self.grow(&mut grown, head.size).await?;
        if grown.tree.root() != head.root {
            return Err(self
                .health
                .stop("the leaf hashes do not give the root of the head"));
        }
        Ok(grown)
    }

    /// Adds stored leaf hashes up to `size`.
    async fn grow(&self, grown: &mut Grown, size: u64) -> Result<(), LogError> {
        let Grown { tree, nodes, .. } = grown;
        while tree.size() < size {
            let (from, until) = (tree.size(), size.min(tree.size() + HASHES_PER_READ));
            let push =
                |hash| tree.push_telling(hash, |level, index, hash| nodes.extend(node(level, index, hash)));
            rows::leaf_hashes(&self.store, self.shard.number, from, until, push).await?;
            if tree.size() != until {
                return Err(self.health.stop("leaf hashes are missing"));
            }
        }
        Ok(())
    }
}

/// Does a shard go on from the one before, as that one is here?
pub(super) async fn compare_link(
    store: &Store,
    health: &Health,
    before: &Shard,
    after: &Shard,
) -> Result<(), LogError> {
    let stop = || health.stop("a shard of the log does not go on from the one before");
    let head = rows::head(store, before.number).await?.ok_or_else(stop)?;
    let first = rows::entries(store, after.number, 0, 1).await?;
    let leaf = first.first().and_then(|first| Leaf::decode(&first.leaf).ok());
    let opening = leaf
        .and_then(|leaf| Opening::read(&leaf).ok().flatten())
        .ok_or_else(stop)?;
    let fits =
        head.closed && opening.key == *before.key() && (opening.size, opening.root) == (head.size, head.root);
    if fits { Ok(()) } else { Err(stop()) }
}

/// Was the shard closed because the log was restored? Its last entry says so.
async fn is_restored(store: &Store, health: &Health, shard: i64, size: u64) -> Result<bool, LogError> {
    let last = rows::entries(store, shard, size.saturating_sub(1), 1).await?;
    let leaf = last.first().and_then(|last| Leaf::decode(&last.leaf).ok());
    let leaf = leaf.ok_or_else(|| health.stop("the entry that closed a shard is gone"))?;
    Ok(Ending::read(&leaf).restored.is_some())
}

/// A complete node of the tree, if it is the root of a full tile.
fn node(level: u32, index: u64, hash: [u8; 32]) -> Option<Node> {
    let is_root = level.is_multiple_of(HEIGHT);
    let level = u8::try_from(level / HEIGHT).ok()?;
    is_root.then_some(Node { level, index, hash })
}
