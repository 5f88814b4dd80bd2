//! Whether a grant lets pseudonyms be resolved or translated.

use jiff::Timestamp;

use crate::policy::Policies;
use crate::purpose::{ResolveGrant, TranslateGrant};
use crate::request::{ResolveRequest, TranslateRequest};

use super::denial::{Denial, DenialCode};

pub(super) fn resolve(grant: &ResolveGrant, request: &ResolveRequest) -> Result<(), Denial> {
    if !grant.reasons.contains(&request.reason) {
        return Err(Denial::new(DenialCode::ReasonNotGranted));
    }
    few_enough(request.pseudonyms.len(), grant.per_day)
}

pub(super) fn translate(grant: &TranslateGrant, request: &TranslateRequest) -> Result<(), Denial> {
    few_enough(request.pseudonyms.len(), grant.per_day)
}

/// Whether who receives the translated pseudonyms knows the pupils by that purpose today.
pub(super) fn target(policies: &Policies, grant: &TranslateGrant, now: Timestamp) -> Result<(), Denial> {
    let to = policies.organisations.by_slug(&grant.to);
    let purpose = policies.purposes.get(&grant.to_purpose);
    let known = to.zip(purpose).is_some_and(|(to, standing)| {
        standing.acts(now).is_ok() && standing.purpose.gives_pseudonyms(to, &grant.dataset)
    });
    if known {
        Ok(())
    } else {
        Err(Denial::new(DenialCode::NotEvaluable).about(&grant.to_purpose))
    }
}

/// One request may not ask more than a day allows; what was asked earlier today is counted where it is stored.
fn few_enough(count: usize, per_day: u32) -> Result<(), Denial> {
    if u32::try_from(count).is_ok_and(|count| count <= per_day) {
        Ok(())
    } else {
        Err(Denial::new(DenialCode::TooManyPseudonyms))
    }
}
