//! A private key that signs: a client's assertions, a person's, an approver's.

use std::fmt;
use std::path::Path;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use doelpoort_core::policy::jws::SigningKey;
use doelpoort_core::policy::sha256;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use zeroize::{Zeroize as _, Zeroizing};

/// Characters of base64 on a line of PEM (RFC 7468 section 2).
const PEM_LINE_CHARS: usize = 64;

/// Why a private key cannot be used. Says nothing of the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key `{file}`: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's reason.
        why: String,
    },
    /// Neither PKCS#8 PEM nor a JWK, or of another kind.
    #[error("`{file}` is no Ed25519 or P-256 private key in PKCS#8 PEM or as a JWK")]
    Kind {
        /// The file.
        file: String,
    },
    /// The machine gives no randomness, or the key refuses.
    #[error("the key could not sign")]
    Sign,
}

/// A private key, Ed25519 or P-256. The library that holds it wipes nothing, so it lives shortly.
pub struct PrivateKey(Pair);

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair, SystemRandom),
}

impl PrivateKey {
    /// A fresh Ed25519 key, and its PKCS#8 PEM for a file.
    pub fn generate() -> Result<(Self, Zeroizing<String>), KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::Sign)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| KeyError::Sign)?;
        Ok((Self(Pair::Ed25519(pair)), pem(document.as_ref())))
    }

    /// Reads a key file: PKCS#8 PEM, or a JWK (RFC 7517) with its private member.
    pub fn read(file: &Path) -> Result<Self, KeyError> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|why| KeyError::Unreadable {
            file: name.clone(),
            why: why.to_string(),
        })?;
        Self::parse(&Zeroizing::new(text)).ok_or(KeyError::Kind { file: name })
    }

    /// A key from PKCS#8 PEM or a JWK.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim_start().starts_with('{') {
            return Self::from_jwk(text);
        }
        let document = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok()?;
        let document = document.secret_pkcs8_der();
        let ed25519 = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).map(Pair::Ed25519);
        ed25519.ok().or_else(|| p256(document)).map(Self)
    }

    fn from_jwk(text: &str) -> Option<Self> {
        let mut jwk: Value = serde_json::from_str(text).ok()?;
        let private = Zeroizing::new(BASE64URL_NOPAD.decode(jwk.get("d")?.as_str()?.as_bytes()).ok()?);
        if let Some(Value::String(text)) = jwk.get_mut("d") {
            text.zeroize();
        }
        let member = |name| BASE64URL_NOPAD.decode(jwk.get(name)?.as_str()?.as_bytes()).ok();
        match jwk.get("crv")?.as_str()? {
            "Ed25519" => Ed25519KeyPair::from_seed_and_public_key(&private, &member("x")?)
                .ok()
                .map(|pair| Self(Pair::Ed25519(pair))),
            "P-256" => {
                let point = [vec![4], member("x")?, member("y")?].concat();
                let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
                EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, &point, &random)
                    .ok()
                    .map(|pair| Self(Pair::P256(pair, random)))
            }
            _ => None,
        }
    }

    /// Its public half as a JWK for `organisations.toml`, with [`kid`](Self::kid) as key id.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.bare_jwk();
        if let Value::Object(members) = &mut jwk {
            members.insert("kid".to_owned(), self.kid().into());
            members.insert("alg".to_owned(), self.algorithm().into());
            members.insert("use".to_owned(), "sig".into());
        }
        jwk
    }

    /// Its key id: the thumbprint of its public half (RFC 7638).
    pub fn kid(&self) -> String {
        BASE64URL_NOPAD.encode(&sha256(self.bare_jwk().to_string().as_bytes()))
    }

    /// The members that a thumbprint is made over; `serde_json` writes them in the order of the alphabet.
    fn bare_jwk(&self) -> Value {
        match &self.0 {
            Pair::Ed25519(pair) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": BASE64URL_NOPAD.encode(pair.public_key().as_ref()) })
            }
            Pair::P256(pair, _) => {
                let point = pair.public_key().as_ref();
                let coordinate = |range| BASE64URL_NOPAD.encode(point.get(range).unwrap_or_default());
                json!({ "crv": "P-256", "kty": "EC", "x": coordinate(1..33), "y": coordinate(33..65) })
            }
        }
    }

    /// `EdDSA` or `ES256`.
    pub fn algorithm(&self) -> &'static str {
        match &self.0 {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(..) => "ES256",
        }
    }

    /// A JWT in compact form (RFC 7519) with these claims.
    pub fn jwt(&self, kid: &str, claims: &Value) -> Result<String, KeyError> {
        let header = json!({ "alg": self.algorithm(), "kid": kid, "typ": "JWT" });
        let encoded = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let message = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = self.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", BASE64URL_NOPAD.encode(&signature)))
    }

    /// The key as approvals and mandates are signed with.
    pub fn signing_key(&self) -> SigningKey<'_> {
        match &self.0 {
            Pair::Ed25519(pair) => SigningKey::EdDsa(pair),
            Pair::P256(pair, random) => SigningKey::Es256(pair, random),
        }
    }

    /// A signature under these bytes, in the form that JWS uses (RFC 7518 section 3.4, RFC 8037).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::P256(pair, random) => pair
                .sign(random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Sign),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm())
    }
}

fn p256(document: &[u8]) -> Option<Pair> {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document, &random).ok()?;
    Some(Pair::P256(pair, random))
}

/// PKCS#8 as PEM (RFC 7468).
fn pem(document: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(BASE64.encode(document));
    let mut text = Zeroizing::new(String::with_capacity(encoded.len() + 100));
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    for (at, character) in encoded.chars().enumerate() {
        if at > 0 && at % PEM_LINE_CHARS == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END PRIVATE KEY-----\n");
    text
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_generated_key_is_read_back() {
        let (key, text) = PrivateKey::generate().unwrap();
        let read = PrivateKey::parse(&text).unwrap();
        assert_eq!(key.kid(), read.kid());
        assert_eq!(read.public_jwk()["crv"], "Ed25519");
    }

    /// The key, thumbprint and signature of RFC 8037 appendix A.
    #[test]
    fn known_answer_of_rfc_8037() {
        let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let key = PrivateKey::parse(jwk).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let signature = key
            .sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
            .unwrap();
        assert_eq!(
            BASE64URL_NOPAD.encode(&signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn a_jwt_verifies_under_the_public_key() {
        let (key, _) = PrivateKey::generate().unwrap();
        let jwt = key.jwt("k", &json!({ "sub": "x" })).unwrap();
        let (message, signature) = jwt.rsplit_once('.').unwrap();
        let public = BASE64URL_NOPAD
            .decode(key.public_jwk()["x"].as_str().unwrap().as_bytes())
            .unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        UnparsedPublicKey::new(&ED25519, public)
            .verify(message.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn other_text_is_no_key() {
        for text in [
            "",
            "{}",
            "secret",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            assert!(PrivateKey::parse(text).is_none(), "{text}");
        }
    }
}
