//! The close of an epoch: the one place where figures are protected, and the one moment.
//!
//! Due merges take effect; the population is frozen into a snapshot without subjects; every cell that the active
//! purposes grant is computed and protected; what may be shown is stored, and becomes readable together with its log
//! entry; the snapshot is dropped. What a crash leaves behind: before the entry a close that nobody reads, taken over
//! when its lease has passed; after it a closed epoch. The snapshot is in memory only.

pub mod former;
mod population;
mod records;
pub mod schedule;

use std::collections::BTreeSet;
use std::time::Duration;

use doelpoort_core::audit::leaf::{GRANTED, Kind, Value, extra};
use doelpoort_core::audit::released::released_digest;
use doelpoort_core::catalogue::{Name, Population};
use doelpoort_core::extract::Completeness;
use doelpoort_core::figures::bound::{Coming, Past};
use doelpoort_core::figures::release::{
    ContradictedHolder, Release, ReleaseError, Released, ReleasedCell, Undeclared, cells_digest, release,
};
use doelpoort_core::figures::{QueryKey, RecordKey};
use doelpoort_core::policy::Standing;
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::policy::tools::check::bound::refusals_at_close;
use doelpoort_core::purpose::{Grant, Purpose};
use jiff::civil::Date;

use self::former::{FormerError, former};
use crate::exchange::Refusal;
use crate::gateway::{Current, Gateway};
use crate::log::{Effect, Entry, LogError};
use crate::source::{SourceError, completeness};
use crate::store::StoreError;
use crate::store::released::{EpochPurpose, NO_CELLS};

/// How long a close waits for its entry.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Why an epoch was not closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The date is still to come.
    #[error("`{date}` is still to come; an epoch closes on or after its date")]
    Future {
        /// The date.
        date: Date,
    },
    /// Other policies are in force than this process has read.
    #[error("other policies are in force than those of `policies.dir`; close the epoch with the same ones")]
    NotInForce,
    /// The entry could not be appended: nothing was released.
    #[error("the log: {0}")]
    Log(#[from] LogError),
    /// The calendar has no such count date.
    #[error("`{date}` is no count date of `{population}`; the latest is `{latest}`")]
    NotInCalendar {
        /// The date.
        date: Date,
        /// The population.
        population: Name,
        /// The latest count date.
        latest: String,
    },
    /// With what is released already these figures would tell too much of one pupil.
    #[error(
        "the epoch would tell too much of one pupil over three years, so it stays open; take measures, levels or \
         dimensions out of the purposes that are named, or skip this count date:\n{}", .0.join("\n")
    )]
    Bound(Vec<String>),
    /// What is released already is not known.
    #[error(transparent)]
    Former(#[from] FormerError),
    /// No purpose that acts grants figures or k-anonymous records of the population: nothing would ever answer for the
    /// epoch.
    #[error(
        "no purpose that acts grants figures or k-anonymous records of `{population}`; the epoch stays open"
    )]
    NoPurposes {
        /// The population.
        population: Name,
    },
    /// A grant makes no lattice.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The rows cannot be read.
    #[error("the rows cannot be read: `{0}`")]
    Rows(&'static str),
    /// The rows cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Whether it was released is not known.
    #[error(
        "the log was restored after `{date}`: figures of that date may have been released in the part that was lost, \
         and figures are released once"
    )]
    Restored {
        /// The count date.
        date: Date,
    },
    /// The store failed, or the epoch is closed already.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such population.
    #[error("there is no population `{0}`")]
    UnknownPopulation(String),
}

/// A closed epoch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closed {
    /// Its count date.
    pub date: Date,
    /// How many cells may be shown.
    pub cells: usize,
    /// By how many pupils who are alike records were released; none where no purpose grants any.
    pub k_anonymity: Option<u32>,
    /// The purposes that answer for it.
    pub purposes: Vec<Name>,
    /// Dimensions that repeat others without the catalogue saying so: their second names were not released.
    pub undeclared: Vec<Undeclared>,
    /// Sole holders that the catalogue declares and rows contradict: not relied on where those rows count.
    pub contradicted: Vec<ContradictedHolder>,
    /// The index of its entry in the log.
    pub index: u64,
}

impl Gateway {
    /// Closes the epoch of `date` for a population: figures are computed once, and never again.
    ///
    /// # Errors
    /// When the date is no count date that has come, the epoch is closed already, or a part fails; then nothing was
    /// released.
    pub async fn close_epoch(&self, population: &str, date: Option<Date>) -> Result<Closed, CloseError> {
        let current = self.policies.current();
        if !current.in_force {
            return Err(CloseError::NotInForce);
        }
        let now = self.clock.now();
        let unknown = || CloseError::UnknownPopulation(population.to_owned());
        let name: Name = population.parse().map_err(|_| unknown())?;
        let population = current.policies.catalogue.population(&name).ok_or_else(unknown)?;
        let date = count_date(population, date, civil_day(now))?;
        if self.restored_on().await.is_some_and(|day| date <= day) {
            return Err(CloseError::Restored { date });
        }
        self.apply_merges().await?;
        let figures = figures_purposes(&current, &name, now);
        let figures = self.without_published_tables(population, date, figures).await?;
        let records = records::purposes(&current, population, date, now);
        if figures.is_empty() && records.is_empty() {
            return Err(CloseError::NoPurposes { population: name });
        }
        self.within_bound(&current, date, &figures).await?;
        let purposes = Releasing { figures, records };
        let digest = current.policies.digest;
        let id = self
            .store
            .begin_epoch(&name, &date.to_string(), &digest, now.as_microsecond())
            .await?;
        match self.close_begun(&current, population, date, &purposes, id).await {
            Ok(closed) => Ok(closed),
            Err(error) => {
                if let Err(error) = self.store.abandon_epoch(id).await {
                    tracing::warn!(%error, "a close that failed will be taken over when its lease has passed");
                }
                Err(error)
            }
        }
    }

    /// Whether three years around the epoch tell no more than they may, with all that is released already, for whatever
    /// purposes that was.
    async fn within_bound(
        &self,
        current: &Current,
        date: Date,
        purposes: &[&Purpose],
    ) -> Result<(), CloseError> {
        let former = former(&self.store, &self.config.deployment.name, date).await?;
        let past = Past {
            former: &former,
            coming: Coming::Only(date),
        };
        let purposes = purposes.iter().copied();
        let over = refusals_at_close(&current.policies.catalogue, purposes, past);
        if over.is_empty() {
            Ok(())
        } else {
            Err(CloseError::Bound(over))
        }
    }

    /// Leaves out the purposes whose table stands already, since a second one of nearly the same pupils would tell who
    /// came, and those whose table is of another calendar.
    async fn without_published_tables<'p>(
        &self,
        population: &Population,
        date: Date,
        mut purposes: Vec<&'p Purpose>,
    ) -> Result<Vec<&'p Purpose>, StoreError> {
        let calendars = |purpose: &'p Purpose| -> Vec<&'p Name> {
            let figures = purpose.grants.iter().filter_map(|grant| match grant {
                Grant::Figures(figures) => Some(figures),
                _ => None,
            });
            let tables =
                figures.filter(|grant| grant.population == population.name && grant.publishes_table());
            tables.map(|table| &table.epochs).collect()
        };
        let is_due = |name: &Name| {
            population
                .calendar(name)
                .is_some_and(|calendar| calendar.is_epoch(date))
        };
        purposes.retain(|purpose| calendars(purpose).into_iter().all(is_due));
        if purposes.iter().all(|purpose| calendars(purpose).is_empty()) {
            return Ok(purposes);
        }
        for epoch in self.store.closed_epochs(&population.name).await? {
            let answering = self.store.epoch_purposes(epoch.id).await?;
            let published: Vec<&Name> = answering
                .iter()
                .filter(|one| one.cells != Some(NO_CELLS))
                .map(|one| &one.purpose)
                .collect();
            purposes.retain(|purpose| calendars(purpose).is_empty() || !published.contains(&&purpose.id));
        }
        Ok(purposes)
    }

    /// The day of the last restore of the log.
    async fn restored_on(&self) -> Option<Date> {
        let ledger = self.ledger.lock().await;
        let withdrawals = ledger.history().withdrawals.iter();
        let restores = withdrawals.filter(|one| one.organisation.is_none());
        restores.map(|one| civil_day(one.at)).max()
    }

    async fn close_begun(
        &self,
        current: &Current,
        population: &Population,
        date: Date,
        purposes: &Releasing<'_>,
        id: i64,
    ) -> Result<Closed, CloseError> {
        let catalogue = &current.policies.catalogue;
        let figures = purposes.figures.as_slice();
        let snapshot = {
            let record_key = RecordKey::derive(&self.keyring().figures);
            self.freeze(&current.policies, population, date, figures, &record_key)
                .await?
        };
        let query_key = QueryKey::derive(&self.keyring().figures);
        let epoch = date.to_string();
        let release_of = Release {
            catalogue,
            organisations: &current.policies.organisations,
            population,
            epoch: &epoch,
            key: &query_key,
        };
        let Released {
            cells,
            undeclared,
            contradicted,
        } = release(release_of, figures.iter().copied(), &snapshot)?;
        drop(snapshot);

        let mut stored: Vec<(String, i64)> = cells
            .iter()
            .map(|ReleasedCell { cell, y }| (cell.text(), *y))
            .collect();
        self.store
            .stage_cells(id, &stored, self.clock.now().as_microsecond())
            .await?;
        let k_anonymity = self
            .release_records(current, population, date, (&purposes.records, id))
            .await?;
        let answering = purposes.answering(current, &population.name);
        let all: Vec<&Purpose> = purposes.all().collect();
        let completeness = self.completeness(current, population, &all).await?;
        let completeness =
            serde_json::to_string(&completeness).map_err(|_| CloseError::Rows("completeness has no JSON"))?;
        self.store
            .describe_epoch(id, &answering, &completeness, self.clock.now().as_microsecond())
            .await?;

        let mut entry = entry_of(current, population, epoch, cells.len(), undeclared.len())?;
        let digest = Value::Bytes(released_digest(&mut stored).to_vec());
        entry.event.extra.insert(extra::CELLS_DIGEST, digest);
        if let Some(k) = k_anonymity {
            let k = Value::Number(k.into());
            entry.event.extra.insert(extra::K_ANONYMITY, k);
        }
        let entry = entry
            .decided_under(current.generation)
            .with_effect(Effect::ReleaseEpoch { epoch: id });
        let receipt = self.log.append_within(entry, WAIT_MAX).await?;
        self.forget_old_records(population, date).await;
        self.metrics.undeclared_equivalences(undeclared.len());
        tell(&undeclared, &contradicted);
        let purposes = answering.into_iter().map(|purpose| purpose.purpose).collect();
        Ok(Closed {
            date,
            cells: cells.len(),
            k_anonymity,
            purposes,
            undeclared: undeclared.into_iter().collect(),
            contradicted: contradicted.into_iter().collect(),
            index: receipt.index,
        })
    }

    /// How complete the rows are that the epoch rests on.
    async fn completeness(
        &self,
        current: &Current,
        population: &Population,
        purposes: &[&Purpose],
    ) -> Result<Completeness, StoreError> {
        let policies = &current.policies;
        let datasets = population::datasets(population, purposes).into_iter();
        let sources = datasets.filter_map(|dataset| {
            let kind = policies.catalogue.dataset(&dataset)?.holder_kind;
            let holders = policies
                .organisations
                .of_kind(kind)
                .map(|holder| holder.oin.clone());
            Some((dataset, holders.collect()))
        });
        completeness(&self.store, &sources.collect::<Vec<_>>()).await
    }
}

/// What the log says of a close.
fn entry_of(
    current: &Current,
    population: &Population,
    epoch: String,
    cells: usize,
    undeclared: usize,
) -> Result<Entry, LogError> {
    let number = |count: usize| Value::Number(u64::try_from(count).unwrap_or(u64::MAX));
    let mut entry = Entry::new(Kind::EpochReleased)?;
    entry.event.decision = Some(GRANTED.to_owned());
    entry.event.policy = Some(current.policies.digest);
    entry.event.extra.extend([
        (extra::POPULATION, Value::Text(population.name.to_string())),
        (extra::EPOCH, Value::Text(epoch)),
        (extra::CELLS, number(cells)),
        (extra::UNDECLARED, number(undeclared)),
    ]);
    Ok(entry)
}

/// Says in the operator's log which fields to declare, and which declarations rows contradict; no cell, code or number.
fn tell(undeclared: &BTreeSet<Undeclared>, contradicted: &BTreeSet<ContradictedHolder>) {
    for Undeclared { repeated, by, mutual } in undeclared {
        tracing::warn!(
            %repeated, %by, mutual,
            "a field repeats another, and the catalogue does not say so: its second names are not released"
        );
    }
    for ContradictedHolder { dimension, dataset } in contradicted {
        tracing::warn!(
            %dimension, %dataset,
            "the population declares one holder for codes of this dimension, and rows of this dataset are another's: \
             where they count, what others hold must be large enough by itself"
        );
    }
}

/// The date asked, or the latest count date, if it has come.
fn count_date(population: &Population, date: Option<Date>, today: Date) -> Result<Date, CloseError> {
    let latest = population
        .calendars
        .iter()
        .filter_map(|calendar| calendar.epochs_on_or_before(today).next())
        .max();
    let none = || "none".to_owned();
    let wrong = |date| CloseError::NotInCalendar {
        date,
        population: population.name.clone(),
        latest: latest.map_or_else(none, |latest| latest.to_string()),
    };
    let date = date.or(latest).ok_or_else(|| wrong(today))?;
    if !population
        .calendars
        .iter()
        .any(|calendar| calendar.is_epoch(date))
    {
        return Err(wrong(date));
    }
    if date > today {
        Err(CloseError::Future { date })
    } else {
        Ok(date)
    }
}

/// The purposes that act now and grant figures over the population.
fn figures_purposes<'p>(current: &'p Current, population: &Name, now: jiff::Timestamp) -> Vec<&'p Purpose> {
    // A cell holds everybody's rows: where one holder is missing, there is nothing to release.
    let releases = |standing: &&Standing| {
        let grants = standing.purpose.grants.iter().enumerate();
        let mut figures = grants
            .filter(
                |(_, grant)| matches!(grant, Grant::Figures(figures) if figures.population == *population && figures.is_released()),
            )
            .peekable();
        figures.peek().is_some() && figures.all(|(position, _)| standing.grant_acts(position, now).is_ok())
    };
    let standings = current.policies.purposes.values();
    standings
        .filter(releases)
        .map(|standing| &standing.purpose)
        .collect()
}

/// The purposes for which an epoch is released.
struct Releasing<'p> {
    /// Those that answer with figures.
    figures: Vec<&'p Purpose>,
    /// Those that answer with k-anonymous records.
    records: Vec<&'p Purpose>,
}

impl<'p> Releasing<'p> {
    /// Each once.
    fn all(&self) -> impl Iterator<Item = &'p Purpose> + '_ {
        let is_in = |purpose: &&Purpose| self.figures.iter().any(|other| other.id == purpose.id);
        let records = self.records.iter().copied();
        let others = records.filter(move |purpose| !is_in(purpose));
        self.figures.iter().copied().chain(others)
    }

    /// What the epoch keeps of each, by which it answers later versions.
    fn answering(&self, current: &Current, population: &Name) -> Vec<EpochPurpose> {
        let catalogue = &current.policies.catalogue;
        let is_of =
            |purposes: &[&Purpose], purpose: &Purpose| purposes.iter().any(|one| one.id == purpose.id);
        let answering = self.all().filter_map(|purpose| {
            let standing = current.policies.purposes.get(&purpose.id)?;
            Some(EpochPurpose {
                purpose: purpose.id.clone(),
                version: purpose.version,
                digest: standing.manifest_digest,
                cells: Some(if is_of(&self.figures, purpose) {
                    cells_digest(catalogue, population, purpose)
                } else {
                    NO_CELLS
                }),
                records: purpose
                    .records_digest(catalogue, population)
                    .filter(|_| is_of(&self.records, purpose)),
            })
        });
        answering.collect()
    }
}

impl From<CloseError> for Refusal {
    fn from(error: CloseError) -> Self {
        tracing::error!(%error, "an epoch was not closed");
        Self::Internal
    }
}
