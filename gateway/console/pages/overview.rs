//! The first page: is all well, and what needs attention?

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use doelpoort_core::audit::alert::local;
use jiff::ToSpan as _;
use jiff::civil::Date;
use maud::{Markup, html};

use super::super::chart::{DayCount, days};
use super::super::filter::{Asked, begin};
use super::super::guard::Visit;
use super::super::held::{Columns, Held};
use super::super::page::page;
use super::super::say::{date, moment, number};
use super::super::words::Word;
use super::{Console, Visited, breaches, held, requests, reviews};

/// Days that the page looks back.
const DAYS: i64 = 30;
/// A purpose that expires within so many days is named.
const EXPIRING_DAYS: i64 = 90;

pub(in crate::console) async fn show(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let today = local(console.now().as_microsecond()).date();
    let title = visit.say(Word::Overview);
    let cases = html! { (breaches::running(&console, &visit)) (requests::open(&console, &visit)) (reviews::overview(&console, &visit, true)) };
    page(&visit, title, &content(&visit, &held, today, &cases))
}

fn content(visit: &Visit, held: &Held, today: Date, cases: &Markup) -> Markup {
    let language = visit.language;
    let first = today.saturating_sub((DAYS - 1).days());
    let since = begin(first).unwrap_or(0);
    let columns = &held.columns;
    let found = per_day(columns, columns.since(since).rev(), usize::MAX);
    let (granted, refused) = found.iter().fold((0, 0), |(granted, refused), day| {
        (granted + day.granted, refused + day.refused)
    });
    let mut by_purpose = BTreeMap::new();
    for place in columns.since(since) {
        if let Some(granted) = columns.granted(place) {
            let purpose = columns.purpose(place).unwrap_or_default();
            add(by_purpose.entry(purpose).or_insert((0, 0)), granted);
        }
    }
    let attention = held.alerts.iter().filter(|alert| alert.time >= since).count() as u64;
    let counts: Vec<DayCount> = (0..DAYS)
        .map(|number| {
            let day = first.saturating_add(number.days());
            let of_day = found.iter().find(|one| one.day == day).copied();
            of_day.unwrap_or(DayCount {
                day,
                granted: 0,
                refused: 0,
            })
        })
        .collect();
    html! {
        h1 { (visit.say(Word::Overview)) }
        (state(visit, held))
        ul class="tiles" {
            li { strong { (number(granted, language)) } (visit.say(Word::Answered)) }
            li class=[(refused > 0).then_some("bad")] { strong { (number(refused, language)) } a href="/log?decision=refused" { (visit.say(Word::RefusedCount)) } }
            li class=[(attention > 0).then_some("bad")] { strong { (number(attention, language)) } a href="/alerts" { (visit.say(Word::Attention)) } }
            @if let Some(policies) = &held.policies {
                @let acting = policies.purposes.values().filter(|standing| standing.acts(held.read_at).is_ok()).count();
                li { strong { (acting) " / " (policies.purposes.len()) } a href="/purposes" { (visit.say(Word::ActivePurposes)) } }
            }
        }
        (cases)
        section class="card" {
            h2 { (visit.say(Word::PerDay)) }
            (histogram(visit, &counts))
        }
        (purposes(visit, held, &by_purpose))
        (expiring(visit, held, today))
    }
}

/// The requests of each day, oldest first, of at most so many days; the places come from the newest on.
pub(super) fn per_day(
    columns: &Columns,
    places: impl Iterator<Item = usize>,
    days_max: usize,
) -> Vec<DayCount> {
    let mut days: Vec<DayCount> = Vec::new();
    for place in places {
        let (Some(granted), Some(day)) = (columns.granted(place), columns.day(place)) else {
            continue;
        };
        if days.last().is_none_or(|last| last.day != day) {
            if days.len() == days_max {
                break;
            }
            days.push(DayCount {
                day,
                granted: 0,
                refused: 0,
            });
        }
        if let Some(last) = days.last_mut() {
            last.granted += u64::from(granted);
            last.refused += u64::from(!granted);
        }
    }
    days.reverse();
    days
}

/// How often each purpose was used.
fn purposes(visit: &Visit, held: &Held, by_purpose: &BTreeMap<&str, (u64, u64)>) -> Markup {
    let language = visit.language;
    html! {
        section class="card" {
            div class="scroll" tabindex="0" role="region" aria-label=(visit.say(Word::PerPurpose)) {
                table {
                    caption { (visit.say(Word::PerPurpose)) }
                    thead { tr { th scope="col" { (visit.say(Word::Purpose)) } th scope="col" class="number" { (visit.say(Word::Granted)) } th scope="col" class="number" { (visit.say(Word::Refused)) } } }
                    tbody {
                        @for (purpose, (granted, refused)) in by_purpose {
                            tr {
                                th scope="row" {
                                    @if purpose.is_empty() { (visit.say(Word::Unknown)) }
                                    @else { a href=(Asked::default().with("purpose", purpose)) { (held.purpose(purpose, language)) } }
                                }
                                td class="number" { (number(*granted, language)) }
                                td class="number" { (number(*refused, language)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn add(count: &mut (u64, u64), granted: bool) {
    if granted {
        count.0 += 1;
    } else {
        count.1 += 1;
    }
}

/// Whether the log is intact, and up to where.
pub(super) fn state(visit: &Visit, held: &Held) -> Markup {
    let last = held.end().saturating_sub(1);
    html! {
        div class="message good" role="status" {
            p {
                strong { "✓ " (visit.say(Word::Intact)) ". " }
                (visit.say(Word::CheckedUpTo)) " " (number(last, visit.language)) ", "
                (moment(held.read_at.as_microsecond(), visit.language)) ". "
                a href="/integrity" { (visit.say(Word::Integrity)) }
            }
        }
    }
}

/// The bars with the table beneath.
pub(super) fn histogram(visit: &Visit, counts: &[DayCount]) -> Markup {
    html! {
        (days(counts, visit.say(Word::PerDay)))
        p class="small" {
            span class="key" {} (visit.say(Word::Granted)) " "
            span class="key bad" {} (visit.say(Word::Refused))
        }
        details {
            summary { (visit.say(Word::Table)) }
            div class="scroll" tabindex="0" role="region" aria-label=(visit.say(Word::Table)) {
                table {
                    caption { (visit.say(Word::PerDay)) }
                    thead { tr { th scope="col" { (visit.say(Word::Day)) } th scope="col" class="number" { (visit.say(Word::Granted)) } th scope="col" class="number" { (visit.say(Word::Refused)) } } }
                    tbody {
                        @for count in counts.iter().filter(|count| count.granted + count.refused > 0) {
                            @let day = count.day.to_string();
                            tr {
                                th scope="row" { a href=(Asked { from: day.clone(), ..Asked::default() }.with("until", &day)) { (date(count.day, visit.language)) } }
                                td class="number" { (number(count.granted, visit.language)) }
                                td class="number" { (number(count.refused, visit.language)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn expiring(visit: &Visit, held: &Held, today: Date) -> Markup {
    let end = today.saturating_add(EXPIRING_DAYS.days());
    let purposes = held
        .policies
        .iter()
        .flat_map(|policies| policies.purposes.values());
    let ending: Vec<_> = purposes
        .filter(|standing| standing.purpose.valid.until <= end)
        .collect();
    html! {
        section class="card" {
            h2 { (visit.say(Word::Expiring)) }
            @if ending.is_empty() { p { (visit.say(Word::NothingExpires)) } }
            @else {
                ul {
                    @for standing in ending {
                        li { a href=(format!("/purposes/{}", standing.purpose.id)) { (standing.purpose.title.in_language(visit.language)) } ": " (date(standing.purpose.valid.until, visit.language)) }
                    }
                }
            }
        }
    }
}
