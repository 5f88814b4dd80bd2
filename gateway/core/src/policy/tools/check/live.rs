//! Live sources learn nothing by being asked: a holder that keeps its rows at home gets the grant's own filters, or
//! pupils that the requester named by a number that this holder knows; never a list or a value that stems from
//! another holder's rows.

use super::super::words::{self, both};
use crate::catalogue::{Name, ProtectionClass};
use crate::party::{Organisation, OrganisationKind, Slug};
use crate::policy::Draft;
use crate::purpose::{Grant, Scope, Warning};
use crate::text::Text;

/// Why a grant cannot be served from these live sources without telling one of them something.
pub(super) fn leak(draft: &Draft, grant: &Grant, live: &[(Slug, Name)]) -> Option<(Warning, Text)> {
    let datasets = grant.datasets(&draft.catalogue);
    let touched = grant.touched(&draft.catalogue, &draft.organisations);
    live.iter().find_map(|(slug, dataset)| {
        let holder = touched.iter().find(|holder| holder.slug == *slug)?;
        let kind = draft.catalogue.dataset(dataset)?.holder_kind;
        if !datasets.contains(dataset) || holder.kind != kind {
            return None;
        }
        let what = told(draft, grant, holder, dataset)?;
        let (who, about) = (
            words::organisation(holder),
            words::dataset(&draft.catalogue, dataset),
        );
        Some((
            Warning::LiveSourceLeak,
            both(
                format!(
                    "{who}, dat {} zelf bewaart, leert uit de vraag {}",
                    about.nl, what.nl
                ),
                format!(
                    "{who}, which keeps {} at home, learns from the question {}",
                    about.en, what.en
                ),
            ),
        ))
    })
}

fn told(draft: &Draft, grant: &Grant, holder: &Organisation, dataset: &Name) -> Option<Text> {
    match grant {
        // Rows that a holder sends itself, and figures over all rows of a holder, are not narrowed by others' rows;
        // pseudonyms are translated, objections kept and the log searched within the gateway.
        Grant::Delivery(_)
        | Grant::Figures(_)
        | Grant::Restrict(_)
        | Grant::Search(_)
        | Grant::Translate(_) => None,
        Grant::Resolve(_) => Some(both(
            "dat iemand naar deze leerling vraagt",
            "that somebody asks after this pupil",
        )),
        Grant::Records(records) => by_scope(draft, records.scope, holder.kind, dataset),
        Grant::Facts(facts) => {
            let foreign = facts
                .identifiers
                .iter()
                .find(|kind| !holder.identifiers.contains(kind));
            let by_number = foreign.map(|kind| {
                both(
                    format!("wie iemand is die het niet bij `{kind}` kent"),
                    format!("who somebody is whom it does not know by `{kind}`"),
                )
            });
            by_number.or_else(|| by_scope(draft, facts.scope, holder.kind, dataset))
        }
    }
}

/// A scope that rests on the rows of another kind of holder makes a list of pupils or sites of them.
fn by_scope(draft: &Draft, scope: Scope, kind: OrganisationKind, dataset: &Name) -> Option<Text> {
    let others = scope
        .datasets()
        .iter()
        .filter_map(|name| draft.catalogue.dataset(&name.parse().ok()?));
    let mut others = others.filter(|other| other.holder_kind != kind && other.name != *dataset);
    let other = others.next()?;
    let sensitive = other.class == ProtectionClass::Sensitive;
    let mark = if sensitive {
        both(" (gevoelig)", " (sensitive)")
    } else {
        Text::same("")
    };
    Some(both(
        format!("wie er voorkomt in {}{}", other.title.nl, mark.nl),
        format!("who is in {}{}", other.title.en, mark.en),
    ))
}
