//! For a holder: what may be asked of it, and who asked.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use doelpoort_core::audit::day::Month;
use doelpoort_core::party::Organisation;
use doelpoort_core::policy::{Policies, Standing};
use doelpoort_core::purpose::Grant;
use maud::{Markup, html};

use super::guard::Visitor;
use super::words::Word;
use super::{Console, Visited, names};
use crate::console::say::{date, number, when};
use crate::gateway::{Asker, Gateway, Look};

/// Months of requests that are shown, this one included.
const MONTHS: u32 = 12;

impl Visitor {
    /// The organisation that the person speaks for.
    pub(super) fn organisation<'p>(&self, policies: &'p Policies) -> Option<&'p Organisation> {
        let holder = self.session.as_ref()?.holder.as_ref()?;
        policies.organisations.by_oin(holder)
    }
}

/// A grant over rows of the organisation, with its position.
pub(super) type Touching<'p> = (usize, &'p Grant);

/// The grants of a purpose that touch the organisation's rows.
pub(super) fn touching<'p>(
    policies: &Policies,
    standing: &'p Standing,
    organisation: &Organisation,
) -> Vec<Touching<'p>> {
    let touches = |grant: &Grant| {
        let touched = grant.touched(&policies.catalogue, &policies.organisations);
        touched.iter().any(|holder| holder.oin == organisation.oin)
    };
    let grants = standing.purpose.grants.iter().enumerate();
    grants.filter(|(_, grant)| touches(grant)).collect()
}

/// Whether the organisation withdrew from a grant, or from all of its purpose.
pub(super) fn is_withdrawn(standing: &Standing, position: usize, organisation: &Organisation) -> bool {
    standing
        .withdrawn(position)
        .any(|one| one.organisation == organisation.slug)
}

pub(in crate::console) async fn grants(State(gateway): Console, Extension(visitor): Visited) -> Response {
    if let Err(page) = visitor.looks(&gateway, Look::Grants).await {
        return *page;
    }
    let current = gateway.policies().current();
    let policies = &current.policies;
    let Some(organisation) = visitor.organisation(policies) else {
        return visitor.problem(axum::http::StatusCode::FORBIDDEN, Word::NotYours);
    };
    let asked: Vec<(&Standing, Vec<Touching<'_>>)> = policies
        .purposes
        .values()
        .filter(|standing| standing.asks(&organisation.oin))
        .map(|standing| (standing, touching(policies, standing, organisation)))
        .filter(|(_, touching)| !touching.is_empty())
        .collect();
    let title = visitor.say(Word::Grants);
    let content = html! {
        h1 { (title) }
        p class="lead" { strong { (names::organisation(organisation)) } ". " (visitor.say(Word::GrantsLead)) }
        p { a class="button" href="/holder/stop" { (visitor.say(Word::Stop)) } }
        @if asked.is_empty() { p { (visitor.say(Word::NoGrants)) } }
        @for (standing, grants) in asked { (purpose(&visitor, policies, organisation, standing, &grants)) }
    };
    visitor.page(title, &content)
}

fn purpose(
    visitor: &Visitor,
    policies: &Policies,
    organisation: &Organisation,
    standing: &Standing,
    grants: &[Touching<'_>],
) -> Markup {
    let (purpose, language, now) = (&standing.purpose, visitor.language, visitor.visit.received);
    let title = purpose.title.in_language(language);
    html! {
        details class="card" {
            summary { h2 { (title) } " " (names::state(visitor, standing, now)) }
            p { (visitor.say(Word::Version)) " " (purpose.version) ", " (visitor.say(Word::Until)) " " (date(purpose.valid.until, language)) }
            p { (purpose.why.in_language(language)) }
            div class="scroll" tabindex="0" role="region" aria-label=(title) {
                table {
                    caption { (visitor.say(Word::Grants)) }
                    thead { tr { @for word in [Word::Grant, Word::Who, Word::Form, Word::Dataset, Word::Fields] { th scope="col" { (visitor.say(word)) } } } }
                    tbody {
                        @for (position, grant) in grants {
                            tr {
                                th scope="row" {
                                    (position + 1)
                                    @if is_withdrawn(standing, *position, organisation) { " " span class="state bad" { (visitor.say(Word::WithdrawnHere)) } }
                                }
                                td { (names::recipients(policies, grant, language)) }
                                td { (visitor.say(names::form(grant))) }
                                td { (names::dataset(policies, grant.dataset().as_str(), language)) }
                                td { (fields(grant)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn fields(grant: &Grant) -> String {
    let names: BTreeSet<String> = grant.fields().into_iter().map(ToString::to_string).collect();
    let names: Vec<String> = names.into_iter().collect();
    if names.is_empty() {
        "–".to_owned()
    } else {
        names.join(", ")
    }
}

pub(in crate::console) async fn requests(State(gateway): Console, Extension(visitor): Visited) -> Response {
    if let Err(page) = visitor.looks(&gateway, Look::Requests).await {
        return *page;
    }
    match asked(&gateway, &visitor).await {
        Ok(askers) => {
            let title = visitor.say(Word::Requests);
            let current = gateway.policies().current();
            visitor.page(title, &requests_table(&visitor, &current.policies, &askers))
        }
        Err(error) => {
            tracing::warn!(%error, "the log could not be counted");
            visitor.unavailable()
        }
    }
}

async fn asked(gateway: &Gateway, visitor: &Visitor) -> Result<Vec<Asker>, crate::audit::AuditError> {
    let tally = gateway.tally().await?;
    let current = gateway.policies().current();
    let since = Month::of(visitor.visit.received.as_microsecond()).before(MONTHS - 1);
    let organisation = visitor.organisation(&current.policies);
    Ok(organisation
        .map(|organisation| tally.askers(&organisation.oin, since, &current))
        .unwrap_or_default())
}

fn requests_table(visitor: &Visitor, policies: &Policies, askers: &[Asker]) -> Markup {
    let (title, language) = (visitor.say(Word::Requests), visitor.language);
    html! {
        h1 { (title) }
        p class="lead" { (visitor.say(Word::RequestsLead)) }
        @if askers.is_empty() { p { (visitor.say(Word::NoRequests)) } }
        @else {
            div class="card scroll" tabindex="0" role="region" aria-label=(title) {
                table {
                    caption { (title) }
                    thead { tr {
                        th scope="col" { (visitor.say(Word::Organisation)) } th scope="col" { (visitor.say(Word::Purpose)) }
                        th scope="col" class="number" { (visitor.say(Word::Answered)) } th scope="col" class="number" { (visitor.say(Word::Refused)) }
                        th scope="col" { (visitor.say(Word::LastTime)) }
                    } }
                    tbody {
                        @for asker in askers {
                            tr {
                                th scope="row" { (names::by_number(policies, &asker.organisation)) }
                                td { (policies.purposes.get(&asker.purpose).map_or(asker.purpose.as_str(), |standing| standing.purpose.title.in_language(language))) }
                                td class="number" { (number(asker.uses.granted, language)) }
                                td class="number" { (number(asker.uses.refused, language)) }
                                td { (when(asker.uses.last, language)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
