//! How complete the rows are that figures rest on.

use doelpoort_core::catalogue::Name;
use doelpoort_core::extract::{Completeness, SourceState};
use doelpoort_core::party::Oin;

use crate::store::{Store, StoreError};

/// Which of these holders had delivered which datasets, from policy and deliveries alone, never from rows found.
///
/// # Errors
/// When the store fails.
pub(crate) async fn completeness(
    store: &Store,
    sources: &[(Name, Vec<Oin>)],
) -> Result<Completeness, StoreError> {
    let mut states = Vec::new();
    for (dataset, holders) in sources {
        let active = store.active_deliveries(dataset).await?;
        for holder in holders {
            let own = active.iter().filter(|delivery| delivery.holder == *holder);
            states.push(SourceState {
                dataset: dataset.to_string(),
                holder: holder.to_string(),
                as_of_us: own.filter_map(|delivery| delivery.activated_us).max(),
            });
        }
    }
    Ok(Completeness { sources: states })
}
