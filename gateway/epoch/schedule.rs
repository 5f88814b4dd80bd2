//! Closes epochs when their count date has come. Every replica tries; the lease in the database lets one do it.

use std::sync::Weak;
use std::time::Duration;

use doelpoort_core::catalogue::Name;
use doelpoort_core::policy::decide::civil_day;
use jiff::ToSpan as _;
use jiff::civil::Date;
use tokio::time::{MissedTickBehavior, interval};

use super::{CloseError, Closed};
use crate::gateway::Gateway;
use crate::store::StoreError;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// How many days after its count date an epoch is closed by itself: the day after, when all of that day's deliveries are
/// in and merges have taken effect.
const AFTER_DAYS: i64 = 1;
/// How long after its count date. Older ones somebody closes by `epoch close`, or nobody: a gateway that is set up in
/// March does not count October by itself.
const UNTIL_DAYS: i64 = 31;

/// Looks until the gateway is gone.
pub async fn follow(gateway: Weak<Gateway>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(gateway) = gateway.upgrade() else { return };
        gateway.close_due_epochs().await;
    }
}

impl Gateway {
    /// Closes each epoch that is due and still open, and tells which. What cannot be closed now is told in the
    /// operator's log and tried again.
    pub async fn close_due_epochs(&self) -> Vec<Closed> {
        let current = self.policies.current();
        let today = civil_day(self.clock.now());
        let mut closed = Vec::new();
        for population in current.policies.catalogue.populations() {
            let dates = population
                .calendars
                .iter()
                .filter_map(|calendar| calendar.epochs_on_or_before(today).next());
            for date in dates {
                if is_due(date, today) {
                    closed.extend(self.close_due(&population.name, date).await);
                }
            }
        }
        closed
    }

    async fn close_due(&self, population: &Name, date: Date) -> Option<Closed> {
        let open = self.store.closed_epochs(population).await.is_ok_and(|epochs| {
            let text = date.to_string();
            !epochs.iter().any(|epoch| epoch.date == text)
        });
        if !open {
            return None;
        }
        match self.close_epoch(population.as_str(), Some(date)).await {
            Ok(closed) => {
                tracing::info!(%population, %date, cells = closed.cells, "an epoch was closed by its schedule");
                Some(closed)
            }
            // Another replica was first, or there is nothing to count yet.
            Err(
                CloseError::Store(StoreError::EpochBusy { .. } | StoreError::EpochClosed { .. })
                | CloseError::NoPurposes { .. },
            ) => None,
            Err(error) => {
                tracing::error!(%error, %population, %date, "an epoch that is due could not be closed");
                None
            }
        }
    }
}

fn is_due(date: Date, today: Date) -> bool {
    date.saturating_add(AFTER_DAYS.days()) <= today && today <= date.saturating_add(UNTIL_DAYS.days())
}
