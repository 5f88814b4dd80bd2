//! Epochs and what they released: cells are stored once, after protection, and never computed again.
//!
//! A close is: [`Store::begin_epoch`] → [`Store::stage_cells`] in batches → [`Store::describe_epoch`] →
//! [`release`] in the transaction of its log entry. A crash before the last step leaves an epoch that is
//! `closing`; nobody reads its cells, and when its lease has passed the next close begins anew under a new id,
//! so that what a paused process still writes goes nowhere.

mod rows;

use std::collections::HashMap;
use std::time::Duration;

use doelpoort_core::catalogue::Name;

use super::{Column, Row, Sql, SqlValue, Store, StoreError, Tx, sql};

pub(in crate::store) use rows::ALL as ROWS;
pub use rows::ReleasedRow;

/// How long a close may be silent before another process takes it over.
pub const LEASE: Duration = Duration::from_mins(10);
const LEASE_US: i64 = 10 * 60 * 1_000_000;
/// The columns of a [`ClosedEpoch`], where those of a purpose follow.
const CLOSED_EPOCH_COLUMNS: usize = 5;
/// Cells a statement.
const CELLS_PER_STATEMENT_MAX: usize = 5_000;

const FIND: Sql = sql!("SELECT id, state, lease_us FROM epoch WHERE population = $1 AND date = $2");
const DROP_CELLS: Sql = sql!("DELETE FROM released_cell WHERE epoch = $1");
const DROP_PURPOSES: Sql = sql!("DELETE FROM epoch_purpose WHERE epoch = $1");
const DROP_EPOCH: Sql = sql!("DELETE FROM epoch WHERE id = $1 AND state = 'closing'");
const BEGIN: Sql = sql!(
    "INSERT INTO epoch (id, population, date, state, started_us, lease_us, catalogue, completeness)
     VALUES ($1, $2, $3, 'closing', $4, $5, $6, '{}')"
);
const EXTEND: Sql = sql!("UPDATE epoch SET lease_us = $2 WHERE id = $1 AND state = 'closing'");
const STAGE: Sql = sql!(
    sqlite =
        "INSERT INTO released_cell (epoch, cell, y) SELECT $1, value ->> 0, value ->> 1 FROM json_each($2)
              WHERE TRUE ON CONFLICT (epoch, cell) DO NOTHING",
    postgres =
        "INSERT INTO released_cell (epoch, cell, y) SELECT $1, v.* FROM unnest($2::text[], $3::bigint[]) AS v
                ON CONFLICT (epoch, cell) DO NOTHING"
);
const DESCRIBE: Sql =
    sql!("UPDATE epoch SET lease_us = $2, completeness = $3 WHERE id = $1 AND state = 'closing'");
const PURPOSE: Sql = sql!(
    "INSERT INTO epoch_purpose (epoch, purpose, version, digest, cells, records) VALUES ($1, $2, $3, $4, $5, $6)"
);
const RELEASE: Sql =
    sql!("UPDATE epoch SET state = 'closed', closed_us = $2 WHERE id = $1 AND state = 'closing'");
const READ: Sql = sql!(
    sqlite = "SELECT c.cell, c.y FROM json_each($2) AS v CROSS JOIN released_cell AS c
              WHERE c.epoch = $1 AND c.cell = v.value ->> 0
                AND EXISTS (SELECT 1 FROM epoch AS e WHERE e.id = $1 AND e.state = 'closed')",
    postgres = "SELECT c.cell, c.y FROM unnest($2::text[]) AS v (cell) JOIN released_cell AS c ON c.cell = v.cell
                WHERE c.epoch = $1 AND EXISTS (SELECT 1 FROM epoch AS e WHERE e.id = $1 AND e.state = 'closed')"
);
/// `$1` epoch, `$2` the most rows.
const READ_ALL: Sql = sql!(
    "SELECT c.cell, c.y FROM released_cell AS c
     WHERE c.epoch = CAST($1 AS BIGINT)
       AND EXISTS (SELECT 1 FROM epoch AS e WHERE e.id = CAST($1 AS BIGINT) AND e.state = 'closed')
     LIMIT CAST($2 AS BIGINT)"
);
const CLOSED: Sql = sql!(
    "SELECT id, date, closed_us, catalogue, completeness FROM epoch
     WHERE population = $1 AND state = 'closed' ORDER BY date DESC"
);
const CLOSED_FOR: Sql = sql!(
    "SELECT e.id, e.date, e.closed_us, e.catalogue, e.completeness, p.purpose, p.version, p.digest, p.cells, p.records
     FROM epoch AS e JOIN epoch_purpose AS p ON p.epoch = e.id AND p.purpose = $2
     WHERE e.population = $1 AND e.state = 'closed' ORDER BY e.date DESC"
);
const ALL_CLOSED: Sql = sql!("SELECT population, date, id FROM epoch WHERE state = 'closed' ORDER BY id");
const CELLS: Sql = sql!("SELECT cell, y FROM released_cell WHERE epoch = $1");
const PURPOSES: Sql = sql!(
    "SELECT purpose, version, digest, cells, records FROM epoch_purpose WHERE epoch = $1 ORDER BY purpose"
);

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("released::FIND", FIND),
    ("released::DROP_CELLS", DROP_CELLS),
    ("released::DROP_PURPOSES", DROP_PURPOSES),
    ("released::DROP_EPOCH", DROP_EPOCH),
    ("released::BEGIN", BEGIN),
    ("released::EXTEND", EXTEND),
    ("released::STAGE", STAGE),
    ("released::DESCRIBE", DESCRIBE),
    ("released::PURPOSE", PURPOSE),
    ("released::RELEASE", RELEASE),
    ("released::READ", READ),
    ("released::READ_ALL", READ_ALL),
    ("released::CLOSED", CLOSED),
    ("released::CLOSED_FOR", CLOSED_FOR),
    ("released::PURPOSES", PURPOSES),
    ("released::ALL_CLOSED", ALL_CLOSED),
    ("released::CELLS", CELLS),
];

/// An epoch whose figures are released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedEpoch {
    /// Its id in the store.
    pub id: i64,
    /// Its name: the ISO 8601 date.
    pub date: String,
    /// When it closed, µs since 1970, UTC.
    pub closed_us: i64,
    /// Digest of the catalogue at the close.
    pub catalogue: [u8; 32],
    /// Which holders were complete, JSON.
    pub completeness: String,
}

/// A purpose that was active when an epoch closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochPurpose {
    /// The purpose's id.
    pub purpose: Name,
    /// Its version.
    pub version: u32,
    /// Digest of its manifest.
    pub digest: [u8; 32],
    /// Digest of which cells it could show; none for epochs that closed before this was kept.
    pub cells: Option<[u8; 32]>,
    /// Digest of which k-anonymous records it could show; none where it could show none.
    pub records: Option<[u8; 32]>,
}

/// In place of a digest: the purpose was active for records alone, and no figures were released for it.
pub const NO_CELLS: [u8; 32] = [0; 32];

impl EpochPurpose {
    /// Whether the epoch answers for a purpose as it is today: the very same version, or one that shows the same
    /// canonical cells. Another version was not approved when these were released.
    pub fn answers(&self, purpose: &Name, digest: &[u8; 32], cells: &[u8; 32]) -> bool {
        self.purpose == *purpose
            && self.cells != Some(NO_CELLS)
            && (self.digest == *digest || self.cells.as_ref() == Some(cells))
    }

    /// Whether the epoch answers for a purpose's k-anonymous records as they are today: for the very same ones.
    pub fn answers_records(&self, purpose: &Name, records: &[u8; 32]) -> bool {
        self.purpose == *purpose && self.records.as_ref() == Some(records)
    }
}

impl Store {
    /// Begins the close of an epoch and returns its id; the lease runs [`LEASE`] from the last step.
    ///
    /// # Errors
    /// [`StoreError::EpochClosed`] when it was released, [`StoreError::EpochBusy`] while another close holds the
    /// lease.
    pub async fn begin_epoch(
        &self,
        population: &Name,
        date: &str,
        catalogue: &[u8; 32],
        now_us: i64,
    ) -> Result<i64, StoreError> {
        let mut tx = self.begin_write().await?;
        let id = tx.take("epoch", 1).await?;
        let key = || vec![population.as_str().into(), date.into()];
        if let Some(row) = tx.fetch_optional(FIND, key()).await? {
            let (population, date) = (population.to_string(), date.to_owned());
            if row.text(1)? == "closed" {
                return Err(StoreError::EpochClosed { population, date });
            }
            if row.int(2)? >= now_us {
                return Err(StoreError::EpochBusy { population, date });
            }
            drop_epoch(&mut tx, row.int(0)?).await?;
        }
        let [population, date] = [population.as_str().into(), date.into()];
        let lease_us: i64 = now_us + LEASE_US;
        let values = vec![
            id.into(),
            population,
            date,
            now_us.into(),
            lease_us.into(),
            catalogue.as_slice().into(),
        ];
        tx.execute(BEGIN, values).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Stores cells that may be shown, by canonical name; a cell that was given before keeps its figure.
    ///
    /// # Errors
    /// [`StoreError::EpochLost`] when this close no longer holds the lease.
    pub async fn stage_cells(
        &self,
        epoch: i64,
        cells: &[(String, i64)],
        now_us: i64,
    ) -> Result<(), StoreError> {
        for chunk in cells.chunks(CELLS_PER_STATEMENT_MAX) {
            let mut tx = self.begin_write().await?;
            hold(
                &mut tx,
                epoch,
                EXTEND,
                vec![epoch.into(), (now_us + LEASE_US).into()],
            )
            .await?;
            let names = Column::texts(chunk.iter().map(|(cell, _)| cell.as_str()));
            let figures = Column::ints(chunk.iter().map(|(_, y)| *y));
            tx.execute(STAGE, vec![epoch.into(), SqlValue::Rows(vec![names, figures])])
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Notes for which purposes the epoch will answer and how complete it is (JSON).
    ///
    /// # Errors
    /// [`StoreError::EpochLost`] when this close no longer holds the lease.
    pub async fn describe_epoch(
        &self,
        epoch: i64,
        purposes: &[EpochPurpose],
        completeness: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        let values = vec![epoch.into(), (now_us + LEASE_US).into(), completeness.into()];
        hold(&mut tx, epoch, DESCRIBE, values).await?;
        tx.execute(DROP_PURPOSES, vec![epoch.into()]).await?;
        for EpochPurpose {
            purpose,
            version,
            digest,
            cells,
            records,
        } in purposes
        {
            let digest_or_none = |digest: &Option<[u8; 32]>| -> SqlValue {
                digest.as_ref().map_or(&[][..], <[u8; 32]>::as_slice).into()
            };
            let version = i64::from(*version);
            let values = vec![
                epoch.into(),
                purpose.as_str().into(),
                version.into(),
                digest.as_slice().into(),
                digest_or_none(cells),
                digest_or_none(records),
            ];
            tx.execute(PURPOSE, values).await?;
        }
        tx.commit().await
    }

    /// Gives up a close that has not released anything; its cells are gone.
    pub async fn abandon_epoch(&self, epoch: i64) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        drop_epoch(&mut tx, epoch).await?;
        tx.commit().await
    }

    /// The figures of those of `cells` that may be shown; a name that is not in the answer is hidden. Nothing
    /// of an epoch that is not closed.
    pub async fn released_cells(
        &self,
        epoch: i64,
        cells: &[String],
    ) -> Result<HashMap<String, i64>, StoreError> {
        let mut found = HashMap::new();
        for chunk in cells.chunks(CELLS_PER_STATEMENT_MAX) {
            let names = Column::texts(chunk.iter().map(String::as_str));
            let values = vec![epoch.into(), SqlValue::Rows(vec![names])];
            self.for_each(READ, values, |row| {
                found.insert(row.text(0)?, row.int(1)?);
                Ok(())
            })
            .await?;
        }
        Ok(found)
    }

    /// All figures of an epoch that may be shown, where they are no more than `most`. Nothing of an epoch that is not
    /// closed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_released_cells(
        &self,
        epoch: i64,
        most: usize,
    ) -> Result<Option<HashMap<String, i64>>, StoreError> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let mut found = HashMap::new();
        self.for_each(READ_ALL, vec![epoch.into(), limit.into()], |row| {
            found.insert(row.text(0)?, row.int(1)?);
            Ok(())
        })
        .await?;
        Ok(Some(found).filter(|found| found.len() <= most))
    }

    /// The closed epochs of a population, the latest date first.
    pub async fn closed_epochs(&self, population: &Name) -> Result<Vec<ClosedEpoch>, StoreError> {
        let rows = self.fetch_all(CLOSED, vec![population.as_str().into()]).await?;
        rows.iter().map(closed_epoch).collect()
    }

    /// The closed epochs of a population that a purpose, in whatever version, was active for; the latest date first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn closed_epochs_of(
        &self,
        population: &Name,
        purpose: &Name,
    ) -> Result<Vec<(ClosedEpoch, EpochPurpose)>, StoreError> {
        let values = vec![population.as_str().into(), purpose.as_str().into()];
        let rows = self.fetch_all(CLOSED_FOR, values).await?;
        rows.iter()
            .map(|row| Ok((closed_epoch(row)?, epoch_purpose(row, CLOSED_EPOCH_COLUMNS)?)))
            .collect()
    }

    /// Every closed epoch: its population, its name and its id.
    pub async fn all_closed_epochs(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        let rows = self.fetch_all(ALL_CLOSED, vec![]).await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.text(1)?, row.int(2)?)))
            .collect()
    }

    /// All cells of an epoch, in no order.
    pub async fn all_cells(&self, epoch: i64) -> Result<Vec<(String, i64)>, StoreError> {
        let mut cells = Vec::new();
        self.for_each(CELLS, vec![epoch.into()], |row| {
            cells.push((row.text(0)?, row.int(1)?));
            Ok(())
        })
        .await?;
        Ok(cells)
    }

    /// The purposes that answer for an epoch, by name.
    pub async fn epoch_purposes(&self, epoch: i64) -> Result<Vec<EpochPurpose>, StoreError> {
        let rows = self.fetch_all(PURPOSES, vec![epoch.into()]).await?;
        rows.iter().map(|row| epoch_purpose(row, 0)).collect()
    }
}

/// Makes the epoch closed and its cells readable; part of the transaction that logs it.
///
/// # Errors
/// [`StoreError::EpochLost`] when the epoch is not the one that is closing.
pub async fn release(tx: &mut Tx, epoch: i64, now_us: i64) -> Result<(), StoreError> {
    hold(tx, epoch, RELEASE, vec![epoch.into(), now_us.into()]).await
}

/// Runs an update of the epoch row that only the holder of the lease may do. It comes first in its transaction.
async fn hold(tx: &mut Tx, epoch: i64, update: Sql, values: Vec<SqlValue>) -> Result<(), StoreError> {
    if tx.execute(update, values).await? == 1 {
        Ok(())
    } else {
        Err(StoreError::EpochLost { epoch })
    }
}

async fn drop_epoch(tx: &mut Tx, epoch: i64) -> Result<(), StoreError> {
    if tx.execute(DROP_EPOCH, vec![epoch.into()]).await? == 0 {
        return Err(StoreError::EpochLost { epoch });
    }
    tx.execute(DROP_CELLS, vec![epoch.into()]).await?;
    tx.execute(rows::DROP, vec![epoch.into()]).await?;
    tx.execute(DROP_PURPOSES, vec![epoch.into()]).await?;
    Ok(())
}

fn closed_epoch(row: &Row) -> Result<ClosedEpoch, StoreError> {
    Ok(ClosedEpoch {
        id: row.int(0)?,
        date: row.text(1)?,
        closed_us: row.int(2)?,
        catalogue: row.array(3)?,
        completeness: row.text(4)?,
    })
}

/// The columns of a purpose, from `first` on.
fn epoch_purpose(row: &Row, first: usize) -> Result<EpochPurpose, StoreError> {
    let purpose = row
        .text(first)?
        .parse()
        .map_err(|_| StoreError::Shape { column: first })?;
    let version = first + 1;
    Ok(EpochPurpose {
        purpose,
        version: u32::try_from(row.int(version)?).map_err(|_| StoreError::Shape { column: version })?,
        digest: row.array(first + 2)?,
        cells: row.bytes(first + 3)?.try_into().ok(),
        records: row.bytes(first + 4)?.try_into().ok(),
    })
}
