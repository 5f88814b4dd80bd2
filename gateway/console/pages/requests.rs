//! The register of requests: what was asked, by when it must be answered, and what the log shows was done.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use doelpoort_core::audit::alert::local;
use doelpoort_core::audit::leaf::{Form, GRANTED, Kind};
use doelpoort_core::audit::retention::ONE_ERASED;
use jiff::civil::Date;
use maud::{Markup, html};

use super::super::filter::begin;
use super::super::guard::{Fields, Visit};
use super::super::held::{Columns, Held};
use super::super::page::page;
use super::super::say::{date, moment, number};
use super::super::words::{CaseWord, Word};
use super::cases::{
    ChangeError, days_left, failed, hidden, line, named, notes, number_field, today, unreadable, words,
};
use super::entry::sentence;
use super::login::step_up_address;
use super::{Console, FgConsole, Visited, held};
use crate::audit::Entry;
use crate::fg::casework::request::{Outcome, PupilRequest, Right};
use crate::fg::casework::{CaseId, CaseworkError, Kept};

/// Entries that are offered as what was done, the newest.
const CANDIDATES_MAX: usize = 8;

pub(in crate::console) async fn list(State(console): Console, Extension(visit): Visited) -> Response {
    let listed = match console.fg.cases.list::<PupilRequest>(&console.fg.keys) {
        Ok(listed) => listed,
        Err(error) => return failed(&visit, &error.into()),
    };
    let today = today(&console);
    let (mut open, closed): (Vec<_>, Vec<_>) =
        listed.kept.iter().partition(|kept| kept.case.closing.is_none());
    open.sort_by_key(|kept| kept.case.due());
    let title = visit.say(Word::Requests);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visit.say(CaseWord::RequestsLead)) }
        (unreadable(&visit, &listed.unreadable))
        section class="card" {
            h2 { (visit.say(CaseWord::OpenRequests)) }
            (table(&visit, &open, today, CaseWord::OpenRequests))
        }
        (form(&visit, today))
        @if !closed.is_empty() {
            section class="card" {
                h2 { (visit.say(CaseWord::ClosedRequests)) }
                (table(&visit, &closed, today, CaseWord::ClosedRequests))
            }
        }
        p class="small soft" { (visit.say(CaseWord::KeptSealed)) }
    };
    page(&visit, title, &content)
}

fn table(visit: &Visit, requests: &[&Kept<PupilRequest>], today: Date, title: CaseWord) -> Markup {
    html! {
        @if requests.is_empty() { p { (visit.say(CaseWord::Nothing)) } }
        @else {
            div class="scroll" tabindex="0" role="region" aria-label=(visit.say(title)) {
                table {
                    thead { tr {
                        th scope="col" { (visit.say(Word::CaseNumber)) }
                        @for word in [CaseWord::Right, CaseWord::Received, CaseWord::Due] { th scope="col" { (visit.say(word)) } }
                        th scope="col" { (visit.say(Word::State)) }
                    } }
                    tbody {
                        @for kept in requests {
                            tr {
                                th scope="row" { a href=(format!("/requests/{}", kept.id)) { (kept.case.number) } }
                                td { (visit.say(right(kept.case.right))) }
                                td { (date(kept.case.received, visit.language)) }
                                td { (date(kept.case.due(), visit.language)) }
                                td { (state(visit, &kept.case, today)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn state(visit: &Visit, request: &PupilRequest, today: Date) -> Markup {
    match (&request.closing, request.days_left(today)) {
        (Some(closing), _) => {
            html! { span class="state good" { "✓ " (visit.say(outcome(closing.outcome))) } }
        }
        (None, left) => days_left(visit, left.unwrap_or(0)),
    }
}

const fn right(right: Right) -> CaseWord {
    match right {
        Right::Access => CaseWord::RightAccess,
        Right::Rectification => CaseWord::RightRectification,
        Right::Erasure => CaseWord::RightErasure,
        Right::Restriction => CaseWord::RightRestriction,
        Right::Objection => CaseWord::RightObjection,
    }
}

const fn how(right: Right) -> CaseWord {
    match right {
        Right::Access => CaseWord::HowAccess,
        Right::Rectification => CaseWord::HowRectification,
        Right::Erasure => CaseWord::HowErasure,
        Right::Restriction => CaseWord::HowRestriction,
        Right::Objection => CaseWord::HowObjection,
    }
}

const fn outcome(outcome: Outcome) -> CaseWord {
    match outcome {
        Outcome::Granted => CaseWord::OutcomeGranted,
        Outcome::PartlyGranted => CaseWord::OutcomePartly,
        Outcome::Refused => CaseWord::OutcomeRefused,
        Outcome::TakenBack => CaseWord::OutcomeTakenBack,
    }
}

fn form(visit: &Visit, today: Date) -> Markup {
    html! {
        form class="card" method="post" action="/requests" autocomplete="off" {
            h2 { (visit.say(CaseWord::NewRequest)) }
            (visit.token())
            fieldset {
                legend { (visit.say(CaseWord::Right)) }
                @for one in Right::ALL {
                    label {
                        input type="radio" name="right" value=(one.name()) checked[one == Right::Access];
                        span { (visit.say(right(one))) " (AVG " (one.article()) ")" }
                    }
                }
            }
            (number_field(visit))
            (line(visit, "received", CaseWord::Received, "date", &today.to_string()))
            button { (visit.say(CaseWord::Register)) }
        }
    }
}

pub(in crate::console) async fn add(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    match added(&console, &fields) {
        Ok(id) => Redirect::to(&format!("/requests/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

fn added(console: &FgConsole, fields: &Fields) -> Result<CaseId, ChangeError> {
    let asked = Right::ALL
        .into_iter()
        .find(|right| right.name() == fields.one("right"));
    let asked = asked.ok_or(ChangeError::Form(CaseWord::InvalidText))?;
    let received = fields.one("received").parse();
    let received = received.map_err(|_| ChangeError::Form(CaseWord::InvalidDay))?;
    let request = PupilRequest::new(fields.one("number"), asked, received, today(console))?;
    let keys = (&console.fg.keys, console.month());
    Ok(console.fg.cases.add(keys, request)?.id)
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
    let kept = CaseId::parse(&id).ok_or(CaseworkError::Unknown);
    let kept = kept.and_then(|id| console.fg.cases.read::<PupilRequest>(&console.fg.keys, &id));
    match kept {
        Ok(kept) => {
            let title = format!("{} {}", visit.say(CaseWord::Request), kept.case.number);
            page(&visit, &title, &content(&visit, &held, &kept, today(&console)))
        }
        Err(error) => failed(&visit, &error.into()),
    }
}

pub(in crate::console) async fn change(
    State(console): Console,
    Extension(visit): Visited,
    Path((id, what)): Path<(String, String)>,
    Extension(fields): Extension<Fields>,
) -> Response {
    match changed(&console, &id, &what, &fields) {
        Ok(()) => Redirect::to(&format!("/requests/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

fn changed(console: &FgConsole, id: &str, what: &str, fields: &Fields) -> Result<(), ChangeError> {
    let (id, revision) = named(id, fields)?;
    let (now, today) = (console.now(), today(console));
    let entry = fields.one("entry").parse::<u64>().ok();
    let entry = entry.filter(|entry| {
        let held = console.held();
        held.is_some_and(|held| held.entry(*entry).is_some())
    });
    let keys = (&console.fg.keys, console.month());
    console
        .fg
        .cases
        .change(keys, (&id, revision), |request: &mut PupilRequest| {
            match what {
                "extend" => request.extend(fields.one("text"), today)?,
                "note" => request.note(fields.one("text"), now)?,
                "link" => request.link(entry.ok_or(ChangeError::Form(CaseWord::InvalidEntry))?, now)?,
                "reopen" => request.reopen(now)?,
                "close" => {
                    let named = |outcome: &Outcome| outcome.name() == fields.one("outcome");
                    let outcome = Outcome::ALL.into_iter().find(named);
                    let outcome = outcome.ok_or(ChangeError::Form(CaseWord::InvalidText))?;
                    request.close(outcome, fields.one("text"), today)?;
                }
                _ => return Err(ChangeError::from(CaseworkError::Unknown)),
            }
            Ok(())
        })?;
    Ok(())
}

/// Links the entry of a subject access to the open request of the same number. None of that name is no error: the log has
/// the entry in any case.
pub(super) fn link_access(console: &FgConsole, number: &str, entry: u64) -> Result<(), ChangeError> {
    let (cases, keys) = (&console.fg.cases, &console.fg.keys);
    let is_meant = |kept: &Kept<PupilRequest>| {
        let request = &kept.case;
        request.closing.is_none() && request.right == Right::Access && request.number == number
    };
    let kept = cases.list::<PupilRequest>(keys)?.kept;
    let Some(kept) = kept.into_iter().find(is_meant) else {
        return Ok(());
    };
    let now = console.now();
    cases.change((keys, console.month()), (&kept.id, kept.revision), |request| {
        PupilRequest::link(request, entry, now).map_err(ChangeError::from)
    })?;
    Ok(())
}

fn content(visit: &Visit, held: &Held, kept: &Kept<PupilRequest>, today: Date) -> Markup {
    let (request, language) = (&kept.case, visit.language);
    let action = |what: &str| format!("/requests/{}/{what}", kept.id);
    html! {
        h1 { (visit.say(CaseWord::Request)) " " (request.number) }
        p { (state(visit, request, today)) }
        section class="card" {
            dl {
                dt { (visit.say(CaseWord::Right)) } dd { (visit.say(right(request.right))) " (AVG " (request.right.article()) ")" }
                dt { (visit.say(CaseWord::Received)) } dd { (date(request.received, language)) }
                dt { (visit.say(CaseWord::Due)) } dd { (date(request.due(), language)) }
                @if let Some(extension) = &request.extension {
                    dt { (visit.say(CaseWord::Extended)) } dd { (date(extension.on, language)) ": " (extension.reason) }
                }
                @if let Some(closing) = &request.closing {
                    dt { (visit.say(CaseWord::Answer)) } dd { (date(closing.on, language)) ", " (visit.say(outcome(closing.outcome))) ": " (closing.reason) }
                }
            }
            @if request.closing.is_none() {
                p { (visit.say(how(request.right))) }
                @if request.right == Right::Access {
                    @let address = if visit.why.is_none() { step_up_address("/access", &request.number) } else { "/access".to_owned() };
                    a class="button quiet" href=(address) { (visit.say(Word::Access)) }
                }
            }
        }
        (effects(visit, held, kept, &action("link")))
        @if request.may_extend(today) {
            form class="card" method="post" action=(action("extend")) {
                h2 { (visit.say(CaseWord::Extend)) }
                p { (visit.say(CaseWord::ExtendLead)) }
                (hidden(visit, kept.revision))
                (words(visit, "extend", "text", CaseWord::ExtendReason))
                button class="quiet" { (visit.say(CaseWord::Extend)) }
            }
        }
        (notes(visit, &action("note"), kept.revision, &request.notes))
        (ending(visit, kept, &action))
    }
}

fn ending(visit: &Visit, kept: &Kept<PupilRequest>, action: &dyn Fn(&str) -> String) -> Markup {
    if kept.case.closing.is_some() {
        return html! {
            form method="post" action=(action("reopen")) { (hidden(visit, kept.revision)) button class="quiet" { (visit.say(CaseWord::Reopen)) } }
        };
    }
    html! {
        form class="card" method="post" action=(action("close")) {
            h2 { (visit.say(CaseWord::CloseRequest)) }
            (hidden(visit, kept.revision))
            fieldset {
                legend { (visit.say(CaseWord::Outcome)) }
                @for one in Outcome::ALL {
                    label { input type="radio" name="outcome" value=(one.name()) checked[one == Outcome::Granted]; span { (visit.say(outcome(one))) } }
                }
            }
            (words(visit, "reason", "text", CaseWord::OutcomeReason))
            button { (visit.say(CaseWord::CloseRequest)) }
        }
    }
}

/// What was done, as the log shows it, and the entries that may show it.
fn effects(visit: &Visit, held: &Held, kept: &Kept<PupilRequest>, action: &str) -> Markup {
    let request = &kept.case;
    let linked = |index: u64| request.effects.iter().any(|effect| effect.entry == index);
    let since = begin(request.received).unwrap_or(0);
    let columns = &held.columns;
    let candidates: Vec<Entry> = columns
        .since(since)
        .rev()
        .filter(|place| may_show(request.right, columns, *place) && !linked(*place as u64))
        .take(CANDIDATES_MAX)
        .filter_map(|place| held.at(place))
        .collect();
    html! {
        section class="card" {
            h2 { (visit.say(CaseWord::Effects)) }
            p { (visit.say(CaseWord::EffectsLead)) }
            @if request.effects.is_empty() { p { (visit.say(CaseWord::Nothing)) } }
            ul {
                @for effect in &request.effects {
                    li {
                        a href=(format!("/log/{}", effect.entry)) { (visit.say(Word::Entry)) " " (number(effect.entry, visit.language)) }
                        @if let Some(entry) = held.entry(effect.entry) { ": " (sentence(visit, held, &entry)) }
                    }
                }
            }
            @if request.closing.is_none() {
                form method="post" action=(action) {
                    (hidden(visit, kept.revision))
                    div class="field" {
                        label for="entry" { (visit.say(CaseWord::LinkNumber)) }
                        p class="hint" id="entry-hint" { (visit.say(CaseWord::LinkHint)) }
                        input id="entry" name="entry" type="number" min="0" required aria-describedby="entry-hint" list="candidates";
                        datalist id="candidates" { @for entry in &candidates { option value=(entry.index) { (moment(entry.leaf.time, visit.language)) } } }
                    }
                    button class="quiet" { (visit.say(CaseWord::Link)) }
                }
                @if !candidates.is_empty() {
                    h3 { (visit.say(CaseWord::Candidates)) }
                    ul {
                        @for entry in &candidates {
                            li { a href=(format!("/log/{}", entry.index)) { (visit.say(Word::Entry)) " " (number(entry.index, visit.language)) } ": " (sentence(visit, held, entry)) }
                        }
                    }
                }
            }
        }
    }
}

/// Whether an entry may show that such a request was done.
fn may_show(right: Right, columns: &Columns, place: usize) -> bool {
    let granted = |form| columns.form(place) == Some(form) && columns.decision(place) == Some(GRANTED);
    let is_delivery = columns.is_of(place, &[Kind::Delivery]);
    match right {
        Right::Access => columns.is_of(place, &[Kind::LogRead]) && granted(Form::Search),
        Right::Rectification => is_delivery,
        Right::Erasure => is_delivery || columns.decision(place) == Some(ONE_ERASED),
        Right::Restriction | Right::Objection => granted(Form::Restrict),
    }
}

/// Requests that are not answered, by the day on which they must be.
pub(super) fn open(console: &FgConsole, visit: &Visit) -> Markup {
    let listed = match console.fg.cases.list::<PupilRequest>(&console.fg.keys) {
        Ok(listed) => listed,
        Err(error) => return unreadable(visit, &[error]),
    };
    let today = local(console.now().as_microsecond()).date();
    let mut open: Vec<_> = listed
        .kept
        .iter()
        .filter(|kept| kept.case.closing.is_none())
        .collect();
    open.sort_by_key(|kept| kept.case.due());
    html! {
        (unreadable(visit, &listed.unreadable))
        section class="card" {
            h2 { a href="/requests" { (visit.say(CaseWord::OpenRequests)) } }
            (table(visit, &open, today, CaseWord::OpenRequests))
        }
    }
}
