//! Which of our formats a caller wants (`Accept`, RFC 9110 section 12.5.1), and the one that is for people.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::protect::Format;

/// The media types of answers.
pub(crate) const JSON: &str = "application/json";
pub(crate) const NDJSON: &str = "application/x-ndjson";
pub(crate) const CSV: &str = "text/csv";

/// The first range that we can serve; JSON where nothing is said. `None`: nothing fits.
pub(crate) fn of(headers: &HeaderMap) -> Option<Format> {
    let Some(accept) = headers.get(header::ACCEPT) else {
        return Some(Format::Json);
    };
    let accept = accept.to_str().ok()?;
    accept
        .split(',')
        .find_map(|range| match range.split(';').next().unwrap_or_default().trim() {
            "*/*" | "application/*" | JSON => Some(Format::Json),
            NDJSON => Some(Format::Ndjson),
            "text/*" | CSV => Some(Format::Csv),
            _ => None,
        })
}

/// A text for people, or in a format that is one.
pub(crate) fn plain(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// The media type of a format.
pub(crate) const fn media_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Json => JSON,
        Format::Ndjson => NDJSON,
    }
}
