//! Statements and their values.
//!
//! One text serves both engines wherever it can; [`sql!`] holds a pair only where they really differ, which is
//! almost always a batch: PostgreSQL takes one array a column (`unnest`), `SQLite` one JSON text (`json_each`).

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqlSafeStr, SqlStr};

use super::StoreError;

/// A constant statement, by engine.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    /// The text for `SQLite`.
    pub sqlite: &'static str,
    /// The text for PostgreSQL.
    pub postgres: &'static str,
}

impl Sql {
    /// One text for both engines.
    pub const fn same(text: &'static str) -> Self {
        Self {
            sqlite: text,
            postgres: text,
        }
    }
}

/// Makes a [`Sql`]: `sql!("…")` for one text, `sql!(sqlite = "…", postgres = "…")` where the engines differ.
macro_rules! sql {
    ($text:literal) => {
        $crate::store::Sql::same($text)
    };
    (sqlite = $sqlite:literal, postgres = $postgres:literal $(,)?) => {
        $crate::store::Sql {
            sqlite: $sqlite,
            postgres: $postgres,
        }
    };
}
pub(crate) use sql;

/// What can be run: a [`Sql`], a `&'static str`, or a text rendered from catalogue names.
pub trait Statement: Send {
    /// The text for `SQLite`.
    fn sqlite(self) -> SqlStr;
    /// The text for PostgreSQL.
    fn postgres(self) -> SqlStr;
}

impl Statement for Sql {
    fn sqlite(self) -> SqlStr {
        self.sqlite.into_sql_str()
    }

    fn postgres(self) -> SqlStr {
        self.postgres.into_sql_str()
    }
}

impl Statement for &'static str {
    fn sqlite(self) -> SqlStr {
        self.into_sql_str()
    }

    fn postgres(self) -> SqlStr {
        self.into_sql_str()
    }
}

impl Statement for AssertSqlSafe<String> {
    fn sqlite(self) -> SqlStr {
        self.into_sql_str()
    }

    fn postgres(self) -> SqlStr {
        self.into_sql_str()
    }
}

/// A value to bind. NULL has a type, because PostgreSQL wants one. Its `Debug` never shows the value.
#[derive(Clone, PartialEq, Eq)]
pub enum SqlValue {
    /// A BIGINT.
    Int(i64),
    /// A TEXT.
    Text(String),
    /// A BLOB or BYTEA.
    Bytes(Vec<u8>),
    /// A missing BIGINT.
    NullInt,
    /// A missing TEXT.
    NullText,
    /// A missing BLOB or BYTEA.
    NullBytes,
    /// A batch, the last value of its statement: one array a column on PostgreSQL, one JSON text on `SQLite`.
    Rows(Vec<Column>),
    /// The same for long bytes: on `SQLite` they are behind each other in one BLOB after the JSON, which tells the place
    /// and the length of each. Read them there with `substr($blob, value ->> n, value ->> n + 1)`.
    Packed(Vec<Column>),
}

/// One column of a batch; all columns of a batch are equally long.
#[derive(Clone, PartialEq, Eq)]
pub enum Column {
    /// BIGINTs.
    Ints(Vec<Option<i64>>),
    /// TEXTs.
    Texts(Vec<Option<String>>),
    /// BLOBs; hexadecimal in the JSON for `SQLite`, so read them there with `unhex(value ->> n)`.
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    /// A column without NULLs.
    pub fn ints(values: impl IntoIterator<Item = i64>) -> Self {
        Self::Ints(values.into_iter().map(Some).collect())
    }

    /// A column without NULLs.
    pub fn texts<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Texts(values.into_iter().map(|text| Some(text.into())).collect())
    }

    /// A column without NULLs.
    pub fn bytes<T: Into<Vec<u8>>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::Bytes(values.into_iter().map(|bytes| Some(bytes.into())).collect())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Ints(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }

    /// One value. Bytes go to `packed`, with their place (from 1) and length in the JSON, or into it where there is none.
    fn write_json(&self, row: usize, out: &mut String, packed: Option<&mut Vec<u8>>) {
        match self {
            Self::Ints(values) => match values.get(row).copied().flatten() {
                Some(value) => drop(write!(out, "{value}")),
                None => out.push_str("null"),
            },
            Self::Texts(values) => match values.get(row).and_then(Option::as_ref) {
                Some(value) => out.push_str(&serde_json::Value::from(value.as_str()).to_string()),
                None => out.push_str("null"),
            },
            Self::Bytes(values) => match (values.get(row).and_then(Option::as_ref), packed) {
                (Some(value), None) => {
                    out.push('"');
                    HEXLOWER.encode_append(value, out);
                    out.push('"');
                }
                (None, None) => out.push_str("null"),
                (Some(value), Some(packed)) => {
                    let _ = write!(out, "{},{}", packed.len() + 1, value.len());
                    packed.extend_from_slice(value);
                }
                (None, Some(_)) => out.push_str("null,null"),
            },
        }
    }
}

impl std::fmt::Debug for SqlValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Int(_) => "Int",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
            Self::NullInt | Self::NullText | Self::NullBytes => "Null",
            Self::Rows(_) | Self::Packed(_) => "Rows",
        })
    }
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Column({})", self.len())
    }
}

impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Option<i64>> for SqlValue {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::NullInt, Self::Int)
    }
}

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Option<&str>> for SqlValue {
    fn from(value: Option<&str>) -> Self {
        value.map_or(Self::NullText, Self::from)
    }
}

impl From<&[u8]> for SqlValue {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_owned())
    }
}

impl From<Option<&[u8]>> for SqlValue {
    fn from(value: Option<&[u8]>) -> Self {
        value.map_or(Self::NullBytes, Self::from)
    }
}

pub(super) fn sqlite_arguments(values: Vec<SqlValue>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            SqlValue::Int(value) => arguments.add(value),
            SqlValue::Text(value) => arguments.add(value),
            SqlValue::Bytes(value) => arguments.add(value),
            SqlValue::NullInt => arguments.add(None::<i64>),
            SqlValue::NullText => arguments.add(None::<String>),
            SqlValue::NullBytes => arguments.add(None::<Vec<u8>>),
            SqlValue::Rows(columns) => arguments.add(json(&columns, None)),
            SqlValue::Packed(columns) => {
                let mut packed = Vec::new();
                arguments
                    .add(json(&columns, Some(&mut packed)))
                    .and_then(|()| arguments.add(packed))
            }
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

pub(super) fn postgres_arguments(values: Vec<SqlValue>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            SqlValue::Int(value) => arguments.add(value),
            SqlValue::Text(value) => arguments.add(value),
            SqlValue::Bytes(value) => arguments.add(value),
            SqlValue::NullInt => arguments.add(None::<i64>),
            SqlValue::NullText => arguments.add(None::<String>),
            SqlValue::NullBytes => arguments.add(None::<Vec<u8>>),
            SqlValue::Rows(columns) | SqlValue::Packed(columns) => {
                columns.into_iter().try_for_each(|column| match column {
                    Column::Ints(values) => arguments.add(values),
                    Column::Texts(values) => arguments.add(values),
                    Column::Bytes(values) => arguments.add(values),
                })
            }
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The batch as `[[…],[…]]`, a row an array.
fn json(columns: &[Column], mut packed: Option<&mut Vec<u8>>) -> String {
    let rows = columns.first().map_or(0, Column::len);
    let mut out = String::from("[");
    for row in 0..rows {
        out.push_str(if row == 0 { "[" } else { ",[" });
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            column.write_json(row, &mut out, packed.as_deref_mut());
        }
        out.push(']');
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_json_text_with_hexadecimal_bytes() {
        let columns = [
            Column::Ints(vec![Some(7), None]),
            Column::Texts(vec![Some("a \"b\"\n".to_owned()), None]),
            Column::Bytes(vec![Some(vec![0, 255]), None]),
        ];
        assert_eq!(
            json(&columns, None),
            r#"[[7,"a \"b\"\n","00ff"],[null,null,null]]"#
        );
        assert_eq!(json(&[Column::ints([])], None), "[]");
    }

    #[test]
    fn packed_bytes_are_behind_each_other() {
        let columns = [
            Column::Bytes(vec![Some(vec![0, 255]), None, Some(Vec::new())]),
            Column::ints([1, 2, 3]),
            Column::bytes([vec![7], vec![8, 9], vec![10]]),
        ];
        let mut packed = Vec::new();
        assert_eq!(
            json(&columns, Some(&mut packed)),
            "[[1,2,1,3,1],[null,null,2,4,2],[6,0,3,6,1]]"
        );
        assert_eq!(packed, [0, 255, 7, 8, 9, 10]);
    }

    #[test]
    fn debug_shows_no_value() {
        let value = SqlValue::Rows(vec![Column::texts(["secret"])]);
        assert_eq!(format!("{value:?} {:?}", SqlValue::from("secret")), "Rows Text");
    }
}
