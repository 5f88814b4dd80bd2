//! Publishing: once a second, when the log has grown, a signed checkpoint. The root is rebuilt from the stored leaf
//! hashes and compared with the head; the last checkpoint must lie on the way; new leaves, and a sample of the old, are
//! hashed again: nothing is signed that the entries do not give. A wrong root, once signed, cannot be taken back.
//!
//! Each replica rebuilds for itself, in steps: a second costs the new hashes only. They sign one at a time, in the turn
//! that the shard's row gives, and only what goes on from the checkpoint that they rebuilt upon.
//!
//! What a crash leaves behind: a checkpoint and the nodes above its tiles are stored in one transaction or not at all;
//! the next start rebuilds the whole tree.

mod nodes;
mod sample;

use std::sync::Arc;
use std::time::Duration;

use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::merkle::{Frontier, empty_root};
use doelpoort_core::audit::note::Signer;
use doelpoort_core::audit::tile::HEIGHT;
use tokio::time::MissedTickBehavior;

use super::{Health, LogError, SHARD};
use crate::clock::Clock;
use crate::store::published::{self, Node};
use crate::store::{Store, log as rows};

/// How often it looks whether the log has grown.
const EVERY: Duration = Duration::from_secs(1);
/// How many leaf hashes are read by one statement.
const HASHES_PER_READ: u64 = 65_536;

pub(super) struct Publisher {
    store: Store,
    signer: Arc<Signer>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    /// The tree at the last checkpoint, as rebuilt by this process.
    published: Frontier,
}

/// A tree that was rebuilt beyond the last checkpoint, with the nodes that it completed since.
struct Grown {
    tree: Frontier,
    nodes: Vec<Node>,
}

impl Publisher {
    /// Rebuilds the whole tree and compares it with the head and the last checkpoint.
    pub(super) async fn start(
        store: Store,
        signer: Arc<Signer>,
        clock: Arc<dyn Clock>,
        health: Arc<Health>,
    ) -> Result<Self, LogError> {
        let mut publisher = Self {
            store,
            signer,
            clock,
            health,
            published: Frontier::empty(),
        };
        publisher.rebuild().await?;
        Ok(publisher)
    }

    /// Publishes until the log is closed or stops.
    pub(super) async fn run(mut self) {
        let finishing = self.health.finishing.clone();
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = finishing.cancelled() => {}
            }
            let last = finishing.is_cancelled();
            match self.publish().await {
                Ok(()) => {}
                Err(LogError::Stopped) => return,
                Err(error) => tracing::warn!(%error, "no checkpoint could be published"),
            }
            if last {
                return;
            }
        }
    }

    /// Signs and stores a checkpoint if the log has grown.
    async fn publish(&mut self) -> Result<(), LogError> {
        let grown = self.rebuild().await?;
        let (from, until) = (self.published.size(), grown.tree.size());
        if from == until {
            return Ok(());
        }
        sample::rehash(&self.store, &self.health, from, until).await?;
        let now_us = self.clock.now().as_microsecond();
        let (mut tx, last) = published::turn(&self.store, SHARD, now_us).await?;
        if last != from {
            // Another replica was first; the next look begins at its checkpoint.
            tx.rollback().await?;
            return Ok(());
        }
        let checkpoint = self.sign(&grown.tree)?;
        published::insert_checkpoint(&mut tx, SHARD, &checkpoint, &grown.nodes, now_us).await?;
        tx.commit().await?;
        self.published = grown.tree;
        Ok(())
    }

    fn sign(&self, tree: &Frontier) -> Result<rows::StoredCheckpoint, LogError> {
        let checkpoint = Checkpoint {
            origin: self.signer.verifier().name().to_owned(),
            size: tree.size(),
            root: tree.root(),
        };
        let note = checkpoint.sign(&self.signer).map_err(|_| LogError::Stopped)?;
        Ok(rows::StoredCheckpoint {
            size: checkpoint.size,
            root: checkpoint.root.to_vec(),
            note,
        })
    }

    /// The tree of the head, rebuilt from leaf hashes. On the way it catches up with the last checkpoint, ours or
    /// another replica's, and with the nodes that were stored with it.
    async fn rebuild(&mut self) -> Result<Grown, LogError> {
        self.health.check()?;
        // The checkpoint first: the head read after it is never older.
        let last = rows::last_checkpoint(&self.store, SHARD).await?;
        let Some(head) = rows::head(&self.store, SHARD).await? else {
            return Err(self.health.stop("the head is gone"));
        };
        let (size, root) = match &last {
            Some(last) => (last.size, last.root.clone()),
            None => (0, empty_root().to_vec()),
        };
        if size < self.published.size() || head.size < size {
            return Err(self
                .health
                .stop("the log is shorter than its last checkpoint: restored or cut off"));
        }
        let mut grown = Grown {
            tree: self.published.clone(),
            nodes: Vec::new(),
        };
        self.grow(&mut grown, size).await?;
        if grown.tree.root().as_slice() != root {
            return Err(self
                .health
                .stop("the leaf hashes do not give the root of the last checkpoint"));
        }
        let stored = std::mem::take(&mut grown.nodes);
        nodes::compare(
            &self.store,
            &self.health,
            stored,
            self.clock.now().as_microsecond(),
        )
        .await?;
        self.published = grown.tree.clone();
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
        let Grown { tree, nodes } = grown;
        while tree.size() < size {
            let (from, until) = (tree.size(), size.min(tree.size() + HASHES_PER_READ));
            let push =
                |hash| tree.push_telling(hash, |level, index, hash| nodes.extend(node(level, index, hash)));
            rows::leaf_hashes(&self.store, SHARD, from, until, push).await?;
            if tree.size() != until {
                return Err(self.health.stop("leaf hashes are missing"));
            }
        }
        Ok(())
    }
}

/// A complete node of the tree, if it is the root of a full tile.
fn node(level: u32, index: u64, hash: [u8; 32]) -> Option<Node> {
    let is_root = level.is_multiple_of(HEIGHT);
    let level = u8::try_from(level / HEIGHT).ok()?;
    is_root.then_some(Node { level, index, hash })
}
