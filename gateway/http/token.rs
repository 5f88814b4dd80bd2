//! `POST /oauth/token`: client credentials with `private_key_jwt` over mutual TLS.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::time::Instant;

use super::{Shared, even};
use crate::gateway::Gateway;
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
pub(crate) async fn issue(
    State(gateway): Shared,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (began, now) = (Instant::now(), gateway.clock.now());
    let current = gateway.policies.current();
    let certificate = peer.certificate.as_deref().ok();
    let issued = match form(&headers, &body) {
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
    match issued {
        Ok(token) => not_stored(Json(token).into_response()),
        Err(error) => {
            even::out(began).await;
            refused(&gateway, &error)
        }
    }
}

/// The form of a client that proves itself in one way only (RFC 6749 section 2.3).
fn form(headers: &HeaderMap, body: &[u8]) -> Result<TokenRequest, OAuthError> {
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(OAuthError::InvalidRequest(
            "`Authorization` is not a way to identify here: send `client_assertion`",
        ));
    }
    TokenRequest::parse(body)
}

/// The refusal, counted and told to the operator.
pub(super) fn refused(gateway: &Gateway, error: &OAuthError) -> Response {
    gateway.metrics.unidentified(error.code());
    tracing::info!(reason = error.code(), "no token");
    not_stored(refuse(error))
}

fn not_stored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
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
