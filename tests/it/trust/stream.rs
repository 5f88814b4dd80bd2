//! An answer that is being sent is cut when its purpose is withdrawn, by whichever replica.

use std::time::{Duration, Instant};

use doelpoort::identity::PeerCertificate;
use doelpoort_core::audit::leaf::{Value, extra};
use doelpoort_core::party::Pin;
use rstest::rstest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::withdrawal::withdraw;
use crate::support::database::Backend;
use crate::support::world::ask::figures;
use crate::support::world::{World, raw};

/// What the gateway, the system and the reader hold of an answer at most when it is cut.
const ON_THE_WAY_BYTES_MAX: usize = 160 * 1024;

/// Asks the whole atlas and reads the head of the answer: the connection, the announced length, what came with the head.
async fn ask(world: &World, base: &str, accept: &str) -> (TlsStream<TcpStream>, usize, usize) {
    let client = "swv-po-dashboard";
    let token = world.client_at(client, base).token().await.unwrap();
    let mut stream = raw::connect(world, client, base).await;
    let dimensions = [
        "resident.neighbourhood@neighbourhood",
        "enrolment.sector@sector",
        "resident.attends",
    ];
    let wire = raw::ask(&mut stream, &token, accept, &figures(&dimensions, json!({}))).await;
    assert_eq!(wire.status(), 200, "{}", wire.head);
    let length = wire.header("content-length").unwrap().parse().unwrap();
    (stream, length, wire.body.len())
}

/// Reads on to the end, which is an error where the answer was cut.
async fn rest(stream: &mut TlsStream<TcpStream>) -> usize {
    raw::rest(stream).await.len()
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

/// What comes into force while an answer is on its way, and whether the answer goes on.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// A new version of everything, with a program's keys added.
    Keys,
    /// Another agreement.
    Terms,
    /// The program has another certificate; this one is nobody's.
    Certificate,
}

#[rstest]
#[case::keys(Backend::Sqlite, Change::Keys)]
#[case::keys_postgres(Backend::Postgres, Change::Keys)]
#[case::terms(Backend::Sqlite, Change::Terms)]
#[case::terms_postgres(Backend::Postgres, Change::Terms)]
#[case::certificate(Backend::Sqlite, Change::Certificate)]
#[case::certificate_postgres(Backend::Postgres, Change::Certificate)]
#[tokio::test]
async fn an_answer_goes_on_while_it_is_granted(#[case] backend: Backend, #[case] change: Change) {
    let Some(world) = counted(backend).await else {
        return;
    };
    let (mut stream, length, begun) = ask(&world, &world.url(""), "application/json").await;
    assert!(length > 2 * ON_THE_WAY_BYTES_MAX, "too short to tell: {length}");
    match change {
        Change::Keys => {}
        Change::Terms => world.edit(
            "purposes/youth-atlas.toml",
            "retention = \"P1Y\"",
            "retention = \"P6M\"",
        ),
        Change::Certificate => {
            let folder = world.client_folder("swv-po-dashboard");
            let certificate = CertificateDer::from_pem_file(folder.path().join("client.crt")).unwrap();
            let certificate = PeerCertificate::from_der(&certificate).unwrap();
            let another = Pin::of(b"another").to_string();
            let file = world.policies().join("organisations.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            let pins = [certificate.thumbprint, certificate.key_pin].map(|pin| pin.to_string());
            assert!(pins.iter().any(|pin| text.contains(pin)));
            let text = pins.iter().fold(text, |text, pin| text.replace(pin, &another));
            std::fs::write(file, text).unwrap();
        }
    }
    world.raise_versions();
    world.approve();
    assert!(world.gateway.reload_policies().await.unwrap());
    let got = begun + rest(&mut stream).await;
    match change {
        Change::Keys => assert_eq!(got, length),
        Change::Terms | Change::Certificate => {
            assert!(got <= ON_THE_WAY_BYTES_MAX, "{change:?}: {got} of {length}");
        }
    }
}
