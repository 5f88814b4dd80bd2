//! How policies come into force: read, checked, verified, held against the log, and only then swapped, whole; else the
//! old ones stay, the log says why, and an alarm is raised.
//!
//! In the log: an entry for each purpose whose standing is new, an entry for each key that came or went, and last the
//! entry that puts the policies in force. The first ones name that last one, and count only when it follows, so a crash
//! in between leaves nothing but entries about something that did not happen.

mod entries;

use std::sync::Arc;

use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::policy::load;
use doelpoort_core::policy::revocation::{self, Proofs};
use doelpoort_core::policy::{History, Policies, PolicyFiles, Standing};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Current, Gateway, StartError};
use crate::config::Config;
use crate::epoch::former::former;
use crate::log::{Log, LogError, PolicyHistory};
use crate::policies::{self, PoliciesError, Unfit};
use crate::store::{Store, StoreError};
pub(super) use entries::refuse;
use entries::{activate, is_told};

/// How often an activation or a withdrawal is tried again because another one came first.
pub(super) const ATTEMPTS_MAX: u32 = 5;

/// Why a replica answers nothing, and what mends it.
pub(super) const NOT_IN_FORCE: &str = "other policies are in force than this replica has; it answers nothing until its \
     folder has the same, or `doelpoort policy activate` puts its own in force for all";

/// What this replica knows of the log's history of policies. One change at a time: it is behind a lock.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(super) known: PolicyHistory,
    /// What the folder looked like when it was last read.
    pub(super) fingerprint: [u8; 32],
}

/// Why the policies on disk did not come into force; the old ones stay.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// They are not fit.
    #[error("policies:\n{0}")]
    Unfit(PoliciesError),
    /// The log failed.
    #[error("log: {0}")]
    Log(#[from] LogError),
    /// The database failed, or a dataset's new form does not fit its table.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// What the policies in force hold is not known, so that what is gone cannot be told.
    #[error(
        "the files of the policies in force are not in the archive of the database; change the folder of a replica \
         that has them in force"
    )]
    Before,
    /// Others changed them again and again meanwhile.
    #[error("the policies were changed by others at the same time; try again")]
    Contended,
    /// Other policies are in force than this replica has.
    #[error("{NOT_IN_FORCE}")]
    NotInForce,
}

impl Ledger {
    pub(crate) fn history(&self) -> &History {
        &self.known.history
    }

    /// The generation in force.
    pub(super) fn generation(&self) -> i64 {
        i64::try_from(self.history().generation).unwrap_or(i64::MAX)
    }
}

impl Gateway {
    /// Reads the policies again and puts them in force, if nothing is wrong with them and this replica has those that
    /// are; tells whether they changed. A replica whose policies are not in force only follows: it takes up what others
    /// put in force, once its own folder has the same.
    ///
    /// # Errors
    /// Why the old ones stay; it is in the log, and the metric `policies_refused` is set.
    pub async fn reload_policies(&self) -> Result<bool, ReloadError> {
        self.take_up(Act::WhereInForce).await
    }

    /// Puts the policies of this replica's folder in force for the whole deployment, whatever is in force. It is for a
    /// person to do, once, when a folder is rolled out with a start.
    ///
    /// # Errors
    /// As [`reload_policies`](Self::reload_policies).
    pub async fn activate_policies(&self) -> Result<bool, ReloadError> {
        self.take_up(Act::ForAll).await
    }

    async fn take_up(&self, act: Act) -> Result<bool, ReloadError> {
        // Not under the lock: reading takes as long as the disk likes, and withdrawals wait for the lock.
        let read = Read::of(&self.config).await;
        let mut ledger = self.ledger.lock().await;
        self.hear(&mut ledger).await?;
        // Refusals, and withdrawals of what is not in force yet, change no generation.
        ledger.known = self.log.history_since(&ledger.known).await?;
        ledger.fingerprint = read.fingerprint;
        let now = self.clock.now();
        let candidate = match read
            .candidate((&self.config, &self.store), ledger.history(), now)
            .await
        {
            Ok(candidate) => candidate,
            Err(unfit) => {
                self.metrics.policies_refused(true);
                refuse(&self.log, ledger.history(), &unfit).await?;
                return Err(ReloadError::Unfit(unfit.error));
            }
        };
        let before = self.policies.current();
        let digest = candidate.policies.digest;
        let follows = ledger.history().policies == Some(digest);
        if act == Act::WhereInForce && !before.in_force && !follows {
            return Err(ReloadError::NotInForce);
        }
        let changed = digest != before.policies.digest;
        let parts = (&self.config, &self.log, &self.store);
        put_in_force(parts, candidate, Some(&before.policies), &mut ledger, now)
            .await
            .map(|current| self.policies.swap(current))?;
        self.metrics.policies_refused(false);
        self.metrics.policies_in_force(true);
        if changed {
            tracing::info!(generation = ledger.generation(), "new policies are in force");
        }
        Ok(changed)
    }

    /// Reads the FG's public keys again; tells whether they changed. They are held against the approvers' list in force,
    /// which the log has the digest of, not against the one on disk; while none is, the old ones stay. A month's chain of
    /// tags that has begun goes on.
    ///
    /// # Errors
    /// Why the old ones stay.
    pub fn reload_fg_keys(&self) -> Result<bool, StartError> {
        let current = self.policies.current();
        if !current.in_force {
            return Ok(false);
        }
        let approvers = &current.policies.evidence.keys;
        let keys = super::start::fg_keys_by(&self.config, approvers, self.clock.now())?;
        let changed = keys != *self.log.fg_keys();
        if changed {
            self.log.set_fg_keys(keys);
            tracing::info!("private parts of the log are sealed to new keys of the FG");
        }
        Ok(changed)
    }

    /// Makes what this replica has follow what the log says: withdrawals count, and where another replica put other
    /// policies in force, nothing is answered until this one has read the same.
    pub(super) async fn hear(&self, ledger: &mut Ledger) -> Result<(), LogError> {
        let asked = Instant::now();
        let (generation, _) = self.log.policy().await?;
        if generation != ledger.generation() {
            ledger.known = self.log.history_since(&ledger.known).await?;
            self.follow_history(ledger);
        }
        if self.policies.current().in_force {
            self.policies.heard(asked);
        }
        Ok(())
    }

    /// The same, for a request that was decided under older policies.
    pub(crate) async fn hear_now(&self) {
        let mut ledger = self.ledger.lock().await;
        if let Err(error) = self.hear(&mut ledger).await {
            tracing::error!(%error, "the policy generation cannot be read");
        }
    }

    fn follow_history(&self, ledger: &Ledger) {
        let now = self.clock.now();
        let current = self.policies.current();
        let in_force = ledger.history().policies == Some(current.policies.digest);
        self.metrics.policies_in_force(in_force);
        if !in_force {
            tracing::error!("{NOT_IN_FORCE}");
        }
        let policies = current.policies.clone().after(&ledger.history().withdrawals, now);
        self.policies.swap(Current {
            policies,
            generation: if in_force {
                ledger.generation()
            } else {
                current.generation
            },
            in_force,
            tables: Arc::clone(&current.tables),
        });
    }

    /// Reads the policies again when there is something to find: other files than before where this replica's policies
    /// are in force; those in force where they are not; or an approval that was too early when it was read.
    pub(super) async fn look(&self, seen: Option<[u8; 32]>) -> Option<[u8; 32]> {
        let read = Read::of(&self.config).await;
        let current = self.policies.current();
        let due = {
            let ledger = self.ledger.lock().await;
            if current.in_force {
                // Not while the files are being written: they must be the same for two looks.
                let changed = read.fingerprint != ledger.fingerprint && seen == Some(read.fingerprint);
                changed || current.policies.could_wake(self.clock.now())
            } else {
                read.digest(&self.config) == ledger.history().policies
            }
        };
        if due {
            // Why they are refused is told where that is decided.
            let _ = self.reload_policies().await;
        }
        Some(read.fingerprint)
    }
}

/// Who may change what is in force.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    /// A replica whose policies are in force.
    WhereInForce,
    /// Any replica: somebody said so.
    ForAll,
}

/// The folder as it was read, and what it looked like.
pub(super) struct Read {
    pub(super) fingerprint: [u8; 32],
    files: Result<PolicyFiles, PoliciesError>,
}

impl Read {
    /// Reads the folder of the policies.
    pub(super) async fn of(config: &Config) -> Self {
        let folder = config.policies.dir.clone();
        let read = tokio::task::spawn_blocking(move || Self {
            fingerprint: policies::fingerprint(&folder),
            files: policies::read(&folder),
        });
        read.await.unwrap_or_else(|_| Self {
            fingerprint: [0; 32],
            files: Err(PoliciesError::not_read(&config.policies.dir)),
        })
    }

    fn digest(&self, config: &Config) -> Option<[u8; 32]> {
        let files = self.files.as_ref().ok()?;
        Some(load::digest(files, &config.deployment.name))
    }

    /// What the folder comes to, held against the log, and against what is released already unless it is in force: the
    /// policies in force may have become too much only by what the gateway counts, and a close refuses that.
    pub(super) async fn candidate(
        self,
        (config, store): (&Config, &Store),
        history: &History,
        now: Timestamp,
    ) -> Result<Candidate, Unfit> {
        let unread = |error| Unfit { digest: None, error };
        let digest = self.digest(config);
        let files = self.files.map_err(unread)?;
        let (deployment, history) = (config.deployment.name.clone(), history.clone());
        let former = if history.policies == digest {
            None
        } else {
            let former = former(store, &deployment, civil_day(now)).await;
            let unknown = |error| Unfit {
                digest,
                error: PoliciesError::former(&error),
            };
            Some(former.map_err(unknown)?)
        };
        let checked = tokio::task::spawn_blocking(move || {
            let policies = policies::candidate(&files, &deployment, now, &history, former)?;
            Ok(Candidate { policies, files })
        });
        let broke_off = || Err(unread(PoliciesError::not_read(&config.policies.dir)));
        checked.await.unwrap_or_else(|_| broke_off())
    }
}

/// Policies that may come into force, and the files that they were read from.
pub(super) struct Candidate {
    pub(super) policies: Policies,
    files: PolicyFiles,
}

/// Logs the policies as the ones in force, unless they are and the log knows of each purpose how it stands; what becomes
/// current. Whoever put others in force meanwhile has come first.
pub(super) async fn put_in_force(
    (config, log, store): (&Config, &Log, &Store),
    candidate: Candidate,
    before: Option<&Policies>,
    ledger: &mut Ledger,
    now: Timestamp,
) -> Result<Current, ReloadError> {
    let mut current = current_of(store, candidate.policies, ledger.generation()).await?;
    let digest = current.policies.digest;
    archive(store, &digest, &candidate.files).await?;
    let expected = ledger.history().policies;
    let gone = gone(config, store, expected, before, &current.policies).await?;
    for _ in 0..ATTEMPTS_MAX {
        let history = ledger.history();
        let known = |standing: &Standing| is_told(standing, history, now);
        if history.policies == Some(digest) && current.policies.purposes.values().all(known) {
            current.generation = ledger.generation();
            return Ok(current);
        }
        if history.policies != expected && history.policies != Some(digest) {
            return Err(ReloadError::NotInForce);
        }
        let activated = activate(log, &current.policies, &gone, history, now).await;
        ledger.known = log.history_since(&ledger.known).await?;
        current.policies = current.policies.after(&ledger.history().withdrawals, now);
        match activated {
            Ok(()) | Err(LogError::PolicyChanged) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ReloadError::Contended)
}

pub(super) async fn current_of(
    store: &Store,
    policies: Policies,
    generation: i64,
) -> Result<Current, StoreError> {
    let tables = store.prepare_datasets(&policies.catalogue).await?;
    Ok(Current {
        policies,
        generation,
        in_force: true,
        tables: Arc::new(tables),
    })
}

/// Keeps the files of these policies before they come into force: a decision can be made again as long as there is a
/// log, and what they hold is compared with what follows.
async fn archive(store: &Store, digest: &[u8; 32], files: &PolicyFiles) -> Result<(), ReloadError> {
    if crate::store::archive::policies(store, digest).await?.is_some() {
        return Ok(());
    }
    let text = serde_json::to_string(files).map_err(|_| ReloadError::Contended)?;
    Ok(crate::store::archive::put(store, digest, &text).await?)
}

/// The proofs and mandates that the policies in force hold and these do not.
async fn gone(
    config: &Config,
    store: &Store,
    in_force: Option<[u8; 32]>,
    before: Option<&Policies>,
    policies: &Policies,
) -> Result<Proofs, ReloadError> {
    let Some(digest) = in_force.filter(|digest| *digest != policies.digest) else {
        return Ok(Proofs::new());
    };
    let mut held = match before.filter(|before| before.digest == digest) {
        Some(before) => before.proofs(),
        None => archived(config, store, &digest).await?,
    };
    let kept = policies.proofs();
    held.retain(|digest, _| !kept.contains_key(digest));
    Ok(held)
}

/// What the policies with this digest held, as their archived files say.
async fn archived(config: &Config, store: &Store, digest: &[u8; 32]) -> Result<Proofs, ReloadError> {
    let text = crate::store::archive::policies(store, digest).await?;
    let files: Option<PolicyFiles> = text.and_then(|text| serde_json::from_str(&text).ok());
    files
        .filter(|files| load::digest(files, &config.deployment.name) == *digest)
        .and_then(|files| revocation::held(&files))
        .ok_or(ReloadError::Before)
}
