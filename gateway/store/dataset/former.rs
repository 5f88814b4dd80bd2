//! What visible rows carried in `canonical` before: whoever changes it keeps what it was, in the same transaction. From
//! this follows which pseudonyms a recipient may have been given for a row; nothing else says so, for a row tells only
//! what it carries now.
//!
//! It is kept for each dataset, holder and subject: other holders' rows of the pupil, which the recipient may never have
//! seen, add nothing.

use super::Rendered;
use super::canonical::{of, tables};
use crate::store::{Schema, Sql, Store, StoreError, sql};

/// Former values are forgotten after so many days: no purpose has a longer overlap.
const KEPT_DAYS: i64 = 367;
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

pub(super) const FORGET: Sql = sql!("DELETE FROM former_canonical WHERE until_us < $1");

/// A later time of the same change counts.
const KEEP: &str =
    "ON CONFLICT (dataset_table, holder, subject, canonical) DO UPDATE SET until_us = excluded.until_us
                    WHERE former_canonical.until_us < excluded.until_us";

/// `$1` now, then the batch: old, new. Before merges give the rows another value.
pub(in crate::store) fn at_merges(schema: &Schema) -> Vec<Rendered> {
    let statement = |table: &str| {
        let keep = |batch: &str, old: &str| keep(table, batch, "r.subject", &format!("r.canonical = {old}"));
        Rendered::pair(
            keep("json_each($2) AS v", "unhex(v.value ->> 0)"),
            keep("unnest($2::bytea[], $3::bytea[]) AS v (old, new)", "v.old"),
        )
    };
    tables(schema).map(statement).collect()
}

/// `$1` now, then the batch: subjects. Before the rows get what their subjects say since merges were undone.
pub(in crate::store) fn at_undoing(schema: &Schema) -> Vec<Rendered> {
    let statement = |table: &str| {
        let right = of("r.subject");
        let keep = |batch: &str, subject: &str| {
            let changes = format!("r.subject = {subject} AND r.canonical <> {right}");
            keep(table, batch, "r.subject", &changes)
        };
        Rendered::pair(
            keep("json_each($2) AS v", "unhex(v.value ->> 0)"),
            keep("unnest($2::bytea[]) AS v (subject)", "v.subject"),
        )
    };
    tables(schema).map(statement).collect()
}

/// Before a holder's own links move its rows of a table to other subjects: `$1` now, `$2` holder, then the batch: from, to.
pub(in crate::store) fn at_links(table: &str) -> Rendered {
    let keep = |batch: &str, from: &str, to: &str| {
        let right = of(to);
        let changes = format!("r.subject = {from} AND r.holder = $2 AND r.canonical <> {right}");
        keep(table, batch, to, &changes)
    };
    Rendered::pair(
        keep(
            "json_each($3) AS v",
            "unhex(v.value ->> 0)",
            "unhex(v.value ->> 1)",
        ),
        keep(
            "unnest($3::bytea[], $4::bytea[]) AS v (old, new)",
            "v.old",
            "v.new",
        ),
    )
}

/// What was kept of the moved rows before stays theirs: `$1` holder, then the batch: from, to.
pub(in crate::store) fn follow_links(table: &str) -> Rendered {
    let keep = |batch: &str, from: &str, to: &str| {
        format!(
            "INSERT INTO former_canonical (dataset_table, holder, subject, canonical, until_us)
             SELECT f.dataset_table, f.holder, {to}, f.canonical, MAX(f.until_us) FROM {batch}
             JOIN former_canonical AS f ON f.dataset_table = '{table}' AND f.holder = $1 AND f.subject = {from}
             GROUP BY f.dataset_table, f.holder, {to}, f.canonical {KEEP}"
        )
    };
    Rendered::pair(
        keep(
            "json_each($2) AS v",
            "unhex(v.value ->> 0)",
            "unhex(v.value ->> 1)",
        ),
        keep(
            "unnest($2::bytea[], $3::bytea[]) AS v (old, new)",
            "v.old",
            "v.new",
        ),
    )
}

/// Keeps what a table's visible rows carry until now (`$1`), of those that a batch is about to change.
fn keep(table: &str, batch: &str, subject: &str, changes: &str) -> String {
    format!(
        "INSERT INTO former_canonical (dataset_table, holder, subject, canonical, until_us)
         SELECT DISTINCT '{table}', r.holder, {subject}, r.canonical, CAST($1 AS BIGINT) FROM {batch}
         CROSS JOIN {table} AS r JOIN delivery AS d ON d.id = r.delivery AND d.state = 'active'
         WHERE {changes} {KEEP}"
    )
}

impl Store {
    /// Forgets what no overlap can reach back to; returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_former_canonical(&self, now_us: i64) -> Result<u64, StoreError> {
        self.execute(FORGET, vec![(now_us - KEPT_DAYS * DAY_US).into()])
            .await
    }
}
