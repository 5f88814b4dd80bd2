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

mod stage;
mod statistics;
mod sweep;
mod types;

use std::time::Duration;

use doelpoort_core::catalogue::Name;

use super::dataset::{Rendered, table_name};
use super::subjects::staged;
use super::{Sql, SqlValue, Store, StoreError, Tx, sql};
pub use stage::{ERRORS_STORED_MAX, STAGE_ROWS_MAX};
use types::read_delivery;
pub use types::{
    Batch, Delivery, FieldValue, Finished, Mode, NewDelivery, RowError, Staged, StagedRow, State, Summary,
};

/// How long a delivery may be silent before it counts as abandoned.
pub const LEASE: Duration = Duration::from_mins(10);
const LEASE_US: i64 = 10 * 60 * 1_000_000;

const OPEN: Sql = sql!(
    "INSERT INTO delivery (id, dataset, period, holder, deliverer, mode, state, rows_accepted, rows_rejected,
                           started_us, lease_us)
     VALUES ($1, $2, $3, $4, $5, $6, 'receiving', 0, 0, $7, $8)"
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
const SUMMARY: Sql = sql!(
    "SELECT dataset, state, COUNT(*), CAST(SUM(rows_accepted) AS BIGINT), CAST(SUM(rows_rejected) AS BIGINT),
            MAX(started_us) FROM delivery GROUP BY dataset, state ORDER BY dataset, state"
);
const ERRORS: Sql =
    sql!("SELECT row_number, field, code FROM delivery_error WHERE delivery = $1 ORDER BY 1, 2, 3");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("delivery::OPEN", OPEN),
    ("delivery::stage::HOLD", stage::HOLD),
    ("delivery::stage::COUNT", stage::COUNT),
    ("delivery::stage::REMOVE", stage::REMOVE),
    ("delivery::stage::ERRORS_STORED", stage::ERRORS_STORED),
    ("delivery::stage::STORE_ERRORS", stage::STORE_ERRORS),
    ("delivery::FINISH", FINISH),
    ("delivery::LATEST", LATEST),
    ("delivery::SAME", SAME),
    ("delivery::END", END),
    ("delivery::READY", READY),
    ("delivery::SUPERSEDE", SUPERSEDE),
    ("delivery::ACTIVATE", ACTIVATE),
    ("delivery::FIND", FIND),
    ("delivery::ACTIVE", ACTIVE),
    ("delivery::SUMMARY", SUMMARY),
    ("delivery::ERRORS", ERRORS),
    ("delivery::sweep::ABANDON", sweep::ABANDON),
    ("delivery::sweep::DUE", sweep::DUE),
    ("delivery::sweep::REMOVALS", sweep::REMOVALS),
    ("delivery::sweep::SWEPT", sweep::SWEPT),
];

impl Store {
    /// How many deliveries of each dataset are in each state, and of how many rows together.
    pub async fn delivery_summary(&self) -> Result<Vec<Summary>, StoreError> {
        let rows = self.fetch_all(SUMMARY, Vec::new()).await?;
        rows.iter().map(Summary::read).collect()
    }

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
    // First of all: the rows that this delivery replaces are visible until now, and what they stood under is kept.
    staged::settle(tx, delivery, &holder, now_us).await?;
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
