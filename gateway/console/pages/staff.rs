//! Every entry about a member of staff: for two persons with a reason, after the log says so. The name is in a form that is
//! posted, never in an address.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};

use super::super::fg::StaffFound;
use super::super::guard::{Fields, Visit};
use super::super::held::Held;
use super::super::page::page;
use super::super::say::{number, when};
use super::super::words::Word;
use super::{Console, FgConsole, Visited, decision, failed, held};

/// Characters of the name of a member of staff.
const NAME_CHARS_MAX: usize = 200;
/// Entries that are listed, the newest.
const LISTED_MAX: usize = 500;

pub(in crate::console) async fn ask(State(console): Console, Extension(visit): Visited) -> Response {
    let title = visit.say(Word::StaffSearch);
    page(&visit, title, &form(&console, &visit, false))
}

fn form(console: &FgConsole, visit: &Visit, wrong: bool) -> Markup {
    html! {
        h1 { (visit.say(Word::StaffSearch)) }
        @if wrong { div class="message bad" role="alert" { p { a href="#staff" { (visit.say(Word::StaffMissing)) } } } }
        p class="lead" { (visit.say(Word::StaffLead)) }
        (super::persons(console, visit))
        form class="card" method="post" action="/staff" autocomplete="off" {
            (visit.token())
            div class="field" {
                label for="staff" { (visit.say(Word::StaffName)) }
                p class="hint" id="staff-hint" { (visit.say(Word::StaffHint)) }
                input id="staff" name="staff" required maxlength=(NAME_CHARS_MAX) autocomplete="off" spellcheck="false" aria-describedby="staff-hint";
            }
            button { (visit.say(Word::StaffFind)) }
        }
    }
}

pub(in crate::console) async fn answer(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let title = visit.say(Word::StaffSearch);
    let staff = fields.one("staff");
    let Some(why) = &visit.why else {
        return axum::response::Redirect::to("/step-up?next=/staff").into_response();
    };
    if staff.is_empty() || staff.chars().count() > NAME_CHARS_MAX {
        let content = form(&console, &visit, true);
        return (StatusCode::BAD_REQUEST, page(&visit, title, &content)).into_response();
    }
    match console.search_staff(&held, staff, why).await {
        Ok(found) => page(&visit, title, &told(&visit, &held, staff, &found)),
        Err(error) => failed(&visit, Word::Problem, &error),
    }
}

fn told(visit: &Visit, held: &Held, staff: &str, found: &StaffFound) -> Markup {
    let language = visit.language;
    html! {
        h1 { (visit.say(Word::StaffSearch)) ": " (staff) }
        p class="small soft" { (visit.say(Word::LookLogged)) " " a href=(format!("/log/{}", found.entry)) { (number(found.entry, language)) } "." }
        p role="status" { strong { (number(found.indices.len() as u64, language)) } " " (visit.say(Word::Found)) }
        @if found.unread > 0 { p { strong { (number(found.unread, language)) } " " (visit.say(Word::LetterUnread)) } }
        div class="card scroll" tabindex="0" role="region" aria-label=(visit.say(Word::Log)) {
            table {
                caption { (visit.say(Word::Log)) }
                thead { tr { @for word in [Word::Entry, Word::Time, Word::Organisation, Word::Purpose, Word::Dataset, Word::Decision, Word::Kind] { th scope="col" { (visit.say(word)) } } } }
                tbody {
                    @for entry in found.indices.iter().rev().take(LISTED_MAX).filter_map(|index| held.entry(*index)) {
                        @let event = &entry.leaf.event;
                        tr {
                            th scope="row" { a href=(format!("/log/{}", entry.index)) { (number(entry.index, language)) } }
                            td { (when(entry.leaf.time, language)) }
                            td { (event.recipient.as_deref().map_or("–", |oin| held.organisation(oin))) }
                            td { (event.purpose.as_ref().map_or("–", |purpose| held.purpose(&purpose.id, language))) }
                            td { (event.dataset.as_deref().map_or("–", |id| held.dataset(id, language))) }
                            td { (decision(visit, event.decision.as_deref())) }
                            td { (event.kind.name()) }
                        }
                    }
                }
            }
        }
    }
}
