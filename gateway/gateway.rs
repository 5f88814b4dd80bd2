//! The composition root: the wired gateway, made once and shared.

mod activation;
mod follow;
mod inbox;
mod key_event;
mod key_files;
mod key_versions;
mod log_reading;
mod meant;
mod merges;
mod offline;
mod people;
mod policy_set;
mod reading;
mod resealing;
mod start;
mod subject_ids;
mod tally;
mod undoing;
mod withdrawal;

use std::sync::{Arc, OnceLock};

use doelpoort_core::lp::PartText;
use ring::rand::SystemRandom;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::exchange::TakenCells;
use crate::identity::{Identity, Provider};
use crate::keys::{CurrentKeys, Keyring};
use crate::limit::Limiter;
use crate::log::Log;
use crate::source::Delivered;
use crate::store::Store;
use crate::telemetry::{Exporter, Metrics};

pub use activation::ReloadError;
pub use inbox::Opened;
pub use key_event::KeyChange;
pub use key_files::key_files;
pub use log_reading::LogRead;
pub use meant::{ResolutionState, Unknown};
pub use offline::offline;
pub use people::{
    LINK_MAX, Look, RETURN_PATH, Sending, Session, SignInError, SignedIn, Visit, offer_link, provider,
};
pub(crate) use policy_set::WORD_AGE_MAX;
pub use policy_set::{Current, PolicySet};
pub use resealing::ResealError;
pub use start::{StartError, fg_keys, keyring};
pub use subject_ids::SubjectIds;
pub use tally::{Asker, Tally, Uses};
pub use undoing::{UndoError, UndoneBy};
pub use withdrawal::Withdrawn;

use activation::Ledger;

/// How long it is kept what callers used up in a day.
const USE_DAYS: i64 = 60;
/// How long an item of an inbox, and a resolution, is kept after it closed.
const INBOX_DAYS: i64 = 30;
/// How long translated pseudonyms wait for who gets them.
const TRANSLATION_DAYS: i64 = 30;
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// Everything that a request needs, wired.
pub struct Gateway {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) identity: Identity,
    pub(crate) keys: CurrentKeys,
    pub(crate) limits: Limiter,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
    /// Where spans and metrics are sent; none: nowhere.
    pub(crate) exporter: Option<Exporter>,
    pub(crate) policies: Arc<PolicySet>,
    /// Where people of the console sign in; none: by one-time links.
    pub(crate) provider: Option<Provider>,
    pub(crate) tally: Mutex<Tally>,
    /// Which cells recipients asked about already.
    pub(crate) taken_cells: TakenCells,
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

    /// The time, by the gateway's clock.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// The keys now; a request keeps the ones that it began with.
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keys.now()
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
        self.tell_key_versions().await?;
        if let Err(error) = self.apply_merges().await {
            tracing::warn!(%error, "merges that are due could not be logged and applied");
        }
        if let Err(refusal) = self.fill_inboxes().await {
            tracing::warn!(
                reason = refusal.code(),
                "the inboxes of this day could not be filled"
            );
        }
        self.store
            .forget_inboxes_before(now_us - INBOX_DAYS * DAY_US)
            .await?;
        let translated_us = now_us - TRANSLATION_DAYS * DAY_US;
        self.store
            .forget_translations_before(translated_us, now_us.div_euclid(DAY_US))
            .await?;
        self.store.sweep(now_us).await?;
        self.store.forget_former_canonical(now_us).await?;
        self.store.forget_expired_tokens(now_us).await?;
        self.forget_sign_ins(now_us).await?;
        self.store
            .forget_use_before(now_us.div_euclid(DAY_US) - USE_DAYS)
            .await?;
        if let Err(error) = self.reseal().await {
            tracing::warn!(%error, "references could not be sealed anew; it is tried again");
        }
        if let Err(error) = self.tally().await {
            tracing::warn!(%error, "uses could not be counted for the console");
        }
        self.limits.sweep();
        self.log.close_refusal_windows().await;
        if let Err(error) = self.log.settle().await {
            tracing::warn!(%error, "the log could not be looked through for what is still open");
        }
        if let Err(error) = self.log.forget_checkpoints().await {
            tracing::warn!(%error, "old checkpoints could not be forgotten");
        }
        Ok(())
    }

    /// Ends it in order: what is queued for the log is written, then the database is closed.
    pub async fn close(&self) {
        if let Some(follower) = self.follower.get() {
            follower.abort();
        }
        if let Err(error) = self.store.leave_key_versions(self.keys.replica()).await {
            tracing::debug!(%error, "could not tell that this replica ends; it is forgotten in some minutes");
        }
        self.log.close().await;
        self.store.close().await;
        if let Some(exporter) = &self.exporter {
            exporter.close().await;
        }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({})", self.config.deployment.name)
    }
}
