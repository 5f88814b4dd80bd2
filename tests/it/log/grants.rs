//! What was granted must have been so under a policy that was in force, and the FG's daily check rebuilds the tree.

use doelpoort::audit::Entries;
use doelpoort::fg::monitor::monitor;
use doelpoort_core::audit::leaf::PurposeVersion;

use super::*;

const MANIFEST: [u8; 32] = [5; 32];

/// An entry that names a version of a purpose.
fn under(kind: Kind, decision: &str, version: u32) -> Entry {
    let mut entry = Entry::new(kind).unwrap();
    entry.event.decision = Some(decision.to_owned());
    entry.event.policy = Some(MANIFEST);
    entry.event.purpose = Some(PurposeVersion {
        id: "youth-atlas".to_owned(),
        version,
    });
    entry
}

/// Policies under which version 1 of the purpose acts, or sleeps.
async fn put_in_force(log: &Log, generation: i64, decision: &str) {
    let activation = activation(generation);
    let mut told = under(Kind::PolicyChanged, decision, 1);
    told.event.opening = Some(activation.event.entry_id);
    told.event.clause = (decision != "purpose-acts").then(|| "youth-atlas/approval/x".to_owned());
    log.append(told).await.unwrap();
    log.append(activation).await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_grant_by_a_policy_that_was_not_in_force_is_found(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let grant = |version| under(Kind::AccessDecided, GRANTED, version);
    let log = world.log().await;
    put_in_force(&log, 1, "purpose-acts").await;
    log.append(grant(1)).await.unwrap();
    shards::to_new_year(&world);
    // What acts goes on to act in the next shard.
    log.append(grant(1)).await.unwrap();
    log.append(under(Kind::AccessDecided, "role-missing", 2))
        .await
        .unwrap();
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");

    let other = log.append(grant(2)).await.unwrap();
    put_in_force(&log, 2, "purpose-asleep").await;
    let asleep = log.append(grant(1)).await.unwrap();
    put_in_force(&log, 3, "purpose-acts").await;
    log.append(grant(1)).await.unwrap();
    log.close().await;
    let found: Vec<_> = world
        .report()
        .await
        .findings
        .into_iter()
        .map(|one| one.index)
        .collect();
    assert_eq!(found, [Some(other.index), Some(asleep.index)]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_daily_check_rebuilds_the_root(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    for _ in 0..3 {
        log.append(under(Kind::AccessDecided, "role-missing", 1))
            .await
            .unwrap();
    }
    log.close().await;
    let entries = Entries::Database(world.store.clone());
    let check = || async {
        monitor(&entries, signer().verifier(), &fg().0, None, 0)
            .await
            .unwrap()
    };
    assert!(check().await.is_honest());
    // Nothing private is in either, so that only the tree tells.
    world
        .tamper("UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE idx = 3) WHERE idx = 4")
        .await;
    assert_eq!(check().await.findings.len(), 1);
}
