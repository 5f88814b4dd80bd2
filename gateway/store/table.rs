//! What a rendered query found, as columns. PostgreSQL sends them as one row of arrays, which costs both sides less than a
//! row each: a caseload of 100 pupils is the most common question there is.

use std::fmt::Write as _;

use super::dataset::Rendered;
use super::render::Query;
use super::{Column, Engine, Row, Store, StoreError, TypeClass};

/// Reads the cells of one row, whatever it was read as.
pub(crate) trait Cells {
    /// The integer at `column`, or `None` for NULL.
    fn int_opt(&self, column: usize) -> Result<Option<i64>, StoreError>;
    /// The text at `column`, or `None` for NULL.
    fn text_opt(&self, column: usize) -> Result<Option<String>, StoreError>;
}

impl Cells for Row {
    fn int_opt(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Self::int_opt(self, column)
    }

    fn text_opt(&self, column: usize) -> Result<Option<String>, StoreError> {
        Self::text_opt(self, column)
    }
}

/// Rows of a rendered query; its first column names them in 16 bytes.
pub(crate) struct Table {
    keys: Vec<[u8; 16]>,
    columns: Vec<Column>,
}

/// One row of a [`Table`].
pub(crate) struct TableRow<'a> {
    table: &'a Table,
    row: usize,
}

impl Table {
    /// The rows in the order of the query, each with what it is called.
    pub(crate) fn rows(&self) -> impl Iterator<Item = ([u8; 16], TableRow<'_>)> {
        let row = |(row, key): (usize, &[u8; 16])| (*key, TableRow { table: self, row });
        self.keys.iter().enumerate().map(row)
    }
}

impl TableRow<'_> {
    /// The column, counted with the key's.
    fn column(&self, column: usize) -> Option<&Column> {
        self.table.columns.get(column.checked_sub(1)?)
    }
}

impl Cells for TableRow<'_> {
    fn int_opt(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.column(column) {
            Some(Column::Ints(values)) => values.get(self.row).copied(),
            _ => None,
        }
        .ok_or(StoreError::Shape { column })
    }

    fn text_opt(&self, column: usize) -> Result<Option<String>, StoreError> {
        match self.column(column) {
            Some(Column::Texts(values)) => values.get(self.row).cloned(),
            _ => None,
        }
        .ok_or(StoreError::Shape { column })
    }
}

impl Store {
    /// Reads all rows of a rendered query: a key of 16 bytes, then columns of these classes.
    pub(crate) async fn fetch_table(
        &self,
        query: &Query,
        classes: &[TypeClass],
    ) -> Result<Table, StoreError> {
        let mut columns: Vec<Column> = classes.iter().map(|class| empty(*class)).collect();
        match &self.engine {
            Engine::Sqlite(_) => {
                let rows = self.fetch_rendered(query).await?;
                let keys = rows.iter().map(|row| row.array(0)).collect::<Result<_, _>>()?;
                for (column, values) in (1..).zip(&mut columns) {
                    values.fill(&rows, column)?;
                }
                Ok(Table { keys, columns })
            }
            Engine::Postgres(_) => {
                let text = aggregated(&query.text, classes.len());
                let rows = self
                    .fetch_all(&Rendered::same(text), query.values.clone())
                    .await?;
                let row = rows.into_iter().next().ok_or(StoreError::Shape { column: 0 })?;
                let keys: Vec<[u8; 16]> = row.list(0)?;
                for (column, values) in (1..).zip(&mut columns) {
                    values.take(&row, column)?;
                    if values.len() != keys.len() {
                        return Err(StoreError::Shape { column });
                    }
                }
                Ok(Table { keys, columns })
            }
        }
    }
}

/// The query as one row of arrays; `array_agg` takes its rows in their order.
fn aggregated(query: &str, fields: usize) -> String {
    let (mut arrays, mut names) = (String::new(), String::new());
    for place in 0..=fields {
        let comma = if place == 0 { "" } else { ", " };
        // Writes to a String cannot fail.
        let _ = write!(arrays, "{comma}array_agg(c{place})");
        let _ = write!(names, "{comma}c{place}");
    }
    format!("SELECT {arrays} FROM ({query}) AS q ({names})")
}

fn empty(class: TypeClass) -> Column {
    match class {
        TypeClass::Int => Column::Ints(Vec::new()),
        TypeClass::Text => Column::Texts(Vec::new()),
        TypeClass::Bytes => Column::Bytes(Vec::new()),
    }
}

impl Column {
    /// Takes its values out of rows.
    fn fill(&mut self, rows: &[Row], column: usize) -> Result<(), StoreError> {
        for row in rows {
            match self {
                Self::Ints(values) => values.push(row.int_opt(column)?),
                Self::Texts(values) => values.push(row.text_opt(column)?),
                Self::Bytes(values) => values.push(row.bytes_opt(column)?),
            }
        }
        Ok(())
    }

    /// Takes its values out of a row of arrays.
    fn take(&mut self, row: &Row, column: usize) -> Result<(), StoreError> {
        match self {
            Self::Ints(values) => *values = row.list(column)?,
            Self::Texts(values) => *values = row.list(column)?,
            Self::Bytes(values) => *values = row.list(column)?,
        }
        Ok(())
    }
}
