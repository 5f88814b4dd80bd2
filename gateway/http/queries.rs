//! `POST /v1/queries`: a question composed within a grant, for figures or records.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::needs::Called;
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::Question;

/// The path, for problem documents.
const PATH: &str = "/v1/queries";

/// Figures or pseudonymised records, composed within what the purpose grants.
///
/// Cijfers of gepseudonimiseerde regels, samengesteld binnen wat het doel toestaat.
#[utoipa::path(
    post,
    path = "/v1/queries",
    operation_id = "query",
    tag = "records",
    request_body = crate::http::openapi::QueryDocument,
    responses(
        (status = 200, description = "The figures or records", body = crate::http::openapi::AnswerDocument),
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
    answer::exchange(&gateway, &caller, Question::Query(&body), PATH, &headers).await
}
