//! The limits of a request, each a layer with the name of its setting, and what clients are told about rates.
//!
//! | setting | where it is kept |
//! |---|---|
//! | `handshake_time_s_max`, `connections_max`, `connections_per_address_max` | `serve.rs` |
//! | `header_time_s_max`, `header_bytes_max`, `headers_max`, `streams_per_connection_max` | `serve/connection.rs` |
//! | `requests_at_once_max` | [`requests_at_once_max`]: one more is answered 503 at once |
//! | `request_time_s_max`, `delivery_time_s_max` | [`time_max`] |
//! | `body_bytes_max` | [`body_bytes_max`] |
//! | `delivery_bytes_max`, `delivery_rows_max`, `delivery_row_bytes_max` | `delivery/` |
//! | `client_requests_per_min_max`, a grant's own rate | `limit.rs`, in the line, so that each refusal is logged |
//! | `address_requests_per_min_max` | `limit.rs`, in the guard of public routes (`needs.rs`) |

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::gateway::Gateway;
use crate::limit::{self, Noted};

/// What the quotas are (draft-ietf-httpapi-ratelimit-headers-10, section 3).
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of them (section 4).
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Bytes of a request body.
pub(super) fn body_bytes_max(bytes: u64) -> DefaultBodyLimit {
    DefaultBodyLimit::max(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Seconds until an answer begins.
pub(super) fn time_max(seconds: u64) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(seconds))
}

/// Requests that run at once; to stand under a layer that sheds what is more.
pub(super) fn requests_at_once_max(requests: u32) -> GlobalConcurrencyLimitLayer {
    GlobalConcurrencyLimitLayer::new(usize::try_from(requests).unwrap_or(usize::MAX))
}

/// Tells the client each rate that its request counted for, and what is left: on answers and on refusals.
pub(super) async fn tell_rates(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut response, noted) = limit::noting(next.run(request)).await;
    for noted in noted.iter().filter(|noted| noted.exceeded) {
        gateway.metrics.limited(noted.scope.as_str());
    }
    let (policy, left) = fields(&noted);
    for (name, value) in [(POLICY, policy), (LEFT, left)] {
        if !value.is_empty()
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Both fields, as lists of structured fields (RFC 9651).
fn fields(noted: &[Noted]) -> (String, String) {
    let (mut policy, mut left) = (String::new(), String::new());
    for noted in noted {
        let comma = if policy.is_empty() { "" } else { ", " };
        let (name, state) = (noted.scope.as_str(), noted.state);
        let _ = write!(policy, "{comma}\"{name}\";q={};w={}", state.limit, noted.window_s);
        let _ = write!(
            left,
            "{comma}\"{name}\";r={};t={}",
            state.remaining, state.reset_s
        );
    }
    (policy, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::{LimitScope, RateState};

    #[test]
    fn rates_are_told_as_structured_fields() {
        let noted = |scope, limit, remaining, reset_s, window_s| Noted {
            scope,
            state: RateState {
                limit,
                remaining,
                reset_s,
            },
            window_s,
            exceeded: remaining == 0,
        };
        let (policy, left) = fields(&[
            noted(LimitScope::Client, 6_000, 5_999, 1, 60),
            noted(LimitScope::Purpose, 4, 0, 900, 3_600),
        ]);
        assert_eq!(policy, r#""client";q=6000;w=60, "purpose";q=4;w=3600"#);
        assert_eq!(left, r#""client";r=5999;t=1, "purpose";r=0;t=900"#);
        assert_eq!(fields(&[]), (String::new(), String::new()));
    }
}
