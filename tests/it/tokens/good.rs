//! Good tokens, to be spoiled: what is in them, and the key that made them.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use doelpoort::client::file_names::ASSERTION_KEY;
use doelpoort::client::{ClientSettings, PrivateKey};
use doelpoort::keys::{KeyFiles, KeyUse};
use doelpoort_core::request_digest::RequestDigest;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::cases::{Change, made_up};
use super::foreign::Issuer;
use crate::support::world::World;

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A token that is accepted as it stands.
pub(super) struct Good {
    pub(super) header: Value,
    pub(super) claims: Value,
    /// The public half of its key.
    pub(super) public: Vec<u8>,
    sign: Sign,
}

impl Good {
    /// A client's assertion.
    pub(super) fn assertion(world: &World, client: &str) -> Self {
        let folder = world.client_folder(client);
        let key = PrivateKey::read(&folder.path().join(ASSERTION_KEY)).unwrap();
        let now = world.clock_now().as_second();
        Self {
            header: json!({"alg": key.algorithm(), "typ": "JWT", "kid": key.kid()}),
            claims: json!({
                "iss": client, "sub": client, "aud": "https://localhost:8443",
                "iat": now, "exp": now + 120, "jti": fresh_id(),
            }),
            public: key.public_jwk()["x"].to_string().into_bytes(),
            sign: Box::new(move |message| key.sign(message).unwrap()),
        }
    }

    /// A member of staff's assertion, by the key of the client's identity provider, for the request of this digest.
    pub(super) fn staff(world: &World, client: &str, digest: &RequestDigest) -> Self {
        let folder = world.client_folder(client);
        let settings = ClientSettings::read(folder.path()).unwrap().staff.unwrap();
        let key = PrivateKey::read(&folder.path().join(&settings.key)).unwrap();
        let now = world.clock_now().as_second();
        Self {
            header: json!({"alg": key.algorithm(), "typ": "JWT", "kid": key.kid()}),
            claims: json!({
                "iss": settings.issuer, "sub": settings.subject, "aud": "https://localhost:8443",
                "client_id": client, "request_digest": digest.to_string(),
                "iat": now, "exp": now + 120, "jti": fresh_id(),
            }),
            public: key.public_jwk()["x"].to_string().into_bytes(),
            sign: Box::new(move |message| key.sign(message).unwrap()),
        }
    }

    /// An access token as the gateway made it, with the key that it made it with.
    pub(super) fn access(world: &World, token: &str) -> Self {
        let folder = world.files.config.keys.file.parent().unwrap();
        let keys = KeyFiles::in_directory(folder).load(KeyUse::DemoOrTest).unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(keys.token.active().expose()).unwrap();
        let mut parts = token.split('.').map(|part| {
            let text = BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
            serde_json::from_slice(&text).unwrap_or_default()
        });
        Self {
            header: parts.next().unwrap(),
            claims: parts.next().unwrap(),
            public: pair.public_key().as_ref().to_vec(),
            sign: Box::new(move |message| pair.sign(message).as_ref().to_vec()),
        }
    }

    /// A token of another issuer, with its key.
    pub(super) fn foreign(issuer: &Arc<Issuer>, header: Value, claims: Value) -> Self {
        let key = Arc::clone(issuer);
        Self {
            header,
            claims,
            public: issuer.public(),
            sign: Box::new(move |message| key.sign(message)),
        }
    }

    pub(super) fn token(&self) -> String {
        self.sign_text(&self.header.to_string(), &self.claims.to_string())
    }

    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = (self.sign)(message.as_bytes());
        format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    /// It, spoiled in each of these ways and in all that need no key.
    pub(super) fn spoiled(&self, changes: &[&[(&'static str, Change)]]) -> Vec<(&'static str, String)> {
        let changed = changes.iter().copied().flatten().map(|(name, change)| {
            let (mut header, mut claims) = (self.header.clone(), self.claims.clone());
            change(&mut header, &mut claims);
            (*name, self.sign_text(&header.to_string(), &claims.to_string()))
        });
        changed.chain(made_up(self)).collect()
    }
}

pub(super) fn encode(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

/// 128 random bits.
pub(super) fn fresh_id() -> String {
    let random = ring::rand::SystemRandom::new();
    let id: ring::rand::Random<[u8; 16]> = ring::rand::generate(&random).unwrap();
    BASE64URL_NOPAD.encode(&id.expose())
}
