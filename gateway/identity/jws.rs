//! A signed token (RFC 7515, compact form), read with suspicion (RFC 8725).
//!
//! `jsonwebtoken` checks the signature. What it does not enforce is enforced here: the key fixes the
//! algorithm, `typ` must fit, and a header that brings its own key or its own rules is refused.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::IdentityError;
use super::key_set::KeySet;
use doelpoort_core::strict_json;

/// Size of a token's header, in bytes of its base64url form.
const HEADER_BYTES_MAX: usize = 1_024;

/// Header members that name a key, change the rules, or announce another token inside.
const HEADERS_REFUSED: [&str; 11] = [
    "crit", "jku", "jwk", "x5u", "x5c", "b64", "cty", "zip", "enc", "epk", "p2c",
];

/// A kind of token: how long it may be and what its `typ` says.
pub(crate) struct Kind {
    /// Longest token, in bytes.
    pub(crate) bytes_max: usize,
    /// Accepted `typ`, lower case, without `application/`.
    pub(crate) types: &'static [&'static str],
    /// Whether `typ` may be left out.
    pub(crate) untyped: bool,
    /// Whether a header without `kid` may name the key by `x5t#S256` (RFC 7515 section 4.1.8); the key's id in the set is
    /// then that thumbprint.
    pub(crate) key_by_certificate: bool,
}

/// A token that nobody vouches for yet.
pub(crate) struct Unverified<'t> {
    message: &'t str,
    payload: &'t str,
    signature: &'t str,
    algorithm: String,
    key_id: String,
}

impl<'t> Unverified<'t> {
    /// Takes a token apart and checks what its header says.
    ///
    /// # Errors
    /// [`IdentityError::TokenTooLong`], [`TokenMalformed`](IdentityError::TokenMalformed),
    /// [`HeaderRefused`](IdentityError::HeaderRefused), [`TypeRefused`](IdentityError::TypeRefused),
    /// [`KeyUnknown`](IdentityError::KeyUnknown) where the header names no key.
    pub(crate) fn parse(token: &'t str, kind: &Kind) -> Result<Self, IdentityError> {
        if token.len() > kind.bytes_max {
            return Err(IdentityError::TokenTooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(IdentityError::TokenMalformed)?;
        let (header, payload) = message.split_once('.').ok_or(IdentityError::TokenMalformed)?;
        if payload.contains('.') || signature.is_empty() || header.len() > HEADER_BYTES_MAX {
            return Err(IdentityError::TokenMalformed);
        }
        let header = part(header)?;
        if HEADERS_REFUSED.iter().any(|name| header.contains_key(*name)) {
            return Err(IdentityError::HeaderRefused);
        }
        check_type(header.get("typ"), kind)?;
        let algorithm = text(&header, "alg").ok_or(IdentityError::AlgorithmRefused)?;
        let key_id = match header.get("kid") {
            None if kind.key_by_certificate => text(&header, "x5t#S256"),
            _ => text(&header, "kid"),
        };
        let key_id = key_id.ok_or(IdentityError::KeyUnknown)?;
        Ok(Self {
            message,
            payload,
            signature,
            algorithm,
            key_id,
        })
    }

    /// The algorithm that the header names; that of the key, once [`verify`](Self::verify) held.
    pub(crate) fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The claims as the sender wrote them, believed by nobody: only to look up whose keys to try.
    pub(crate) fn danger_unverified_claims(&self) -> Result<Map<String, Value>, IdentityError> {
        part(self.payload)
    }

    /// The claims, if one of these keys signed them.
    ///
    /// # Errors
    /// [`IdentityError::KeyUnknown`], [`AlgorithmRefused`](IdentityError::AlgorithmRefused),
    /// [`SignatureInvalid`](IdentityError::SignatureInvalid),
    /// [`TokenMalformed`](IdentityError::TokenMalformed).
    pub(crate) fn verify(&self, keys: &KeySet) -> Result<Map<String, Value>, IdentityError> {
        let key = keys.key(&self.key_id).ok_or(IdentityError::KeyUnknown)?;
        if self.algorithm != key.algorithm_name() {
            return Err(IdentityError::AlgorithmRefused);
        }
        if !key.verifies(self.message, self.signature) {
            return Err(IdentityError::SignatureInvalid);
        }
        part(self.payload)
    }
}

fn part(encoded: &str) -> Result<Map<String, Value>, IdentityError> {
    let bytes = BASE64URL_NOPAD
        .decode(encoded.as_bytes())
        .map_err(|_| IdentityError::TokenMalformed)?;
    strict_json::object(&bytes).map_err(|_| IdentityError::TokenMalformed)
}

fn text(header: &Map<String, Value>, name: &str) -> Option<String> {
    header.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// `typ` is a media type: case does not matter and `application/` may be left out (RFC 7515 section 4.1.9).
fn check_type(typ: Option<&Value>, kind: &Kind) -> Result<(), IdentityError> {
    let accepted = match typ {
        None => kind.untyped,
        Some(Value::String(typ)) => {
            let typ = typ.to_ascii_lowercase();
            kind.types
                .contains(&typ.strip_prefix("application/").unwrap_or(&typ))
        }
        Some(_) => false,
    };
    if accepted {
        Ok(())
    } else {
        Err(IdentityError::TypeRefused)
    }
}
