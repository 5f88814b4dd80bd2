//! Deliveries: rows come in by short transactions, and become visible by one.
//!
//! `receiving` → `ready` → `active` → `superseded`; or `rejected` (too many errors), `failed` (gone silent).
//! Rows are visible while their delivery is `active`: making a snapshot visible moves a pointer and copies
//! nothing. What a crash leaves behind:
//!
//! | after | left |
//! |---|---|
//! | [`Store::open_delivery`], [`Store::stage`] | invisible rows; swept when the lease has passed |
//! | [`Store::finish`] | the same: `ready`, but not visible |
//! | [`activate`], before the commit | the same; the engine rolls back |
//! | the commit | the new rows, and the old ones, invisible, until they are swept |

mod sweep;

use std::time::Duration;

use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use super::dataset::{DatasetTable, ROWS_PER_DELIVERY_MAX, Rendered, table_name};
use super::{Column, Row, Sql, SqlValue, Store, StoreError, Tx, TypeClass, sql};

/// How long a delivery may be silent before it counts as abandoned.
pub const LEASE: Duration = Duration::from_secs(10 * 60);
const LEASE_US: i64 = 10 * 60 * 1_000_000;
/// The most rows one [`Store::stage`] takes, so that `SQLite`'s one writer is soon free again.
pub const STAGE_ROWS_MAX: usize = 5_000;
/// The most row errors that are kept of a delivery; the rest is only counted.
pub const ERRORS_STORED_MAX: usize = 1_000;

const OPEN: Sql = sql!(
    "INSERT INTO delivery (id, dataset, period, holder, deliverer, mode, state, rows_accepted, rows_rejected,
                           started_us, lease_us)
     VALUES ($1, $2, $3, $4, $5, $6, 'receiving', 0, 0, $7, $8)"
);
const HOLD: Sql =
    sql!("UPDATE delivery SET lease_us = $2 WHERE id = $1 AND state = 'receiving' RETURNING holder, dataset");
const COUNT: Sql = sql!(
    "UPDATE delivery SET rows_accepted = rows_accepted + $2, rows_rejected = rows_rejected + $3 WHERE id = $1"
);
const REMOVE: Sql = sql!(
    sqlite =
        "INSERT INTO delivery_removal (delivery, row_key) SELECT $1, unhex(value ->> 0) FROM json_each($2)
              WHERE TRUE ON CONFLICT (delivery, row_key) DO NOTHING",
    postgres =
        "INSERT INTO delivery_removal (delivery, row_key) SELECT $1, v.k FROM unnest($2::bytea[]) AS v (k)
                ON CONFLICT (delivery, row_key) DO NOTHING"
);
const ERRORS_STORED: Sql = sql!("SELECT COUNT(*) FROM delivery_error WHERE delivery = $1");
const STORE_ERRORS: Sql = sql!(
    sqlite = "INSERT INTO delivery_error (delivery, row_number, field, code)
              SELECT $1, value ->> 0, value ->> 1, value ->> 2 FROM json_each($2)
              WHERE TRUE ON CONFLICT (delivery, row_number, field, code) DO NOTHING",
    postgres = "INSERT INTO delivery_error (delivery, row_number, field, code)
                SELECT $1, v.* FROM unnest($2::bigint[], $3::text[], $4::text[]) AS v
                ON CONFLICT (delivery, row_number, field, code) DO NOTHING"
);
const FINISH: Sql = sql!(
    "UPDATE delivery SET state = 'ready', content = $2, finished_us = $3, lease_us = $4
     WHERE id = $1 AND state = 'receiving' RETURNING dataset, period, holder, mode"
);
const LATEST: Sql = sql!(
    "SELECT id, mode, content FROM delivery
     WHERE holder = $1 AND dataset = $2 AND period = $3 AND state = 'active'
     ORDER BY activated_us DESC, id DESC LIMIT 1"
);
const SAME: Sql = sql!("UPDATE delivery SET state = 'superseded', same_as = $2 WHERE id = $1");
const END: Sql = sql!(
    "UPDATE delivery SET state = $2, finished_us = $3 WHERE id = $1 AND state IN ('receiving', 'ready')"
);
const READY: Sql =
    sql!("SELECT dataset, period, holder, mode FROM delivery WHERE id = $1 AND state = 'ready'");
const SUPERSEDE: Sql = sql!(
    "UPDATE delivery SET state = 'superseded'
     WHERE holder = $1 AND dataset = $2 AND period = $3 AND state = 'active'"
);
const ACTIVATE: Sql =
    sql!("UPDATE delivery SET state = 'active', activated_us = $2 WHERE id = $1 AND state = 'ready'");
const FIND: Sql = sql!(
    "SELECT id, dataset, period, holder, deliverer, mode, state, same_as, rows_accepted, rows_rejected,
            started_us, finished_us, activated_us FROM delivery WHERE id = $1"
);
const ACTIVE: Sql = sql!(
    "SELECT id, dataset, period, holder, deliverer, mode, state, same_as, rows_accepted, rows_rejected,
            started_us, finished_us, activated_us FROM delivery
     WHERE state = 'active' AND dataset = $1 ORDER BY holder, period, activated_us, id"
);
const ERRORS: Sql =
    sql!("SELECT row_number, field, code FROM delivery_error WHERE delivery = $1 ORDER BY 1, 2, 3");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("delivery::OPEN", OPEN),
    ("delivery::HOLD", HOLD),
    ("delivery::COUNT", COUNT),
    ("delivery::REMOVE", REMOVE),
    ("delivery::ERRORS_STORED", ERRORS_STORED),
    ("delivery::STORE_ERRORS", STORE_ERRORS),
    ("delivery::FINISH", FINISH),
    ("delivery::LATEST", LATEST),
    ("delivery::SAME", SAME),
    ("delivery::END", END),
    ("delivery::READY", READY),
    ("delivery::SUPERSEDE", SUPERSEDE),
    ("delivery::ACTIVATE", ACTIVATE),
    ("delivery::FIND", FIND),
    ("delivery::ACTIVE", ACTIVE),
    ("delivery::ERRORS", ERRORS),
    ("delivery::sweep::ABANDON", sweep::ABANDON),
    ("delivery::sweep::DUE", sweep::DUE),
    ("delivery::sweep::REMOVALS", sweep::REMOVALS),
    ("delivery::sweep::SWEPT", sweep::SWEPT),
];

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// The word, as stored and as shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
                match row.text(column)?.as_str() {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(StoreError::Shape { column }),
                }
            }
        }
    };
}

words! {
    /// What a delivery does to the rows that were there.
    Mode {
        /// It replaces all rows of the holder in the dataset and period.
        Snapshot = "snapshot",
        /// It upserts and removes by row key.
        Changes = "changes",
    }
}

words! {
    /// How far a delivery is.
    State {
        /// Rows are coming in.
        Receiving = "receiving",
        /// All rows are in; they are not visible yet.
        Ready = "ready",
        /// Its rows are visible.
        Active = "active",
        /// A later snapshot replaced it, or it was the same as one that was there.
        Superseded = "superseded",
        /// Too many of its rows had errors.
        Rejected = "rejected",
        /// It broke off.
        Failed = "failed",
    }
}

/// A delivery that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewDelivery<'a> {
    /// The dataset.
    pub dataset: &'a Name,
    /// The period, empty where the dataset has none.
    pub period: &'a str,
    /// Whose rows they are.
    pub holder: &'a Oin,
    /// Who sends them; the holder itself, or one that has its mandate.
    pub deliverer: &'a Oin,
    /// Snapshot or changes.
    pub mode: Mode,
}

/// A value of a field, in the form in which it is stored.
#[derive(Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// Of fields that are stored as integers: dates (days since 1970-01-01), Booleans (0, 1), integers.
    Int(i64),
    /// Of all others.
    Text(String),
}

impl std::fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FieldValue(…)")
    }
}

/// A row to be staged: valid, and without identifiers.
#[derive(Clone, Debug)]
pub struct StagedRow {
    /// Its number in the delivery, from 1.
    pub number: i64,
    /// What names it within holder, dataset and period.
    pub row_key: [u8; 32],
    /// The pupil, in datasets about pupils.
    pub subject: Option<SubjectId>,
    /// The holder's own name for the pupil, sealed.
    pub reference: Option<Vec<u8>>,
    /// The stored fields, in the order of [`DatasetTable::fields`].
    pub values: Vec<Option<FieldValue>>,
}

/// A mistake in a row; says where and what kind, never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The row's number, from 1.
    pub row: i64,
    /// The field, empty where the row as a whole is meant.
    pub field: String,
    /// What kind of mistake.
    pub code: String,
}

/// A part of a delivery, stored all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Rows that were accepted, at most [`STAGE_ROWS_MAX`].
    pub rows: Vec<StagedRow>,
    /// Keys of rows that a delivery of changes removes.
    pub removals: Vec<[u8; 32]>,
    /// Mistakes of the rows that were not accepted.
    pub errors: Vec<RowError>,
    /// How many rows were not accepted.
    pub rejected: i64,
}

/// What [`Store::stage`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Rows and removals stored.
    pub accepted: i64,
    /// Rows not stored: those of the batch, and those whose key came before in this delivery (`duplicate-row`).
    pub rejected: i64,
}

/// What [`Store::finish`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It waits for [`activate`].
    Ready,
    /// Nothing to do: the latest visible delivery has the same content, and stays.
    SameAs(i64),
}

/// A delivery, as its deliverer may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: i64,
    /// The dataset.
    pub dataset: String,
    /// The period, empty where the dataset has none.
    pub period: String,
    /// Whose rows.
    pub holder: Oin,
    /// Who sent it.
    pub deliverer: Oin,
    /// Snapshot or changes.
    pub mode: Mode,
    /// How far it is.
    pub state: State,
    /// The earlier delivery with the same content, if that is why it ended.
    pub same_as: Option<i64>,
    /// Rows accepted so far.
    pub rows_accepted: i64,
    /// Rows rejected so far.
    pub rows_rejected: i64,
    /// When it began, µs since 1970, UTC.
    pub started_us: i64,
    /// When the last row was in or it ended.
    pub finished_us: Option<i64>,
    /// When it became visible.
    pub activated_us: Option<i64>,
}

impl Store {
    /// Opens a delivery and returns its id.
    pub async fn open_delivery(&self, new: NewDelivery<'_>, now_us: i64) -> Result<i64, StoreError> {
        let mut tx = self.begin_write().await?;
        let id = tx.take("delivery", 1).await?;
        let values = vec![
            id.into(),
            new.dataset.as_str().into(),
            new.period.into(),
            new.holder.as_str().into(),
            new.deliverer.as_str().into(),
            new.mode.as_str().into(),
            now_us.into(),
            (now_us + LEASE_US).into(),
        ];
        tx.execute(OPEN, values).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Stores a part of a delivery in one short transaction and extends its lease.
    ///
    /// # Errors
    /// [`StoreError::DeliveryState`] unless it is `receiving`; [`StoreError::RowWidth`] when a row has other
    /// fields than the table, or there are more than [`STAGE_ROWS_MAX`].
    pub async fn stage(
        &self,
        delivery: i64,
        table: &DatasetTable,
        batch: Batch,
        now_us: i64,
    ) -> Result<Staged, StoreError> {
        let Batch {
            rows,
            removals,
            mut errors,
            mut rejected,
        } = batch;
        let wrong = || StoreError::RowWidth {
            dataset: table.dataset.to_string(),
        };
        if rows.len() > STAGE_ROWS_MAX {
            return Err(wrong());
        }
        let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
        let columns = columns(delivery, table, rows).ok_or_else(wrong)?;

        let mut tx = self.begin_write().await?;
        let held = tx
            .fetch_optional(HOLD, vec![delivery.into(), (now_us + LEASE_US).into()])
            .await?;
        let held = held.ok_or(StoreError::DeliveryState {
            delivery,
            expected: "receiving",
        })?;
        if held.text(1)? != table.dataset.as_str() {
            return Err(wrong());
        }
        let duplicates = insert_rows(&mut tx, delivery, &held.text(0)?, table, columns, &numbers).await?;
        let removed = i64::try_from(removals.len()).unwrap_or(i64::MAX);
        if !removals.is_empty() {
            tx.execute(
                REMOVE,
                vec![delivery.into(), SqlValue::Rows(vec![Column::bytes(removals)])],
            )
            .await?;
        }
        let accepted = as_count(numbers.len() - duplicates.len()) + removed;
        rejected += as_count(duplicates.len());
        errors.extend(duplicates.into_iter().map(|row| RowError {
            row,
            field: String::new(),
            code: "duplicate-row".to_owned(),
        }));
        store_errors(&mut tx, delivery, errors).await?;
        tx.execute(COUNT, vec![delivery.into(), accepted.into(), rejected.into()])
            .await?;
        tx.commit().await?;
        Ok(Staged { accepted, rejected })
    }

    /// All rows are in. `content` is a keyed digest over the whole delivery; when the latest visible delivery of
    /// the same holder, dataset and period has the same mode and content, this one ends here.
    pub async fn finish(
        &self,
        delivery: i64,
        content: &[u8; 32],
        now_us: i64,
    ) -> Result<Finished, StoreError> {
        let mut tx = self.begin_write().await?;
        let values = vec![
            delivery.into(),
            content.as_slice().into(),
            now_us.into(),
            (now_us + LEASE_US).into(),
        ];
        let row = tx.fetch_optional(FINISH, values).await?;
        let row = row.ok_or(StoreError::DeliveryState {
            delivery,
            expected: "receiving",
        })?;
        let [dataset, period, holder, mode] = [row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?];
        let key = vec![
            holder.as_str().into(),
            dataset.as_str().into(),
            period.as_str().into(),
        ];
        let mut finished = Finished::Ready;
        if let Some(latest) = tx.fetch_optional(LATEST, key).await?
            && latest.text(1)? == mode
            && latest.bytes_opt(2)?.as_deref() == Some(content.as_slice())
        {
            let id = latest.int(0)?;
            tx.execute(SAME, vec![delivery.into(), id.into()]).await?;
            finished = Finished::SameAs(id);
        }
        tx.commit().await?;
        Ok(finished)
    }

    /// Ends a delivery with too many errors; its rows were never visible.
    pub async fn reject(&self, delivery: i64, now_us: i64) -> Result<(), StoreError> {
        self.end(delivery, State::Rejected, now_us).await
    }

    /// Ends a delivery that broke off; its rows were never visible.
    pub async fn fail(&self, delivery: i64, now_us: i64) -> Result<(), StoreError> {
        self.end(delivery, State::Failed, now_us).await
    }

    async fn end(&self, delivery: i64, state: State, now_us: i64) -> Result<(), StoreError> {
        let values = vec![delivery.into(), state.as_str().into(), now_us.into()];
        if self.execute(END, values).await? == 0 {
            return Err(StoreError::DeliveryState {
                delivery,
                expected: "receiving",
            });
        }
        Ok(())
    }

    /// A delivery by its id.
    pub async fn delivery(&self, id: i64) -> Result<Option<Delivery>, StoreError> {
        self.fetch_optional(FIND, vec![id.into()])
            .await?
            .as_ref()
            .map(read_delivery)
            .transpose()
    }

    /// The mistakes kept of a delivery, at most [`ERRORS_STORED_MAX`], by row.
    pub async fn delivery_errors(&self, id: i64) -> Result<Vec<RowError>, StoreError> {
        let rows = self.fetch_all(ERRORS, vec![id.into()]).await?;
        rows.iter()
            .map(|row| {
                Ok(RowError {
                    row: row.int(0)?,
                    field: row.text(1)?,
                    code: row.text(2)?,
                })
            })
            .collect()
    }

    /// The visible deliveries of a dataset, by holder, period and time: who is complete, and as of when.
    pub async fn active_deliveries(&self, dataset: &Name) -> Result<Vec<Delivery>, StoreError> {
        let rows = self.fetch_all(ACTIVE, vec![dataset.as_str().into()]).await?;
        rows.iter().map(read_delivery).collect()
    }
}

/// Makes a delivery visible, in the transaction of its log entry. A snapshot supersedes what the holder had in
/// the dataset and period; changes take the place of the visible rows with the same keys.
///
/// # Errors
/// [`StoreError::DeliveryState`] unless it is `ready`.
pub async fn activate(tx: &mut Tx, delivery: i64, now_us: i64) -> Result<(), StoreError> {
    // One at a time, or two snapshots of one holder would not see each other.
    tx.take("activation", 1).await?;
    let not_ready = StoreError::DeliveryState {
        delivery,
        expected: "ready",
    };
    let Some(row) = tx.fetch_optional(READY, vec![delivery.into()]).await? else {
        return Err(not_ready);
    };
    let dataset: Name = row
        .text(0)?
        .parse()
        .map_err(|_| StoreError::Shape { column: 0 })?;
    let [period, holder] = [row.text(1)?, row.text(2)?];
    let key = || {
        vec![
            holder.as_str().into(),
            dataset.as_str().into(),
            period.as_str().into(),
        ]
    };
    match Mode::read(&row, 3)? {
        Mode::Snapshot => tx.execute(SUPERSEDE, key()).await?,
        Mode::Changes => {
            let mut values: Vec<SqlValue> = key();
            values.push(delivery.into());
            tx.execute(&replace(&dataset), values).await?
        }
    };
    match tx.execute(ACTIVATE, vec![delivery.into(), now_us.into()]).await? {
        1 => Ok(()),
        _ => Err(not_ready),
    }
}

/// Deletes the visible rows whose keys a delivery of changes brings or removes.
fn replace(dataset: &Name) -> Rendered {
    let table = table_name(dataset);
    Rendered::same(format!(
        "DELETE FROM {table} WHERE holder = $1
           AND row_key IN (SELECT n.row_key FROM {table} AS n WHERE n.delivery = $4
                           UNION ALL SELECT r.row_key FROM delivery_removal AS r WHERE r.delivery = $4)
           AND delivery IN (SELECT d.id FROM delivery AS d
                            WHERE d.holder = $1 AND d.dataset = $2 AND d.period = $3 AND d.state = 'active')"
    ))
}

/// Inserts the rows and returns the numbers of those whose key came before in the same delivery.
async fn insert_rows(
    tx: &mut Tx,
    delivery: i64,
    holder: &str,
    table: &DatasetTable,
    columns: Vec<Column>,
    numbers: &[i64],
) -> Result<Vec<i64>, StoreError> {
    let (Some(first), Some(last)) = (numbers.iter().min(), numbers.iter().max()) else {
        return Ok(Vec::new());
    };
    let values = vec![delivery.into(), holder.into(), SqlValue::Rows(columns)];
    let inserted = tx.execute(&table.insert, values).await?;
    if inserted == numbers.len() as u64 {
        return Ok(Vec::new());
    }
    let range = vec![
        delivery.into(),
        row_id(delivery, *first).into(),
        row_id(delivery, *last).into(),
    ];
    let mut there = std::collections::HashSet::new();
    for row in tx.fetch_all(&table.staged, range).await? {
        there.insert(row.int(0)?);
    }
    Ok(numbers
        .iter()
        .copied()
        .filter(|number| !there.contains(&row_id(delivery, *number)))
        .collect())
}

async fn store_errors(tx: &mut Tx, delivery: i64, mut errors: Vec<RowError>) -> Result<(), StoreError> {
    if errors.is_empty() {
        return Ok(());
    }
    let stored = tx.fetch_optional(ERRORS_STORED, vec![delivery.into()]).await?;
    let stored = stored.map(|row| row.int(0)).transpose()?.unwrap_or(0);
    errors.truncate(ERRORS_STORED_MAX.saturating_sub(usize::try_from(stored).unwrap_or(usize::MAX)));
    let columns = vec![
        Column::ints(errors.iter().map(|error| error.row)),
        Column::texts(errors.iter().map(|error| error.field.as_str())),
        Column::texts(errors.iter().map(|error| error.code.as_str())),
    ];
    tx.execute(STORE_ERRORS, vec![delivery.into(), SqlValue::Rows(columns)])
        .await?;
    Ok(())
}

/// The rows by column, in the order of the table's insert; `None` when one does not fit the table.
fn columns(delivery: i64, table: &DatasetTable, rows: Vec<StagedRow>) -> Option<Vec<Column>> {
    let mut fixed = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut fields: Vec<Column> = table
        .fields
        .iter()
        .map(|(_, class)| match class {
            TypeClass::Int => Column::Ints(Vec::with_capacity(rows.len())),
            TypeClass::Text => Column::Texts(Vec::with_capacity(rows.len())),
            TypeClass::Bytes => Column::Bytes(Vec::with_capacity(rows.len())),
        })
        .collect();
    for row in rows {
        if row.values.len() != fields.len() || !(1..ROWS_PER_DELIVERY_MAX).contains(&row.number) {
            return None;
        }
        fixed.0.push(Some(row_id(delivery, row.number)));
        fixed.1.push(Some(row.row_key.to_vec()));
        fixed
            .2
            .push(row.subject.map(|subject| subject.as_bytes().to_vec()));
        fixed.3.push(row.reference);
        for (column, value) in fields.iter_mut().zip(row.values) {
            match (column, value) {
                (Column::Ints(values), None) => values.push(None),
                (Column::Ints(values), Some(FieldValue::Int(value))) => values.push(Some(value)),
                (Column::Texts(values), None) => values.push(None),
                (Column::Texts(values), Some(FieldValue::Text(value))) => values.push(Some(value)),
                _ => return None,
            }
        }
    }
    let fixed = [
        Column::Ints(fixed.0),
        Column::Bytes(fixed.1),
        Column::Bytes(fixed.2),
        Column::Bytes(fixed.3),
    ];
    Some(fixed.into_iter().chain(fields).collect())
}

fn row_id(delivery: i64, number: i64) -> i64 {
    delivery * ROWS_PER_DELIVERY_MAX + number
}

fn as_count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn read_delivery(row: &Row) -> Result<Delivery, StoreError> {
    let oin = |column| {
        row.text(column)?
            .parse()
            .map_err(|_| StoreError::Shape { column })
    };
    Ok(Delivery {
        id: row.int(0)?,
        dataset: row.text(1)?,
        period: row.text(2)?,
        holder: oin(3)?,
        deliverer: oin(4)?,
        mode: Mode::read(row, 5)?,
        state: State::read(row, 6)?,
        same_as: row.int_opt(7)?,
        rows_accepted: row.int(8)?,
        rows_rejected: row.int(9)?,
        started_us: row.int(10)?,
        finished_us: row.int_opt(11)?,
        activated_us: row.int_opt(12)?,
    })
}
