//! `GET /v1/purposes/{purpose}/questions/{question}`: a named question's figures.

use axum::extract::{Path, Query, State};
use axum::http::Method;
use axum::response::Response;

use super::answer::Sent;
use super::call::Call;
use super::openapi::Reading;
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::Question;

/// The figures of a question that a purpose names.
///
/// De cijfers van een vraag die een doel noemt. `epoch=latest|JJJJ-MM-DD` kiest het peilmoment,
/// `comparedWith=previous|JJJJ-MM-DD` zet er een eerder naast; elke andere parameter is een indeling met een code,
/// zoals `resident.neighbourhood@district=ALM-HAVEN`.
#[utoipa::path(
    get,
    path = "/v1/purposes/{purpose}/questions/{question}",
    operation_id = "askQuestion",
    tag = "figures",
    params(
        ("purpose" = String, Path, description = "The purpose's id"),
        ("question" = String, Path, description = "The question's name"),
        ("epoch" = Option<String>, Query, description = "`latest` (default) or a count date such as `2026-10-01`"),
        ("comparedWith" = Option<String>, Query, description = "An earlier epoch beside it: `previous` or a count date; adds `before(…)` and `change(…)` to each number"),
    ),
    responses(
        (status = 200, description = "The figures; hidden cells are `null`", body = crate::http::openapi::AnswerDocument),
        (status = 304, description = "The same figures as your ETag; logged like any other access"),
        Reading,
        (status = 406, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn ask(
    State(gateway): Shared,
    call: Call,
    method: Method,
    Path((purpose, question)): Path<(String, String)>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let named = Question::Named {
        purpose: &purpose,
        question: &question,
        parameters: &parameters,
    };
    answer::exchange_as(&gateway, &call, named, Sent::of(&method)).await
}
