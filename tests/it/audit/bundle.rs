//! Bundles and proofs: what was taken home says the same as the database, and shows what is wrong with it.

use doelpoort::audit::{AuditError, Entries, Wanted, prove, write_bundle};
use doelpoort::log::verify;
use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::audit::proof::Proof;

use super::*;

async fn bundle(world: &World, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_bundle(&world.store, &mut bytes, range, None).await.unwrap();
    bytes
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_bundle_and_its_database_are_verified_alike(#[case] backend: Backend) {
    let Some(world) = World::with(backend, 600).await else {
        return;
    };
    let database = verify(&world.store, &key(), None).await.unwrap();
    let bytes = bundle(&world, None).await;
    let taken_home = doelpoort_verify::verify(&*bytes, &key(), None).unwrap();
    assert!(taken_home.is_intact(), "{taken_home}");
    assert_eq!((taken_home.size, taken_home.root), (database.size, database.root));
    // And a part of it, with all hashes.
    let part = doelpoort_verify::verify(&*bundle(&world, Some(0..10)).await, &key(), None).unwrap();
    assert!(part.is_intact(), "{part}");
    assert_eq!(part.root, database.root);
}

#[tokio::test]
async fn a_tampered_log_is_exported_as_it_is_and_seen_at_home() {
    let world = World::with(Backend::Sqlite, 600).await.unwrap();
    for (tampering, first_bad) in [
        (
            "UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE idx = 4) WHERE idx = 300",
            300,
        ),
        (
            "UPDATE log_entry SET leaf_hash = (SELECT leaf_hash FROM log_entry WHERE idx = 4) WHERE idx = 6",
            6,
        ),
    ] {
        world.store.execute(tampering, vec![]).await.unwrap();
        let report = doelpoort_verify::verify(&*bundle(&world, None).await, &key(), None).unwrap();
        assert_eq!(report.first_bad(), Some(first_bad), "{report}");
    }
    world
        .store
        .execute("DELETE FROM log_entry WHERE idx = 20", vec![])
        .await
        .unwrap();
    let written = write_bundle(&world.store, Vec::new(), None, None).await;
    assert!(matches!(written, Err(AuditError::Missing(20))), "{written:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_entry_can_be_proven_alone(#[case] backend: Backend) {
    let Some(world) = World::with(backend, 20).await else {
        return;
    };
    let text = prove(&world.store, Wanted::Index(13)).await.unwrap().to_text();
    let proof = Proof::parse(&text).unwrap();
    let leaf = proof.extra.clone().unwrap();
    assert_eq!(proof.verify(&leaf_hash(&leaf), &key()).unwrap().size, 22);
    assert!(proof.verify(&leaf_hash(b"another"), &key()).is_err());
    let id = Leaf::decode(&leaf).unwrap().event.entry_id;
    let by_id = prove(&world.store, Wanted::EntryId(id)).await.unwrap();
    assert_eq!(by_id.to_text(), text);
    let beyond = prove(&world.store, Wanted::Index(22)).await;
    assert!(matches!(beyond, Err(AuditError::NoSuchEntry { size: 22 })));
    let unknown = prove(&world.store, Wanted::EntryId([0; 16])).await;
    assert!(matches!(unknown, Err(AuditError::NoSuchEntry { .. })));
}

#[tokio::test]
async fn nothing_is_proven_from_hashes_that_do_not_give_the_signed_root() {
    let world = World::with(Backend::Sqlite, 20).await.unwrap();
    world
        .store
        .execute(
            "UPDATE log_entry SET leaf_hash = zeroblob(32) WHERE idx = 1",
            vec![],
        )
        .await
        .unwrap();
    let proof = prove(&world.store, Wanted::Index(13)).await;
    assert!(matches!(proof, Err(AuditError::Root)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn entries_are_read_alike_from_both(#[case] backend: Backend) {
    let Some(world) = World::with(backend, 300).await else {
        return;
    };
    world.clock.advance(jiff::SignedDuration::from_hours(1));
    world.append(vec![entry()]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.tar");
    std::fs::write(&file, bundle(&world, None).await).unwrap();
    let database = Entries::Database(world.store.clone());
    let mut told = Vec::new();
    for entries in [&database, &Entries::Bundle(file)] {
        let mut read = Vec::new();
        let each = |entry: doelpoort::audit::Entry| {
            read.push((entry.index, entry.bytes));
            Ok(())
        };
        entries.each(100..303, each).await.unwrap();
        told.push(read);
    }
    assert_eq!(told[0].len(), 203);
    assert_eq!(told[0], told[1]);
    // The start of the second replica is the first entry of the later hour.
    let later = world.clock.now().as_microsecond();
    assert_eq!(database.first_at(later).await.unwrap(), 302);
    assert_eq!(database.first_at(later + 1).await.unwrap(), 304);
    assert_eq!(database.first_at(0).await.unwrap(), 0);
}
