//! Somebody with every right on the database changes it: that is seen, and named.

use doelpoort::store::StoreOptions;

use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_tampering_is_named_at_its_index(#[case] backend: Backend) {
    let tamperings = [
        (
            "UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE idx = 4) WHERE idx = 5",
            Some(5),
        ),
        (
            "UPDATE log_entry SET leaf_hash = (SELECT leaf_hash FROM log_entry WHERE idx = 4) WHERE idx = 6",
            Some(6),
        ),
        ("UPDATE log_entry SET sequence = 77 WHERE idx = 7", Some(7)),
        ("DELETE FROM log_entry WHERE idx = 8", Some(8)),
        ("DELETE FROM log_entry WHERE idx >= 9", Some(9)),
        ("UPDATE log_head SET last_us = 0", None),
        ("UPDATE log_checkpoint SET size = size + 1", None),
        ("UPDATE log_checkpoint SET note = 'x'", None),
        ("UPDATE log_shard SET verifier = 'x'", None),
    ];
    for (tampering, first_bad) in tamperings {
        let Some(world) = World::on(backend).await else {
            return;
        };
        let log = world.log().await;
        for _ in 2..12 {
            log.append(entry()).await.unwrap();
        }
        log.close().await;
        assert!(world.report().await.is_intact());
        world.tamper(tampering).await;
        let report = world.report().await;
        assert!(!report.is_intact(), "{tampering}");
        assert_eq!(report.first_bad(), first_bad, "{tampering}\n{report}");
    }
}

#[tokio::test]
async fn a_consistent_rewrite_is_caught_by_a_kept_checkpoint_alone() {
    let world = World::sqlite().await;
    let log = world.log().await;
    for _ in 0..5 {
        log.append(entry()).await.unwrap();
    }
    log.close().await;
    let kept = log.checkpoint().await.unwrap().unwrap();
    // Another history of the same length under the same key.
    let other = World::sqlite().await;
    let log = other.log().await;
    for _ in 0..5 {
        log.append(entry()).await.unwrap();
    }
    log.close().await;
    assert!(other.report().await.is_intact());
    let report = verify(&other.store, signer().verifier(), Some(&kept))
        .await
        .unwrap();
    assert_eq!(report.findings.len(), 1, "{report}");
}

#[tokio::test]
async fn a_shorter_or_other_log_stops_everything() {
    for cut in [
        "UPDATE log_head SET size = 2, frontier = substr(frontier, 1, 32)",
        "UPDATE log_head SET root = (SELECT leaf_hash FROM log_entry WHERE idx = 0)",
        "DELETE FROM log_head",
    ] {
        let world = World::sqlite().await;
        let log = world.log().await;
        log.append(entry()).await.unwrap();
        world.tamper(cut).await;
        assert!(
            matches!(log.append(entry()).await, Err(LogError::Stopped)),
            "{cut}"
        );
        assert!(log.is_stopped());
        assert!(
            matches!(log.append(entry()).await, Err(LogError::Stopped)),
            "{cut}"
        );
        assert!(matches!(world.try_log().await, Err(LogError::Stopped)), "{cut}");
    }
}

#[tokio::test]
async fn a_start_makes_no_new_log_over_the_entries_of_one() {
    let world = World::sqlite().await;
    world.log().await.close().await;
    world.tamper("DELETE FROM log_head").await;
    world.tamper("DELETE FROM log_shard").await;
    assert!(matches!(world.try_log().await, Err(LogError::Stopped)));
}

#[tokio::test]
async fn a_start_refuses_leaf_hashes_that_do_not_give_the_head() {
    let world = World::sqlite().await;
    let log = world.log().await;
    log.append(entry()).await.unwrap();
    log.close().await;
    world
        .tamper("UPDATE log_entry SET leaf_hash = zeroblob(32) WHERE idx = 1")
        .await;
    assert!(matches!(world.try_log().await, Err(LogError::Stopped)));
}

#[tokio::test]
async fn another_key_is_refused_at_start() {
    let world = World::sqlite().await;
    world.log().await.close().await;
    let other = Signer::from_seed("example.nl/audit/2026", &[8; 32]).unwrap();
    let opened = Log::open(world.store.clone(), other, fg().1.clone(), world.clock()).await;
    assert!(matches!(opened, Err(LogError::OtherKey { .. })));
}

#[tokio::test]
async fn a_database_that_may_lose_commits_is_refused() {
    let Some(world) = World::on(Backend::Postgres).await else {
        return;
    };
    assert_eq!(world.store.weakness().await.unwrap(), None);
    let url = format!("{}%20-csynchronous_commit%3Doff", world.database.url);
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let opened = Log::open(store, signer(), fg().1.clone(), world.clock()).await;
    assert!(matches!(opened, Err(LogError::NotDurable { setting, .. }) if setting == "synchronous_commit"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_checkpoint_is_published_and_continues_after_a_restart(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    log.append(entry()).await.unwrap();
    log.close().await;
    let kept = log.checkpoint().await.unwrap().unwrap();
    let log = world.log().await;
    log.append(entry()).await.unwrap();
    log.close().await;
    let report = verify(&world.store, signer().verifier(), Some(&kept))
        .await
        .unwrap();
    assert!(report.is_intact(), "{report}");
    assert!(report.checkpoints >= 2);
    assert_eq!((report.size, report.replicas, report.against), (5, 2, Some(3)));
}
