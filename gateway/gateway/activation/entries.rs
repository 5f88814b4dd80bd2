//! What the log says of an activation: how purposes stand, which keys came and went, what was revoked, and what was
//! refused.

use std::time::Duration;

use doelpoort_core::audit::leaf::{Kind, PurposeVersion, Value, extra};
use doelpoort_core::policy::history::{
    CLIENT_REVOKED, MANDATE_ENDED, POLICY_ACTIVATED, POLICY_REFUSED, PURPOSE_ACTS, PURPOSE_ASLEEP,
};
use doelpoort_core::policy::key_list::KeyEvent;
use doelpoort_core::policy::revocation::{Proof, Proofs};
use doelpoort_core::policy::{History, Policies, Standing};
use futures_util::future::try_join_all;
use jiff::Timestamp;

use crate::log::{Effect, Entry, Log, LogError};
use crate::policies::Unfit;

/// How long the entries of an activation may take.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// The longest clause in the log, in bytes.
const CLAUSE_BYTES_MAX: usize = 256;

/// The entries of an activation, the one that counts last.
pub(super) async fn activate(
    log: &Log,
    policies: &Policies,
    gone: &Proofs,
    history: &History,
    now: Timestamp,
) -> Result<(), LogError> {
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
        if !is_told(standing, history, now) {
            told.push(purpose_entry(standing, opening, now)?);
        }
    }
    if let Some(keys) = &history.keys {
        for change in policies.evidence.keys.events_since(Some(keys)) {
            told.push(key_entry(change, opening)?);
        }
    }
    for (digest, proof) in gone {
        told.push(revocation_entry(digest, proof, opening)?);
    }
    try_join_all(told.into_iter().map(|entry| log.append_within(entry, WAIT_MAX))).await?;
    let activation = activation.with_effect(Effect::SetPolicyGeneration {
        generation: i64::try_from(generation).unwrap_or(i64::MAX),
        digest: policies.digest,
    });
    log.append_within(activation, WAIT_MAX).await.map(drop)
}

/// How a purpose stands, as the log has it: version, manifest, and whose approvals are missing.
fn says(standing: &Standing, now: Timestamp) -> (u32, [u8; 32], Option<String>) {
    let purpose = &standing.purpose;
    let missing = standing.missing(now);
    let clauses: Vec<String> = missing.iter().map(|one| one.clause(&purpose.id)).collect();
    let clause = (!clauses.is_empty()).then(|| shortened(&clauses.join("\n")));
    (purpose.version, standing.manifest_digest, clause)
}

/// Whether the last entry about a purpose says how it stands now.
pub(super) fn is_told(standing: &Standing, history: &History, now: Timestamp) -> bool {
    let said = history.purposes.get(standing.purpose.id.as_str());
    said.and_then(|said| said.last.as_ref()) == Some(&says(standing, now))
}

fn purpose_entry(standing: &Standing, opening: [u8; 16], now: Timestamp) -> Result<Entry, LogError> {
    let (version, digest, clause) = says(standing, now);
    let mut entry = Entry::new(Kind::PolicyChanged)?;
    let acts = standing.is_approved(now);
    entry.event.opening = Some(opening);
    entry.event.decision = Some(if acts { PURPOSE_ACTS } else { PURPOSE_ASLEEP }.to_owned());
    entry.event.policy = Some(digest);
    entry.event.clause = clause;
    entry.event.purpose = Some(PurposeVersion {
        id: standing.purpose.id.to_string(),
        version,
    });
    Ok(entry)
}

fn revocation_entry(digest: &[u8; 32], proof: &Proof, opening: [u8; 16]) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::PolicyChanged)?;
    let event = &mut entry.event;
    let decision = match proof.client {
        Some(_) => CLIENT_REVOKED,
        None => MANDATE_ENDED,
    };
    event.opening = Some(opening);
    event.decision = Some(decision.to_owned());
    let texts = [
        (
            extra::HOLDER,
            proof.organisation.as_ref().map(ToString::to_string),
        ),
        (extra::CLIENT, proof.client.as_ref().map(ToString::to_string)),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(key, text)| Some((key, Value::Text(text?))));
    event.extra.extend(texts);
    event
        .extra
        .insert(extra::SUBJECT_DIGEST, Value::Bytes(digest.to_vec()));
    Ok(entry)
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
pub(in crate::gateway) async fn refuse(log: &Log, history: &History, unfit: &Unfit) -> Result<(), LogError> {
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
