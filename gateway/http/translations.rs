//! `POST /v1/translations`: pseudonyms of one purpose into those of another recipient; it alone fetches them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::openapi::OnBehalfOfDocument;
use super::openapi::{Asking, Fetching};
use super::problem::Problem;
use super::resolutions::{read_id, time};
use super::{Shared, answer};
use crate::exchange::{Question, Refusal};

/// Which pseudonyms.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TranslationBody {
    /// The id of a purpose that names your purpose and the other's.
    purpose: String,
    /// 50 to 1,000 different pseudonyms that you got; each once a day.
    pseudonyms: Vec<String>,
    /// The person who asks.
    on_behalf_of: Option<OnBehalfOfDocument>,
}

/// What waits for you, and what was unknown of what you sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct TranslationsDocument {
    /// Translations for you, the newest first.
    waiting: Vec<WaitingDocument>,
    /// Of each day that is over, how many pseudonyms that you sent were nobody's.
    unknown: Vec<UnknownDocument>,
}

/// A translation that waits.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WaitingDocument {
    /// Its id.
    id: String,
    /// The purpose under which they were translated.
    purpose: String,
    /// The purpose whose pseudonyms they are.
    to_purpose: String,
    /// When.
    at: String,
}

/// How many pseudonyms of a day were nobody's.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnknownDocument {
    /// The purpose under which you sent them.
    purpose: String,
    /// The day.
    day: String,
    /// How many, as a multiple of 10.
    unknown: i64,
}

/// The pseudonyms of a translation.
#[derive(Serialize, ToSchema)]
pub(crate) struct TranslationDocument {
    /// Its id.
    id: String,
    /// The purpose whose pseudonyms they are.
    purpose: String,
    /// Sorted: their order says nothing of the order in which they were sent.
    pseudonyms: Vec<String>,
}

/// Has pseudonyms that you got translated for another recipient, who alone fetches them. You learn that they were taken.
///
/// Laat schuilnamen vertalen voor een andere ontvanger, die ze als enige ophaalt.
#[utoipa::path(
    post,
    path = "/v1/translations",
    operation_id = "translate",
    tag = "translations",
    request_body = TranslationBody,
    responses(
        (status = 200, description = "They were taken", body = crate::http::openapi::AnswerDocument),
        Asking,
        (status = 409, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn send(State(gateway): Shared, call: Call, body: Bytes) -> Result<Response, Problem> {
    answer::exchange(&gateway, &call, Question::Translation(&body)).await
}

/// What waits for you.
///
/// Wat er voor u klaarstaat.
#[utoipa::path(
    get,
    path = "/v1/translations",
    operation_id = "listTranslations",
    tag = "translations",
    responses(
        (status = 200, description = "What waits", body = TranslationsDocument),
        (status = 401, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn list(State(gateway): Shared, call: Call) -> Result<Json<TranslationsDocument>, Problem> {
    let failed = |refusal| call.refused(refusal);
    let (waiting, unknown) = gateway
        .translations(&call.caller, call.trace)
        .await
        .map_err(failed)?;
    let waiting = waiting.into_iter().map(|one| WaitingDocument {
        id: data_encoding::HEXLOWER.encode(&one.id),
        purpose: one.purpose,
        to_purpose: one.to_purpose,
        at: time(one.created_us),
    });
    let unknown = unknown.into_iter().map(|one| UnknownDocument {
        purpose: one.purpose,
        day: one.day.to_string(),
        unknown: one.count,
    });
    Ok(Json(TranslationsDocument {
        waiting: waiting.collect(),
        unknown: unknown.collect(),
    }))
}

/// The pseudonyms of a translation that waits for you.
///
/// De schuilnamen van een vertaling die voor u klaarstaat.
#[utoipa::path(
    get,
    path = "/v1/translations/{translation}",
    operation_id = "fetchTranslation",
    tag = "translations",
    params(("translation" = String, Path, description = "The id of a translation")),
    responses(
        (status = 200, description = "Your pseudonyms", body = TranslationDocument),
        Fetching,
        (status = 401, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn fetch(
    State(gateway): Shared,
    call: Call,
    Path(id): Path<String>,
) -> Result<Json<TranslationDocument>, Problem> {
    let failed = |refusal| call.refused(refusal);
    let bytes = read_id(&id).ok_or_else(|| failed(Refusal::NoSuchTranslation))?;
    let (found, pseudonyms) = gateway
        .translation(&call.caller, &bytes, call.trace)
        .await
        .map_err(failed)?;
    Ok(Json(TranslationDocument {
        id,
        purpose: found.to_purpose,
        pseudonyms,
    }))
}
