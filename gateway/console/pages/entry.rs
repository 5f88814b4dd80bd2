//! One entry: what it says in public, its proof, and, after the log says that it is looked at, its private part and the
//! decision again.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use data_encoding::HEXLOWER;
use doelpoort_core::audit::leaf::{GRANTED, Kind};
use doelpoort_core::audit::private::Private;
use doelpoort_core::audit::record::Record;
use doelpoort_core::request::LookCommand;
use doelpoort_core::text::Language;
use maud::{Markup, html};

use super::super::fg::FgConsole;
use super::super::filter::Asked;
use super::super::guard::Visit;
use super::super::held::Held;
use super::super::page::{page, problem};
use super::super::say::{moment, number};
use super::super::words::Word;
use super::{Console, Visited, decision, failed, file, held, reviews};
use crate::audit::Entry;
use crate::fg::replay::{Archive, Archived, Replayed, again};

/// Entries of one trace that are listed.
const TRACED_MAX: usize = 20;

pub(in crate::console) async fn show(
    State(console): Console,
    Extension(visit): Visited,
    Path(index): Path<u64>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let Some(entry) = held.entry(index) else {
        return problem(&visit, StatusCode::NOT_FOUND, Word::Missing);
    };
    let open = html! {
        section class="card" {
            h2 { (visit.say(Word::Open)) }
            p { (visit.say(Word::OpenLead)) }
            @if visit.why.is_none() {
                a class="button quiet" href=(format!("/step-up?next=/log/{index}")) { (visit.say(Word::StepUp)) }
            } @else {
                form method="post" action=(format!("/log/{index}/open")) { (visit.token()) button { (visit.say(Word::Open)) } }
            }
        }
    };
    let open = html! { (open) (reviews::start(&console, &visit, index)) };
    let title = format!("{} {index}", visit.say(Word::Entry));
    page(&visit, &title, &content(&visit, &held, &entry, &open))
}

pub(in crate::console) async fn open(
    State(console): Console,
    Extension(visit): Visited,
    Path(index): Path<u64>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let (Some(entry), Some(why)) = (held.entry(index), &visit.why) else {
        return problem(&visit, StatusCode::NOT_FOUND, Word::Missing);
    };
    let (logged, private) = match console.open(&held, index, (why, LookCommand::Replay)).await {
        Ok(opened) => opened,
        Err(error) => return failed(&visit, Word::Problem, &error),
    };
    let outcome = match &private {
        Some(private) if entry.leaf.event.kind == Kind::AccessDecided => {
            Some(decided_again(&console, &visit, &held, (&entry, private)).await)
        }
        _ => None,
    };
    let opened = html! {
        section class="card" {
            h2 { (visit.say(Word::Opened)) }
            p class="small soft" { (visit.say(Word::LookLogged)) " " (number(console.number(&logged), visit.language)) "." }
            @match &private {
                Some(private) => (told(&visit, &held, private)),
                None => p { (visit.say(Word::NothingSealed)) },
            }
        }
        @if let Some(outcome) = &outcome { section class="card" { h2 { (visit.say(Word::Replay)) } (outcome) } }
    };
    let title = format!("{} {index}", visit.say(Word::Entry));
    page(&visit, &title, &content(&visit, &held, &entry, &opened))
}

async fn decided_again(
    console: &FgConsole,
    visit: &Visit,
    held: &Held,
    (entry, private): (&Entry, &Private),
) -> Markup {
    let mut archive = Archive::new(Archived::Exchange(&console.fg.client), &console.fg.deployment);
    let history = held.history(entry.index);
    match again(&mut archive, &entry.leaf, private, &history).await {
        Ok(Replayed::Decided { logged, now }) if logged == now => {
            html! { div class="message good" { p { "✓ " (visit.say(Word::ReplaySame)) " " code { (now) } } } }
        }
        Ok(Replayed::Decided { logged, now }) => {
            html! { div class="message bad" { p { (visit.say(Word::ReplayOther)) " " code { (logged) " → " (now) } } } }
        }
        Ok(Replayed::NotADecision(_)) => html! { p { (visit.say(Word::ReplayNot)) } },
        Err(why) => html! { p { (visit.say(Word::ReplayFailed)) ": " (why) } },
    }
}

fn told(visit: &Visit, held: &Held, private: &Private) -> Markup {
    let query = private
        .query
        .as_ref()
        .and_then(|query| serde_json::to_string_pretty(query).ok());
    html! {
        dl {
            @if let Some(staff) = &private.staff {
                dt { (visit.say(Word::Staff)) } dd { (staff.subject) }
                dt { (visit.say(Word::Proved)) } dd { (visit.say(if staff.proved { Word::Yes } else { Word::No })) }
                @if let Some(case) = &staff.case { dt { (visit.say(Word::CaseNumber)) } dd { (case) } }
                @if let Some(other) = &staff.released_by { dt { (visit.say(Word::ReleasedBy)) } dd { (other) } }
            }
            dt { (visit.say(Word::Pupils)) } dd { (number(private.subjects.len() as u64, visit.language)) }
            @if let Some(result) = &private.result {
                dt { (visit.say(Word::Rows)) } dd { (number(result.rows, visit.language)) }
                dt { (visit.say(Word::LetterWhat)) } dd { (held.names().given(None, &private.fields(), visit.language)) }
            }
        }
        @if let Some(query) = query { h3 { (visit.say(Word::Asked)) } pre tabindex="0" { (query) } }
    }
}

pub(in crate::console) async fn proof(
    State(console): Console,
    Extension(visit): Visited,
    Path(index): Path<u64>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let Some(entry) = held.entry(index) else {
        return problem(&visit, StatusCode::NOT_FOUND, Word::Missing);
    };
    match held.proof(&entry) {
        Ok(proof) => file(
            &format!("entry-{index}.proof"),
            "text/plain; charset=utf-8",
            proof.to_text(),
        ),
        Err(error) => failed(&visit, Word::Problem, &error),
    }
}

/// What happened, as one would tell it.
pub(super) fn sentence(visit: &Visit, held: &Held, entry: &Entry) -> String {
    let (event, language) = (&entry.leaf.event, visit.language);
    let at = moment(entry.leaf.time, language);
    let who = event
        .recipient
        .as_deref()
        .map_or("–", |oin| held.organisation(oin));
    let what = event
        .dataset
        .as_deref()
        .map_or("–", |id| held.dataset(id, language));
    let why = event
        .purpose
        .as_ref()
        .map_or("–", |purpose| held.purpose(&purpose.id, language));
    let outcome = event.decision.as_deref();
    let granted = outcome == Some(GRANTED);
    let code = outcome.unwrap_or("–");
    match (event.kind, language) {
        (Kind::AccessDecided, Language::Dutch) if granted => {
            format!(
                "Op {at} vroeg {who} gegevens uit “{what}” voor het doel “{why}”. De vraag is beantwoord."
            )
        }
        (Kind::AccessDecided, Language::Dutch) => {
            format!(
                "Op {at} vroeg {who} gegevens uit “{what}” voor het doel “{why}”. De vraag is geweigerd ({code}); er zijn geen gegevens gegeven."
            )
        }
        (Kind::AccessDecided, Language::English) if granted => {
            format!(
                "On {at} {who} asked for data from “{what}” for the purpose “{why}”. The request was answered."
            )
        }
        (Kind::AccessDecided, Language::English) => {
            format!(
                "On {at} {who} asked for data from “{what}” for the purpose “{why}”. The request was refused ({code}); no data were given."
            )
        }
        (Kind::Delivery, Language::Dutch) => format!("Op {at} leverde {who} gegevens voor “{what}”."),
        (Kind::Delivery, Language::English) => format!("On {at} {who} delivered data for “{what}”."),
        (Kind::LogRead, Language::Dutch) => format!("Op {at} keek {who} in het logboek."),
        (Kind::LogRead, Language::English) => format!("On {at} {who} looked at the log."),
        (kind, Language::Dutch) => format!("Op {at}: {}.", kind.name()),
        (kind, Language::English) => format!("On {at}: {}.", kind.name()),
    }
}

/// What else has the same trace here, and who else has it in a log of their own.
fn across(visit: &Visit, held: &Held, entry: &Entry, trace: [u8; 16]) -> Markup {
    let same: Vec<Entry> = held
        .columns
        .of_trace(trace)
        .filter(|place| *place as u64 != entry.index)
        .take(TRACED_MAX)
        .filter_map(|place| held.at(place))
        .collect();
    let event = &entry.leaf.event;
    let mut parties: Vec<&str> = event.recipient.iter().map(String::as_str).collect();
    parties.extend(event.acting_for.iter().map(String::as_str));
    for other in &same {
        parties.extend(other.leaf.event.recipient.as_deref());
    }
    parties.sort_unstable();
    parties.dedup();
    html! {
        section class="card" {
            h2 { (visit.say(Word::AcrossParties)) }
            p { (visit.say(Word::AcrossPartiesLead)) }
            ul { @for oin in parties { li { (held.organisation(oin)) " (" (oin) ")" } } }
            @if !same.is_empty() {
                ol {
                    @for other in &same {
                        li { a href=(format!("/log/{}", other.index)) { (visit.say(Word::Entry)) " " (number(other.index, visit.language)) } ": " (sentence(visit, held, other)) }
                    }
                }
            }
        }
    }
}

fn content(visit: &Visit, held: &Held, entry: &Entry, opened: &Markup) -> Markup {
    let event = &entry.leaf.event;
    let trace = event.trace.map(|trace| HEXLOWER.encode(&trace));
    let record = Record::new(entry.index, &entry.bytes, &entry.leaf, None);
    let raw = serde_json::to_string_pretty(&record).unwrap_or_default();
    let command = format!(
        "doelpoort audit verify --proof entry-{}.proof --key log.vkey",
        entry.index
    );
    html! {
        h1 { (visit.say(Word::Entry)) " " (number(entry.index, visit.language)) }
        p class="lead" { (sentence(visit, held, entry)) }
        section class="card" {
            h2 { (visit.say(Word::Public)) }
            dl {
                dt { (visit.say(Word::Decision)) } dd { (decision(visit, event.decision.as_deref())) }
                @if let Some(clause) = &event.clause { dt { (visit.say(Word::Clause)) } dd { code { (clause) } } }
                @if let Some(purpose) = &event.purpose {
                    dt { (visit.say(Word::Purpose)) }
                    dd { a href=(format!("/purposes/{}", super::super::filter::encoded(&purpose.id))) { (held.purpose(&purpose.id, visit.language)) } ", " (visit.say(Word::Version)) " " (purpose.version) }
                }
                @if let Some(oin) = &event.recipient { dt { (visit.say(Word::Organisation)) } dd { (held.organisation(oin)) " (" (oin) ")" } }
                @if let Some(trace) = &trace {
                    dt { (visit.say(Word::Trace)) }
                    dd { code { (trace) } " " a href=(Asked::default().with("trace", trace)) { (visit.say(Word::SameTrace)) } }
                }
            }
        }
        @if let Some(trace) = event.trace { (across(visit, held, entry, trace)) }
        (opened)
        section class="card" {
            h2 { (visit.say(Word::Proof)) }
            p { (visit.say(Word::ProofLead)) }
            pre id="command" tabindex="0" { (command) }
            div class="row" {
                a class="button quiet" href=(format!("/log/{}/proof", entry.index)) { (visit.say(Word::ProofDownload)) }
                button class="quiet" hidden data-copy="command" data-done=(visit.say(Word::Copied)) { (visit.say(Word::Copy)) }
            }
        }
        details class="card" { summary { (visit.say(Word::Raw)) } pre tabindex="0" { (raw) } }
    }
}
