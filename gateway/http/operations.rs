//! Health and metrics, on the admin listener.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Shared;

/// The process runs.
pub(crate) async fn live() -> StatusCode {
    StatusCode::OK
}

/// It can answer: the log can be written and read and is fresh enough for others to check, and it has the policies in
/// force.
pub(crate) async fn ready(State(gateway): Shared) -> StatusCode {
    let in_force = gateway.policies.current().in_force;
    let log = &gateway.log;
    if !in_force || !log.is_ready() || log.is_stale() || log.policy().await.is_err() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

/// Prometheus metrics.
pub(crate) async fn metrics(State(gateway): Shared) -> impl IntoResponse {
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    gateway
        .metrics
        .published(&gateway.log.freshness(), !gateway.log.is_ready());
    ([(header::CONTENT_TYPE, OPENMETRICS)], gateway.metrics.encode())
}
