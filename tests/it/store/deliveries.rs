//! Deliveries: invisible until activated, replaced by a pointer, swept.

use doelpoort::store::StoreError;
use doelpoort::store::delivery::{
    self, Batch, ERRORS_STORED_MAX, Finished, Mode, RowError, StagedRow, State,
};
use rstest::rstest;

use super::world::{CITY, NOW, OTHER_SCHOOL, SCHOOL, World, bsn, name, row, values};
use crate::support::database::Backend;

const ROWS: &str = "SELECT COUNT(*) FROM ds_enrolment";
const LEASE_US: i64 = 10 * 60 * 1_000_000;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_snapshot_is_invisible_until_it_is_activated_and_then_replaces_the_last(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let first = world
        .deliver("enrolment", SCHOOL, &[row(1, &[bsn(1)]), row(2, &[bsn(2)])])
        .await;
    world
        .deliver("enrolment", OTHER_SCHOOL, &[row(9, &[bsn(9)])])
        .await;
    let second = world.open("enrolment", SCHOOL, Mode::Snapshot).await;
    world
        .stage(
            second,
            "enrolment",
            SCHOOL,
            &[row(2, &[bsn(2)]), row(3, &[bsn(3)])],
        )
        .await;
    assert_eq!(world.visible_keys().await, [1, 2, 9]);

    world.store.finish(second, &[0; 32], NOW).await.unwrap();
    assert_eq!(world.visible_keys().await, [1, 2, 9]);
    world.activate(second, NOW + 1).await;

    assert_eq!(world.visible_keys().await, [2, 3, 9]);
    let first = world.store.delivery(first).await.unwrap().unwrap();
    let second = world.store.delivery(second).await.unwrap().unwrap();
    assert_eq!((first.state, second.state), (State::Superseded, State::Active));
    assert_eq!(
        (second.rows_accepted, second.rows_rejected, second.activated_us),
        (2, 0, Some(NOW + 1))
    );
    assert_eq!(
        world
            .store
            .active_deliveries(&name("enrolment"))
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(world.store.sweep(NOW).await.unwrap(), 2);
    assert_eq!(world.count(ROWS).await, 3);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn changes_upsert_and_remove_by_row_key(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world
        .deliver(
            "enrolment",
            SCHOOL,
            &[row(1, &[bsn(1)]), row(2, &[bsn(2)]), row(3, &[bsn(3)])],
        )
        .await;
    world
        .deliver("enrolment", OTHER_SCHOOL, &[row(2, &[bsn(2)])])
        .await;
    let changes = world.open("enrolment", SCHOOL, Mode::Changes).await;
    world
        .stage(
            changes,
            "enrolment",
            SCHOOL,
            &[row(2, &[bsn(4)]), row(5, &[bsn(5)])],
        )
        .await;
    let removals = Batch {
        removals: vec![[1; 32], [77; 32]],
        ..Batch::default()
    };
    let table = world.tables.table(&name("enrolment")).unwrap();
    world.store.stage(changes, table, removals, NOW).await.unwrap();
    world.store.finish(changes, &[0; 32], NOW).await.unwrap();

    world.activate(changes, NOW + 1).await;

    assert_eq!(world.visible_keys().await, [2, 3, 5, 2]);
    assert_eq!(
        world
            .store
            .delivery(changes)
            .await
            .unwrap()
            .unwrap()
            .rows_accepted,
        4
    );
    world.deliver("enrolment", SCHOOL, &[row(8, &[bsn(8)])]).await;
    assert_eq!(
        world.visible_keys().await,
        [8, 2],
        "a snapshot replaces the changes too"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_same_content_twice_is_the_same_delivery(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let deliver = async |key, content: u8| {
        let delivery = world.open("enrolment", SCHOOL, Mode::Snapshot).await;
        world
            .stage(delivery, "enrolment", SCHOOL, &[row(key, &[bsn(1)])])
            .await;
        (
            delivery,
            world.store.finish(delivery, &[content; 32], NOW).await.unwrap(),
        )
    };
    let (first, finished) = deliver(1, 1).await;
    assert_eq!(finished, Finished::Ready);
    world.activate(first, NOW).await;

    let (second, finished) = deliver(1, 1).await;
    assert_eq!(finished, Finished::SameAs(first));
    let second = world.store.delivery(second).await.unwrap().unwrap();
    assert_eq!((second.state, second.same_as), (State::Superseded, Some(first)));
    assert_eq!(deliver(2, 2).await.1, Finished::Ready);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_that_comes_twice_and_row_errors_are_reported(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let delivery = world.open("enrolment", SCHOOL, Mode::Snapshot).await;
    let table = world.tables.table(&name("enrolment")).unwrap();
    let staged = |number, key| StagedRow {
        number,
        row_key: [key; 32],
        subject: None,
        reference: Some(vec![1, 2, 3]),
        values: values("enrolment", 15_000),
    };
    let error = |row| RowError {
        row,
        field: "birth-date".to_owned(),
        code: "not-a-date".to_owned(),
    };
    let batch = |rows, errors: Vec<RowError>| {
        let rejected = i64::try_from(errors.len()).unwrap();
        Batch {
            rows,
            errors,
            rejected,
            removals: vec![],
        }
    };

    let first = batch(vec![staged(1, 1), staged(2, 2), staged(3, 1)], vec![]);
    let first = world.store.stage(delivery, table, first, NOW).await.unwrap();
    let second = batch(vec![staged(5, 2), staged(6, 3)], (10..1200).map(error).collect());
    let second = world.store.stage(delivery, table, second, NOW).await.unwrap();

    assert_eq!((first.accepted, first.rejected), (2, 1));
    assert_eq!((second.accepted, second.rejected), (1, 1191));
    let errors = world.store.delivery_errors(delivery).await.unwrap();
    assert_eq!(errors.len(), ERRORS_STORED_MAX);
    assert_eq!((errors[0].row, errors[0].code.as_str()), (3, "duplicate-row"));
    world.store.reject(delivery, NOW).await.unwrap();
    let rejected = world.store.delivery(delivery).await.unwrap().unwrap();
    assert_eq!(
        (rejected.state, rejected.rows_accepted, rejected.rows_rejected),
        (State::Rejected, 3, 1192)
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_crash_leaves_is_swept_when_its_lease_has_passed(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver("enrolment", SCHOOL, &[row(1, &[bsn(1)])]).await;
    let receiving = world.open("enrolment", SCHOOL, Mode::Snapshot).await;
    world
        .stage(receiving, "enrolment", SCHOOL, &[row(2, &[bsn(2)])])
        .await;
    let ready = world.open("enrolment", SCHOOL, Mode::Snapshot).await;
    world
        .stage(ready, "enrolment", SCHOOL, &[row(3, &[bsn(3)])])
        .await;
    world.store.finish(ready, &[0; 32], NOW).await.unwrap();
    world.store.close().await;
    let store = world.database.open().await;

    assert_eq!(
        store.sweep(NOW + LEASE_US).await.unwrap(),
        0,
        "somebody may still be at it"
    );
    assert_eq!(store.sweep(NOW + LEASE_US + 1).await.unwrap(), 2);

    let world = World { store, ..world };
    assert_eq!(world.count(ROWS).await, 1);
    assert_eq!(world.visible_keys().await, [1]);
    let late = world.store.finish(receiving, &[0; 32], NOW).await;
    assert!(matches!(late, Err(StoreError::DeliveryState { .. })), "{late:?}");
    let mut tx = world.store.begin_write().await.unwrap();
    let late = delivery::activate(&mut tx, ready, NOW).await;
    assert!(matches!(late, Err(StoreError::DeliveryState { .. })), "{late:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_rolled_back_activation_leaves_the_old_rows_visible(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver("enrolment", SCHOOL, &[row(1, &[bsn(1)])]).await;
    let changes = world.open("enrolment", SCHOOL, Mode::Changes).await;
    world
        .stage(
            changes,
            "enrolment",
            SCHOOL,
            &[row(1, &[bsn(2)]), row(2, &[bsn(2)])],
        )
        .await;
    world.store.finish(changes, &[0; 32], NOW).await.unwrap();

    let mut tx = world.store.begin_write().await.unwrap();
    delivery::activate(&mut tx, changes, NOW).await.unwrap();
    drop(tx);

    assert_eq!(world.visible_keys().await, [1]);
    world.activate(changes, NOW).await;
    assert_eq!(world.visible_keys().await, [1, 2]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_snapshots_at_once_leave_one_visible(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let mut activations = Vec::new();
    for key in 1..=6 {
        let delivery = world.open("enrolment", SCHOOL, Mode::Snapshot).await;
        world
            .stage(delivery, "enrolment", SCHOOL, &[row(key, &[bsn(1)])])
            .await;
        world.store.finish(delivery, &[key; 32], NOW).await.unwrap();
        let store = world.store.clone();
        activations.push(async move {
            let mut tx = store.begin_write().await.unwrap();
            delivery::activate(&mut tx, delivery, NOW).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
    let running: Vec<_> = activations.into_iter().map(tokio::spawn).collect();
    for activation in running {
        activation.await.unwrap();
    }
    assert_eq!(world.visible_keys().await.len(), 1);
    assert_eq!(world.store.sweep(NOW).await.unwrap(), 5);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn rows_that_do_not_fit_the_table_are_refused(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let delivery = world.open("resident", CITY, Mode::Snapshot).await;
    let staged = |values| StagedRow {
        number: 1,
        row_key: [1; 32],
        subject: None,
        reference: None,
        values,
    };
    let wrong = [
        ("resident", values("enrolment", 1)),
        ("enrolment", values("enrolment", 1)),
    ];
    for (dataset, values) in wrong {
        let table = world.tables.table(&name(dataset)).unwrap();
        let batch = Batch {
            rows: vec![staged(values)],
            ..Batch::default()
        };
        let result = world.store.stage(delivery, table, batch, NOW).await;
        assert!(matches!(result, Err(StoreError::RowWidth { .. })), "{result:?}");
    }
}
