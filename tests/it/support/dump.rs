//! The log's tables as they were at some time, to be played back: what a restore from a backup does.

use doelpoort::store::Store;

/// All that is the log's.
const TABLES: [&str; 8] = [
    "log_checkpoint",
    "log_cosignature",
    "log_entry",
    "log_head",
    "log_node",
    "log_private",
    "log_settled",
    "log_shard",
];

/// Keeps the tables as they are.
pub(crate) async fn dump(store: &Store) {
    for table in TABLES {
        run(
            store,
            format!("CREATE TABLE dump_{table} AS SELECT * FROM {table}"),
        )
        .await;
    }
}

/// Makes the tables what they were.
pub(crate) async fn play_back(store: &Store) {
    for table in TABLES {
        run(store, format!("DELETE FROM {table}")).await;
        run(store, format!("INSERT INTO {table} SELECT * FROM dump_{table}")).await;
        run(store, format!("DROP TABLE dump_{table}")).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a table's name cannot be bound")]
async fn run(store: &Store, sql: String) {
    store.execute(sqlx::AssertSqlSafe(sql), vec![]).await.unwrap();
}
