//! Whether a grant lets restrictions be entered or lifted.

use crate::policy::Policies;
use crate::purpose::RestrictGrant;
use crate::request::RestrictRequest;

use super::denial::{Denial, DenialCode};

pub(super) fn check(
    policies: &Policies,
    grant: &RestrictGrant,
    request: &RestrictRequest,
) -> Result<(), Denial> {
    let known = |pupil: &crate::request::Pupil| grant.identifiers.contains(&pupil.kind);
    if !request.pupils.iter().all(known) {
        return Err(Denial::new(DenialCode::IdentifierNotGranted));
    }
    // A purpose that is misspelt would leave nobody out, and the parent would believe that it does.
    match &request.against {
        Some(against) if !policies.purposes.contains_key(against) => {
            Err(Denial::new(DenialCode::AgainstUnknown))
        }
        _ => Ok(()),
    }
}
