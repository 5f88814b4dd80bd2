//! Subject access (AVG 15): who saw a pupil's data, and why; as a letter that a parent understands, with its proof.
//!
//! The number is in a form that is posted, never in an address. The letter stays in the session and goes with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use doelpoort_core::audit::alert::local;
use jiff::civil::{Date, date};
use maud::{Markup, html};

use super::super::fg::{Access, Case, Pupil};
use super::super::filter::begin;
use super::super::guard::{Fields, Visit};
use super::super::held::Held;
use super::super::names::Names;
use super::super::page::{page, problem};
use super::super::say;
use super::super::words::Word;
use super::{Console, FgConsole, Visited, failed, file, held, persons, requests};

/// The month in which a school year begins, on the first.
const SCHOOL_YEAR_MONTH: i8 = 8;

pub(in crate::console) async fn ask(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    page(
        &visit,
        visit.say(Word::Access),
        &form(&console, &visit, &held, None),
    )
}

fn form(console: &FgConsole, visit: &Visit, held: &Held, wrong: Option<Word>) -> Markup {
    let purposes = held
        .policies
        .iter()
        .flat_map(|policies| policies.purposes.values());
    html! {
        h1 { (visit.say(Word::Access)) }
        @if let Some(wrong) = wrong { div class="message bad" role="alert" { p { a href="#number" { (visit.say(wrong)) } } } }
        p class="lead" { (visit.say(Word::AccessLead)) }
        (persons(console, visit))
        form class="card" method="post" action="/access" autocomplete="off" {
            (visit.token())
            fieldset {
                legend { (visit.say(Word::NumberKind)) }
                label { input type="radio" name="kind" value="bsn" checked; span { (visit.say(Word::Bsn)) } }
                label { input type="radio" name="kind" value="eckId"; span { (visit.say(Word::Eck)) } }
            }
            div class="field" {
                label for="number" { (visit.say(Word::Number)) }
                p class="hint" id="number-hint" { (visit.say(Word::NumberHint)) }
                input id="number" name="number" required autocomplete="off" spellcheck="false" aria-describedby="number-hint";
            }
            fieldset {
                legend { (visit.say(Word::Period)) }
                label { input type="radio" name="period" value="year" checked; span { (visit.say(Word::ThisYear)) } }
                label { input type="radio" name="period" value="all"; span { (visit.say(Word::Everything)) } }
                label { input type="radio" name="period" value="day"; span { (visit.say(Word::FromDay)) } }
                input name="day" type="date" aria-label=(visit.say(Word::FromDay));
            }
            details {
                summary { (visit.say(Word::Withhold)) }
                fieldset {
                    legend { (visit.say(Word::Withhold)) }
                    p class="hint" { (visit.say(Word::WithholdHint)) }
                    @for standing in purposes {
                        label { input type="checkbox" name="withhold" value=(standing.purpose.id); span { (standing.purpose.title.in_language(visit.language)) } }
                    }
                }
            }
            button { (visit.say(Word::Search)) }
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
    let (Some(session), Some(why)) = (visit.session, &visit.why) else {
        return Redirect::to("/step-up").into_response();
    };
    let number = fields.one("number");
    if number.is_empty() {
        let content = form(&console, &visit, &held, Some(Word::NumberMissing));
        return (
            StatusCode::BAD_REQUEST,
            page(&visit, visit.say(Word::Access), &content),
        )
            .into_response();
    }
    let today = local(console.now().as_microsecond()).date();
    let since = match fields.one("period") {
        "all" => Some(0),
        "day" => fields.one("day").parse().ok().and_then(begin),
        _ => begin(school_year(today)),
    };
    let Some(since) = since else {
        let content = form(&console, &visit, &held, Some(Word::DayMissing));
        return (
            StatusCode::BAD_REQUEST,
            page(&visit, visit.say(Word::Access), &content),
        )
            .into_response();
    };
    let pupil = Pupil {
        kind: if fields.one("kind") == "eckId" {
            "eckId"
        } else {
            "bsn"
        },
        number,
        withhold: fields.all("withhold").map(str::to_owned).collect(),
        since,
    };
    match console.access(why, pupil).await {
        Ok(case) => {
            if let Err(error) = requests::link_access(&console, &case.number, case.entry) {
                tracing::warn!(?error, "the request of this number does not name its entry");
            }
            let case = Some(Arc::new(case));
            console
                .sessions
                .change(&session, console.now(), |session| session.case = case);
            Redirect::to("/access/letter").into_response()
        }
        Err(error) => failed(&visit, Word::AccessFailed, &error),
    }
}

/// When the school year of a day began.
fn school_year(day: Date) -> Date {
    let year = if day.month() >= SCHOOL_YEAR_MONTH {
        day.year()
    } else {
        day.year() - 1
    };
    date(year, SCHOOL_YEAR_MONTH, 1)
}

fn case(console: &FgConsole, visit: &Visit) -> Option<Arc<Case>> {
    let session = visit.session?;
    console
        .sessions
        .change(&session, console.now(), |session| session.case.clone())?
}

pub(in crate::console) async fn letter(State(console): Console, Extension(visit): Visited) -> Response {
    match case(&console, &visit) {
        Some(case) => page(&visit, visit.say(Word::Letter), &written(&visit, &case)),
        None => problem(&visit, StatusCode::NOT_FOUND, Word::NoLetter),
    }
}

pub(in crate::console) async fn hand_out(
    State(console): Console,
    Extension(visit): Visited,
    Path(shard): Path<String>,
) -> Response {
    let case = case(&console, &visit);
    match case.as_ref().and_then(|case| case.hand_outs.get(&shard)) {
        // The label is one of ours: it was found.
        Some(bytes) => file(
            &format!("hand-out-{shard}.tar"),
            "application/x-tar",
            bytes.clone(),
        ),
        None => problem(&visit, StatusCode::NOT_FOUND, Word::NoLetter),
    }
}

fn written(visit: &Visit, case: &Case) -> Markup {
    let mut by_organisation: BTreeMap<&str, Vec<&Access>> = BTreeMap::new();
    for access in &case.shown {
        let oin = usize::try_from(access.index)
            .ok()
            .and_then(|place| case.held.columns.recipient(place));
        let names = Names(access.policies.as_deref());
        let name = match names.organisation(oin.unwrap_or("–")) {
            // Not in the policies of then, or these are not known any more.
            number if Some(number) == oin => case.held.organisation(number),
            name => name,
        };
        by_organisation.entry(name).or_default().push(access);
    }
    let today = local(case.at.as_microsecond()).date();
    html! {
        div class="row no-print" {
            button hidden data-print { (visit.say(Word::Print)) }
            @for label in case.hand_outs.keys() {
                a class="button quiet" href=(format!("/access/hand-out/{label}")) {
                    (visit.say(Word::HandOut))
                    @if case.hand_outs.len() > 1 { " (" (label) ")" }
                }
            }
            span class="small soft" { (visit.say(Word::LookLogged)) " " (say::number(case.entry, visit.language)) "." }
        }
        article class="card letter" {
            p { (visit.say(Word::LetterDate)) ": " (say::date(today, visit.language)) br; (visit.say(Word::LetterCase)) ": " (case.number) br; (visit.say(Word::LetterChild)) ": ______________________________" }
            h1 { (visit.say(Word::LetterTitle)) }
            p { (visit.say(Word::LetterDear)) }
            p { (visit.say(Word::LetterOpening)) }
            h2 { (visit.say(Word::LetterSummary)) }
            @if by_organisation.is_empty() { p { (visit.say(nobody(case))) } }
            @else { ul { @for (name, times) in &by_organisation { li { strong { (name) } ": " (counted(visit, times.len() as u64)) } } } }
            @for (name, times) in &by_organisation {
                h2 { (name) }
                @for access in times { (one(visit, case, access)) }
            }
            h2 { (visit.say(Word::LetterOther)) }
            (others(visit, case))
            h2 { (visit.say(Word::LetterProofTitle)) }
            p { (visit.say(Word::LetterProof)) }
            h2 { (visit.say(Word::LetterRights)) }
            p { (visit.say(Word::LetterRightsText)) }
            p { (visit.say(Word::LetterGreeting)) }
            p { (visit.say(Word::LetterSigned)) }
        }
    }
}

/// What is said where no organisation is shown: that there was none, where that is known.
fn nobody(case: &Case) -> Word {
    if case.withheld == 0 && case.unread == 0 {
        Word::LetterNobody
    } else {
        Word::LetterNobodyShown
    }
}

/// One time that data were given.
fn one(visit: &Visit, case: &Case, access: &Access) -> Markup {
    let language = visit.language;
    let Some(entry) = case.held.entry(access.index) else {
        return html! {};
    };
    let event = &entry.leaf.event;
    // What stood then, not what stands now: an organisation got the data for that.
    let names = Names(access.policies.as_deref());
    let standing = event
        .purpose
        .as_ref()
        .and_then(|purpose| names.standing(&purpose.id));
    let given = names.given(event.dataset.as_deref(), &access.fields, language);
    html! {
        dl class="keep" {
            dt { (visit.say(Word::LetterWhen)) }
            dd { (say::moment(entry.leaf.time, language)) " (" (visit.say(Word::LetterEntry)) " " (say::number(access.index, language)) ")" }
            dt { (visit.say(Word::LetterWhat)) }
            dd { (given) }
            dt { (visit.say(Word::LetterWhy)) }
            dd {
                @if let Some(purpose) = &event.purpose { strong { (names.purpose(&purpose.id, language)) } }
                @if let Some(standing) = standing { ". " (standing.purpose.why.in_language(language)) }
            }
            @if event.purpose.is_some() && standing.is_none() {
                dt { (visit.say(Word::LetterLaw)) } dd { (visit.say(Word::LetterTermsGone)) }
            }
            @if let Some(standing) = standing {
                dt { (visit.say(Word::LetterLaw)) }
                dd { "AVG " (standing.purpose.basis.avg) @for controller in &standing.purpose.controllers { "; " (controller.law) } }
                dt { (visit.say(Word::LetterKeep)) }
                dd { (say::period(&standing.purpose.retention, language)) }
            }
        }
    }
}

/// `1 keer`, `2 keer`.
fn counted(visit: &Visit, times: u64) -> String {
    let word = if times == 1 {
        Word::LetterTime
    } else {
        Word::LetterTimes
    };
    format!("{} {}", say::number(times, visit.language), visit.say(word))
}

/// What the letter counts and does not show.
fn others(visit: &Visit, case: &Case) -> Markup {
    let all = [
        (case.refused as u64, Word::LetterRefused),
        (case.withheld as u64, Word::LetterWithheld),
        (case.earlier as u64, Word::LetterEarlier),
    ];
    let told: Vec<_> = all.into_iter().filter(|(count, _)| *count > 0).collect();
    html! {
        @if told.is_empty() && case.unread == 0 { p { (visit.say(Word::LetterNothingHidden)) } }
        ul {
            @for (count, word) in told { li { (counted(visit, count)) ": " (visit.say(word)) } }
            @if case.unread > 0 { li { (say::number(case.unread, visit.language)) " " (visit.say(Word::LetterUnread)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_school_year_begins_in_august() {
        assert_eq!(school_year(date(2026, 11, 22)), date(2026, 8, 1));
        assert_eq!(school_year(date(2027, 7, 31)), date(2026, 8, 1));
        assert_eq!(school_year(date(2026, 8, 1)), date(2026, 8, 1));
    }
}
