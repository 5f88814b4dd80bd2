//! Which fields of which rows answer a request for records.

use jiff::civil::Date;

use crate::catalogue::{Calendar, FieldName, Name, Value};
use crate::party::{Oin, Staff};
use crate::policy::decide::Permit;
use crate::purpose::{Generalise, KeyPeriod, LinkScope, RecordsGrant};
use crate::request::{EpochChoice, RecordsRequest};

use super::scope::{self, LeftOut, PlannedScope};
use super::{PlanError, value};

/// Rows to read: the base dataset's latest row of each pupil in scope, with fields of others joined by pupil.
#[derive(Debug)]
pub struct RecordsPlan {
    parts: Vec<Part>,
    columns: Vec<Column>,
    pseudonym: bool,
    scope: PlannedScope,
    left_out: LeftOut,
    at: Date,
    key_period: KeyPeriod,
    overlap_days: u32,
    link: LinkScope,
    page_limit: u32,
    released: Option<ReleasedRecords>,
}

/// Rows of a table that was released at the close of an epoch.
#[derive(Debug)]
pub struct ReleasedRecords {
    population: Name,
    purpose: Name,
    manifest: [u8; 32],
    digest: [u8; 32],
    epoch: EpochChoice,
    calendar: Calendar,
    dataset: Name,
    only: Vec<(FieldName, Value)>,
    k: u32,
}

/// The fields wanted from one dataset; the first part is the base.
#[derive(Debug)]
pub struct Part {
    /// The dataset.
    pub dataset: Name,
    /// Its fields, each once.
    pub fields: Vec<Name>,
    /// Filters on its rows.
    pub only: Vec<(Name, Value)>,
    /// Whose rows; none for all.
    pub holders: Option<Vec<Oin>>,
}

impl Part {
    /// The part of one dataset with these of its fields.
    pub fn of<'f>(
        dataset: &Name,
        fields: impl IntoIterator<Item = &'f FieldName>,
        holders: Option<&[Oin]>,
    ) -> Self {
        Self {
            dataset: dataset.clone(),
            fields: fields.into_iter().map(|field| field.field.clone()).collect(),
            only: Vec::new(),
            holders: holders.map(<[Oin]>::to_vec),
        }
    }
}

/// One column of the answer.
#[derive(Clone, Debug)]
pub struct Column {
    /// The field.
    pub field: FieldName,
    /// How its values are made coarser.
    pub generalise: Option<Generalise>,
    /// The part that holds it.
    pub part: usize,
    /// Its place in that part.
    pub position: usize,
}

impl RecordsPlan {
    pub(super) fn minimal(
        permit: &Permit<'_>,
        grant: &RecordsGrant,
        staff: Option<&Staff>,
        request: &RecordsRequest,
    ) -> Result<Self, PlanError> {
        let mut parts = vec![part(permit, grant, &grant.dataset)];
        let mut columns = Vec::with_capacity(request.fields.len());
        for field in &request.fields {
            let generalise = grant
                .fields
                .iter()
                .find(|granted| granted.field == *field)
                .and_then(|g| g.generalise.clone());
            let (part, position) = place(permit, grant, &mut parts, field);
            columns.push(Column {
                field: field.clone(),
                generalise,
                part,
                position,
            });
        }
        for (field, value) in grant.only.iter().chain(&request.only) {
            filter(permit, grant, &mut parts, field, value)?;
        }
        Ok(Self {
            parts,
            columns,
            released: ReleasedRecords::of(permit, grant, request)?,
            pseudonym: request.pseudonym,
            scope: scope::planned(permit, grant.scope, staff, request.site.as_deref())?,
            left_out: LeftOut::by(permit),
            at: request.at.unwrap_or(permit.day()),
            key_period: grant.key_period,
            overlap_days: grant.overlap_days,
            link: grant.link,
            page_limit: request
                .page
                .limit
                .map_or(grant.page_max, |limit| limit.min(grant.page_max)),
        })
    }

    /// The parts; the first is the base.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The columns of the answer.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Whether the pseudonym is among what was asked.
    pub fn pseudonym(&self) -> bool {
        self.pseudonym
    }

    /// About which pupils.
    pub fn scope(&self) -> &PlannedScope {
        &self.scope
    }

    /// Whose rows are left out.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The date as of which rows are read.
    pub fn at(&self) -> Date {
        self.at
    }

    /// How long a pseudonym lasts.
    pub fn key_period(&self) -> KeyPeriod {
        self.key_period
    }

    /// Days after a rotation or a merge during which rows also carry their former pseudonyms.
    pub fn overlap_days(&self) -> u32 {
        self.overlap_days
    }

    /// The dataset across which pseudonyms stay the same; none where that is the whole purpose.
    pub fn link_scope(&self) -> Option<&Name> {
        let base = self.parts.first().map(|part| &part.dataset);
        base.filter(|_| self.link == LinkScope::Dataset)
    }

    /// The table of an epoch that its rows come from; none where they are read as they are now.
    pub fn released(&self) -> Option<&ReleasedRecords> {
        self.released.as_ref()
    }

    /// How many pupils are alike at least; none where rows are read as they are now.
    pub fn k(&self) -> Option<u32> {
        self.released.as_ref().map(|released| released.k)
    }

    /// The most rows on a page.
    pub fn page_limit(&self) -> u32 {
        self.page_limit
    }
}

impl ReleasedRecords {
    /// None where the grant's rows are read when asked.
    fn of(
        permit: &Permit<'_>,
        grant: &RecordsGrant,
        request: &RecordsRequest,
    ) -> Result<Option<Self>, PlanError> {
        let Some(anonymous) = &grant.anonymous else {
            return Ok(None);
        };
        let standing = permit.standing();
        let catalogue = &permit.policies().catalogue;
        let population = catalogue.population(&anonymous.population);
        let calendar = population.and_then(|population| population.calendar(&anonymous.epochs));
        let digest = standing.purpose.records_digest(catalogue, &anonymous.population);
        let mut only = Vec::new();
        for (field, text) in grant.only.iter().chain(&request.only) {
            only.push((field.clone(), value(permit, field, text)?));
        }
        Ok(Some(Self {
            population: anonymous.population.clone(),
            purpose: permit.purpose().clone(),
            manifest: standing.manifest_digest,
            digest: digest.ok_or(PlanError::Scope)?,
            epoch: request.at.map_or(EpochChoice::Latest, EpochChoice::On),
            calendar: calendar.ok_or(PlanError::Scope)?.clone(),
            dataset: grant.dataset.clone(),
            only,
            k: anonymous.k.k(),
        }))
    }

    /// The population.
    pub fn population(&self) -> &Name {
        &self.population
    }

    /// The purpose, which must have been active when the epoch closed.
    pub fn purpose(&self) -> &Name {
        &self.purpose
    }

    /// The digest of the purpose's manifest.
    pub fn manifest(&self) -> &[u8; 32] {
        &self.manifest
    }

    /// The digest of which records the purpose shows.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The epoch asked.
    pub fn epoch(&self) -> EpochChoice {
        self.epoch
    }

    /// Whether the grant has rows of this date.
    pub fn has_epoch(&self, date: Date) -> bool {
        self.calendar.is_epoch(date)
    }

    /// The base dataset: pupils who have a row in it.
    pub fn dataset(&self) -> &Name {
        &self.dataset
    }

    /// The grant's own filters and the question's.
    pub fn only(&self) -> &[(FieldName, Value)] {
        &self.only
    }
}

/// Where a field stands: its part, and its place in that part.
fn place(
    permit: &Permit<'_>,
    grant: &RecordsGrant,
    parts: &mut Vec<Part>,
    field: &FieldName,
) -> (usize, usize) {
    let index = part_of(permit, grant, parts, &field.dataset);
    let Some(part) = parts.get_mut(index) else {
        return (index, 0);
    };
    let known = part.fields.iter().position(|name| *name == field.field);
    let position = known.unwrap_or_else(|| {
        part.fields.push(field.field.clone());
        part.fields.len() - 1
    });
    (index, position)
}

/// A filter that cannot be evaluated would select too much: no plan.
fn filter(
    permit: &Permit<'_>,
    grant: &RecordsGrant,
    parts: &mut Vec<Part>,
    field: &FieldName,
    text: &str,
) -> Result<(), PlanError> {
    let value = value(permit, field, text)?;
    let index = part_of(permit, grant, parts, &field.dataset);
    let part = parts.get_mut(index).ok_or(PlanError::Filter)?;
    part.only.push((field.field.clone(), value));
    Ok(())
}

/// The part of a dataset, made where it is not there yet.
fn part_of(permit: &Permit<'_>, grant: &RecordsGrant, parts: &mut Vec<Part>, dataset: &Name) -> usize {
    let known = parts.iter().position(|part| part.dataset == *dataset);
    known.unwrap_or_else(|| {
        parts.push(part(permit, grant, dataset));
        parts.len() - 1
    })
}

fn part(permit: &Permit<'_>, grant: &RecordsGrant, dataset: &Name) -> Part {
    Part {
        dataset: dataset.clone(),
        fields: Vec::new(),
        only: Vec::new(),
        holders: scope::holders(permit, &grant.holders, grant.scope, dataset),
    }
}
