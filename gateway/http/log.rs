//! `/v1/log/…`: the signed state of the log and proofs, for anyone. They tell hashes and nothing of what is in them.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::witness::AddCheckpoint;
use doelpoort_core::request::InputError;

use super::language::Language;
use super::openapi::Fetching;
use super::problem::Problem;
use super::{Shared, format};
use crate::log::LogError;

/// The newest checkpoint (C2SP tlog-checkpoint), with the cosignatures that it has; of the last shard.
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
pub(crate) async fn checkpoint(State(gateway): Shared, headers: HeaderMap) -> Result<Response, Problem> {
    let language = Language::of(&headers);
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
pub(crate) async fn witnessed(State(gateway): Shared, headers: HeaderMap) -> Result<Response, Problem> {
    let language = Language::of(&headers);
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
        Fetching,
    )
)]
pub(crate) async fn inclusion(
    State(gateway): Shared,
    Path(index): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let index = number(&index).ok_or_else(|| no_number("index", language))?;
    Ok(document(
        gateway.log.inclusion(index).await,
        Proof::to_text,
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
        Fetching,
    )
)]
pub(crate) async fn consistency(
    State(gateway): Shared,
    Path(size): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let size = number(&size).ok_or_else(|| no_number("size", language))?;
    Ok(document(
        gateway.log.consistency(size).await,
        AddCheckpoint::to_text,
        language,
    )?)
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

pub(super) fn no_number(parameter: &str, language: Language) -> Problem {
    let told = (
        "geef een getal, zonder nullen ervoor",
        "give a decimal number without leading zeros",
    );
    no_such(parameter, "not-a-number", told, language)
}

/// A decimal number in its one spelling.
pub(super) fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

pub(super) fn text(
    read: Result<Option<String>, LogError>,
    language: Language,
) -> Result<Response, Box<Problem>> {
    let text = found(read, language)?;
    Ok(format::plain(text))
}

/// A proof as it is answered.
pub(super) fn document<T>(
    read: Result<Option<T>, LogError>,
    to_text: fn(&T) -> String,
    language: Language,
) -> Result<Response, Box<Problem>> {
    let read = found(read, language)?;
    Ok(format::plain(to_text(&read)))
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
