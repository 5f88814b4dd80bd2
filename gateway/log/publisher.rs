//! Publishing: once a second, when the log has grown, a signed checkpoint. The root is rebuilt from the stored leaf
//! hashes and compared with the head; the last checkpoint must lie on the way; new leaves, and a sample of the old, are
//! hashed again: nothing is signed that the entries do not give. A wrong root, once signed, cannot be taken back.
//!
//! Each replica rebuilds for itself, in steps: a second costs the new hashes only. They sign one at a time, in the turn
//! that the shard's row gives, and only what goes on from the checkpoint that they rebuilt upon.
//!
//! A closed shard is signed to its end, then left alone. One that was closed after a restore is signed no more: what it
//! has after the last checkpoint that others know is another history, and only the next shard vouches for it.
//!
//! What a crash leaves behind: a checkpoint and the nodes above its tiles are stored in one transaction or not at all;
//! the next start rebuilds the whole tree.

mod nodes;
mod sample;
mod shard;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::shards::Shards;
use super::{Health, LogError};
use crate::clock::Clock;
use crate::store::Store;
use shard::Publication;

/// How often it looks whether the log has grown.
const EVERY: Duration = Duration::from_secs(1);

pub(super) struct Publisher {
    store: Store,
    shards: Arc<Shards>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    /// The shards that are not signed to their end, by number; always the last one.
    open: Vec<Publication>,
}

impl Publisher {
    /// Rebuilds the whole tree of each shard, compares it with the head and the last checkpoint, and each shard with how
    /// the next one says that it ended.
    pub(super) async fn start(
        store: Store,
        shards: Arc<Shards>,
        clock: Arc<dyn Clock>,
        health: Arc<Health>,
    ) -> Result<Self, LogError> {
        let mut publisher = Self {
            store,
            shards,
            clock,
            health,
            open: Vec::new(),
        };
        let all = publisher.shards.all();
        for pair in all.windows(2) {
            let [before, after] = pair else { continue };
            shard::compare_link(&publisher.store, &publisher.health, before, after).await?;
        }
        for shard in all {
            let mut publication = publisher.publication(shard);
            publication.rebuild().await?;
            publisher.open.push(publication);
        }
        publisher.leave_finished();
        Ok(publisher)
    }

    fn publication(&self, shard: Arc<super::shards::Shard>) -> Publication {
        Publication::new(
            self.store.clone(),
            shard,
            Arc::clone(&self.clock),
            Arc::clone(&self.health),
        )
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

    /// Signs and stores a checkpoint of each shard that has grown.
    async fn publish(&mut self) -> Result<(), LogError> {
        self.follow().await?;
        for publication in &mut self.open {
            publication.publish().await?;
        }
        self.leave_finished();
        Ok(())
    }

    /// Takes up shards that were opened since, by whichever replica.
    async fn follow(&mut self) -> Result<(), LogError> {
        self.shards.look().await?;
        let known = self.open.last().map_or(0, Publication::number);
        for shard in self.shards.all() {
            if shard.number > known {
                let publication = self.publication(shard);
                self.open.push(publication);
            }
        }
        Ok(())
    }

    fn leave_finished(&mut self) {
        let last = self.open.last().map_or(0, Publication::number);
        self.open
            .retain(|publication| publication.number() == last || !publication.is_finished());
    }
}
