//! What the tasks of the log tell each other and the requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::quorum::Quorum;
use super::steady::Steady;
use super::{Freshness, LogError};

/// How often a task looks.
const EVERY: Duration = Duration::from_secs(1);

/// The state that they share.
#[derive(Debug, Default)]
pub(crate) struct Health {
    stopped: AtomicBool,
    /// Nothing more is queued: commit what is.
    pub(super) closing: CancellationToken,
    /// Everything is committed: publish a last time.
    pub(super) finishing: CancellationToken,
    pub(super) policy_generation: AtomicI64,
    /// A quorum has cosigned this start of the gateway, or none is asked for.
    witnessed: AtomicBool,
    freshness: Mutex<Freshness>,
    pub(super) steady: Steady,
    /// The last checkpoint that a quorum is known to have cosigned.
    quorum: Mutex<Option<Quorum>>,
    /// How far old checkpoints were looked through, by shard.
    pruned: Mutex<HashMap<i64, i64>>,
}

impl Health {
    pub(super) fn new(steady: Steady) -> Self {
        Self {
            steady,
            ..Self::default()
        }
    }

    /// Up to when the checkpoints of a shard were looked through by this process; 0 for none.
    pub(super) fn pruned_us(&self, shard: i64) -> i64 {
        let pruned = self.pruned.lock().unwrap_or_else(PoisonError::into_inner);
        pruned.get(&shard).copied().unwrap_or(0)
    }

    pub(super) fn set_pruned_us(&self, shard: i64, until_us: i64) {
        let mut pruned = self.pruned.lock().unwrap_or_else(PoisonError::into_inner);
        pruned.insert(shard, until_us);
    }

    pub(super) fn is_witnessed(&self) -> bool {
        self.witnessed.load(Ordering::SeqCst)
    }

    pub(super) fn set_witnessed(&self, witnessed: bool) {
        self.witnessed.store(witnessed, Ordering::SeqCst);
    }

    pub(super) fn quorum(&self) -> Option<Quorum> {
        *self.quorum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_quorum(&self, quorum: Quorum) {
        *self.quorum.lock().unwrap_or_else(PoisonError::into_inner) = Some(quorum);
    }

    pub(super) fn freshness(&self) -> Freshness {
        *self.freshness.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_freshness(&self, freshness: Freshness) {
        let before = self.freshness();
        *self.freshness.lock().unwrap_or_else(PoisonError::into_inner) = freshness;
        match freshness.stale {
            Some(stale) if before.stale != Some(stale) => {
                tracing::error!(
                    reason = stale.as_str(),
                    "nothing is answered until that is mended"
                );
            }
            None if before.stale.is_some() => {
                tracing::info!("the audit log is fresh again: requests are answered");
            }
            _ => {}
        }
    }

    /// From here on nothing is appended and nothing signed: what is stored is not what was stored. Never repaired
    /// by us; an operator closes this shard and opens another.
    pub(super) fn stop(&self, reason: &'static str) -> LogError {
        if !self.stopped.swap(true, Ordering::SeqCst) {
            tracing::error!(
                reason,
                "the audit log stopped: nothing is answered until an operator decides"
            );
        }
        LogError::Stopped
    }

    pub(super) fn check(&self) -> Result<(), LogError> {
        if self.stopped.load(Ordering::SeqCst) {
            Err(LogError::Stopped)
        } else {
            Ok(())
        }
    }
}

/// The seconds of a task, until the log is closed.
pub(super) struct Seconds {
    every: Interval,
    finishing: CancellationToken,
}

impl Seconds {
    pub(super) fn new(health: &Health) -> Self {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            every,
            finishing: health.finishing.clone(),
        }
    }

    /// Waits for the next; `false` once the log is closed.
    pub(super) async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.every.tick() => true,
            () = self.finishing.cancelled() => false,
        }
    }

    /// What is done within it; `None` where the log was closed meanwhile.
    pub(super) async fn within<T>(&self, turn: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = turn => Some(done),
            () = self.finishing.cancelled() => None,
        }
    }
}
