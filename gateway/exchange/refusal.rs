//! Why a request is refused; what the client reads of it is made in `http/problem.rs`.

use doelpoort_core::plan::PlanError;
use doelpoort_core::policy::decide::Denial;
use doelpoort_core::protect::RenderError;
use doelpoort_core::request::InputError;

use crate::identity::StaffRefused;
use crate::limit::Limited;
use crate::log::LogError;
use crate::source::SourceError;
use crate::store::StoreError;

/// A refusal. Each has a stable code in the log.
#[derive(Debug)]
pub enum Refusal {
    /// The cursor is not for this request, or has expired.
    Cursor,
    /// The policies do not grant it.
    Denied(Denial),
    /// Something of ours failed.
    Internal,
    /// The input is not valid.
    Invalid(Vec<InputError>),
    /// Too many requests.
    Limited(Limited),
    /// The log cannot be written: no answer.
    Log,
    /// No such epoch was released under the purpose.
    NoSuchEpoch,
    /// Other policies are in force than this replica has.
    NotInForce,
    /// The policies changed between the decision and its record.
    PolicyChanged,
    /// The program does not have the role for this.
    Role,
    /// The rows cannot be read now.
    Source,
    /// The staff assertion proves nobody.
    Staff,
    /// The question spans more cells than one answer may hold.
    TooManyCells,
    /// The scope holds more rows than one request may span.
    TooManyRows,
}

/// The codes of refusals that are no decision of the policies: what was asked was refused before it was decided, or
/// failed after.
pub const NOT_DECISIONS: [&str; 13] = [
    "cursor-not-valid",
    "internal-error",
    "invalid-input",
    "invalid-staff-assertion",
    "log-unavailable",
    "no-such-epoch",
    "policies-not-in-force",
    "policy-changed",
    "rate-limited",
    "role-missing",
    "source-unavailable",
    "too-many-cells",
    "too-many-rows",
];

impl Refusal {
    /// The decision code in the log.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Cursor => "cursor-not-valid",
            Self::Denied(denial) => denial.code.as_str(),
            Self::Internal => "internal-error",
            Self::Invalid(_) => "invalid-input",
            Self::Limited(_) => "rate-limited",
            Self::Log => "log-unavailable",
            Self::NoSuchEpoch => "no-such-epoch",
            Self::NotInForce => "policies-not-in-force",
            Self::PolicyChanged => "policy-changed",
            Self::Role => "role-missing",
            Self::Source => "source-unavailable",
            Self::Staff => "invalid-staff-assertion",
            Self::TooManyCells => "too-many-cells",
            Self::TooManyRows => "too-many-rows",
        }
    }

    /// The clause that decided, if a policy did.
    pub(crate) fn clause(&self) -> Option<&str> {
        match self {
            Self::Denied(denial) => denial.clause.as_deref(),
            _ => None,
        }
    }
}

impl From<Vec<InputError>> for Refusal {
    fn from(errors: Vec<InputError>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

impl From<StaffRefused> for Refusal {
    fn from(refused: StaffRefused) -> Self {
        tracing::info!(reason = refused.0.code(), "staff assertion refused");
        Self::Staff
    }
}

impl From<PlanError> for Refusal {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Filter | PlanError::OtherForm | PlanError::Scope => Self::Internal,
            PlanError::TooManyCells => Self::TooManyCells,
        }
    }
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::NoSuchEpoch => Self::NoSuchEpoch,
            SourceError::TooManyRows => Self::TooManyRows,
            SourceError::NotInCatalogue(_) => {
                tracing::error!(%error, "a plan does not fit the catalogue");
                Self::Internal
            }
            SourceError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::Source
    }
}

impl From<RenderError> for Refusal {
    fn from(error: RenderError) -> Self {
        tracing::error!(%error, "an answer could not be rendered");
        Self::Internal
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        match error {
            LogError::PolicyChanged => Self::PolicyChanged,
            error => {
                tracing::error!(%error, "the log refused an entry");
                Self::Log
            }
        }
    }
}
