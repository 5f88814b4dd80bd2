//! A database a test: a file for `SQLite`, a schema of its own on the server of `TEST_POSTGRES_URL`.

use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use doelpoort::store::{Store, StoreOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tempfile::TempDir;

/// On which engine a test runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// A database with nothing in it; gone with the value.
pub(crate) struct Database {
    pub(crate) url: String,
    folder: TempDir,
}

impl Database {
    /// `None`, and a line that says so, where there is no PostgreSQL to test on; CI has one.
    pub(crate) async fn new(backend: Backend) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = match backend {
            Backend::Sqlite => format!("sqlite://{}", folder.path().join("gateway.db").display()),
            Backend::Postgres => {
                let server = postgres_url()?;
                in_new_schema(&server).await
            }
        };
        Some(Self { url, folder })
    }

    /// One that is there already.
    pub(crate) fn at(url: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url, folder }
    }

    /// Opens the database; more than one store may be open on it, as replicas are.
    pub(crate) async fn open(&self) -> Store {
        let options = StoreOptions {
            connections_max: 4,
            ..StoreOptions::default()
        };
        Store::open(&self.url, options).await.unwrap()
    }

    /// The URL of another database of the same engine with nothing in it, where the tables get the same schema.
    #[expect(clippy::disallowed_methods, reason = "names of our own making")]
    pub(crate) async fn elsewhere(&self) -> String {
        let Some((server, options)) = self.url.split_once('?') else {
            return format!("sqlite://{}", self.folder.path().join("elsewhere.db").display());
        };
        let name = format!("elsewhere_{}", options.rsplit_once("%3D").unwrap().1);
        let server_options: sqlx::postgres::PgConnectOptions = server.parse().unwrap();
        let mut connection = server_options.connect().await.unwrap();
        for statement in [
            format!("DROP DATABASE IF EXISTS {name}"),
            format!("CREATE DATABASE {name}"),
        ] {
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
        connection.close().await.unwrap();
        let (host, _) = server.rsplit_once('/').unwrap();
        format!("{host}/{name}?{options}")
    }

    /// The folder with the `SQLite` files.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// A new database with its schema up to date, opened.
pub(crate) async fn migrated(backend: Backend) -> Option<(Database, Store)> {
    let database = Database::new(backend).await?;
    let store = database.open().await;
    store.migrate().await.unwrap();
    Some((database, store))
}

/// `None`, and a line that says so, where there is no PostgreSQL to test on.
#[expect(clippy::disallowed_methods, reason = "the tests' only setting")]
pub(crate) fn postgres_url() -> Option<String> {
    let url = std::env::var("TEST_POSTGRES_URL").ok();
    if url.is_none() {
        // Past the capture of the test runner, so that nobody takes a skip for a pass.
        std::io::stderr()
            .write_all(b"SKIPPED on PostgreSQL: TEST_POSTGRES_URL is not set\n")
            .unwrap();
    }
    url
}

#[expect(
    clippy::disallowed_methods,
    reason = "a schema's name cannot be bound; this one is made of two numbers"
)]
async fn in_new_schema(server: &str) -> String {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    let schema = format!("test_{}_{number}", std::process::id());
    let options: sqlx::postgres::PgConnectOptions = server.parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    connection
        .execute(AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {schema} CASCADE")))
        .await
        .unwrap();
    connection
        .execute(AssertSqlSafe(format!("CREATE SCHEMA {schema}")))
        .await
        .unwrap();
    connection.close().await.unwrap();
    let separator = if server.contains('?') { '&' } else { '?' };
    format!("{server}{separator}options=-csearch_path%3D{schema}")
}
