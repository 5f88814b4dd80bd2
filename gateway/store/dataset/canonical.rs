//! `canonical`: each row of a pupil carries what `subject.canonical` says of its subject, so that no question has to
//! look each pupil up. A row never says anything else:
//!
//! | who writes | under which lock | what |
//! |---|---|---|
//! | a merge | the counters `subject` and `merge` | `subject.canonical` and every row that had the old one, in one transaction |
//! | a delivery that stages rows | the counter `merge`, shared | looks it up as it inserts |
//! | a link that moves a holder's rows | the counter `subject` | looks it up as it changes their subject |
//!
//! So nobody looks up while a merge is under way, and the rows that a merge does not see yet are not looked up yet
//! either. `SQLite` has one writer and needs no lock. Which tables there are, a merge asks the database, not the
//! catalogue: one whose dataset is gone may come back. What a visible row carried before is kept: see
//! [`former`](mod@super::former). What wrote otherwise, an older program for one, is found and
//! mended when the program starts.

use super::Rendered;
use crate::store::{Schema, Sql, SqlValue, Store, StoreError, Tx, sql};

/// The column.
pub(in crate::store) const COLUMN: &str = "canonical";

/// Keeps merges away until the end of the transaction; others that hold it so do not wait for each other.
pub(in crate::store) const AGAINST_MERGES: Sql = sql!(
    sqlite = "SELECT value FROM counter WHERE name = 'merge'",
    postgres = "SELECT value FROM counter WHERE name = 'merge' FOR SHARE"
);

/// What a row of this subject carries.
pub(super) fn of(subject: &str) -> String {
    format!("(SELECT c.canonical FROM subject c WHERE c.subject = {subject})")
}

/// `$1` is a batch: old, new.
fn relabel(table: &str) -> Rendered {
    Rendered::pair(
        format!(
            "UPDATE {table} SET canonical = unhex(v.value ->> 1) FROM json_each($1) AS v
             WHERE {table}.canonical = unhex(v.value ->> 0)"
        ),
        format!(
            "UPDATE {table} SET canonical = v.new FROM unnest($1::bytea[], $2::bytea[]) AS v (old, new)
             WHERE {table}.canonical = v.old"
        ),
    )
}

/// Rows that do not carry what they must.
fn stale(table: &str) -> Rendered {
    Rendered::same(format!(
        "SELECT 1 FROM {table} AS r LEFT JOIN subject AS s ON s.subject = r.subject
         WHERE r.canonical IS DISTINCT FROM s.canonical LIMIT 1"
    ))
}

fn mend(table: &str) -> Rendered {
    let right = of(&format!("{table}.subject"));
    Rendered::same(format!(
        "UPDATE {table} SET canonical = {right} WHERE canonical IS DISTINCT FROM {right}"
    ))
}

/// The statements that give the rows of a batch of subjects what their subject says now.
pub(in crate::store) fn follow(schema: &Schema) -> Vec<Rendered> {
    let statement = |table: &str| {
        let right = of(&format!("{table}.subject"));
        let update =
            |batch: &str| format!("UPDATE {table} SET canonical = {right} WHERE subject IN ({batch})");
        Rendered::pair(
            update("SELECT unhex(value ->> 0) FROM json_each($1)"),
            update("SELECT unnest($1::bytea[])"),
        )
    };
    tables(schema).map(statement).collect()
}

/// The tables whose rows carry a canonical subject.
pub(super) fn tables(schema: &Schema) -> impl Iterator<Item = &str> {
    schema
        .iter()
        .filter(|(table, columns)| table.starts_with("ds_") && columns.contains_key(COLUMN))
        .map(|(table, _)| table.as_str())
}

/// The statements that give every row its new canonical subject.
pub(in crate::store) fn relabels(schema: &Schema) -> Vec<Rendered> {
    tables(schema).map(relabel).collect()
}

impl Tx {
    /// Keeps merges away until the end of the transaction.
    pub(in crate::store) async fn hold_off_merges(&mut self) -> Result<(), StoreError> {
        let held = self.fetch_optional(AGAINST_MERGES, vec![]).await?;
        held.map(drop).ok_or(StoreError::Shape { column: 0 })
    }
}

impl Store {
    /// Gives every row of a pupils' table what it must carry, where it does not.
    pub(super) async fn mend_canonical(&self, table: &str) -> Result<(), StoreError> {
        if self.fetch_optional(&stale(table), vec![]).await?.is_none() {
            return Ok(());
        }
        let mut tx = self.begin_write().await?;
        tx.take("merge", 0).await?;
        let rows = tx.execute(&mend(table), Vec::<SqlValue>::new()).await?;
        tx.commit().await?;
        tracing::warn!(
            table,
            rows,
            "rows did not carry the canonical subject of their pupil"
        );
        Ok(())
    }
}
