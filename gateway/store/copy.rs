//! What a backup needs to know of a database, and the copy of one of `SQLite`. Each statement is for one engine alone.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

use super::{Engine, Store, StoreError};

/// The file of a `SQLite` database.
///
/// # Errors
/// When the URL is not one of `SQLite`.
pub fn sqlite_file(url: &str) -> Result<PathBuf, StoreError> {
    Ok(SqliteConnectOptions::from_str(url)?.get_filename().to_owned())
}

impl Store {
    /// Whether this is a gateway's database.
    pub async fn has_log(&self) -> Result<bool, StoreError> {
        self.has_table("log_shard").await
    }

    /// Copies a `SQLite` database, as it stands at one moment, into a file that is empty; writers go on.
    pub async fn copy_into(&self, file: &Path) -> Result<(), StoreError> {
        const COPY: &str = "VACUUM INTO $1";
        let Engine::Sqlite(pools) = &self.engine else {
            return Err(StoreError::Url {
                reason: "it is not one of SQLite, which alone copies itself",
            });
        };
        let file = file.to_string_lossy().into_owned();
        sqlx::query(COPY).bind(file).execute(&pools.readers).await?;
        Ok(())
    }

    /// The schema of PostgreSQL in which our tables are; none where the search path leads to none.
    pub async fn schema_name(&self) -> Result<Option<String>, StoreError> {
        const SCHEMA: &str = "SELECT CAST(current_schema() AS TEXT)";
        let row = self.fetch_optional(SCHEMA, vec![]).await?;
        Ok(row.map(|row| row.text_opt(0)).transpose()?.flatten())
    }

    /// Whether a schema of PostgreSQL can be restored: there is none, or it is the one that each new database has, without
    /// a table.
    pub async fn is_free(&self, schema: &str) -> Result<bool, StoreError> {
        const IN_THE_WAY: &str = "SELECT (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = $1)
            + (SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = $1 AND schema_name <> 'public')";
        let row = self.fetch_optional(IN_THE_WAY, vec![schema.into()]).await?;
        Ok(row.map(|row| row.int(0)).transpose()? == Some(0))
    }
}
