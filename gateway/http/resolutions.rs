//! `POST /v1/resolutions`: asking a pupil's holder which pupil a pseudonym means; and how that stands.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::openapi::OnBehalfOfDocument;
use super::openapi::{Asking, Fetching};
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::{Question, Refusal};

/// Which pupils, and why.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResolutionBody {
    /// The id of a purpose that grants it.
    #[schema(example = "case-resolution")]
    purpose: String,
    /// 1 to 10 pseudonyms that you got.
    pseudonyms: Vec<String>,
    /// One of the reasons that the purpose names.
    #[schema(example = "offer-support")]
    reason: String,
    /// Who asks, with the case.
    on_behalf_of: OnBehalfOfDocument,
    /// A second person, who releases it: an assertion with another `sub`.
    released_by: OnBehalfOfDocument,
}

/// How a resolution stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResolutionDocument {
    /// Its id.
    id: String,
    /// `pending` until it closes, whatever happens; then `closed`.
    state: &'static str,
    /// When it closes or closed.
    until: String,
    /// Once it is closed, each pseudonym.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<ResolvedDocument>>,
}

/// What came of one pseudonym.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResolvedDocument {
    /// As you sent it.
    pseudonym: String,
    /// `answered` or `none`: unknown, declined and not answered are the same.
    result: &'static str,
    /// The holder's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
}

/// Asks the holder which pupils are meant. Two persons release it. The answer is `pending`, whatever there is.
///
/// Vraagt de bronhouder welke leerlingen bedoeld zijn. Twee medewerkers geven het vrij; het antwoord is altijd `pending`.
#[utoipa::path(
    post,
    path = "/v1/resolutions",
    operation_id = "resolve",
    tag = "resolutions",
    request_body = ResolutionBody,
    responses(
        (status = 200, description = "It is pending; `data` holds its id", body = crate::http::openapi::AnswerDocument),
        Asking,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn ask(State(gateway): Shared, call: Call, body: Bytes) -> Result<Response, Problem> {
    answer::exchange(&gateway, &call, Question::Resolution(&body)).await
}

/// How a resolution that you asked for stands.
///
/// Hoe een herleiding die u vroeg ervoor staat.
#[utoipa::path(
    get,
    path = "/v1/resolutions/{resolution}",
    operation_id = "showResolution",
    tag = "resolutions",
    params(("resolution" = String, Path, description = "The id of a resolution")),
    responses(
        (status = 200, description = "Its state", body = ResolutionDocument),
        Fetching,
        (status = 401, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn show(
    State(gateway): Shared,
    call: Call,
    Path(id): Path<String>,
) -> Result<Json<ResolutionDocument>, Problem> {
    let failed = |refusal| call.refused(refusal);
    let bytes = read_id(&id).ok_or_else(|| failed(Refusal::NoSuchResolution))?;
    let state = gateway
        .resolution(&call.caller, &bytes, call.trace)
        .await
        .map_err(failed)?;
    let results = state.results.map(|results| {
        let document = |(pseudonym, answer): (String, Option<String>)| ResolvedDocument {
            pseudonym,
            result: if answer.is_some() { "answered" } else { "none" },
            answer,
        };
        results.into_iter().map(document).collect()
    });
    Ok(Json(ResolutionDocument {
        id,
        state: if results.is_some() { "closed" } else { "pending" },
        until: time(state.closes_us),
        results,
    }))
}

/// An id of 16 bytes in hex.
pub(super) fn read_id(text: &str) -> Option<[u8; 16]> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// A moment as clients read it.
pub(super) fn time(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |time| time.to_string())
}
