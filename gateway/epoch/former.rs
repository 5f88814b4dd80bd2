//! What is released already, for the bound over three years: every closed epoch under the policies that it was closed
//! under, from the archive.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use doelpoort_core::catalogue::Name;
use doelpoort_core::figures::bound::Former;
use doelpoort_core::policy::load::digest;
use doelpoort_core::policy::{Draft, PolicyFiles};
use jiff::ToSpan;
use jiff::civil::Date;

use crate::store::{Store, StoreError, archive};

/// How far back an epoch is within three years of one that may still be closed: that of a year ago.
const YEARS_BACK: i32 = 4;

/// Why it is not known what is released. Nothing more is released then.
#[derive(Debug, thiserror::Error)]
pub enum FormerError {
    /// The policies of an epoch are not in the archive, or are not those that the log names, or cannot be read.
    #[error(
        "the policies that `{population}` was counted under on `{date}` cannot be read from the archive, so what was \
         released then cannot be added up; restore `policy_archive` from a backup"
    )]
    Policies {
        /// The population.
        population: String,
        /// The count date.
        date: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A closed epoch of which the policies are not read yet.
struct Closed {
    population: String,
    date: String,
    digest: [u8; 32],
    purposes: BTreeSet<Name>,
}

impl Closed {
    fn unread(&self) -> FormerError {
        FormerError::Policies {
            population: self.population.clone(),
            date: self.date.clone(),
        }
    }
}

/// What every epoch tells that was closed in the years before `day`, or after it, in all populations.
///
/// # Errors
/// [`FormerError`]: an epoch of which that cannot be said.
pub async fn former(store: &Store, deployment: &str, day: Date) -> Result<Vec<Former>, FormerError> {
    let since = day.checked_sub(YEARS_BACK.years()).unwrap_or(Date::MIN);
    let closed = closed(store, since).await?;
    let mut texts = BTreeMap::new();
    for one in &closed {
        if let Entry::Vacant(vacant) = texts.entry(one.digest) {
            let text = archive::policies(store, &one.digest).await?;
            vacant.insert(text.ok_or_else(|| one.unread())?);
        }
    }
    let deployment = deployment.to_owned();
    // Reading policies takes a while, and requests are answered meanwhile.
    let told = tokio::task::spawn_blocking(move || told(&closed, &texts, &deployment));
    told.await.unwrap_or_else(|_| {
        Err(FormerError::Policies {
            population: "all".to_owned(),
            date: since.to_string(),
        })
    })
}

async fn closed(store: &Store, since: Date) -> Result<Vec<Closed>, StoreError> {
    let mut populations = BTreeSet::new();
    for (population, _, _) in store.all_closed_epochs().await? {
        populations.insert(population);
    }
    let mut closed = Vec::new();
    for population in populations {
        let Ok(name) = population.parse::<Name>() else {
            continue;
        };
        for epoch in store.closed_epochs(&name).await? {
            if epoch.date.parse().is_ok_and(|date: Date| date < since) {
                continue;
            }
            let answering = store.epoch_purposes(epoch.id).await?;
            closed.push(Closed {
                population: population.clone(),
                date: epoch.date,
                digest: epoch.catalogue,
                purposes: answering.into_iter().map(|one| one.purpose).collect(),
            });
        }
    }
    Ok(closed)
}

fn told(
    closed: &[Closed],
    texts: &BTreeMap<[u8; 32], String>,
    deployment: &str,
) -> Result<Vec<Former>, FormerError> {
    let mut drafts: BTreeMap<[u8; 32], Draft> = BTreeMap::new();
    let mut former = Vec::new();
    for one in closed {
        let draft = match drafts.entry(one.digest) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(vacant) => {
                let text = texts.get(&one.digest);
                let files: Option<PolicyFiles> = text.and_then(|text| serde_json::from_str(text).ok());
                let files = files.filter(|files| digest(files, deployment) == one.digest);
                let draft = files.and_then(|files| Draft::read(&files).ok());
                vacant.insert(draft.ok_or_else(|| one.unread())?)
            }
        };
        let purposes = draft.purposes.values().map(|(purpose, _)| purpose);
        let answering = purposes.filter(|purpose| one.purposes.contains(&purpose.id));
        let (Ok(population), Ok(date)) = (one.population.parse(), one.date.parse()) else {
            return Err(one.unread());
        };
        let told = Former::of(&draft.catalogue, &population, date, answering);
        former.push(told.ok_or_else(|| one.unread())?);
    }
    Ok(former)
}
