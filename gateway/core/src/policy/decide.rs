//! The decision: pure, total, and with its reasons.
//!
//! A [`Permit`] is the only key to a plan, and only [`decide`] and [`decide_delivery`] make one.

mod denial;
mod facts;
mod figures;
mod records;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::catalogue::Name;
use crate::party::{Caller, Oin, Staff};
use crate::policy::{Dormant, Missing, Policies, Standing};
use crate::purpose::{DeliveryGrant, FactsGrant, FiguresGrant, Grant, Limit, RecordsGrant, StaffRule};
use crate::request::{Form, Request};

pub use denial::{Allowed, Denial, DenialCode};
pub use figures::FiguresQuestion;

/// A right to one question: which purpose, grant and clause allow it, to whom. Only a decision makes one.
///
/// No permit without a decision: its fields are private, so that not even another permit makes one.
///
/// ```compile_fail,E0451
/// use doelpoort_core::policy::{Standing, decide::Permit};
/// fn of_another<'p>(permit: Permit<'p>, standing: &'p Standing) -> Permit<'p> {
///     Permit { standing, ..permit }
/// }
/// ```
///
/// ```
/// use doelpoort_core::policy::{Standing, decide::Permit};
/// fn standing<'p>(permit: &Permit<'p>) -> &'p Standing {
///     permit.standing()
/// }
/// ```
#[derive(Debug)]
pub struct Permit<'p> {
    policies: &'p Policies,
    standing: &'p Standing,
    clause: String,
    recipient: Oin,
    acting_for: Option<Oin>,
    right: Right<'p>,
    day: Date,
}

/// What exactly is permitted.
#[derive(Debug)]
pub(crate) enum Right<'p> {
    Delivery(&'p DeliveryGrant),
    Facts(&'p FactsGrant),
    Figures(&'p FiguresGrant, FiguresQuestion),
    Records(&'p RecordsGrant, Option<Staff>),
}

impl<'p> Permit<'p> {
    /// The policies under which it was decided.
    pub fn policies(&self) -> &'p Policies {
        self.policies
    }

    /// The purpose and its standing.
    pub fn standing(&self) -> &'p Standing {
        self.standing
    }

    /// The purpose's id.
    pub fn purpose(&self) -> &'p Name {
        &self.standing.purpose.id
    }

    /// The determining clause, such as `youth-atlas/grant/0`.
    pub fn clause(&self) -> &str {
        &self.clause
    }

    /// The organisation that receives.
    pub fn recipient(&self) -> &Oin {
        &self.recipient
    }

    /// For whom the recipient acts, where a mandate is used.
    pub fn acting_for(&self) -> Option<&Oin> {
        self.acting_for.as_ref()
    }

    /// The organisation in whose name the question is asked or the rows are delivered.
    pub fn principal(&self) -> &Oin {
        self.acting_for.as_ref().unwrap_or(&self.recipient)
    }

    /// The day of the decision.
    pub fn day(&self) -> Date {
        self.day
    }

    /// The form of the answer.
    pub fn form(&self) -> Form {
        match &self.right {
            Right::Delivery(_) => Form::Delivery,
            Right::Facts(_) => Form::Facts,
            Right::Figures(..) => Form::Figures,
            Right::Records(..) => Form::Records,
        }
    }

    /// The base dataset of the grant.
    pub fn dataset(&self) -> &'p Name {
        match &self.right {
            Right::Delivery(grant) => &grant.dataset,
            Right::Facts(grant) => &grant.dataset,
            Right::Figures(grant, _) => &grant.dataset,
            Right::Records(grant, _) => &grant.dataset,
        }
    }

    /// How often the grant may be used.
    pub fn limit(&self) -> Limit {
        match &self.right {
            Right::Delivery(grant) => grant.limit,
            Right::Facts(grant) => grant.limit,
            Right::Figures(grant, _) => grant.limit,
            Right::Records(grant, _) => grant.limit,
        }
    }

    pub(crate) fn right(&self) -> &Right<'p> {
        &self.right
    }
}

/// Decides one request. Total: every request gets a permit or a denial with its reason.
///
/// # Errors
/// The denial: one stable code, the clause, and what the caller's own grants would have allowed.
pub fn decide<'p>(
    policies: &'p Policies,
    caller: &Caller,
    staff: Option<&Staff>,
    request: &Request,
    now: Timestamp,
) -> Result<Permit<'p>, Denial> {
    let asking = Asking::new(policies, caller, request.acting_for(), request.purpose(), now)?;
    asking.first_granted(request.form(), |grant| match (grant, request) {
        (Grant::Facts(grant), Request::Facts(request)) => facts::check(grant, request)
            .and_then(|()| staff_rule(grant.staff, staff))
            .map(|()| Right::Facts(grant)),
        (Grant::Figures(grant), Request::Figures(request)) => figures::check(
            policies,
            &asking.standing.purpose,
            asking.position(grant),
            grant,
            request,
        )
        .map(|question| Right::Figures(grant, question)),
        (Grant::Records(grant), Request::Records(request)) => {
            records::check(&policies.catalogue, grant, request)
                .and_then(|()| staff_rule(grant.staff, staff))
                .map(|()| Right::Records(grant, staff.cloned()))
        }
        _ => Err(Denial::new(DenialCode::FormNotGranted)),
    })
}

/// Decides one delivery of a dataset's rows for a holder.
///
/// # Errors
/// The denial, as for [`decide`].
pub fn decide_delivery<'p>(
    policies: &'p Policies,
    caller: &Caller,
    dataset: &Name,
    holder: &Oin,
    now: Timestamp,
) -> Result<Permit<'p>, Denial> {
    let purpose = format!("delivery-{dataset}")
        .parse::<Name>()
        .map_err(|_| Denial::new(DenialCode::NoSuchPurpose))?;
    let asking = Asking::new(policies, caller, Some(holder), &purpose, now)?;
    asking.first_granted(Form::Delivery, |grant| match grant {
        Grant::Delivery(grant) if grant.dataset == *dataset => Ok(Right::Delivery(grant)),
        _ => Err(Denial::new(DenialCode::FormNotGranted)),
    })
}

/// The civil day of a decision in the Netherlands' legal calendar, taken as UTC so that it needs no zone table.
pub fn civil_day(now: Timestamp) -> Date {
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// A caller at the door of one purpose that acts.
struct Asking<'p, 'c> {
    policies: &'p Policies,
    standing: &'p Standing,
    caller: &'c Caller,
    principal: Oin,
    acting_for: Option<Oin>,
    now: Timestamp,
    day: Date,
}

impl<'p, 'c> Asking<'p, 'c> {
    fn new(
        policies: &'p Policies,
        caller: &'c Caller,
        acting_for: Option<&Oin>,
        purpose: &Name,
        now: Timestamp,
    ) -> Result<Self, Denial> {
        let day = civil_day(now);
        // Who names itself acts for nobody else.
        let acting_for = acting_for.filter(|board| **board != caller.organisation);
        let principal = acting_for.unwrap_or(&caller.organisation).clone();
        let known = policies
            .purposes
            .get(purpose)
            .ok_or_else(|| Denial::new(DenialCode::NoSuchPurpose))?;
        let asking = Self {
            policies,
            standing: known,
            caller,
            principal,
            acting_for: acting_for.cloned(),
            now,
            day,
        };
        if !known.purpose.grants.iter().any(|grant| asking.receives(grant)) {
            // What the caller may not know looks like what is not there.
            return Err(Denial::new(DenialCode::NoSuchPurpose));
        }
        asking.acts(now).map_err(|denial| denial.of(purpose))?;
        Ok(asking)
    }

    fn acts(&self, now: Timestamp) -> Result<(), Denial> {
        if self
            .acting_for
            .as_ref()
            .is_some_and(|board| !self.caller.acting_for.contains(board))
        {
            return Err(Denial::new(DenialCode::MandateMissing));
        }
        match self.standing.acts(now) {
            Ok(()) => {}
            Err(Dormant::Asleep) => return Err(self.asleep(&self.standing.missing(now))),
            Err(Dormant::Expired | Dormant::NotYetValid) => {
                return Err(Denial::new(DenialCode::PurposeExpired));
            }
        }
        let named = self.caller.purposes.iter().any(|purpose| {
            purpose.id == self.standing.purpose.id && purpose.manifest_digest == self.standing.manifest_digest
        });
        if named {
            Ok(())
        } else {
            Err(Denial::new(DenialCode::NotInToken))
        }
    }

    /// The denial that names whose approval is missing, and why.
    fn asleep(&self, missing: &[Missing]) -> Denial {
        let purpose = &self.standing.purpose.id;
        let denial = Denial::new(DenialCode::PurposeAsleep);
        match missing.first() {
            None => denial,
            Some(first) => missing
                .iter()
                .fold(denial.at(first.clause(purpose)), Denial::about),
        }
    }

    /// A grant that sleeps for the rows of somebody it touches does not answer; a delivery touches who delivers.
    fn awake(&self, position: usize, grant: &Grant) -> Result<(), Denial> {
        let mut asleep = self.standing.asleep(position, self.now);
        if matches!(grant, Grant::Delivery(_)) {
            let principal = self.policies.organisations.by_oin(&self.principal);
            asleep.retain(|one| principal.is_some_and(|party| party.slug == one.organisation));
        }
        if asleep.is_empty() {
            Ok(())
        } else {
            Err(self.asleep(&asleep))
        }
    }

    /// Whoever acts for another needs that board's mandate for the dataset, on this day: the token's word is older.
    fn mandated(&self, dataset: &Name) -> Result<(), Denial> {
        let covered = |board: &Oin| {
            self.policies
                .mandate(&self.caller.organisation, board, dataset, self.day)
                .is_some()
        };
        if self.acting_for.as_ref().is_none_or(covered) {
            Ok(())
        } else {
            Err(Denial::new(DenialCode::MandateMissing))
        }
    }

    /// The first grant of this form that allows the request; else the first denial of a grant that came into question.
    fn first_granted(
        &self,
        form: Form,
        check: impl Fn(&'p Grant) -> Result<Right<'p>, Denial>,
    ) -> Result<Permit<'p>, Denial> {
        let mut denial = None;
        for (position, grant) in self.standing.purpose.grants.iter().enumerate() {
            if grant.form() != form.as_str() || !self.receives(grant) {
                continue;
            }
            let clause = format!("{}/grant/{position}", self.standing.purpose.id);
            let allowed = self.mandated(grant.dataset());
            let allowed = allowed.and_then(|()| self.awake(position, grant));
            match allowed.and_then(|()| check(grant)) {
                Ok(right) => return Ok(self.permit(clause, right)),
                Err(denied) => {
                    denial
                        .get_or_insert_with(|| denied.of(&self.standing.purpose.id).at(clause).within(grant));
                }
            }
        }
        Err(denial.unwrap_or_else(|| Denial::new(DenialCode::FormNotGranted).of(&self.standing.purpose.id)))
    }

    fn permit(&self, clause: String, right: Right<'p>) -> Permit<'p> {
        Permit {
            policies: self.policies,
            standing: self.standing,
            clause,
            recipient: self.caller.organisation.clone(),
            acting_for: self.acting_for.clone(),
            right,
            day: self.day,
        }
    }

    fn receives(&self, grant: &Grant) -> bool {
        let principal = self.policies.organisations.by_oin(&self.principal);
        principal.is_some_and(|principal| grant.is_for(principal, &self.caller.roles))
    }

    fn position(&self, grant: &FiguresGrant) -> usize {
        self.standing
            .purpose
            .grants
            .iter()
            .position(|other| matches!(other, Grant::Figures(other) if std::ptr::eq(other, grant)))
            .unwrap_or(usize::MAX)
    }
}

fn staff_rule(rule: StaffRule, staff: Option<&Staff>) -> Result<(), Denial> {
    if rule == StaffRule::None {
        return Ok(());
    }
    let Some(staff) = staff else {
        return Err(Denial::new(DenialCode::StaffMissing));
    };
    if rule == StaffRule::Proved && !staff.proved {
        return Err(Denial::new(DenialCode::StaffNotProved));
    }
    if staff.case.is_none() {
        Err(Denial::new(DenialCode::CaseMissing))
    } else {
        Ok(())
    }
}
