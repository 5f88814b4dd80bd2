//! Is the log whole? What was checked, what vouches for it, and how anybody checks it themselves.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use doelpoort_core::audit::leaf::Kind;
use maud::{Markup, html};

use super::super::guard::Visit;
use super::super::held::Held;
use super::super::page::{page, waiting};
use super::super::say::{moment, number};
use super::super::words::Word;
use super::overview::state;
use super::{Console, Visited, failed, file, held};
use crate::audit::Entries;

/// Entries of each kind that are named.
const LISTED_MAX: usize = 20;

pub(in crate::console) async fn show(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let title = visit.say(Word::Integrity);
    let content = content(&visit, &held, console.is_fetching(), console.failed());
    if console.is_fetching() {
        waiting(&visit, title, &content)
    } else {
        page(&visit, title, &content)
    }
}

fn content(visit: &Visit, held: &Held, fetching: bool, failed: Option<String>) -> Markup {
    let command = "doelpoort-verify --bundle log.tar --key log.vkey";
    html! {
        h1 { (visit.say(Word::Integrity)) }
        p class="lead" { (visit.say(Word::IntegrityLead)) }
        (state(visit, held))
        @if let Some(failed) = failed.filter(|_| !fetching) { div class="message bad" role="alert" { p { (visit.say(Word::FetchFailed)) ": " (failed) } } }
        @if fetching {
            div class="message" role="status" { p { label for="checking" { (visit.say(Word::Fetching)) } } progress id="checking" {} }
        } @else {
            div class="row" {
                form method="post" action="/integrity/check" { (visit.token()) button { (visit.say(Word::CheckNow)) } }
                a class="button quiet" href="/integrity/certificate" { (visit.say(Word::Certificate)) }
            }
        }
        section class="card" { (facts(visit, held)) }
        section class="card" {
            h2 { (visit.say(Word::Checkpoint)) }
            pre tabindex="0" { (held.note) }
        }
        (listed(visit, held, Word::Stamps, &[Kind::Anchor], Word::None))
        (listed(visit, held, Word::Gaps, &[Kind::Void, Kind::Incident], Word::NoGaps))
        section class="card" {
            h2 { (visit.say(Word::Bundle)) }
            p { (visit.say(Word::BundleLead)) }
            pre id="command" tabindex="0" { (command) }
            div class="row" {
                a class="button quiet" href="/integrity/bundle" { (visit.say(Word::Bundle)) }
                button class="quiet" hidden data-copy="command" data-done=(visit.say(Word::Copied)) { (visit.say(Word::Copy)) }
            }
        }
    }
}

fn facts(visit: &Visit, held: &Held) -> Markup {
    let report = &held.copy.report;
    html! {
        dl {
            dt { (visit.say(Word::Origin)) } dd { (report.origin) }
            dt { (visit.say(Word::Size)) } dd { (number(report.size, visit.language)) }
            dt { (visit.say(Word::Root)) } dd { code { (doelpoort_core::audit::base64(&report.root)) } }
            dt { (visit.say(Word::Replicas)) } dd { (number(report.replicas, visit.language)) }
            dt { (visit.say(Word::Time)) } dd { (moment(held.read_at.as_microsecond(), visit.language)) }
            dt { (visit.say(Word::NotChecked)) }
            dd { ul { @for line in report.not_checked() { li lang="en" { (line) } } } }
        }
    }
}

fn listed(visit: &Visit, held: &Held, title: Word, kinds: &[Kind], empty: Word) -> Markup {
    let found = held.columns.of_kinds(kinds).take(LISTED_MAX);
    let found: Vec<_> = found.filter_map(|place| held.at(place)).collect();
    html! {
        section class="card" {
            h2 { (visit.say(title)) }
            @if found.is_empty() { p { (visit.say(empty)) } }
            ul {
                @for entry in found {
                    li {
                        a href=(format!("/log/{}", entry.index)) { (visit.say(Word::Entry)) " " (number(entry.index, visit.language)) }
                        ", " (moment(entry.leaf.time, visit.language)) ", " (entry.leaf.event.kind.name())
                    }
                }
            }
        }
    }
}

pub(in crate::console) async fn check(State(console): Console) -> Response {
    console.begin_refresh();
    Redirect::to("/integrity").into_response()
}

pub(in crate::console) async fn bundle(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let Entries::Bundle(path) = &held.copy.entries else {
        return failed(&visit, Word::Problem, &"no bundle");
    };
    match tokio::fs::read(path).await {
        Ok(bytes) => file("log.tar", "application/x-tar", bytes),
        Err(error) => failed(&visit, Word::Problem, &error),
    }
}

pub(in crate::console) async fn certificate(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let title = visit.say(Word::Certificate);
    let content = html! {
        article class="card letter" {
            h1 { (title) }
            p { (visit.say(Word::CertificateText)) }
            (facts(&visit, &held))
            pre tabindex="0" { (held.note) }
            p { (visit.say(Word::LetterDate)) ": ____________________" }
            p { (visit.say(Word::Signature)) ": ____________________" }
            button class="no-print" hidden data-print { (visit.say(Word::Print)) }
        }
    };
    page(&visit, title, &content)
}
