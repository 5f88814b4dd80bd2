//! `POST /v1/facts`: a few granted fields about pupils that the caller names.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;

use super::call::Call;
use super::openapi::Asking;
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::Question;

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
        Asking,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn ask(State(gateway): Shared, call: Call, body: Bytes) -> Result<Response, Problem> {
    answer::exchange(&gateway, &call, Question::Facts(&body)).await
}
