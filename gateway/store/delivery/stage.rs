//! Storing the rows of a delivery that is coming in.

use super::{Batch, FieldValue, LEASE_US, RowError, Staged, StagedRow};
use crate::store::dataset::{DatasetTable, ROWS_PER_DELIVERY_MAX};
use crate::store::{Column, Sql, SqlValue, Store, StoreError, Tx, TypeClass, sql};

/// The most rows one [`Store::stage`] takes, so that `SQLite`'s one writer is soon free again.
pub const STAGE_ROWS_MAX: usize = 5_000;
/// The most row errors that are kept of a delivery; the rest is only counted.
pub const ERRORS_STORED_MAX: usize = 1_000;

pub(super) const HOLD: Sql =
    sql!("UPDATE delivery SET lease_us = $2 WHERE id = $1 AND state = 'receiving' RETURNING holder, dataset");
pub(super) const COUNT: Sql = sql!(
    "UPDATE delivery SET rows_accepted = rows_accepted + $2, rows_rejected = rows_rejected + $3 WHERE id = $1"
);
pub(super) const REMOVE: Sql = sql!(
    sqlite =
        "INSERT INTO delivery_removal (delivery, row_key) SELECT $1, unhex(value ->> 0) FROM json_each($2)
              WHERE TRUE ON CONFLICT (delivery, row_key) DO NOTHING",
    postgres =
        "INSERT INTO delivery_removal (delivery, row_key) SELECT $1, v.k FROM unnest($2::bytea[]) AS v (k)
                ON CONFLICT (delivery, row_key) DO NOTHING"
);
pub(super) const ERRORS_STORED: Sql = sql!("SELECT COUNT(*) FROM delivery_error WHERE delivery = $1");
pub(super) const STORE_ERRORS: Sql = sql!(
    sqlite = "INSERT INTO delivery_error (delivery, row_number, field, code)
              SELECT $1, value ->> 0, value ->> 1, value ->> 2 FROM json_each($2)
              WHERE TRUE ON CONFLICT (delivery, row_number, field, code) DO NOTHING",
    postgres = "INSERT INTO delivery_error (delivery, row_number, field, code)
                SELECT $1, v.* FROM unnest($2::bigint[], $3::text[], $4::text[]) AS v
                ON CONFLICT (delivery, row_number, field, code) DO NOTHING"
);

impl Store {
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
        tx.hold_off_merges().await?;
        let duplicates = insert_rows(
            &mut tx,
            delivery,
            &held.text(0)?,
            table,
            columns,
            &numbers,
            now_us,
        )
        .await?;
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
}

/// Inserts the rows and returns the numbers of those whose key came before in the same delivery.
async fn insert_rows(
    tx: &mut Tx,
    delivery: i64,
    holder: &str,
    table: &DatasetTable,
    columns: Vec<Column>,
    numbers: &[i64],
    now_us: i64,
) -> Result<Vec<i64>, StoreError> {
    let (Some(first), Some(last)) = (numbers.iter().min(), numbers.iter().max()) else {
        return Ok(Vec::new());
    };
    let values = vec![
        delivery.into(),
        holder.into(),
        now_us.into(),
        SqlValue::Rows(columns),
    ];
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
