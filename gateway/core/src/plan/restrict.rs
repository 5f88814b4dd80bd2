//! Which named pupils a board may restrict or free: its own.

use jiff::civil::Date;

use crate::catalogue::Name;
use crate::party::Oin;
use crate::policy::decide::Permit;
use crate::request::{Objection, RestrictAction, RestrictRequest};

use super::AskedPupil;
use super::scope::PlannedScope;

/// What is entered or lifted for those of the named pupils that are the board's own.
#[derive(Debug)]
pub struct RestrictPlan {
    scope: PlannedScope,
    board: Oin,
    action: RestrictAction,
    kind: Objection,
    against: Option<Name>,
    from: Date,
    until: Option<Date>,
    pupils: Vec<AskedPupil>,
}

impl RestrictPlan {
    pub(super) fn minimal(permit: &Permit<'_>, request: &RestrictRequest, pupils: Vec<AskedPupil>) -> Self {
        Self {
            scope: PlannedScope::own_school(permit, None),
            board: permit.principal().clone(),
            action: request.action,
            kind: request.kind,
            against: request.against.clone(),
            from: request.from.unwrap_or(permit.day()),
            until: request.until,
            pupils,
        }
    }

    /// The board whose own pupils they must be.
    pub fn board(&self) -> &Oin {
        &self.board
    }

    /// The pupils that may be meant: the board's own.
    pub fn scope(&self) -> &PlannedScope {
        &self.scope
    }

    /// Whether it is entered or lifted.
    pub fn action(&self) -> RestrictAction {
        self.action
    }

    /// By which right.
    pub fn kind(&self) -> Objection {
        self.kind
    }

    /// The purpose that leaves the pupils out; none: every purpose.
    pub fn against(&self) -> Option<&Name> {
        self.against.as_ref()
    }

    /// The first day.
    pub fn from(&self) -> Date {
        self.from
    }

    /// The first day on which it no longer holds.
    pub fn until(&self) -> Option<Date> {
        self.until
    }

    /// The pupils that the caller named.
    pub fn pupils(&self) -> &[AskedPupil] {
        &self.pupils
    }
}
