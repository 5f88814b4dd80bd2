//! `GET /v1/purposes/{purpose}/questions/{question}`: a named question's figures.

use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use super::answer::Sent;
use super::needs::Called;
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::Question;

/// The figures of a question that a purpose names.
///
/// De cijfers van een vraag die een doel noemt. `epoch=latest|JJJJ-MM-DD` kiest het peilmoment; elke andere parameter is
/// een indeling met een code, zoals `resident.neighbourhood@district=ALM-HAVEN`.
#[utoipa::path(
    get,
    path = "/v1/purposes/{purpose}/questions/{question}",
    operation_id = "askQuestion",
    tag = "figures",
    params(
        ("purpose" = String, Path, description = "The purpose's id"),
        ("question" = String, Path, description = "The question's name"),
        ("epoch" = Option<String>, Query, description = "`latest` (default) or a count date such as `2026-10-01`"),
    ),
    responses(
        (status = 200, description = "The figures; hidden cells are `null`", body = crate::http::openapi::AnswerDocument),
        (status = 304, description = "The same figures as your ETag; logged like any other access"),
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 401, response = crate::http::openapi::ProblemResponse),
        (status = 403, response = crate::http::openapi::ProblemResponse),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 406, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn ask(
    State(gateway): Shared,
    Called(caller): Called,
    method: Method,
    OriginalUri(uri): OriginalUri,
    Path((purpose, question)): Path<(String, String)>,
    Query(parameters): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let named = Question::Named {
        purpose: &purpose,
        question: &question,
        parameters: &parameters,
    };
    answer::exchange_as(&gateway, &caller, named, uri.path(), &headers, Sent::of(&method)).await
}
