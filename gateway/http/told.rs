//! The last look at a refusal: whatever refused, the client reads a problem document (RFC 9457). What the framework
//! refuses by itself (a body too large, a path that is not UTF-8, a timeout) says so in plain text or not at all.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::language::Language;
use super::problem::{MEDIA_TYPE, Problem};

/// Turns a refusal that is no document of ours into one of the same status.
pub(super) async fn as_problem(request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_document(&response) {
        return response;
    }
    let (code, detail) = reason(status, language);
    let mut told = Problem::new(code, detail, language).on(&path).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        told.headers_mut().insert(header::ALLOW, allow.clone());
    }
    told
}

/// A problem document, or the token endpoint's own JSON (RFC 6749 section 5.2).
fn is_document(response: &Response) -> bool {
    let media = response.headers().get(header::CONTENT_TYPE);
    media
        .and_then(|media| media.to_str().ok())
        .is_some_and(|media| media == MEDIA_TYPE || media.starts_with("application/json"))
}

fn reason(status: StatusCode, language: Language) -> (&'static str, &'static str) {
    let (code, nl, en) = match status {
        StatusCode::NOT_FOUND => ("not-found", "", ""),
        StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "", ""),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "splits wat u stuurt", "split what you send"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported-media-type", "", ""),
        StatusCode::TOO_MANY_REQUESTS => ("rate-limited", "probeer het later opnieuw", "try again later"),
        StatusCode::SERVICE_UNAVAILABLE => (
            "overloaded",
            "de vraag duurde te lang; probeer het later opnieuw",
            "the request took too long; try again later",
        ),
        status if status.is_client_error() => (
            "invalid-input",
            "het adres, een parameter of de inhoud is niet leesbaar",
            "the address, a parameter or the body cannot be read",
        ),
        _ => ("internal-error", "", ""),
    };
    match language {
        Language::Dutch => (code, nl),
        Language::English => (code, en),
    }
}
