//! Round trips with real certificates and a real client.

use std::time::Instant;

use axum::Extension;
use axum::routing::{get, post};
use doelpoort_core::party::Oin;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::clock::FixedClock;
use crate::config::Environment;
use crate::demo::pki::{Authority, Issued, Validity};
use crate::tls::{Ending, Examples, TlsError};

const NOW: &str = "2026-11-22T10:00:00Z";

struct World {
    folder: tempfile::TempDir,
    authority: Authority,
    config: Config,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
}

impl World {
    fn new(limits: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("test authority", Validity::around(NOW.parse().unwrap(), 30)).unwrap();
        let server = authority.server().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("server.crt", &server.certificate);
        write("server.key", &server.key);
        write("ca.crt", &authority.certificate());
        write(
            "gateway.toml",
            "[deployment]\nname = \"t\"\ntenant = \"t\"\norigin = \"t\"\n[token]\nissuer = \"https://t\"\n\
             [exchange]\nlisten = \"127.0.0.1:0\"\ncertificate = \"server.crt\"\nkey = \"server.key\"\nclient_ca = \"ca.crt\"\n\
             [console]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
        );
        let config = Config::load(
            &folder.path().join("gateway.toml"),
            &Environment::of(limits.iter().copied()),
        );
        Self {
            folder,
            authority,
            config: config.unwrap(),
            metrics: Arc::default(),
            shutdown: Shutdown::new(),
        }
    }

    fn tls(&self) -> Result<Arc<Tls>, TlsError> {
        let clock = Arc::new(FixedClock::at(NOW.parse().unwrap()));
        Tls::load(&self.config, Examples::Accept, clock).map(Arc::new)
    }

    async fn serve(&self, tls: Arc<Tls>) -> Running {
        let exchange = Router::new()
            .route("/who", get(who))
            .route("/slow", get(|| async { sleep(Duration::from_millis(300)).await }))
            .route("/echo", post(|body: String| async { body }));
        let admin = Router::new().route("/ready", get(|| async { "ready" }));
        let routes = Listeners {
            exchange,
            console: Router::new().route("/", get(|| async { "Doelpoort" })),
            admin,
        };
        run(
            routes,
            &self.config,
            tls,
            Arc::clone(&self.metrics),
            self.shutdown.clone(),
        )
        .await
        .unwrap()
    }

    fn client(&self, issued: Option<&Issued>) -> reqwest::Client {
        let roots = crate::tls::certificates("an authority", &self.folder.path().join("ca.crt")).unwrap();
        let time = Arc::new(crate::tls::ClockTime(Arc::new(FixedClock::at(
            NOW.parse().unwrap(),
        ))));
        let builder = rustls::ClientConfig::builder_with_details(crate::tls::provider(), time)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(crate::tls::roots(roots).unwrap());
        let mut tls = match issued {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                use rustls::pki_types::pem::PemObject as _;
                let chain = CertificateDer::from_pem_slice(issued.certificate.as_bytes());
                let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(issued.key.as_bytes());
                builder
                    .with_client_auth_cert(vec![chain.unwrap()], key.unwrap())
                    .unwrap()
            }
        };
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(tls)
            .build()
            .unwrap()
    }
}

async fn who(Extension(peer): Extension<Peer>) -> String {
    match peer.certificate {
        Ok(certificate) => certificate.oin.to_string(),
        Err(why) => format!("nobody: {why}"),
    }
}

fn oin() -> Oin {
    "00000099000000041676".parse().unwrap()
}

async fn text(client: &reqwest::Client, running: &Running, path: &str) -> Result<String, reqwest::Error> {
    let address = running.exchange();
    client
        .get(format!("https://localhost:{}{path}", address.port()))
        .send()
        .await?
        .text()
        .await
}

#[tokio::test]
async fn the_peer_is_who_the_certificate_says() {
    let world = World::new(&[]);
    let issued = world.authority.client("a board", &oin()).unwrap();
    let running = world.serve(world.tls().unwrap()).await;
    assert_eq!(
        text(&world.client(Some(&issued)), &running, "/who")
            .await
            .unwrap(),
        "00000099000000041676"
    );
    let nobody = text(&world.client(None), &running, "/who").await.unwrap();
    assert_eq!(nobody, "nobody: no client certificate was presented");
}

#[tokio::test]
async fn http_2_is_spoken_and_the_admin_listener_is_plain() {
    let world = World::new(&[]);
    let running = world.serve(world.tls().unwrap()).await;
    let url = format!("https://localhost:{}/who", running.exchange().port());
    let answer = world.client(None).get(url).send().await.unwrap();
    assert_eq!(answer.version(), hyper::Version::HTTP_2);
    let url = format!("http://{}/ready", running.admin());
    assert_eq!(
        world
            .client(None)
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "ready"
    );
}

#[tokio::test]
async fn strangers_and_the_expired_are_refused_in_the_handshake() {
    let world = World::new(&[]);
    let running = world.serve(world.tls().unwrap()).await;
    let now: jiff::Timestamp = NOW.parse().unwrap();
    let stranger = Authority::new("another", Validity::around(now, 30))
        .unwrap()
        .client("x", &oin())
        .unwrap();
    assert!(
        text(&world.client(Some(&stranger)), &running, "/who")
            .await
            .is_err()
    );
    let past = Validity {
        from: now - jiff::SignedDuration::from_hours(72),
        until: now - jiff::SignedDuration::from_hours(1),
    };
    let expired = Authority::new("test authority", past)
        .unwrap()
        .client("x", &oin())
        .unwrap();
    assert!(
        text(&world.client(Some(&expired)), &running, "/who")
            .await
            .is_err()
    );
    assert!(
        world.metrics.encode().contains("end=\"HandshakeFailed\"} 2"),
        "{}",
        world.metrics.encode()
    );
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_after_a_reload() {
    let mut world = World::new(&[]);
    let crl = world.folder.path().join("revoked.crl");
    std::fs::write(&crl, world.authority.revocations(&[]).unwrap()).unwrap();
    world.config.exchange.crls = vec![crl.clone()];
    let (good, bad) = (
        world.authority.client("good", &oin()).unwrap(),
        world.authority.client("bad", &oin()).unwrap(),
    );
    let tls = world.tls().unwrap();
    let running = world.serve(Arc::clone(&tls)).await;
    let bad_client = world.client(Some(&bad));
    assert!(text(&bad_client, &running, "/who").await.is_ok());
    let good_client = world.client(Some(&good));
    assert!(text(&good_client, &running, "/who").await.is_ok());

    std::fs::write(&crl, world.authority.revocations(&[&bad]).unwrap()).unwrap();
    let began = Instant::now();
    tls.reload().unwrap();

    assert!(
        text(&bad_client, &running, "/who").await.is_err(),
        "an open connection is cut, and a new one refused"
    );
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(
        text(&good_client, &running, "/who").await.is_ok(),
        "one of others goes on"
    );
    assert!(
        world.metrics.encode().contains("end=\"Disbelieved\"} 1"),
        "{}",
        world.metrics.encode()
    );
    assert!(text(&world.client(Some(&bad)), &running, "/who").await.is_err());
    assert!(text(&world.client(Some(&good)), &running, "/who").await.is_ok());
    std::fs::write(&crl, "nonsense").unwrap();
    tls.reload().unwrap_err();
    assert!(
        text(&world.client(Some(&bad)), &running, "/who").await.is_err(),
        "the old list stays"
    );
    assert!(text(&world.client(Some(&good)), &running, "/who").await.is_ok());
}

#[tokio::test]
async fn running_requests_finish_when_the_gateway_stops() {
    let world = World::new(&[]);
    let running = world.serve(world.tls().unwrap()).await;
    let client = world.client(None);
    text(&client, &running, "/who").await.unwrap();
    let shutdown = world.shutdown.clone();
    let stop = async {
        sleep(Duration::from_millis(100)).await;
        shutdown.drain();
    };
    let (answer, ()) = tokio::join!(text(&client, &running, "/slow"), stop);
    answer.unwrap();
    timeout(Duration::from_secs(5), running.finished()).await.unwrap();
}

#[tokio::test]
async fn idle_and_silent_connections_are_closed() {
    let world = World::new(&[
        ("DOELPOORT__LIMITS__HEADER_TIME_S_MAX", "1"),
        ("DOELPOORT__LIMITS__HANDSHAKE_TIME_S_MAX", "1"),
    ]);
    let running = world.serve(world.tls().unwrap()).await;
    let began = Instant::now();
    let mut silent = TcpStream::connect(running.exchange()).await.unwrap();
    assert_eq!(
        silent.read(&mut [0; 1]).await.unwrap_or(0),
        0,
        "closed before its handshake"
    );
    let mut slow = TcpStream::connect(running.admin()).await.unwrap();
    slow.write_all(b"GET /ready HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = slow.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert!(began.elapsed() < Duration::from_secs(6));
    assert!(world.metrics.encode().contains("end=\"HandshakeTimeout\"} 1"));
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_counted() {
    let world = World::new(&[("DOELPOORT__LIMITS__CONNECTIONS_MAX", "1")]);
    let running = world.serve(world.tls().unwrap()).await;
    let client = world.client(None);
    text(&client, &running, "/who").await.unwrap();
    assert!(text(&world.client(None), &running, "/who").await.is_err());
    assert!(text(&client, &running, "/who").await.is_ok());
    assert!(world.metrics.encode().contains("end=\"Full\"} "));
}

#[test]
fn each_wrong_file_is_one_clear_error() {
    let world = World::new(&[]);
    let path = |name: &str| world.folder.path().join(name);
    let load = |change: &dyn Fn(&mut crate::config::Exchange)| {
        let mut settings = world.config.clone();
        change(&mut settings.exchange);
        let clock = Arc::new(FixedClock::at(NOW.parse().unwrap()));
        Tls::load(&settings, Examples::Accept, clock)
            .unwrap_err()
            .to_string()
    };
    let missing = load(&|settings| settings.certificate = path("none.crt"));
    assert!(
        missing.starts_with("cannot read a certificate from `"),
        "{missing}"
    );
    let no_key = load(&|settings| settings.key = path("ca.crt"));
    assert!(no_key.starts_with("cannot read a private key from `"), "{no_key}");
    let no_certificate = load(&|settings| settings.client_ca = path("server.key"));
    assert!(
        no_certificate.contains("no certificate in it"),
        "{no_certificate}"
    );
    let other = load(&|settings| settings.certificate = path("ca.crt"));
    assert!(
        other.starts_with("the server certificate and key cannot be used"),
        "{other}"
    );
}

#[test]
fn example_certificates_are_refused_in_production() {
    let world = World::new(&[]);
    let validity = Validity::around(NOW.parse().unwrap(), 30);
    let examples = Authority::new(crate::tls::EXAMPLE_ISSUER, validity).unwrap();
    let server = examples.server().unwrap();
    for (file, text) in [
        ("server.crt", server.certificate.as_str()),
        ("server.key", &server.key),
    ] {
        std::fs::write(world.folder.path().join(file), text).unwrap();
    }
    let clock = Arc::new(FixedClock::at(NOW.parse().unwrap()));
    let refused = Tls::load(&world.config, Examples::Refuse, clock);
    assert!(matches!(refused, Err(TlsError::Example { .. })));
    assert_eq!(world.tls().unwrap().days_left()[0], (Ending::Exchange, 30));
}
