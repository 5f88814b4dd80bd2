//! Somebody with every right on the database changes it: that is seen, and named.

use doelpoort::store::StoreOptions;

use super::*;

/// What is done, and the first index that must be named; `None` where no one entry is at fault.
type Tampering = (&'static str, Option<u64>);

/// The columns of the log, each with what somebody may write into it. Twelve entries: 0 and 1 open the log, 2 puts policies
/// in force, and the others are accesses.
const COLUMNS: &[(&str, &[Tampering])] = &[
    (
        "log_entry.leaf",
        &[
            (
                "UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE idx = 4) WHERE idx = 5",
                Some(5),
            ),
            ("UPDATE log_entry SET leaf = leaf_hash WHERE idx = 6", Some(6)),
        ],
    ),
    (
        "log_entry.leaf_hash",
        &[(
            "UPDATE log_entry SET leaf_hash = (SELECT leaf_hash FROM log_entry WHERE idx = 4) WHERE idx = 6",
            Some(6),
        )],
    ),
    (
        "log_entry.sequence",
        &[("UPDATE log_entry SET sequence = 77 WHERE idx = 7", Some(7))],
    ),
    (
        "log_entry.replica",
        &[(
            "UPDATE log_entry SET replica = substr(leaf_hash, 1, 16) WHERE idx = 3",
            Some(3),
        )],
    ),
    (
        "log_entry.idx",
        &[
            ("UPDATE log_entry SET idx = 99 WHERE idx = 4", Some(4)),
            ("UPDATE log_entry SET idx = idx + 500", Some(0)),
        ],
    ),
    (
        "log_entry.shard",
        &[("UPDATE log_entry SET shard = 2 WHERE idx = 10", Some(10))],
    ),
    (
        "log_head.size",
        &[
            ("UPDATE log_head SET size = 11", Some(11)),
            ("UPDATE log_head SET size = 13", Some(12)),
        ],
    ),
    (
        "log_head.root",
        &[(
            "UPDATE log_head SET root = (SELECT leaf_hash FROM log_entry WHERE idx = 0)",
            Some(12),
        )],
    ),
    (
        "log_head.frontier",
        &[("UPDATE log_head SET frontier = root", None)],
    ),
    ("log_head.last_us", &[("UPDATE log_head SET last_us = 0", None)]),
    (
        "log_head.policy_generation",
        &[("UPDATE log_head SET policy_generation = 0", None)],
    ),
    (
        "log_head.policy_digest",
        &[("UPDATE log_head SET policy_digest = root", None)],
    ),
    ("log_head.closed", &[("UPDATE log_head SET closed = 1", None)]),
    (
        "log_checkpoint.size",
        &[("UPDATE log_checkpoint SET size = size + 1", None)],
    ),
    (
        "log_checkpoint.root",
        &[(
            "UPDATE log_checkpoint SET root = (SELECT leaf_hash FROM log_entry WHERE idx = 0)",
            None,
        )],
    ),
    (
        "log_checkpoint.note",
        &[("UPDATE log_checkpoint SET note = 'x'", None)],
    ),
    (
        "log_shard.verifier",
        &[("UPDATE log_shard SET verifier = 'x'", None)],
    ),
    ("log_shard.origin", &[("UPDATE log_shard SET origin = 'x'", None)]),
];

/// Columns whose change leaves nothing to verify: the log is not found at all.
const LOST: &[&str] = &["UPDATE log_head SET shard = 2", "UPDATE log_shard SET shard = 2"];

/// Columns that prove nothing and that nobody believes: times for people, a lock, and how far was looked for what is open.
/// A checkpoint that is moved to another shard is not found there; that it is gone is for who keeps checkpoints to tell.
const NO_EVIDENCE: &[&str] = &[
    "log_checkpoint.made_us",
    "log_checkpoint.shard",
    "log_settled.idx",
    "log_settled.shard",
    "log_shard.opened_us",
    "log_shard.published_us",
    "log_shard.stamping_us",
];

/// What is done to whole rows.
const ROWS: &[Tampering] = &[
    ("DELETE FROM log_entry WHERE idx = 8", Some(8)),
    ("DELETE FROM log_entry WHERE idx >= 9", Some(9)),
    ("DELETE FROM log_entry", Some(0)),
    // Two entries change places, with all that stands beside them.
    (
        "UPDATE log_entry SET idx = CASE idx WHEN 5 THEN 1006 ELSE 1005 END WHERE idx IN (5, 6)",
        Some(5),
    ),
    // A copy of one more, under the next number.
    (
        "INSERT INTO log_entry (shard, idx, leaf_hash, leaf, replica, sequence)
         SELECT shard, 12, leaf_hash, leaf, replica, 77 FROM log_entry WHERE idx = 11",
        Some(12),
    ),
    // And one in the middle of others that were moved up.
    ("UPDATE log_entry SET idx = idx + 1001 WHERE idx >= 4", Some(4)),
];

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_tampering_is_named_at_its_index(#[case] backend: Backend) {
    let columns = COLUMNS.iter().flat_map(|(_, tamperings)| tamperings.iter());
    for (tampering, first_bad) in columns.chain(ROWS) {
        let Some((world, _)) = twelve(backend).await else {
            return;
        };
        world.tamper(tampering).await;
        if tampering.contains("100") {
            // Out of the way first: no two have one number at any time.
            world
                .tamper("UPDATE log_entry SET idx = idx - 1000 WHERE idx > 1000")
                .await;
        }
        let report = world.report().await;
        assert!(!report.is_intact(), "{tampering}");
        assert_eq!(report.first_bad(), *first_bad, "{tampering}\n{report}");
    }
    for tampering in LOST {
        let Some((world, _)) = twelve(backend).await else {
            return;
        };
        world.tamper(tampering).await;
        assert!(
            verify(&world.store, signer().verifier(), None).await.is_err(),
            "{tampering}"
        );
    }
}

#[tokio::test]
async fn each_column_of_the_log_is_evidence_or_said_not_to_be() {
    const TABLES: [&str; 5] = [
        "log_checkpoint",
        "log_entry",
        "log_head",
        "log_settled",
        "log_shard",
    ];
    let world = World::sqlite().await;
    let schema = world.store.schema().await.unwrap();
    let columns = TABLES.iter().flat_map(|table| {
        let columns = schema[*table].keys();
        columns.map(move |column| format!("{table}.{column}"))
    });
    let tampered = COLUMNS.iter().map(|(column, _)| *column);
    let lost = ["log_head.shard", "log_shard.shard"];
    let known: BTreeSet<_> = tampered.chain(lost).chain(NO_EVIDENCE.iter().copied()).collect();
    let known: BTreeSet<_> = known.into_iter().map(str::to_owned).collect();
    assert_eq!(columns.collect::<BTreeSet<_>>(), known);
}

#[tokio::test]
async fn a_voided_number_is_named() {
    let world = World::sqlite().await;
    let log = world.log().await;
    let mut void = Entry::new(Kind::Void).unwrap();
    void.event.extra.insert(extra::SEQUENCE, Value::Number(7));
    log.append(void).await.unwrap();
    log.close().await;
    assert_eq!(world.report().await.first_bad(), Some(2));
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
