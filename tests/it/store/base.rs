//! Opening, migrating, transactions; and that the two engines are one store.

use std::time::Duration;

use doelpoort::store::{SqlValue, Store, StoreError, StoreOptions};
use rstest::rstest;

use crate::support::catalogue;
use crate::support::database::{Backend, Database, migrated};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_statement_is_understood(#[case] backend: Backend) {
    let Some((_database, store)) = migrated(backend).await else {
        return;
    };
    let refused = store.prepare_all().await.err().unwrap_or_default();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[tokio::test]
async fn both_engines_have_the_same_tables() {
    let mut schemas = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some((_database, store)) = migrated(backend).await else {
            return;
        };
        store.prepare_datasets(&catalogue::small()).await.unwrap();
        schemas.push(store.schema().await.unwrap());
    }
    assert!(schemas[0].contains_key("ds_enrolment") && schemas[0].contains_key("delivery"));
    assert_eq!(schemas[0], schemas[1]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_newer_schema_is_refused(#[case] backend: Backend) {
    let Some((database, store)) = migrated(backend).await else {
        return;
    };
    store.migrate().await.unwrap();
    let newer = "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1";
    store.execute(newer, vec![]).await.unwrap();
    store.close().await;

    let result = Store::open(&database.url, StoreOptions::default()).await;

    assert!(
        matches!(result, Err(StoreError::NewerSchema { found: 9999, .. })),
        "{result:?}"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn concurrent_writers_lose_nothing(#[case] backend: Backend) {
    let Some((_database, store)) = migrated(backend).await else {
        return;
    };
    let add = "UPDATE counter SET value = value + 1 WHERE name = 'epoch' RETURNING value";
    let writers = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut tx = store.begin_write().await.unwrap();
            let value = tx
                .fetch_optional(add, vec![])
                .await
                .unwrap()
                .unwrap()
                .int(0)
                .unwrap();
            tx.commit().await.unwrap();
            value
        })
    });
    let mut values = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        values.push(writer.await.unwrap());
    }
    values.sort_unstable();
    assert_eq!(values, (1..=20).collect::<Vec<_>>());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_reading_transaction_sees_one_state_and_a_dropped_one_leaves_nothing(#[case] backend: Backend) {
    const VALUE: &str = "SELECT value FROM counter WHERE name = 'epoch'";
    const ADD: &str = "UPDATE counter SET value = value + 1 WHERE name = 'epoch'";
    let Some((_database, store)) = migrated(backend).await else {
        return;
    };
    let mut reading = store.begin_read().await.unwrap();
    let before = reading.fetch_all(VALUE, vec![]).await.unwrap()[0].int(0).unwrap();
    assert_eq!(store.execute(ADD, vec![]).await.unwrap(), 1);
    let mut dropped = store.begin_write().await.unwrap();
    dropped.execute(ADD, vec![]).await.unwrap();
    drop(dropped);

    assert_eq!(
        reading.fetch_all(VALUE, vec![]).await.unwrap()[0].int(0).unwrap(),
        before
    );
    reading.rollback().await.unwrap();
    let after = store.fetch_optional(VALUE, vec![]).await.unwrap().unwrap();
    assert_eq!(after.int(0).unwrap(), before + 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn errors_carry_no_value(#[case] backend: Backend) {
    const INSERT: &str = "INSERT INTO counter (name, value) VALUES ($1, $2)";
    let Some((_database, store)) = migrated(backend).await else {
        return;
    };
    let secret = || vec![SqlValue::from("999990019"), SqlValue::Int(1)];
    store.execute(INSERT, secret()).await.unwrap();

    let twice = store.execute(INSERT, secret()).await.unwrap_err();
    let wrong_type = store
        .execute(INSERT, vec!["999990019".into(), "999990019".into()])
        .await
        .unwrap_err();
    let no_table = store.execute("DELETE FROM nowhere", vec![]).await.unwrap_err();

    assert!(matches!(twice, StoreError::Conflict { .. }), "{twice:?}");
    assert!(matches!(no_table, StoreError::Statement { .. }), "{no_table:?}");
    for error in [twice, wrong_type, no_table] {
        assert!(!format!("{error} {error:?}").contains("999990019"), "{error:?}");
    }
}

#[tokio::test]
async fn sqlite_commits_are_durable_and_deleted_values_are_overwritten() {
    let (_database, store) = migrated(Backend::Sqlite).await.unwrap();
    let mut tx = store.begin_write().await.unwrap();
    for (pragma, value) in [
        ("PRAGMA synchronous", 2),
        ("PRAGMA secure_delete", 1),
        ("PRAGMA temp_store", 2),
    ] {
        let row = tx.fetch_optional(pragma, vec![]).await.unwrap().unwrap();
        assert_eq!(row.int(0).unwrap(), value, "{pragma}");
    }
    let journal = tx
        .fetch_optional("PRAGMA journal_mode", vec![])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(journal.text(0).unwrap(), "wal");
}

#[tokio::test]
async fn postgres_keeps_its_plans() {
    let Some((_database, store)) = migrated(Backend::Postgres).await else {
        return;
    };
    let mode = store
        .fetch_optional("SHOW plan_cache_mode", vec![])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(mode.text(0).unwrap(), "force_generic_plan");
}

#[tokio::test]
async fn only_the_owner_can_read_the_sqlite_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let (database, _store) = migrated(Backend::Sqlite).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(database.folder())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(files.len() >= 2, "the database and its write-ahead log");
    for file in files {
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            file.path()
        );
    }
}

#[tokio::test]
async fn a_url_that_names_no_engine_is_refused() {
    for url in ["mysql://localhost/x", "gateway.db", ""] {
        let result = Store::open(url, StoreOptions::default()).await;
        assert!(matches!(result, Err(StoreError::Url { .. })), "{url}: {result:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_gone_is_unavailable() {
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    let options = StoreOptions {
        acquire_timeout: Duration::from_millis(300),
        ..StoreOptions::default()
    };
    let result = Store::open(url, options).await;
    assert!(
        matches!(result, Err(StoreError::Unavailable { .. })),
        "{result:?}"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_token_id_works_once(#[case] backend: Backend) {
    let Some((_database, store)) = migrated(backend).await else {
        return;
    };
    assert!(store.use_once(&[1; 32], 100).await.unwrap());
    assert!(!store.use_once(&[1; 32], 100).await.unwrap());
    assert!(store.use_once(&[2; 32], 300).await.unwrap());
    assert_eq!(store.forget_expired_tokens(200).await.unwrap(), 1);
    assert!(!store.use_once(&[2; 32], 300).await.unwrap());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_field_becomes_a_column_and_a_changed_type_is_refused(#[case] backend: Backend) {
    let Some(database) = Database::new(backend).await else {
        return;
    };
    let store = database.open().await;
    store.migrate().await.unwrap();
    store.prepare_datasets(&catalogue::small()).await.unwrap();
    let extended =
        |field_type| catalogue::with_enrolment_field(&catalogue::field_toml("entered", field_type));

    let tables = store.prepare_datasets(&extended("date")).await.unwrap();
    let changed = store.prepare_datasets(&extended("staff-id")).await;

    let enrolment = tables.table(&"enrolment".parse().unwrap()).unwrap();
    assert_eq!(enrolment.fields().last().unwrap().0.as_str(), "entered");
    assert!(store.schema().await.unwrap()["ds_enrolment"].contains_key("f_entered"));
    assert!(
        matches!(changed, Err(StoreError::FieldType { .. })),
        "{changed:?}"
    );
}
