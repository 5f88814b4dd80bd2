//! The keys with which this gateway signs access tokens: one active, others still accepted.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::policy::sha256;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Serialize;
use zeroize::Zeroizing;

use super::jwt_ring;
use super::key_set::KeySet;

/// Bytes before the seed in an Ed25519 private key (PKCS#8, RFC 8410 section 7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Signs access tokens with the active key and verifies them with all.
pub struct TokenKeys {
    active: EncodingKey,
    active_kid: String,
    accepted: KeySet,
    published: Jwks,
}

/// A seed that ring does not take as an Ed25519 key.
#[derive(Debug, thiserror::Error)]
#[error("a token signing key is not an Ed25519 seed")]
pub struct InvalidSeed;

/// A token that could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed")]
pub(crate) struct SigningFailed;

/// The published keys, a JWK Set (RFC 7517 section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwks {
    /// Public keys, the active one first.
    pub keys: Vec<Jwk>,
}

/// One published Ed25519 key (RFC 8037 section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    /// `OKP`.
    pub kty: &'static str,
    /// `Ed25519`.
    pub crv: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// `EdDSA`.
    pub alg: &'static str,
    /// Key id: the key's thumbprint (RFC 7638).
    pub kid: String,
    /// The public key in base64url.
    pub x: String,
}

impl TokenKeys {
    /// Keys from Ed25519 seeds: the active one, and those whose tokens are still accepted.
    ///
    /// # Errors
    /// [`InvalidSeed`].
    pub fn from_seeds(active: &[u8; 32], accepted: &[&[u8; 32]]) -> Result<Self, InvalidSeed> {
        jwt_ring::install();
        let mut keys = KeySet::default();
        let mut published = Vec::with_capacity(1 + accepted.len());
        for seed in std::iter::once(active).chain(accepted.iter().copied()) {
            let public = public_key(seed)?;
            let jwk = Jwk::ed25519(&public);
            keys.insert_ed25519(jwk.kid.clone(), &public);
            published.push(jwk);
        }
        let der = Zeroizing::new([PKCS8_PREFIX.as_slice(), active].concat());
        Ok(Self {
            active: EncodingKey::from_ed_der(&der),
            active_kid: published.first().map(|jwk| jwk.kid.clone()).ok_or(InvalidSeed)?,
            accepted: keys,
            published: Jwks { keys: published },
        })
    }

    /// The public keys, to publish.
    pub fn jwks(&self) -> &Jwks {
        &self.published
    }

    pub(crate) fn accepted(&self) -> &KeySet {
        &self.accepted
    }

    pub(crate) fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SigningFailed> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.active_kid.clone());
        jsonwebtoken::encode(&header, claims, &self.active).map_err(|_| SigningFailed)
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKeys")
            .field("active", &self.active_kid)
            .finish_non_exhaustive()
    }
}

impl Jwk {
    /// An Ed25519 public key as a JWK, with its thumbprint as key id.
    pub fn ed25519(public: &[u8; 32]) -> Self {
        let x = BASE64URL_NOPAD.encode(public);
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = BASE64URL_NOPAD.encode(&sha256(canonical.as_bytes()));
        Self {
            kty: "OKP",
            crv: "Ed25519",
            usage: "sig",
            alg: "EdDSA",
            kid,
            x,
        }
    }
}

fn public_key(seed: &[u8; 32]) -> Result<[u8; 32], InvalidSeed> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| InvalidSeed)?;
    pair.public_key().as_ref().try_into().map_err(|_| InvalidSeed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.3.
    #[test]
    fn thumbprint_as_in_rfc_8037() {
        let x = BASE64URL_NOPAD
            .decode(b"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .unwrap();
        let jwk = Jwk::ed25519(&x.try_into().unwrap());
        assert_eq!(jwk.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn all_keys_are_published_and_none_is_shown() {
        let keys = TokenKeys::from_seeds(&[1; 32], &[&[2; 32]]).unwrap();
        assert_eq!(keys.jwks().keys.len(), 2);
        assert_eq!(keys.jwks().keys[0].kid, keys.active_kid);
        let shown = format!("{keys:?}");
        assert!(!shown.contains("AQEB") && !shown.contains("1, 1"), "{shown}");
    }
}
