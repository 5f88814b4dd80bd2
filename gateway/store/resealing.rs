//! Holders' own references, read and replaced a few hundred at a time while they are sealed anew.
//!
//! A reference is replaced only where it is still the one that was read, so replicas may do the same rows at once. How
//! far the work is stands beside it; who goes on after a crash does the last rows again.

use super::dataset::{DatasetTable, Rendered};
use super::inbox::NOBODY;
use super::{Column, Sql, SqlValue, Store, StoreError, sql};

const PROGRESS: Sql = sql!(
    "SELECT from_row, found, resealed, finished_us FROM resealing WHERE dataset = $1 AND key_version = $2"
);
const ALL_PROGRESS: Sql = sql!(
    "SELECT dataset, key_version, from_row, found, resealed, finished_us FROM resealing ORDER BY key_version, dataset"
);
const SET_PROGRESS: Sql = sql!(
    "INSERT INTO resealing (dataset, key_version, from_row, found, resealed, finished_us)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (dataset, key_version) DO UPDATE SET from_row = excluded.from_row, found = excluded.found,
     resealed = excluded.resealed, finished_us = excluded.finished_us"
);

/// What is sealed besides references of rows: items of inboxes, and what recipients get of them. Nobody's items hold no
/// reference, only bytes that look like one.
const LEFT_IN_INBOXES: Sql = sql!(
    "SELECT (SELECT COUNT(*) FROM inbox_item WHERE substr(told, 1, 4) <> $1 OR substr(answer, 1, 4) <> $1
             OR (holder <> $2 AND substr(reference, 1, 4) <> $1))
          + (SELECT COUNT(*) FROM resolution_pupil WHERE substr(pseudonym, 1, 4) <> $1)
          + (SELECT COUNT(*) FROM translation WHERE substr(pseudonyms, 1, 4) <> $1)"
);

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("resealing::ALL_PROGRESS", ALL_PROGRESS),
    ("resealing::LEFT_IN_INBOXES", LEFT_IN_INBOXES),
    ("resealing::PROGRESS", PROGRESS),
    ("resealing::SET_PROGRESS", SET_PROGRESS),
];

/// How far a dataset is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows up to this one were looked at in this pass.
    pub from_row: i64,
    /// How many of them were under another version.
    pub found: i64,
    /// How many were sealed anew in all passes.
    pub resealed: i64,
    /// When a pass found none; µs UTC.
    pub finished_us: Option<i64>,
}

/// A row with the holder's own name for the pupil.
#[derive(Clone, Debug)]
pub struct SealedReference {
    /// `delivery · 2^32 + row number`.
    pub row: i64,
    /// As it is sealed.
    pub sealed: Vec<u8>,
}

/// The statements of a dataset's table.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    read: Rendered,
    replace: Rendered,
    left: Rendered,
}

impl Statements {
    pub(super) fn new(table: &str) -> Self {
        Self {
            read: Rendered::same(format!(
                "SELECT \"row\", reference FROM {table} WHERE \"row\" > $1 AND reference IS NOT NULL \
                 ORDER BY \"row\" LIMIT $2"
            )),
            replace: Rendered::pair(
                format!(
                    "UPDATE {table} SET reference = unhex(v.value ->> 2) FROM json_each($1) AS v \
                     WHERE {table}.\"row\" = v.value ->> 0 AND {table}.reference = unhex(v.value ->> 1)"
                ),
                format!(
                    "UPDATE {table} SET reference = v.new \
                     FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS v (number, old, new) \
                     WHERE {table}.\"row\" = v.number AND {table}.reference = v.old"
                ),
            ),
            left: Rendered::same(format!(
                "SELECT COUNT(*) FROM {table} WHERE reference IS NOT NULL AND substr(reference, 1, 4) <> $1"
            )),
        }
    }
}

impl Store {
    /// How far a dataset is under this version; the beginning where nothing was done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resealing_progress(
        &self,
        table: &DatasetTable,
        version: u32,
    ) -> Result<Progress, StoreError> {
        let values = vec![table.dataset().as_str().into(), i64::from(version).into()];
        let Some(row) = self.fetch_optional(PROGRESS, values).await? else {
            return Ok(Progress::default());
        };
        Ok(Progress {
            from_row: row.int(0)?,
            found: row.int(1)?,
            resealed: row.int(2)?,
            finished_us: row.int_opt(3)?,
        })
    }

    /// How far each dataset is, with the version.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_resealing_progress(&self) -> Result<Vec<(String, i64, Progress)>, StoreError> {
        let rows = self.fetch_all(ALL_PROGRESS, vec![]).await?;
        let progress = |row: &super::Row| {
            let progress = Progress {
                from_row: row.int(2)?,
                found: row.int(3)?,
                resealed: row.int(4)?,
                finished_us: row.int_opt(5)?,
            };
            Ok((row.text(0)?, row.int(1)?, progress))
        };
        rows.iter().map(progress).collect()
    }

    /// Notes how far a dataset is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_resealing_progress(
        &self,
        table: &DatasetTable,
        version: u32,
        progress: Progress,
    ) -> Result<(), StoreError> {
        let values = vec![
            table.dataset().as_str().into(),
            i64::from(version).into(),
            progress.from_row.into(),
            progress.found.into(),
            progress.resealed.into(),
            progress.finished_us.into(),
        ];
        self.execute(SET_PROGRESS, values).await.map(drop)
    }

    /// The next rows that have a reference, in the order of the rows.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sealed_references(
        &self,
        table: &DatasetTable,
        after: i64,
        rows_max: i64,
    ) -> Result<Vec<SealedReference>, StoreError> {
        let rows = self
            .fetch_all(&table.resealing.read, vec![after.into(), rows_max.into()])
            .await?;
        let reference = |row: &super::Row| {
            Ok(SealedReference {
                row: row.int(0)?,
                sealed: row.bytes(1)?,
            })
        };
        rows.iter().map(reference).collect()
    }

    /// Replaces references that are still as they were read; how many were.
    ///
    /// # Errors
    /// When the store fails; then none is.
    pub async fn replace_references(
        &self,
        table: &DatasetTable,
        replaced: Vec<(SealedReference, Vec<u8>)>,
    ) -> Result<u64, StoreError> {
        if replaced.is_empty() {
            return Ok(0);
        }
        let (mut rows, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for (reference, sealed) in replaced {
            rows.push(reference.row);
            old.push(reference.sealed);
            new.push(sealed);
        }
        let columns = vec![Column::ints(rows), Column::bytes(old), Column::bytes(new)];
        let mut tx = self.begin_write().await?;
        let done = tx
            .execute(&table.resealing.replace, vec![SqlValue::Rows(columns)])
            .await?;
        tx.commit().await?;
        Ok(done)
    }

    /// How many references are sealed under another version. Reads the whole table.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn references_left(&self, table: &DatasetTable, version: u32) -> Result<i64, StoreError> {
        let values = vec![version.to_be_bytes().as_slice().into()];
        match self.fetch_optional(&table.resealing.left, values).await? {
            Some(row) => row.int(0),
            None => Ok(0),
        }
    }

    /// How many items of inboxes and answers to recipients are sealed under another version. They are not sealed anew:
    /// they are forgotten after they close.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn inboxes_left(&self, version: u32) -> Result<i64, StoreError> {
        let values = vec![version.to_be_bytes().as_slice().into(), NOBODY.into()];
        match self.fetch_optional(LEFT_IN_INBOXES, values).await? {
            Some(row) => row.int(0),
            None => Ok(0),
        }
    }
}
