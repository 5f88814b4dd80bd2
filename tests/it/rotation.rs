//! Whoever is no longer believed is out at once, and everybody else notices nothing: certificates, authorities and clients
//! are changed while requests run.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use doelpoort::clock::Clock as _;
use doelpoort::demo::pki::{Authority, Validity};
use rstest::rstest;
use tokio::time::sleep;

use crate::support::database::Backend;
use crate::support::load::Load;
use crate::support::world::World;
use crate::support::world::ask::send_plain;

/// Changes of each file.
const ROTATIONS: usize = 4;
/// Files are looked at each 400 ms, and read when two looks saw the same.
const SEEN_WITHIN: Duration = Duration::from_secs(4);

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_removed_client_is_out_with_the_first_request_after_the_reload(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let (removed, kept) = (
        world.client("board-41676-dashboard"),
        world.client("swv-po-dashboard"),
    );
    let (token, other) = (removed.token().await.unwrap(), kept.token().await.unwrap());
    let ask = async |client: &doelpoort::client::Client, token: &str| {
        send_plain(client.http().get(client.url("/v1/catalogue")).bearer_auth(token))
            .await
            .status
    };
    assert_eq!(
        (ask(&removed, &token).await, ask(&kept, &other).await),
        (200, 200)
    );

    let file = world.policies().join("organisations.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let from = text
        .find("[[organisation.client]]\nid = \"board-41676-dashboard\"")
        .unwrap();
    let length = text[from + 2..].find("\n[").unwrap() + 2;
    std::fs::write(&file, format!("{}{}", &text[..from], &text[from + length..])).unwrap();
    // Who takes part is signed with each purpose: the new versions are signed without the client.
    world.raise_versions();
    world.approve();
    world.gateway.reload_policies().await.unwrap();
    assert_eq!(
        ask(&removed, &token).await,
        401,
        "on its open connection, with its token"
    );
    assert!(removed.token().await.is_ok(), "the client still holds it");
    removed.forget_token().await;
    assert!(removed.token().await.is_err(), "and it gets no other");
    assert_eq!(ask(&kept, &other).await, 200);
}

/// The catalogue, on a new connection or always the same.
async fn catalogue(http: reqwest::Client, url: String, token: String) -> Result<(), String> {
    match http.get(&url).bearer_auth(&token).send().await {
        Ok(answer) if answer.status() == 200 => Ok(()),
        answer => Err(format!("{answer:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_rotate_under_load_and_no_request_fails() {
    let now = crate::support::world::START.parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let authority = Authority::new("rotating", Validity::around(now, 300)).unwrap();
    let put = |name: &str, text: &str| {
        // As a tool for certificates does: whole, under another name, then in its place.
        std::fs::write(file("new"), text).unwrap();
        std::fs::rename(file("new"), file(name)).unwrap();
    };
    let server = || {
        let issued = authority.server().unwrap();
        put("server.key", &issued.key);
        put("server.crt", &issued.certificate);
    };
    server();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys-example/gateway/tls/client-ca.crt");
    let clients = std::fs::read_to_string(examples).unwrap();
    put("clients.crt", &clients);
    let world = World::with(Backend::Sqlite, |config| {
        config.exchange.certificate = file("server.crt");
        config.exchange.key = file("server.key");
        config.exchange.client_ca = file("clients.crt");
        config.limits.client_requests_per_min_max = 1_000_000;
    })
    .await
    .unwrap();
    let program = world.client_folder("swv-po-dashboard");
    std::fs::write(program.path().join("ca.crt"), authority.certificate()).unwrap();
    let clock: Arc<dyn doelpoort::clock::Clock> = Arc::<doelpoort::clock::FixedClock>::clone(&world.clock);
    let client = doelpoort::client::Client::open_with_clock(program.path(), clock).unwrap();
    let token = client.token().await.unwrap();
    let fresh = || {
        let tls = crate::support::world::raw::tls_of(program.path(), world.clock.now());
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        http.tls_backend_preconfigured(tls).build().unwrap()
    };
    let mut load = Load::default();
    let url = world.url("/v1/catalogue");
    for http in [client.http().clone(), fresh(), fresh()] {
        let (url, token) = (url.clone(), token.clone());
        load.add(move || catalogue(http.clone(), url.clone(), token.clone()));
    }

    for rotation in 0..ROTATIONS {
        let before = served(&world, &program).await;
        if rotation % 2 == 0 {
            let newcomer = Authority::new("newcomer", Validity::around(now, 300)).unwrap();
            put("clients.crt", &format!("{clients}{}", newcomer.certificate()));
        }
        server();
        let began = Instant::now();
        while served(&world, &program).await == before {
            assert!(began.elapsed() < SEEN_WITHIN, "the new certificate was not seen");
            sleep(Duration::from_millis(50)).await;
        }
    }
    load.ends().await;
}

/// The certificate that a new connection is shown.
async fn served(world: &World, program: &tempfile::TempDir) -> Vec<u8> {
    let tls = crate::support::world::raw::tls_of(program.path(), world.clock.now());
    let stream = tokio::net::TcpStream::connect(world.running().exchange())
        .await
        .unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
    let stream = connector.connect(name, stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}
