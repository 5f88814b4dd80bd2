//! Each on SQLite; and on PostgreSQL too where `TEST_POSTGRES_URL` names a server.

use std::collections::BTreeSet;

use doelpoort_core::audit::leaf::{GRANTED, Kind};
use doelpoort_core::audit::receipt::{self, AnswerProof};

use super::*;
use crate::clock::FixedClock;
use crate::store::StoreOptions;

struct World {
    store: Store,
    clock: Arc<FixedClock>,
    _folder: tempfile::TempDir,
}

impl World {
    /// A fresh database on each engine there is.
    async fn each() -> Vec<Self> {
        let mut worlds = vec![Self::sqlite().await];
        worlds.extend(Self::postgres().await);
        worlds
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("log.db").display());
        Self::migrated(&url, folder).await
    }

    async fn postgres() -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "where the test server is, nobody else knows"
        )]
        let server = std::env::var("TEST_POSTGRES_URL").ok()?;
        let name = format!(
            "log_{}",
            data_encoding::HEXLOWER.encode(&entry::random::<8>().unwrap())
        );
        let admin = Store::open(&server, StoreOptions::default()).await.unwrap();
        admin
            .fetch_all(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")), vec![])
            .await
            .unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Some(Self::migrated(&format!("{base}/{name}"), tempfile::tempdir().unwrap()).await)
    }

    async fn migrated(url: &str, folder: tempfile::TempDir) -> Self {
        let store = Store::open(url, StoreOptions::default()).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::new(FixedClock::at("2026-11-22T10:00:00Z".parse().unwrap()));
        Self {
            store,
            clock,
            _folder: folder,
        }
    }

    async fn log(&self) -> Log {
        self.try_log().await.unwrap()
    }

    async fn try_log(&self) -> Result<Log, LogError> {
        Log::open(
            self.store.clone(),
            signer(),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
        )
        .await
    }

    async fn report(&self) -> Report {
        verify(&self.store, signer().verifier(), None).await.unwrap()
    }

    /// As somebody with every right on the database.
    async fn tamper(&self, sql: &str) {
        let affected = self
            .store
            .execute(sqlx::AssertSqlSafe(sql.to_owned()), vec![])
            .await
            .unwrap();
        assert!(affected > 0, "{sql}");
    }
}

fn signer() -> Signer {
    Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap()
}

fn entry() -> Entry {
    let mut entry = Entry::new(Kind::AccessDecided).unwrap();
    entry.event.decision = Some(GRANTED.to_owned());
    entry.event.recipient = Some("00000099000000072001".to_owned());
    entry
}

#[tokio::test]
async fn a_receipt_verifies_offline_and_binds_its_answer() {
    for world in World::each().await {
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
}

#[tokio::test]
async fn two_hundred_at_once_are_contiguous() {
    for world in World::each().await {
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
}

#[tokio::test]
async fn dropping_the_request_does_not_drop_the_entry() {
    for world in World::each().await {
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
        assert_eq!(
            doelpoort_core::audit::leaf::Leaf::decode(&stored[0].leaf)
                .unwrap()
                .event
                .entry_id,
            id
        );
    }
}

#[tokio::test]
async fn replicas_share_the_head_and_count_for_themselves() {
    for world in World::each().await {
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
}

#[tokio::test]
async fn a_failing_effect_refuses_its_own_entry_only() {
    for world in World::each().await {
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
}

#[tokio::test]
async fn a_decision_under_older_policies_is_refused() {
    for world in World::each().await {
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
}

#[tokio::test]
async fn time_never_runs_backwards() {
    let world = World::sqlite().await;
    let log = world.log().await;
    world.clock.advance(jiff::SignedDuration::from_hours(-1));
    log.append(entry()).await.unwrap();
    log.close().await;
    assert!(world.report().await.is_intact());
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
async fn a_checkpoint_is_published_and_continues_after_a_restart() {
    for world in World::each().await {
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
}

#[tokio::test]
async fn each_tampering_is_named_at_its_index() {
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
        for world in World::each().await {
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
    let opened = Log::open(
        world.store.clone(),
        other,
        Arc::clone(&world.clock) as Arc<dyn Clock>,
    )
    .await;
    assert!(matches!(opened, Err(LogError::OtherKey { .. })));
}

#[tokio::test]
async fn a_database_that_may_lose_commits_is_refused() {
    let Some(world) = World::postgres().await else {
        return;
    };
    assert_eq!(world.store.weakness().await.unwrap(), None);
    let set = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$";
    world.store.fetch_all(set, vec![]).await.unwrap();
    let name = world
        .store
        .fetch_optional("SELECT current_database() || ''", vec![])
        .await
        .unwrap()
        .unwrap();
    let name = name.text(0).unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "where the test server is, nobody else knows"
    )]
    let server = std::env::var("TEST_POSTGRES_URL").unwrap();
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let opened = Log::open(store, signer(), Arc::clone(&world.clock) as Arc<dyn Clock>).await;
    assert!(matches!(opened, Err(LogError::NotDurable { setting, .. }) if setting == "synchronous_commit"));
}

#[tokio::test]
async fn when_the_database_is_gone_nothing_is_answered() {
    let world = World::sqlite().await;
    let log = world.log().await;
    world.store.close().await;
    assert!(matches!(log.append(entry()).await, Err(LogError::Unavailable)));
}
