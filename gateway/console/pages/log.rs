//! The log: filters, a histogram, a table, and taking it out.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use doelpoort_core::audit::ldv::Register;
use doelpoort_core::audit::leaf::Kind;
use doelpoort_core::request::LookCommand;
use maud::{Markup, html};

use super::super::filter::Asked;
use super::super::guard::{Fields, Visit};
use super::super::held::Held;
use super::super::page::{page, problem, problem_with};
use super::super::say::{number, when};
use super::super::words::Word;
use super::overview::{histogram, per_day};
use super::{Console, Visited, decision, failed, file, held};
use crate::audit::{Entry, Export, Form, ODS};

/// Rows of a page.
const ROWS: usize = 50;
/// Days of the histogram.
const DAYS_MAX: usize = 62;

pub(in crate::console) async fn show(
    State(console): Console,
    Extension(visit): Visited,
    Query(asked): Query<Asked>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let filter = match asked.filter() {
        Ok(filter) => filter,
        Err(name) => {
            let text = format!("{}: {name}", visit.say(Word::BadFilter));
            return problem_with(&visit, StatusCode::BAD_REQUEST, &text);
        }
    };
    let taken: Vec<usize> = held.columns.matching(&filter).collect();
    // From the newest on, so these are in order.
    let from = taken.partition_point(|place| asked.before.is_some_and(|before| *place as u64 >= before));
    let rows = taken.get(from..).unwrap_or_default();
    let shown = rows.iter().take(ROWS).filter_map(|place| held.at(*place));
    let shown: Vec<Entry> = shown.collect();
    let days = per_day(&held.columns, taken.iter().copied(), DAYS_MAX);
    let content = html! {
        h1 { (visit.say(Word::Log)) }
        p class="lead" { (visit.say(Word::LogLead)) }
        (filters(&visit, &held, &asked))
        section class="card" { h2 { (visit.say(Word::PerDay)) } (histogram(&visit, &days)) }
        section class="card" {
            p role="status" { strong { (number(taken.len() as u64, visit.language)) } " " (visit.say(Word::Found)) }
            (table(&visit, &held, &asked, &shown))
            div class="row" {
                @if asked.before.is_some() { a class="button quiet" href=(asked.with("before", "")) { (visit.say(Word::Newest)) } }
                @if let Some(last) = shown.last().filter(|_| rows.len() > ROWS) {
                    a class="button quiet" href=(asked.with("before", &last.index.to_string())) { (visit.say(Word::Older)) }
                }
            }
        }
        (take_out(&visit, &asked))
    };
    page(&visit, visit.say(Word::Log), &content)
}

fn filters(visit: &Visit, held: &Held, asked: &Asked) -> Markup {
    let input = |name: &str, word: Word, value: &str, kind: &str| {
        html! {
            div { label for=(name) { (visit.say(word)) } input id=(name) name=(name) type=(kind) value=(value); }
        }
    };
    let purposes = held
        .policies
        .iter()
        .flat_map(|policies| policies.purposes.values());
    html! {
        details class="card" open[asked.named().iter().any(|(_, value)| !value.is_empty())] {
            summary { (visit.say(Word::Filters)) }
            form method="get" action="/log" {
                div class="fields" {
                    (input("from", Word::From, &asked.from, "date"))
                    (input("until", Word::Until, &asked.until, "date"))
                    div {
                        label for="purpose" { (visit.say(Word::Purpose)) }
                        select id="purpose" name="purpose" {
                            option value="" { (visit.say(Word::All)) }
                            @for standing in purposes {
                                @let id = standing.purpose.id.as_str();
                                option value=(id) selected[id == asked.purpose] { (standing.purpose.title.in_language(visit.language)) }
                            }
                        }
                    }
                    (input("organisation", Word::Organisation, &asked.organisation, "text"))
                    (input("dataset", Word::Dataset, &asked.dataset, "text"))
                    div {
                        label for="decision" { (visit.say(Word::Decision)) }
                        select id="decision" name="decision" {
                            option value="" { (visit.say(Word::All)) }
                            option value="granted" selected[asked.decision == "granted"] { (visit.say(Word::Granted)) }
                            option value="refused" selected[asked.decision == "refused"] { (visit.say(Word::Refused)) }
                            @if !["", "granted", "refused"].contains(&asked.decision.as_str()) {
                                option value=(asked.decision) selected { (asked.decision) }
                            }
                        }
                    }
                    div {
                        label for="kind" { (visit.say(Word::Kind)) }
                        select id="kind" name="kind" {
                            option value="" { (visit.say(Word::All)) }
                            @for kind in Kind::ALL { option value=(kind.name()) selected[kind.name() == asked.kind] { (kind.name()) } }
                        }
                    }
                    (input("trace", Word::Trace, &asked.trace, "text"))
                }
                div class="row" {
                    button { (visit.say(Word::Apply)) }
                    a class="button quiet" href="/log" { (visit.say(Word::Clear)) }
                    a class="button quiet" href="/staff" { (visit.say(Word::StaffSearch)) }
                }
            }
        }
    }
}

fn table(visit: &Visit, held: &Held, asked: &Asked, rows: &[Entry]) -> Markup {
    let cell = |name: &str, value: Option<&str>, shown: &dyn Fn(&str) -> String| {
        html! {
            td { @if let Some(value) = value { a href=(asked.with(name, value)) { (shown(value)) } } @else { "–" } }
        }
    };
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(visit.say(Word::Log)) {
            table {
                caption { (visit.say(Word::Log)) }
                thead { tr {
                    @for word in [Word::Entry, Word::Time, Word::Organisation, Word::Purpose, Word::Dataset, Word::Decision, Word::Kind] {
                        th scope="col" { (visit.say(word)) }
                    }
                } }
                tbody {
                    @for entry in rows {
                        @let event = &entry.leaf.event;
                        tr {
                            th scope="row" { a href=(format!("/log/{}", entry.index)) { (number(entry.index, visit.language)) } }
                            td { (when(entry.leaf.time, visit.language)) }
                            (cell("organisation", event.recipient.as_deref(), &|oin| held.organisation(oin).to_owned()))
                            (cell("purpose", event.purpose.as_ref().map(|purpose| purpose.id.as_str()), &|id| held.purpose(id, visit.language).to_owned()))
                            (cell("dataset", event.dataset.as_deref(), &|id| held.dataset(id, visit.language).to_owned()))
                            td { @if let Some(code) = event.decision.as_deref() { a href=(asked.with("decision", code)) { (decision(visit, Some(code))) } } @else { "–" } }
                            (cell("kind", Some(event.kind.name()), &str::to_owned))
                        }
                    }
                }
            }
        }
    }
}

fn take_out(visit: &Visit, asked: &Asked) -> Markup {
    html! {
        section class="card" {
            h2 { (visit.say(Word::Export)) }
            p { (visit.say(Word::ExportLead)) }
            @if visit.why.is_none() {
                p { a class="button quiet" href="/step-up?next=/log" { (visit.say(Word::StepUp)) } }
            } @else {
                form method="post" action="/log/export" {
                    (visit.token())
                    @for (name, value) in asked.named() { input type="hidden" name=(name) value=(value); }
                    div class="row" {
                        button name="form" value="csv" { "CSV" }
                        button name="form" value="ods" { "ODS" }
                        button name="form" value="ndjson" { "NDJSON" }
                    }
                }
            }
        }
    }
}

pub(in crate::console) async fn export(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let asked = Asked::of(|name| fields.one(name).to_owned());
    let (form, name, kind) = match fields.one("form") {
        "ndjson" => (Form::Ndjson, "log.ndjson", "application/x-ndjson"),
        "ods" => (Form::Ods, "log.ods", ODS),
        _ => (Form::Csv, "log.csv", "text/csv; charset=utf-8"),
    };
    let (Ok(filter), Some(why)) = (asked.filter(), &visit.why) else {
        return problem(&visit, StatusCode::BAD_REQUEST, Word::BadFilter);
    };
    let sought = format!("export {}", asked.with("", ""));
    if let Err(error) = console.announce(why, LookCommand::Export, &sought).await {
        return failed(&visit, Word::Problem, &error);
    }
    let export = Export {
        entries: &held.copy.entries,
        filter,
        register: Register {
            url: String::new(),
            origin: console.fg.log.name().to_owned(),
        },
        opened: None,
    };
    let mut out = Vec::new();
    match export.write(form, &mut out).await {
        Ok(_) => file(name, kind, out),
        Err(error) => failed(&visit, Word::Problem, &error),
    }
}
