//! What is published, over HTTPS: hashes for anyone, entries for auditors.

use doelpoort::client::Client;
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::leaf::{Value, extra};
use doelpoort_core::audit::merkle::leaf_hash;
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::tile::Tile;
use doelpoort_core::audit::witness::AddCheckpoint;

use super::*;
use crate::support::world::World;
use crate::support::world::ask::{Response, records, send, send_plain};

/// A world in which one program of the municipality is an auditor.
async fn audited() -> World {
    let prepare = |policies: &std::path::Path| {
        let file = policies.join("organisations.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let roles = "roles = [\"dashboard\", \"compulsory-education\"]";
        assert!(text.contains(roles));
        std::fs::write(
            &file,
            text.replacen(roles, "roles = [\"dashboard\", \"auditor\"]", 1),
        )
        .unwrap();
    };
    World::prepared(Backend::Sqlite, prepare, |_| ()).await.unwrap()
}

async fn read(client: &Client, path: &str) -> Response {
    send(client, client.http().get(client.url(path))).await
}

/// A request as anybody sends it: no token.
async fn anybody(client: &Client, path: &str) -> Response {
    send_plain(client.http().get(client.url(path))).await
}

#[tokio::test]
async fn anyone_reads_hashes_and_proofs_and_an_auditor_the_entries() {
    let world = audited().await;
    let asker = world.client("swv-po-consulent");
    let answer = asker.query(records(&["pseudonym"])).await.unwrap();
    let index = answer.receipt().unwrap()["index"].as_u64().unwrap();
    let key = world.gateway.log().verifier().clone();
    until("the entry is published", async || {
        anybody(&asker, &format!("/v1/log/proof/{index}")).await.status == 200
    })
    .await;
    let signed = anybody(&asker, "/v1/log/checkpoint").await;
    let checkpoint = Checkpoint::open(&signed.text, &key).unwrap();
    assert_eq!(signed.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(signed.header("cache-control"), "no-store");

    let proof = Proof::parse(&anybody(&asker, &format!("/v1/log/proof/{index}")).await.text).unwrap();
    let receipt = answer.receipt().unwrap();
    let leaf = data_encoding::BASE64
        .decode(receipt["leaf"].as_str().unwrap().as_bytes())
        .unwrap();
    proof.verify(&leaf_hash(&leaf), &key).unwrap();
    let grown = AddCheckpoint::parse(&anybody(&asker, "/v1/log/consistency/2").await.text).unwrap();
    assert_eq!((grown.old_size, grown.origin()), (2, key.name()));

    let tile = Tile::at(0, 0, checkpoint.size).unwrap();
    let hashes = anybody(&asker, &format!("/v1/log/tile/{}", tile.path())).await;
    assert_eq!(
        (hashes.status, hashes.header("content-type")),
        (200, "application/octet-stream")
    );
    assert_eq!(hashes.header("cache-control"), "public, max-age=86400");
    assert_eq!(
        hashes.header("content-length"),
        (u64::from(tile.width) * 32).to_string()
    );

    let entries = format!("/v1/log/tile/{}", tile.entries_path());
    assert_eq!(
        anybody(&asker, &entries).await.refusal(),
        "401 application/problem+json invalid-token"
    );
    assert_eq!(
        read(&asker, &entries).await.refusal(),
        "403 application/problem+json role-missing"
    );
    let auditor = world.client("municipality-dashboard");
    let bundle = read(&auditor, &entries).await;
    assert_eq!((bundle.status, bundle.header("cache-control")), (200, "no-store"));

    // Both readings are in the log: the refused one and the granted one, with what was read.
    let [refused, granted] = world.last_entries(2).await.try_into().unwrap();
    assert_eq!(
        (refused.event.kind, granted.event.kind),
        (Kind::LogRead, Kind::LogRead)
    );
    assert_eq!(refused.event.decision.as_deref(), Some("role-missing"));
    assert_eq!(granted.event.decision.as_deref(), Some(GRANTED));
    let range = [extra::FROM_INDEX, extra::UNTIL_INDEX].map(|key| granted.event.extra[&key].clone());
    assert_eq!(range, [Value::Number(0), Value::Number(tile.width.into())]);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_no_path() {
    let world = audited().await;
    let client = world.client("municipality-dashboard");
    let (absent, malformed) = (
        "404 application/problem+json not-found",
        "400 application/problem+json invalid-input",
    );
    for (path, expected) in [
        ("tile/0/000", absent),
        ("tile/1/000.p/1", absent),
        ("tile/entries/999", absent),
        ("proof/1000000", absent),
        ("consistency/1000000", absent),
        ("checkpoint/witnessed", absent),
        ("tile/entries", malformed),
        ("tile/0/000.p/256", malformed),
        ("tile/0/0", malformed),
        ("tile/64/000", malformed),
        ("tile/0/000.p/0", malformed),
        ("tile/entries/x/000", malformed),
        ("proof/01", malformed),
        ("proof/-1", malformed),
        ("consistency/x", malformed),
    ] {
        let response = read(&client, &format!("/v1/log/{path}")).await;
        assert_eq!(response.refusal(), expected, "{path}");
    }
}

#[tokio::test]
async fn one_address_reads_at_its_rate() {
    let world = World::with(Backend::Sqlite, |config| {
        config.limits.address_requests_per_min_max = 3;
    })
    .await
    .unwrap();
    let client = world.client("swv-po-consulent");
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(anybody(&client, "/v1/log/proof/0").await.status);
    }
    assert_eq!(statuses[3..], [429, 429], "{statuses:?}");
}
