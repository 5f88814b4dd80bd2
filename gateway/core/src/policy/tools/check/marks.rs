//! Watermarks: a recipient that delivers a field which pseudonymised rows return can mark rows and read them back.
//!
//! What a recipient holds itself is refused when the file is read. Here is who delivers for another: whoever a
//! delivery grant names, and any vendor, which a board may give a mandate tomorrow.

use std::collections::BTreeSet;

use super::super::words::{self, both};
use crate::catalogue::{About, FieldName};
use crate::party::{Organisation, OrganisationKind};
use crate::policy::Draft;
use crate::purpose::{Grant, Warning};
use crate::text::Text;

pub(super) fn watermark(draft: &Draft, grant: &Grant) -> Option<(Warning, Text)> {
    let Grant::Records(records) = grant else {
        return None;
    };
    let marked = |party: &Organisation| {
        let delivered = delivered_by(draft, party);
        let admitted =
            party.kind == OrganisationKind::Vendor || records.holders.admits(party, &draft.organisations);
        let of_pupils = |field: &&FieldName| {
            let dataset = draft.catalogue.dataset(&field.dataset);
            dataset.is_some_and(|dataset| dataset.about == About::Pupil)
        };
        let named = grant.fields().into_iter().filter(of_pupils);
        let mut named = named.filter(|field| delivered.contains(&field.dataset));
        named.next().filter(|_| admitted).cloned()
    };
    let mut receiving = grant.receiving(&draft.organisations).into_iter();
    let (party, field) = receiving.find_map(|party| Some((party, marked(party)?)))?;
    let (who, field) = (words::organisation(party), words::field(&draft.catalogue, &field));
    Some((
        Warning::Watermark,
        both(
            format!(
                "{who} kan {} zelf aanleveren en zo eigen rijen merken en herkennen",
                field.nl
            ),
            format!(
                "{who} can deliver {} itself, so it could mark rows and recognise them",
                field.en
            ),
        ),
    ))
}

/// The datasets that an organisation delivers, for itself or under a mandate that it may get.
fn delivered_by(draft: &Draft, party: &Organisation) -> BTreeSet<crate::catalogue::Name> {
    let grants = draft.purposes.values().flat_map(|(purpose, _)| &purpose.grants);
    let delivering = grants.filter(|grant| {
        matches!(grant, Grant::Delivery(_))
            && (party.kind == OrganisationKind::Vendor
                || grant.recipients().iter().any(|recipient| recipient.names(party)))
    });
    delivering.map(|grant| grant.dataset().clone()).collect()
}
