//! The composition root: the wired gateway, made once and shared.

mod activation;
mod follow;
mod log_reading;
mod policy_set;
mod reading;
mod start;
mod subject_ids;
mod withdrawal;

use std::sync::{Arc, OnceLock};

use doelpoort_core::lp::PartText;
use ring::rand::SystemRandom;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::identity::Identity;
use crate::keys::Keyring;
use crate::limit::Limiter;
use crate::log::Log;
use crate::source::Delivered;
use crate::store::Store;
use crate::telemetry::Metrics;

pub use activation::ReloadError;
pub use log_reading::LogRead;
pub(crate) use policy_set::WORD_AGE_MAX;
pub use policy_set::{Current, PolicySet};
pub use start::{StartError, fg_keys};
pub use subject_ids::SubjectIds;
pub use withdrawal::Withdrawn;

use activation::Ledger;

/// Everything that a request needs, wired.
pub struct Gateway {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) identity: Identity,
    pub(crate) keyring: Keyring,
    pub(crate) limits: Limiter,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) policies: Arc<PolicySet>,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) follower: OnceLock<AbortHandle>,
    pub(crate) random: SystemRandom,
    pub(crate) source: Delivered,
    pub(crate) store: Store,
    pub(crate) subject_ids: SubjectIds,
    pub(crate) tenant: PartText,
    pub(crate) bounds: Limits,
    pub(crate) config: Config,
}

impl Gateway {
    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The configuration it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The policies in force.
    pub fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is done between requests: due merges, leftovers of deliveries, expired token ids, windows of refusals, and
    /// answers of which nobody told how they ended.
    ///
    /// # Errors
    /// When the store fails; the next turn tries again.
    pub async fn tidy(&self) -> Result<(), crate::store::StoreError> {
        let now_us = self.clock.now().as_microsecond();
        self.store.apply_due_merges(now_us).await?;
        self.store.sweep(now_us).await?;
        self.store.forget_expired_tokens(now_us).await?;
        self.limits.sweep();
        self.log.close_refusal_windows().await;
        if let Err(error) = self.log.settle().await {
            tracing::warn!(%error, "the log could not be looked through for what is still open");
        }
        Ok(())
    }

    /// Ends it in order: what is queued for the log is written, then the database is closed.
    pub async fn close(&self) {
        if let Some(follower) = self.follower.get() {
            follower.abort();
        }
        self.log.close().await;
        self.store.close().await;
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({})", self.config.deployment.name)
    }
}
