//! Who is calling: the token and the certificate of the connection, or a challenge (RFC 6750).

use axum::http::{HeaderMap, header};
use doelpoort_core::party::Caller;

use super::language::Language;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::identity::{IdentityError, bearer};
use crate::serve::Peer;

/// The caller of a request. Noise without identity is counted, not logged.
///
/// # Errors
/// One answer for every reason: 401 with a challenge.
pub(crate) fn caller(gateway: &Gateway, peer: &Peer, headers: &HeaderMap) -> Result<Caller, Box<Problem>> {
    let current = gateway.policies.current();
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let certificate = peer.certificate.as_deref().ok();
    bearer(authorization)
        .and_then(|token| {
            gateway.identity.caller(
                &current.policies.organisations,
                token,
                certificate,
                gateway.clock.now(),
            )
        })
        .map_err(|error| Box::new(challenge(gateway, error, Language::of(headers))))
}

fn challenge(gateway: &Gateway, error: IdentityError, language: Language) -> Problem {
    gateway.metrics.unidentified(error.code());
    let detail = match language {
        Language::Dutch => "vraag een token op `/oauth/token` en gebruik het met hetzelfde certificaat",
        Language::English => "get a token at `/oauth/token` and use it with the same certificate",
    };
    let challenge = match error.bearer() {
        None => "Bearer".to_owned(),
        Some(bearer) => format!("Bearer error=\"{}\"", bearer.as_str()),
    };
    Problem::new("invalid-token", detail, language).challenged(challenge)
}
