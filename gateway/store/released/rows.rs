//! Rows of k-anonymous records: what an epoch released of each pupil. Unlike a figure a row is somebody's: it is deleted
//! when nobody holds rows of the pupil any more, and a year after its epoch when a later one closes.

use std::collections::HashSet;

use doelpoort_core::anonymity::{RecordsTable, TableRow};
use doelpoort_core::catalogue::Name;
use doelpoort_core::pseudonym::SubjectId;

use super::{EXTEND, LEASE_US, hold};
use crate::store::dataset::{Rendered, table_name};
use crate::store::{Column, Sql, SqlValue, Store, StoreError, sql};

/// Rows a statement.
const ROWS_PER_STATEMENT_MAX: usize = 5_000;

const STAGE: Sql = sql!(
    sqlite = "INSERT INTO released_row (epoch, subject, content)
              SELECT $1, unhex(value ->> 0), value ->> 1 FROM json_each($2)",
    postgres = "INSERT INTO released_row (epoch, subject, content)
                SELECT $1, v.* FROM unnest($2::bytea[], $3::text[]) AS v"
);
const DESCRIBE: Sql =
    sql!("UPDATE epoch SET lease_us = $2, records = $3 WHERE id = $1 AND state = 'closing'");
const TABLE: Sql = sql!("SELECT records FROM epoch WHERE id = $1 AND state = 'closed'");
const READ: Sql = sql!(
    "SELECT r.subject, r.content FROM released_row AS r
     WHERE r.epoch = CAST($1 AS BIGINT)
       AND EXISTS (SELECT 1 FROM epoch AS e WHERE e.id = CAST($1 AS BIGINT) AND e.state = 'closed')"
);
const TABLES: Sql = sql!("SELECT id, records FROM epoch WHERE state = 'closed' AND records <> ''");
/// `$1` population, `$2` the first date that stays.
const BEFORE: Sql = sql!(
    "SELECT id FROM epoch WHERE population = $1 AND date < $2 AND state = 'closed' AND records <> '' ORDER BY id"
);
const FORGET: Sql = sql!(
    sqlite = "DELETE FROM released_row
              WHERE epoch = $1 AND subject IN (SELECT unhex(value ->> 0) FROM json_each($2))",
    postgres = "DELETE FROM released_row
                WHERE epoch = $1 AND subject IN (SELECT v.subject FROM unnest($2::bytea[]) AS v (subject))"
);
const FORGET_TABLE: Sql = sql!("UPDATE epoch SET records = '' WHERE id = $1");
/// `$2` is no digest.
const FORGET_SHOWN: Sql = sql!("UPDATE epoch_purpose SET records = $2 WHERE epoch = $1");
pub(super) const DROP: Sql = sql!("DELETE FROM released_row WHERE epoch = $1");

pub(in crate::store) const ALL: &[(&str, Sql)] = &[
    ("released::rows::STAGE", STAGE),
    ("released::rows::DESCRIBE", DESCRIBE),
    ("released::rows::TABLE", TABLE),
    ("released::rows::READ", READ),
    ("released::rows::TABLES", TABLES),
    ("released::rows::BEFORE", BEFORE),
    ("released::rows::FORGET", FORGET),
    ("released::rows::FORGET_TABLE", FORGET_TABLE),
    ("released::rows::FORGET_SHOWN", FORGET_SHOWN),
    ("released::rows::DROP", DROP),
];

/// A pupil's row.
pub type ReleasedRow = (SubjectId, TableRow);

impl Store {
    /// Stores the rows of a table that may be shown, and what the table is.
    ///
    /// # Errors
    /// [`StoreError::EpochLost`] when this close no longer holds the lease.
    pub async fn stage_records(
        &self,
        epoch: i64,
        table: &RecordsTable,
        rows: &[ReleasedRow],
        now_us: i64,
    ) -> Result<(), StoreError> {
        let lease = || vec![epoch.into(), (now_us + LEASE_US).into()];
        for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            let contents: Vec<String> = chunk.iter().map(|(_, row)| json(row)).collect::<Result<_, _>>()?;
            let subjects = Column::bytes(chunk.iter().map(|(subject, _)| *subject.as_bytes()));
            let contents = Column::texts(contents.iter().map(String::as_str));
            let mut tx = self.begin_write().await?;
            hold(&mut tx, epoch, EXTEND, lease()).await?;
            tx.execute(
                STAGE,
                vec![epoch.into(), SqlValue::Rows(vec![subjects, contents])],
            )
            .await?;
            tx.commit().await?;
        }
        let mut tx = self.begin_write().await?;
        let values = vec![
            epoch.into(),
            (now_us + LEASE_US).into(),
            json(table)?.as_str().into(),
        ];
        hold(&mut tx, epoch, DESCRIBE, values).await?;
        tx.commit().await
    }

    /// The table of a closed epoch; none where it released no records, or they are gone.
    ///
    /// # Errors
    /// When the store fails, or holds what no table is.
    pub async fn records_table(&self, epoch: i64) -> Result<Option<RecordsTable>, StoreError> {
        let row = self.fetch_optional(TABLE, vec![epoch.into()]).await?;
        let text = row.map(|row| row.text(0)).transpose()?.unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        read(&text, 0).map(Some)
    }

    /// The rows of a closed epoch, in no order.
    ///
    /// # Errors
    /// When the store fails, or holds what no row is.
    pub async fn released_rows(&self, epoch: i64) -> Result<Vec<ReleasedRow>, StoreError> {
        let mut rows = Vec::new();
        self.for_each(READ, vec![epoch.into()], |row| {
            let content = read(&row.text(1)?, 1)?;
            rows.push((SubjectId::from_bytes(row.array(0)?), content));
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// Deletes the rows of the population's epochs before a date; they answer for no records any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_records_before(&self, population: &Name, date: &str) -> Result<(), StoreError> {
        let due = self
            .fetch_all(BEFORE, vec![population.as_str().into(), date.into()])
            .await?;
        for row in due {
            let epoch = row.int(0)?;
            let mut tx = self.begin_write().await?;
            tx.execute(FORGET_TABLE, vec![epoch.into()]).await?;
            tx.execute(FORGET_SHOWN, vec![epoch.into(), (&[][..]).into()])
                .await?;
            tx.execute(DROP, vec![epoch.into()]).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Deletes the rows of pupils whom nobody holds in a base dataset any more, and those that go with them.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::store) async fn forget_gone_pupils(&self) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for row in self.fetch_all(TABLES, vec![]).await? {
            let epoch = row.int(0)?;
            let table: RecordsTable = read(&row.text(1)?, 1)?;
            let mut text = String::from("SELECT r.subject FROM released_row r WHERE r.epoch = $1");
            for base in table.bases() {
                let held = table_name(base);
                if self.has_table(&held).await? {
                    text.push_str(" AND NOT EXISTS (SELECT 1 FROM ");
                    text.push_str(&held);
                    text.push_str(" h WHERE h.canonical = r.subject)");
                }
            }
            let gone = self.fetch_all(&Rendered::same(text), vec![epoch.into()]).await?;
            let gone: HashSet<[u8; 16]> = gone.iter().map(|row| row.array(0)).collect::<Result<_, _>>()?;
            if !gone.is_empty() {
                forgotten += self.forget_rows(epoch, &table, &gone).await?;
            }
        }
        Ok(forgotten)
    }

    /// Deletes these pupils' rows, and those that go with them.
    async fn forget_rows(
        &self,
        epoch: i64,
        table: &RecordsTable,
        gone: &HashSet<[u8; 16]>,
    ) -> Result<u64, StoreError> {
        let (pupils, rows): (Vec<SubjectId>, Vec<TableRow>) =
            self.released_rows(epoch).await?.into_iter().unzip();
        let is_gone: Vec<bool> = pupils
            .iter()
            .map(|pupil| gone.contains(pupil.as_bytes()))
            .collect();
        let lost = table.lost(&rows, &is_gone);
        let lost = pupils.iter().zip(lost).filter(|(_, lost)| *lost);
        let lost: Vec<[u8; 16]> = lost.map(|(pupil, _)| *pupil.as_bytes()).collect();
        let mut forgotten = 0;
        for chunk in lost.chunks(ROWS_PER_STATEMENT_MAX) {
            let subjects = SqlValue::Rows(vec![Column::bytes(chunk.iter().copied())]);
            forgotten += self.execute(FORGET, vec![epoch.into(), subjects]).await?;
        }
        Ok(forgotten)
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Shape { column: 0 })
}

fn read<T: serde::de::DeserializeOwned>(text: &str, column: usize) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Shape { column })
}
