//! What the pages of the FG's own cases share: what is wrong with a form, in words; notes; files that cannot be read.

use axum::http::StatusCode;
use axum::response::Response;
use doelpoort_core::audit::alert::local;
use jiff::civil::Date;
use maud::{Markup, html};

use super::super::fg::{FgConsole, ShowError};
use super::super::guard::{Fields, Visit};
use super::super::page::{problem, problem_with};
use super::super::say::moment;
use super::super::words::{CaseWord, Word};
use crate::fg::casework::breach::InvalidBreach;
use crate::fg::casework::request::InvalidRequest;
use crate::fg::casework::review::InvalidReview;
use crate::fg::casework::{CaseId, CaseworkError, InvalidText, Note};

/// Why a case is not changed.
#[derive(Debug)]
pub(super) enum ChangeError {
    /// It cannot be kept or read.
    Casework(CaseworkError),
    /// The form.
    Form(CaseWord),
    /// The log, or the gateway.
    Show(Box<ShowError>),
}

impl From<CaseworkError> for ChangeError {
    fn from(error: CaseworkError) -> Self {
        Self::Casework(error)
    }
}

impl From<ShowError> for ChangeError {
    fn from(error: ShowError) -> Self {
        Self::Show(Box::new(error))
    }
}

impl From<InvalidText> for ChangeError {
    fn from(_: InvalidText) -> Self {
        Self::Form(CaseWord::InvalidText)
    }
}

impl From<InvalidRequest> for ChangeError {
    fn from(error: InvalidRequest) -> Self {
        Self::Form(match error {
            InvalidRequest::Received => CaseWord::InvalidDay,
            InvalidRequest::Extension => CaseWord::InvalidExtension,
            InvalidRequest::Closed => CaseWord::ClosedAlready,
            InvalidRequest::Open => CaseWord::NotClosed,
            InvalidRequest::Linked => CaseWord::Linked,
            InvalidRequest::TooMany => CaseWord::TooMany,
            InvalidRequest::Text(_) => CaseWord::InvalidText,
        })
    }
}

impl From<InvalidReview> for ChangeError {
    fn from(error: InvalidReview) -> Self {
        Self::Form(match error {
            InvalidReview::Text(_) => CaseWord::InvalidText,
            InvalidReview::Closed
            | InvalidReview::NotDrawn
            | InvalidReview::NotInIt
            | InvalidReview::Picked
            | InvalidReview::NotDone => CaseWord::ReviewWrong,
        })
    }
}

impl From<InvalidBreach> for ChangeError {
    fn from(error: InvalidBreach) -> Self {
        Self::Form(match error {
            InvalidBreach::Discovered => CaseWord::DiscoveredWrong,
            InvalidBreach::TooMany => CaseWord::TooMany,
            InvalidBreach::Text(_) => CaseWord::InvalidText,
        })
    }
}

/// What went wrong, as a page.
pub(super) fn failed(visit: &Visit, error: &ChangeError) -> Response {
    let (status, text) = match error {
        ChangeError::Form(word) => return problem(visit, StatusCode::BAD_REQUEST, *word),
        ChangeError::Casework(CaseworkError::Unknown) => {
            return problem(visit, StatusCode::NOT_FOUND, Word::Missing);
        }
        ChangeError::Casework(error @ CaseworkError::Changed) => (StatusCode::CONFLICT, error.to_string()),
        ChangeError::Casework(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        ChangeError::Show(error) => (StatusCode::BAD_GATEWAY, error.to_string()),
    };
    problem_with(
        visit,
        status,
        &format!("{}: {text}", visit.say(CaseWord::CaseFailed)),
    )
}

/// The case that an address names, and the revision that a form was made of.
pub(super) fn named(id: &str, fields: &Fields) -> Result<(CaseId, u64), ChangeError> {
    let id = CaseId::parse(id).ok_or(CaseworkError::Unknown)?;
    let revision = fields
        .one("revision")
        .parse()
        .map_err(|_| CaseworkError::Changed)?;
    Ok((id, revision))
}

/// What each form about a case carries.
pub(super) fn hidden(visit: &Visit, revision: u64) -> Markup {
    html! { (visit.token()) input type="hidden" name="revision" value=(revision); }
}

pub(super) fn today(console: &FgConsole) -> Date {
    local(console.now().as_microsecond()).date()
}

/// A line of text in a form, with its label.
pub(super) fn line(visit: &Visit, name: &str, word: CaseWord, kind: &str, value: &str) -> Markup {
    html! {
        div class="field" {
            label for=(name) { (visit.say(word)) }
            input id=(name) name=(name) type=(kind) value=(value) required autocomplete="off";
        }
    }
}

/// The number of a case in a form.
pub(super) fn number_field(visit: &Visit) -> Markup {
    html! {
        div class="field" {
            label for="number" { (visit.say(Word::CaseNumber)) }
            p class="hint" id="number-hint" { (visit.say(CaseWord::NumberHint)) }
            input id="number" name="number" required maxlength="64" autocomplete="off" aria-describedby="number-hint";
        }
    }
}

/// A longer text in a form; `id` is another one for each form of a page.
pub(super) fn words(visit: &Visit, id: &str, name: &str, word: CaseWord) -> Markup {
    let hint = format!("{id}-hint");
    html! {
        div class="field" {
            label for=(id) { (visit.say(word)) }
            p class="hint" id=(hint) { (visit.say(CaseWord::NoteHint)) }
            textarea id=(id) name=(name) rows="3" maxlength="4000" required aria-describedby=(hint) {}
        }
    }
}

/// What was written down, and a form for more.
pub(super) fn notes(visit: &Visit, action: &str, revision: u64, notes: &[Note]) -> Markup {
    html! {
        section class="card" {
            h2 { (visit.say(CaseWord::Notes)) }
            @if notes.is_empty() { p class="no-print" { (visit.say(CaseWord::Nothing)) } }
            dl {
                @for note in notes {
                    dt { (moment(note.at.as_microsecond(), visit.language)) }
                    dd { (note.text) }
                }
            }
            form class="no-print" method="post" action=(action) {
                (hidden(visit, revision))
                (words(visit, "note", "text", CaseWord::Note))
                button class="quiet" { (visit.say(CaseWord::AddNote)) }
            }
        }
    }
}

/// Files that cannot be read: said loudly, as something may be hidden in them.
pub(super) fn unreadable(visit: &Visit, wrong: &[CaseworkError]) -> Markup {
    html! {
        @if !wrong.is_empty() {
            div class="message bad" role="alert" {
                p { strong { (visit.say(CaseWord::Unreadable)) ":" } }
                ul { @for error in wrong { li lang="en" { (error) } } }
            }
        }
    }
}

/// Days that are left, as a mark.
pub(super) fn days_left(visit: &Visit, days: i64) -> Markup {
    let class = match days {
        ..=-1 => "state bad",
        0..=7 => "state note",
        _ => "state good",
    };
    let word = if days < 0 {
        CaseWord::DaysLate
    } else {
        CaseWord::DaysLeft
    };
    html! { span class=(class) { (days.abs()) " " (visit.say(word)) } }
}
