//! `GET /v1/problems/{code}`: what a problem's `type` points at.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Response;

use super::format;
use super::language::Language;
use super::problem::{Problem, page};

/// What a problem code means and how to mend it.
///
/// Wat een foutcode betekent en hoe u het herstelt.
#[utoipa::path(
    get,
    path = "/v1/problems/{code}",
    operation_id = "explainProblem",
    tag = "problems",
    params(("code" = String, Path, description = "The stable code")),
    responses(
        (status = 200, description = "The explanation", body = String, content_type = "text/plain"),
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 404, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn explain(Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    match page(&code) {
        Some(text) => Ok(format::plain(text)),
        None => Err(Problem::new("not-found", "", Language::of(&headers))),
    }
}
