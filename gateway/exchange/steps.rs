//! The steps of the line that need more than one call.

use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::party::{Caller, Staff};
use doelpoort_core::plan::AskedPupil;
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::decide::Permit;
use doelpoort_core::protect::Release;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::pseudonymise::ExitKey;
use doelpoort_core::request::Request;
use jiff::Timestamp;

use super::cursor::Cursor;
use super::record::Circumstances;
use super::{Asked, Refusal};
use crate::gateway::Gateway;
use crate::identity::Asking;
use crate::log::LogError;
use crate::store::subjects::Sighting;
use crate::telemetry::AccessOutcome;

impl Gateway {
    /// The person for whom the caller asks: proved by an assertion, or by the cursor that followed from one.
    pub(super) fn staff(
        &self,
        policies: &Policies,
        caller: &Caller,
        asked: &Asked<'_>,
        request: &Request,
        cursor: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<Option<Staff>, Refusal> {
        if let Some(staff) = cursor.and_then(Cursor::staff) {
            return Ok(Some(staff));
        }
        if request
            .acting_for()
            .is_some_and(|board| *board != caller.organisation && !caller.acting_for.contains(board))
        {
            // Without the board's mandate nobody is looked at; the decision refuses for that reason.
            return Ok(None);
        }
        let Some(behalf) = request.on_behalf_of() else {
            return Ok(None);
        };
        let (Some(assertion), Some(digest)) = (&behalf.assertion, asked.digest()) else {
            return Ok(None);
        };
        let staff = self.identity.staff(
            &policies.organisations,
            Asking {
                caller,
                recipient: request.acting_for().unwrap_or(&caller.organisation),
            },
            assertion,
            &digest,
            behalf.case.clone(),
            now,
        )?;
        Ok(Some(staff))
    }

    /// The pupils that a request names by their numbers, as subjects. An unknown identifier gets a subject that nobody has, so
    /// that from here on hit and miss take the same steps.
    pub(super) async fn pupils(
        &self,
        permit: &Permit<'_>,
        request: &Request,
    ) -> Result<Vec<AskedPupil>, Refusal> {
        let pupils = request.pupils();
        if pupils.is_empty() {
            return Ok(Vec::new());
        }
        let active = (self.keyring.index.active_version(), self.keyring.index.active());
        let accepted: Vec<_> = self
            .keyring
            .index
            .iter()
            .filter(|(version, _)| *version != active.0)
            .collect();
        let sightings: Vec<Sighting> = pupils
            .iter()
            .map(|pupil| Sighting::new(&pupil.identifier, active, &accepted))
            .collect();
        let found = self.store.lookup(Some(permit.principal()), &sightings).await?;
        Ok(pupils
            .iter()
            .zip(sightings.iter().zip(found))
            .map(|(pupil, (sighting, found))| AskedPupil {
                reference: pupil.reference.clone(),
                subject: found.map_or_else(|| nobody(sighting), |found| found.canonical),
            })
            .collect())
    }

    /// The active exit root under which this answer's pseudonyms are made.
    pub(super) fn exit_key(&self) -> Result<ExitKey<'_>, Refusal> {
        let version = self.keyring.exit_version().ok_or(Refusal::Internal)?;
        Ok(ExitKey {
            root: self.keyring.exit.active(),
            version,
            tenant: &self.tenant,
        })
    }

    /// Records an outcome. When the policies changed since the decision, what is recorded and returned is that.
    pub(super) async fn record(
        &self,
        circumstances: &Circumstances,
        outcome: Result<Release, Refusal>,
    ) -> Result<(Result<Release, Refusal>, Receipt), Refusal> {
        let entry = circumstances.entry(outcome.as_ref())?;
        let appended = match &outcome {
            Ok(_) => self.log.append(entry).await,
            Err(_) => self.log.append_refusal(circumstances.client(), entry).await,
        };
        match appended {
            Ok(receipt) => {
                self.metrics.log_entry(became(outcome.as_ref().err()));
                Ok((outcome, receipt))
            }
            Err(LogError::PolicyChanged) => {
                self.hear_now().await;
                let changed = Err(Refusal::PolicyChanged);
                let entry = circumstances.entry(changed.as_ref())?;
                let receipt = self.log.append_refusal(circumstances.client(), entry).await?;
                Ok((changed, receipt))
            }
            Err(error @ LogError::Stale) => {
                let stale = Err(error.into());
                let receipt = self.log.append(circumstances.entry(stale.as_ref())?).await?;
                Ok((stale, receipt))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What an access became, for the metrics: a failure of ours is no refusal.
fn became(refusal: Option<&Refusal>) -> AccessOutcome {
    match refusal {
        None => AccessOutcome::Granted,
        Some(
            Refusal::Internal | Refusal::Log | Refusal::NotInForce | Refusal::PolicyChanged | Refusal::Source,
        ) => AccessOutcome::Failed,
        Some(_) => AccessOutcome::Denied,
    }
}

/// A subject that nobody has: a part of the keyed index, which is as random as a subject and never one.
fn nobody(sighting: &Sighting) -> SubjectId {
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(sighting.current.index.as_bytes())
        .for_each(|(to, from)| *to = *from);
    SubjectId::from_bytes(bytes)
}
