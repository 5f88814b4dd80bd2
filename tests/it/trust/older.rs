//! Older files on a replica: they do not come back for all, and what was taken out of the policies never does.

use std::path::Path;

use rstest::rstest;

use super::line;
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::refusal;
use crate::support::world::files::copy;

const APPROVAL: &str = "approvals/delivery-enrolment.board-41676.holder.jws";

async fn delivered(world: &World) -> String {
    let mode = doelpoort::client::Mode::Snapshot;
    refusal(
        world
            .try_deliver(
                "vendor-alpha-delivery",
                "enrolment",
                mode,
                &[serde_json::json!({})],
            )
            .await,
    )
}

fn drop_program(policies: &Path, id: &str) {
    let file = policies.join("organisations.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let kept: Vec<&str> = text
        .split("[[organisation")
        .filter(|part| !part.contains(&format!("id = \"{id}\"")))
        .collect();
    assert_eq!(kept.len() + 1, text.split("[[organisation").count());
    std::fs::write(file, kept.join("[[organisation")).unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_replica_that_starts_with_other_files_follows_until_somebody_says_otherwise(
    #[case] backend: Backend,
) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let old = tempfile::tempdir().unwrap();
    copy(world.policies(), old.path());
    std::fs::remove_file(world.policies().join(APPROVAL)).unwrap();
    world.gateway.reload_policies().await.unwrap();
    let in_force = world.gateway.policies().current().policies.digest;
    assert_eq!(delivered(&world).await, "403 purpose-asleep");

    let other = world.replica(Some(old.path())).await;
    assert!(!other.gateway.policies().current().in_force);
    let reloaded = other.gateway.reload_policies().await.unwrap_err().to_string();
    assert!(
        reloaded.starts_with("other policies are in force than this replica has"),
        "{reloaded}"
    );
    let client = world.client_at("vendor-alpha-delivery", &other.base);
    assert!(client.token().await.is_err(), "it answers nothing");
    let closed = other.gateway.close_epoch("children", None).await.unwrap_err();
    assert!(
        closed.to_string().starts_with("other policies are in force"),
        "{closed}"
    );
    assert_eq!(delivered(&world).await, "403 purpose-asleep");
    let current = world.gateway.policies().current();
    assert_eq!((current.in_force, current.policies.digest), (true, in_force));

    // A rollout: somebody says, once, that these are the ones.
    assert!(!other.gateway.activate_policies().await.unwrap());
    assert!(other.gateway.policies().current().in_force);
    super::replicas::within(std::time::Duration::from_secs(5), || {
        !world.gateway.policies().current().in_force
    })
    .await;
    copy(old.path(), world.policies());
    super::replicas::within(std::time::Duration::from_secs(30), || {
        world.gateway.policies().current().in_force
    })
    .await;
    assert_eq!(delivered(&world).await, "400 delivery-refused");
    other.stop().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn programs_and_mandates_that_were_taken_out_stay_out(#[case] backend: Backend) {
    let Some(mut world) = World::new(backend).await else {
        return;
    };
    let old = tempfile::tempdir().unwrap();
    copy(world.policies(), old.path());
    let before = world.report().await.size;
    drop_program(world.policies(), "vendor-beta-delivery");
    std::fs::remove_file(world.policies().join("mandates/vendor-alpha.board-62584.jws")).unwrap();
    assert!(world.gateway.reload_policies().await.unwrap());
    let entries = world.last_entries(world.report().await.size - before).await;
    let lines: Vec<String> = entries.iter().map(line).collect();
    let count = |what: &str| lines.iter().filter(|one| one.starts_with(what)).count();
    assert!(
        count("policy-changed client-revoked") >= 2,
        "certificate and key: {lines:?}"
    );
    assert_eq!(count("policy-changed mandate-ended"), 1, "{lines:?}");

    let refused = |why: &str| {
        assert!(
            why.contains("a certificate or key of the program `vendor-beta-delivery`"),
            "{why}"
        );
        assert!(why.contains("a mandate (`sha256:"), "{why}");
        assert!(why.contains("was removed at 2026-11-21T10:00:00"), "{why}");
    };
    let dir = old.path().to_owned();
    let start = world.try_start_with(|config| config.policies.dir = dir).await;
    refused(&start.map(drop).unwrap_err().to_string());
    // By whoever changes the files where they are in force, too, and after a restart.
    world.restart().await;
    copy(old.path(), world.policies());
    refused(&super::refused(&world).await);
    assert!(world.gateway.policies().current().in_force, "the new ones stay");
    assert!(world.report().await.is_intact());
}
