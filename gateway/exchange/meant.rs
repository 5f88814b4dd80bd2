//! Pupils that a caller names by pseudonyms: found inside the gateway, put into their holder's inbox or translated for
//! another, and neither told to who asked.

use doelpoort_core::catalogue::Name;
use doelpoort_core::extract::Extract;
use doelpoort_core::lp::Part;
use doelpoort_core::party::Staff;
use doelpoort_core::plan::{Aim, AskedPupil, Plan};
use doelpoort_core::policy::decide::{Permit, civil_day};
use doelpoort_core::pseudonym::{Named, Pseudonym};
use doelpoort_core::pseudonymise::{ExitKey, Pseudonymised, issued};
use doelpoort_core::request::{Form, Request};
use jiff::Timestamp;
use ring::rand::SecureRandom as _;
use serde_json::json;

use super::Refusal;
use super::look_ups::used_up;
use super::record::Circumstances;
use crate::gateway::Gateway;
use crate::log::Effect;
use crate::store::inbox::{NewItem, NewResolution};
use crate::store::quota::Allowance;
use crate::store::render::days;
use crate::store::translation::NewTranslation;

/// A reference where there is none is as long as one of so many characters, sealed.
const REFERENCE_BYTES: usize = 40;

/// What is sealed to what: nothing opens in another's place.
pub(crate) fn sealed_to(what: &str, id: &[u8; 16], place: u64) -> Result<Vec<u8>, Refusal> {
    let mut aad = b"dsg-inbox\x01".to_vec();
    for part in [what.as_bytes(), id, &place.to_be_bytes()] {
        Part::new(part)
            .map_err(|_| Refusal::Internal)?
            .append_to(&mut aad);
    }
    Ok(aad)
}

/// The name of the count of a day's pseudonyms that were nobody's.
pub(crate) fn unknown_of(clause: &str) -> String {
    format!("unknown {clause}")
}

impl Gateway {
    /// Takes the pseudonyms of a request from what the grant allows its recipient in a day, over all replicas; each of
    /// those that are translated once a day. What is taken stays so, whatever becomes of the request.
    pub(super) async fn take_pseudonyms(
        &self,
        permit: &Permit<'_>,
        request: &Request,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(most) = permit.pseudonyms_a_day() else {
            return Ok(());
        };
        let (who, most, day) = (permit.principal(), i64::from(most), days(civil_day(now)));
        let count = i64::try_from(request.pseudonyms().len()).unwrap_or(i64::MAX);
        let mut tx = self.store.begin_write().await?;
        let allowance = Allowance {
            what: permit.clause(),
            who,
            day,
            most,
        };
        if !tx.take_daily(allowance, count).await? {
            return Err(Refusal::Limited(used_up(most, now)));
        }
        if request.form() == Form::Translate {
            let digest = |text: &str| self.keyring().digest.digest("translated", text.as_bytes());
            let values = request.pseudonyms().iter().map(|one| digest(one.as_str()));
            let values: Vec<_> = values.collect();
            if !tx.send_once(who, permit.clause(), day, &values).await? {
                return Err(Refusal::SentToday);
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// The pupils that pseudonyms mean. All pupils are gone through, found or not.
    pub(super) async fn named(
        &self,
        permit: &Permit<'_>,
        request: &Request,
    ) -> Result<Vec<AskedPupil>, Refusal> {
        let (mut domains, keyring) = (Vec::new(), self.keyring());
        for (version, root) in keyring.exit.iter() {
            let key = ExitKey {
                root,
                version: version.try_into().map_err(|_| Refusal::Internal)?,
                tenant: &self.tenant,
                since: None,
                former: Vec::new(),
            };
            domains.extend(issued(permit, &key));
        }
        let mut named = Named::new(request.pseudonyms(), domains);
        self.store
            .each_subject(|subject, pupil| named.see(&subject, pupil))
            .await?;
        let pupils = named.into_pupils().map(|(pseudonym, subject)| AskedPupil {
            reference: pseudonym.into(),
            subject,
        });
        Ok(pupils.collect())
    }

    /// What is put into holders' inboxes together with the entry of the request, and by which id the request is known. A
    /// pseudonym that is nobody's goes to nobody's inbox by the same steps.
    pub(super) fn ask_holders(
        &self,
        permit: &Permit<'_>,
        plan: &Plan,
        extract: &Extract,
        staff: Option<&Staff>,
        circumstances: &mut Circumstances,
    ) -> Result<Option<String>, Refusal> {
        let (Plan::Meant(plan), Extract::Held(held)) = (plan, extract) else {
            return Ok(None);
        };
        let Aim::Resolve {
            reason,
            purpose,
            shows_case,
            closes,
        } = plan.aim()
        else {
            return Ok(None);
        };
        let closes_us = days(*closes).saturating_mul(24 * 60 * 60 * 1_000_000);
        let case = staff
            .and_then(|staff| staff.case.as_deref())
            .filter(|_| *shows_case);
        let told = json!({
            "recipient": permit.principal().as_str(), "reason": reason.as_str(),
            "purpose": purpose.as_ref().map(Name::as_str), "case": case,
        });
        let told = told.to_string();
        let id = self.random_id()?;
        let mut pupils = Vec::with_capacity(held.len());
        for (place, (pupil, held)) in (0_u64..).zip(plan.pupils().iter().zip(held)) {
            let item = self.random_id()?;
            // Without a reference of its own the holder could not know whom it is asked about.
            let known = held.as_ref().filter(|held| held.reference.is_some());
            let mut nothing = vec![0; REFERENCE_BYTES];
            self.random.fill(&mut nothing).map_err(|_| Refusal::Internal)?;
            let reference = known.and_then(|held| held.reference.clone()).unwrap_or(nothing);
            let new = NewItem {
                id: item,
                holder: known.map(|held| held.holder.clone()),
                dataset: plan.dataset().to_string(),
                row: Some(known.map_or(0, |held| held.row)),
                reference: Some(reference),
                told: self.sealed("told", &item, 0, told.as_bytes())?,
                about: self.keyring().digest.digest("inbox", &item),
                pair: None,
                closes_us,
            };
            let pseudonym = self.sealed("pseudonym", &id, place, pupil.reference.as_bytes())?;
            pupils.push((pseudonym, new));
        }
        circumstances.brings(Effect::Ask(NewResolution {
            id,
            recipient: permit.principal().clone(),
            purpose: permit.purpose().to_string(),
            closes_us,
            pupils,
        }));
        Ok(Some(data_encoding::HEXLOWER.encode(&id)))
    }

    /// What another recipient gets together with the entry of the request; and how many pseudonyms were nobody's today.
    pub(super) async fn pass_on(
        &self,
        permit: &Permit<'_>,
        plan: &Plan,
        answer: &Pseudonymised,
        known: usize,
        circumstances: &mut Circumstances,
    ) -> Result<(), Refusal> {
        let Plan::Meant(plan) = plan else { return Ok(()) };
        let Aim::Translate { to, purpose, .. } = plan.aim() else {
            return Ok(());
        };
        let allowance = Allowance {
            what: &unknown_of(permit.clause()),
            who: permit.principal(),
            day: days(permit.day()),
            most: i64::MAX,
        };
        let unknown = plan.pupils().len().saturating_sub(known);
        self.store
            .take_daily(allowance, i64::try_from(unknown).unwrap_or(i64::MAX))
            .await?;
        if answer.translated().is_empty() {
            return Ok(());
        }
        let id = self.random_id()?;
        let texts: Vec<&str> = answer.translated().iter().map(Pseudonym::as_str).collect();
        circumstances.brings(Effect::Translate(NewTranslation {
            id,
            receiver: to.clone(),
            purpose: permit.purpose().to_string(),
            to_purpose: purpose.to_string(),
            pseudonyms: self.sealed("translation", &id, 0, texts.join("\n").as_bytes())?,
        }));
        Ok(())
    }

    pub(crate) fn random_id(&self) -> Result<[u8; 16], Refusal> {
        let mut id = [0; 16];
        self.random.fill(&mut id).map_err(|_| Refusal::Internal)?;
        Ok(id)
    }

    pub(crate) fn sealed(
        &self,
        what: &str,
        id: &[u8; 16],
        place: u64,
        plain: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let sealed = self
            .keyring()
            .seal
            .seal(&sealed_to(what, id, place)?, plain, &self.random);
        sealed.map_err(|_| Refusal::Internal)
    }
}
