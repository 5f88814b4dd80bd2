//! `POST /v1/restrictions`: restrictions (AVG 18) and objections (AVG 21) of a school's own pupils.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::needs::Called;
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::Question;

/// The path, for problem documents.
const PATH: &str = "/v1/restrictions";

/// Enters or lifts a restriction or objection: from then on no records or facts of that purpose hold the pupil.
///
/// Een beperking of bezwaar van een eigen leerling vastleggen of opheffen: het doel geeft de leerling niet meer mee.
#[utoipa::path(
    post,
    path = "/v1/restrictions",
    operation_id = "restrict",
    tag = "restrictions",
    request_body = crate::http::openapi::RestrictionDocument,
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
pub(crate) async fn enter(
    State(gateway): Shared,
    Called(caller): Called,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    answer::exchange(&gateway, &caller, Question::Restriction(&body), PATH, &headers).await
}
