//! An answer as an HTTP response; the receipt travels in the body, or in a header where the body has no place.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use doelpoort_core::answer::{Answer, receipt_json};
use doelpoort_core::protect::Format;
use doelpoort_core::request::Form;

use super::call::Call;
use super::format::media_type;
use super::problem::Problem;
use super::{format, stream};
use crate::exchange::{Asked, Question};
use crate::gateway::Gateway;

/// The header that carries a receipt: base64url of its JSON.
const RECEIPT: &str = "doelpoort-receipt";

/// How much of an answer goes out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sent {
    /// All of it.
    Whole,
    /// What is asked by HEAD: the headers, with the receipt among them.
    Head,
}

impl Sent {
    pub(crate) fn of(method: &Method) -> Self {
        if method == Method::HEAD {
            Self::Head
        } else {
            Self::Whole
        }
    }
}

/// Runs the line for one request and writes its outcome.
///
/// # Errors
/// The refusal, as a problem document.
pub(crate) async fn exchange(
    gateway: &Gateway,
    call: &Call,
    question: Question<'_>,
) -> Result<Response, Problem> {
    exchange_as(gateway, call, question, Sent::Whole).await
}

/// The same, for a route that can be asked for its headers alone; that is an access like any other.
///
/// # Errors
/// The refusal, as a problem document.
pub(crate) async fn exchange_as(
    gateway: &Gateway,
    call: &Call,
    question: Question<'_>,
    sent: Sent,
) -> Result<Response, Problem> {
    let Some(format) = format::of(&call.headers) else {
        let detail = format!("`{}`, `{}` or `{}`", format::JSON, format::NDJSON, format::CSV);
        return Err(call.problem(Problem::new("not-acceptable", detail, call.language)));
    };
    let asked = Asked::new(question, format, call.trace, gateway.clock.now());
    match gateway.exchange(&call.caller, &asked).await {
        Ok(answer) => Ok(respond(gateway, answer, call, sent)),
        Err(refusal) => Err(call.refused_in_time(refusal).await),
    }
}

/// Figures may be kept and asked again by their entity tag, each time through the line; answers about persons never.
fn respond(gateway: &Gateway, answer: Answer, call: &Call, sent: Sent) -> Response {
    let (format, form, digest, rows) = (answer.format(), answer.form(), answer.digest(), answer.rows());
    let etag = format!("\"{}\"", HEXLOWER.encode(&digest));
    let unchanged = form == Form::Figures && known(&call.headers, &etag);
    let (body, receipt) = answer.into_body();
    let bodiless = unchanged || sent == Sent::Head;
    let mut response = Response::new(if bodiless {
        stream::unchanged(gateway, &receipt)
    } else {
        stream::body(gateway, call, (body, rows), &receipt)
    });
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(format)));
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization"));
    let caching = if form == Form::Figures {
        "private, no-cache"
    } else {
        "no-store"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if form == Form::Figures
        && let Ok(etag) = HeaderValue::from_str(&etag)
    {
        headers.insert(header::ETAG, etag);
    }
    if (bodiless || format == Format::Csv)
        && let Ok(receipt) = HeaderValue::from_str(&BASE64URL_NOPAD.encode(receipt_json(&receipt).as_bytes()))
    {
        headers.insert(RECEIPT, receipt);
    }
    response
}

fn known(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    given
        .split(',')
        .any(|one| one.trim().trim_start_matches("W/") == etag)
}
