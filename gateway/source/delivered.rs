//! Reads what a plan needs from the delivered rows, and nothing else.

mod anonymous;
mod formerly;
mod kept;
mod live;
mod meant;
mod reading;
mod scope;

use std::collections::HashMap;

use doelpoort_core::catalogue::{Catalogue, Value};
use doelpoort_core::extract::{EpochCells, Extract, FactRow, RawRow};
use doelpoort_core::plan::{AskedPupil, FactsPlan, FiguresPlan, Plan, RecordsPlan, RestrictPlan};
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::request::{Earlier, EpochChoice};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::store::render::{self, Query, Selection, Within};
use crate::store::table::Cells as _;
use crate::store::{Row, Store, StoreError, TypeClass};

pub(crate) use reading::stored_value;

use formerly::formerly_since;
use kept::Kept;
use reading::Reading;
use scope::within;

/// Why a plan could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No epoch closed while the purpose was active, or not the one asked.
    #[error("nothing was released for this epoch under this purpose")]
    NoSuchEpoch,
    /// The plan names what the catalogue does not have.
    #[error("the plan names `{0}`, which the catalogue does not have")]
    NotInCatalogue(String),
    /// More rows than one request may span.
    #[error("the scope holds more pupils than one request may span; narrow it with `only`")]
    TooManyRows,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The source of delivered rows.
#[derive(Clone, Debug)]
pub struct Delivered {
    store: Store,
    records_rows_max: u32,
    kept: Kept,
}

type Values = Vec<Option<Value>>;

/// A closed epoch that answers for a purpose.
struct Answering {
    id: i64,
    date: Date,
    /// JSON.
    completeness: String,
}

impl Delivered {
    /// A source over our own store; a records request may span so many pupils.
    pub(crate) fn new(store: Store, records_rows_max: u32) -> Self {
        Self {
            store,
            records_rows_max,
            kept: Kept::default(),
        }
    }

    /// Fetches exactly what a plan names.
    ///
    /// # Errors
    /// When the epoch was not released, the scope is too wide, or the store fails.
    pub async fn fetch(
        &self,
        catalogue: &Catalogue,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<Extract, SourceError> {
        match plan {
            Plan::Facts(plan) => self.facts(catalogue, plan, now).await,
            Plan::Figures(plan) => match plan.live() {
                Some(live) => Box::pin(self.live(catalogue, plan, live)).await,
                None => self.figures(plan).await,
            },
            Plan::Meant(plan) => self.meant(catalogue, plan, now).await,
            Plan::Records(plan) => match plan.released() {
                Some(released) => Box::pin(self.anonymous(catalogue, plan, released)).await,
                None => self.records(catalogue, plan, now).await,
            },
            Plan::Restrict(plan) => self.restrict(catalogue, plan, now).await,
        }
    }

    /// Figures were protected when their epoch closed; here they are only read.
    async fn figures(&self, plan: &FiguresPlan) -> Result<Extract, SourceError> {
        let date = match plan.epoch() {
            EpochChoice::Latest => None,
            EpochChoice::On(date) => Some(date),
        };
        let answering = self.answering_epochs(plan).await?;
        let asked = answering
            .iter()
            .find(|epoch| date.is_none_or(|date| date == epoch.date))
            .ok_or(SourceError::NoSuchEpoch)?;
        let earlier = plan.earlier().map(|earlier| {
            let mut before = answering.iter().filter(|epoch| epoch.date < asked.date);
            match earlier {
                Earlier::Previous => before.next(),
                Earlier::On(date) => before.find(|epoch| epoch.date == date),
            }
        });
        let mut cells = self.cells(plan, asked).await?;
        if let Some(earlier) = earlier {
            let earlier = earlier.ok_or(SourceError::NoSuchEpoch)?;
            cells.earlier = Some(Box::new(self.cells(plan, earlier).await?));
        }
        Ok(Extract::Cells(cells))
    }

    async fn cells(&self, plan: &FiguresPlan, epoch: &Answering) -> Result<EpochCells, SourceError> {
        Ok(EpochCells {
            epoch: epoch.date,
            completeness: serde_json::from_str(&epoch.completeness).unwrap_or_default(),
            values: self.kept.cells(&self.store, epoch.id, plan.keys()).await?,
            earlier: None,
        })
    }

    /// The epochs that closed while the purpose was active, the latest first.
    async fn answering_epochs(&self, plan: &FiguresPlan) -> Result<Vec<Answering>, StoreError> {
        let epochs = self
            .store
            .closed_epochs_of(plan.population(), plan.purpose())
            .await?;
        let answering = epochs.into_iter().filter_map(|(epoch, purpose)| {
            let date = epoch.date.parse::<Date>().ok()?;
            let answers = purpose.answers(plan.purpose(), plan.manifest(), plan.cells());
            (plan.has_epoch(date) && answers).then_some(Answering {
                id: epoch.id,
                date,
                completeness: epoch.completeness,
            })
        });
        Ok(answering.collect())
    }

    async fn records(
        &self,
        catalogue: &Catalogue,
        plan: &RecordsPlan,
        now: Timestamp,
    ) -> Result<Extract, SourceError> {
        let mut parts = plan.parts().iter();
        let base = parts
            .next()
            .ok_or_else(|| SourceError::NotInCatalogue("base".to_owned()))?;
        let left_out = Some(plan.left_out());
        let base_reading = Reading::of(catalogue, base, plan.at())?;
        let base_selection = base_reading.selection(within(plan.scope(), now), left_out);
        let (mut found, moved) = self
            .base(&base_reading, &base_selection, formerly_since(plan, now))
            .await?;
        // Counted before a pupil's earlier rows fall away: what the limit cut off would otherwise go unnoticed.
        if found.len() > usize::try_from(self.records_rows_max).unwrap_or(usize::MAX) {
            return Err(SourceError::TooManyRows);
        }
        found.dedup_by(|later, first| later.0 == first.0);
        let found = self.own(catalogue, plan.scope(), found, now).await?;
        let mut formerly = match moved {
            Some(since) => self.formerly(since, &base_selection, &found).await?,
            None => HashMap::new(),
        };
        let mut joined = Vec::new();
        for part in parts {
            let reading = Reading::of(catalogue, part, plan.at())?;
            let selected = reading.selection(vec![Within::Selected(&base_selection)], left_out);
            let rows: HashMap<[u8; 16], Values> = self
                .all(&reading, &render::latest(&selected))
                .await?
                .into_iter()
                .collect();
            joined.push((rows, !part.only.is_empty()));
        }
        let rows = found.into_iter().filter_map(|(subject, values)| {
            let mut row = assemble(plan, subject, values, &joined)?;
            row.formerly = formerly.remove(&subject).unwrap_or_default();
            Some(row)
        });
        Ok(Extract::Rows(rows.collect()))
    }

    async fn facts(
        &self,
        catalogue: &Catalogue,
        plan: &FactsPlan,
        now: Timestamp,
    ) -> Result<Extract, SourceError> {
        let subjects = subjects(plan.pupils());
        let reading = Reading::of(catalogue, plan.part(), plan.at())?;
        let selection = reading.selection(vec![Within::Subjects(&subjects)], Some(plan.left_out()));
        let rows: HashMap<[u8; 16], Values> = self
            .all(&reading, &render::latest(&selection))
            .await?
            .into_iter()
            .collect();
        let within = self.in_scope(catalogue, plan.scope(), &subjects, now).await?;
        let answers = plan.pupils().iter().map(|pupil| {
            let subject = pupil.subject.as_bytes();
            let values = rows.get(subject).filter(|_| within.contains(subject)).cloned();
            FactRow {
                reference: pupil.reference.clone(),
                values,
            }
        });
        Ok(Extract::Facts(answers.collect()))
    }

    /// Which named pupils a board may restrict or free: an empty row for its own, none for all others.
    async fn restrict(
        &self,
        catalogue: &Catalogue,
        plan: &RestrictPlan,
        now: Timestamp,
    ) -> Result<Extract, SourceError> {
        let subjects = subjects(plan.pupils());
        let own = self.in_scope(catalogue, plan.scope(), &subjects, now).await?;
        let answers = plan.pupils().iter().map(|pupil| FactRow {
            reference: pupil.reference.clone(),
            values: own.contains(pupil.subject.as_bytes()).then(Vec::new),
        });
        Ok(Extract::Facts(answers.collect()))
    }

    async fn all(
        &self,
        reading: &Reading<'_>,
        query: &Query,
    ) -> Result<Vec<([u8; 16], Values)>, SourceError> {
        let table = self.store.fetch_table(query, &reading.classes()).await?;
        let rows = table
            .rows()
            .map(|(subject, row)| Ok((subject, reading.values(&row)?)));
        rows.collect()
    }

    /// The rows of a plan's first part, and since when some of its dataset may have stood under other subjects, if they may.
    async fn base(
        &self,
        reading: &Reading<'_>,
        selection: &Selection<'_>,
        since: Option<Date>,
    ) -> Result<(Vec<([u8; 16], Values)>, Option<Date>), SourceError> {
        let limit = self.records_rows_max.saturating_add(1);
        let Some(since) = since else {
            let rows = self.all(reading, &render::rows(selection, limit)).await?;
            return Ok((rows, None));
        };
        let mut classes = reading.classes();
        let whether = classes.len() + 1;
        classes.push(TypeClass::Int);
        let query = render::rows_and_whether_formerly(selection, since, limit);
        let table = self.store.fetch_table(&query, &classes).await?;
        let mut moved = false;
        let rows = table.rows().map(|(subject, row)| {
            moved |= row.int_opt(whether)? != Some(0);
            Ok((subject, reading.values(&row)?))
        });
        let rows = rows.collect::<Result<_, StoreError>>()?;
        Ok((rows, moved.then_some(since)))
    }

    async fn run(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        self.store.fetch_rendered(query).await
    }
}

fn subjects(pupils: &[AskedPupil]) -> Vec<[u8; 16]> {
    pupils.iter().map(|pupil| *pupil.subject.as_bytes()).collect()
}

/// A joined dataset whose filter a pupil does not meet takes the pupil out; without filter its fields stay empty.
fn assemble(
    plan: &RecordsPlan,
    subject: [u8; 16],
    mut base: Values,
    joined: &[(HashMap<[u8; 16], Values>, bool)],
) -> Option<RawRow> {
    if joined
        .iter()
        .any(|(rows, filtered)| *filtered && !rows.contains_key(&subject))
    {
        return None;
    }
    let values = plan
        .columns()
        .iter()
        .map(|column| match column.part.checked_sub(1) {
            // A plan names each column once.
            None => base.get_mut(column.position).and_then(Option::take),
            Some(part) => joined
                .get(part)
                .and_then(|(rows, _)| rows.get(&subject))
                .and_then(|values| values.get(column.position).cloned().flatten()),
        })
        .collect();
    Some(RawRow {
        subject: SubjectId::from_bytes(subject),
        values,
        formerly: Vec::new(),
    })
}
