//! Which fields of which rows answer a request for records.

use jiff::civil::Date;

use crate::catalogue::{FieldName, Name, Value};
use crate::party::{Oin, Staff};
use crate::policy::Policies;
use crate::policy::decide::Permit;
use crate::purpose::{Generalise, Holders, KeyPeriod, RecordsGrant, Scope};
use crate::request::RecordsRequest;

use super::PlanError;

/// Rows to read: the base dataset's latest row of each pupil in scope, with fields of others joined by pupil.
#[derive(Debug)]
pub struct RecordsPlan {
    parts: Vec<Part>,
    columns: Vec<Column>,
    pseudonym: bool,
    scope: PlannedScope,
    at: Date,
    key_period: KeyPeriod,
    page_limit: u32,
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

/// About which pupils.
#[derive(Clone, Eq, PartialEq)]
pub enum PlannedScope {
    /// Pupils at the sites of this person's caseload, as this controller delivered it.
    Caseload {
        /// Whose caseload.
        controller: Oin,
        /// The person, as the caseload names it.
        staff: String,
        /// The day of the decision: a caseload of the past gives no right, whatever date the rows are asked for.
        on: Date,
    },
    /// All pupils.
    Everything,
    /// Rows that this board holds.
    OwnBoard(Oin),
}

impl std::fmt::Debug for PlannedScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Caseload { .. } => "Caseload(..)",
            Self::Everything => "Everything",
            Self::OwnBoard(_) => "OwnBoard(..)",
        })
    }
}

impl RecordsPlan {
    pub(super) fn minimal(
        permit: &Permit<'_>,
        grant: &RecordsGrant,
        staff: Option<&Staff>,
        request: &RecordsRequest,
    ) -> Result<Self, PlanError> {
        let policies = permit.policies();
        let mut parts = vec![part(policies, grant, &grant.dataset)];
        let mut columns = Vec::with_capacity(request.fields.len());
        for field in &request.fields {
            let generalise = grant
                .fields
                .iter()
                .find(|granted| granted.field == *field)
                .and_then(|g| g.generalise.clone());
            let (part, position) = place(policies, grant, &mut parts, field);
            columns.push(Column {
                field: field.clone(),
                generalise,
                part,
                position,
            });
        }
        for (field, value) in grant.only.iter().chain(&request.only) {
            filter(policies, grant, &mut parts, field, value)?;
        }
        Ok(Self {
            parts,
            columns,
            pseudonym: request.pseudonym,
            scope: scope(permit, grant.scope, staff),
            at: request.at.unwrap_or(permit.day()),
            key_period: grant.key_period,
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

    /// The date as of which rows are read.
    pub fn at(&self) -> Date {
        self.at
    }

    /// How long a pseudonym lasts.
    pub fn key_period(&self) -> KeyPeriod {
        self.key_period
    }

    /// The most rows on a page.
    pub fn page_limit(&self) -> u32 {
        self.page_limit
    }
}

/// A scope that cannot be evaluated selects nobody: an unknown person has an empty caseload.
fn scope(permit: &Permit<'_>, scope: Scope, staff: Option<&Staff>) -> PlannedScope {
    match scope {
        Scope::Caseload => PlannedScope::Caseload {
            controller: permit.principal().clone(),
            staff: staff.map(|staff| staff.subject.clone()).unwrap_or_default(),
            on: permit.day(),
        },
        Scope::Everything => PlannedScope::Everything,
        Scope::OwnBoard | Scope::OwnSchool | Scope::OwnSite => {
            PlannedScope::OwnBoard(permit.principal().clone())
        }
    }
}

/// Where a field stands: its part, and its place in that part.
fn place(
    policies: &Policies,
    grant: &RecordsGrant,
    parts: &mut Vec<Part>,
    field: &FieldName,
) -> (usize, usize) {
    let index = part_of(policies, grant, parts, &field.dataset);
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
    policies: &Policies,
    grant: &RecordsGrant,
    parts: &mut Vec<Part>,
    field: &FieldName,
    text: &str,
) -> Result<(), PlanError> {
    let value = policies.catalogue.value(field, text).ok_or(PlanError::Filter)?;
    let index = part_of(policies, grant, parts, &field.dataset);
    let part = parts.get_mut(index).ok_or(PlanError::Filter)?;
    part.only.push((field.field.clone(), value));
    Ok(())
}

/// The part of a dataset, made where it is not there yet.
fn part_of(policies: &Policies, grant: &RecordsGrant, parts: &mut Vec<Part>, dataset: &Name) -> usize {
    let known = parts.iter().position(|part| part.dataset == *dataset);
    known.unwrap_or_else(|| {
        parts.push(part(policies, grant, dataset));
        parts.len() - 1
    })
}

/// The holder list of a grant is about its base dataset; joined datasets are read from all their holders.
fn part(policies: &Policies, grant: &RecordsGrant, dataset: &Name) -> Part {
    let holders = match &grant.holders {
        Holders::Listed(slugs) if *dataset == grant.dataset => Some(
            slugs
                .iter()
                .filter_map(|slug| {
                    policies
                        .organisations
                        .by_slug(slug)
                        .map(|holder| holder.oin.clone())
                })
                .collect(),
        ),
        Holders::All | Holders::Listed(_) => None,
    };
    Part {
        dataset: dataset.clone(),
        fields: Vec::new(),
        only: Vec::new(),
        holders,
    }
}
