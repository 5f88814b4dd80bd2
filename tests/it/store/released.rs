//! Epochs: released once, never half.

use doelpoort::store::StoreError;
use doelpoort::store::released::{self, EpochPurpose, NO_CELLS};
use doelpoort_core::anonymity::{RecordsTable, TableRow};
use doelpoort_core::pseudonym::SubjectId;
use rstest::rstest;
use serde_json::json;

use super::world::{NOW, SCHOOL, World, bsn, name, row, subject};
use crate::support::database::Backend;

const LEASE_US: i64 = 10 * 60 * 1_000_000;

fn cells(names: &[&str]) -> Vec<(String, i64)> {
    names
        .iter()
        .zip(10..)
        .map(|(name, y)| ((*name).to_owned(), y))
        .collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn cells_are_read_only_when_their_epoch_is_released_and_it_closes_once(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let (store, children) = (&world.store, name("children"));
    let epoch = store
        .begin_epoch(&children, "2026-10-01", &[5; 32], NOW)
        .await
        .unwrap();
    store.stage_cells(epoch, &cells(&["a", "b"]), NOW).await.unwrap();
    store
        .stage_cells(epoch, &[("b".to_owned(), 99)], NOW)
        .await
        .unwrap();
    let purpose = EpochPurpose {
        cells: Some([3; 32]),
        records: Some([4; 32]),
        purpose: name("youth-atlas"),
        version: 3,
        digest: [9; 32],
    };
    store
        .describe_epoch(epoch, std::slice::from_ref(&purpose), r#"{"of":13}"#, NOW)
        .await
        .unwrap();
    let asked = ["a", "b", "hidden"].map(str::to_owned);
    assert!(store.released_cells(epoch, &asked).await.unwrap().is_empty());
    let all = store.all_released_cells(epoch, 10).await.unwrap();
    assert_eq!(all.map(|all| all.len()), Some(0));

    let mut tx = store.begin_write().await.unwrap();
    released::release(&mut tx, epoch, NOW + 7).await.unwrap();
    tx.commit().await.unwrap();

    let found = store.released_cells(epoch, &asked).await.unwrap();
    assert_eq!((found.len(), found["a"], found["b"]), (2, 10, 11));
    assert_eq!(store.all_released_cells(epoch, 2).await.unwrap(), Some(found));
    assert_eq!(store.all_released_cells(epoch, 1).await.unwrap(), None);
    let closed = store.closed_epochs(&children).await.unwrap();
    assert_eq!(
        (closed[0].id, closed[0].closed_us, closed[0].date.as_str()),
        (epoch, NOW + 7, "2026-10-01")
    );
    assert_eq!(
        (closed[0].catalogue, closed[0].completeness.as_str()),
        ([5; 32], r#"{"of":13}"#)
    );
    assert_eq!(store.epoch_purposes(epoch).await.unwrap(), [purpose]);
    let again = store
        .begin_epoch(&children, "2026-10-01", &[5; 32], NOW + LEASE_US * 2)
        .await;
    assert!(matches!(again, Err(StoreError::EpochClosed { .. })), "{again:?}");
    let more = store.stage_cells(epoch, &cells(&["c"]), NOW).await;
    assert!(matches!(more, Err(StoreError::EpochLost { .. })), "{more:?}");
    let gone = store.abandon_epoch(epoch).await;
    assert!(matches!(gone, Err(StoreError::EpochLost { .. })), "{gone:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_silent_close_is_taken_over_and_can_write_no_more(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let (store, children) = (&world.store, name("children"));
    let paused = store
        .begin_epoch(&children, "2026-10-01", &[5; 32], NOW)
        .await
        .unwrap();
    store.stage_cells(paused, &cells(&["old"]), NOW).await.unwrap();
    let busy = store
        .begin_epoch(&children, "2026-10-01", &[5; 32], NOW + LEASE_US)
        .await;
    assert!(matches!(busy, Err(StoreError::EpochBusy { .. })), "{busy:?}");

    let later = NOW + LEASE_US + 1;
    let epoch = store
        .begin_epoch(&children, "2026-10-01", &[6; 32], later)
        .await
        .unwrap();

    assert_eq!(world.count("SELECT COUNT(*) FROM released_cell").await, 0);
    let late = store.stage_cells(paused, &cells(&["late"]), later).await;
    assert!(matches!(late, Err(StoreError::EpochLost { .. })), "{late:?}");
    let mut tx = store.begin_write().await.unwrap();
    assert!(released::release(&mut tx, paused, later).await.is_err());
    released::release(&mut tx, epoch, later).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.count("SELECT COUNT(*) FROM epoch").await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn many_cells_are_stored_and_read_in_parts(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let epoch = world
        .store
        .begin_epoch(&name("children"), "2026-10-01", &[5; 32], NOW)
        .await
        .unwrap();
    let all: Vec<_> = (0..12_000)
        .map(|n| (format!("cell {n} \"quoted\" \u{e9}"), n))
        .collect();
    world.store.stage_cells(epoch, &all, NOW).await.unwrap();
    let mut tx = world.store.begin_write().await.unwrap();
    released::release(&mut tx, epoch, NOW).await.unwrap();
    tx.commit().await.unwrap();

    let names: Vec<_> = all.iter().map(|(name, _)| name.clone()).collect();
    let found = world.store.released_cells(epoch, &names).await.unwrap();

    assert!(all.iter().all(|(name, y)| found[name] == *y));
}

const ROWS: &str = "SELECT COUNT(*) FROM released_row";

fn row_of(value: &str) -> TableRow {
    TableRow {
        values: vec![Some(value.to_owned())],
        holders: vec![Some(SCHOOL.to_owned())],
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn rows_are_read_when_released_and_go_with_the_last_row_of_the_pupil_or_with_time(
    #[case] backend: Backend,
) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let (store, children) = (&world.store, name("children"));
    world
        .deliver("enrolment", SCHOOL, &[row(1, &[bsn(1)]), row(2, &[bsn(2)])])
        .await;
    let table: RecordsTable = serde_json::from_value(json!({
        "k": 5, "bases": ["enrolment"],
        "columns": [{ "field": "enrolment.sector", "form": "exact", "sensitive": false }],
    }))
    .unwrap();
    let rows = [(subject(&bsn(1)), row_of("BO")), (subject(&bsn(2)), row_of("VO"))];
    let epoch = store
        .begin_epoch(&children, "2026-10-01", &[5; 32], NOW)
        .await
        .unwrap();
    store.stage_records(epoch, &table, &rows, NOW).await.unwrap();
    let purpose = EpochPurpose {
        purpose: name("school-careers"),
        version: 1,
        digest: [9; 32],
        cells: Some(NO_CELLS),
        records: Some([4; 32]),
    };
    store
        .describe_epoch(epoch, std::slice::from_ref(&purpose), "{}", NOW)
        .await
        .unwrap();
    assert!(store.released_rows(epoch).await.unwrap().is_empty());
    assert_eq!(store.records_table(epoch).await.unwrap(), None);
    let mut tx = store.begin_write().await.unwrap();
    released::release(&mut tx, epoch, NOW).await.unwrap();
    tx.commit().await.unwrap();

    let mut found = store.released_rows(epoch).await.unwrap();
    found.sort_by(|(_, one), (_, other)| one.values.cmp(&other.values));
    let told = |(pupil, row): &(SubjectId, TableRow)| (*pupil, row.values.clone(), row.holders.clone());
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        rows.iter().map(told).collect::<Vec<_>>()
    );
    assert_eq!(store.records_table(epoch).await.unwrap().as_ref(), Some(&table));
    let late = store.stage_records(epoch, &table, &[], NOW).await;
    assert!(matches!(late, Err(StoreError::EpochLost { .. })), "{late:?}");

    // The school has nobody but the second any more.
    world.deliver("enrolment", SCHOOL, &[row(2, &[bsn(2)])]).await;
    assert_eq!(world.count(ROWS).await, 2);
    store.sweep(NOW).await.unwrap();
    let left = store.released_rows(epoch).await.unwrap();
    assert_eq!((left.len(), left[0].0), (1, subject(&bsn(2))));

    store
        .forget_records_before(&children, "2026-10-01")
        .await
        .unwrap();
    assert_eq!(world.count(ROWS).await, 1);
    let answering = store.epoch_purposes(epoch).await.unwrap();
    let shown = |records: u8| answering[0].answers_records(&purpose.purpose, &[records; 32]);
    assert!(shown(4) && !shown(5));
    assert!(
        !answering[0].answers(&purpose.purpose, &[9; 32], &NO_CELLS),
        "no figures"
    );
    store
        .forget_records_before(&children, "2026-10-02")
        .await
        .unwrap();
    let answering = store.epoch_purposes(epoch).await.unwrap();
    assert!(!answering[0].answers_records(&purpose.purpose, &[4; 32]));
    assert_eq!(world.count(ROWS).await, 0);
    assert_eq!(store.records_table(epoch).await.unwrap(), None);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_close_that_is_given_up_leaves_no_row(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let store = &world.store;
    let epoch = store
        .begin_epoch(&name("children"), "2026-10-01", &[5; 32], NOW)
        .await
        .unwrap();
    let table = serde_json::from_value(json!({ "k": 5, "bases": ["enrolment"], "columns": [] })).unwrap();
    let rows = [(subject(&bsn(1)), row_of("BO"))];
    store.stage_records(epoch, &table, &rows, NOW).await.unwrap();
    assert_eq!(world.count(ROWS).await, 1);
    store.abandon_epoch(epoch).await.unwrap();
    assert_eq!(world.count(ROWS).await, 0);
}
