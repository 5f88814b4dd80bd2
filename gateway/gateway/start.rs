//! Start: every part is opened and checked before the first request; anything wrong and nothing is served.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::note::Signer;
use doelpoort_core::policy::{FgKeys, KeyList};
use doelpoort_core::purpose::{Per, Rate};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use tokio::sync::Mutex;

use super::activation::{self, Candidate, Ledger, Read};
use super::key_files::{key_files, token_keys};
use super::{Current, Gateway, PolicySet, ReloadError, SubjectIds, follow};
use crate::clock::Clock;
use crate::config::Config;
use crate::exchange::TakenCells;
use crate::identity::{Identity, InvalidSettings, Settings};
use crate::keys::{CurrentKeys, KeyFileError, KeyUse, Keyring};
use crate::limit::{Limiter, Rates};
use crate::log::{Log, LogError, Publishing, PublishingError};
use crate::policies;
use crate::source::Delivered;
use crate::store::{Store, StoreError, StoreOptions};
use crate::telemetry::{Exporter, Metrics};

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A key is missing, unreadable or not allowed here.
    #[error("keys: {0}")]
    Keys(#[from] KeyFileError),
    /// A key of the file is not usable for what it is for.
    #[error("keys: the `{0}` key cannot be used")]
    Key(&'static str),
    /// There is nobody to seal private parts to.
    #[error("the FG's public keys: `{}`: {reason}", path.display())]
    FgKeys {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The log cannot be trusted or written.
    #[error("log: {0}")]
    Log(#[from] LogError),
    /// The policies may not come into force.
    #[error("{0}")]
    Policies(#[from] ReloadError),
    /// Who is to vouch for the log cannot be asked.
    #[error("`publish`: {0}")]
    Publishing(#[from] PublishingError),
    /// The identity provider of the console cannot be asked.
    #[error("`console`: {0}")]
    Provider(String),
    /// A setting cannot be.
    #[error("configuration: {0}")]
    Settings(#[from] InvalidSettings),
    /// The collector of spans and metrics cannot be asked.
    #[error("`telemetry`: {0}")]
    Telemetry(String),
    /// The database cannot be opened or used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// The tenant is too long.
    #[error("configuration: `deployment.tenant` is too long")]
    Tenant,
}

impl Gateway {
    /// Opens every part in the order in which they depend on each other.
    ///
    /// # Errors
    /// The first part that is not right; nothing was served.
    pub async fn start(
        config: Config,
        key_use: KeyUse,
        subject_ids: SubjectIds,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, StartError> {
        // On the heap: whoever awaits a start would else be as large as everything in it.
        Box::pin(Self::open_parts(config, key_use, subject_ids, clock, metrics)).await
    }

    async fn open_parts(
        config: Config,
        key_use: KeyUse,
        subject_ids: SubjectIds,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, StartError> {
        let now = clock.now();
        let keys = CurrentKeys::load(key_files(&config), key_use).await?;
        let keyring = keys.now();
        let audience = Some(config.token.audience.as_str()).filter(|audience| !audience.is_empty());
        let settings = Settings::new(&config.token.issuer, audience, config.token.lifetime_s)?;
        let identity = Identity::new(settings, token_keys(&keyring).ok_or(StartError::Key("token"))?);
        let options = StoreOptions {
            connections_max: config.database.connections_max,
            ..StoreOptions::default()
        };
        let store = Store::open(config.database.url.expose(), options).await?;
        store.migrate().await?;
        let signer = Signer::from_seed(&config.deployment.origin, keyring.log.active().expose())
            .map_err(|_| StartError::Key("log"))?;
        let fg_keys = fg_keys(&config, now)?;
        let provider = super::provider(&config.console)?;
        let exporter = Exporter::start(&config.telemetry, &config.deployment.name, &metrics, &clock)
            .map_err(StartError::Telemetry)?;
        let publishing = Publishing::load(&config.publish, Some(signer.verifier()))?;
        let log = Log::open_published(store.clone(), signer, fg_keys, Arc::clone(&clock), publishing).await?;
        let mut ledger = Ledger {
            known: log.history().await?,
            fingerprint: [0; 32],
        };
        let read = Read::of(&config).await;
        ledger.fingerprint = read.fingerprint;
        let current = match read.candidate((&config, &store), ledger.history(), now).await {
            Ok(candidate) => begin_with((&config, &log, &store), candidate, &mut ledger, now).await?,
            Err(unfit) => {
                activation::refuse(&log, ledger.history(), &unfit).await?;
                log.close().await;
                return Err(ReloadError::Unfit(unfit.error).into());
            }
        };
        metrics.policies_in_force(current.in_force);
        let tenant = config.deployment.tenant.parse().map_err(|_| StartError::Tenant)?;
        let gateway = Self {
            identity,
            keys,
            limits: Limiter::new(rates(&config)),
            log,
            metrics,
            exporter,
            policies: Arc::new(PolicySet::new(current)),
            provider,
            tally: Mutex::default(),
            taken_cells: TakenCells::default(),
            ledger: Mutex::new(ledger),
            follower: OnceLock::new(),
            random: SystemRandom::new(),
            source: Delivered::new(store.clone(), config.limits.records_rows_max),
            store,
            subject_ids,
            tenant,
            bounds: config.limits.clone(),
            config,
            clock,
        };
        gateway.tidy().await?;
        let gateway = Arc::new(gateway);
        follow::start(&gateway);
        Ok(gateway)
    }
}

/// Policies that may be in force: the first ones of a log, and those that are. Others are not put in force by a start,
/// which could bring older ones back for all; the replica follows, and answers nothing until its folder has those in
/// force or somebody puts its own in force.
async fn begin_with(
    (config, log, store): (&Config, &Log, &Store),
    candidate: Candidate,
    ledger: &mut Ledger,
    now: Timestamp,
) -> Result<Current, ReloadError> {
    let in_force = ledger.history().policies;
    if in_force.is_some_and(|digest| digest != candidate.policies.digest) {
        tracing::error!("{}", activation::NOT_IN_FORCE);
        let current = activation::current_of(store, candidate.policies, ledger.generation()).await?;
        return Ok(Current {
            in_force: false,
            ..current
        });
    }
    activation::put_in_force((config, log, store), candidate, None, ledger, now).await
}

/// The gateway's own keys.
///
/// # Errors
/// [`StartError::Keys`]: a file that is missing, readable by others, or does not open.
pub fn keyring(config: &Config, key_use: KeyUse) -> Result<Keyring, StartError> {
    Ok(key_files(config).load(key_use)?)
}

/// The FG's public keys, signed by an approver with the role `fg`. The list of approvers that they are held against is
/// itself held against the log before anything is answered.
///
/// # Errors
/// Why nothing may be sealed to them.
pub fn fg_keys(config: &Config, now: Timestamp) -> Result<FgKeys, StartError> {
    let path = &config.audit.fg_keys;
    let wrong = |reason: String| StartError::FgKeys {
        path: path.clone(),
        reason,
    };
    let files = policies::read(&config.policies.dir).map_err(|error| wrong(error.to_string()))?;
    let approvers =
        KeyList::follow(&files.approvers).map_err(|(file, error)| wrong(format!("{file}: {error}")))?;
    fg_keys_by(config, &approvers, now)
}

/// The same, signed by an approver of this list.
///
/// # Errors
/// As [`fg_keys`].
pub(super) fn fg_keys_by(config: &Config, approvers: &KeyList, now: Timestamp) -> Result<FgKeys, StartError> {
    let path = &config.audit.fg_keys;
    let wrong = |reason: String| StartError::FgKeys {
        path: path.clone(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let keys = FgKeys::verify(&text, &config.deployment.name, approvers, now)
        .map_err(|error| wrong(error.to_string()))?;
    let month = Month::of(now.as_microsecond());
    match keys.of(month) {
        Some(_) => Ok(keys),
        None => Err(wrong(format!("there is no key for `{month}`"))),
    }
}

fn rates(config: &Config) -> Rates {
    let a_minute = |count| Rate {
        count,
        per: Per::Minute,
    };
    Rates {
        client_requests: a_minute(config.limits.client_requests_per_min_max),
        address_requests: a_minute(config.limits.address_requests_per_min_max),
    }
}
