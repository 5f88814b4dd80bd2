//! Whether a facts grant allows a request.

use crate::purpose::FactsGrant;
use crate::request::FactsRequest;

use super::denial::{Denial, DenialCode};
use super::records::site;

pub(super) fn check(grant: &FactsGrant, request: &FactsRequest) -> Result<(), Denial> {
    for field in &request.fields {
        if !grant.fields.iter().any(|granted| granted.field == *field) {
            return Err(Denial::new(DenialCode::FieldNotGranted).about(field));
        }
    }
    if request.exists && !grant.exists {
        return Err(Denial::new(DenialCode::FormNotGranted).about(&"exists"));
    }
    if request
        .pupils
        .iter()
        .any(|pupil| !grant.identifiers.contains(&pupil.kind))
    {
        return Err(Denial::new(DenialCode::IdentifierNotGranted));
    }
    site(grant.scope, request.site.as_deref())
}
