//! Our database: `SQLite` by default, PostgreSQL in production. The floor of the house: it imports no other part.
//!
//! Rules (docs/decisions): tables hold BIGINT, TEXT and BLOB only; times are microseconds since 1970, UTC, set by
//! us; keys are ours, taken from `counter`; **a writing transaction begins with its write**, which is the lock on
//! both engines; a lookup returns `Option`, a write checks the rows it affected; statements are constants, listed
//! in `ALL` of each file, and a test prepares every one of them on both engines.

pub mod archive;
pub mod cell_budget;
pub mod console;
mod copy;
pub mod dataset;
pub mod delivery;
mod durable;
mod engine;
mod error;
pub mod inbox;
mod kept;
pub mod keys;
pub mod log;
mod open;
pub mod private;
pub mod published;
pub mod quota;
pub mod released;
pub(crate) mod render;
mod replay;
pub mod resealing;
pub mod restrictions;
mod schema;
mod searches;
pub mod settled;
mod sql;
pub mod subjects;
pub(crate) mod table;
pub mod translation;

use futures_util::TryStreamExt as _;
use sqlx::SqlitePool;

pub use copy::sqlite_file;
pub use durable::Weakness;
pub use engine::{Engine, Row, Tx};
pub use error::StoreError;
pub use kept::PostgresPool;
pub use open::StoreOptions;
pub use schema::{Schema, TypeClass};
pub use sql::{Column, Sql, SqlValue, Statement};

pub(crate) use engine::on;
pub(crate) use sql::sql;

/// The pools of a `SQLite` database: the engine allows one writer, and readers beside it.
#[derive(Clone, Debug)]
pub struct SqlitePools {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// The database. Cheap to clone; all clones share their connections.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine<SqlitePools, PostgresPool>,
}

impl Store {
    /// Begins a writing transaction. On `SQLite` it waits for the one writer and takes its lock at once; on
    /// PostgreSQL the first statement must be the write that locks what the transaction is about.
    pub async fn begin_write(&self) -> Result<Tx, StoreError> {
        Ok(match &self.engine {
            Engine::Sqlite(pools) => Engine::Sqlite(pools.writer.begin_with("BEGIN IMMEDIATE").await?),
            Engine::Postgres(pool) => Engine::Postgres(pool.begin().await?),
        })
    }

    /// Begins a reading transaction: all its reads see one and the same state.
    pub async fn begin_read(&self) -> Result<Tx, StoreError> {
        const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(match &self.engine {
            Engine::Sqlite(pools) => Engine::Sqlite(pools.readers.begin().await?),
            Engine::Postgres(pool) => Engine::Postgres(pool.begin_with(READ).await?),
        })
    }

    /// Reads all rows of a statement that needs no transaction of its own.
    pub async fn fetch_all(
        &self,
        sql: impl Statement,
        values: Vec<SqlValue>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        self.for_each(sql, values, |row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Reads at most one row.
    pub async fn fetch_optional(
        &self,
        sql: impl Statement,
        values: Vec<SqlValue>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Reads rows one by one as they stream in, in constant memory; an error of `each` ends it.
    pub async fn for_each(
        &self,
        sql: impl Statement,
        values: Vec<SqlValue>,
        mut each: impl FnMut(Row) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(pools) => {
                let query = sqlx::query_with(sql.sqlite(), sql::sqlite_arguments(values)?);
                let mut rows = query.fetch(&pools.readers);
                while let Some(row) = rows.try_next().await? {
                    each(Row(Engine::Sqlite(row)))?;
                }
            }
            Engine::Postgres(pool) => {
                let query = sqlx::query_with(sql.postgres(), sql::postgres_arguments(values)?);
                let mut held = pool.hold().await?;
                let mut rows = query.fetch(&mut *held.connection);
                while let Some(row) = rows.try_next().await? {
                    each(Row(Engine::Postgres(row)))?;
                }
                drop(rows);
                pool.keep(held);
            }
        }
        Ok(())
    }

    /// Runs one writing statement, which is a transaction of its own, and tells how many rows it affected.
    pub async fn execute(&self, sql: impl Statement, values: Vec<SqlValue>) -> Result<u64, StoreError> {
        Ok(match &self.engine {
            Engine::Sqlite(pools) => sqlx::query_with(sql.sqlite(), sql::sqlite_arguments(values)?)
                .execute(&pools.writer)
                .await?
                .rows_affected(),
            Engine::Postgres(pool) => {
                let query = sqlx::query_with(sql.postgres(), sql::postgres_arguments(values)?);
                let mut held = pool.hold().await?;
                let affected = query.execute(&mut *held.connection).await?.rows_affected();
                pool.keep(held);
                affected
            }
        })
    }

    /// Waits for the running statements, writes the `SQLite` log back, and closes every connection.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(pools) => {
                pools.readers.close().await;
                pools.writer.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Runs a statement and tells how many rows it affected.
    pub async fn execute(&mut self, sql: impl Statement, values: Vec<SqlValue>) -> Result<u64, StoreError> {
        Ok(match self {
            Engine::Sqlite(tx) => sqlx::query_with(sql.sqlite(), sql::sqlite_arguments(values)?)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Engine::Postgres(tx) => sqlx::query_with(sql.postgres(), sql::postgres_arguments(values)?)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        })
    }

    /// Reads all rows; also those of a write with RETURNING.
    pub async fn fetch_all(
        &mut self,
        sql: impl Statement,
        values: Vec<SqlValue>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        self.for_each(sql, values, |row| {
            rows.push(row);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Reads at most one row; also that of a write with RETURNING.
    pub async fn fetch_optional(
        &mut self,
        sql: impl Statement,
        values: Vec<SqlValue>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(sql, values).await?.into_iter().next())
    }

    /// Reads rows one by one as they stream in, in constant memory; an error of `each` ends it.
    pub async fn for_each(
        &mut self,
        sql: impl Statement,
        values: Vec<SqlValue>,
        mut each: impl FnMut(Row) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        match self {
            Engine::Sqlite(tx) => {
                let query = sqlx::query_with(sql.sqlite(), sql::sqlite_arguments(values)?);
                let mut rows = query.fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    each(Row(Engine::Sqlite(row)))?;
                }
            }
            Engine::Postgres(tx) => {
                let query = sqlx::query_with(sql.postgres(), sql::postgres_arguments(values)?);
                let mut rows = query.fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    each(Row(Engine::Postgres(row)))?;
                }
            }
        }
        Ok(())
    }

    /// Takes `count` numbers of a sequence and returns the first. It locks that sequence until the end of the
    /// transaction, so it also serves as the write that a writing transaction begins with.
    pub(crate) async fn take(&mut self, counter: &'static str, count: i64) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(TAKE, vec![counter.into(), count.into()])
            .await?;
        let last = row.ok_or(StoreError::Shape { column: 0 })?.int(0)?;
        Ok(last - count + 1)
    }

    /// Makes everything in the transaction durable and visible, all or nothing.
    pub async fn commit(self) -> Result<(), StoreError> {
        on!(self, tx => tx.commit().await?);
        Ok(())
    }

    /// Undoes everything in the transaction.
    pub async fn rollback(self) -> Result<(), StoreError> {
        on!(self, tx => tx.rollback().await?);
        Ok(())
    }
}

const TAKE: Sql = sql!("UPDATE counter SET value = value + $2 WHERE name = $1 RETURNING value");

pub(crate) const ALL: &[(&str, Sql)] = &[("store::TAKE", TAKE)];

/// Every constant statement of the store, with its name; one list a file.
pub(crate) fn statements() -> Vec<(&'static str, Sql)> {
    [
        ALL,
        archive::ALL,
        cell_budget::ALL,
        console::ALL,
        dataset::ALL,
        delivery::ALL,
        durable::ALL,
        inbox::ALL,
        log::ALL,
        keys::ALL,
        log::entries::ALL,
        log::checkpoints::ALL,
        private::ALL,
        resealing::ALL,
        published::ALL,
        quota::ALL,
        published::prune::ALL,
        released::ALL,
        released::ROWS,
        replay::ALL,
        searches::ALL,
        restrictions::ALL,
        schema::ALL,
        settled::ALL,
        subjects::ALL,
        subjects::staged::ALL,
        translation::ALL,
    ]
    .concat()
}
