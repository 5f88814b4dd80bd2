//! An answer that is being sent is cut when its purpose is withdrawn, by whichever replica.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doelpoort_core::audit::leaf::{Value, extra};
use rstest::rstest;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::withdrawal::withdraw;
use crate::support::database::Backend;
use crate::support::world::ask::figures;
use crate::support::world::{START, World};

/// What the gateway, the system and the reader hold of an answer at most when it is cut.
const ON_THE_WAY_BYTES_MAX: usize = 160 * 1024;

/// The clock of the tests' certificates.
#[derive(Debug)]
struct Then;

impl rustls::time_provider::TimeProvider for Then {
    fn current_time(&self) -> Option<UnixTime> {
        let start: jiff::Timestamp = START.parse().unwrap();
        let seconds = u64::try_from(start.as_second()).unwrap();
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// A connection whose reader takes its time: the system keeps hardly anything for it.
async fn connect(world: &World, client: &str, base: &str) -> TlsStream<TcpStream> {
    let folder = world.client_folder(client);
    let file = |name: &str| folder.path().join(name);
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(file("ca.crt")).unwrap())
        .unwrap();
    let chain: Vec<_> = CertificateDer::pem_file_iter(file("client.crt"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(file("client.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_details(provider, Arc::new(Then))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
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

/// Asks the whole atlas and reads the head of the answer: the connection, the announced length, what came with the head.
async fn ask(world: &World, base: &str, accept: &str) -> (TlsStream<TcpStream>, usize, usize) {
    let client = "swv-po-dashboard";
    let token = world.client_at(client, base).token().await.unwrap();
    let mut stream = connect(world, client, base).await;
    let dimensions = [
        "resident.neighbourhood@neighbourhood",
        "enrolment.sector@sector",
        "resident.attends",
    ];
    let body = serde_json::Value::Object(figures(&dimensions, json!({}))).to_string();
    let head = format!(
        "POST /v1/queries HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nAccept: {accept}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        &*token,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let end = loop {
        let mut piece = [0; 512];
        let count = stream.read(&mut piece).await.unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8(read[..end].to_vec()).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok"), "{head}");
    let length = head
        .split("content-length: ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap();
    (stream, length.parse().unwrap(), read.len() - end)
}

/// Reads on to the end, which is an error where the answer was cut.
async fn rest(stream: &mut TlsStream<TcpStream>) -> usize {
    let (mut piece, mut total) = (vec![0; 16 * 1024], 0);
    while let Ok(count) = stream.read(&mut piece).await
        && count > 0
    {
        total += count;
    }
    total
}

async fn counted(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    world.deliver_city().await;
    world.close_epoch().await;
    Some(world)
}

#[rstest]
#[case::sqlite(Backend::Sqlite, "application/x-ndjson")]
#[case::postgres(Backend::Postgres, "application/x-ndjson")]
#[case::sqlite_json(Backend::Sqlite, "application/json")]
#[tokio::test]
async fn a_withdrawal_cuts_answers_on_their_way_here_and_on_another_replica(
    #[case] backend: Backend,
    #[case] accept: &str,
) {
    let Some(world) = counted(backend).await else {
        return;
    };
    let other = world.replica(None).await;
    // Without a withdrawal the slow reader gets it all.
    let (mut whole, length, begun) = ask(&world, &world.url(""), accept).await;
    assert_eq!(begun + rest(&mut whole).await, length);
    assert!(length > 2 * ON_THE_WAY_BYTES_MAX, "too short to tell: {length}");

    let (mut here, _, begun_here) = ask(&world, &world.url(""), accept).await;
    let (mut there, _, begun_there) = ask(&world, &other.base, accept).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = withdraw(
        &world,
        "municipality-delivery",
        json!({ "purpose": "youth-atlas" }),
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let got = (
        begun_here + rest(&mut here).await,
        begun_there + rest(&mut there).await,
    );
    assert!(
        got.0 <= ON_THE_WAY_BYTES_MAX && got.1 <= ON_THE_WAY_BYTES_MAX,
        "{got:?} of {length}"
    );

    // The log says of both that they did not reach their end.
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let entries = world.last_entries(2).await;
        let cut = Value::Text("cut".to_owned());
        if entries
            .iter()
            .all(|leaf| leaf.event.extra.get(&extra::OUTCOME) == Some(&cut))
        {
            break;
        }
        assert!(Instant::now() < deadline, "{entries:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    other.stop().await;
}
