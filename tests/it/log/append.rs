//! Appending: durable, contiguous, or refused.

use doelpoort::audit::Entries;
use doelpoort::fg::monitor::monitor;
use doelpoort::log::Publishing;

use super::shards::about;
use super::*;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_receipt_verifies_offline_and_binds_its_answer(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    let answer = receipt::answer_digest(b"[1]", b"{}");
    let receipt = log.append(entry().answering(answer).unwrap()).await.unwrap();
    let json = serde_json::to_string(&receipt).unwrap();
    let proven = receipt::verify(&json, log.verifier(), Some(&answer)).unwrap();
    // Before it stand the entries that opened the log and this replica.
    assert_eq!((proven.index, proven.answer), (2, AnswerProof::Matches));
    assert_eq!(proven.leaf.time, world.clock.now().as_microsecond());
    log.close().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_hundred_at_once_are_contiguous(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    let appends = (0..200).map(|_| {
        let log = log.clone();
        tokio::spawn(async move { log.append(entry()).await.unwrap() })
    });
    let receipts = futures_util::future::try_join_all(appends).await.unwrap();
    let indices: BTreeSet<u64> = receipts.iter().map(|receipt| receipt.index).collect();
    assert_eq!(indices, (2..202).collect());
    for receipt in &receipts {
        let json = serde_json::to_string(receipt).unwrap();
        receipt::verify(&json, log.verifier(), None).unwrap();
    }
    log.close().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert_eq!((report.size, report.replicas), (202, 1));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn dropping_the_request_does_not_drop_the_entry(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    let entry = entry();
    let id = entry.event.entry_id;
    {
        // Polled once, so that it is queued; then its client goes away.
        let mut append = std::pin::pin!(log.append(entry));
        let polled = futures_util::poll!(append.as_mut());
        assert!(polled.is_pending());
    }
    log.close().await;
    let stored = rows::entries(&world.store, SHARD, 2, 10).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(Leaf::decode(&stored[0].leaf).unwrap().event.entry_id, id);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn replicas_share_the_head_and_count_for_themselves(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let logs = [world.log().await, world.log().await, world.log().await];
    let appends = (0..90).map(|i| {
        let log = logs[i % 3].clone();
        tokio::spawn(async move { log.append(entry()).await.unwrap().index })
    });
    let indices = futures_util::future::try_join_all(appends).await.unwrap();
    assert_eq!(BTreeSet::from_iter(indices), (4..94).collect());
    for log in logs {
        log.close().await;
    }
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert_eq!((report.size, report.replicas), (94, 3));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_failing_effect_refuses_its_own_entry_only(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    let bad = entry().with_effect(Effect::ActivateDelivery { delivery: 999_999 });
    let wrong = entry().with_effect(Effect::SetPolicyGeneration {
        generation: 7,
        digest: [1; 32],
    });
    let (first, bad, wrong, last) = tokio::join!(
        log.append(entry()),
        log.append(bad),
        log.append(wrong),
        log.append(entry())
    );
    assert!(matches!(bad, Err(LogError::Effect(_))), "{bad:?}");
    assert!(matches!(wrong, Err(LogError::PolicyChanged)), "{wrong:?}");
    assert_eq!(
        BTreeSet::from([first.unwrap().index, last.unwrap().index]),
        BTreeSet::from([2, 3])
    );
    log.close().await;
    assert!(world.report().await.is_intact());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_decision_under_older_policies_is_refused(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let (log, other) = (world.log().await, world.log().await);
    assert_eq!(log.policy().await.unwrap(), (0, None));
    let mut change = Entry::new(Kind::PolicyChanged).unwrap();
    change.event.policy = Some([1; 32]);
    let change = change.with_effect(Effect::SetPolicyGeneration {
        generation: 1,
        digest: [1; 32],
    });
    other.append(change).await.unwrap();
    let old = log.append(entry().decided_under(0)).await;
    assert!(matches!(old, Err(LogError::PolicyChanged)));
    assert_eq!(log.policy_generation(), 1);
    log.append(entry().decided_under(1)).await.unwrap();
    assert_eq!(log.policy().await.unwrap(), (1, Some([1; 32])));
}

#[tokio::test]
async fn time_never_runs_backwards() {
    let world = World::sqlite().await;
    let log = world.log().await;
    world.clock.advance(jiff::SignedDuration::from_secs(-9));
    log.append(entry()).await.unwrap();
    log.close().await;
    assert!(world.report().await.is_intact());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_log_that_is_ahead_of_the_clock_is_neither_opened_nor_appended_to(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    let fast = Arc::new(FixedClock::at("2026-11-22T10:00:11Z".parse().unwrap()));
    let other = Log::open(world.store.clone(), signer(), fg().1.clone(), fast)
        .await
        .unwrap();
    // The replica whose clock is right cannot tell who is wrong: nothing is answered.
    assert!(matches!(log.append(entry()).await, Err(LogError::Unavailable)));
    let behind = world.try_log().await;
    assert!(
        matches!(behind, Err(LogError::ClockBehind { seconds: 11 })),
        "{behind:?}"
    );
    world.clock.advance(jiff::SignedDuration::from_secs(1));
    log.append(entry()).await.unwrap();
    world.log().await.close().await;
    other.close().await;
    log.close().await;
    assert!(world.report().await.is_intact());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_clock_that_is_far_ahead_of_the_log_does_not_open_it(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    world.log().await.close().await;
    world.clock.advance(jiff::SignedDuration::from_hours(91 * 24));
    let ahead = world.try_log().await;
    assert!(
        matches!(ahead, Err(LogError::ClockFarAhead { days: 91 })),
        "{ahead:?}"
    );
    let patient = Publishing {
        idle_max: std::time::Duration::from_hours(92 * 24),
        ..Publishing::default()
    };
    let (store, keys) = (world.store.clone(), fg().1.clone());
    let log = Log::open_published(store, signer(), keys, world.clock(), patient).await;
    log.unwrap().close().await;
    assert!(world.report().await.is_intact());
}

/// The clock was too fast at midnight: a refused request already asked for the tags of the next day.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_chain_that_got_a_day_ahead_makes_no_wrong_tags(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    world
        .clock
        .advance(jiff::SignedDuration::from_secs(14 * 3_600 - 5));
    let log = world.log().await;
    log.append(about("somebody")).await.unwrap();
    world.clock.jump(jiff::SignedDuration::from_secs(9));
    let refused = log.append(about("somebody").decided_under(7)).await;
    assert!(matches!(refused, Err(LogError::PolicyChanged)), "{refused:?}");
    world.clock.jump(jiff::SignedDuration::from_secs(-9));
    for _ in 0..2 {
        log.append(about("somebody")).await.unwrap();
    }
    world.clock.advance(jiff::SignedDuration::from_secs(10));
    log.append(about("somebody")).await.unwrap();
    log.close().await;
    let entries = Entries::Database(world.store.clone());
    let monitored = monitor(&entries, signer().verifier(), &fg().0, None, 0)
        .await
        .unwrap();
    assert!(monitored.is_honest(), "{:?}", monitored.findings);
    assert_eq!(monitored.opened, 4);
}

#[tokio::test]
async fn a_leaf_that_breaks_a_rule_is_refused_before_it_queues() {
    let world = World::sqlite().await;
    let log = world.log().await;
    let mut bad = entry();
    bad.event.recipient = Some("1".to_owned());
    assert!(matches!(log.append(bad).await, Err(LogError::Leaf(_))));
}

#[tokio::test]
async fn when_the_database_is_gone_nothing_is_answered() {
    let world = World::sqlite().await;
    let log = world.log().await;
    world.store.close().await;
    assert!(matches!(log.append(entry()).await, Err(LogError::Unavailable)));
}
