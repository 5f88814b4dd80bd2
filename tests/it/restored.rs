//! A gateway on a database that was restored from an older backup: a withdrawal that was lost with the log must not be
//! forgotten.

use doelpoort::log::{Known, Offline};
use rstest::rstest;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::dump::{dump, play_back};
use crate::support::world::World;
use crate::support::world::ask::{refusal, send, send_plain};
use crate::support::world::pupils::resident;

/// The log of the world, for an operator.
async fn offline(world: &World) -> Offline {
    let (_, log) = doelpoort::gateway::offline(
        &world.files.config,
        doelpoort::keys::KeyUse::DemoOrTest,
        std::sync::Arc::<doelpoort::clock::FixedClock>::clone(&world.clock),
    )
    .await
    .unwrap();
    log
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_lost_withdrawal_lets_everything_sleep_until_it_is_approved_again(#[case] backend: Backend) {
    let Some(mut world) = World::new(backend).await else {
        return;
    };
    let rows: Vec<_> = (0..12).map(resident).collect();
    let deliver = async |world: &World| {
        world
            .try_deliver(
                "municipality-delivery",
                "resident",
                doelpoort::client::Mode::Snapshot,
                &rows,
            )
            .await
    };
    deliver(&world).await.unwrap();
    world.stop().await;
    let store = world.database.open().await;
    dump(&store).await;

    // A holder withdraws; then the database is lost, and an older one comes back.
    world.restart().await;
    let client = world.client("municipality-delivery");
    let request = client.http().post(client.url("/v1/withdrawals"));
    let answer = send(&client, request.body(json!({ "all": true }).to_string())).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(refusal(deliver(&world).await), "403 purpose-asleep");
    let log = world.gateway.log().clone();
    world.stop().await;
    let kept = log.checkpoint().await.unwrap_or_default();
    let kept = match kept {
        Some(kept) => kept,
        None => {
            doelpoort::store::log::last_checkpoint(&store, 1)
                .await
                .unwrap()
                .unwrap()
                .note
        }
    };
    play_back(&store).await;

    // The danger: on the restored database the withdrawal never was.
    dump(&store).await;
    world.restart().await;
    deliver(&world).await.unwrap();
    world.stop().await;
    play_back(&store).await;

    // So the operator says what happened, with the checkpoint that somebody kept.
    let operator = offline(&world).await;
    let known = Known::of_checkpoint(&kept, operator.key()).unwrap();
    operator.restore(&known).await.unwrap();
    world.restart().await;
    assert_eq!(refusal(deliver(&world).await), "403 purpose-asleep");
    let report = world.report().await;
    assert!(report.is_intact() && report.lost.len() == 1, "{report}");

    // Until those whose purpose it is say again what holds.
    world.advance(1);
    world.approve();
    world.gateway.reload_policies().await.unwrap();
    deliver(&world).await.unwrap();

    // Each shard stays readable, at an address of its own.
    let shards = send_plain(client.http().get(world.url("/v1/log/shards"))).await;
    let names: Vec<_> = shards
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["shard"].clone())
        .collect();
    assert_eq!(names, ["2026", "2026-2"]);
    let old = send_plain(client.http().get(world.url("/v1/log/shards/2026/checkpoint"))).await;
    assert!(
        old.text.starts_with("doelpoort.example/test/audit/2026\n"),
        "{}",
        old.text
    );
    let tile = send_plain(client.http().get(world.url("/v1/log/shards/2026/tile/0/000.p/1"))).await;
    assert_eq!((tile.status, tile.header("content-length")), (200, "32"));
    let none = send_plain(client.http().get(world.url("/v1/log/shards/2031/checkpoint"))).await;
    assert_eq!(none.status, 404);
}
