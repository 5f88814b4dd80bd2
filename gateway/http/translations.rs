//! `POST /v1/translations`: pseudonyms of one purpose into those of another recipient; it alone fetches them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::language::Language;
use super::needs::Called;
use super::openapi::OnBehalfOfDocument;
use super::problem::Problem;
use super::resolutions::{read_id, time};
use super::{Shared, answer, trace};
use crate::exchange::{Question, Refusal};

/// The path, for problem documents.
const PATH: &str = "/v1/translations";

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
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 401, response = crate::http::openapi::ProblemResponse),
        (status = 403, response = crate::http::openapi::ProblemResponse),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 406, response = crate::http::openapi::ProblemResponse),
        (status = 409, response = crate::http::openapi::ProblemResponse),
        (status = 413, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn send(
    State(gateway): Shared,
    Called(caller): Called,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    answer::exchange(&gateway, &caller, Question::Translation(&body), PATH, &headers).await
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
pub(crate) async fn list(
    State(gateway): Shared,
    Called(caller): Called,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Json<TranslationsDocument>, Problem> {
    let (language, trace) = (Language::of(&headers), trace::of(&headers, &gateway.random));
    let failed = |refusal| Problem::refusal(refusal, language).at(uri.path(), &trace.id());
    let (waiting, unknown) = gateway.translations(&caller, trace).await.map_err(failed)?;
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
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 401, response = crate::http::openapi::ProblemResponse),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn fetch(
    State(gateway): Shared,
    Called(caller): Called,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<TranslationDocument>, Problem> {
    let (language, trace) = (Language::of(&headers), trace::of(&headers, &gateway.random));
    let failed = |refusal| Problem::refusal(refusal, language).at(uri.path(), &trace.id());
    let bytes = read_id(&id).ok_or_else(|| failed(Refusal::NoSuchTranslation))?;
    let (found, pseudonyms) = gateway
        .translation(&caller, &bytes, trace)
        .await
        .map_err(failed)?;
    Ok(Json(TranslationDocument {
        id,
        purpose: found.to_purpose,
        pseudonyms,
    }))
}
