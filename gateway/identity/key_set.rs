//! Public keys by `kid`, each with the one algorithm that it is for.

use std::collections::HashMap;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::jwt_ring;

/// Keys in one set. A set is read at each use, so it is kept small.
const KEYS_MAX: usize = 16;
/// Length of a `kid`, in bytes.
const KID_BYTES_MAX: usize = 128;
/// Size of an RSA modulus, in bytes: 2048 to 8192 bits.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;

/// Members that only a private or symmetric key has (RFC 7518 section 6).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// Public keys by key id, looked up exactly.
#[derive(Default)]
pub(crate) struct KeySet(HashMap<String, PublicKey>);

/// A key that cannot verify anything here, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key `{kid}`: {reason}")]
pub struct UnusableKey {
    /// Its `kid`, or its place in the set.
    pub kid: String,
    /// Why it is left out.
    pub reason: &'static str,
}

/// A public key and its algorithm.
pub(crate) struct PublicKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl KeySet {
    /// The usable signature keys of a JWK Set (RFC 7517 section 5), and why the others are not.
    pub(crate) fn from_jwks(jwks: &Value) -> (Self, Vec<UnusableKey>) {
        let mut set = Self::default();
        let mut unusable = Vec::new();
        let keys = jwks
            .get("keys")
            .and_then(Value::as_array)
            .map_or(&[] as &[Value], Vec::as_slice);
        let mut twice = Vec::new();
        for (place, jwk) in keys.iter().enumerate() {
            let parsed = if place < KEYS_MAX {
                parse(jwk)
            } else {
                Err("one key too many in its set")
            };
            match parsed {
                Ok((kid, key)) => {
                    if set.0.insert(kid.clone(), key).is_some() {
                        twice.push(kid);
                    }
                }
                Err(reason) => unusable.push(UnusableKey {
                    kid: name(jwk, place),
                    reason,
                }),
            }
        }
        for kid in twice {
            set.0.remove(&kid);
            unusable.push(UnusableKey {
                kid,
                reason: "two keys have this id",
            });
        }
        (set, unusable)
    }

    /// A set with one Ed25519 key.
    pub(crate) fn insert_ed25519(&mut self, kid: String, public: &[u8; 32]) {
        jwt_ring::install();
        let key = PublicKey {
            algorithm: Algorithm::EdDSA,
            key: DecodingKey::from_ed_der(public),
        };
        self.0.insert(kid, key);
    }

    pub(crate) fn key(&self, kid: &str) -> Option<&PublicKey> {
        self.0.get(kid)
    }
}

impl PublicKey {
    /// The value that `alg` must have.
    pub(crate) fn algorithm_name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::EdDSA => "EdDSA",
            Algorithm::ES256 => "ES256",
            Algorithm::PS256 => "PS256",
            Algorithm::RS256 => "RS256",
            _ => "",
        }
    }

    /// Whether the key signed the message. `signature` is in base64url.
    pub(crate) fn verifies(&self, message: &str, signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, self.algorithm)
            .unwrap_or(false)
    }
}

fn name(jwk: &Value, place: usize) -> String {
    member(jwk, "kid").map_or_else(|| format!("#{place}"), |kid| kid.chars().take(64).collect())
}

fn parse(jwk: &Value) -> Result<(String, PublicKey), &'static str> {
    jwt_ring::install();
    if PRIVATE_MEMBERS.iter().any(|name| jwk.get(name).is_some()) {
        return Err("it is a private or symmetric key, which does not belong here");
    }
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return Err("its `use` is not `sig`");
    }
    if let Some(operations) = jwk.get("key_ops")
        && !operations
            .as_array()
            .is_some_and(|list| list.iter().any(|entry| entry == "verify"))
    {
        return Err("its `key_ops` has no `verify`");
    }
    let kid = member(jwk, "kid").ok_or("it has no `kid`")?;
    if kid.is_empty() || kid.len() > KID_BYTES_MAX {
        return Err("its `kid` is empty or too long");
    }
    let key = match member(jwk, "kty") {
        Some("OKP") => ed25519(jwk),
        Some("EC") => p256(jwk),
        Some("RSA") => rsa(jwk),
        _ => Err("its `kty` is none of OKP, EC, RSA"),
    }?;
    Ok((kid.to_owned(), key))
}

fn ed25519(jwk: &Value) -> Result<PublicKey, &'static str> {
    if member(jwk, "crv") != Some("Ed25519") {
        return Err("its `crv` is not Ed25519");
    }
    algorithm_is(jwk, &["EdDSA", "Ed25519"])?;
    let point = bytes(jwk, "x")
        .filter(|x| x.len() == 32)
        .ok_or("its `x` is not 32 bytes")?;
    Ok(PublicKey {
        algorithm: Algorithm::EdDSA,
        key: DecodingKey::from_ed_der(&point),
    })
}

fn p256(jwk: &Value) -> Result<PublicKey, &'static str> {
    if member(jwk, "crv") != Some("P-256") {
        return Err("its `crv` is not P-256");
    }
    algorithm_is(jwk, &["ES256"])?;
    let x = bytes(jwk, "x")
        .filter(|x| x.len() == 32)
        .ok_or("its `x` is not 32 bytes")?;
    let y = bytes(jwk, "y")
        .filter(|y| y.len() == 32)
        .ok_or("its `y` is not 32 bytes")?;
    let point = [&[4], x.as_slice(), &y].concat();
    Ok(PublicKey {
        algorithm: Algorithm::ES256,
        key: DecodingKey::from_ec_der(&point),
    })
}

/// An RSA key serves two paddings; `alg` must say which one, as the token's header may not choose.
fn rsa(jwk: &Value) -> Result<PublicKey, &'static str> {
    let algorithm = match member(jwk, "alg") {
        Some("PS256") => Algorithm::PS256,
        Some("RS256") => Algorithm::RS256,
        _ => return Err("its `alg` is neither PS256 nor RS256"),
    };
    let n = bytes(jwk, "n")
        .filter(|n| RSA_MODULUS_BYTES.contains(&n.len()))
        .ok_or("its modulus is not 2048 to 8192 bits")?;
    let e = bytes(jwk, "e").ok_or("it has no exponent")?;
    Ok(PublicKey {
        algorithm,
        key: DecodingKey::from_rsa_raw_components(&n, &e),
    })
}

fn algorithm_is(jwk: &Value, accepted: &[&str]) -> Result<(), &'static str> {
    match jwk.get("alg") {
        None => Ok(()),
        Some(Value::String(algorithm)) if accepted.contains(&algorithm.as_str()) => Ok(()),
        Some(_) => Err("its `alg` does not fit its type"),
    }
}

fn member<'j>(jwk: &'j Value, name: &str) -> Option<&'j str> {
    jwk.get(name).and_then(Value::as_str)
}

fn bytes(jwk: &Value, name: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(member(jwk, name)?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn zeros(length: usize) -> String {
        BASE64URL_NOPAD.encode(&vec![1; length])
    }

    #[test]
    fn keys_that_fit_are_kept_with_their_algorithm() {
        let jwks = json!({"keys": [
            {"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": zeros(32)},
            {"kid": "b", "kty": "EC", "crv": "P-256", "alg": "ES256", "x": zeros(32), "y": zeros(32)},
            {"kid": "c", "kty": "RSA", "alg": "PS256", "n": zeros(256), "e": "AQAB", "use": "sig"},
            {"kid": "d", "kty": "RSA", "alg": "RS256", "n": zeros(384), "e": "AQAB", "key_ops": ["verify"]},
        ]});
        let (set, unusable) = KeySet::from_jwks(&jwks);
        assert_eq!(unusable, []);
        let names = ["a", "b", "c", "d"].map(|kid| set.key(kid).unwrap().algorithm_name());
        assert_eq!(names, ["EdDSA", "ES256", "PS256", "RS256"]);
    }

    #[test]
    fn keys_that_do_not_fit_are_left_out_with_a_reason() {
        let cases = [
            (
                json!({"kid": "k", "kty": "oct", "k": "AAAA"}),
                "private or symmetric",
            ),
            (
                json!({"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": zeros(32), "d": zeros(32)}),
                "private",
            ),
            (
                json!({"kty": "OKP", "crv": "Ed25519", "x": zeros(32)}),
                "no `kid`",
            ),
            (
                json!({"kid": "", "kty": "OKP", "crv": "Ed25519", "x": zeros(32)}),
                "empty",
            ),
            (
                json!({"kid": "k", "kty": "OKP", "crv": "X25519", "x": zeros(32)}),
                "Ed25519",
            ),
            (
                json!({"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": zeros(31)}),
                "32 bytes",
            ),
            (
                json!({"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": zeros(32), "alg": "HS256"}),
                "`alg`",
            ),
            (
                json!({"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": zeros(32), "use": "enc"}),
                "`use`",
            ),
            (
                json!({"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": zeros(32), "key_ops": ["sign"]}),
                "key_ops",
            ),
            (
                json!({"kid": "k", "kty": "EC", "crv": "P-384", "x": zeros(48), "y": zeros(48)}),
                "P-256",
            ),
            (
                json!({"kid": "k", "kty": "EC", "crv": "P-256", "x": zeros(32), "y": zeros(31)}),
                "`y`",
            ),
            (
                json!({"kid": "k", "kty": "RSA", "n": zeros(256), "e": "AQAB"}),
                "`alg`",
            ),
            (
                json!({"kid": "k", "kty": "RSA", "alg": "RS512", "n": zeros(256), "e": "AQAB"}),
                "`alg`",
            ),
            (
                json!({"kid": "k", "kty": "RSA", "alg": "PS256", "n": zeros(128), "e": "AQAB"}),
                "modulus",
            ),
            (json!("text"), "no `kid`"),
        ];
        for (jwk, reason) in cases {
            let (set, unusable) = KeySet::from_jwks(&json!({"keys": [jwk]}));
            assert!(set.0.is_empty(), "{jwk}");
            assert!(
                unusable.len() == 1 && unusable[0].reason.contains(reason),
                "{jwk}: {unusable:?}"
            );
        }
    }

    #[test]
    fn of_two_keys_with_one_id_neither_is_used() {
        let key = json!({"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": zeros(32)});
        let (set, unusable) = KeySet::from_jwks(&json!({"keys": [key, key]}));
        assert!(set.0.is_empty());
        assert_eq!(unusable.len(), 1);
        assert!(KeySet::from_jwks(&json!("no set")).0.0.is_empty());
    }
}
