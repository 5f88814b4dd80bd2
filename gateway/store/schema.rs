//! What tables there are, on either engine in the same words; and whether every statement fits them.

use std::collections::BTreeMap;

use sqlx::{Executor as _, SqlSafeStr as _};

use super::{Engine, Sql, Store, StoreError, sql, statements};

const COLUMNS: Sql = sql!(
    sqlite = "SELECT t.name, c.name, c.type, c.\"notnull\" = 0 AND c.pk = 0
              FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
              WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY 1, 2",
    postgres = "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT),
                       CAST(CASE is_nullable WHEN 'YES' THEN 1 ELSE 0 END AS BIGINT)
                FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2"
);

const HAS_TABLE: Sql = sql!(
    sqlite = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
    postgres = "SELECT COUNT(*) FROM information_schema.tables
                WHERE table_schema = current_schema() AND table_name = $1"
);

pub(crate) const ALL: &[(&str, Sql)] = &[("schema::COLUMNS", COLUMNS), ("schema::HAS_TABLE", HAS_TABLE)];

/// The three types of our tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TypeClass {
    /// BIGINT; INTEGER on `SQLite`.
    Int,
    /// TEXT.
    Text,
    /// BYTEA; BLOB on `SQLite`.
    Bytes,
}

impl TypeClass {
    /// The engine's name of the type, given its names for integers and bytes.
    pub(super) fn name<'a>(self, int: &'a str, bytes: &'a str) -> &'a str {
        match self {
            Self::Int => int,
            Self::Text => "text",
            Self::Bytes => bytes,
        }
    }
}

/// Table → column → its type and whether it may be NULL.
pub type Schema = BTreeMap<String, BTreeMap<String, (TypeClass, bool)>>;

impl Store {
    /// The tables of the database, without the list of migrations. A column of a type that our tables do not
    /// use is an error, so that it does not slip in.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let mut schema = Schema::new();
        for row in self.fetch_all(COLUMNS, vec![]).await? {
            let table = row.text(0)?;
            if table == "_sqlx_migrations" {
                continue;
            }
            let class = match row.text(2)?.to_ascii_lowercase().as_str() {
                "bigint" | "int" | "integer" => TypeClass::Int,
                "text" => TypeClass::Text,
                // Without a type, a column of SQLite's holds bytes as they are.
                "" | "blob" | "bytea" => TypeClass::Bytes,
                _ => return Err(StoreError::Shape { column: 2 }),
            };
            schema
                .entry(table)
                .or_default()
                .insert(row.text(1)?, (class, row.int(3)? != 0));
        }
        Ok(schema)
    }

    pub(super) async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let row = self.fetch_optional(HAS_TABLE, vec![name.into()]).await?;
        Ok(row.map(|row| row.int(0)).transpose()?.unwrap_or(0) > 0)
    }

    /// Prepares every constant statement on this engine and names the ones that it refuses.
    pub async fn prepare_all(&self) -> Result<(), Vec<(&'static str, StoreError)>> {
        let mut refused = Vec::new();
        for (name, sql) in statements() {
            let result = match &self.engine {
                Engine::Sqlite(pools) => pools.writer.prepare(sql.sqlite.into_sql_str()).await.map(drop),
                Engine::Postgres(pool) => pool.pool.prepare(sql.postgres.into_sql_str()).await.map(drop),
            };
            if let Err(error) = result {
                refused.push((name, error.into()));
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }
}
