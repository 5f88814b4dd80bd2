//! The steps of the line that need more than one call.

use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::party::{Caller, Staff};
use doelpoort_core::plan::AskedPupil;
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::decide::Permit;
use doelpoort_core::protect::Release;
use doelpoort_core::pseudonymise::ExitKey;
use doelpoort_core::request::Request;
use jiff::Timestamp;

use super::cursor::Cursor;
use super::record::Circumstances;
use super::{Asked, Refusal};
use crate::gateway::Gateway;
use crate::identity::Asking;
use crate::keys::Keyring;
use crate::log::LogError;
use crate::store::quota::LookUps;
use crate::telemetry::AccessOutcome;

/// The purpose under which a parent is told what there is about a child. A link that nobody has confirmed may be to
/// another child: then the pupil is nobody's.
const SUBJECT_ACCESS: &str = "subject-access";

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

    /// The person who releases a request besides who asks, where it names one: proved as the first is.
    pub(super) fn second_person(
        &self,
        policies: &Policies,
        caller: &Caller,
        asked: &Asked<'_>,
        request: &Request,
        now: Timestamp,
    ) -> Result<Option<Staff>, Refusal> {
        let second = request.released_by().and_then(|person| person.assertion.as_ref());
        let (Some(assertion), Some(digest)) = (second, asked.digest()) else {
            return Ok(None);
        };
        let asking = Asking {
            caller,
            recipient: &caller.organisation,
        };
        let organisations = &policies.organisations;
        let staff = self
            .identity
            .staff(organisations, asking, assertion, &digest, None, now)?;
        Ok(Some(staff))
    }

    /// The pupils that a request names by their numbers or pseudonyms, as subjects. An unknown identifier gets a subject
    /// that nobody has, so that from here on hit and miss take the same steps.
    pub(super) async fn pupils(
        &self,
        permit: &Permit<'_>,
        request: &Request,
        now: Timestamp,
    ) -> Result<Vec<AskedPupil>, Refusal> {
        let pupils = request.pupils();
        if !request.pseudonyms().is_empty() {
            return self.named(permit, request).await;
        }
        if pupils.is_empty() {
            return Ok(Vec::new());
        }
        let identifiers: Vec<_> = pupils.iter().map(|pupil| &pupil.identifier).collect();
        let sightings = self.keyring().index.sightings(&identifiers).await?;
        let found = self.store.lookup(Some(permit.principal()), &sightings).await?;
        let hits = found.iter().flatten().filter(|found| found.borne_out).count();
        let add = LookUps {
            looked: i64::try_from(found.len()).unwrap_or(i64::MAX),
            missed: i64::try_from(found.len() - hits).unwrap_or(i64::MAX),
        };
        self.count_look_ups(&permit.policies().organisations, permit.principal(), add, now)
            .await?;
        let confirmed_only = permit.purpose().as_str() == SUBJECT_ACCESS;
        let found = found
            .into_iter()
            .map(|found| found.filter(|found| !(confirmed_only && found.unconfirmed)));
        Ok(pupils
            .iter()
            .zip(sightings.iter().zip(found))
            .map(|(pupil, (sighting, found))| AskedPupil {
                reference: pupil.reference.clone(),
                subject: found.map_or_else(|| sighting.nobody(), |found| found.canonical),
            })
            .collect())
    }

    /// The exit roots under which this answer's pseudonyms are made.
    pub(super) fn exit_key<'k>(&'k self, keyring: &'k Keyring) -> Result<ExitKey<'k>, Refusal> {
        let version = keyring.exit_version().ok_or(Refusal::Internal)?;
        let former: Vec<_> = keyring
            .exit
            .accepted()
            .filter_map(|(version, root)| Some((version.try_into().ok()?, root)))
            .collect();
        Ok(ExitKey {
            root: keyring.exit.active(),
            version,
            tenant: &self.tenant,
            since: keyring.exit.active_since(),
            former: former.into_iter().rev().collect(),
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
                let entry = circumstances.entry(stale.as_ref())?;
                let receipt = self.log.append_refusal(circumstances.client(), entry).await?;
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
            Refusal::Internal
            | Refusal::Keys
            | Refusal::Log
            | Refusal::NotInForce
            | Refusal::PolicyChanged
            | Refusal::Source,
        ) => AccessOutcome::Failed,
        Some(_) => AccessOutcome::Denied,
    }
}
