//! Policies of other times, and of a proposal: read from the gateway's archive and from the FG's own folder.

use std::collections::BTreeSet;

use doelpoort_core::policy::tools::diff::{Change, Side, diff};
use doelpoort_core::policy::{Draft, Policies, PolicyFiles};
use doelpoort_core::request::LookCommand;
use jiff::SignedDuration;

use super::super::held::Held;
use super::super::session::Why;
use super::{FgConsole, ShowError};
use crate::fg::Reader;
use crate::fg::replay::{Archive, Archived, Outcome, Replayed, is_decision, simulate};
use crate::policies;

/// How far back a proposal is tried.
const SIMULATED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a proposal came to.
pub(in crate::console) struct Simulated {
    /// The number of the entry that says that it was tried.
    pub(in crate::console) entry: u64,
    pub(in crate::console) decided: u64,
    /// Destroyed, or not understood under the proposal.
    pub(in crate::console) undecided: u64,
    pub(in crate::console) changes: Vec<Otherwise>,
}

/// A request that would come out otherwise.
pub(in crate::console) struct Otherwise {
    pub(in crate::console) index: u64,
    pub(in crate::console) logged: Outcome,
    pub(in crate::console) now: Outcome,
}

impl FgConsole {
    async fn archived(&self, digest: [u8; 32]) -> Result<PolicyFiles, ShowError> {
        let mut archive = Archive::new(Archived::Exchange(&self.fg.client), &self.fg.deployment);
        Ok(archive.files(digest).await?.clone())
    }

    /// What changed between the policies with these digests, in sentences.
    pub(in crate::console) async fn policy_changes(
        &self,
        before: [u8; 32],
        after: [u8; 32],
    ) -> Result<Vec<Change>, ShowError> {
        let (before, after) = (self.archived(before).await?, self.archived(after).await?);
        changes(&before, &after)
    }

    /// What other files change of the policies in force.
    pub(in crate::console) async fn changes_to(
        &self,
        held: &Held,
        files: &PolicyFiles,
    ) -> Result<Vec<Change>, ShowError> {
        let policies = held.policies.as_ref().ok_or(ShowError::NoPolicies)?;
        changes(&self.archived(policies.digest).await?, files)
    }

    /// What may be approved: the proposal where there is one, else what is in force.
    pub(in crate::console) async fn to_approve(&self, held: &Held) -> Result<Draft, ShowError> {
        let files = if let Some(folder) = &self.fg.proposal {
            policies::read(folder)?
        } else {
            let policies = held.policies.as_ref().ok_or(ShowError::NoPolicies)?;
            self.archived(policies.digest).await?
        };
        Ok(policies::draft_of(&files)?)
    }

    /// Decides the requests of the last 30 days again, as if everybody had signed the proposal.
    pub(in crate::console) async fn simulate_proposal(
        &self,
        held: &Held,
        why: &Why,
    ) -> Result<Simulated, ShowError> {
        let draft = self.to_approve(held).await?;
        let in_force = held.policies.as_ref().ok_or(ShowError::NoPolicies)?;
        let proposed = Policies {
            mandates: in_force.mandates.clone(),
            ..Policies::as_if_signed(&draft)
        };
        let logged = self.announce(why, LookCommand::Simulate, "a proposal").await?;
        let since = self.now().saturating_sub(SIMULATED).unwrap_or(self.now());
        let since = since.as_microsecond();
        let recent = held.columns.since(since).filter_map(|place| held.at(place));
        let recent: Vec<_> = recent.filter(|entry| is_decision(&entry.leaf.event)).collect();
        let indices: BTreeSet<u64> = recent.iter().map(|entry| entry.index).collect();
        let sealed = self.sealed(held, &logged, &indices).await?;
        let mut simulated = Simulated {
            entry: self.number(&logged),
            decided: 0,
            undecided: 0,
            changes: Vec::new(),
        };
        for entry in recent {
            let reader = Reader::new(&entry.origin, &self.fg.keys);
            let private = sealed
                .get(&entry.index)
                .and_then(|sealed| reader.danger_open_unheld(&entry.leaf, sealed).ok());
            let outcome = private.map(|private| simulate(&proposed, &entry.leaf, &private));
            match outcome {
                Some(Ok(Replayed::Decided { logged, now })) => {
                    simulated.decided += 1;
                    if logged.decision != now.decision {
                        let index = entry.index;
                        simulated.changes.push(Otherwise { index, logged, now });
                    }
                }
                Some(Ok(Replayed::NotADecision(_))) => {}
                Some(Err(_)) | None => simulated.undecided += 1,
            }
        }
        Ok(simulated)
    }
}

fn changes(before: &PolicyFiles, after: &PolicyFiles) -> Result<Vec<Change>, ShowError> {
    let (old, new) = (policies::draft_of(before)?, policies::draft_of(after)?);
    let before = Side {
        files: before,
        draft: &old,
    };
    let after = Side {
        files: after,
        draft: &new,
    };
    Ok(diff(before, after))
}
