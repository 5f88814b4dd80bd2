//! The style sheet and the script, in the program itself. Pages work without the script.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("static/style.css");
const SCRIPT: &str = include_str!("static/script.js");
/// A gate with a keyhole; ours, and nobody's mark.
const ICON: &str = include_str!("static/icon.svg");

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

pub(super) async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT).into_response()
}

pub(super) async fn icon() -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml")], ICON).into_response()
}
