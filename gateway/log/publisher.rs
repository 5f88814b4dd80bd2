//! Publishing: once a second, when the log has grown, a signed checkpoint. The root is rebuilt from the stored leaf
//! hashes and compared with the head, and the last checkpoint must lie on the way, so that nothing is signed that
//! the entries do not give: a wrong root, once signed, cannot be taken back.
//!
//! What a crash leaves behind: a checkpoint that was signed is stored in one transaction or not at all; the next
//! start rebuilds the whole tree. Replicas take turns on the shard's row, and the larger tree wins.

use std::sync::Arc;
use std::time::Duration;

use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::merkle::{Frontier, empty_root};
use doelpoort_core::audit::note::Signer;
use tokio::time::MissedTickBehavior;

use super::{Health, LogError, SHARD};
use crate::clock::Clock;
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
        if grown.size() == self.published.size() {
            return Ok(());
        }
        let origin = self.signer.verifier().name().to_owned();
        let checkpoint = Checkpoint {
            origin,
            size: grown.size(),
            root: grown.root(),
        };
        let note = checkpoint.sign(&self.signer).map_err(|_| LogError::Stopped)?;
        let stored = rows::StoredCheckpoint {
            size: grown.size(),
            root: grown.root().to_vec(),
            note,
        };
        let now_us = self.clock.now().as_microsecond();
        if rows::insert_checkpoint(&self.store, SHARD, &stored, now_us).await? {
            self.published = grown;
        }
        Ok(())
    }

    /// The tree of the head, rebuilt from leaf hashes. On the way it catches up with the last checkpoint, ours or
    /// another replica's.
    async fn rebuild(&mut self) -> Result<Frontier, LogError> {
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
        let mut tree = self.published.clone();
        self.grow(&mut tree, size).await?;
        if tree.root().as_slice() != root {
            return Err(self
                .health
                .stop("the leaf hashes do not give the root of the last checkpoint"));
        }
        self.published = tree.clone();
        self.grow(&mut tree, head.size).await?;
        if tree.root() != head.root {
            return Err(self
                .health
                .stop("the leaf hashes do not give the root of the head"));
        }
        Ok(tree)
    }

    /// Adds stored leaf hashes to `tree` up to `size`.
    async fn grow(&self, tree: &mut Frontier, size: u64) -> Result<(), LogError> {
        while tree.size() < size {
            let (from, until) = (tree.size(), size.min(tree.size() + HASHES_PER_READ));
            rows::leaf_hashes(&self.store, SHARD, from, until, |hash| tree.push(hash)).await?;
            if tree.size() != until {
                return Err(self.health.stop("leaf hashes are missing"));
            }
        }
        Ok(())
    }
}
