//! Two engines, one body: every function of the store is written once and dispatched by [`on!`].

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Postgres, Row as _, Sqlite, Transaction};

use super::StoreError;

/// The same thing on either engine.
#[derive(Clone, Copy, Debug)]
pub enum Engine<S, P> {
    /// `SQLite`, embedded.
    Sqlite(S),
    /// PostgreSQL.
    Postgres(P),
}

/// A transaction on either engine. Dropped without [`Tx::commit`], it rolls back.
pub type Tx = Engine<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>;

/// Evaluates one body for whichever engine it is: `on!(tx, c => sqlx::query(SQL).execute(&mut **c).await?)`.
macro_rules! on {
    ($engine:expr, $it:ident => $body:expr) => {
        match $engine {
            $crate::store::Engine::Sqlite($it) => $body,
            $crate::store::Engine::Postgres($it) => $body,
        }
    };
}
pub(crate) use on;

/// One row of an answer; columns are read by their place. Its values never show in `Debug`.
pub struct Row(pub(super) Engine<SqliteRow, PgRow>);

macro_rules! column {
    ($(#[$doc:meta])* $name:ident, $(#[$doc_opt:meta])* $name_opt:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, column: usize) -> Result<$type, StoreError> {
            self.$name_opt(column)?.ok_or(StoreError::Shape { column })
        }

        $(#[$doc_opt])*
        pub fn $name_opt(&self, column: usize) -> Result<Option<$type>, StoreError> {
            on!(&self.0, row => row.try_get::<Option<$type>, usize>(column)).map_err(|_| StoreError::Shape { column })
        }
    };
}

impl Row {
    column!(
        /// The integer at `column`, from 0.
        int,
        /// The integer at `column`, or `None` for NULL.
        int_opt,
        i64
    );
    column!(
        /// The text at `column`, from 0.
        text,
        /// The text at `column`, or `None` for NULL.
        text_opt,
        String
    );
    column!(
        /// The bytes at `column`, from 0.
        bytes,
        /// The bytes at `column`, or `None` for NULL.
        bytes_opt,
        Vec<u8>
    );

    /// The bytes at `column` as an array of exactly `N`.
    pub fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], StoreError> {
        let wrong = || StoreError::Shape { column };
        on!(&self.0, row => row.try_get::<&[u8], usize>(column))
            .map_err(|_| wrong())?
            .try_into()
            .map_err(|_| wrong())
    }

    /// How many columns the row has.
    pub fn width(&self) -> usize {
        on!(&self.0, row => row.len())
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({} columns)", self.width())
    }
}
