//! Pupils that the caller named by pseudonyms: their holder is asked who they are, or they are translated for another.

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::catalogue::Name;
use crate::party::Oin;
use crate::policy::decide::Permit;
use crate::purpose::{Holders, KeyPeriod, ResolveGrant, Scope, TranslateGrant};
use crate::request::ResolveRequest;
use crate::scope::SiteBoards;

use super::scope::{self, LeftOut};
use super::{AskedPupil, PlanError};

/// Rows by which it is known who holds the named pupils.
#[derive(Debug)]
pub struct MeantPlan {
    pupils: Vec<AskedPupil>,
    dataset: Name,
    holders: Option<Vec<Oin>>,
    left_out: LeftOut,
    boards: SiteBoards,
    at: Date,
    aim: Aim,
}

/// What becomes of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Aim {
    /// Their holder is asked.
    Resolve {
        /// Why.
        reason: Name,
        /// The purpose, where the holder may know it.
        purpose: Option<Name>,
        /// Whether the holder may know the case.
        shows_case: bool,
        /// The day at whose beginning (UTC) it closes; until then it is pending, whatever happens.
        closes: Date,
    },
    /// Another gets its own pseudonyms of them.
    Translate {
        /// Who.
        to: Oin,
        /// Under which purpose.
        purpose: Name,
        /// How long its pseudonyms last.
        period: KeyPeriod,
        /// Whether each dataset has its own.
        by_dataset: bool,
    },
}

impl MeantPlan {
    pub(super) fn resolve(
        permit: &Permit<'_>,
        grant: &ResolveGrant,
        request: &ResolveRequest,
        pupils: Vec<AskedPupil>,
    ) -> Self {
        // A full day more, so that who asks in the evening gives the holder the days that the purpose says.
        let closes = permit
            .day()
            .saturating_add(i64::from(grant.deadline_days).saturating_add(1).days());
        let aim = Aim::Resolve {
            reason: request.reason.clone(),
            purpose: grant.shows_purpose.then(|| permit.purpose().clone()),
            shows_case: grant.shows_case,
            closes,
        };
        Self::new(
            permit,
            (&grant.holders, &grant.dataset),
            &[&grant.of],
            pupils,
            aim,
        )
    }

    pub(super) fn translate(
        permit: &Permit<'_>,
        grant: &TranslateGrant,
        pupils: Vec<AskedPupil>,
    ) -> Result<Self, PlanError> {
        let policies = permit.policies();
        let to = policies
            .organisations
            .by_slug(&grant.to)
            .ok_or(PlanError::Scope)?;
        let target = policies.purposes.get(&grant.to_purpose).ok_or(PlanError::Scope)?;
        let lasting = target.purpose.pseudonyms_last(to, &grant.dataset);
        let (period, by_dataset) = lasting.ok_or(PlanError::Scope)?;
        let aim = Aim::Translate {
            to: to.oin.clone(),
            purpose: grant.to_purpose.clone(),
            period,
            by_dataset,
        };
        let of = [&grant.from, &grant.to_purpose];
        Ok(Self::new(
            permit,
            (&grant.holders, &grant.dataset),
            &of,
            pupils,
            aim,
        ))
    }

    fn new(
        permit: &Permit<'_>,
        (holders, dataset): (&Holders, &Name),
        of: &[&Name],
        pupils: Vec<AskedPupil>,
        aim: Aim,
    ) -> Self {
        let mut left_out = LeftOut::by(permit);
        left_out.purposes.extend(of.iter().copied().cloned());
        Self {
            holders: scope::holders(permit, holders, Scope::Everything, dataset),
            dataset: dataset.clone(),
            boards: SiteBoards::of(&permit.policies().catalogue, &permit.policies().organisations),
            left_out,
            at: permit.day(),
            pupils,
            aim,
        }
    }

    /// The pupils, each with the pseudonym that it was named by as its mark.
    pub fn pupils(&self) -> &[AskedPupil] {
        &self.pupils
    }

    /// The dataset whose rows say who holds them.
    pub fn dataset(&self) -> &Name {
        &self.dataset
    }

    /// Whose rows are read; none for all.
    pub fn holders(&self) -> Option<&[Oin]> {
        self.holders.as_deref()
    }

    /// Whose rows are left out: those pupils are nobody's.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Which board runs which site.
    pub fn boards(&self) -> &SiteBoards {
        &self.boards
    }

    /// The date as of which rows are read.
    pub fn at(&self) -> Date {
        self.at
    }

    /// What becomes of them.
    pub fn aim(&self) -> &Aim {
        &self.aim
    }
}
