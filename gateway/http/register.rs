//! `GET /v1/register`: the register of processing activities (AVG art. 30), for anyone.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::policy::tools::register::{csv, html, register};

use super::Shared;
use super::language::Language;
use super::problem::Problem;

const HTML: &str = "text/html; charset=utf-8";
/// The page needs nothing from anywhere, and nobody frames it.
const CONTENT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
const CSV: &str = "text/csv; charset=utf-8; header=present";

/// The register of processing activities, made from the purposes that are loaded.
///
/// Het register van verwerkingsactiviteiten, gemaakt uit de doelen van deze poort.
#[utoipa::path(
    get,
    path = "/v1/register",
    operation_id = "showRegister",
    tag = "register",
    responses(
        (status = 200, description = "The register, in the shape of the Dutch draft register API with DPV terms", content(
            (Object = "application/json"),
            (String = "text/csv"),
            (String = "text/html"),
        )),
        (status = 406, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn show(State(gateway): Shared, headers: HeaderMap) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let accepted = accepted(&headers).ok_or_else(|| Problem::new("not-acceptable", "", language))?;
    let current = gateway.policies.current();
    let register = register(&current.policies, gateway.clock.now());
    let of_type = |media: &'static str, text: String| {
        let vary = "Accept, Accept-Language";
        let headers = [
            (header::CONTENT_TYPE, media),
            (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
            (header::VARY, vary),
        ];
        (headers, text).into_response()
    };
    Ok(match accepted {
        Accepted::Json => ([(header::VARY, "Accept")], Json(register)).into_response(),
        Accepted::Csv => of_type(CSV, csv(&register)),
        Accepted::Html => of_type(HTML, html(&register, language.into())),
    })
}

#[derive(Clone, Copy)]
enum Accepted {
    Json,
    Csv,
    Html,
}

/// The first range that there is; JSON where nothing is said.
fn accepted(headers: &HeaderMap) -> Option<Accepted> {
    let Some(accept) = headers.get(header::ACCEPT) else {
        return Some(Accepted::Json);
    };
    let ranges = accept.to_str().ok()?.split(',');
    let mut found = ranges.filter_map(|range| match range.split(';').next().unwrap_or_default().trim() {
        "*/*" | "application/*" | "application/json" => Some(Accepted::Json),
        "text/csv" => Some(Accepted::Csv),
        "text/*" | "text/html" => Some(Accepted::Html),
        _ => None,
    });
    found.next()
}
