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
mod records;
#[cfg(test)]
mod tests;

use crate::policy::decide::Permit;
use crate::policy::decide::Right;
use crate::request::Request;

pub use facts::{AskedPupil, FactsPlan};
pub use figures::{CELLS_MAX, Code, FiguresPlan, PlannedRow};
pub use records::{Column, Part, PlannedScope, RecordsPlan};

/// What will be read, and nothing else will.
#[derive(Debug)]
pub enum Plan {
    /// Rows about named pupils.
    Facts(FactsPlan),
    /// Released cells.
    Figures(FiguresPlan),
    /// Rows in a scope.
    Records(RecordsPlan),
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
    /// The permit is for another request.
    #[error("the permit is for another form")]
    OtherForm,
}

impl Plan {
    /// The minimal plan for a permitted request; `pupils` are those that a facts request names, as subjects.
    ///
    /// # Errors
    /// When the answer would be larger than one answer may be, or a filter cannot be evaluated.
    pub fn minimal(
        permit: &Permit<'_>,
        request: &Request,
        pupils: Vec<AskedPupil>,
    ) -> Result<Self, PlanError> {
        match (permit.right(), request) {
            (Right::Facts(grant), Request::Facts(request)) => {
                Ok(Self::Facts(FactsPlan::minimal(permit, grant, request, pupils)))
            }
            (Right::Figures(grant, question), Request::Figures(_)) => {
                FiguresPlan::minimal(permit, grant, question).map(Self::Figures)
            }
            (Right::Records(grant, staff), Request::Records(request)) => {
                RecordsPlan::minimal(permit, grant, staff.as_ref(), request).map(Self::Records)
            }
            _ => Err(PlanError::OtherForm),
        }
    }
}
