//! The pages, one file each.

pub(super) mod access;
pub(super) mod alerts;
pub(super) mod approval;
pub(super) mod breach_scope;
pub(super) mod breaches;
pub(super) mod cases;
pub(super) mod entry;
pub(super) mod integrity;
pub(super) mod log;
pub(super) mod login;
pub(super) mod matrix;
pub(super) mod month;
pub(super) mod overview;
pub(super) mod policies;
pub(super) mod purposes;
pub(super) mod requests;
pub(super) mod review_signing;
pub(super) mod reviews;
pub(super) mod staff;

use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::fg::FgConsole;
use super::guard::Visit;
use super::held::Held;
use super::page::{page, problem_with, waiting};
use super::words::{Said, Word};

/// The console, as handlers get it.
type Console = axum::extract::State<Arc<FgConsole>>;
/// Who asks, as handlers get it.
type Visited = Extension<Visit>;

/// The copy of the log; or the page that waits for it, or says why there is none.
fn held(console: &Arc<FgConsole>, visit: &Visit) -> Result<Arc<Held>, Box<Response>> {
    if let Some(held) = console.held() {
        return Ok(held);
    }
    if let Some(why) = console.failed().filter(|_| !console.is_fetching()) {
        let title = visit.say(Word::FetchFailed);
        let content = html! {
            h1 { (title) }
            div class="message bad" role="alert" { p { (why) } }
            form method="post" action="/integrity/check" { (visit.token()) button { (visit.say(Word::TryAgain)) } }
        };
        let page = (StatusCode::BAD_GATEWAY, page(visit, title, &content));
        return Err(Box::new(page.into_response()));
    }
    console.begin_refresh();
    let title = visit.say(Word::Fetching);
    let content = html! {
        h1 { (title) }
        p class="lead" role="status" { (visit.say(Word::FetchingLead)) }
    };
    Err(Box::new(waiting(visit, title, &content)))
}

/// Who stands for a look that takes two: a warning where one folder signs for both.
fn persons(console: &FgConsole, visit: &Visit) -> Markup {
    html! {
        @if console.fg.client.signs_for_two() {
            div class="message bad" { p { (visit.say(Word::OneFolder)) } }
        } @else {
            div class="message" { p { (visit.say(Word::TwoFolders)) } }
        }
    }
}

/// A file to keep.
fn file(name: &str, kind: &'static str, bytes: impl IntoResponse) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers: [(HeaderName, String); 2] = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, bytes).into_response()
}

/// What failed, with why.
fn failed(visit: &Visit, what: impl Said, why: &impl std::fmt::Display) -> Response {
    problem_with(
        visit,
        StatusCode::BAD_GATEWAY,
        &format!("{}: {why}", visit.say(what)),
    )
}

/// Granted, refused, or what else was decided.
fn decision(visit: &Visit, decision: Option<&str>) -> Markup {
    match decision {
        Some(doelpoort_core::audit::leaf::GRANTED) => {
            html! { span class="state good" { "✓ " (visit.say(Word::Granted)) } }
        }
        Some(code) => html! { span class="state note" { (code) } },
        None => html! { "–" },
    }
}
