//! Releases the k-anonymous records of an epoch, with its figures and under the same entry.

use doelpoort_core::anonymity;
use doelpoort_core::catalogue::{Name, Population};
use doelpoort_core::plan::LeftOut;
use doelpoort_core::policy::Standing;
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::purpose::{Grant, KAnonymous, Purpose};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::CloseError;
use crate::gateway::{Current, Gateway};

/// How long an epoch's records are kept, in years before the next one.
const KEPT_YEARS: i32 = 1;

/// The purposes that act now and grant k-anonymous records of an epoch.
pub(super) fn purposes<'p>(
    current: &'p Current,
    population: &Population,
    date: Date,
    now: Timestamp,
) -> Vec<&'p Purpose> {
    // A class holds everybody's rows: where one holder is missing, there is nothing to release.
    let releases = |standing: &&Standing| {
        let grants = standing.purpose.grants.iter().enumerate();
        let mut records = grants
            .filter(|(_, grant)| anonymous(grant, &population.name).is_some())
            .peekable();
        records.peek().is_some()
            && records.all(|(position, grant)| {
                let calendar = anonymous(grant, &population.name)
                    .and_then(|anonymous| population.calendar(&anonymous.epochs));
                calendar.is_some_and(|calendar| calendar.is_epoch(date))
                    && standing.grant_acts(position, now).is_ok()
            })
    };
    let standings = current.policies.purposes.values().filter(releases);
    standings.map(|standing| &standing.purpose).collect()
}

fn anonymous<'g>(grant: &'g Grant, population: &Name) -> Option<&'g KAnonymous> {
    match grant {
        Grant::Records(records) => records
            .anonymous
            .as_ref()
            .filter(|anonymous| anonymous.population == *population),
        _ => None,
    }
}

impl Gateway {
    /// Stores the rows that may be shown of everybody, without pupils who object today to any of these purposes: classes
    /// are the same for all of them. The k by which that was; none where there is no such purpose.
    pub(super) async fn release_records(
        &self,
        current: &Current,
        population: &Population,
        date: Date,
        (purposes, epoch): (&[&Purpose], i64),
    ) -> Result<Option<u32>, CloseError> {
        let catalogue = &current.policies.catalogue;
        let table = anonymity::table(catalogue, population, purposes.iter().copied());
        let Some((table, fields)) = table else {
            return Ok(None);
        };
        let left_out = LeftOut {
            purposes: purposes.iter().map(|purpose| purpose.id.clone()).collect(),
            on: civil_day(self.clock.now()),
        };
        let rows = self
            .source
            .table_rows(catalogue, (&table, &fields), date, &left_out)
            .await?;
        self.store
            .stage_records(epoch, &table, &rows, self.clock.now().as_microsecond())
            .await?;
        Ok(Some(table.k()))
    }

    /// Deletes records that are too old. What fails here is done at the next close.
    pub(super) async fn forget_old_records(&self, population: &Population, date: Date) {
        let first = date.saturating_sub(KEPT_YEARS.years()).to_string();
        let forgotten = self.store.forget_records_before(&population.name, &first);
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "k-anonymous records that are over a year old could not be deleted");
        }
    }
}
