//! Two engines, one body: every function of the store is written once and dispatched by [`on!`].

use data_encoding::HEXUPPER;
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

    /// The array at `column`, which only PostgreSQL has; empty for NULL, as `array_agg` says of no rows.
    pub(super) fn list<T>(&self, column: usize) -> Result<Vec<T>, StoreError>
    where
        Vec<T>: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        let list = match &self.0 {
            Engine::Sqlite(_) => return Err(StoreError::Shape { column }),
            Engine::Postgres(row) => row.try_get::<Option<Vec<T>>, usize>(column),
        };
        list.map(Option::unwrap_or_default)
            .map_err(|_| StoreError::Shape { column })
    }

    /// The integers that were gathered in `column`: an array on PostgreSQL, on `SQLite` a text with spaces between them.
    pub(super) fn ints(&self, column: usize) -> Result<Vec<i64>, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => self.gathered(column, |text| text.parse().ok()),
            Engine::Postgres(_) => self.list(column),
        }
    }

    /// The bytes that were gathered in `column`; on `SQLite` they are hexadecimal.
    pub(super) fn list_of_bytes(&self, column: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => self.gathered(column, |text| HEXUPPER.decode(text.as_bytes()).ok()),
            Engine::Postgres(_) => self.list(column),
        }
    }

    fn gathered<T>(&self, column: usize, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, StoreError> {
        let wrong = || StoreError::Shape { column };
        let Engine::Sqlite(row) = &self.0 else {
            return Err(wrong());
        };
        let text: Option<&str> = row.try_get(column).map_err(|_| wrong())?;
        let Some(text) = text else { return Ok(Vec::new()) };
        text.split(' ').map(|one| read(one).ok_or_else(wrong)).collect()
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
