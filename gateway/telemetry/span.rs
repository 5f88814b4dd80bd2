//! A request as a span (OpenTelemetry, semantic conventions of HTTP servers): its route, method, status and time. No path,
//! no address, no organisation: what an answer was for is in the log, under the same trace.

use std::time::Duration;

use data_encoding::HEXLOWER;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace_id: [u8; 16],
    pub(crate) id: [u8; 8],
    /// The caller's span, where it named one.
    pub(crate) parent: Option<[u8; 8]>,
    pub(crate) method: Method,
    /// The pattern of the route; none where there is none.
    pub(crate) route: Option<String>,
    pub(crate) status: StatusCode,
    pub(crate) began: Timestamp,
    pub(crate) time: Duration,
}

/// The methods that may be named; whatever else a caller invents is `_OTHER`.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::OPTIONS,
    Method::PATCH,
];

impl Span {
    /// In the JSON encoding of the protocol.
    pub(super) fn to_json(&self) -> Value {
        const KIND_SERVER: u8 = 2;
        const STATUS_ERROR: u8 = 2;
        let method = if METHODS.contains(&self.method) {
            self.method.as_str()
        } else {
            "_OTHER"
        };
        let mut attributes = vec![
            text("http.request.method", method),
            number("http.response.status_code", self.status.as_u16()),
        ];
        let name = match &self.route {
            Some(route) => format!("{method} {route}"),
            None => method.to_owned(),
        };
        attributes.extend(self.route.as_deref().map(|route| text("http.route", route)));
        let failed = self.status.is_server_error();
        if failed {
            attributes.push(text("error.type", self.status.as_str()));
        }
        let ended = self.began.checked_add(self.time).unwrap_or(self.began);
        json!({
            "traceId": HEXLOWER.encode(&self.trace_id),
            "spanId": HEXLOWER.encode(&self.id),
            "parentSpanId": self.parent.map(|parent| HEXLOWER.encode(&parent)).unwrap_or_default(),
            "name": name,
            "kind": KIND_SERVER,
            "startTimeUnixNano": self.began.as_nanosecond().to_string(),
            "endTimeUnixNano": ended.as_nanosecond().to_string(),
            "attributes": attributes,
            "status": if failed { json!({ "code": STATUS_ERROR }) } else { json!({}) },
        })
    }
}

pub(super) fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// A 64-bit number is text in this encoding.
fn number(key: &str, value: u16) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(method: &str, status: u16) -> Span {
        Span {
            trace_id: [0xab; 16],
            id: [0xcd; 8],
            parent: None,
            method: method.parse().unwrap(),
            route: Some("/v1/questions/{name}".to_owned()),
            status: StatusCode::from_u16(status).unwrap(),
            began: "2026-10-01T12:00:00Z".parse().unwrap(),
            time: Duration::from_millis(3),
        }
    }

    #[test]
    fn a_span_has_the_fields_of_the_conventions() {
        assert_eq!(
            span("GET", 503).to_json(),
            json!({
                "traceId": "ab".repeat(16),
                "spanId": "cd".repeat(8),
                "parentSpanId": "",
                "name": "GET /v1/questions/{name}",
                "kind": 2,
                "startTimeUnixNano": "1790856000000000000",
                "endTimeUnixNano": "1790856000003000000",
                "attributes": [
                    { "key": "http.request.method", "value": { "stringValue": "GET" } },
                    { "key": "http.response.status_code", "value": { "intValue": "503" } },
                    { "key": "http.route", "value": { "stringValue": "/v1/questions/{name}" } },
                    { "key": "error.type", "value": { "stringValue": "503" } },
                ],
                "status": { "code": 2 },
            })
        );
        let fine = span("GET", 404).to_json();
        assert_eq!(fine["status"], json!({}));
    }

    #[test]
    fn what_a_caller_invents_is_in_no_span() {
        let told = span("X999990019", 405).to_json().to_string();
        assert!(told.contains("_OTHER") && !told.contains("999990019"), "{told}");
    }
}
