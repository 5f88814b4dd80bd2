//! What deliveries are made of.

use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use crate::store::{Row, StoreError};

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

            pub(super) fn read(row: &Row, column: usize) -> Result<Self, StoreError> {
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
    /// The stored fields, in the order of [`DatasetTable::fields`](crate::store::dataset::DatasetTable::fields).
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
    /// Rows that were accepted, at most [`STAGE_ROWS_MAX`](super::STAGE_ROWS_MAX).
    pub rows: Vec<StagedRow>,
    /// Keys of rows that a delivery of changes removes.
    pub removals: Vec<[u8; 32]>,
    /// Mistakes of the rows that were not accepted.
    pub errors: Vec<RowError>,
    /// How many rows were not accepted.
    pub rejected: i64,
}

/// What [`Store::stage`](crate::store::Store::stage) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Rows and removals stored.
    pub accepted: i64,
    /// Rows not stored: those of the batch, and those whose key came before in this delivery (`duplicate-row`).
    pub rejected: i64,
}

/// What [`Store::finish`](crate::store::Store::finish) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It waits for [`activate`](super::activate).
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

/// The deliveries of one dataset in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The dataset.
    pub dataset: String,
    /// The state.
    pub state: State,
    /// How many deliveries.
    pub deliveries: i64,
    /// How many rows of them were accepted.
    pub rows_accepted: i64,
    /// How many were rejected.
    pub rows_rejected: i64,
    /// When the last one began, µs since 1970, UTC.
    pub last_us: i64,
}

impl Summary {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            dataset: row.text(0)?,
            state: State::read(row, 1)?,
            deliveries: row.int(2)?,
            rows_accepted: row.int(3)?,
            rows_rejected: row.int(4)?,
            last_us: row.int(5)?,
        })
    }
}

/// Reads the columns of the statements that select a whole delivery.
pub(super) fn read_delivery(row: &Row) -> Result<Delivery, StoreError> {
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
