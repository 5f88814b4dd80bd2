//! Whether a grant lets a pupil be looked for in the log.

use crate::purpose::SearchGrant;
use crate::request::SearchRequest;

use super::denial::{Denial, DenialCode};

pub(super) fn check(grant: &SearchGrant, request: &SearchRequest) -> Result<(), Denial> {
    if !grant.identifiers.contains(&request.pupil.kind) {
        return Err(Denial::new(DenialCode::IdentifierNotGranted));
    }
    if !grant.reasons.contains(&request.reason) {
        return Err(Denial::new(DenialCode::ReasonNotGranted));
    }
    Ok(())
}
