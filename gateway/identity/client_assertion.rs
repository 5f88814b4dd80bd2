//! A client proves itself with a signed assertion (`private_key_jwt`, RFC 7523 section 3) over a connection
//! with its certificate.

use doelpoort_core::party::{Client, ClientId, Organisation, Organisations};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::claims::{self, Audience, Times};
use super::jws::{Kind, Unverified};
use super::key_set::KeySet;
use super::{IdentityError, PeerCertificate, Settings};

/// Longest assertion, in bytes.
pub(crate) const ASSERTION_BYTES_MAX: usize = 8 * 1_024;
/// How far `exp` may lie ahead, in seconds.
pub(crate) const ASSERTION_AHEAD_MAX_S: i64 = 300;

/// Length of a `jti`, in characters.
const JTI_CHARS_MAX: usize = 256;
/// 128 bits in base64url.
const JTI_CHARS_MIN: usize = 22;
/// 128 bits in hexadecimal, as in a UUID.
const JTI_HEX_DIGITS_MIN: usize = 32;

const KIND: Kind = Kind {
    bytes_max: ASSERTION_BYTES_MAX,
    types: &["jwt", "client-authentication+jwt"],
    untyped: true,
    key_by_certificate: false,
};

/// A client that proved itself, but for one thing: that the assertion was not used before.
#[derive(Debug)]
pub(crate) struct Proved<'o> {
    pub(crate) organisation: &'o Organisation,
    pub(crate) client: &'o Client,
    /// The assertion's id, to be used once.
    pub(crate) jti: String,
    /// Until when the id must be remembered.
    pub(crate) remember_until: Timestamp,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    jti: String,
    #[serde(flatten)]
    times: Times,
}

/// Checks everything about an assertion that needs no database.
///
/// # Errors
/// Any [`IdentityError`] of assertions and certificates.
pub(crate) fn prove<'o>(
    settings: &Settings,
    organisations: &'o Organisations,
    certificate: &PeerCertificate,
    assertion: &str,
    now: Timestamp,
) -> Result<Proved<'o>, IdentityError> {
    let unverified = Unverified::parse(assertion, &KIND)?;
    let (organisation, client) = claimed(organisations, &unverified.danger_unverified_claims()?)?;
    certificate.check(organisation, client, now)?;
    let (keys, _) = client.jwks.as_ref().map(KeySet::from_jwks).unwrap_or_default();
    let claims: Claims = claims::read(unverified.verify(&keys)?)?;
    if claims.iss != client.id.as_str() {
        return Err(IdentityError::IssuerWrong);
    }
    if claims.sub != client.id.as_str() {
        return Err(IdentityError::SubjectWrong);
    }
    if !(claims.aud.is(settings.token_endpoint()) || claims.aud.is(settings.issuer())) {
        return Err(IdentityError::AudienceWrong);
    }
    claims.times.check(now, ASSERTION_AHEAD_MAX_S)?;
    if !is_128_bits(&claims.jti) {
        return Err(IdentityError::TokenIdWeak);
    }
    let remember_until = claims.times.forgotten_after().instant();
    Ok(Proved {
        organisation,
        client,
        jti: claims.jti,
        remember_until,
    })
}

fn claimed<'o>(
    organisations: &'o Organisations,
    claims: &Map<String, Value>,
) -> Result<(&'o Organisation, &'o Client), IdentityError> {
    let id: ClientId = claims
        .get("sub")
        .and_then(Value::as_str)
        .ok_or(IdentityError::ClaimsMalformed)?
        .parse()
        .map_err(|_| IdentityError::ClientUnknown)?;
    organisations.by_client(&id).ok_or(IdentityError::ClientUnknown)
}

/// Whether a `jti` is long enough to hold 128 random bits: 32 hexadecimal digits (a UUID) or 22 characters of
/// base64url. That they are random is the client's affair; that they are used once is ours.
pub(super) fn is_128_bits(jti: &str) -> bool {
    if jti.len() > JTI_CHARS_MAX || !jti.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let hex_digits = jti.bytes().filter(u8::is_ascii_hexdigit).count();
    if jti.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return hex_digits >= JTI_HEX_DIGITS_MIN;
    }
    jti.len() >= JTI_CHARS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_id_holds_128_bits() {
        let cases = [
            ("6fdb1f5e-7c3e-4f0d-9b1c-0e6b0a1d2c3f", true),
            ("6fdb1f5e7c3e4f0d9b1c0e6b0a1d2c3f", true),
            ("6fdb1f5e7c3e4f0d9b1c0e", false),
            ("b5Ylhm2T0oM3zq4v8XcQ1w", true),
            ("b5Ylhm2T0oM3zq4v8XcQ1", false),
            ("", false),
            ("1", false),
            ("b5Ylhm2T0oM3zq4v 8XcQ1w", false),
            ("b5Ylhm2T0oM3zq4v8XcQ1w\u{e9}", false),
        ];
        for (jti, expected) in cases {
            assert_eq!(is_128_bits(jti), expected, "{jti}");
        }
        assert!(!is_128_bits(&"x".repeat(257)));
    }
}
