//! Single statements hand PostgreSQL connections on, and nobody starves for it.

use std::time::Duration;

use doelpoort::store::{Store, StoreOptions};
use tokio::task::JoinSet;

use crate::support::database::{Backend, Database};

const CONNECTIONS: u32 = 2;
const MY_CONNECTION: &str = "SELECT CAST(pg_backend_pid() AS BIGINT)";

async fn store() -> Option<(Database, Store)> {
    let database = Database::new(Backend::Postgres).await?;
    let options = StoreOptions {
        connections_max: CONNECTIONS,
        acquire_timeout: Duration::from_secs(10),
        ..StoreOptions::default()
    };
    let store = Store::open(&database.url, options).await.unwrap();
    store.migrate().await.unwrap();
    Some((database, store))
}

async fn connection(store: &Store) -> i64 {
    let row = store.fetch_optional(MY_CONNECTION, vec![]).await.unwrap();
    row.unwrap().int(0).unwrap()
}

#[tokio::test]
async fn statements_use_one_connection_after_another() {
    let Some((_database, store)) = store().await else {
        return;
    };
    let first = connection(&store).await;
    for _ in 0..10 {
        assert_eq!(connection(&store).await, first);
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_and_transactions_all_get_their_turn() {
    let Some((_database, store)) = store().await else {
        return;
    };
    let mut running = JoinSet::new();
    for number in 0..60 {
        let store = store.clone();
        running.spawn(async move {
            for _ in 0..5 {
                if number % 3 == 0 {
                    let mut tx = store.begin_write().await.unwrap();
                    let add = "UPDATE counter SET value = value + 1 WHERE name = 'epoch'";
                    tx.execute(add, vec![]).await.unwrap();
                    tx.commit().await.unwrap();
                } else {
                    connection(&store).await;
                }
            }
        });
    }
    // Far less than the time after which one that waits in vain would fail.
    let all = async {
        while let Some(done) = running.join_next().await {
            done.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(8), all).await.unwrap();
    let value = "SELECT value FROM counter WHERE name = 'epoch'";
    let row = store.fetch_optional(value, vec![]).await.unwrap().unwrap();
    assert_eq!(row.int(0).unwrap(), 100);
    store.close().await;
}

#[tokio::test]
async fn a_transaction_gets_a_connection_where_statements_kept_all() {
    let Some((_database, store)) = store().await else {
        return;
    };
    let both = (0..CONNECTIONS).map(|_| {
        let store = store.clone();
        let slow = "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT pg_sleep(0.3)) s";
        tokio::spawn(async move { store.fetch_all(slow, vec![]).await.unwrap() })
    });
    for one in both.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let began = tokio::time::timeout(Duration::from_secs(3), store.begin_write()).await;
    began.unwrap().unwrap().rollback().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_connection_that_failed_or_was_given_up_is_not_kept() {
    let Some((_database, store)) = store().await else {
        return;
    };
    let first = connection(&store).await;
    // Given up in the middle: what is left of its answer is nobody else's.
    let slow = "SELECT CAST(7 AS BIGINT) FROM (SELECT pg_sleep(0.5)) s";
    let given_up = tokio::time::timeout(Duration::from_millis(50), store.fetch_all(slow, vec![])).await;
    assert!(given_up.is_err());
    for _ in 0..5 {
        let row = store
            .fetch_optional("SELECT CAST(1 AS BIGINT)", vec![])
            .await
            .unwrap();
        assert_eq!(row.unwrap().int(0).unwrap(), 1);
    }
    // The server ended it: one statement learns of it, the next has another.
    let second = connection(&store).await;
    let mut tx = store.begin_write().await.unwrap();
    let end = "SELECT pg_terminate_backend(CAST($1 AS INTEGER))";
    let ended = tx
        .fetch_all("SELECT CAST(pg_backend_pid() AS BIGINT)", vec![])
        .await
        .unwrap();
    let mine = ended[0].int(0).unwrap();
    for other in [first, second] {
        if other != mine {
            drop(
                tx.execute(end, vec![doelpoort::store::SqlValue::Int(other)])
                    .await,
            );
        }
    }
    tx.rollback().await.unwrap();
    let mut failed = 0;
    for _ in 0..6 {
        failed += usize::from(store.fetch_all(MY_CONNECTION, vec![]).await.is_err());
    }
    assert!(failed <= 2, "{failed}");
    connection(&store).await;
    store.close().await;
}
