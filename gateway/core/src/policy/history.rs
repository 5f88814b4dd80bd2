//! What the log says of policies: which were in force, which versions acted, what was withdrawn. There is no way back
//! behind it, whatever the files say.

mod regression;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::revocation::Proof;
use super::withdrawal::Withdrawal;
use crate::audit::leaf::{Event, Kind, Leaf, Value, extra};

pub use regression::Regression;

/// The decision of an entry that puts policies in force.
pub const POLICY_ACTIVATED: &str = "policy-activated";
/// The decision of an entry about policies that were refused.
pub const POLICY_REFUSED: &str = "policy-refused";
/// The decision of an entry about a purpose that acts under the policies of its opening entry.
pub const PURPOSE_ACTS: &str = "purpose-acts";
/// The decision of an entry about a purpose that sleeps under them.
pub const PURPOSE_ASLEEP: &str = "purpose-asleep";
/// The decision of a withdrawal.
pub const WITHDRAWN: &str = "withdrawn";
/// The decision of an entry about a program's certificate or key that the policies of its opening entry no longer hold.
pub const CLIENT_REVOKED: &str = "client-revoked";
/// The decision of an entry about a mandate that they no longer hold.
pub const MANDATE_ENDED: &str = "mandate-ended";
/// The decision of the entry after a restore. What was withdrawn in the part of the log that was lost is not known, so
/// nothing that was approved before holds any longer.
pub const LOG_RESTORED: &str = "log-restored";

/// What was logged of one purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggedPurpose {
    /// The highest version that acted, and the digest of its manifest.
    pub acted: Option<(u32, [u8; 32])>,
    /// What the last entry said: version, manifest, and why it slept if it did.
    pub last: Option<(u32, [u8; 32], Option<String>)>,
}

/// The state that the entries about policies leave, in the order of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Counts every change of policies and every withdrawal.
    pub generation: u64,
    /// Digest of the policies in force.
    pub policies: Option<[u8; 32]>,
    /// Digest of the approvers' key list in force.
    pub keys: Option<[u8; 32]>,
    /// The purposes that were ever told of.
    pub purposes: BTreeMap<String, LoggedPurpose>,
    /// All withdrawals; of the same thing the latest, which says what the earlier ones said.
    pub withdrawals: Vec<Withdrawal>,
    /// What was taken out of the policies, by digest, and when.
    pub revoked: BTreeMap<[u8; 32], (Proof, Timestamp)>,
    /// The last refusal since the last activation: digest and reason.
    pub refused: Option<(Option<[u8; 32]>, Option<String>)>,
    /// Entries about purposes, until the entry that they belong to comes or does not.
    waiting: Vec<([u8; 16], Event)>,
}

/// An entry that the history cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHistory {
    /// A change of policies or a withdrawal is not in the log any more.
    #[error("the log goes from policy generation `{after}` to `{found}`: entries about policies are missing")]
    Gap {
        /// The last one.
        after: u64,
        /// The one that follows.
        found: u64,
    },
    /// A withdrawal that names nobody.
    #[error("a withdrawal in the log does not say whose it is")]
    Withdrawal,
}

impl History {
    /// Whether entries of this kind belong to the history.
    pub const fn takes(kind: Kind) -> bool {
        matches!(kind, Kind::PolicyChanged | Kind::Withdrawal)
    }

    /// Takes the next entry of the log; entries about other things change nothing.
    ///
    /// # Errors
    /// When an entry before it is missing.
    pub fn apply(&mut self, leaf: &Leaf) -> Result<(), InvalidHistory> {
        let event = &leaf.event;
        if !Self::takes(event.kind) {
            return Ok(());
        }
        let decision = event.decision.as_deref();
        let is_told = |decision| {
            matches!(
                decision,
                PURPOSE_ACTS | PURPOSE_ASLEEP | CLIENT_REVOKED | MANDATE_ENDED
            )
        };
        if let (Some(opening), Some(true)) = (event.opening, decision.map(is_told)) {
            self.waiting.push((opening, event.clone()));
            return Ok(());
        }
        if decision == Some(POLICY_REFUSED) {
            self.refused = Some((event.policy, event.clause.clone()));
            return Ok(());
        }
        let generation = event.extra.get(&extra::GENERATION);
        if let Some(Value::Number(generation)) = generation {
            if *generation != self.generation + 1 {
                return Err(InvalidHistory::Gap {
                    after: self.generation,
                    found: *generation,
                });
            }
            self.generation = *generation;
        }
        match event.kind {
            // One that takes nothing away that stands has no generation; it holds for what is still to be read.
            Kind::Withdrawal if matches!(decision, Some(WITHDRAWN | LOG_RESTORED)) => {
                self.withdrawn(withdrawal(leaf)?);
            }
            Kind::PolicyChanged if generation.is_some() => self.activated(leaf),
            _ => {}
        }
        Ok(())
    }

    fn withdrawn(&mut self, withdrawal: Withdrawal) {
        let same = self
            .withdrawals
            .iter_mut()
            .find(|one| one.is_of_same(&withdrawal));
        match same {
            Some(earlier) => earlier.at = earlier.at.max(withdrawal.at),
            None => self.withdrawals.push(withdrawal),
        }
    }

    fn activated(&mut self, leaf: &Leaf) {
        let event = &leaf.event;
        self.policies = event.policy;
        self.refused = None;
        if let Some(Value::Bytes(digest)) = event.extra.get(&extra::KEY_LIST) {
            self.keys = digest.as_slice().try_into().ok().or(self.keys);
        }
        for (opening, told) in std::mem::take(&mut self.waiting) {
            if opening != event.entry_id {
                continue;
            }
            if matches!(told.decision.as_deref(), Some(CLIENT_REVOKED | MANDATE_ENDED)) {
                self.revoked(&told, Timestamp::from_microsecond(leaf.time).unwrap_or_default());
            } else {
                self.told(&told);
            }
        }
    }

    fn revoked(&mut self, event: &Event, at: Timestamp) {
        let Some(digest) = subject_digest(event) else {
            return;
        };
        let text = |key: u64| match event.extra.get(&key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        let proof = Proof {
            organisation: text(extra::HOLDER).and_then(|text| text.parse().ok()),
            client: text(extra::CLIENT).and_then(|text| text.parse().ok()),
        };
        self.revoked.insert(digest, (proof, at));
    }

    fn told(&mut self, event: &Event) {
        let (Some(purpose), Some(digest)) = (&event.purpose, event.policy) else {
            return;
        };
        let logged = self.purposes.entry(purpose.id.clone()).or_default();
        if event.decision.as_deref() == Some(PURPOSE_ACTS) {
            logged.acted = Some((purpose.version, digest));
        }
        logged.last = Some((purpose.version, digest, event.clause.clone()));
    }
}

fn withdrawal(leaf: &Leaf) -> Result<Withdrawal, InvalidHistory> {
    let event = &leaf.event;
    let organisation = match event.extra.get(&extra::HOLDER) {
        Some(Value::Text(holder)) => Some(holder.parse().map_err(|_| InvalidHistory::Withdrawal)?),
        _ if event.decision.as_deref() == Some(LOG_RESTORED) => None,
        _ => return Err(InvalidHistory::Withdrawal),
    };
    let purpose = match &event.purpose {
        None => None,
        Some(purpose) => Some(purpose.id.parse().map_err(|_| InvalidHistory::Withdrawal)?),
    };
    let grant = match &event.clause {
        None => None,
        Some(clause) => {
            let position = clause.rsplit('/').next().and_then(|text| text.parse().ok());
            Some(position.ok_or(InvalidHistory::Withdrawal)?)
        }
    };
    let at = match event.extra.get(&extra::ISSUED_AT) {
        Some(Value::Number(seconds)) => i64::try_from(*seconds).ok().map(Timestamp::from_second),
        _ => Some(Timestamp::from_microsecond(leaf.time)),
    };
    Ok(Withdrawal {
        organisation,
        purpose,
        grant,
        manifest: subject_digest(event),
        at: at.and_then(Result::ok).ok_or(InvalidHistory::Withdrawal)?,
    })
}

fn subject_digest(event: &Event) -> Option<[u8; 32]> {
    match event.extra.get(&extra::SUBJECT_DIGEST) {
        Some(Value::Bytes(digest)) => digest.as_slice().try_into().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
