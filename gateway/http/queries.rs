//! `POST /v1/queries`: a question composed within a grant, for figures or records.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;

use super::call::Call;
use super::openapi::Asking;
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::Question;

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
        Asking,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn ask(State(gateway): Shared, call: Call, body: Bytes) -> Result<Response, Problem> {
    answer::exchange(&gateway, &call, Question::Query(&body)).await
}
