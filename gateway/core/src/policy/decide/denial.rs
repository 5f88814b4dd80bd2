//! Why a request is denied, and what of the caller's own grants would have allowed it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalogue::{FieldName, Name};
use crate::purpose::{FieldGrant, Grant};

use super::nearest::{LATEST, NearestQuestion};
use super::{Permit, Right};

/// The stable code of a denial; part of the API and the log.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DenialCode {
    /// A restriction is to be against a purpose that does not exist.
    AgainstUnknown,
    /// A person's data is asked without a case or reason.
    CaseMissing,
    /// The dimension is not granted, or not at this level.
    DimensionNotGranted,
    /// The field is not granted.
    FieldNotGranted,
    /// A named question is filtered more finely than it groups; who composes a question gets an input error.
    FilterFinerThanGrouped,
    /// The filter is not granted, or contradicts the grant's own.
    FilterNotGranted,
    /// No grant gives this caller this form.
    FormNotGranted,
    /// A pupil may not be named by this kind of identifier.
    IdentifierNotGranted,
    /// The vendor has no valid mandate of this board for this dataset.
    MandateMissing,
    /// The measure is not granted.
    MeasureNotGranted,
    /// Something by which the grant limits cannot be evaluated.
    NotEvaluable,
    /// The purpose does not exist, or not for this caller.
    NoSuchPurpose,
    /// The purpose names no such question.
    NoSuchQuestion,
    /// The access token was issued before the purpose was, or for another version of it.
    NotInToken,
    /// An approval is missing or has run out.
    PurposeAsleep,
    /// The day is outside the purpose's validity.
    PurposeExpired,
    /// The page is larger than granted.
    PageTooLarge,
    /// The reason is not one that the grant names.
    ReasonNotGranted,
    /// Fewer persons release the request than must.
    SecondPersonMissing,
    /// The grant is for one site at a time, and none is named.
    SiteMissing,
    /// A person's data is asked without saying for whom.
    StaffMissing,
    /// The person is only stated, and the grant wants proof.
    StaffNotProved,
    /// More dimensions are crossed than granted.
    TooManyDimensions,
    /// More pseudonyms are named than a day allows.
    TooManyPseudonyms,
}

impl DenialCode {
    /// The code in the API, in kebab-case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgainstUnknown => "against-unknown",
            Self::CaseMissing => "case-missing",
            Self::DimensionNotGranted => "dimension-not-granted",
            Self::FieldNotGranted => "field-not-granted",
            Self::FilterFinerThanGrouped => "filter-finer-than-grouped",
            Self::FilterNotGranted => "filter-not-granted",
            Self::FormNotGranted => "form-not-granted",
            Self::IdentifierNotGranted => "identifier-not-granted",
            Self::MandateMissing => "mandate-missing",
            Self::MeasureNotGranted => "measure-not-granted",
            Self::NotEvaluable => "constraint-not-evaluated",
            Self::NoSuchPurpose => "no-such-purpose",
            Self::NoSuchQuestion => "no-such-question",
            Self::NotInToken => "not-in-token",
            Self::PageTooLarge => "page-too-large",
            Self::PurposeAsleep => "purpose-asleep",
            Self::PurposeExpired => "purpose-expired",
            Self::ReasonNotGranted => "reason-not-granted",
            Self::SecondPersonMissing => "second-person-missing",
            Self::SiteMissing => "site-missing",
            Self::StaffMissing => "staff-missing",
            Self::StaffNotProved => "staff-not-proved",
            Self::TooManyDimensions => "too-many-dimensions",
            Self::TooManyPseudonyms => "too-many-pseudonyms",
        }
    }
}

/// A denial with its reasons.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The stable code.
    pub code: DenialCode,
    /// The purpose, where the caller may know it.
    pub purpose: Option<Name>,
    /// The clause that decided, such as `youth-atlas/grant/0`.
    pub clause: Option<String>,
    /// Catalogue names that were asked and not granted; never a value.
    pub subjects: Vec<String>,
    /// What the caller's grant would have allowed.
    pub allowed: Option<Box<Allowed>>,
    /// The nearest question of figures that the grant allows, until it is known which grant that is.
    nearest: Option<Box<NearestQuestion>>,
}

/// What a grant allows, as its recipient may know it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowed {
    /// The form of the grant.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub form: &'static str,
    /// Where no grant has the form that was asked: the forms that the purpose gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<&'static str>,
    /// Fields of records or facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The coarser form in which some of them are given, such as `"absence.since": "month"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub coarser: BTreeMap<String, String>,
    /// Whether "is there a row" may be asked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exists: bool,
    /// Kinds of identifier by which a pupil may be named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<&'static str>,
    /// Dimensions that may be grouped by, each with its finest level.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// Dimensions or fields that may be filtered on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filter_by: Vec<String>,
    /// Measures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<String>,
    /// How many dimensions may be crossed besides one of geography.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_dimensions: Option<u8>,
    /// About which pupils.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<&'static str>,
    /// Rows a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_max: Option<u32>,
    /// Reasons for which a pupil may be asked after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Persons who must release a request together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persons: Option<u32>,
    /// Pseudonyms a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// The question of figures that comes nearest to what was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestQuestion>,
}

impl Denial {
    /// A denial for this reason.
    pub fn new(code: DenialCode) -> Self {
        Self {
            code,
            purpose: None,
            clause: None,
            subjects: Vec::new(),
            allowed: None,
            nearest: None,
        }
    }

    pub(super) fn about(mut self, subject: &impl ToString) -> Self {
        self.subjects.push(subject.to_string());
        self
    }

    pub(super) fn of(mut self, purpose: &Name) -> Self {
        self.purpose.get_or_insert_with(|| purpose.clone());
        self
    }

    pub(super) fn at(mut self, clause: String) -> Self {
        self.clause.get_or_insert(clause);
        self
    }

    /// Adds what the grant allows, without what its holders withhold.
    pub(super) fn within(mut self, grant: &Grant, withheld: &[&FieldName]) -> Self {
        let nearest = self.nearest.take().map(|nearest| *nearest);
        self.allowed
            .get_or_insert_with(|| Box::new(Allowed::of(grant).near(nearest).without(withheld)));
        self
    }

    /// Adds the nearest question that is allowed.
    pub(super) fn nearing(mut self, nearest: NearestQuestion) -> Self {
        self.nearest = Some(Box::new(nearest));
        self
    }

    /// Adds the forms that the purpose gives.
    pub(super) fn offering(mut self, forms: Vec<&'static str>) -> Self {
        self.allowed.get_or_insert_with(|| {
            Box::new(Allowed {
                forms,
                ..Allowed::default()
            })
        });
        self
    }
}

impl Allowed {
    /// What this grant allows.
    pub fn of(grant: &Grant) -> Self {
        let common = Self {
            form: grant.form(),
            scope: grant.scope().map(crate::purpose::Scope::name),
            ..Self::default()
        };
        match grant {
            Grant::Delivery(_) => common,
            Grant::Facts(grant) => Self {
                fields: texts(grant.fields.iter().map(|granted| &granted.field)),
                coarser: coarser(&grant.fields),
                exists: grant.exists,
                identifiers: grant.identifiers.iter().map(|kind| kind.as_str()).collect(),
                ..common
            },
            Grant::Figures(grant) => Self {
                group_by: texts(&grant.group_by),
                filter_by: texts(&grant.filter_by),
                measures: texts(grant.measures.iter().map(crate::purpose::Measure::name)),
                max_dimensions: Some(grant.max_dimensions),
                ..common
            },
            Grant::Records(grant) => Self {
                fields: std::iter::once("pseudonym".to_owned())
                    .chain(texts(grant.fields.iter().map(|granted| &granted.field)))
                    .collect(),
                coarser: coarser(&grant.fields),
                filter_by: texts(&grant.filter_by),
                page_max: Some(grant.page_max),
                ..common
            },
            Grant::Resolve(grant) => Self {
                reasons: texts(&grant.reasons),
                persons: Some(grant.persons),
                per_day: Some(grant.per_day),
                ..common
            },
            Grant::Restrict(grant) => Self {
                identifiers: grant.identifiers.iter().map(|kind| kind.as_str()).collect(),
                ..common
            },
            Grant::Search(grant) => Self {
                identifiers: grant.identifiers.iter().map(|kind| kind.as_str()).collect(),
                reasons: texts(&grant.reasons),
                persons: Some(grant.persons),
                per_day: Some(grant.per_day),
                ..common
            },
            Grant::Translate(grant) => Self {
                per_day: Some(grant.per_day),
                ..common
            },
        }
    }

    /// What a permit for figures allows, and its own question as the nearest one.
    pub fn around(permit: &Permit<'_>) -> Option<Box<Self>> {
        let Right::Figures(grant, question) = permit.right() else {
            return None;
        };
        let nearest = NearestQuestion::of(&permit.policies().catalogue, question);
        let grant = Grant::Figures((*grant).clone());
        Some(Box::new(Self::of(&grant).near(Some(nearest))))
    }

    /// The same for the latest epoch, where a permit is for another one.
    pub fn of_latest(permit: &Permit<'_>) -> Option<Box<Self>> {
        let mut allowed = Self::around(permit)?;
        let nearest = allowed.nearest.as_mut()?;
        let is_other = nearest.epoch != LATEST;
        LATEST.clone_into(&mut nearest.epoch);
        is_other.then_some(allowed)
    }

    fn near(mut self, nearest: Option<NearestQuestion>) -> Self {
        self.nearest = nearest;
        self
    }

    fn without(mut self, withheld: &[&FieldName]) -> Self {
        let names: Vec<String> = texts(withheld);
        let kept = |text: &String| {
            let field = text.split_once('@').map_or(text.as_str(), |(field, _)| field);
            !names.iter().any(|name| name == field)
        };
        self.fields.retain(kept);
        self.group_by.retain(kept);
        self.filter_by.retain(kept);
        self.coarser.retain(|name, _| kept(name));
        self.nearest = self.nearest.filter(|nearest| {
            let named = nearest.group_by.iter().chain(nearest.only.keys());
            named.into_iter().all(kept)
        });
        self
    }
}

fn coarser(fields: &[FieldGrant]) -> BTreeMap<String, String> {
    let named = |grant: &FieldGrant| Some((grant.field.to_string(), grant.generalise.as_ref()?.name()));
    fields.iter().filter_map(named).collect()
}

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}
