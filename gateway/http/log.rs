//! `GET /v1/log/checkpoint`: the signed state of the log, for anyone.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::language::Language;
use super::problem::Problem;

/// The newest checkpoint (C2SP tlog-checkpoint).
///
/// Het nieuwste ondertekende controlepunt van het logboek.
#[utoipa::path(
    get,
    path = "/v1/log/checkpoint",
    operation_id = "showCheckpoint",
    tag = "log",
    responses(
        (status = 200, description = "The checkpoint", body = String, content_type = "text/plain"),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn checkpoint(State(gateway): Shared, headers: HeaderMap) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    match gateway.log.checkpoint().await {
        Ok(Some(note)) => Ok((
            StatusCode::OK,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            note,
        )
            .into_response()),
        Ok(None) => Err(Problem::new("not-found", "", language)),
        Err(error) => {
            tracing::error!(%error, "the checkpoint cannot be read");
            Err(Problem::new("log-unavailable", "", language))
        }
    }
}
