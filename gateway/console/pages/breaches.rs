//! The files of data breaches, each with its 72 hours.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use doelpoort_core::audit::alert::local;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use maud::{Markup, html};

use super::super::filter::begin;
use super::super::guard::{Fields, Visit};
use super::super::page::page;
use super::super::say::{moment, when};
use super::super::words::{CaseWord, Word};
use super::breach_scope;
use super::cases::{ChangeError, failed, hidden, line, named, notes, number_field, unreadable, words};
use super::{Console, FgConsole, Visited, held};
use crate::fg::casework::breach::{Breach, Decision};
use crate::fg::casework::{CaseId, CaseworkError, Kept};

pub(in crate::console) async fn list(State(console): Console, Extension(visit): Visited) -> Response {
    let listed = match console.fg.cases.list::<Breach>(&console.fg.keys) {
        Ok(listed) => listed,
        Err(error) => return failed(&visit, &error.into()),
    };
    let mut breaches = listed.kept;
    breaches.sort_by_key(|kept| std::cmp::Reverse(kept.case.discovered));
    let title = visit.say(Word::Breaches);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visit.say(CaseWord::BreachesLead)) }
        (unreadable(&visit, &listed.unreadable))
        section class="card" { (table(&visit, &breaches, console.now())) }
        (form(&visit, console.now()))
        p class="small soft" { (visit.say(CaseWord::KeptSealed)) }
    };
    page(&visit, title, &content)
}

fn table(visit: &Visit, breaches: &[Kept<Breach>], now: Timestamp) -> Markup {
    html! {
        @if breaches.is_empty() { p { (visit.say(CaseWord::Nothing)) } }
        @else {
            div class="scroll" tabindex="0" role="region" aria-label=(visit.say(Word::Breaches)) {
                table {
                    thead { tr {
                        th scope="col" { (visit.say(Word::CaseNumber)) }
                        @for word in [CaseWord::Discovered, CaseWord::TellBy] { th scope="col" { (visit.say(word)) } }
                        th scope="col" { (visit.say(Word::State)) }
                    } }
                    tbody {
                        @for kept in breaches {
                            tr {
                                th scope="row" { a href=(format!("/breaches/{}", kept.id)) { (kept.case.number) } }
                                td { (when(kept.case.discovered.as_microsecond(), visit.language)) }
                                td { (when(kept.case.due().as_microsecond(), visit.language)) }
                                td { (state(visit, &kept.case, now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The clock, or what was decided.
pub(super) fn state(visit: &Visit, breach: &Breach, now: Timestamp) -> Markup {
    let Some(hours) = breach.hours_left(now) else {
        let told = breach.decision.as_ref().is_some_and(|decision| decision.told);
        let word = if told { CaseWord::Told } else { CaseWord::NotTold };
        return html! {
            span class="state good" { "✓ " (visit.say(word)) }
            @if breach.was_late() { " " span class="state bad" { (visit.say(CaseWord::ToldLate)) } }
        };
    };
    let (class, word) = match hours {
        ..=-1 => ("state bad", CaseWord::HoursLate),
        0..=24 => ("state bad", CaseWord::HoursLeft),
        _ => ("state note", CaseWord::HoursLeft),
    };
    html! { span class=(class) { (hours.abs()) " " (visit.say(word)) } }
}

fn form(visit: &Visit, now: Timestamp) -> Markup {
    let there = local(now.as_microsecond());
    let time = format!("{:02}:{:02}", there.hour(), there.minute());
    html! {
        form class="card" method="post" action="/breaches" autocomplete="off" {
            h2 { (visit.say(CaseWord::NewBreach)) }
            (visit.token())
            (number_field(visit))
            div class="fields" {
                (line(visit, "day", CaseWord::Discovered, "date", &there.date().to_string()))
                (line(visit, "time", CaseWord::DiscoveredTime, "time", &time))
            }
            (words(visit, "what", "what", CaseWord::WhatHappened))
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
        Ok(id) => Redirect::to(&format!("/breaches/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

fn added(console: &FgConsole, fields: &Fields) -> Result<CaseId, ChangeError> {
    let wrong = ChangeError::Form(CaseWord::DiscoveredWrong);
    let discovered = at(fields.one("day"), fields.one("time")).ok_or(wrong)?;
    let breach = Breach::new(
        fields.one("number"),
        fields.one("what"),
        discovered,
        console.now(),
    )?;
    let keys = (&console.fg.keys, console.month());
    Ok(console.fg.cases.add(keys, breach)?.id)
}

/// A day and a time in the Netherlands.
fn at(day: &str, time: &str) -> Option<Timestamp> {
    let (day, time): (Date, Time) = (day.parse().ok()?, time.parse().ok()?);
    let wanted = day.to_datetime(time);
    let seconds = i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60;
    let first = begin(day)?.checked_add(seconds * 1_000_000)?;
    // On the days on which clocks change, an hour more or less.
    let off = local(first).duration_until(wanted).as_micros();
    let moved = first.checked_add(i64::try_from(off).ok()?)?;
    Timestamp::from_microsecond(moved).ok()
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
    let kept = match read(&console, &id) {
        Ok(kept) => kept,
        Err(error) => return failed(&visit, &error.into()),
    };
    let (breach, address) = (&kept.case, format!("/breaches/{id}"));
    let title = format!("{} {}", visit.say(CaseWord::Breach), breach.number);
    let content = html! {
        h1 { (title) }
        p { (state(&visit, breach, console.now())) }
        section class="card" {
            (facts(&visit, breach))
            a class="button quiet" href=(format!("{address}/file")) { (visit.say(CaseWord::Dossier)) }
        }
        section class="card" {
            h2 { (visit.say(CaseWord::Scope)) }
            p { (visit.say(CaseWord::ScopeLead)) }
            @for scope in breach.scopes.iter().rev() { (breach_scope::told(&visit, &held, scope)) }
            (breach_scope::form(&visit, &held, &kept))
        }
        (notes(&visit, &format!("{address}/note"), kept.revision, &breach.notes))
        (decide(&visit, &kept))
    };
    page(&visit, &title, &content)
}

pub(super) fn read(console: &FgConsole, id: &str) -> Result<Kept<Breach>, CaseworkError> {
    let id = CaseId::parse(id).ok_or(CaseworkError::Unknown)?;
    console.fg.cases.read(&console.fg.keys, &id)
}

/// What is known of it.
pub(super) fn facts(visit: &Visit, breach: &Breach) -> Markup {
    let language = visit.language;
    html! {
        dl {
            dt { (visit.say(CaseWord::Discovered)) } dd { (moment(breach.discovered.as_microsecond(), language)) }
            dt { (visit.say(CaseWord::TellBy)) } dd { (moment(breach.due().as_microsecond(), language)) }
            dt { (visit.say(CaseWord::WhatHappened)) } dd { (breach.what) }
            @match &breach.decision {
                None => { dt { (visit.say(Word::Decision)) } dd { (visit.say(CaseWord::Undecided)) } }
                Some(decision) => {
                    dt { (visit.say(Word::Decision)) }
                    dd {
                        (visit.say(if decision.told { CaseWord::Told } else { CaseWord::NotTold })) ", "
                        (moment(decision.at.as_microsecond(), language)) ": " (decision.reason)
                        @if decision.persons_told { ". " (visit.say(CaseWord::PersonsTold)) }
                    }
                }
            }
        }
    }
}

fn decide(visit: &Visit, kept: &Kept<Breach>) -> Markup {
    html! {
        form class="card" method="post" action=(format!("/breaches/{}/decide", kept.id)) {
            h2 { (visit.say(CaseWord::Decide)) }
            (hidden(visit, kept.revision))
            fieldset {
                legend { (visit.say(Word::Decision)) }
                label { input type="radio" name="told" value="yes" checked; span { (visit.say(CaseWord::DecideTold)) } }
                label { input type="radio" name="told" value="no"; span { (visit.say(CaseWord::DecideNotTold)) } }
                label { input type="checkbox" name="persons" value="yes"; span { (visit.say(CaseWord::PersonsTold)) } }
            }
            (words(visit, "reason", "text", CaseWord::DecideReason))
            button { (visit.say(CaseWord::Decide)) }
        }
    }
}

pub(in crate::console) async fn change(
    State(console): Console,
    Extension(visit): Visited,
    Path((id, what)): Path<(String, String)>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let now = console.now();
    let changed = named(&id, &fields).and_then(|(id, revision)| {
        let keys = (&console.fg.keys, console.month());
        console
            .fg
            .cases
            .change(keys, (&id, revision), |breach: &mut Breach| {
                match what.as_str() {
                    "note" => breach.note(fields.one("text"), now)?,
                    "decide" => breach.decide(&Decision {
                        at: now,
                        told: fields.one("told") == "yes",
                        persons_told: fields.one("persons") == "yes",
                        reason: fields.one("text").to_owned(),
                    })?,
                    _ => return Err(ChangeError::from(CaseworkError::Unknown)),
                }
                Ok(())
            })
    });
    match changed {
        Ok(_) => Redirect::to(&format!("/breaches/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

/// Breaches that are not decided, with their clocks; nothing where there is none.
pub(super) fn running(console: &FgConsole, visit: &Visit) -> Markup {
    let listed = match console.fg.cases.list::<Breach>(&console.fg.keys) {
        Ok(listed) => listed,
        Err(error) => return unreadable(visit, &[error]),
    };
    let mut running = listed.kept;
    running.retain(|kept| kept.case.decision.is_none());
    html! {
        (unreadable(visit, &listed.unreadable))
        @if !running.is_empty() {
            section class="card" { h2 { a href="/breaches" { (visit.say(Word::Breaches)) } } (table(visit, &running, console.now())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_that_of_the_netherlands() {
        let told = |day: &str, time: &str| at(day, time).map(|at| at.to_string());
        assert_eq!(
            told("2026-11-23", "09:30").as_deref(),
            Some("2026-11-23T08:30:00Z")
        );
        assert_eq!(
            told("2026-07-01", "00:15").as_deref(),
            Some("2026-06-30T22:15:00Z")
        );
        // Clocks change at three at night.
        assert_eq!(
            told("2026-10-25", "12:00").as_deref(),
            Some("2026-10-25T11:00:00Z")
        );
        assert_eq!(
            told("2026-03-29", "12:00").as_deref(),
            Some("2026-03-29T10:00:00Z")
        );
        assert_eq!(told("2026-02-30", "12:00"), None);
    }
}
