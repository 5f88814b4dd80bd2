//! What was in reach of a data breach: which recipients, fields and how many pupils; and the file for the authority.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};

use super::super::filter::Asked as AskedOfLog;
use super::super::guard::{Fields, Visit};
use super::super::held::Held;
use super::super::page::{page, problem};
use super::super::say::{date, moment, number};
use super::super::words::{CaseWord, Word};
use super::breaches::{facts, read, state};
use super::cases::{ChangeError, failed, hidden, named, today};
use super::{Console, Visited, held};
use crate::fg::casework::Kept;
use crate::fg::casework::breach::{Asked, Breach, Scope};

/// What is asked of the log.
pub(super) fn form(visit: &Visit, held: &Held, kept: &Kept<Breach>) -> Markup {
    let address = format!("/breaches/{}", kept.id);
    if visit.why.is_none() {
        return html! { p { a class="button quiet" href=(format!("/step-up?next={address}")) { (visit.say(Word::StepUp)) } } };
    }
    let policies = held.policies.as_deref();
    let purposes = policies
        .iter()
        .flat_map(|policies| policies.purposes.values())
        .map(|standing| {
            let purpose = &standing.purpose;
            (
                purpose.id.to_string(),
                purpose.title.in_language(visit.language).to_owned(),
            )
        });
    let organisations = held
        .recipients()
        .into_iter()
        .map(|oin| (oin.to_owned(), held.organisation(oin).to_owned()));
    let datasets = held
        .datasets()
        .into_iter()
        .map(|id| (id.to_owned(), held.dataset(id, visit.language).to_owned()));
    html! {
        form method="post" action=(format!("{address}/scope")) {
            (hidden(visit, kept.revision))
            div class="fields" {
                @for (name, word) in [("from", Word::From), ("until", Word::Until)] {
                    div { label for=(name) { (visit.say(word)) } input id=(name) name=(name) type="date"; }
                }
                (choice(visit, "organisation", Word::Organisation, organisations.collect()))
                (choice(visit, "purpose", Word::Purpose, purposes.collect()))
                (choice(visit, "dataset", Word::Dataset, datasets.collect()))
            }
            button { (visit.say(CaseWord::ScopeAsk)) }
        }
    }
}

fn choice(visit: &Visit, name: &str, word: Word, options: Vec<(String, String)>) -> Markup {
    html! {
        div {
            label for=(name) { (visit.say(word)) }
            select id=(name) name=(name) {
                option value="" { (visit.say(Word::All)) }
                @for (value, text) in options { option value=(value) { (text) } }
            }
        }
    }
}

pub(in crate::console) async fn ask(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let asked = AskedOfLog::of(|name| match name {
        "from" | "until" | "organisation" | "purpose" | "dataset" => fields.one(name).to_owned(),
        _ => String::new(),
    });
    let (Ok(filter), Some(why)) = (asked.filter(), &visit.why) else {
        return problem(&visit, StatusCode::BAD_REQUEST, Word::BadFilter);
    };
    let named = match named(&id, &fields) {
        Ok(named) => named,
        Err(error) => return failed(&visit, &error),
    };
    // Nothing is looked at for a file that is not there, or that was changed meanwhile.
    match read(&console, &id) {
        Ok(kept) if kept.revision == named.1 => {}
        Ok(_) => return failed(&visit, &crate::fg::casework::CaseworkError::Changed.into()),
        Err(error) => return failed(&visit, &error.into()),
    }
    let asked = Asked {
        from: asked.from,
        until: asked.until,
        organisation: asked.organisation,
        purpose: asked.purpose,
        dataset: asked.dataset,
    };
    let changed = match console.breach_scope(&held, (asked, filter), why).await {
        Ok(scope) => {
            let keys = (&console.fg.keys, console.month());
            let (id, revision) = &named;
            console
                .fg
                .cases
                .change(keys, (id, *revision), |breach: &mut Breach| {
                    breach.found(scope).map_err(ChangeError::from)
                })
        }
        Err(error) => Err(error.into()),
    };
    match changed {
        Ok(_) => Redirect::to(&format!("/breaches/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

/// What was found, once.
pub(super) fn told(visit: &Visit, held: &Held, scope: &Scope) -> Markup {
    let language = visit.language;
    let counted = [
        (scope.answers, CaseWord::ScopeAnswers),
        (scope.pupils, CaseWord::ScopePupils),
        (scope.figures, CaseWord::ScopeFigures),
        (scope.unread, CaseWord::ScopeUnread),
    ];
    html! {
        h3 { (conditions(visit, held, scope)) }
        p class="small soft" {
            (moment(scope.at.as_microsecond(), language)) ". " (visit.say(Word::LookLogged)) " "
            a href=(format!("/log/{}", scope.entry)) { (number(scope.entry, language)) } "."
        }
        ul { @for (count, word) in counted { li { strong { (number(count, language)) } " " (visit.say(word)) } } }
        @if !scope.parts.is_empty() {
            div class="scroll" tabindex="0" role="region" aria-label=(format!("{}, {}", visit.say(CaseWord::Recipients), moment(scope.at.as_microsecond(), language))) {
                table {
                    caption { (visit.say(CaseWord::Recipients)) }
                    thead { tr {
                        @for word in [Word::Organisation, Word::Purpose, Word::LetterWhat] { th scope="col" { (visit.say(word)) } }
                        th scope="col" class="number" { (visit.say(CaseWord::Answers)) }
                        th scope="col" class="number" { (visit.say(Word::Pupils)) }
                    } }
                    tbody {
                        @for part in &scope.parts {
                            tr {
                                th scope="row" { (held.organisation(&part.recipient)) }
                                td { (held.purpose(&part.purpose, language)) }
                                td { (held.names().given(Some(part.dataset.as_str()).filter(|id| !id.is_empty()), &part.fields, language)) }
                                td class="number" { (number(part.answers, language)) }
                                td class="number" { (number(part.pupils, language)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What was asked about, in words.
fn conditions(visit: &Visit, held: &Held, scope: &Scope) -> String {
    let asked = &scope.asked;
    let or_all = |text: &str| {
        if text.is_empty() {
            visit.say(Word::All).to_owned()
        } else {
            text.to_owned()
        }
    };
    let period = match (asked.from.as_str(), asked.until.as_str()) {
        ("", "") => visit.say(Word::Everything).to_owned(),
        (from, until) => format!("{} – {}", or_all(from), or_all(until)),
    };
    let named = [
        (Word::Organisation, held.organisation(&asked.organisation)),
        (Word::Purpose, held.purpose(&asked.purpose, visit.language)),
        (Word::Dataset, held.dataset(&asked.dataset, visit.language)),
    ];
    let named = named.map(|(word, text)| format!("{}: {}", visit.say(word), or_all(text)));
    format!("{period}; {}", named.join("; "))
}

/// The file, to print for the supervisory authority.
pub(in crate::console) async fn dossier(
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
    let (breach, language) = (&kept.case, visit.language);
    let title = visit.say(CaseWord::DossierTitle);
    let content = html! {
        div class="row no-print" { button hidden data-print { (visit.say(Word::Print)) } }
        article class="card letter" {
            h1 { (title) }
            p { (visit.say(Word::LetterDate)) ": " (date(today(&console), language)) br; (visit.say(Word::CaseNumber)) ": " (breach.number) br; (visit.say(CaseWord::DossierContact)) }
            h2 { (visit.say(CaseWord::DossierNature)) }
            (facts(&visit, breach))
            p { (state(&visit, breach, console.now())) }
            h2 { (visit.say(CaseWord::DossierConcerned)) }
            @if breach.scopes.is_empty() { p { (visit.say(CaseWord::Nothing)) } }
            @for scope in &breach.scopes { div class="keep" { (told(&visit, &held, scope)) } }
            p { (visit.say(CaseWord::DossierProof)) " " (number(held.end().saturating_sub(1), language)) " (" code { (doelpoort_core::audit::base64(&held.checkpoint.root)) } ")." }
            h2 { (visit.say(CaseWord::DossierConsequences)) }
            p class="write" {}
            h2 { (visit.say(CaseWord::DossierMeasures)) }
            dl { @for note in &breach.notes { dt { (moment(note.at.as_microsecond(), language)) } dd { (note.text) } } }
            p class="write" {}
            p { (visit.say(Word::Signature)) ": ____________________" }
        }
    };
    page(&visit, title, &content)
}
