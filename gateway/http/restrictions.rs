//! `POST /v1/restrictions`: restrictions (AVG 18) and objections (AVG 21) of a school's own pupils.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;

use super::call::Call;
use super::openapi::Asking;
use super::problem::Problem;
use super::{Shared, answer};
use crate::exchange::Question;

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
        Asking,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn enter(State(gateway): Shared, call: Call, body: Bytes) -> Result<Response, Problem> {
    answer::exchange(&gateway, &call, Question::Restriction(&body)).await
}
