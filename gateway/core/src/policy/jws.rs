//! JSON Web Signatures (RFC 7515) with the two algorithms that approvals use. The key fixes the
//! algorithm, never the header.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ring::rand::SecureRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Longest signature text that is read, in bytes.
pub(crate) const JWS_BYTES_MAX: usize = 16_384;

/// A signature algorithm (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// A public key of an approver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// 32 bytes (Ed25519), or 0x04 and the two coordinates (P-256).
    bytes: Vec<u8>,
}

/// A private key that signs approvals and mandates.
#[derive(Clone, Copy)]
pub enum SigningKey<'a> {
    /// Ed25519.
    EdDsa(&'a Ed25519KeyPair),
    /// P-256, made with `ECDSA_P256_SHA256_FIXED_SIGNING`; signing takes randomness.
    Es256(&'a EcdsaKeyPair, &'a dyn SecureRandom),
}

/// Why a signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// The text is not of the expected shape, or longer than 16 KiB.
    #[error("not a signature in compact form")]
    Malformed,
    /// A header key is unknown, missing or of the wrong type.
    #[error("the header has other keys than expected")]
    Header,
    /// `typ` is another one.
    #[error("the signature is of another type")]
    Type,
    /// `alg` is not the key's.
    #[error("the algorithm is not the key's")]
    Algorithm,
    /// The signature does not match.
    #[error("the signature does not match")]
    Signature,
    /// The key refuses to sign.
    #[error("the key could not sign")]
    Sign,
}

/// Why a JWK is not an approver's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public key for approvals: `OKP` with `Ed25519` or `EC` with `P-256`, public members only")]
pub struct InvalidKey;

impl Algorithm {
    /// The `alg` of the header.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

impl PublicKey {
    /// The key of a JWK with members kty, crv, x, y and kid, use, alg (RFC 7517).
    pub fn from_jwk(jwk: &Value) -> Result<Self, InvalidKey> {
        let known = ["kty", "crv", "x", "y", "kid", "use", "alg"];
        let members = jwk
            .as_object()
            .filter(|members| members.keys().all(|key| known.contains(&key.as_str())));
        let text = |key: &str| {
            members
                .and_then(|members| members.get(key))
                .and_then(Value::as_str)
        };
        let coordinate = |key: &str| {
            let bytes = BASE64URL_NOPAD.decode(text(key)?.as_bytes()).ok()?;
            (bytes.len() == 32).then_some(bytes)
        };
        let key = match (text("kty"), text("crv")) {
            (Some("OKP"), Some("Ed25519")) if text("y").is_none() => coordinate("x").map(|bytes| Self {
                algorithm: Algorithm::EdDsa,
                bytes,
            }),
            (Some("EC"), Some("P-256")) => coordinate("x").zip(coordinate("y")).map(|(x, y)| Self {
                algorithm: Algorithm::Es256,
                bytes: [vec![4], x, y].concat(),
            }),
            _ => None,
        };
        let key = key.ok_or(InvalidKey)?;
        if text("alg").is_some_and(|alg| alg != key.algorithm.name()) {
            return Err(InvalidKey);
        }
        Ok(key)
    }

    /// The key as a JWK with this key id.
    pub fn to_jwk(&self, kid: &str) -> Value {
        let encode = |bytes: Option<&[u8]>| BASE64URL_NOPAD.encode(bytes.unwrap_or_default());
        match self.algorithm {
            Algorithm::EdDsa => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(Some(&self.bytes)), "kid": kid })
            }
            Algorithm::Es256 => json!({ "kty": "EC", "crv": "P-256", "x": encode(self.bytes.get(1..33)),
                "y": encode(self.bytes.get(33..)), "kid": kid }),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), JwsError> {
        let verified = match self.algorithm {
            Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature),
            Algorithm::Es256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.bytes).verify(message, signature)
            }
        };
        verified.map_err(|_| JwsError::Signature)
    }
}

impl SigningKey<'_> {
    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::EdDsa(_) => Algorithm::EdDsa,
            Self::Es256(..) => Algorithm::Es256,
        }
    }

    /// Its public half.
    pub fn public_key(&self) -> PublicKey {
        let bytes = match self {
            Self::EdDsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Es256(pair, _) => pair.public_key().as_ref().to_vec(),
        };
        PublicKey {
            algorithm: self.algorithm(),
            bytes,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, JwsError> {
        match self {
            Self::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Es256(pair, random) => pair
                .sign(*random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| JwsError::Sign),
        }
    }
}

impl fmt::Debug for SigningKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm().name())
    }
}

/// The three parts of a compact JWS, decoded but not yet verified.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    header_text: &'a str,
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    /// Splits a compact JWS; one line break at the end is allowed.
    pub(crate) fn parse(text: &'a str) -> Result<Self, JwsError> {
        if text.len() > JWS_BYTES_MAX {
            return Err(JwsError::Malformed);
        }
        let mut parts = text.strip_suffix('\n').unwrap_or(text).split('.');
        let (Some(header_text), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwsError::Malformed);
        };
        let decode = |part: &str| {
            BASE64URL_NOPAD
                .decode(part.as_bytes())
                .map_err(|_| JwsError::Malformed)
        };
        let (header, payload, signature) = (decode(header_text)?, decode(payload)?, decode(signature)?);
        Ok(Self {
            header_text,
            header,
            payload,
            signature,
        })
    }

    /// The header of a document of this type.
    pub(crate) fn header_of(&self, typ: &str) -> Result<Header, JwsError> {
        let header: Header = serde_json::from_slice(&self.header).map_err(|_| JwsError::Header)?;
        if header.typ == typ {
            Ok(header)
        } else {
            Err(JwsError::Type)
        }
    }

    /// Checks the signature over the header and `payload`; `alg` is what the header said.
    pub(crate) fn verify(&self, alg: &str, payload: &[u8], key: &PublicKey) -> Result<(), JwsError> {
        if alg != key.algorithm.name() {
            return Err(JwsError::Algorithm);
        }
        key.verify(
            signing_input(self.header_text, payload).as_bytes(),
            &self.signature,
        )
    }
}

/// The header of a signed document that holds its own payload.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) kid: String,
    typ: String,
}

/// A document of a type of ours: header and payload in their one spelling (RFC 8785).
pub(crate) fn sign_document(
    typ: &str,
    kid: &str,
    payload: &impl Serialize,
    key: SigningKey<'_>,
) -> Result<String, JwsError> {
    let header = Header {
        alg: key.algorithm().name().to_owned(),
        kid: kid.to_owned(),
        typ: typ.to_owned(),
    };
    let canonical = |value: Result<Vec<u8>, serde_json::Error>| value.map_err(|_| JwsError::Header);
    let header = canonical(serde_json_canonicalizer::to_vec(&header))?;
    let payload = canonical(serde_json_canonicalizer::to_vec(payload))?;
    sign(&header, &payload, false, key)
}

/// A compact JWS; with `detached` the payload is left out (RFC 7515 appendix F).
pub(crate) fn sign(
    header: &[u8],
    payload: &[u8],
    detached: bool,
    key: SigningKey<'_>,
) -> Result<String, JwsError> {
    let header_text = BASE64URL_NOPAD.encode(header);
    let input = signing_input(&header_text, payload);
    let signature = BASE64URL_NOPAD.encode(&key.sign(input.as_bytes())?);
    Ok(if detached {
        format!("{header_text}..{signature}")
    } else {
        format!("{input}.{signature}")
    })
}

fn signing_input(header_text: &str, payload: &[u8]) -> String {
    format!("{header_text}.{}", BASE64URL_NOPAD.encode(payload))
}
