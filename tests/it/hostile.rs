//! Clients that mean no good, on real sockets: each is cut or refused, is counted, and spoils nothing for others.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::database::Backend;
use crate::support::world::ask::send;
use crate::support::world::{World, raw};

/// Longer than any limit that is set here; a connection that is still open then was not cut.
const PATIENCE: Duration = Duration::from_secs(8);
const TLS13: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
const TLS12: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

async fn strict(change: impl FnOnce(&mut doelpoort::config::Config)) -> World {
    World::with(Backend::Sqlite, |config| {
        config.limits.header_time_s_max = 1;
        config.limits.handshake_time_s_max = 1;
        config.limits.header_bytes_max = 8192;
        config.limits.headers_max = 20;
        change(config);
    })
    .await
    .unwrap()
}

async fn connect(
    world: &World,
    client: Option<&str>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(world.running().exchange()).await?;
    let tls = raw::tls(world, client, versions);
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(tls)).connect(name, stream).await
}

/// Everything that comes back until the gateway closes, which it must.
async fn answered(world: &World, sent: &[u8]) -> String {
    let mut stream = connect(world, Some("swv-po-dashboard"), TLS13).await.unwrap();
    // The gateway may close before it has read all.
    let _ = stream.write_all(sent).await;
    let mut all = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut all))
        .await
        .expect("the gateway did not close");
    String::from_utf8_lossy(&all).into_owned()
}

async fn works(world: &World) {
    let client = world.client("swv-po-dashboard");
    let answer = send(&client, client.http().get(client.url("/v1/catalogue"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn metric(world: &World, line: &str) -> bool {
    let page = world.admin("/metrics").await.text;
    page.lines().any(|this| this.starts_with(line))
}

#[tokio::test]
async fn who_sends_slowly_is_cut() {
    let world = strict(|_| ()).await;
    let answer = answered(
        &world,
        b"GET /v1/catalogue HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    )
    .await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    let nothing = answered(&world, b"").await;
    assert_eq!(nothing, "");
    let mut mute = TcpStream::connect(world.running().exchange()).await.unwrap();
    let mut byte = [0];
    let end = timeout(PATIENCE, mute.read(&mut byte)).await.unwrap();
    assert_eq!(end.unwrap_or(0), 0);
    assert!(metric(&world, "doelpoort_connections_total{end=\"HandshakeTimeout\"}").await);
    works(&world).await;
}

#[tokio::test]
async fn what_is_too_long_is_refused_before_it_is_read() {
    let world = strict(|_| ()).await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(20_000));
    let fat = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X: y\r\n".repeat(30)
    );
    for (what, request) in [("line", long), ("header", fat), ("headers", many)] {
        let answer = answered(&world, request.as_bytes()).await;
        let status = answer.get(9..12).unwrap_or("none");
        assert!(["414", "431", "none"].contains(&status), "{what}: {answer}");
    }
    works(&world).await;
}

#[tokio::test]
async fn no_shape_smuggles_a_second_request() {
    let world = strict(|_| ()).await;
    let inner = "GET /v1/problems/overloaded HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let length = inner.len();
    let shapes = [
        (
            "two lengths",
            format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
        ),
        ("lengths in a list", format!("Content-Length: 0, {length}\r\n")),
        (
            "length and chunks",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        ),
        (
            "chunks not last",
            "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        ),
        (
            "chunks twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n".to_owned(),
        ),
        ("blank before the colon", format!("Content-Length : {length}\r\n")),
        ("a folded line", format!("X: y\r\n Content-Length: {length}\r\n")),
        ("a plus", format!("Content-Length: +{length}\r\n")),
        ("a bare return", format!("X: y\rContent-Length: {length}\r\n")),
        ("no number", "Content-Length: 0x10\r\n".to_owned()),
    ];
    for (what, headers) in shapes {
        // What is taken for the body of the first, or refused; never both a body and a request.
        let request =
            format!("POST /v1/queries HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n0\r\n\r\n{inner}");
        let answer = answered(&world, request.as_bytes()).await;
        let answers = answer.matches("HTTP/1.1 ").count();
        assert!(answers <= 1, "{what}: {answers} answers\n{answer}");
        assert!(!answer.starts_with("HTTP/1.1 2"), "{what}: {answer}");
    }
    works(&world).await;
}

#[tokio::test]
async fn a_compression_bomb_is_refused_while_it_is_unpacked() {
    use async_compression::tokio::bufread::GzipEncoder;
    let world = strict(|config| config.limits.delivery_bytes_max = 1024 * 1024).await;
    // 256 MiB of blanks in about 256 KiB.
    let blanks = tokio::io::repeat(b' ').take(256 * 1024 * 1024);
    let mut packed = Vec::new();
    GzipEncoder::new(tokio::io::BufReader::with_capacity(1024 * 1024, blanks))
        .read_to_end(&mut packed)
        .await
        .unwrap();
    assert!(packed.len() < 1024 * 1024, "{}", packed.len());
    let client = world.client("vendor-alpha-delivery");
    let url = client.url("/v1/deliveries/enrolment?mode=snapshot&holder=00000099000000041676");
    let request = client
        .http()
        .post(url)
        .header("content-type", "application/x-ndjson");
    let refused = send(&client, request.header("content-encoding", "gzip").body(packed)).await;
    assert!(
        [
            "413 application/problem+json too-large",
            "400 application/problem+json delivery-refused"
        ]
        .contains(&refused.refusal().as_str()),
        "{}",
        refused.text
    );
    works(&world).await;
}

#[tokio::test]
async fn idle_connections_take_their_share_and_no_more() {
    const IDLE: usize = 120;
    let world = strict(|config| {
        config.limits.connections_per_address_max = 100;
        config.limits.handshake_time_s_max = 30;
    })
    .await;
    works(&world).await;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(TcpStream::connect(world.running().exchange()).await.unwrap());
    }
    // The last ones are closed at once; those before them wait for their handshake to come.
    let mut byte = [0];
    let last = idle.last_mut().unwrap();
    let end = timeout(PATIENCE, last.read(&mut byte)).await.unwrap();
    assert_eq!(end.unwrap_or(0), 0);
    assert!(metric(&world, "doelpoort_connections_total{end=\"Full\"}").await);
    drop(idle);
    tokio::time::sleep(Duration::from_millis(200)).await;
    works(&world).await;
}

#[tokio::test]
async fn older_tls_is_spoken_only_where_it_is_configured() {
    let world = strict(|_| ()).await;
    connect(&world, Some("swv-po-dashboard"), TLS12)
        .await
        .unwrap_err();
    connect(&world, Some("swv-po-dashboard"), TLS13).await.unwrap();
    let older = strict(|config| config.exchange.tls_min = doelpoort::config::TlsVersion::Tls12).await;
    let stream = connect(&older, Some("swv-po-dashboard"), TLS12).await.unwrap();
    let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
    let name = format!("{suite:?}");
    assert!(
        name.starts_with("TLS_ECDHE_") && (name.contains("GCM") || name.contains("POLY1305")),
        "{name}"
    );
    works(&older).await;
}
