//! The purposes: why, for whom, on what ground, until when, and who still has to sign.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use doelpoort_core::policy::Standing;
use doelpoort_core::policy::tools::matrix::matrix;
use jiff::Timestamp;
use maud::{Markup, html};

use super::super::filter::Asked;
use super::super::guard::Visit;
use super::super::page::{page, problem};
use super::super::say::{date, period};
use super::super::words::{PolicyWord, Word};
use super::matrix::rows;
use super::policies::versions;
use super::{Console, Visited, held};

pub(in crate::console) async fn list(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let title = visit.say(Word::Purposes);
    let now = console.now();
    let content = html! {
        h1 { (title) }
        p class="lead" { (visit.say(Word::PurposesLead)) }
        div class="row" {
            a class="button quiet" href="/proposal" { (visit.say(PolicyWord::Proposal)) }
            span { (visit.say(PolicyWord::Register)) ":" }
            @for form in ["html", "csv", "json"] { a href=(format!("/register/{form}")) { (form.to_uppercase()) } }
        }
        @match &held.policies {
            None => div class="message bad" { p { (visit.say(Word::NoPolicies)) } },
            Some(policies) => div class="card scroll" tabindex="0" role="region" aria-label=(title) {
                table {
                    caption { (title) }
                    thead { tr { @for word in [Word::Purpose, Word::State, Word::Valid] { th scope="col" { (visit.say(word)) } } } }
                    tbody {
                        @for standing in policies.purposes.values() {
                            @let purpose = &standing.purpose;
                            tr {
                                th scope="row" { a href=(format!("/purposes/{}", purpose.id)) { (purpose.title.in_language(visit.language)) } " " span class="soft small" { (visit.say(Word::Version)) " " (purpose.version) } }
                                td { (state(&visit, standing, now)) }
                                td { (date(purpose.valid.until, visit.language)) }
                            }
                        }
                    }
                }
            },
        }
    };
    page(&visit, title, &content)
}

fn state(visit: &Visit, standing: &Standing, now: Timestamp) -> Markup {
    if standing.acts(now).is_ok() {
        html! { span class="state good" { "✓ " (visit.say(Word::Acts)) } }
    } else {
        html! { span class="state note" { "– " (visit.say(Word::Sleeps)) } }
    }
}

pub(in crate::console) async fn show(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let (Some(standing), Some(policies)) = (held.standing(&id), &held.policies) else {
        return problem(&visit, StatusCode::NOT_FOUND, Word::Missing);
    };
    let (purpose, language, now) = (&standing.purpose, visit.language, console.now());
    let title = purpose.title.in_language(language);
    let granted: Vec<_> = matrix(policies)
        .into_iter()
        .filter(|row| row.purpose == purpose.id)
        .collect();
    let content = html! {
        h1 { (title) }
        p { (state(&visit, standing, now)) " " (visit.say(Word::Version)) " " (purpose.version) }
        section class="card" {
            h2 { (visit.say(Word::Why)) }
            p { (purpose.why.in_language(language)) }
            dl {
                dt { (visit.say(Word::Basis)) } dd { "AVG " (purpose.basis.avg) @if let Some(special) = &purpose.basis.special { "; AVG " (special) } }
                dt { (visit.say(Word::Controllers)) }
                dd { ul { @for controller in &purpose.controllers { li { (controller.organisation) ": " (controller.law) } } } }
                dt { (visit.say(Word::Valid)) } dd { (date(purpose.valid.from, language)) " – " (date(purpose.valid.until, language)) }
                dt { (visit.say(Word::Retention)) } dd { (period(&purpose.retention, language)) }
                dt { (visit.say(Word::Contact)) } dd { (purpose.contact) }
                @let missing = standing.missing(now);
                @if !missing.is_empty() {
                    dt { (visit.say(Word::Missing1)) }
                    dd { ul { @for one in missing { li { (one.organisation) ": " (one.reason) } } } }
                }
            }
            p { a href=(Asked::default().with("purpose", &id)) { (visit.say(Word::UsedInLog)) } }
        }
        p { a class="button quiet" href=(format!("/purposes/{id}/approve")) { (visit.say(PolicyWord::Approve)) } }
        (versions(&visit, &held, &id))
        section class="card" { h2 { (visit.say(Word::Grants)) } (rows(&visit, &held, &granted, now)) }
    };
    page(&visit, title, &content)
}
