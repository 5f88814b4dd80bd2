//! How policies come into force: read, checked, verified, held against the log, and only then swapped, whole; else the
//! old ones stay, the log says why, and an alarm is raised.
//!
//! In the log: an entry for each purpose whose standing is new, an entry for each key that came or went, and last the
//! entry that puts the policies in force. The first ones name that last one, and count only when it follows, so a crash
//! in between leaves nothing but entries about something that did not happen.

use std::sync::Arc;
use std::time::Duration;

use doelpoort_core::audit::leaf::{Kind, PurposeVersion, Value, extra};
use doelpoort_core::policy::history::{POLICY_ACTIVATED, POLICY_REFUSED, PURPOSE_ACTS, PURPOSE_ASLEEP};
use doelpoort_core::policy::key_list::KeyEvent;
use doelpoort_core::policy::load;
use doelpoort_core::policy::{History, Policies, Standing};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Current, Gateway};
use crate::config::Config;
use crate::log::{Effect, Entry, Log, LogError, PolicyHistory};
use crate::policies::{self, PoliciesError, Unfit};
use crate::store::{Store, StoreError};

/// How long the entries of an activation may take.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often an activation or a withdrawal is tried again because another one came first.
pub(super) const ATTEMPTS_MAX: u32 = 5;
/// The longest clause in the log, in bytes.
const CLAUSE_BYTES_MAX: usize = 256;

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
    /// Others changed them again and again meanwhile.
    #[error("the policies were changed by others at the same time; try again")]
    Contended,
}

impl Ledger {
    pub(super) fn history(&self) -> &History {
        &self.known.history
    }

    /// The generation in force.
    pub(super) fn generation(&self) -> i64 {
        i64::try_from(self.history().generation).unwrap_or(i64::MAX)
    }
}

impl Gateway {
    /// Reads the policies again and puts them in force, if nothing is wrong with them; tells whether they changed.
    ///
    /// # Errors
    /// Why the old ones stay; it is in the log, and the metric `policies_refused` is set.
    pub async fn reload_policies(&self) -> Result<bool, ReloadError> {
        let mut ledger = self.ledger.lock().await;
        self.hear(&mut ledger).await?;
        let now = self.clock.now();
        let candidate = candidate(&self.config, &mut ledger, now).await;
        let policies = match candidate {
            Ok(policies) => policies,
            Err(unfit) => {
                self.metrics.policies_refused(true);
                // Refusals, ours too, change no generation: look whether this one was told.
                ledger.known = self.log.history_since(&ledger.known).await?;
                refuse(&self.log, ledger.history(), &unfit).await?;
                return Err(ReloadError::Unfit(unfit.error));
            }
        };
        let before = self.policies.current().policies.digest;
        let changed = policies.digest != before;
        put_in_force(&self.config, (&self.log, &self.store), policies, &mut ledger, now)
            .await
            .map(|current| self.policies.swap(current))?;
        self.metrics.policies_refused(false);
        self.metrics.policies_in_force(true);
        if changed {
            tracing::info!(generation = ledger.generation(), "new policies are in force");
        }
        Ok(changed)
    }

    /// Makes what this replica has follow what the log says: withdrawals count, and policies that another replica put
    /// in force are read from the own folder. Where that has others, nothing is answered.
    pub(super) async fn hear(&self, ledger: &mut Ledger) -> Result<(), LogError> {
        let asked = Instant::now();
        let (generation, _) = self.log.policy().await?;
        if generation != ledger.generation() {
            ledger.known = self.log.history_since(&ledger.known).await?;
            self.follow_history(ledger).await;
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

    async fn follow_history(&self, ledger: &mut Ledger) {
        let now = self.clock.now();
        let current = self.policies.current();
        let in_force = ledger.history().policies;
        if in_force == Some(current.policies.digest) {
            let policies = current.policies.clone().after(&ledger.history().withdrawals, now);
            self.policies.swap(Current {
                policies,
                generation: ledger.generation(),
                in_force: true,
                tables: Arc::clone(&current.tables),
            });
            return self.metrics.policies_in_force(true);
        }
        // Another replica has new files. Ours may be the same by now; activating other ones is not for us.
        let candidate = candidate(&self.config, ledger, now).await.ok();
        if let Some(policies) = candidate.filter(|policies| in_force == Some(policies.digest)) {
            match current_of(&self.store, policies, ledger.generation()).await {
                Ok(current) => {
                    self.policies.swap(current);
                    return self.metrics.policies_in_force(true);
                }
                Err(error) => {
                    tracing::error!(%error, "the datasets of the policies in force do not fit the database");
                }
            }
        }
        tracing::error!(
            "other policies are in force than this replica has; it answers nothing until its folder has the same"
        );
        self.metrics.policies_in_force(false);
        self.policies.swap(Current {
            policies: current.policies.clone(),
            generation: current.generation,
            in_force: false,
            tables: Arc::clone(&current.tables),
        });
    }
}

/// What the folder comes to, held against the log.
pub(super) async fn candidate(
    config: &Config,
    ledger: &mut Ledger,
    now: Timestamp,
) -> Result<Policies, Unfit> {
    let (folder, deployment) = (config.policies.dir.clone(), config.deployment.name.clone());
    let history = ledger.history().clone();
    let read = tokio::task::spawn_blocking(move || {
        let fingerprint = policies::fingerprint(&folder);
        (
            fingerprint,
            policies::candidate(&folder, &deployment, now, &history),
        )
    });
    match read.await {
        Ok((fingerprint, candidate)) => {
            ledger.fingerprint = fingerprint;
            candidate
        }
        Err(_) => Err(Unfit {
            digest: None,
            error: PoliciesError::not_read(&config.policies.dir),
        }),
    }
}

/// Keeps the files of these policies before they come into force: a decision can be made again as long as there is a log.
async fn archive(config: &Config, store: &Store, digest: &[u8; 32]) -> Result<(), ReloadError> {
    if crate::store::archive::policies(store, digest).await?.is_some() {
        return Ok(());
    }
    let (folder, deployment) = (config.policies.dir.clone(), config.deployment.name.clone());
    let read = tokio::task::spawn_blocking(move || {
        let files = policies::read(&folder).ok()?;
        Some((
            load::digest(&files, &deployment),
            serde_json::to_string(&files).ok()?,
        ))
    });
    match read.await.ok().flatten() {
        Some((read, files)) if read == *digest => {
            Ok(crate::store::archive::put(store, digest, &files).await?)
        }
        // The files are no longer those that were checked: let them be checked again.
        _ => Err(ReloadError::Contended),
    }
}

/// Logs the policies as the ones in force, unless they are; what becomes current.
pub(super) async fn put_in_force(
    config: &Config,
    (log, store): (&Log, &Store),
    policies: Policies,
    ledger: &mut Ledger,
    now: Timestamp,
) -> Result<Current, ReloadError> {
    let mut current = current_of(store, policies, ledger.generation()).await?;
    archive(config, store, &current.policies.digest).await?;
    for _ in 0..ATTEMPTS_MAX {
        if ledger.history().policies == Some(current.policies.digest) {
            current.generation = ledger.generation();
            return Ok(current);
        }
        let activated = activate(log, &current.policies, ledger.history(), now).await;
        ledger.known = log.history_since(&ledger.known).await?;
        current.policies = current.policies.after(&ledger.history().withdrawals, now);
        match activated {
            Ok(()) | Err(LogError::PolicyChanged) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ReloadError::Contended)
}

async fn current_of(store: &Store, policies: Policies, generation: i64) -> Result<Current, StoreError> {
    let tables = store.prepare_datasets(&policies.catalogue).await?;
    Ok(Current {
        policies,
        generation,
        in_force: true,
        tables: Arc::new(tables),
    })
}

/// The entries of an activation, the one that counts last.
async fn activate(log: &Log, policies: &Policies, history: &History, now: Timestamp) -> Result<(), LogError> {
    let generation = history.generation + 1;
    let mut activation = Entry::new(Kind::PolicyChanged)?;
    let event = &mut activation.event;
    event.decision = Some(POLICY_ACTIVATED.to_owned());
    event.policy = Some(policies.digest);
    event.extra.insert(extra::GENERATION, Value::Number(generation));
    if let Some(before) = history.policies {
        event
            .extra
            .insert(extra::POLICY_BEFORE, Value::Bytes(before.to_vec()));
    }
    if let Some(keys) = policies.evidence.keys.head() {
        event.extra.insert(extra::KEY_LIST, Value::Bytes(keys.to_vec()));
    }
    let opening = event.entry_id;
    let mut told = Vec::new();
    for standing in policies.purposes.values() {
        told.extend(purpose_entry(standing, history, opening, now)?);
    }
    if let Some(keys) = &history.keys {
        for change in policies.evidence.keys.events_since(Some(keys)) {
            told.push(key_entry(change, opening)?);
        }
    }
    try_join_all(told.into_iter().map(|entry| log.append_within(entry, WAIT_MAX))).await?;
    let activation = activation.with_effect(Effect::SetPolicyGeneration {
        generation: i64::try_from(generation).unwrap_or(i64::MAX),
        digest: policies.digest,
    });
    log.append_within(activation, WAIT_MAX).await.map(drop)
}

/// What is said of a purpose, if it is not what was last said.
fn purpose_entry(
    standing: &Standing,
    history: &History,
    opening: [u8; 16],
    now: Timestamp,
) -> Result<Option<Entry>, LogError> {
    let purpose = &standing.purpose;
    let missing = standing.missing(now);
    let clauses: Vec<String> = missing.iter().map(|one| one.clause(&purpose.id)).collect();
    let clause = (!clauses.is_empty()).then(|| shortened(&clauses.join("\n")));
    let says = (purpose.version, standing.manifest_digest, clause);
    let said = history.purposes.get(purpose.id.as_str());
    if said.and_then(|said| said.last.as_ref()) == Some(&says) {
        return Ok(None);
    }
    let (version, digest, clause) = says;
    let mut entry = Entry::new(Kind::PolicyChanged)?;
    let acts = standing.is_approved(now);
    entry.event.opening = Some(opening);
    entry.event.decision = Some(if acts { PURPOSE_ACTS } else { PURPOSE_ASLEEP }.to_owned());
    entry.event.policy = Some(digest);
    entry.event.clause = clause;
    entry.event.purpose = Some(PurposeVersion {
        id: purpose.id.to_string(),
        version,
    });
    Ok(Some(entry))
}

fn key_entry(change: &KeyEvent, opening: [u8; 16]) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::KeyEvent)?;
    let decision = if change.added { "key-added" } else { "key-removed" };
    entry.event.opening = Some(opening);
    entry.event.decision = Some(decision.to_owned());
    let texts = [
        (extra::HOLDER, change.organisation.to_string()),
        (extra::KEY_ID, change.kid.clone()),
    ];
    let texts = texts.map(|(key, text)| (key, Value::Text(text)));
    entry.event.extra.extend(texts);
    Ok(entry)
}

/// Logs that policies were refused and why, once: a folder that stays as it is is not told of again.
pub(super) async fn refuse(log: &Log, history: &History, unfit: &Unfit) -> Result<(), LogError> {
    tracing::error!(error = %unfit.error, "the policies on disk are refused; those in force stay");
    let first = unfit
        .error
        .mistakes()
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let clause = Some(shortened(&first));
    if history.refused == Some((unfit.digest, clause.clone())) {
        return Ok(());
    }
    let mut entry = Entry::new(Kind::PolicyChanged)?;
    entry.event.decision = Some(POLICY_REFUSED.to_owned());
    entry.event.policy = unfit.digest;
    entry.event.clause = clause;
    log.append_within(entry, WAIT_MAX).await.map(drop)
}

/// As much as fits in a clause, without control characters.
fn shortened(text: &str) -> String {
    let mut short = String::new();
    for character in text.chars().filter(|one| *one == '\n' || !one.is_control()) {
        if short.len() + character.len_utf8() > CLAUSE_BYTES_MAX {
            break;
        }
        short.push(character);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_is_cut_between_characters() {
        let long = format!("{}é\u{7}tail", "x".repeat(255));
        assert_eq!(shortened(&long), "x".repeat(255));
        assert_eq!(shortened("a\n\tb"), "a\nb");
    }
}
