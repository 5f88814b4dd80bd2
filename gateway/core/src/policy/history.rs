//! What the log says of policies: which were in force, which versions acted, what was withdrawn. There is no way back
//! behind it, whatever the files say.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Policies;
use super::manifest::digest_text;
use crate::audit::leaf::{Event, Kind, Leaf, Value, extra};
use crate::catalogue::Name;
use crate::party::Oin;

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

/// A holder's word that what it approved until now no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Whose.
    pub organisation: Oin,
    /// Of one purpose; of all where none.
    pub purpose: Option<Name>,
    /// Of one grant of that purpose, by position.
    pub grant: Option<usize>,
    /// When, as the log has it.
    pub at: Timestamp,
}

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
    /// All withdrawals.
    pub withdrawals: Vec<Withdrawal>,
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

/// Why policies may not follow those in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Regression {
    /// The key list is an older one, or another.
    #[error(
        "approvers/: the key list does not go on from the one in the log, `{logged}`: it is an older list, or another; \
         restore the missing changes"
    )]
    KeyList {
        /// Digest of the one that was logged.
        logged: String,
    },
    /// A version that was left behind.
    #[error("purpose `{purpose}` has version {version}, but version {acted} has acted: there is no way back")]
    Version {
        /// The purpose.
        purpose: Name,
        /// Its version now.
        version: u32,
        /// The highest that acted.
        acted: u32,
    },
    /// The same version with other bytes, signed anew.
    #[error(
        "purpose `{purpose}` version {version} has acted with the manifest `{logged}` and now has `{found}`: raise its \
         version and have it signed"
    )]
    Bytes {
        /// The purpose.
        purpose: Name,
        /// Its version.
        version: u32,
        /// The manifest that acted.
        logged: String,
        /// The manifest now.
        found: String,
    },
}

impl Withdrawal {
    /// Whether it is about this purpose.
    pub fn covers(&self, purpose: &Name) -> bool {
        self.purpose.as_ref().is_none_or(|one| one == purpose)
    }

    /// Whether something issued then no longer holds. What was issued in the same second does not outlive it.
    pub fn voids(&self, issued_at: Timestamp) -> bool {
        issued_at <= self.at
    }
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
        if let (Some(opening), Some(PURPOSE_ACTS | PURPOSE_ASLEEP)) = (event.opening, decision) {
            self.waiting.push((opening, event.clone()));
            return Ok(());
        }
        if decision == Some(POLICY_REFUSED) {
            self.refused = Some((event.policy, event.clause.clone()));
            return Ok(());
        }
        let Some(Value::Number(generation)) = event.extra.get(&extra::GENERATION) else {
            return Ok(());
        };
        if *generation != self.generation + 1 {
            return Err(InvalidHistory::Gap {
                after: self.generation,
                found: *generation,
            });
        }
        self.generation = *generation;
        if event.kind == Kind::Withdrawal {
            self.withdrawals.push(withdrawal(leaf)?);
        } else {
            self.activated(event);
        }
        Ok(())
    }

    fn activated(&mut self, event: &Event) {
        self.policies = event.policy;
        self.refused = None;
        if let Some(Value::Bytes(digest)) = event.extra.get(&extra::KEY_LIST) {
            self.keys = digest.as_slice().try_into().ok().or(self.keys);
        }
        for (opening, told) in std::mem::take(&mut self.waiting) {
            if opening == event.entry_id {
                self.told(&told);
            }
        }
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

    /// What keeps these policies from following those that the log knows.
    pub fn regressions(&self, policies: &Policies, now: Timestamp) -> Vec<Regression> {
        let mut found = Vec::new();
        if let Some(logged) = self.keys
            && !policies.evidence.keys.grew_from(&logged)
        {
            found.push(Regression::KeyList {
                logged: digest_text(&logged),
            });
        }
        for standing in policies.purposes.values() {
            let purpose = &standing.purpose;
            let logged = self.purposes.get(purpose.id.as_str());
            let Some((acted, digest)) = logged.and_then(|logged| logged.acted) else {
                continue;
            };
            if purpose.version < acted {
                found.push(Regression::Version {
                    purpose: purpose.id.clone(),
                    version: purpose.version,
                    acted,
                });
            }
            // What nobody has signed sleeps, and does no harm; it only keeps its version from acting with two meanings.
            if purpose.version == acted && standing.manifest_digest != digest && standing.is_approved(now) {
                found.push(Regression::Bytes {
                    purpose: purpose.id.clone(),
                    version: purpose.version,
                    logged: digest_text(&digest),
                    found: digest_text(&standing.manifest_digest),
                });
            }
        }
        found
    }
}

fn withdrawal(leaf: &Leaf) -> Result<Withdrawal, InvalidHistory> {
    let event = &leaf.event;
    let Some(Value::Text(holder)) = event.extra.get(&extra::HOLDER) else {
        return Err(InvalidHistory::Withdrawal);
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
    Ok(Withdrawal {
        organisation: holder.parse().map_err(|_| InvalidHistory::Withdrawal)?,
        purpose,
        grant,
        at: Timestamp::from_microsecond(leaf.time).map_err(|_| InvalidHistory::Withdrawal)?,
    })
}

#[cfg(test)]
mod tests;
