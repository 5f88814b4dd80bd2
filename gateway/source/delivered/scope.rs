//! Which pupils a scope covers: a join over what several holders delivered, never the word of one.

use std::collections::{HashMap, HashSet};

use doelpoort_core::catalogue::{Catalogue, FieldName, Name, Value};
use doelpoort_core::party::Oin;
use doelpoort_core::plan::{Part, PlannedScope};
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::scope::{EnrolmentClaim, ResidentClaim, SiteBoards, own_pupil};
use jiff::Timestamp;
use jiff::civil::Date;

use super::reading::Reading;
use super::{Delivered, SourceError, Values};
use crate::store::StoreError;
use crate::store::render::{self, Within};

/// The most pupils of whom it is decided at once whether they are a board's own.
const SUBJECTS_MAX: usize = 1_000;
/// The most enrolments, and the most rows of the municipality, that are read about those.
const CLAIMS_ROWS_MAX: u32 = 100_000;

impl Delivered {
    /// Keeps the rows of pupils that are the board's own, where the scope asks for it.
    pub(super) async fn own(
        &self,
        catalogue: &Catalogue,
        scope: &PlannedScope,
        found: Vec<([u8; 16], Values)>,
        now: Timestamp,
    ) -> Result<Vec<([u8; 16], Values)>, SourceError> {
        let PlannedScope::OwnSchool { board, site, boards } = scope else {
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
            let is_own =
                |row: &([u8; 16], Values)| claims.is_own(board, site.as_deref(), boards, &row.0, now);
            own.extend(chunk.into_iter().filter(is_own));
        }
    }

    /// Which of the named pupils a scope covers. Known or not, each takes the same steps.
    pub(super) async fn in_scope(
        &self,
        catalogue: &Catalogue,
        scope: &PlannedScope,
        subjects: &[[u8; 16]],
        now: Timestamp,
    ) -> Result<HashSet<[u8; 16]>, SourceError> {
        match scope {
            // Whose rows they are limits own rows already.
            PlannedScope::Everything | PlannedScope::OwnBoard(_) => Ok(subjects.iter().copied().collect()),
            PlannedScope::OwnSchool { board, site, boards } => {
                let claims = self.claims(catalogue, subjects, civil_day(now)).await?;
                let is_own =
                    |subject: &&[u8; 16]| claims.is_own(board, site.as_deref(), boards, subject, now);
                Ok(subjects.iter().filter(is_own).copied().collect())
            }
            PlannedScope::Caseload { on, .. } => {
                let enrolment = Part::of(&name("enrolment")?, std::iter::empty(), None);
                let reading = Reading::of(catalogue, &enrolment, *on)?;
                let mut within = within(scope, now);
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
    pub(super) async fn claims(
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
}

fn name(text: &str) -> Result<Name, SourceError> {
    text.parse()
        .map_err(|_| SourceError::NotInCatalogue(text.to_owned()))
}

/// What is said of where pupils go to school.
#[derive(Default)]
pub(super) struct Claims {
    enrolments: HashMap<[u8; 16], Vec<EnrolmentClaim>>,
    residents: HashMap<[u8; 16], Vec<ResidentClaim>>,
}

impl Claims {
    /// Every pupil's claims are weighed, found or not, so that hit and miss take the same steps.
    pub(super) fn is_own(
        &self,
        board: &Oin,
        site: Option<&str>,
        boards: &SiteBoards,
        subject: &[u8; 16],
        now: Timestamp,
    ) -> bool {
        let enrolments = self
            .enrolments
            .get(subject)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let residents = self.residents.get(subject).map(Vec::as_slice).unwrap_or_default();
        own_pupil(board, site, boards, enrolments, residents, now)
    }
}

/// What a scope says of the rows of the base dataset.
pub(super) fn within(scope: &PlannedScope, now: Timestamp) -> Vec<Within<'_>> {
    match scope {
        PlannedScope::Caseload {
            controller,
            staff,
            sites,
            on,
        } => vec![Within::Caseload {
            controller,
            staff,
            sites,
            on: *on,
        }],
        // Whose rows they are limits own rows already.
        PlannedScope::Everything | PlannedScope::OwnBoard(_) => Vec::new(),
        PlannedScope::OwnSchool { board, site, .. } => vec![Within::Enrolled {
            board,
            site: site.as_deref(),
            on: civil_day(now),
        }],
    }
}

/// Rows that decide a scope, all of them: with some of them cut off, a claim could go uncontradicted.
pub(super) fn bounded<T>(rows: Vec<T>) -> Result<Vec<T>, SourceError> {
    if rows.len() > usize::try_from(CLAIMS_ROWS_MAX).unwrap_or(usize::MAX) {
        return Err(SourceError::TooManyRows);
    }
    Ok(rows)
}
