//! `POST /add-checkpoint` (C2SP tlog-witness): the routes of a witness, which share nothing with the exchange.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::audit::witness::Refusal;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::witness::{Witness, WitnessError};

/// Bytes of a request: a proof of 63 hashes and a checkpoint with many cosignatures fit.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Requests that run at once; the others wait.
const REQUESTS_AT_ONCE_MAX: usize = 64;
/// How long one request may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// The media type of a size in a conflict.
const SIZE: &str = "text/x.tlog.size";
const TEXT: &str = "text/plain; charset=utf-8";

/// The routes of a witness.
pub fn routes(witness: Arc<Witness>) -> Router {
    Router::new()
        .route("/add-checkpoint", axum::routing::post(add_checkpoint))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_TIME_MAX,
        ))
        .layer(GlobalConcurrencyLimitLayer::new(REQUESTS_AT_ONCE_MAX))
        .with_state(witness)
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: String) -> Response {
    // It waits for the disk, and goes on if the log does not wait for it.
    let answered = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body)).await;
    match answered {
        Ok(Ok(line)) => (StatusCode::OK, [(header::CONTENT_TYPE, TEXT)], line).into_response(),
        Ok(Err(WitnessError::Refused(refusal))) => refused(refusal),
        Ok(Err(error)) => {
            tracing::error!(%error, "nothing is cosigned: the checkpoint could not be remembered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refused(refusal: Refusal) -> Response {
    let status = match refusal {
        Refusal::Malformed => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog => StatusCode::NOT_FOUND,
        Refusal::NotSigned => StatusCode::FORBIDDEN,
        Refusal::NotConsistent => {
            tracing::error!("a log signed a checkpoint that does not go on from its last");
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Refusal::Conflict(size) => {
            return (
                StatusCode::CONFLICT,
                [(header::CONTENT_TYPE, SIZE)],
                format!("{size}\n"),
            )
                .into_response();
        }
    };
    (status, [(header::CONTENT_TYPE, TEXT)], format!("{refusal}\n")).into_response()
}
