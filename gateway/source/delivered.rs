//! Reads what a plan needs from the delivered rows, and nothing else.

mod reading;

use std::collections::{HashMap, HashSet};

use doelpoort_core::catalogue::{Catalogue, FieldName, Name, Value};
use doelpoort_core::extract::{EpochCells, Extract, FactRow, RawRow};
use doelpoort_core::figures::cell_id::CellId;
use doelpoort_core::party::Oin;
use doelpoort_core::plan::{
    AskedPupil, FactsPlan, FiguresPlan, Part, Plan, PlannedScope, RecordsPlan, RestrictPlan,
};
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::request::EpochChoice;
use doelpoort_core::scope::{EnrolmentClaim, ResidentClaim, own_pupil};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::store::render::{self, Query, Within};
use crate::store::{Row, Store, StoreError};

pub(crate) use reading::stored_value;

use reading::Reading;

/// The most pupils of whom it is decided at once whether they are a board's own.
const SUBJECTS_MAX: usize = 1_000;
/// The most enrolments, and the most rows of the municipality, that are read about those.
const CLAIMS_ROWS_MAX: u32 = 100_000;

/// Why a plan could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No epoch closed while the purpose was active, or not the one asked.
    #[error("no figures were released for this epoch under this purpose")]
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
}

type Values = Vec<Option<Value>>;

impl Delivered {
    /// A source over our own store; a records request may span so many pupils.
    pub(crate) fn new(store: Store, records_rows_max: u32) -> Self {
        Self {
            store,
            records_rows_max,
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
            Plan::Figures(plan) => self.figures(plan).await,
            Plan::Records(plan) => self.records(catalogue, plan, now).await,
            Plan::Restrict(plan) => self.restrict(catalogue, plan, now).await,
        }
    }

    /// Figures were protected when their epoch closed; here they are only read.
    async fn figures(&self, plan: &FiguresPlan) -> Result<Extract, SourceError> {
        let date = match plan.epoch() {
            EpochChoice::Latest => None,
            EpochChoice::On(date) => Some(date),
        };
        let (id, epoch, completeness) = self
            .answering_epoch(plan, date)
            .await?
            .ok_or(SourceError::NoSuchEpoch)?;
        let names: Vec<String> = plan
            .rows()
            .iter()
            .map(|row| row.cell.as_ref().map(CellId::text).unwrap_or_default())
            .collect();
        let released = self.store.released_cells(id, &names).await?;
        let values = names.iter().map(|name| released.get(name).copied()).collect();
        let completeness = serde_json::from_str(&completeness).unwrap_or_default();
        Ok(Extract::Cells(EpochCells {
            epoch,
            completeness,
            values,
        }))
    }

    /// The epoch asked, or the latest, among those that closed while the purpose was active.
    async fn answering_epoch(
        &self,
        plan: &FiguresPlan,
        date: Option<Date>,
    ) -> Result<Option<(i64, Date, String)>, StoreError> {
        for epoch in self.store.closed_epochs(plan.population()).await? {
            let Ok(epoch_date) = epoch.date.parse::<Date>() else {
                continue;
            };
            if date.is_some_and(|date| date != epoch_date) {
                continue;
            }
            let purposes = self.store.epoch_purposes(epoch.id).await?;
            if purposes
                .iter()
                .any(|purpose| purpose.answers(plan.purpose(), plan.manifest(), plan.cells()))
            {
                return Ok(Some((epoch.id, epoch_date, epoch.completeness)));
            }
        }
        Ok(None)
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
        let sites = self.sites(plan.scope()).await?;
        let base_selection = base_reading.selection(within(plan.scope(), &sites, now), left_out);
        let query = render::rows(&base_selection, self.records_rows_max.saturating_add(1));
        let mut found = self.all(&base_reading, &query).await?;
        // Counted before a pupil's earlier rows fall away: what the limit cut off would otherwise go unnoticed.
        if found.len() > usize::try_from(self.records_rows_max).unwrap_or(usize::MAX) {
            return Err(SourceError::TooManyRows);
        }
        found.dedup_by(|later, first| later.0 == first.0);
        let found = self.own(catalogue, plan.scope(), found, now).await?;
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
        let rows = found
            .into_iter()
            .filter_map(|(subject, values)| assemble(plan, subject, values, &joined));
        Ok(Extract::Rows(rows.collect()))
    }

    /// The sites of the caseload, where the scope is one.
    async fn sites(&self, scope: &PlannedScope) -> Result<Vec<String>, StoreError> {
        match scope {
            PlannedScope::Caseload {
                controller,
                staff,
                on,
            } => self.texts(&render::caseload_sites(controller, staff, *on)).await,
            PlannedScope::Everything | PlannedScope::OwnBoard(_) | PlannedScope::OwnSchool { .. } => {
                Ok(Vec::new())
            }
        }
    }

    /// Keeps the rows of pupils that are the board's own, where the scope asks for it.
    async fn own(
        &self,
        catalogue: &Catalogue,
        scope: &PlannedScope,
        found: Vec<([u8; 16], Values)>,
        now: Timestamp,
    ) -> Result<Vec<([u8; 16], Values)>, SourceError> {
        let PlannedScope::OwnSchool { board, site } = scope else {
            return Ok(found);
        };
        let mut own = Vec::with_capacity(found.len());
        let mut found = found.into_iter();
        loop {
            let chunk: Vec<_> = found.by_ref().take(SUBJECTS_MAX).collect();
            if chunk.is_empty() {
                return Ok(own);
            }
            let subjects: Vec<[u8; 16]> = chunk.iter().map(|(subject, _)| *subject).collect();
            let claims = self.claims(catalogue, &subjects, civil_day(now)).await?;
            let is_own = |row: &([u8; 16], Values)| claims.is_own(board, site.as_deref(), &row.0, now);
            own.extend(chunk.into_iter().filter(is_own));
        }
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
        let scope = PlannedScope::OwnSchool {
            board: plan.board().clone(),
            site: None,
        };
        let own = self.in_scope(catalogue, &scope, &subjects, now).await?;
        let answers = plan.pupils().iter().map(|pupil| FactRow {
            reference: pupil.reference.clone(),
            values: own.contains(pupil.subject.as_bytes()).then(Vec::new),
        });
        Ok(Extract::Facts(answers.collect()))
    }

    /// Which of the named pupils a scope covers. Known or not, each takes the same steps.
    async fn in_scope(
        &self,
        catalogue: &Catalogue,
        scope: &PlannedScope,
        subjects: &[[u8; 16]],
        now: Timestamp,
    ) -> Result<HashSet<[u8; 16]>, SourceError> {
        match scope {
            // Whose rows they are limits own rows already.
            PlannedScope::Everything | PlannedScope::OwnBoard(_) => Ok(subjects.iter().copied().collect()),
            PlannedScope::OwnSchool { board, site } => {
                let claims = self.claims(catalogue, subjects, civil_day(now)).await?;
                let is_own = |subject: &&[u8; 16]| claims.is_own(board, site.as_deref(), subject, now);
                Ok(subjects.iter().filter(is_own).copied().collect())
            }
            PlannedScope::Caseload { on, .. } => {
                let enrolment = Part::of(&name("enrolment")?, std::iter::empty(), None);
                let reading = Reading::of(catalogue, &enrolment, *on)?;
                let sites = self.sites(scope).await?;
                let mut within = within(scope, &sites, now);
                within.push(Within::Subjects(subjects));
                let found = self
                    .run(&render::latest(&reading.selection(within, None)))
                    .await?;
                found
                    .iter()
                    .map(|row| row.array(0).map_err(SourceError::from))
                    .collect()
            }
        }
    }

    /// What boards and the municipality say of where these pupils go to school.
    async fn claims(
        &self,
        catalogue: &Catalogue,
        subjects: &[[u8; 16]],
        at: Date,
    ) -> Result<Claims, SourceError> {
        let limit = CLAIMS_ROWS_MAX.saturating_add(1);
        let mut claims = Claims::default();
        for row in bounded(self.run(&render::enrolment_claims(subjects, limit)).await?)? {
            let claim = EnrolmentClaim {
                holder: row
                    .text(1)?
                    .parse()
                    .map_err(|_| StoreError::Shape { column: 1 })?,
                site: row.text(2)?,
                from: render::date(row.int(3)?).ok_or(StoreError::Shape { column: 3 })?,
                until: row.int_opt(4)?.and_then(render::date),
                first_us: row.int(5)?,
            };
            claims.enrolments.entry(row.array(0)?).or_default().push(claim);
        }
        let resident = Part::of(
            &name("resident")?,
            [&FieldName::new(name("resident")?, name("site")?)],
            None,
        );
        let reading = Reading::of(catalogue, &resident, at)?;
        let selection = reading.selection(vec![Within::Subjects(subjects)], None);
        for (subject, values) in bounded(self.all(&reading, &render::rows(&selection, limit)).await?)? {
            let site = match values.into_iter().next().flatten() {
                Some(Value::Text(site)) => Some(site),
                _ => None,
            };
            claims
                .residents
                .entry(subject)
                .or_default()
                .push(ResidentClaim { site });
        }
        Ok(claims)
    }

    async fn all(
        &self,
        reading: &Reading<'_>,
        query: &Query,
    ) -> Result<Vec<([u8; 16], Values)>, SourceError> {
        let mut rows = Vec::new();
        for row in self.run(query).await? {
            rows.push((row.array(0)?, reading.values(&row)?));
        }
        Ok(rows)
    }

    /// The first column of a query's rows.
    async fn texts(&self, query: &Query) -> Result<Vec<String>, StoreError> {
        self.run(query).await?.iter().map(|row| row.text(0)).collect()
    }

    async fn run(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        self.store.fetch_rendered(query).await
    }
}

fn name(text: &str) -> Result<Name, SourceError> {
    text.parse()
        .map_err(|_| SourceError::NotInCatalogue(text.to_owned()))
}

/// What is said of where pupils go to school.
#[derive(Default)]
struct Claims {
    enrolments: HashMap<[u8; 16], Vec<EnrolmentClaim>>,
    residents: HashMap<[u8; 16], Vec<ResidentClaim>>,
}

impl Claims {
    /// Every pupil's claims are weighed, found or not, so that hit and miss take the same steps.
    fn is_own(&self, board: &Oin, site: Option<&str>, subject: &[u8; 16], now: Timestamp) -> bool {
        let enrolments = self
            .enrolments
            .get(subject)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let residents = self.residents.get(subject).map(Vec::as_slice).unwrap_or_default();
        own_pupil(board, site, enrolments, residents, now)
    }
}

/// What a scope says of the rows of the base dataset.
fn within<'a>(scope: &'a PlannedScope, sites: &'a [String], now: Timestamp) -> Vec<Within<'a>> {
    match scope {
        PlannedScope::Caseload { .. } => vec![Within::Sites(sites)],
        // Whose rows they are limits own rows already.
        PlannedScope::Everything | PlannedScope::OwnBoard(_) => Vec::new(),
        PlannedScope::OwnSchool { board, site } => vec![Within::Enrolled {
            board,
            site: site.as_deref(),
            on: civil_day(now),
        }],
    }
}

fn subjects(pupils: &[AskedPupil]) -> Vec<[u8; 16]> {
    pupils.iter().map(|pupil| *pupil.subject.as_bytes()).collect()
}

/// Rows that decide a scope, all of them: with some of them cut off, a claim could go uncontradicted.
fn bounded<T>(rows: Vec<T>) -> Result<Vec<T>, SourceError> {
    if rows.len() > usize::try_from(CLAIMS_ROWS_MAX).unwrap_or(usize::MAX) {
        return Err(SourceError::TooManyRows);
    }
    Ok(rows)
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
    })
}
