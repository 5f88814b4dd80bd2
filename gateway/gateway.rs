//! The composition root: the wired gateway, made once and shared.

mod start;
mod subject_ids;

use std::sync::Arc;

use arc_swap::ArcSwap;
use doelpoort_core::lp::PartText;
use doelpoort_core::policy::Policies;
use ring::rand::SystemRandom;

use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::identity::Identity;
use crate::keys::Keyring;
use crate::limit::Limiter;
use crate::log::Log;
use crate::source::Delivered;
use crate::store::Store;
use crate::store::dataset::DatasetTables;
use crate::telemetry::Metrics;

pub use start::StartError;
pub use subject_ids::SubjectIds;

/// Everything that a request needs, wired.
pub struct Gateway {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) identity: Identity,
    pub(crate) keyring: Keyring,
    pub(crate) limits: Limiter,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) policies: PolicySet,
    pub(crate) random: SystemRandom,
    pub(crate) source: Delivered,
    pub(crate) store: Store,
    pub(crate) subject_ids: SubjectIds,
    pub(crate) tables: DatasetTables,
    pub(crate) tenant: PartText,
    pub(crate) bounds: Limits,
    pub(crate) config: Config,
}

/// The policies in force and the generation under which the log knows them.
#[derive(Debug)]
pub struct Current {
    /// The policies.
    pub policies: Policies,
    /// Their generation: an answer decided under another one is refused when it is recorded.
    pub generation: i64,
}

/// The policies in force, swapped whole.
pub struct PolicySet(ArcSwap<Current>);

impl PolicySet {
    /// These policies, at this generation.
    pub(crate) fn new(policies: Policies, generation: i64) -> Self {
        Self(ArcSwap::from_pointee(Current { policies, generation }))
    }

    /// The policies as they are now; a request keeps what it began with.
    pub fn current(&self) -> Arc<Current> {
        self.0.load_full()
    }
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

    /// Another replica changed the policies: until this one has the same, it answers nothing.
    pub(crate) async fn follow_policy_generation(&self) {
        let current = self.policies.current();
        match self.log.policy().await {
            Ok((generation, Some(digest))) if digest == current.policies.digest => {
                self.policies.0.store(Arc::new(Current {
                    policies: current.policies.clone(),
                    generation,
                }));
            }
            Ok(_) => {
                tracing::error!("the policies in force are not the ones this replica loaded; reload them");
            }
            Err(error) => tracing::error!(%error, "the policy generation cannot be read"),
        }
    }

    /// What is done between requests: due merges, leftovers of deliveries, expired token ids.
    ///
    /// # Errors
    /// When the store fails; the next turn tries again.
    pub async fn tidy(&self) -> Result<(), crate::store::StoreError> {
        let now_us = self.clock.now().as_microsecond();
        self.store.apply_due_merges(now_us).await?;
        self.store.sweep(now_us).await?;
        self.store.forget_expired_tokens(now_us).await?;
        self.limits.sweep();
        Ok(())
    }

    /// Ends it in order: what is queued for the log is written, then the database is closed.
    pub async fn close(&self) {
        self.log.close().await;
        self.store.close().await;
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({})", self.config.deployment.name)
    }
}
