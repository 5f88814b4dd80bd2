//! The least that answers a permitted request: which cells, or which fields of which rows.
//!
//! A plan is made from a [`Permit`] alone; there is no other way to make one.
//!
//! No permit, no query: a denial makes no plan, and a plan has no other maker.
//!
//! ```compile_fail,E0308
//! use doelpoort_core::plan::{Plan, PlanError};
//! use doelpoort_core::policy::decide::Denial;
//! use doelpoort_core::request::Request;
//! fn denied(denial: &Denial, request: &Request) -> Result<Plan, PlanError> {
//!     Plan::minimal(denial, request, Vec::new())
//! }
//! ```
//!
//! ```
//! use doelpoort_core::plan::{Plan, PlanError};
//! use doelpoort_core::policy::decide::Permit;
//! use doelpoort_core::request::Request;
//! fn permitted(permit: &Permit<'_>, request: &Request) -> Result<Plan, PlanError> {
//!     Plan::minimal(permit, request, Vec::new())
//! }
//! ```
//!
//! Nor can what a plan reads be set from outside:
//!
//! ```compile_fail,E0616
//! fn wider(plan: &mut doelpoort_core::plan::RecordsPlan) {
//!     plan.columns.clear();
//! }
//! ```

mod facts;
mod figures;
mod meant;
mod records;
mod restrict;
mod scope;
#[cfg(test)]
mod tests;

use crate::catalogue::{FieldName, Value};
use crate::policy::decide::{Permit, Right};
use crate::request::Request;

pub use facts::{AskedPupil, FactsPlan};
pub use figures::{CELLS_MAX, Code, FigureColumn, FiguresPlan, LiveCount, PlannedFigure, PlannedRow};
pub use meant::{Aim, MeantPlan};
pub use records::{Column, Part, RecordsPlan, ReleasedRecords};
pub use restrict::RestrictPlan;
pub use scope::{LeftOut, PlannedScope};

/// What will be read, and nothing else will.
#[derive(Debug)]
pub enum Plan {
    /// Rows about named pupils.
    Facts(FactsPlan),
    /// Released cells.
    Figures(FiguresPlan),
    /// Who holds the pupils that pseudonyms name.
    Meant(MeantPlan),
    /// Rows in a scope.
    Records(RecordsPlan),
    /// Which of the named pupils are the board's own.
    Restrict(RestrictPlan),
}

/// Why a permitted request has no plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The full cross product of the groups is larger than one answer may be.
    #[error("the question spans more than {CELLS_MAX} cells; group by fewer or coarser dimensions")]
    TooManyCells,
    /// A filter has a value that its field cannot have.
    #[error("a filter cannot be evaluated")]
    Filter,
    /// The person or the site that the scope is about is not named.
    #[error("the scope cannot be evaluated")]
    Scope,
    /// The permit is for another request.
    #[error("the permit is for another form")]
    OtherForm,
}

impl Plan {
    /// The minimal plan for a permitted request; `pupils` are those that it names, as subjects.
    ///
    /// # Errors
    /// When the answer would be larger than one answer may be, or a filter cannot be evaluated.
    pub fn minimal(
        permit: &Permit<'_>,
        request: &Request,
        pupils: Vec<AskedPupil>,
    ) -> Result<Self, PlanError> {
        match (permit.right(), request) {
            (Right::Facts(grant, staff), Request::Facts(request)) => {
                FactsPlan::minimal(permit, grant, staff.as_ref(), request, pupils).map(Self::Facts)
            }
            (Right::Figures(grant, question), Request::Figures(_)) => {
                FiguresPlan::minimal(permit, grant, question).map(Self::Figures)
            }
            (Right::Records(grant, staff), Request::Records(request)) => {
                RecordsPlan::minimal(permit, grant, staff.as_ref(), request).map(Self::Records)
            }
            (Right::Resolve(grant), Request::Resolve(request)) => {
                Ok(Self::Meant(MeantPlan::resolve(permit, grant, request, pupils)))
            }
            (Right::Translate(grant), Request::Translate(_)) => {
                MeantPlan::translate(permit, grant, pupils).map(Self::Meant)
            }
            (Right::Restrict(_), Request::Restrict(request)) => {
                Ok(Self::Restrict(RestrictPlan::minimal(permit, request, pupils)))
            }
            _ => Err(PlanError::OtherForm),
        }
    }
}

/// A filter that cannot be evaluated would select too much: no plan.
fn value(permit: &Permit<'_>, field: &FieldName, text: &str) -> Result<Value, PlanError> {
    permit
        .policies()
        .catalogue
        .value(field, text)
        .ok_or(PlanError::Filter)
}
