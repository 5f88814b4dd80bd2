//! Replicas have the same policies or do not answer.

use std::time::Duration;

use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{figures, refusal};
use crate::support::world::files::copy;

/// Waits until the condition holds, at most so long.
pub(super) async fn within(limit: Duration, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(limit, waiting)
        .await
        .expect("it did not come in time");
}

#[tokio::test]
async fn a_replica_with_other_files_answers_nothing_until_it_has_the_same() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let own = tempfile::tempdir().unwrap();
    copy(world.policies(), own.path());
    let other = world.replica(Some(own.path())).await;
    let client = world.client_at("swv-po-dashboard", &other.base);
    let asked = || client.query(figures(&[], json!({})));
    assert_eq!(refusal(asked().await), "404 no-such-epoch");

    world.edit("purposes/youth-atlas.toml", "version = 1", "version = 2");
    world.approve();
    world.gateway.reload_policies().await.unwrap();
    within(Duration::from_secs(5), || {
        !other.gateway.policies().current().in_force
    })
    .await;
    assert_eq!(refusal(asked().await), "503 policies-not-in-force");
    client.forget_token().await;
    assert!(client.token().await.is_err(), "nor does it give tokens");

    copy(world.policies(), own.path());
    within(Duration::from_secs(30), || {
        other.gateway.policies().current().in_force
    })
    .await;
    assert_eq!(refusal(asked().await), "404 no-such-epoch");
    assert_eq!(
        other.gateway.policies().current().generation,
        world.gateway.policies().current().generation
    );
    other.stop().await;
}
