//! Holders' own references are sealed anew when their key was rotated, a turn at a time, on any replica.

use doelpoort::keys::KeyPurpose;
use doelpoort::store::dataset::DatasetTable;
use ring::rand::SystemRandom;
use rstest::rstest;
use serde_json::Value;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::pupils;

/// More than one batch, and not a multiple of one.
const PUPILS: usize = 620;

fn rows() -> Vec<Value> {
    let named = |number| {
        let mut row = pupils::enrolment(number);
        row["pupil"]["local"] = format!("leerling-{number}").into();
        row
    };
    (0..PUPILS).map(named).collect()
}

async fn sealed(world: &World, table: &DatasetTable) -> Vec<Vec<u8>> {
    let references = world
        .gateway
        .store()
        .sealed_references(table, 0, i64::MAX)
        .await
        .unwrap();
    references.into_iter().map(|reference| reference.sealed).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn references_are_sealed_anew_by_whoever_has_time(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver("vendor-alpha-delivery", "enrolment", &rows()).await;
    let tables = world.gateway.policies().current().tables().clone();
    let table = tables.table(&"enrolment".parse().unwrap()).unwrap();
    let before = sealed(&world, table).await;
    assert_eq!(before.len(), PUPILS);

    world.rotate(KeyPurpose::Seal).await;
    assert_eq!(
        world.gateway.references_left().await.unwrap(),
        i64::try_from(PUPILS).unwrap()
    );
    // Two replicas at once; a reference that the other one replaced first is left alone.
    let other = world.replica(None).await;
    let (one, two) = tokio::join!(world.gateway.reseal(), other.gateway.reseal());
    one.unwrap();
    two.unwrap();
    other.stop().await;
    world.gateway.reseal().await.unwrap();
    assert_eq!(world.gateway.references_left().await.unwrap(), 0);
    let progress = world.gateway.store().resealing_progress(table, 2).await.unwrap();
    assert!(progress.finished_us.is_some(), "{progress:?}");

    let after = sealed(&world, table).await;
    assert_eq!(after.len(), PUPILS);
    assert!(before.iter().all(|old| !after.contains(old)));
    // What was sealed opens under the new version alone.
    let random = SystemRandom::new();
    world
        .change_keys(|keys| keys.retire(KeyPurpose::Seal, 1, &random))
        .await;
    let keyring = world.gateway.keyring();
    let names: Vec<_> = world.gateway.references(table).await.unwrap();
    assert_eq!(keyring.seal.versions().collect::<Vec<_>>(), [2]);
    assert!((0..PUPILS).all(|number| {
        names
            .iter()
            .any(|name| name.as_str() == format!("leerling-{number}"))
    }));
}

/// Broken off in the middle, it goes on where it was; what was sealed under the old version meanwhile is found, too.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_pass_that_broke_off_goes_on(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver("vendor-alpha-delivery", "enrolment", &rows()).await;
    world.add_version(KeyPurpose::Seal).await;
    let behind = world.replica_behind().await;
    world.activate(KeyPurpose::Seal).await;
    let tables = world.gateway.policies().current().tables().clone();
    let table = tables.table(&"enrolment".parse().unwrap()).unwrap();
    world.gateway.reseal_some(1).await.unwrap();
    let left = world.gateway.references_left().await.unwrap();
    assert!(left > 0 && left < i64::try_from(PUPILS).unwrap(), "{left}");
    let at = world.gateway.store().resealing_progress(table, 2).await.unwrap();
    assert!(at.from_row > 0 && at.finished_us.is_none());

    // The replica that is behind seals another one under the old version, in a row that comes before or after.
    let mut late = pupils::enrolment(PUPILS);
    late["pupil"]["local"] = "leerling-late".into();
    let delivery = World::delivery(
        "vendor-alpha-delivery",
        "enrolment",
        doelpoort::client::Mode::Changes,
    );
    world
        .client_at("vendor-alpha-delivery", &behind.base)
        .deliver(&delivery, crate::support::world::lines(&[late]).into())
        .await
        .unwrap();
    behind.stop().await;
    world.gateway.reseal().await.unwrap();
    assert_eq!(world.gateway.references_left().await.unwrap(), 0);
}
