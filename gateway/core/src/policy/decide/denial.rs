//! Why a request is denied, and what of the caller's own grants would have allowed it.

use serde::Serialize;

use crate::catalogue::Name;
use crate::purpose::Grant;

/// The stable code of a denial; part of the API and the log.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DenialCode {
    /// A person's data is asked without a case or reason.
    CaseMissing,
    /// The dimension is not granted, or not at this level.
    DimensionNotGranted,
    /// The field is not granted.
    FieldNotGranted,
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
    /// A person's data is asked without saying for whom.
    StaffMissing,
    /// The person is only stated, and the grant wants proof.
    StaffNotProved,
    /// More dimensions are crossed than granted.
    TooManyDimensions,
}

impl DenialCode {
    /// The code in the API, in kebab-case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CaseMissing => "case-missing",
            Self::DimensionNotGranted => "dimension-not-granted",
            Self::FieldNotGranted => "field-not-granted",
            Self::FilterNotGranted => "filter-not-granted",
            Self::FormNotGranted => "form-not-granted",
            Self::IdentifierNotGranted => "identifier-not-granted",
            Self::MandateMissing => "mandate-missing",
            Self::MeasureNotGranted => "measure-not-granted",
            Self::NoSuchPurpose => "no-such-purpose",
            Self::NoSuchQuestion => "no-such-question",
            Self::NotInToken => "not-in-token",
            Self::PageTooLarge => "page-too-large",
            Self::PurposeAsleep => "purpose-asleep",
            Self::PurposeExpired => "purpose-expired",
            Self::StaffMissing => "staff-missing",
            Self::StaffNotProved => "staff-not-proved",
            Self::TooManyDimensions => "too-many-dimensions",
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
}

/// What a grant allows, as its recipient may know it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allowed {
    /// The form of the grant.
    pub form: &'static str,
    /// Fields of records or facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
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

    pub(super) fn within(mut self, grant: &Grant) -> Self {
        self.allowed.get_or_insert_with(|| Box::new(Allowed::of(grant)));
        self
    }
}

impl Allowed {
    /// What this grant allows.
    pub fn of(grant: &Grant) -> Self {
        let form = grant.form();
        match grant {
            Grant::Delivery(_) => Self {
                form,
                ..Self::default()
            },
            Grant::Facts(grant) => Self {
                form,
                fields: texts(grant.fields.iter().map(|f| &f.field)),
                ..Self::default()
            },
            Grant::Figures(grant) => Self {
                form,
                group_by: texts(&grant.group_by),
                filter_by: texts(&grant.filter_by),
                measures: grant
                    .measures
                    .iter()
                    .map(|measure| measure.name().to_owned())
                    .collect(),
                max_dimensions: Some(grant.max_dimensions),
                ..Self::default()
            },
            Grant::Records(grant) => Self {
                form,
                fields: std::iter::once("pseudonym".to_owned())
                    .chain(grant.fields.iter().map(|granted| granted.field.to_string()))
                    .collect(),
                filter_by: texts(&grant.filter_by),
                ..Self::default()
            },
        }
    }
}

fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}
