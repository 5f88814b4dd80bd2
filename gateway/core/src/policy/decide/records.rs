//! Whether a records grant allows a request.

use crate::catalogue::{About, Catalogue};
use crate::purpose::{RecordsGrant, Scope};
use crate::request::RecordsRequest;

use super::denial::{Denial, DenialCode};

pub(super) fn check(
    catalogue: &Catalogue,
    grant: &RecordsGrant,
    request: &RecordsRequest,
) -> Result<(), Denial> {
    let about_pupils = catalogue
        .dataset(&grant.dataset)
        .is_some_and(|dataset| dataset.about == About::Pupil);
    if request.pseudonym && !about_pupils {
        // Rows about nobody have no pseudonym.
        return Err(Denial::new(DenialCode::FieldNotGranted));
    }
    for field in &request.fields {
        if !grant.fields.iter().any(|granted| granted.field == *field) {
            return Err(Denial::new(DenialCode::FieldNotGranted).about(field));
        }
    }
    for (field, value) in &request.only {
        if !grant.filter_by.contains(field) {
            return Err(Denial::new(DenialCode::FilterNotGranted).about(field));
        }
        if grant
            .only
            .iter()
            .any(|(fixed, other)| fixed == field && other != value)
        {
            return Err(Denial::new(DenialCode::FilterNotGranted).about(field));
        }
    }
    if request.page.limit.is_some_and(|limit| limit > grant.page_max) {
        return Err(Denial::new(DenialCode::PageTooLarge));
    }
    site(grant.scope, request.site.as_deref())
}

/// A site is named exactly where the grant is for one at a time: elsewhere it would be dropped unsaid.
pub(super) fn site(scope: Scope, site: Option<&str>) -> Result<(), Denial> {
    match (scope, site) {
        (Scope::OwnSite, None) => Err(Denial::new(DenialCode::SiteMissing)),
        (Scope::OwnSite, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => Err(Denial::new(DenialCode::FilterNotGranted).about(&"site")),
    }
}
