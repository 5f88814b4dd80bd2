//! Tokens that the gateway did not issue, over HTTPS: of a realm that a partnership names, and of the Manager of an FSC
//! group that a vendor names.

use std::path::Path;
use std::sync::Arc;

use doelpoort::identity::{Jwk, PeerCertificate};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::*;
use crate::support::world::ask::figures;

const REALM: &str = "https://tokens.swv-po.example";
/// The peer whose Manager issues the tokens, as FSC has it: an OIN.
const MANAGER: &str = "00000099000000999999";
const VENDOR: &str = "vendor-alpha-delivery";
const VENDOR_OIN: &str = "00000099000000900001";
const BOARD_OIN: &str = "00000099000000041676";

/// The key of an authorization server.
pub(super) struct Issuer(Ed25519KeyPair);

impl Issuer {
    fn new() -> Arc<Self> {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Arc::new(Self(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap()))
    }

    pub(super) fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }

    fn jwk(&self) -> Jwk {
        Jwk::ed25519(&self.public().try_into().unwrap())
    }
}

/// A world in which the partnership and the vendor name the issuer, signed by all.
async fn naming(backend: Backend, issuer: &Issuer) -> Option<World> {
    let jwks = json!({ "keys": [issuer.jwk()] });
    let prepare = |policies: &Path| {
        let file = policies.join("organisations.toml");
        let mut text = std::fs::read_to_string(&file).unwrap();
        for (first, name) in [(CLIENT, REALM), (VENDOR, MANAGER)] {
            let at = format!("[[organisation.client]]\nid = \"{first}\"\n");
            assert!(text.contains(&at), "{first}");
            let tokens = format!("[organisation.tokens]\nissuer = \"{name}\"\njwks = '{jwks}'\n{at}");
            text = text.replacen(&at, &tokens, 1);
        }
        std::fs::write(file, text).unwrap();
    };
    World::prepared(backend, prepare, |config| {
        config.limits.address_requests_per_min_max = 100_000;
    })
    .await
}

/// SHA-256 of a program's certificate, as a token names it.
fn thumbprint(world: &World, client: &str) -> String {
    let folder = world.client_folder(client);
    let certificate = CertificateDer::from_pem_file(folder.path().join("client.crt")).unwrap();
    PeerCertificate::from_der(&certificate)
        .unwrap()
        .thumbprint
        .to_string()
}

/// As a realm issues it to the partnership's dashboard (RFC 9068).
fn of_the_realm(world: &World, issuer: &Arc<Issuer>) -> Good {
    let now = world.clock_now().as_second();
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": issuer.jwk().kid});
    let claims = json!({
        "iss": REALM, "aud": "https://localhost:8443", "sub": "service-account", "azp": CLIENT, "jti": good::fresh_id(),
        "iat": now, "exp": now + 600, "scope": "openid youth-atlas",
        "cnf": {"x5t#S256": thumbprint(world, CLIENT)},
    });
    Good::foreign(issuer, header, claims)
}

/// As a Manager issues it to the vendor that a board delegated to (FSC Core, "Access token").
fn of_the_manager(world: &World, issuer: &Arc<Issuer>) -> Good {
    let now = world.clock_now().as_second();
    let header = json!({"alg": "EdDSA", "x5t#S256": issuer.jwk().kid});
    let claims = json!({
        "gth": "$1$4$+PQI7we01qIfEwq4O5UioLKzjGBgRva6F5", "gid": "almere", "iss": MANAGER, "svc": "doelpoort",
        "sub": BOARD_OIN, "act": {"sub": VENDOR_OIN}, "aud": "https://localhost:8443", "nbf": now, "exp": now + 600,
        "cnf": {"x5t#S256": thumbprint(world, VENDOR)},
        "prp": {"purposes": ["delivery-enrolment"]}, "add": {},
    });
    Good::foreign(issuer, header, claims)
}

async fn ask(client: &Client, token: &str) -> String {
    let body = serde_json::Value::Object(figures(&[], json!({}))).to_string();
    let request = client.http().post(client.url("/v1/queries")).body(body);
    send_plain(request.bearer_auth(token)).await.refusal()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_token_of_the_organisations_own_realm_asks_what_its_scope_names(#[case] backend: Backend) {
    let issuer = Issuer::new();
    let Some(world) = naming(backend, &issuer).await else {
        return;
    };
    let client = world.client(CLIENT);
    let mut good = of_the_realm(&world, &issuer);
    let own = client.token().await.unwrap();
    // Of the purpose that its scope names: as with a token of ours, there is no epoch yet.
    let (theirs, ours) = (ask(&client, &good.token()).await, ask(&client, &own).await);
    assert_eq!(theirs, ours);
    assert!(theirs.starts_with("404 "), "{theirs}");
    // With another certificate it is nothing.
    let other = world.client("municipality-dashboard");
    let stolen = catalogue(&other, &[&format!("Bearer {}", good.token())]).await;
    assert_eq!(bearer(&stolen), r#"401 Bearer error="invalid_token""#);
    // A scope without the purpose does not reach it, and the refusal is in the log.
    good.claims["scope"] = json!("openid");
    let size = world.report().await.size;
    let uncovered = ask(&client, &good.token()).await;
    assert!(uncovered.starts_with("403 "), "{uncovered}");
    assert!(world.report().await.size > size);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_hostile_token_of_another_issuer_is_let_in(#[case] backend: Backend) {
    let issuer = Issuer::new();
    let Some(world) = naming(backend, &issuer).await else {
        return;
    };
    let client = world.client(CLIENT);
    let good = of_the_realm(&world, &issuer);
    let tried = good.spoiled(&[OF_EVERY_KIND]);
    names_differ(&tried);
    let mut wrong = Vec::new();
    for (name, token) in tried {
        let told = bearer(&catalogue(&client, &[&format!("Bearer {token}")]).await);
        if told != r#"401 Bearer error="invalid_token""# {
            wrong.push((name, told));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    let let_in = catalogue(&client, &[&format!("Bearer {}", good.token())]).await;
    assert_eq!(let_in.status, 200, "{}", let_in.text);
}

#[tokio::test]
async fn an_outway_sends_its_token_in_its_own_header() {
    let issuer = Issuer::new();
    let world = naming(Backend::Sqlite, &issuer).await.unwrap();
    let client = world.client(VENDOR);
    let token = format!("Bearer {}", of_the_manager(&world, &issuer).token());
    let outway = || {
        let request = client.http().get(client.url("/v1/catalogue"));
        request.header("fsc-authorization", &token)
    };
    let let_in = send_plain(outway()).await;
    assert_eq!(let_in.status, 200, "{}", let_in.text);
    assert_eq!(catalogue(&client, &[&token]).await.status, 200);
    let both = send_plain(outway().header("authorization", &token)).await;
    assert_eq!(bearer(&both), r#"400 Bearer error="invalid_request""#);
    let stolen = world.client(CLIENT);
    let plain = catalogue(&stolen, &[&token]).await;
    assert_eq!(plain.headers.get("fsc-error-code"), None);
    let stolen = stolen.http().get(stolen.url("/v1/catalogue"));
    let stolen = send_plain(stolen.header("fsc-authorization", &token)).await;
    assert_eq!(bearer(&stolen), r#"401 Bearer error="invalid_token""#);
    assert_eq!(stolen.header("fsc-error-code"), "ERROR_CODE_ACCESS_TOKEN_INVALID");
}
