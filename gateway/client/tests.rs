//! The client against a real listener: real TLS, real certificates; only the answers are written down.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Extension, Path as Segment, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::json;

use super::*;
use crate::clock::FixedClock;
use crate::config::{Config, Environment};
use crate::demo::pki::{FolderOptions, Plan, Validity};
use crate::http::Listeners;
use crate::serve::{Peer, Running, Shutdown, run};
use crate::tls::{Examples, Tls};

const NOW: &str = "2026-11-22T10:00:00Z";
const CLIENT: &str = "swv-po-consulent";

struct World {
    folder: tempfile::TempDir,
    running: Running,
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock::at(NOW.parse().unwrap()))
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut organisations = crate::demo::pki::tests::organisations();
        let staff = Some(("swv-po".parse().unwrap(), "consulent-07".to_owned()));
        let options = [(
            CLIENT.parse().unwrap(),
            FolderOptions {
                staff,
                ..FolderOptions::default()
            },
        )]
        .into();
        let plan = Plan {
            folder: folder.path(),
            gateway: "https://localhost:8443",
            authority: "test",
            validity: Validity::around(NOW.parse().unwrap(), 30),
            options: &options,
        };
        plan.make(&mut organisations).unwrap();
        let mut config = Config::parse(
            "gateway.toml",
            "[deployment]\nname = \"t\"\ntenant = \"t\"\norigin = \"t\"\n[token]\nissuer = \"https://localhost\"\n\
             [exchange]\nlisten = \"127.0.0.1:0\"\n[console]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"",
            &Environment::default(),
        )
        .unwrap();
        let tls = folder.path().join("gateway/tls");
        config.exchange.certificate = tls.join("server.crt");
        config.exchange.key = tls.join("server.key");
        config.exchange.client_ca = tls.join("client-ca.crt");
        let tls = Arc::new(Tls::load(&config, Examples::Refuse, clock()).unwrap());
        let running = run(
            Listeners {
                exchange: exchange(),
                ..Listeners::default()
            },
            &config,
            tls,
            Arc::default(),
            Shutdown::new(),
        )
        .await
        .unwrap();
        let world = Self { folder, running };
        let port = world.running.exchange().port();
        world.rewrite(|text| text.replace(":8443", &format!(":{port}")));
        world
    }

    fn client_folder(&self) -> PathBuf {
        self.folder.path().join("clients").join(CLIENT)
    }

    fn rewrite(&self, change: impl Fn(&str) -> String) {
        let file = self.client_folder().join("client.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, change(&text)).unwrap();
    }

    fn client(&self) -> Client {
        Client::open_with_clock(&self.client_folder(), clock()).unwrap()
    }
}

fn exchange() -> Router {
    Router::new()
        .route("/oauth/token", post(token))
        .route("/v1/purposes/{p}/questions/{q}", get(question))
        .route("/v1/queries", post(query))
        .route("/v1/deliveries/{id}", post(deliver).get(delivery))
        .with_state(Arc::new(AtomicUsize::new(0)))
}

async fn token(
    State(issued): State<Arc<AtomicUsize>>,
    Extension(peer): Extension<Peer>,
    body: String,
) -> impl IntoResponse {
    assert_eq!(peer.certificate.unwrap().oin.as_str(), "00000099000000240101");
    assert!(body.starts_with("grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams"));
    let number = issued.fetch_add(1, Ordering::SeqCst);
    axum::Json(
        json!({ "access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": 600 }),
    )
}

async fn question(
    Segment((purpose, question)): Segment<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> impl IntoResponse {
    if purpose == "ended" && headers["authorization"] == "Bearer token-0" {
        let problem = json!({ "code": "token-ended", "title": "the token has ended" });
        return (StatusCode::UNAUTHORIZED, axum::Json(problem)).into_response();
    }
    let row = format!(r#"{{"zone":{{"code":"{question}","label":"x"}},"a":1}}"#);
    let query = query.unwrap_or_default();
    format!(r#"{{"data":[{row}],"meta":{{"query":"{query}"}},"receipt":{{"index":7}}}}"#).into_response()
}

async fn query(axum::Json(body): axum::Json<Value>) -> impl IntoResponse {
    if body["purpose"] == "nothing" {
        let problem = json!({
            "type": "https://x/p", "title": "not granted", "status": 403, "detail": "no grant names this field",
            "code": "field-not-granted", "traceId": "abc", "clause": "grant 0", "allowed": ["a"],
            "errors": [{ "in": "body", "location": "/fields/1", "code": "not-granted", "detail": "`b` is not granted" }],
        });
        return (StatusCode::FORBIDDEN, axum::Json(problem)).into_response();
    }
    axum::Json(json!({ "data": [], "meta": body })).into_response()
}

async fn deliver(
    Segment(dataset): Segment<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    assert_eq!(headers["content-type"], "text/csv");
    assert_eq!(body, "a,b\n1,2\n");
    let state = json!({ "id": "d1", "state": "staging", "dataset": dataset, "query": query });
    (StatusCode::ACCEPTED, axum::Json(state))
}

async fn delivery(Segment(id): Segment<String>) -> impl IntoResponse {
    axum::Json(json!({ "id": id, "state": "active", "rows": 1, "receipt": { "index": 8 } }))
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn a_question_is_asked_with_one_token() {
    let world = World::new().await;
    let client = world.client();
    let ask = Ask {
        purpose: "p".to_owned(),
        question: "a/b".to_owned(),
        epoch: Some("latest".to_owned()),
        compared_with: None,
        only: vec![(
            "enrolment.neighbourhood@district".to_owned(),
            "ALM & HAVEN".to_owned(),
        )],
    };
    let answer = client.ask(&ask).await.unwrap();
    let rows = answer.rows();
    assert_eq!(rows[0].0[0].0, "zone", "members stay in the order of the answer");
    assert_eq!(rows[0].0[0].1["code"], "a/b");
    assert_eq!(
        answer.meta().unwrap()["query"],
        "epoch=latest&enrolment.neighbourhood%40district=ALM+%26+HAVEN"
    );
    assert_eq!(answer.receipt().unwrap()["index"], 7);
    client.ask(&ask).await.unwrap();
    assert_eq!(client.token().await.unwrap(), "token-0");
    assert!(!format!("{answer:?}").contains("HAVEN"));
}

#[tokio::test]
async fn a_token_that_ended_early_is_replaced_once() {
    let world = World::new().await;
    let client = world.client();
    let ask = Ask {
        purpose: "ended".to_owned(),
        question: "q".to_owned(),
        ..Ask::default()
    };
    assert_eq!(client.ask(&ask).await.unwrap().status(), 200);
    assert_eq!(client.token().await.unwrap(), "token-1");
}

#[tokio::test]
async fn a_body_with_on_behalf_of_is_signed_for() {
    let world = World::new().await;
    let client = world.client();
    let plain = client.query(object(&json!({ "purpose": "p" }))).await.unwrap();
    assert!(plain.meta().unwrap().get("onBehalfOf").is_none());

    let body = json!({ "purpose": "p", "onBehalfOf": { "case": "7" } });
    let answer = client.query(object(&body)).await.unwrap();

    let assertion = answer.meta().unwrap()["onBehalfOf"]["assertion"]
        .as_str()
        .unwrap();
    let claims = assertion.split('.').nth(1).unwrap();
    let claims = data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let digest = doelpoort_core::request_digest::RequestDigest::of(&object(&body)).unwrap();
    assert_eq!(claims["sub"], "consulent-07");
    assert_eq!(claims["client_id"], CLIENT);
    assert_eq!(claims["request_digest"], digest.to_string());
    assert_eq!(claims["aud"], client.settings().gateway);
}

#[tokio::test]
async fn a_refusal_says_everything_in_one_error() {
    let world = World::new().await;
    let refused = world
        .client()
        .query(object(&json!({ "purpose": "nothing" })))
        .await
        .unwrap_err();
    insta::assert_snapshot!(refused, @r#"
    403 field-not-granted: not granted
      no grant names this field
      body /fields/1: `b` is not granted (not-granted)
      decided by: grant 0
      allowed: ["a"]
      trace: abc
    "#);
}

#[tokio::test]
async fn a_delivery_is_streamed_and_waited_for() {
    let world = World::new().await;
    let file = world.folder.path().join("rows.csv");
    std::fs::write(&file, "a,b\n1,2\n").unwrap();
    let delivery = Delivery {
        dataset: "enrolment".to_owned(),
        period: Some("2026-2027".to_owned()),
        media: Media::of_file(&file),
        ..Delivery::default()
    };
    let answer = world.client().deliver_file(&delivery, &file).await.unwrap();
    assert_eq!(answer.json()["state"], "active");
    assert_eq!(answer.receipt().unwrap()["index"], 8);
    let url = delivery.url(world.client().settings()).unwrap();
    assert!(
        url.ends_with("/v1/deliveries/enrolment?mode=snapshot&period=2026-2027"),
        "{url}"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_one_clear_line() {
    let world = World::new().await;
    let folder = world.client_folder();
    let open = || Client::open_with_clock(&folder, clock()).unwrap_err().to_string();
    let nowhere = Client::open(&folder.join("none")).unwrap_err().to_string();
    assert!(
        nowhere.contains("none/client.toml: not a client's folder"),
        "{nowhere}"
    );

    let settings = std::fs::read_to_string(folder.join("client.toml")).unwrap();
    world.rewrite(|text| format!("gatway = \"x\"\n{text}"));
    assert!(
        open().contains("client.toml:1: unknown field `gatway`"),
        "{}",
        open()
    );
    world.rewrite(|_| settings.replace("https://", "http://"));
    assert!(
        open().ends_with("`gateway` does not start with `https://`"),
        "{}",
        open()
    );
    world.rewrite(|_| settings.clone());

    for (file, expected) in [
        (
            "staff.key",
            "is no Ed25519 or P-256 private key in PKCS#8 PEM or as a JWK",
        ),
        (
            "assertion.key",
            "is no Ed25519 or P-256 private key in PKCS#8 PEM or as a JWK",
        ),
        ("client.key", "no private key"),
        ("client.crt", "cannot read the client certificate from"),
        ("ca.crt", "cannot read the gateway's authority from"),
    ] {
        std::fs::write(folder.join(file), "secret nonsense").unwrap();
        let message = open();
        assert!(
            message.contains(expected) && message.lines().count() == 1,
            "{file}: {message}"
        );
        assert!(!message.contains("nonsense"), "{message}");
    }
}

#[tokio::test]
async fn a_gateway_that_is_away_is_one_clear_line() {
    let world = World::new().await;
    let port = world.running.exchange().port().to_string();
    world.rewrite(|text| text.replace(&port, "1"));
    let message = world.client().token().await.unwrap_err().to_string();
    assert!(
        message.starts_with("no answer from `https://localhost:1`: "),
        "{message}"
    );
    assert!(message.contains("refused"), "{message}");
}
