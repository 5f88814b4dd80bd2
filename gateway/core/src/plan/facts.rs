//! Which fields of which named pupils answer a request for facts.

use jiff::civil::Date;

use crate::catalogue::{FieldName, Name};
use crate::party::Oin;
use crate::policy::decide::Permit;
use crate::pseudonym::SubjectId;
use crate::purpose::{FactsGrant, Generalise, Holders, Scope};
use crate::request::FactsRequest;

/// Rows to read about pupils that the caller named, within its scope.
#[derive(Debug)]
pub struct FactsPlan {
    dataset: Name,
    fields: Vec<(FieldName, Option<Generalise>)>,
    exists: bool,
    scope: Scope,
    board: Oin,
    holders: Option<Vec<Oin>>,
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
        request: &FactsRequest,
        pupils: Vec<AskedPupil>,
    ) -> Self {
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
        let organisations = &permit.policies().organisations;
        let holders = match &grant.holders {
            Holders::All => None,
            Holders::Listed(slugs) => Some(
                slugs
                    .iter()
                    .filter_map(|slug| organisations.by_slug(slug).map(|holder| holder.oin.clone()))
                    .collect(),
            ),
        };
        Self {
            dataset: grant.dataset.clone(),
            fields,
            exists: request.exists,
            scope: grant.scope,
            board: permit.principal().clone(),
            holders,
            at: permit.day(),
            pupils,
        }
    }

    /// The pupils that the caller named.
    pub fn pupils(&self) -> &[AskedPupil] {
        &self.pupils
    }

    /// The dataset whose rows answer.
    pub fn dataset(&self) -> &Name {
        &self.dataset
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
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The board in whose name it is asked.
    pub fn board(&self) -> &Oin {
        &self.board
    }

    /// Whose rows; none for all.
    pub fn holders(&self) -> Option<&[Oin]> {
        self.holders.as_deref()
    }

    /// The date as of which rows are read.
    pub fn at(&self) -> Date {
        self.at
    }
}
