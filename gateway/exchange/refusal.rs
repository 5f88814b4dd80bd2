//! Why a request is refused; what the client reads of it is made in `http/problem.rs`.

use doelpoort_core::plan::PlanError;
use doelpoort_core::policy::decide::{Allowed, Denial, Permit};
use doelpoort_core::protect::RenderError;
use doelpoort_core::request::InputError;

use crate::identity::StaffRefused;
use crate::keys::KeyStoreError;
use crate::limit::Limited;
use crate::log::LogError;
use crate::source::SourceError;
use crate::store::StoreError;

/// A refusal. Each has a stable code in the log.
#[derive(Debug)]
pub enum Refusal {
    /// The recipient asked about as many cells of the epoch as the purpose allows.
    CellsSpent,
    /// The cursor is not for this request, or has expired.
    Cursor,
    /// The policies do not grant it.
    Denied(Denial),
    /// Something of ours failed.
    Internal,
    /// The input is not valid.
    Invalid(Vec<InputError>),
    /// No question of figures; with the nearest one that the caller may ask.
    NoFigures(Vec<InputError>, Box<Allowed>),
    /// Too many requests.
    Limited(Limited),
    /// A key cannot be used now: it is in a hardware module that does not answer.
    Keys,
    /// The log cannot be written: no answer.
    Log,
    /// No such epoch was released under the purpose.
    NoSuchEpoch(Option<Box<Allowed>>),
    /// Nothing of that id is in this holder's inbox.
    NoSuchItem,
    /// Nothing of that id was asked by this recipient.
    NoSuchResolution,
    /// Nothing of that id waits for this recipient.
    NoSuchTranslation,
    /// Private parts are read without a look that was announced.
    NotAnnounced,
    /// Other policies are in force than this replica has.
    NotInForce,
    /// Fewer persons stand for a look at the log than must.
    Persons,
    /// The policies changed between the decision and its record.
    PolicyChanged,
    /// The program does not have the role for this.
    Role,
    /// One of the pseudonyms was sent today before.
    SentToday,
    /// The item was settled before, or its time is over.
    Settled,
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
pub const NOT_DECISIONS: [&str; 20] = [
    "already-settled",
    "cells-spent",
    "cursor-not-valid",
    "internal-error",
    "invalid-input",
    "invalid-staff-assertion",
    "keys-unavailable",
    "log-unavailable",
    "no-such-epoch",
    "no-such-item",
    "no-such-resolution",
    "no-such-translation",
    "policies-not-in-force",
    "policy-changed",
    "rate-limited",
    "role-missing",
    "sent-today",
    "source-unavailable",
    "too-many-cells",
    "too-many-rows",
];

impl Refusal {
    /// The decision code in the log.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::CellsSpent => "cells-spent",
            Self::Cursor => "cursor-not-valid",
            Self::Denied(denial) => denial.code.as_str(),
            Self::Internal => "internal-error",
            Self::Invalid(_) | Self::NoFigures(..) => "invalid-input",
            Self::Limited(_) => "rate-limited",
            Self::Keys => "keys-unavailable",
            Self::Log => "log-unavailable",
            Self::NoSuchEpoch(_) => "no-such-epoch",
            Self::NoSuchItem => "no-such-item",
            Self::NoSuchResolution => "no-such-resolution",
            Self::NoSuchTranslation => "no-such-translation",
            Self::NotAnnounced => "look-not-announced",
            Self::NotInForce => "policies-not-in-force",
            Self::Persons => "second-person-missing",
            Self::PolicyChanged => "policy-changed",
            Self::Role => "role-missing",
            Self::SentToday => "sent-today",
            Self::Settled => "already-settled",
            Self::Source => "source-unavailable",
            Self::Staff => "invalid-staff-assertion",
            Self::TooManyCells => "too-many-cells",
            Self::TooManyRows => "too-many-rows",
        }
    }

    /// A refusal by a source; where there is no such epoch, with the same question of the latest one.
    pub(crate) fn by_source(error: SourceError, permit: &Permit<'_>) -> Self {
        match error {
            SourceError::NoSuchEpoch => Self::NoSuchEpoch(Allowed::of_latest(permit)),
            error => error.into(),
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
            SourceError::NoSuchEpoch => Self::NoSuchEpoch(None),
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

impl From<KeyStoreError> for Refusal {
    fn from(error: KeyStoreError) -> Self {
        tracing::error!(%error, "a key cannot be used");
        Self::Keys
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
