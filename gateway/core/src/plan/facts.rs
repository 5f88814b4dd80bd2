//! Which fields of which named pupils answer a request for facts.

use jiff::civil::Date;

use crate::catalogue::FieldName;
use crate::party::Staff;
use crate::policy::decide::Permit;
use crate::pseudonym::SubjectId;
use crate::purpose::{FactsGrant, Generalise};
use crate::request::FactsRequest;

use super::scope::{self, LeftOut, PlannedScope};
use super::{Part, PlanError, value};

/// Rows to read about pupils that the caller named, within its scope.
#[derive(Debug)]
pub struct FactsPlan {
    part: Part,
    fields: Vec<(FieldName, Option<Generalise>)>,
    exists: bool,
    scope: PlannedScope,
    left_out: LeftOut,
    at: Date,
    pupils: Vec<AskedPupil>,
}

/// One pupil of the request, as the subject it stands for; the identifier itself is gone.
pub struct AskedPupil {
    /// The caller's own mark.
    pub reference: String,
    /// The subject; for an unknown identifier one that nobody has, so that hit and miss are alike in time.
    pub subject: SubjectId,
}

impl std::fmt::Debug for AskedPupil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AskedPupil(..)")
    }
}

impl FactsPlan {
    pub(super) fn minimal(
        permit: &Permit<'_>,
        grant: &FactsGrant,
        staff: Option<&Staff>,
        request: &FactsRequest,
        pupils: Vec<AskedPupil>,
    ) -> Result<Self, PlanError> {
        let fields = request
            .fields
            .iter()
            .map(|field| {
                let granted = grant.fields.iter().find(|granted| granted.field == *field);
                (
                    field.clone(),
                    granted.and_then(|granted| granted.generalise.clone()),
                )
            })
            .collect();
        let mut only = Vec::with_capacity(grant.only.len());
        for (field, text) in &grant.only {
            only.push((field.field.clone(), value(permit, field, text)?));
        }
        Ok(Self {
            part: Part {
                dataset: grant.dataset.clone(),
                fields: request.fields.iter().map(|field| field.field.clone()).collect(),
                only,
                holders: scope::holders(permit, &grant.holders, grant.scope, &grant.dataset),
            },
            fields,
            exists: request.exists,
            scope: scope::planned(permit, grant.scope, staff, request.site.as_deref())?,
            left_out: LeftOut::by(permit),
            at: permit.day(),
            pupils,
        })
    }

    /// The pupils that the caller named.
    pub fn pupils(&self) -> &[AskedPupil] {
        &self.pupils
    }

    /// What is read: the dataset whose rows answer, its fields, filters and holders.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// The fields asked, with their generalisation.
    pub fn fields(&self) -> &[(FieldName, Option<Generalise>)] {
        &self.fields
    }

    /// Whether only existence is asked.
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// About which pupils.
    pub fn scope(&self) -> &PlannedScope {
        &self.scope
    }

    /// Whose rows are left out: to the caller they are unknown.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The date as of which rows are read.
    pub fn at(&self) -> Date {
        self.at
    }
}
