//! `POST /oauth/token`: client credentials with `private_key_jwt` over mutual TLS.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::Shared;
use crate::identity::{OAuthError, TokenRequest};
use crate::serve::Peer;

/// An error of the token endpoint (RFC 6749 section 5.2).
#[derive(Serialize)]
struct ErrorDocument {
    /// The stable code of RFC 6749.
    error: &'static str,
    /// What is wrong with the request; the same for every client that did not prove itself.
    error_description: String,
}

/// An access token, bound to the certificate of this connection.
pub(crate) async fn issue(State(gateway): Shared, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    if gateway.limits.check_address(peer.address.ip()).is_err() {
        gateway.metrics.unidentified("rate-limited");
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    let now = gateway.clock.now();
    let current = gateway.policies.current();
    let certificate = peer.certificate.as_deref().ok();
    let issued = match TokenRequest::parse(&body) {
        // Its purposes would be those of other policies than the ones in force.
        Ok(_) if !current.in_force => Err(OAuthError::Unavailable),
        Ok(request) => {
            gateway
                .identity
                .issue(
                    &current.policies,
                    &gateway.store,
                    certificate,
                    &request,
                    now,
                    &gateway.random,
                )
                .await
        }
        Err(error) => Err(error),
    };
    let mut response = match issued {
        Ok(token) => Json(token).into_response(),
        Err(error) => {
            gateway.metrics.unidentified(error.code());
            tracing::info!(reason = error.code(), "no token");
            refuse(&error)
        }
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refuse(error: &OAuthError) -> Response {
    let status = match error {
        OAuthError::InvalidClient(_) => StatusCode::UNAUTHORIZED,
        OAuthError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        OAuthError::InvalidRequest(_) | OAuthError::InvalidScope | OAuthError::UnsupportedGrantType => {
            StatusCode::BAD_REQUEST
        }
    };
    (
        status,
        Json(ErrorDocument {
            error: error.error(),
            error_description: error.to_string(),
        }),
    )
        .into_response()
}
