//! What the engine knows of its tables when it plans a query.

use doelpoort_core::catalogue::Name;

use crate::store::dataset::{Rendered, table_name};
use crate::store::{Engine, Store, StoreError};

/// Fewer rows than this do not change a plan.
const ROWS_MIN: i64 = 100;

/// What every delivery of pupils adds to, besides the rows.
const ALWAYS: [&str; 3] = ["delivery", "subject", "subject_index"];

impl Store {
    /// Counts anew what the tables of a delivery hold. Until then PostgreSQL plans for empty tables, and reads all
    /// rows where an index would do; it would count by itself, but minutes later. `SQLite` plans by its indexes; with
    /// statistics it chose worse, and the demo took five times as long.
    ///
    /// # Errors
    /// When the store fails; nothing but speed depends on it.
    pub async fn refresh_statistics(&self, dataset: &Name, rows: i64) -> Result<(), StoreError> {
        if rows < ROWS_MIN || matches!(self.engine, Engine::Sqlite(_)) {
            return Ok(());
        }
        self.execute(
            &Rendered::same(format!("ANALYZE {}", table_name(dataset))),
            vec![],
        )
        .await?;
        for table in ALWAYS {
            self.execute(&Rendered::same(format!("ANALYZE {table}")), vec![])
                .await?;
        }
        Ok(())
    }
}
