//! Opening the database: the settings that were measured (docs/decisions) and the migrations.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Engine, PostgresPool, SqlitePools, Store, StoreError};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Rows that the `SQLite` thread may be ahead of its reader; the driver's default of 50 costs a quarter more CPU.
const ROW_BUFFER_ROWS: usize = 4096;

/// Page cache of the writer, KiB (negative is `SQLite`'s way to say so): its keys are random, so its pages are too.
const WRITER_CACHE_KIB: &str = "-65536";
/// Page cache of each reader, KiB.
const READER_CACHE_KIB: &str = "-16384";

/// Limits of the connections.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Connections to PostgreSQL, or readers of `SQLite` (which has one writer besides).
    pub connections_max: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long `SQLite` waits for the lock of another process.
    pub busy_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            connections_max: 8,
            acquire_timeout: Duration::from_secs(5),
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl Store {
    /// Opens `sqlite:///path` (made when missing, readable by its owner only) or `postgres://…`, whose URL says
    /// how TLS is used (`sslmode`, `sslrootcert`). Refuses a schema that is newer than this program.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Self, StoreError> {
        let engine = match url.split_once(':') {
            Some(("sqlite", _)) => Engine::Sqlite(open_sqlite(url, options).await?),
            Some(("postgres" | "postgresql", _)) => Engine::Postgres(open_postgres(url, options).await?),
            _ => {
                return Err(StoreError::Url {
                    reason: "it begins with neither `sqlite:` nor `postgres:`",
                });
            }
        };
        let store = Self { engine };
        store.refuse_newer_schema().await?;
        Ok(store)
    }

    /// Brings the schema to the newest version. Each migration is a transaction: a crash leaves the previous
    /// version. On PostgreSQL an advisory lock makes the other replicas wait.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(pools) => SQLITE.run(&pools.writer).await,
            Engine::Postgres(pool) => POSTGRES.run(&pool.pool).await,
        }
        .map_err(migration_error)
    }

    async fn refuse_newer_schema(&self) -> Result<(), StoreError> {
        const APPLIED: &str = "SELECT MAX(version) FROM _sqlx_migrations";
        if !self.has_table("_sqlx_migrations").await? {
            return Ok(());
        }
        let row = self.fetch_optional(APPLIED, vec![]).await?;
        let found = row.map(|row| row.int_opt(0)).transpose()?.flatten().unwrap_or(0);
        if found > newest() {
            return Err(StoreError::NewerSchema {
                found,
                known: newest(),
            });
        }
        Ok(())
    }
}

async fn open_sqlite(url: &str, options: StoreOptions) -> Result<SqlitePools, StoreError> {
    let connect = SqliteConnectOptions::from_str(url)?
        .foreign_keys(true)
        .busy_timeout(options.busy_timeout)
        .row_buffer_size(ROW_BUFFER_ROWS)
        .pragma("temp_store", "MEMORY")
        .pragma("secure_delete", "ON")
        .disable_statement_logging();
    make_private(connect.get_filename())?;
    let writer = connect
        .clone()
        .pragma("cache_size", WRITER_CACHE_KIB)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .create_if_missing(true);
    // The writer first: it turns the write-ahead log on, which the readers find then.
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(writer)
        .await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(options.connections_max)
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(connect.pragma("cache_size", READER_CACHE_KIB).read_only(true))
        .await?;
    Ok(SqlitePools { writer, readers })
}

/// Makes the file before the engine does, so that nobody else can read it; its log files get the same mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(sqlx::Error::Io(error).into()),
    }
}

async fn open_postgres(url: &str, options: StoreOptions) -> Result<PostgresPool, StoreError> {
    let connect = PgConnectOptions::from_str(url)?
        .application_name("doelpoort")
        // Planning cost more than running: a cached generic plan is worth a third of the throughput.
        .options([("plan_cache_mode", "force_generic_plan")])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(options.connections_max)
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .connect_with(connect)
        .await?;
    Ok(PostgresPool::new(pool))
}

fn newest() -> i64 {
    SQLITE
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

fn migration_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) => StoreError::NewerSchema {
            found,
            known: newest(),
        },
        MigrateError::VersionMismatch(version) => StoreError::Migration {
            version,
            reason: "it was changed after it had been applied".to_owned(),
        },
        MigrateError::ExecuteMigration(error, version) => StoreError::Migration {
            version,
            reason: StoreError::from(error).to_string(),
        },
        MigrateError::Execute(error) => error.into(),
        _ => StoreError::Migration {
            version: 0,
            reason: "the migrations do not fit the database".to_owned(),
        },
    }
}
