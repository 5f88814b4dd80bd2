//! The end of a review: the digest of its result is put in the log, the FG signs it with a key that is never here, and the
//! signature is verified before it is kept.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use doelpoort_core::audit::review_statement::ReviewStatement;
use maud::{Markup, html};

use super::super::guard::{Fields, Visit};
use super::super::page::problem_with;
use super::super::say::number;
use super::super::words::{CaseWord, Word};
use super::cases::{ChangeError, failed, hidden, named};
use super::reviews::read;
use super::{Console, FgConsole, Visited, file};
use crate::fg::casework::review::{InvalidReview, Review};
use crate::fg::casework::{CaseworkError, Kept};

/// What is left to do, or what was signed.
pub(super) fn ending(visit: &Visit, kept: &Kept<Review>) -> Markup {
    let review = &kept.case;
    let address = format!("/reviews/{}", kept.id);
    let Some(closing) = &review.closing else {
        return html! {
            @if review.is_done() {
                section class="card" {
                    h2 { (visit.say(CaseWord::CloseReview)) }
                    p { (visit.say(CaseWord::CloseReviewLead)) }
                    @if visit.why.is_none() { p { a class="button quiet" href=(format!("/step-up?next={address}")) { (visit.say(Word::StepUp)) } } }
                    @else {
                        form method="post" action=(format!("{address}/close")) { (hidden(visit, kept.revision)) button { (visit.say(CaseWord::CloseReview)) } }
                    }
                }
            }
        };
    };
    let command = format!(
        "doelpoort fg order --policies policies --deployment … --key fg.pem --draft review-{}.ndjson --output review.jws",
        kept.id
    );
    html! {
        section class="card" {
            p {
                "✓ " (visit.say(CaseWord::ReviewClosed)) " "
                a href=(format!("/log/{}", closing.entry)) { (number(closing.entry, visit.language)) } ": " code { (closing.digest) }
            }
            div class="row" { a class="button quiet" href=(format!("{address}/result")) { (visit.say(CaseWord::Result)) } }
            @match &closing.signature {
                Some(signature) => { p { "✓ " (visit.say(CaseWord::Signed)) } pre tabindex="0" { (signature) } }
                None => {
                    p { (visit.say(CaseWord::SignLead)) }
                    pre tabindex="0" { (command) }
                    div class="row" { a class="button quiet" href=(format!("{address}/draft")) { (visit.say(CaseWord::Draft)) } }
                    form method="post" action=(format!("{address}/signature")) {
                        (hidden(visit, kept.revision))
                        div class="field" {
                            label for="signature" { (visit.say(CaseWord::Signature)) }
                            textarea id="signature" name="signature" rows="4" maxlength="4096" required spellcheck="false" {}
                        }
                        button { (visit.say(CaseWord::KeepSignature)) }
                    }
                }
            }
        }
    }
}

pub(in crate::console) async fn close(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Response {
    match closed(&console, &visit, &id, &fields).await {
        Ok(()) => Redirect::to(&format!("/reviews/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

async fn closed(console: &FgConsole, visit: &Visit, id: &str, fields: &Fields) -> Result<(), ChangeError> {
    let (case_id, revision) = named(id, fields)?;
    let kept = read(console, id)?;
    if kept.revision != revision {
        return Err(CaseworkError::Changed.into());
    }
    if kept.case.closing.is_some() {
        return Err(InvalidReview::Closed.into());
    }
    let digest = kept.case.result()?.digest();
    let why = visit
        .why
        .as_ref()
        .ok_or(ChangeError::Form(CaseWord::ReviewWrong))?;
    let entry = console.announce_result(&digest, why).await?;
    let (keys, now) = ((&console.fg.keys, console.month()), console.now());
    console
        .fg
        .cases
        .change(keys, (&case_id, revision), |review: &mut Review| {
            review.close(&digest, entry, now).map_err(ChangeError::from)
        })?;
    Ok(())
}

/// The whole result, in its one spelling.
pub(in crate::console) async fn result(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
) -> Response {
    let bytes = read(&console, &id)
        .map_err(ChangeError::from)
        .and_then(|kept| Ok(kept.case.result()?.canonical()));
    match bytes {
        Ok(bytes) => file(&format!("review-{id}.json"), "application/json", bytes),
        Err(error) => failed(&visit, &error),
    }
}

/// What is signed: a line for `doelpoort fg order`.
pub(in crate::console) async fn draft(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
) -> Response {
    let line = read(&console, &id).map_err(ChangeError::from).and_then(|kept| {
        let statement = statement(&console, &kept)?;
        Ok(serde_json::to_string(&statement).map_err(CaseworkError::from)? + "\n")
    });
    match line {
        Ok(line) => file(&format!("review-{id}.ndjson"), "application/x-ndjson", line),
        Err(error) => failed(&visit, &error),
    }
}

fn statement(console: &FgConsole, kept: &Kept<Review>) -> Result<ReviewStatement, ChangeError> {
    let closing = kept.case.closing.as_ref().ok_or(InvalidReview::NotDone)?;
    let (signed_off, not_in_order) = kept.case.progress();
    Ok(ReviewStatement {
        organisation: console.fg.keys.organisation.clone(),
        origin: console.fg.log.name().to_owned(),
        review: closing.digest.clone(),
        signed_off,
        not_in_order,
    })
}

pub(in crate::console) async fn signature(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let text = fields.one("signature");
    let wanted = read(&console, &id)
        .map_err(ChangeError::from)
        .and_then(|kept| statement(&console, &kept));
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(error) => return failed(&visit, &error),
    };
    let held = console.held();
    let policies = held.as_ref().and_then(|held| held.policies.as_ref());
    let verified = policies.map(|policies| ReviewStatement::verify(text, &policies.evidence.keys));
    let wrong = match verified {
        Some(Ok(signed)) if signed == wanted => None,
        Some(Err(error)) => Some(format!(": {error}")),
        _ => Some(".".to_owned()),
    };
    if let Some(wrong) = wrong {
        let said = format!("{}{wrong}", visit.say(CaseWord::SignatureWrong));
        return problem_with(&visit, axum::http::StatusCode::BAD_REQUEST, &said);
    }
    let changed = named(&id, &fields).and_then(|(id, revision)| {
        let keys = (&console.fg.keys, console.month());
        console
            .fg
            .cases
            .change(keys, (&id, revision), |review: &mut Review| {
                let closing = review.closing.as_mut().ok_or(InvalidReview::NotDone)?;
                closing.signature = Some(text.to_owned());
                Ok::<(), ChangeError>(())
            })
    });
    match changed {
        Ok(_) => Redirect::to(&format!("/reviews/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}
