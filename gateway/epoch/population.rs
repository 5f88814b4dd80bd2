//! Freezes the population of an epoch, with the record keys that its noise is drawn by.

use std::collections::BTreeSet;

use doelpoort_core::catalogue::{Name, Population};
use doelpoort_core::figures::release::layout;
use doelpoort_core::figures::snapshot::{PupilKeys, Snapshot};
use doelpoort_core::figures::{RecordKey, record_key, sum_record_key};
use doelpoort_core::plan::LeftOut;
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::purpose::{Grant, Purpose};
use jiff::civil::Date;

use super::CloseError;
use crate::gateway::Gateway;
use crate::source::{Census, freeze};

impl Gateway {
    /// Reads the population as it stands at `date`, without pupils who object today.
    pub(super) async fn freeze(
        &self,
        policies: &Policies,
        population: &Population,
        date: Date,
        purposes: &[&Purpose],
        key: &RecordKey,
    ) -> Result<Snapshot, CloseError> {
        let catalogue = &policies.catalogue;
        // One cell is one figure for all purposes, so who objects to one of them is in none of them.
        let left_out = LeftOut {
            purposes: purposes.iter().map(|purpose| purpose.id.clone()).collect(),
            on: civil_day(self.clock.now()),
        };
        let purposes = purposes.iter().copied();
        let census = Census {
            layout: layout(catalogue, &policies.organisations, &population.name, purposes),
            members: population.datasets.clone(),
            date,
            left_out: &left_out,
            holders: &[],
            bounded: true,
        };
        let keys = |subject: &_| PupilKeys {
            count: record_key(key, &population.name, subject),
            sum: sum_record_key(key, &population.name, subject),
        };
        Ok(freeze(&self.store, catalogue, census, keys).await?)
    }
}

/// The datasets that what is released of a population rests on.
pub(super) fn datasets(population: &Population, purposes: &[&Purpose]) -> BTreeSet<Name> {
    let grants = purposes.iter().flat_map(|purpose| &purpose.grants);
    let released = grants.filter(|grant| match grant {
        Grant::Figures(one) => one.population == population.name && one.is_released(),
        Grant::Records(one) => {
            let anonymous = one.anonymous.as_ref();
            anonymous.is_some_and(|anonymous| anonymous.population == population.name)
        }
        _ => false,
    });
    let named = released.flat_map(|grant| grant.named_datasets().into_iter().cloned());
    population.datasets.iter().cloned().chain(named).collect()
}
