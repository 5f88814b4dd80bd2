//! Who is calling: the certificate and the token belong together, or nobody is.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{Response, figures, send_plain};

/// A question under a token, over whichever connection.
async fn ask(http: &reqwest::Client, world: &World, token: Option<&str>) -> Response {
    let body = serde_json::Value::Object(figures(&[], json!({}))).to_string();
    let request = http.post(world.url("/v1/queries")).body(body);
    send_plain(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
    .await
}

/// A connection that shows no certificate.
fn anonymous(world: &World) -> reqwest::Client {
    let folder = world.client_folder("swv-po-dashboard");
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(folder.path().join("ca.crt"));
    roots.add(authority.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_token_serves_with_its_own_certificate_only() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let (owner, thief) = (
        world.client("swv-po-dashboard"),
        world.client("municipality-dashboard"),
    );
    let token = owner.token().await.unwrap();
    let size = world.report().await.size;

    let stolen = ask(thief.http(), &world, Some(&token)).await;
    let none = ask(owner.http(), &world, None).await;
    let changed = ask(owner.http(), &world, Some(&format!("{token}x"))).await;

    assert_eq!(
        stolen.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    insta::assert_debug_snapshot!([stolen.refusal(), none.refusal(), changed.refusal()], @r#"
[
    "401 application/problem+json invalid-token",
    "401 application/problem+json invalid-token",
    "401 application/problem+json invalid-token",
]
"#);
    // Noise without identity is counted, not logged.
    assert_eq!(world.report().await.size, size);
    assert_eq!(ask(owner.http(), &world, Some(&token)).await.status, 404);
}

#[tokio::test]
async fn a_token_ends() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let token = client.token().await.unwrap();
    world.advance(1);
    assert_eq!(ask(client.http(), &world, Some(&token)).await.status, 401);
    // The client asks for another by itself.
    assert!(client.catalogue().await.is_ok());
}

#[tokio::test]
async fn without_a_certificate_there_is_no_token_and_only_what_is_public() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let owner = world.client("swv-po-dashboard");
    let token = owner.token().await.unwrap();
    let http = anonymous(&world);
    let Ok(open) = http.get(world.url("/v1/openapi.json")).send().await else {
        // The handshake itself may ask for a certificate; then there is nothing more to try.
        return;
    };
    assert_eq!(open.status(), 200);
    let asked = ask(&http, &world, Some(&token)).await;
    let form = "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=e30.e30.x";
    let token = http.post(world.url("/oauth/token")).body(form);
    let token = token.header("content-type", "application/x-www-form-urlencoded");
    let token = send_plain(token).await;
    insta::assert_debug_snapshot!([asked.refusal(), format!("{} {}", token.status, token.text)], @r#"
[
    "401 application/problem+json invalid-token",
    "401 {\"error\":\"invalid_client\",\"error_description\":\"the client did not prove itself\"}",
]
"#);
}

#[tokio::test]
async fn every_answer_names_the_api_version_and_may_not_be_kept() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let catalogue = client.http().get(client.url("/v1/catalogue"));
    let catalogue = send_plain(catalogue.bearer_auth(client.token().await.unwrap())).await;
    let refused = ask(client.http(), &world, None).await;
    for response in [catalogue, refused] {
        assert_eq!(response.header("api-version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(response.header("cache-control"), "no-store");
    }
}

/// The length of a compressed answer tells who counts bytes on the wire what is in it (BREACH).
#[tokio::test]
async fn no_answer_is_compressed_whatever_is_asked_for() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let token = client.token().await.unwrap();
    for path in ["/v1/catalogue", "/v1/openapi.json", "/v1/register", "/nowhere"] {
        for coding in [
            "gzip",
            "deflate",
            "br",
            "zstd",
            "*",
            "gzip, deflate, br, identity;q=0",
        ] {
            let request = client.http().get(client.url(path)).bearer_auth(&token);
            let answer = send_plain(request.header("accept-encoding", coding)).await;
            assert_eq!(answer.header("content-encoding"), "", "{path}, {coding}");
            assert!(answer.text.len() > 32, "{path}: too short to tell");
        }
    }
}
