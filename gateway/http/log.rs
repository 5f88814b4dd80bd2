//! `/v1/log/…`: the signed state of the log and proofs, for anyone. They tell hashes and nothing of what is in them.

use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::request::InputError;

use super::Shared;
use super::language::Language;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::log::LogError;
use crate::serve::Peer;

const TEXT: &str = "text/plain; charset=utf-8";

/// The newest checkpoint (C2SP tlog-checkpoint), with the cosignatures that it has.
///
/// Het nieuwste ondertekende controlepunt van het logboek, met de handtekeningen van getuigen die het heeft.
#[utoipa::path(
    get,
    path = "/v1/log/checkpoint",
    operation_id = "showCheckpoint",
    tag = "log",
    responses(
        (status = 200, description = "The checkpoint", body = String, content_type = "text/plain"),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn checkpoint(
    State(gateway): Shared,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = admit(&gateway, &peer, &headers)?;
    Ok(text(gateway.log.checkpoint().await, language)?)
}

/// The newest checkpoint that a quorum of the witnesses cosigned.
///
/// Het nieuwste controlepunt dat genoeg getuigen medeondertekenden.
#[utoipa::path(
    get,
    path = "/v1/log/checkpoint/witnessed",
    operation_id = "showWitnessedCheckpoint",
    tag = "log",
    responses(
        (status = 200, description = "The checkpoint with its cosignatures", body = String, content_type = "text/plain"),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn witnessed(
    State(gateway): Shared,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = admit(&gateway, &peer, &headers)?;
    Ok(text(gateway.log.witnessed().await, language)?)
}

/// The proof that an entry is in the log (C2SP tlog-proof).
///
/// Het bewijs dat een logregel in het logboek staat: onder het nieuwste controlepunt met genoeg getuigen, of anders onder
/// het nieuwste.
#[utoipa::path(
    get,
    path = "/v1/log/proof/{index}",
    operation_id = "proveInclusion",
    tag = "log",
    params(("index" = u64, Path, description = "The entry's number, from 0; it stands in the receipt")),
    responses(
        (status = 200, description = "`c2sp.org/tlog-proof@v1`", body = String, content_type = "text/plain"),
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn inclusion(
    State(gateway): Shared,
    Extension(peer): Extension<Peer>,
    Path(index): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = admit(&gateway, &peer, &headers)?;
    let index = number(&index).ok_or_else(|| no_number("index", language))?;
    let proof = gateway.log.inclusion(index).await;
    Ok(text(
        proof.map(|proof| proof.map(|proof| proof.to_text())),
        language,
    )?)
}

/// The proof that the newest checkpoint goes on from an older size, in the form that witnesses take (C2SP
/// tlog-witness, `add-checkpoint`).
///
/// Het bewijs dat het logboek na een eerdere omvang alleen is gegroeid.
#[utoipa::path(
    get,
    path = "/v1/log/consistency/{size}",
    operation_id = "proveConsistency",
    tag = "log",
    params(("size" = u64, Path, description = "The older size, in entries")),
    responses(
        (status = 200, description = "The older size, the proof, an empty line, the newest checkpoint", body = String, content_type = "text/plain"),
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn consistency(
    State(gateway): Shared,
    Extension(peer): Extension<Peer>,
    Path(size): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = admit(&gateway, &peer, &headers)?;
    let size = number(&size).ok_or_else(|| no_number("size", language))?;
    let proof = gateway.log.consistency(size).await;
    Ok(text(
        proof.map(|proof| proof.map(|proof| proof.to_text())),
        language,
    )?)
}

/// Everybody may read this, each address at its rate.
pub(super) fn admit(gateway: &Gateway, peer: &Peer, headers: &HeaderMap) -> Result<Language, Box<Problem>> {
    let language = Language::of(headers);
    match gateway.limits.check_address(peer.address.ip()) {
        Ok(_) => Ok(language),
        Err(limited) => Err(Box::new(Problem::limited(limited, language))),
    }
}

/// A path parameter that is none, and what it should be.
pub(super) fn no_such(
    parameter: &str,
    code: &'static str,
    (nl, en): (&str, &str),
    language: Language,
) -> Problem {
    let detail = match language {
        Language::Dutch => nl,
        Language::English => en,
    };
    let error = InputError {
        part: "path",
        location: parameter.to_owned(),
        code,
        detail: detail.to_owned(),
    };
    Problem::input(vec![error], language)
}

fn no_number(parameter: &str, language: Language) -> Problem {
    let told = (
        "geef een getal, zonder nullen ervoor",
        "give a decimal number without leading zeros",
    );
    no_such(parameter, "not-a-number", told, language)
}

/// A decimal number in its one spelling.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn text(read: Result<Option<String>, LogError>, language: Language) -> Result<Response, Box<Problem>> {
    let text = found(read, language)?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, TEXT)], text).into_response())
}

/// What was read of the log, or why there is nothing.
pub(super) fn found<T>(read: Result<Option<T>, LogError>, language: Language) -> Result<T, Box<Problem>> {
    match read {
        Ok(Some(read)) => Ok(read),
        Ok(None) => Err(Box::new(Problem::new("not-found", "", language))),
        Err(error) => {
            tracing::error!(%error, "the log cannot be read");
            Err(Box::new(Problem::new("log-unavailable", "", language)))
        }
    }
}
