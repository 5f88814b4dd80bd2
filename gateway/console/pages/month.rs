//! The report on a month, for the board: to print.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::month::MonthReport;
use jiff::ToSpan as _;
use maud::{Markup, html};

use super::super::guard::Visit;
use super::super::held::Held;
use super::super::page::{page, problem};
use super::super::say::number;
use super::super::words::Word;
use super::overview::state;
use super::{Console, Visited, held};

pub(in crate::console) async fn show(
    State(console): Console,
    Extension(visit): Visited,
    Path(month): Path<String>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let month = match month.as_str() {
        "now" => Ok(console.month()),
        text => text.parse::<Month>(),
    };
    let Ok(month) = month else {
        return problem(&visit, StatusCode::BAD_REQUEST, Word::MonthWrong);
    };
    let alerts = held
        .alerts
        .iter()
        .filter(|alert| Month::of(alert.time) == month)
        .cloned();
    let software = concat!("doelpoort ", env!("CARGO_PKG_VERSION"));
    let report = held
        .month(month)
        .finish(&held.copy.report, alerts.collect(), Vec::new(), software);
    let title = format!("{} {month}", visit.say(Word::MonthReport));
    page(&visit, &title, &content(&visit, &held, &report, &title))
}

/// The month so many months away.
fn other(month: Month, months: i32) -> Option<String> {
    let first: jiff::civil::Date = format!("{month}-01").parse().ok()?;
    let other = first.checked_add(months.months()).ok()?;
    Some(format!("/month/{:04}-{:02}", other.year(), other.month()))
}

fn content(visit: &Visit, held: &Held, report: &MonthReport, title: &str) -> Markup {
    let language = visit.language;
    let counted = [
        (Word::Readings, report.readings.count),
        (Word::PolicyChanges, report.policies.count),
        (Word::Incidents, report.incidents.count),
        (Word::Stamps, report.anchors.count),
    ];
    html! {
        h1 { (title) }
        p class="lead no-print" { (visit.say(Word::MonthLead)) }
        div class="row no-print" {
            @if let Some(address) = other(report.month, -1) { a class="button quiet" href=(address) { (visit.say(Word::Earlier)) } }
            @if let Some(address) = other(report.month, 1) { a class="button quiet" href=(address) { (visit.say(Word::Later)) } }
            button hidden data-print { (visit.say(Word::Print)) }
        }
        (state(visit, held))
        ul class="tiles" {
            li { strong { (number(report.entries, language)) } (visit.say(Word::Size)) }
            @for (word, count) in counted { li { strong { (number(count, language)) } (visit.say(word)) } }
        }
        section class="card" {
            div class="scroll" tabindex="0" role="region" aria-label=(visit.say(Word::Volumes)) {
                table {
                    caption { (visit.say(Word::Volumes)) }
                    thead { tr { @for word in [Word::Organisation, Word::Purpose, Word::Dataset, Word::Form, Word::Granted, Word::Refused] { th scope="col" { (visit.say(word)) } } } }
                    tbody {
                        @for volume in &report.volumes {
                            tr {
                                th scope="row" { (held.organisation(&volume.organisation)) }
                                td { (held.purpose(&volume.purpose, language)) }
                                td { (held.dataset(&volume.dataset, language)) }
                                td { (volume.form) }
                                td class="number" { (number(volume.granted, language)) }
                                td class="number" { (number(volume.refused, language)) }
                            }
                        }
                    }
                }
            }
        }
        (counts(visit, Word::Refusals, report.refusals.iter().map(|(code, count)| (code.as_str(), *count))))
        (counts(visit, Word::Alerts, report.alerts.iter().map(|(code, count)| (*code, *count))))
    }
}

fn counts<'c>(visit: &Visit, title: Word, counts: impl Iterator<Item = (&'c str, u64)>) -> Markup {
    let counts: Vec<_> = counts.collect();
    html! {
        section class="card" {
            h2 { (visit.say(title)) }
            @if counts.is_empty() { p { (visit.say(Word::None)) } }
            dl { @for (code, count) in counts { dt { code { (code) } } dd { (number(count, visit.language)) } } }
        }
    }
}
