//! Removing the rows that nobody will see again.

use doelpoort_core::catalogue::Name;

use crate::store::dataset::{Rendered, table_name};
use crate::store::subjects::staged;
use crate::store::{Sql, Store, StoreError, sql};

/// Rows deleted in one transaction, so that answers and deliveries do not wait.
const SWEEP_ROWS_MAX: i64 = 5_000;

pub(super) const ABANDON: Sql = sql!(
    "UPDATE delivery SET state = 'failed', finished_us = $1 WHERE state IN ('receiving', 'ready') AND lease_us < $1"
);
pub(super) const DUE: Sql = sql!(
    "SELECT id, dataset, state FROM delivery
     WHERE state IN ('superseded', 'rejected', 'failed') AND swept_us IS NULL ORDER BY id"
);
pub(super) const REMOVALS: Sql = sql!("DELETE FROM delivery_removal WHERE delivery = $1");
pub(super) const SWEPT: Sql = sql!("UPDATE delivery SET swept_us = $2 WHERE id = $1");

impl Store {
    /// Gives up deliveries whose lease has passed and deletes the rows of all that ended, in small
    /// transactions; at start and after each delivery. Returns how many rows went. Broken off, it goes on the
    /// next time.
    pub async fn sweep(&self, now_us: i64) -> Result<u64, StoreError> {
        self.execute(ABANDON, vec![now_us.into()]).await?;
        let mut swept = 0;
        for row in self.fetch_all(DUE, vec![]).await? {
            let delivery = row.int(0)?;
            let dataset: Name = row
                .text(1)?
                .parse()
                .map_err(|_| StoreError::Shape { column: 1 })?;
            swept += self.sweep_rows(delivery, &dataset).await?;
            // One with the same content as the one before counts as superseded: what it links, that one does.
            self.give_up_links(delivery, row.text(2)? == "superseded").await?;
            self.execute(REMOVALS, vec![delivery.into()]).await?;
            self.execute(SWEPT, vec![delivery.into(), now_us.into()]).await?;
        }
        if swept > 0 {
            self.forget_gone_pupils().await?;
        }
        Ok(swept)
    }

    async fn give_up_links(&self, delivery: i64, was_visible: bool) -> Result<(), StoreError> {
        let mut tx = self.begin_write().await?;
        staged::give_up(&mut tx, delivery, was_visible).await?;
        tx.commit().await
    }

    async fn sweep_rows(&self, delivery: i64, dataset: &Name) -> Result<u64, StoreError> {
        let table = table_name(dataset);
        if !self.has_table(&table).await? {
            return Ok(0);
        }
        let delete = Rendered::same(format!(
            "DELETE FROM {table} WHERE \"row\" IN (SELECT \"row\" FROM {table} WHERE delivery = $1 LIMIT $2)"
        ));
        let mut swept = 0;
        loop {
            let gone = self
                .execute(&delete, vec![delivery.into(), SWEEP_ROWS_MAX.into()])
                .await?;
            swept += gone;
            if gone == 0 {
                return Ok(swept);
            }
        }
    }
}
