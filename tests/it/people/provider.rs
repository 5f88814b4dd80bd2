//! An identity provider over HTTPS that says what a test wants it to say: good, hostile, or nothing.

use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::BASE64URL_NOPAD;
use doelpoort::clock::{Clock as _, FixedClock};
use doelpoort::config::Config;
use doelpoort::http::Listeners;
use doelpoort::serve::{self, Running, Shutdown};
use doelpoort::telemetry::Metrics;
use doelpoort::tls::{Examples, Tls};
use doelpoort_core::policy::sha256;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::HOST;
use super::browser::{Browser, Page};
use crate::support::world::World;

pub(super) const CLIENT: &str = "doelpoort-console";

/// What it says.
pub(super) struct Script {
    issuer: String,
    /// Its keys; the last one signs.
    keys: Vec<Ed25519KeyPair>,
    /// How many of them it publishes.
    published: usize,
    /// The address of the last sign-in, as the browser was sent there.
    pub(super) asked: Vec<(String, String)>,
    /// Claims that are added to the good ones, or replace them; null: left out.
    pub(super) claims: Value,
    /// Codes that it gives tokens for; each once.
    pub(super) codes: Vec<String>,
    /// Members that are added to its metadata.
    pub(super) metadata: Value,
    /// What its token endpoint answers in place of tokens.
    pub(super) instead: Option<(u16, String)>,
    /// How often its keys were fetched.
    pub(super) fetched: usize,
    /// How we showed ourselves at its token endpoint.
    pub(super) authorization: String,
}

/// The running provider.
pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) script: Arc<Mutex<Script>>,
    clock: Arc<FixedClock>,
    running: (Running, Shutdown),
}

type Shared = State<(Arc<Mutex<Script>>, Arc<FixedClock>)>;

fn key() -> Ed25519KeyPair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()
}

impl Provider {
    /// One that knows a person who speaks for this organisation.
    pub(super) async fn start(now: &str) -> Self {
        let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("keys-example/gateway/tls");
        let mut config = Config::default();
        config.exchange.certificate = root.join("server.crt");
        config.exchange.key = root.join("server.key");
        config.exchange.client_ca = root.join("client-ca.crt");
        for listen in [
            &mut config.exchange.listen,
            &mut config.console.listen,
            &mut config.admin.listen,
        ] {
            listen.set_port(0);
        }
        let clock = Arc::new(FixedClock::at(now.parse().unwrap()));
        let sockets = serve::Sockets::bind(&config).await.unwrap();
        let script = Arc::new(Mutex::new(Script {
            issuer: String::new(),
            keys: vec![key()],
            published: 1,
            asked: Vec::new(),
            claims: json!({}),
            codes: Vec::new(),
            metadata: json!({}),
            instead: None,
            fetched: 0,
            authorization: String::new(),
        }));
        let state = (Arc::clone(&script), Arc::clone(&clock));
        let exchange = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(state);
        let tls = Arc::new(Tls::load(&config, Examples::Accept, Arc::<FixedClock>::clone(&clock)).unwrap());
        let routes = Listeners {
            exchange,
            ..Listeners::default()
        };
        let (shutdown, metrics) = (Shutdown::new(), Arc::new(Metrics::new()));
        let running = serve::run_on(sockets, routes, &config.limits, &tls, &metrics, &shutdown);
        let issuer = format!("https://localhost:{}", running.exchange().port());
        issuer.clone_into(&mut script.lock().unwrap().issuer);
        Self {
            issuer,
            script,
            clock,
            running: (running, shutdown),
        }
    }

    /// The settings of a gateway whose people sign in here.
    pub(super) fn configure(&self, config: &mut Config) {
        let console = &mut config.console;
        console.url = format!("https://{HOST}");
        console.issuer.clone_from(&self.issuer);
        CLIENT.clone_into(&mut console.client_id);
        console.provider_authorities = Some(super::authority());
        "two-factor".clone_into(&mut console.step_up_acr);
    }

    pub(super) async fn stop(self) {
        let (running, shutdown) = self.running;
        shutdown.drain();
        shutdown.hurry();
        running.finished().await;
    }

    /// Another key signs from here on; it is published too.
    pub(super) fn rotate(&self) {
        let mut script = self.script.lock().unwrap();
        script.keys.push(key());
        script.published = script.keys.len();
    }

    /// Another key signs, and nobody heard of it.
    pub(super) fn sign_with_a_stranger(&self) {
        self.script.lock().unwrap().keys.push(key());
    }

    pub(super) fn say(&self, claims: Value) {
        self.script.lock().unwrap().claims = claims;
    }

    /// The clock of the world goes on; so does that of the provider.
    pub(super) fn advance(&self, world: &World, span: jiff::SignedDuration) {
        world.clock.advance(span);
        self.clock.advance(span);
    }

    /// The browser was sent here: the person signs in, and this is the address it is sent back to.
    pub(super) fn sends_back(&self, sent: &Page) -> String {
        let (place, query) = sent.to().split_once('?').unwrap();
        assert_eq!(place, format!("{}/authorize", self.issuer));
        let asked: Vec<(String, String)> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut script = self.script.lock().unwrap();
        let code = format!("code-{}", script.codes.len());
        script.codes.push(code.clone());
        script.asked = asked;
        let state = script.asked("state");
        format!("/login/return?code={code}&state={state}")
    }

    /// From the first page to the last: a person signs in.
    pub(super) async fn signs_in(&self, browser: &mut Browser) -> Page {
        let sent = browser.get("/login/begin").await;
        browser.keep(&sent);
        let page = browser.get(&self.sends_back(&sent)).await;
        browser.keep(&page);
        page
    }
}

impl Script {
    pub(super) fn asked(&self, name: &str) -> String {
        let found = self.asked.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn id_token(&self, now: i64) -> String {
        let mut claims = json!({
            "iss": self.issuer, "sub": "person-1", "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": self.asked("nonce"), "roles": ["holder"], "oin": super::BOARD,
            "acr": "two-factor", "auth_time": now,
        });
        let all = claims.as_object_mut().unwrap();
        for (name, value) in self.claims.as_object().unwrap() {
            all.insert(name.clone(), value.clone());
        }
        all.retain(|_, value| !value.is_null());
        let signs = self.keys.len() - 1;
        let header = json!({"alg": "EdDSA", "kid": format!("key-{signs}"), "typ": "JWT"});
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = self.keys[signs].sign(message.as_bytes());
        format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

async fn metadata(State((script, _)): Shared) -> Json<Value> {
    let issuer = script.lock().unwrap().issuer.clone();
    let mut metadata = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        "code_challenge_methods_supported": ["S256"],
    });
    let more = script.lock().unwrap().metadata.clone();
    metadata
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Json(metadata)
}

async fn keys(State((script, _)): Shared) -> Json<Value> {
    let mut script = script.lock().unwrap();
    script.fetched += 1;
    let keys = script.keys.iter().take(script.published).enumerate();
    let keys: Vec<Value> = keys
        .map(|(number, key)| {
            let x = BASE64URL_NOPAD.encode(key.public_key().as_ref());
            json!({"kty": "OKP", "crv": "Ed25519", "kid": format!("key-{number}"), "x": x})
        })
        .collect();
    Json(json!({ "keys": keys }))
}

/// Gives tokens for a code, once, to who proves to be the one that began (RFC 7636).
async fn token(
    State((script, clock)): Shared,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut script = script.lock().unwrap();
    if let Some((status, body)) = &script.instead {
        return (StatusCode::from_u16(*status).unwrap(), body.clone()).into_response();
    }
    script.authorization = headers
        .get("authorization")
        .map_or_else(|| field("client_id"), |value| value.to_str().unwrap().to_owned());
    let known = script.codes.iter().position(|code| *code == field("code"));
    let challenge = BASE64URL_NOPAD.encode(&sha256(field("code_verifier").as_bytes()));
    let is_good = challenge == script.asked("code_challenge")
        && field("redirect_uri") == format!("https://{HOST}/login/return")
        && field("grant_type") == "authorization_code";
    let (Some(known), true) = (known, is_good) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    };
    "used".clone_into(&mut script.codes[known]);
    let id_token = script.id_token(clock.now().as_second());
    let answer = json!({"access_token": "access", "token_type": "Bearer", "id_token": id_token});
    Json(answer).into_response()
}
