//! A client of our own on a TLS connection: it sees every byte that comes back, and what comes after a refusal.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doelpoort::clock::Clock as _;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::World;

/// The clock of the tests' certificates.
#[derive(Debug)]
struct Then(u64);

impl rustls::time_provider::TimeProvider for Then {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// What came back on the wire.
#[derive(Debug)]
pub(crate) struct Wire {
    /// The W3C trace id that was sent along, another for each request.
    pub(crate) trace: [u8; 16],
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    /// Every byte after them.
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn status(&self) -> u16 {
        self.head
            .get(9..12)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines();
        lines
            .filter_map(|line| line.split_once(": "))
            .find_map(|(this, value)| (this == name).then_some(value))
    }
}

/// What a client speaks: with the certificate of this program or none, in these versions.
pub(crate) fn tls(
    world: &World,
    client: Option<&str>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ClientConfig {
    let folder = world.client_folder(client.unwrap_or("swv-po-dashboard"));
    let builder = builder(folder.path(), world.clock.now(), versions);
    match client {
        None => builder.with_no_client_auth(),
        Some(_) => certified(builder, folder.path()),
    }
}

/// What the program with this folder speaks.
pub(crate) fn tls_of(folder: &Path, now: Timestamp) -> rustls::ClientConfig {
    certified(builder(folder, now, &[&rustls::version::TLS13]), folder)
}

type Builder = rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert>;

fn builder(folder: &Path, now: Timestamp, versions: &[&'static rustls::SupportedProtocolVersion]) -> Builder {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(folder.join("ca.crt")).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let now = u64::try_from(now.as_second()).unwrap();
    rustls::ClientConfig::builder_with_details(provider, Arc::new(Then(now)))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
}

fn certified(builder: Builder, folder: &Path) -> rustls::ClientConfig {
    let chain: Vec<_> = CertificateDer::pem_file_iter(folder.join("client.crt"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("client.key")).unwrap();
    builder.with_client_auth_cert(chain, key).unwrap()
}

/// An HTTP client with the certificate of this program or none, that knows nothing of tokens.
pub(crate) fn http(world: &World, client: Option<&str>) -> reqwest::Client {
    let mut tls = tls(world, client, &[&rustls::version::TLS13]);
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}

/// A connection whose reader takes its time: the system keeps hardly anything for it.
pub(crate) async fn connect(world: &World, client: &str, base: &str) -> TlsStream<TcpStream> {
    let tls = tls(world, Some(client), &[&rustls::version::TLS13]);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let port = base.rsplit(':').next().unwrap();
    let stream = socket
        .connect(format!("127.0.0.1:{port}").parse().unwrap())
        .await
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await
        .unwrap()
}

/// Sends a query and reads the head of the answer, with what of the body came along.
pub(crate) async fn ask(
    stream: &mut TlsStream<TcpStream>,
    token: &str,
    accept: &str,
    query: &serde_json::Map<String, serde_json::Value>,
) -> Wire {
    static REQUESTS: AtomicU64 = AtomicU64::new(1);
    let trace = u128::from(REQUESTS.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
    let traceparent = format!(
        "00-{}-0000000000000001-01",
        data_encoding::HEXLOWER.encode(&trace)
    );
    let body = serde_json::to_string(query).unwrap();
    let request = format!(
        "POST /v1/queries HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nAccept: {accept}\r\n\
         Traceparent: {traceparent}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 512];
        let count = stream.read(&mut piece).await.unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            let head = String::from_utf8(read).unwrap().to_lowercase();
            return Wire { trace, head, body };
        }
    }
}

/// Reads on to the end, which is an error where the answer was cut.
pub(crate) async fn rest(stream: &mut TlsStream<TcpStream>) -> Vec<u8> {
    let (mut piece, mut all) = (vec![0; 16 * 1024], Vec::new());
    while let Ok(count) = stream.read(&mut piece).await
        && count > 0
    {
        all.extend_from_slice(&piece[..count]);
    }
    all
}
