//! Who is calling: the token and the certificate of the connection, or a challenge (RFC 6750).

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use doelpoort_core::party::Caller;

use super::language::Language;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::identity::{BearerError, IdentityError, bearer};
use crate::serve::Peer;

/// The caller of a request. Noise without identity is counted, not logged.
///
/// # Errors
/// 400 with a challenge where the header is not one token; otherwise one answer for every reason: 401 with a challenge.
pub(crate) fn caller(gateway: &Gateway, peer: &Peer, headers: &HeaderMap) -> Result<Caller, Box<Problem>> {
    let current = gateway.policies.current();
    let certificate = peer.certificate.as_deref().ok();
    authorization(headers)
        .and_then(bearer)
        .and_then(|token| {
            let now = gateway.clock.now();
            gateway
                .identity
                .caller(&current.policies, token, certificate, now)
        })
        .map_err(|error| Box::new(challenge(gateway, error, Language::of(headers))))
}

/// The header in which an Outway sends its token (FSC Core, section "Outway").
const FSC_AUTHORIZATION: HeaderName = HeaderName::from_static("fsc-authorization");

/// What an Outway reads of an error (FSC Core, section "Errors" of the Inway).
const FSC_ERROR_CODE: HeaderName = HeaderName::from_static("fsc-error-code");
/// One code for every reason, as our own answer is one.
const TOKEN_INVALID: HeaderValue = HeaderValue::from_static("ERROR_CODE_ACCESS_TOKEN_INVALID");

/// Says to who sent its token as an Outway does, in that one's words too, that the token was refused.
pub(super) fn tell_an_outway(request: &HeaderMap, response: &mut Response) {
    if response.status() == StatusCode::UNAUTHORIZED && request.contains_key(FSC_AUTHORIZATION) {
        response.headers_mut().insert(FSC_ERROR_CODE, TOKEN_INVALID);
    }
}

/// The one `Authorization` header, or its like in FSC: of two, who stands in front may have believed the other.
fn authorization(headers: &HeaderMap) -> Result<Option<&str>, IdentityError> {
    let plain = headers.get_all(header::AUTHORIZATION).iter();
    let mut values = plain.chain(headers.get_all(FSC_AUTHORIZATION));
    let value = values.next();
    if values.next().is_some() {
        return Err(IdentityError::AuthorizationMalformed);
    }
    value
        .map(HeaderValue::to_str)
        .transpose()
        .map_err(|_| IdentityError::AuthorizationMalformed)
}

fn challenge(gateway: &Gateway, error: IdentityError, language: Language) -> Problem {
    gateway.metrics.unidentified(error.code());
    let Some(told) = error.bearer() else {
        return refused_token(language).challenged("Bearer".to_owned());
    };
    let problem = match told {
        BearerError::InvalidRequest => malformed(language),
        BearerError::InvalidToken | BearerError::InsufficientScope => refused_token(language),
    };
    problem.challenged(format!("Bearer error=\"{}\"", told.as_str()))
}

fn refused_token(language: Language) -> Problem {
    let detail = match language {
        Language::Dutch => "vraag een token op `/oauth/token` en gebruik het met hetzelfde certificaat",
        Language::English => "get a token at `/oauth/token` and use it with the same certificate",
    };
    Problem::new("invalid-token", detail, language)
}

fn malformed(language: Language) -> Problem {
    let detail = match language {
        Language::Dutch => "stuur één header `Authorization`: `Bearer`, een spatie en het token",
        Language::English => "send one header `Authorization`: `Bearer`, a space and the token",
    };
    Problem::new("invalid-input", detail, language)
}
