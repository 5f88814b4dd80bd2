//! What changes in the purposes: from version to version, and by a proposal that the FG tries on the last month.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use doelpoort_core::audit::leaf::{Event, Kind};
use doelpoort_core::policy::history::{PURPOSE_ACTS, PURPOSE_ASLEEP};
use doelpoort_core::policy::tools::diff::{Change, Effect};
use doelpoort_core::policy::tools::register;
use maud::{Markup, html};

use super::super::fg::Simulated;
use super::super::guard::Visit;
use super::super::held::Held;
use super::super::page::{page, problem, problem_with};
use super::super::say::{moment, number};
use super::super::words::{PolicyWord, Word};
use super::{Console, Visited, failed, file, held};
use crate::audit::Entry;
use crate::policies;

/// Requests with another outcome that are listed.
const LISTED_MAX: usize = 200;

/// What the log says of one purpose at one activation.
struct Told {
    entry: Entry,
    acts: bool,
    version: u32,
    /// Of all policies that came into force with it.
    policies: [u8; 32],
}

/// Every time that the log tells of a purpose, oldest first.
fn told(held: &Held, id: &str) -> Vec<Told> {
    let changes: Vec<Entry> = held
        .policy_changes()
        .filter(|entry| entry.leaf.event.kind == Kind::PolicyChanged)
        .collect();
    let activated: BTreeMap<[u8; 16], [u8; 32]> = changes
        .iter()
        .filter_map(|entry| Some((entry.leaf.event.entry_id, entry.leaf.event.policy?)))
        .collect();
    let one = |entry: Entry| {
        let event: &Event = &entry.leaf.event;
        let purpose = event.purpose.as_ref().filter(|purpose| purpose.id == id)?;
        let acts = match event.decision.as_deref()? {
            PURPOSE_ACTS => true,
            PURPOSE_ASLEEP => false,
            _ => return None,
        };
        Some(Told {
            acts,
            version: purpose.version,
            policies: *activated.get(&event.opening?)?,
            entry,
        })
    };
    changes.into_iter().filter_map(one).collect()
}

/// The versions of a purpose, on its page.
pub(super) fn versions(visit: &Visit, held: &Held, id: &str) -> Markup {
    let told = told(held, id);
    html! {
        section class="card" {
            h2 { (visit.say(PolicyWord::Versions)) }
            p { (visit.say(PolicyWord::VersionsLead)) }
            ul {
                @for (place, one) in told.iter().enumerate().rev() {
                    li {
                        (visit.say(Word::Version)) " " (one.version) ", "
                        (visit.say(if one.acts { Word::Acts } else { Word::Sleeps })) ", "
                        a href=(format!("/log/{}", one.entry.index)) { (moment(one.entry.leaf.time, visit.language)) }
                        @if place > 0 { ". " a href=(format!("/purposes/{id}/changes/{}", one.entry.index)) { (visit.say(PolicyWord::Changes)) } }
                    }
                }
            }
        }
    }
}

pub(in crate::console) async fn changes(
    State(console): Console,
    Extension(visit): Visited,
    Path((id, index)): Path<(String, u64)>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let told = told(&held, &id);
    let place = told.iter().position(|one| one.entry.index == index);
    let pair = place.and_then(|place| Some((told.get(place.checked_sub(1)?)?, told.get(place)?)));
    let Some((before, after)) = pair else {
        return problem(&visit, StatusCode::NOT_FOUND, Word::Missing);
    };
    let changes = match console.policy_changes(before.policies, after.policies).await {
        Ok(changes) => changes,
        Err(error) => return failed(&visit, PolicyWord::NotArchived, &error),
    };
    let title = visit.say(PolicyWord::Changes);
    let content = html! {
        h1 { (held.purpose(&id, visit.language)) ": " (title) }
        p class="lead" { (visit.say(Word::Version)) " " (before.version) " → " (after.version) ", " (moment(after.entry.leaf.time, visit.language)) }
        (sentences(&visit, &changes, Some(&format!("purpose {id}"))))
    };
    page(&visit, title, &content)
}

/// Changes in sentences; those about one thing first.
fn sentences(visit: &Visit, changes: &[Change], about: Option<&str>) -> Markup {
    let (own, others): (Vec<&Change>, Vec<&Change>) = changes
        .iter()
        .partition(|change| about.is_none_or(|about| change.about == about));
    let list = |changes: &[&Change]| {
        html! {
            ul {
                @for change in changes {
                    @let (class, word) = match change.effect {
                        Effect::Wider => ("state bad", PolicyWord::Wider),
                        Effect::Narrower => ("state good", PolicyWord::Narrower),
                        Effect::Other => ("state note", PolicyWord::Other),
                    };
                    li { span class=(class) { (visit.say(word)) } " " code { (change.about) } ": " (change.text.in_language(visit.language)) }
                }
            }
        }
    };
    html! {
        section class="card" {
            @if own.is_empty() { p { (visit.say(PolicyWord::NoChanges)) } }
            (list(&own))
        }
        @if !others.is_empty() { section class="card" { h2 { (visit.say(PolicyWord::OtherParts)) } (list(&others)) } }
    }
}

pub(in crate::console) async fn proposal(State(console): Console, Extension(visit): Visited) -> Response {
    show_proposal(&console, &visit, None).await
}

pub(in crate::console) async fn simulate(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let Some(why) = &visit.why else {
        return problem(&visit, StatusCode::FORBIDDEN, Word::StepUp);
    };
    match console.simulate_proposal(&held, why).await {
        Ok(simulated) => show_proposal(&console, &visit, Some(&simulated)).await,
        Err(error) => failed(&visit, PolicyWord::ProposalWrong, &error),
    }
}

async fn show_proposal(
    console: &std::sync::Arc<super::FgConsole>,
    visit: &Visit,
    simulated: Option<&Simulated>,
) -> Response {
    let held = match held(console, visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let title = visit.say(PolicyWord::Proposal);
    let Some(folder) = &console.fg.proposal else {
        let content = html! { h1 { (title) } p class="lead" { (visit.say(PolicyWord::NoProposal)) } };
        return page(visit, title, &content);
    };
    let changes = match policies::read(folder) {
        Ok(files) => console.changes_to(&held, &files).await,
        Err(error) => Err(error.into()),
    };
    let changes = match changes {
        Ok(changes) => changes,
        Err(error) => {
            let text = format!("{}: {error}", visit.say(PolicyWord::ProposalWrong));
            return problem_with(visit, StatusCode::BAD_REQUEST, &text);
        }
    };
    let content = html! {
        h1 { (title) }
        p class="lead" { (visit.say(PolicyWord::ProposalLead)) }
        (sentences(visit, &changes, None))
        section class="card" {
            h2 { (visit.say(PolicyWord::Simulate)) }
            p { (visit.say(PolicyWord::SimulateLead)) }
            @if visit.why.is_none() { p { a class="button quiet" href="/step-up?next=/proposal" { (visit.say(Word::StepUp)) } } }
            @else { form method="post" action="/proposal" { (visit.token()) button { (visit.say(PolicyWord::Simulate)) } } }
            @if let Some(simulated) = simulated { (outcome(visit, &held, simulated)) }
        }
    };
    page(visit, title, &content)
}

fn outcome(visit: &Visit, held: &Held, simulated: &Simulated) -> Markup {
    let language = visit.language;
    html! {
        p class="small soft" { (visit.say(Word::LookLogged)) " " a href=(format!("/log/{}", simulated.entry)) { (number(simulated.entry, language)) } "." }
        ul role="status" {
            li { strong { (number(simulated.decided, language)) } " " (visit.say(PolicyWord::Decided)) }
            li { strong { (number(simulated.changes.len() as u64, language)) } " " (visit.say(PolicyWord::Otherwise)) }
            li { strong { (number(simulated.undecided, language)) } " " (visit.say(PolicyWord::Undecided)) }
        }
        @if !simulated.changes.is_empty() {
            div class="scroll" tabindex="0" role="region" aria-label=(visit.say(PolicyWord::Otherwise)) {
                table {
                    caption { (visit.say(PolicyWord::Otherwise)) }
                    thead { tr {
                        @for word in [Word::Entry, Word::Organisation, Word::Purpose] { th scope="col" { (visit.say(word)) } }
                        @for word in [PolicyWord::Before, PolicyWord::After] { th scope="col" { (visit.say(word)) } }
                    } }
                    tbody {
                        @for change in simulated.changes.iter().take(LISTED_MAX) {
                            @let entry = held.entry(change.index);
                            @let event = entry.as_ref().map(|entry| &entry.leaf.event);
                            tr {
                                th scope="row" { a href=(format!("/log/{}", change.index)) { (number(change.index, language)) } }
                                td { (event.and_then(|event| event.recipient.as_deref()).map_or("–", |oin| held.organisation(oin))) }
                                td { (event.and_then(|event| event.purpose.as_ref()).map_or("–", |purpose| held.purpose(&purpose.id, language))) }
                                td { code { (change.logged) } }
                                td { code { (change.now) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The register of processing activities, to take home; nothing of a person is in it.
pub(in crate::console) async fn export_register(
    State(console): Console,
    Extension(visit): Visited,
    Path(form): Path<String>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let Some(policies) = &held.policies else {
        return problem(&visit, StatusCode::NOT_FOUND, Word::NoPolicies);
    };
    let made = register::register(policies, console.now());
    match form.as_str() {
        "csv" => file("register.csv", "text/csv; charset=utf-8", register::csv(&made)),
        "html" => file(
            "register.html",
            "text/html; charset=utf-8",
            register::html(&made, visit.language),
        ),
        "json" => match serde_json::to_string_pretty(&made) {
            Ok(json) => file("register.json", "application/json", json),
            Err(error) => failed(&visit, Word::Problem, &error),
        },
        _ => problem(&visit, StatusCode::NOT_FOUND, Word::Missing),
    }
}
