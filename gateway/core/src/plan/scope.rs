//! Whose rows a plan reads, and about which pupils.

use jiff::civil::Date;

use crate::catalogue::Name;
use crate::party::{Oin, Staff};
use crate::policy::decide::Permit;
use crate::purpose::{Holders, Scope};
use crate::scope::SiteBoards;

use super::PlanError;

/// About which pupils.
#[derive(Clone, Eq, PartialEq)]
pub enum PlannedScope {
    /// Pupils at the sites of this person's caseload, as this controller delivered it.
    Caseload {
        /// Whose caseload.
        controller: Oin,
        /// The person, as the caseload names it.
        staff: String,
        /// The sites of that controller, by the signed register of sites; a caseload gives no others.
        sites: Vec<String>,
        /// The day of the decision: a caseload of the past gives no right, whatever date the rows are asked for.
        on: Date,
    },
    /// All pupils.
    Everything,
    /// Rows that this board holds.
    OwnBoard(Oin),
    /// Pupils whose enrolment at this board is confirmed and undisputed today.
    OwnSchool {
        /// The board.
        board: Oin,
        /// At this site; none: at any site of the board.
        site: Option<String>,
        /// Whose sites are whose.
        boards: SiteBoards,
    },
}

impl PlannedScope {
    /// Pupils of the acting board of a permit.
    pub(super) fn own_school(permit: &Permit<'_>, site: Option<String>) -> Self {
        let policies = permit.policies();
        Self::OwnSchool {
            board: permit.principal().clone(),
            site,
            boards: SiteBoards::of(&policies.catalogue, &policies.organisations),
        }
    }
}

impl std::fmt::Debug for PlannedScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Caseload { .. } => "Caseload(..)",
            Self::Everything => "Everything",
            Self::OwnBoard(_) => "OwnBoard(..)",
            Self::OwnSchool { .. } => "OwnSchool(..)",
        })
    }
}

/// Whose rows are left out: pupils with a restriction or objection (AVG 18, 21) that holds on a day.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    /// Against one of these purposes, or against all.
    pub purposes: Vec<Name>,
    /// On this day.
    pub on: Date,
}

impl LeftOut {
    /// What the purpose of a permit leaves out today.
    pub(super) fn by(permit: &Permit<'_>) -> Self {
        Self {
            purposes: vec![permit.purpose().clone()],
            on: permit.day(),
        }
    }
}

/// The scope of a grant for one caller and person. One that needs a person or a site has no plan without.
pub(super) fn planned(
    permit: &Permit<'_>,
    scope: Scope,
    staff: Option<&Staff>,
    site: Option<&str>,
) -> Result<PlannedScope, PlanError> {
    let board = permit.principal().clone();
    let policies = permit.policies();
    Ok(match scope {
        Scope::Caseload => PlannedScope::Caseload {
            sites: policies.partnerships.of(&board, &policies.organisations),
            controller: board,
            staff: staff.ok_or(PlanError::Scope)?.subject.clone(),
            on: permit.day(),
        },
        Scope::Everything => PlannedScope::Everything,
        Scope::OwnBoard => PlannedScope::OwnBoard(board),
        Scope::OwnSchool => PlannedScope::own_school(permit, None),
        Scope::OwnSite => PlannedScope::own_school(permit, Some(site.ok_or(PlanError::Scope)?.to_owned())),
    })
}

/// Whose rows of a dataset are read; none for all. A list of holders limits the datasets of its own kind, whether base
/// or joined; who sleeps is left out; own rows are those of the asking board alone.
pub(super) fn holders(
    permit: &Permit<'_>,
    granted: &Holders,
    scope: Scope,
    dataset: &Name,
) -> Option<Vec<Oin>> {
    let policies = permit.policies();
    let awake = |oin: &Oin| !permit.asleep().contains(oin);
    if scope == Scope::OwnBoard {
        return Some([permit.principal().clone()].into_iter().filter(awake).collect());
    }
    if *granted == Holders::All && permit.asleep().is_empty() {
        return None;
    }
    let kind = policies.catalogue.dataset(dataset)?.holder_kind;
    let holders = policies.organisations.of_kind(kind);
    let admitted = holders.filter(|holder| granted.admits(holder, &policies.organisations));
    Some(admitted.map(|holder| holder.oin.clone()).filter(awake).collect())
}
