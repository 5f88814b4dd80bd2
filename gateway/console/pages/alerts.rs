//! What should be looked at, in words.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use maud::html;

use super::super::page::page;
use super::super::say::{number, when};
use super::super::words::Word;
use super::{Console, Visited, held};

/// Alerts that are listed, the newest.
const LISTED_MAX: usize = 200;

pub(in crate::console) async fn show(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let title = visit.say(Word::Alerts);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visit.say(Word::AlertsLead)) }
        @if held.alerts.is_empty() { div class="message good" { p { "✓ " (visit.say(Word::NoAlerts)) } } }
        @else {
            div class="card scroll" tabindex="0" role="region" aria-label=(title) {
                table {
                    caption { (title) }
                    thead { tr {
                        @for word in [Word::Time, Word::Rule, Word::Organisation, Word::Purpose, Word::FoundLimit, Word::Entry] { th scope="col" { (visit.say(word)) } }
                    } }
                    tbody {
                        @for alert in held.alerts.iter().rev().take(LISTED_MAX) {
                            tr {
                                td { (when(alert.time, visit.language)) }
                                th scope="row" { (alert.meaning.in_language(visit.language)) }
                                td { (alert.organisation.as_deref().map_or("–", |oin| held.organisation(oin))) }
                                td { (alert.purpose.as_deref().map_or("–", |id| held.purpose(id, visit.language))) }
                                td { (number(alert.found, visit.language)) " / " (number(alert.limit, visit.language)) }
                                td { @if let Some(index) = alert.index { a href=(format!("/log/{index}")) { (number(index, visit.language)) } } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    };
    page(&visit, title, &content)
}
