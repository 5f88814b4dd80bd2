//! `POST /v1/facts`: a few granted fields about pupils that the caller names.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::needs::Called;
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::Question;

/// The path, for problem documents.
const PATH: &str = "/v1/facts";

/// A few fields, or yes/no, about named pupils: not-yours, unknown and none are one answer.
///
/// Een paar velden, of ja/nee, over leerlingen die u noemt: niet-van-u, onbekend en geen zijn één antwoord.
#[utoipa::path(
    post,
    path = "/v1/facts",
    operation_id = "askFacts",
    tag = "facts",
    request_body = crate::http::openapi::FactsDocument,
    responses(
        (status = 200, description = "A result for each pupil", body = crate::http::openapi::AnswerDocument),
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 401, response = crate::http::openapi::ProblemResponse),
        (status = 403, response = crate::http::openapi::ProblemResponse),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 406, response = crate::http::openapi::ProblemResponse),
        (status = 413, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn ask(
    State(gateway): Shared,
    Called(caller): Called,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    answer::exchange(&gateway, &caller, Question::Facts(&body), PATH, &headers).await
}
