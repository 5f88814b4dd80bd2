//! What the token endpoint tells about itself (RFC 8414), and the keys of its tokens (RFC 7517).

use axum::Json;
use axum::extract::State;

use super::Shared;
use crate::identity::{Jwks, Metadata};

/// `GET /.well-known/oauth-authorization-server`.
pub(crate) async fn metadata(State(gateway): Shared) -> Json<Metadata> {
    Json(gateway.identity.metadata())
}

/// `GET /oauth/jwks.json`.
pub(crate) async fn jwks(State(gateway): Shared) -> Json<Jwks> {
    Json(gateway.identity.jwks())
}
