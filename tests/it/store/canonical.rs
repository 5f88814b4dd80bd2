//! Every row carries the canonical subject of its pupil, whatever merges and deliveries do at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use doelpoort::store::Store;
use doelpoort::store::dataset::DatasetTables;
use doelpoort::store::delivery::{Batch, Mode, NewDelivery, StagedRow};
use rstest::rstest;

use super::world::{CITY, DAY, NOW, OTHER_SCHOOL, SCHOOL, World, bsn, eck, name, oin, row, subject, values};
use crate::support::catalogue;
use crate::support::database::Backend;

const STALE: &str = "SELECT (SELECT COUNT(*) FROM ds_resident r LEFT JOIN subject s ON s.subject = r.subject
                             WHERE r.canonical IS DISTINCT FROM s.canonical)
                          + (SELECT COUNT(*) FROM ds_enrolment r LEFT JOIN subject s ON s.subject = r.subject
                             WHERE r.canonical IS DISTINCT FROM s.canonical)";
const MOVED: &str = "SELECT COUNT(*) FROM ds_resident WHERE canonical <> subject";
const ROUNDS: u8 = 8;
const PUPILS: u8 = 10;

/// Stages one row for each pupil that was ever there, under the subject of its ECK iD.
async fn stage(store: &Store, tables: &DatasetTables, pupils: u8) {
    let (dataset, holder) = (name("resident"), oin(CITY));
    let new = NewDelivery {
        dataset: &dataset,
        period: "",
        holder: &holder,
        deliverer: &holder,
        mode: Mode::Changes,
    };
    let delivery = store.open_delivery(new, NOW).await.unwrap();
    let rows = (0..pupils).map(|pupil| StagedRow {
        number: i64::from(pupil) + 1,
        row_key: [pupil; 32],
        subject: Some(subject(&eck(u32::from(pupil)))),
        reference: None,
        values: values("resident", 15_000),
    });
    let batch = Batch {
        rows: rows.collect(),
        ..Batch::default()
    };
    let table = tables.table(&dataset).unwrap();
    store.stage(delivery, table, batch, NOW).await.unwrap();
}

impl World {
    /// Two holders say of ten more pupils that their two numbers are one pupil's.
    async fn assert_pairs(&self, first: u8) {
        let rows: Vec<_> = (first..first + PUPILS)
            .map(|pupil| row(pupil, &[bsn(pupil.into()), eck(pupil.into())]))
            .collect();
        for holder in [SCHOOL, OTHER_SCHOOL] {
            let delivery = self.open("enrolment", holder, Mode::Changes).await;
            self.stage(delivery, "enrolment", holder, &rows).await;
            let content = [u8::try_from(delivery % 251).unwrap(); 32];
            self.store.finish(delivery, &content, NOW).await.unwrap();
            self.activate(delivery, NOW).await;
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_and_deliveries_at_once_leave_no_row_behind(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let (known, done) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicBool::new(false)));
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let store = match backend {
            // One process writes to a file of `SQLite`.
            Backend::Sqlite => world.store.clone(),
            Backend::Postgres => world.database.open().await,
        };
        let tables = world.tables.clone();
        let (known, done) = (Arc::clone(&known), Arc::clone(&done));
        replicas.push(tokio::spawn(async move {
            while !done.load(Ordering::SeqCst) {
                stage(&store, &tables, known.load(Ordering::SeqCst)).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }));
    }
    let mut merged = 0;
    for round in 0..ROUNDS {
        world.assert_pairs(round * PUPILS).await;
        known.store((round + 1) * PUPILS, Ordering::SeqCst);
        let now = NOW + DAY * i64::from(round);
        world.store.agree_merges(&[], now).await.unwrap();
        // Rows of the pupils whose numbers are about to become one are staged before, during and after.
        tokio::time::sleep(Duration::from_millis(20)).await;
        merged += world.apply(now + DAY).await;
    }
    done.store(true, Ordering::SeqCst);
    for replica in replicas {
        replica.await.unwrap();
    }
    assert_eq!(merged, u64::from(ROUNDS * PUPILS));
    assert!(
        world.count(MOVED).await > 0,
        "rows were staged, and merges moved them"
    );
    assert_eq!(world.count(STALE).await, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_stages_rows_waits_for_a_merge(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.assert_pairs(0).await;
    let (replica, tables) = (world.database.open().await, world.tables.clone());
    // A merge by hand that does not see the rows to come: only the lock keeps them from being looked up too early.
    let mut merge = world.store.begin_write().await.unwrap();
    let lock = "UPDATE counter SET value = value + 1 WHERE name = 'merge'";
    merge.execute(lock, vec![]).await.unwrap();
    let relabel = "UPDATE subject SET canonical = (SELECT subject FROM subject WHERE sequence = 1)";
    merge.execute(relabel, vec![]).await.unwrap();
    let rows = "UPDATE ds_enrolment SET canonical = (SELECT subject FROM subject WHERE sequence = 1)";
    merge.execute(rows, vec![]).await.unwrap();
    let mut staging = tokio::spawn(async move { stage(&replica, &tables, PUPILS).await });

    let early = tokio::time::timeout(Duration::from_millis(300), &mut staging).await;
    assert!(early.is_err(), "it did not wait");
    merge.commit().await.unwrap();
    staging.await.unwrap();

    assert_eq!(
        world.count("SELECT COUNT(*) FROM ds_resident").await,
        i64::from(PUPILS)
    );
    assert_eq!(world.count(STALE).await, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_merge_moves_rows_of_datasets_that_are_no_more(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.assert_pairs(0).await;
    stage(&world.store, &world.tables, PUPILS).await;
    world
        .store
        .execute("ALTER TABLE ds_resident RENAME TO ds_former", vec![])
        .await
        .unwrap();
    world.store.agree_merges(&[], NOW).await.unwrap();
    world.apply(NOW + DAY).await;
    world
        .store
        .execute("ALTER TABLE ds_former RENAME TO ds_resident", vec![])
        .await
        .unwrap();
    assert_eq!(world.count(MOVED).await, i64::from(PUPILS));
    assert_eq!(world.count(STALE).await, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn rows_of_an_older_program_are_mended_at_the_start(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.assert_pairs(0).await;
    stage(&world.store, &world.tables, PUPILS).await;
    world.store.agree_merges(&[], NOW).await.unwrap();
    world.apply(NOW + DAY).await;
    // The comparison finds what is planted: a row that says another pupil, and one that says none.
    let planted = [
        "UPDATE ds_resident SET canonical = subject WHERE \"row\" % 4294967296 = 1",
        "UPDATE ds_resident SET canonical = NULL WHERE \"row\" % 4294967296 = 2",
    ];
    for (plant, rows) in planted.into_iter().zip(1..) {
        world.store.execute(plant, vec![]).await.unwrap();
        assert_eq!(world.count(STALE).await, rows, "{plant}");
    }
    let start = || async { world.store.prepare_datasets(&catalogue::small()).await.unwrap() };
    start().await;
    assert_eq!(world.count(STALE).await, 0);

    for older in [
        "DROP INDEX ixc_ds_resident",
        "ALTER TABLE ds_resident DROP COLUMN canonical",
    ] {
        world.store.execute(older, vec![]).await.unwrap();
    }
    start().await;
    assert_eq!(world.count(STALE).await, 0);
    assert_eq!(world.count(MOVED).await, i64::from(PUPILS));
}
