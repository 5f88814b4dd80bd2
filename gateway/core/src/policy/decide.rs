//! The decision: pure, total, and with its reasons.
//!
//! A [`Permit`] is the only key to a plan, and only [`decide`] and [`decide_delivery`] make one.

mod asking;
mod denial;
mod evaluable;
mod facts;
mod figures;
mod nearest;
mod person;
mod pseudonyms;
mod records;
mod restrict;
mod search;
mod terms;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::catalogue::{FieldName, Name};
use crate::party::{Caller, Oin, Staff};
use crate::policy::{Policies, Standing};
use crate::purpose::{
    DeliveryGrant, FactsGrant, FiguresGrant, Grant, Limit, RecordsGrant, ResolveGrant, RestrictGrant,
    SearchGrant, StaffRule, TranslateGrant,
};
use crate::request::{FiguresRequest, Form, Request};

use asking::Asking;

pub use denial::{Allowed, Denial, DenialCode};
pub use figures::FiguresQuestion;
pub use nearest::NearestQuestion;
pub use terms::{LimitedBy, Terms};

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
    terms: Terms,
    asleep: Vec<Oin>,
    day: Date,
}

/// What exactly is permitted.
#[derive(Debug)]
pub(crate) enum Right<'p> {
    Delivery(&'p DeliveryGrant),
    Facts(&'p FactsGrant, Option<Staff>),
    Figures(&'p FiguresGrant, FiguresQuestion),
    Records(&'p RecordsGrant, Option<Staff>),
    Resolve(&'p ResolveGrant),
    Restrict(&'p RestrictGrant),
    Search(&'p SearchGrant),
    Translate(&'p TranslateGrant),
}

impl Right<'_> {
    /// The fields that a question names, and those that the grant filters by in any case.
    fn fields<'r>(&'r self, request: &'r Request) -> Vec<&'r FieldName> {
        match (self, request) {
            (Self::Facts(grant, _), Request::Facts(request)) => {
                let fixed = grant.only.iter().map(|(field, _)| field);
                request.fields.iter().chain(fixed).collect()
            }
            (Self::Figures(grant, question), _) => {
                let filters = question.only.iter().chain(&grant.only);
                let filters = filters.map(|(dimension, _)| dimension);
                let dimensions = question.group_by.iter().chain(filters);
                dimensions.map(|dimension| &dimension.field).collect()
            }
            (Self::Records(grant, _), Request::Records(request)) => {
                let filters = request.only.iter().chain(&grant.only);
                request
                    .fields
                    .iter()
                    .chain(filters.map(|(field, _)| field))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
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

    /// What limits the answer besides the fields, and whose rule that is.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The holders that sleep: the grant lets an answer be given without their rows.
    pub fn asleep(&self) -> &[Oin] {
        &self.asleep
    }

    /// The form of the answer.
    pub fn form(&self) -> Form {
        match &self.right {
            Right::Delivery(_) => Form::Delivery,
            Right::Facts(..) => Form::Facts,
            Right::Figures(..) => Form::Figures,
            Right::Records(..) => Form::Records,
            Right::Resolve(_) => Form::Resolve,
            Right::Restrict(_) => Form::Restrict,
            Right::Search(_) => Form::Search,
            Right::Translate(_) => Form::Translate,
        }
    }

    /// The base dataset of the grant.
    pub fn dataset(&self) -> &'p Name {
        match &self.right {
            Right::Delivery(grant) => &grant.dataset,
            Right::Facts(grant, _) => &grant.dataset,
            Right::Figures(grant, _) => &grant.dataset,
            Right::Records(grant, _) => &grant.dataset,
            Right::Resolve(grant) => &grant.dataset,
            Right::Restrict(grant) => &grant.dataset,
            Right::Search(grant) => &grant.dataset,
            Right::Translate(grant) => &grant.dataset,
        }
    }

    /// How often the grant may be used.
    pub fn limit(&self) -> Limit {
        match &self.right {
            Right::Delivery(grant) => grant.limit,
            Right::Facts(grant, _) => grant.limit,
            Right::Figures(grant, _) => grant.limit,
            Right::Records(grant, _) => grant.limit,
            Right::Resolve(grant) => grant.limit,
            Right::Restrict(grant) => grant.limit,
            Right::Search(grant) => grant.limit,
            Right::Translate(grant) => grant.limit,
        }
    }

    /// How many pseudonyms the grant allows its recipient in a day, where it is about pseudonyms.
    pub fn pseudonyms_a_day(&self) -> Option<u32> {
        match &self.right {
            Right::Resolve(grant) => Some(grant.per_day),
            Right::Translate(grant) => Some(grant.per_day),
            _ => None,
        }
    }

    /// How many pupils may be looked for in the log a day, all replicas together; none where none are.
    pub fn searches_a_day(&self) -> Option<u32> {
        match &self.right {
            Right::Search(grant) => Some(grant.per_day),
            _ => None,
        }
    }

    pub(crate) fn right(&self) -> &Right<'p> {
        &self.right
    }
}

/// Decides one request of a caller, for one person or none. Total: every request gets a permit or a denial with its
/// reason.
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
    decide_released(policies, caller, staff.as_slice(), request, now)
}

/// Decides one request of a caller for persons who release it together; the first is who asks.
///
/// # Errors
/// The denial, as for [`decide`].
pub fn decide_released<'p>(
    policies: &'p Policies,
    caller: &Caller,
    persons: &[&Staff],
    request: &Request,
    now: Timestamp,
) -> Result<Permit<'p>, Denial> {
    let asking = Asking::new(policies, caller, request.acting_for(), request.purpose(), now)?;
    let asker = persons.first().copied();
    asking.first_granted(request.form(), Some(request), |grant| match (grant, request) {
        (Grant::Facts(grant), Request::Facts(request)) => asking
            .mandated(&grant.dataset)
            .and_then(|()| facts::check(grant, request))
            .and_then(|()| person::asks(grant.staff, asker))
            .map(|staff| Right::Facts(grant, staff)),
        (Grant::Figures(grant), Request::Figures(request)) => figures::check(
            policies,
            &asking.standing.purpose,
            asking.position(grant),
            grant,
            request,
        )
        .map(|question| Right::Figures(grant, question)),
        (Grant::Records(grant), Request::Records(request)) => asking
            .mandated(&grant.dataset)
            .and_then(|()| records::check(&policies.catalogue, grant, request))
            .and_then(|()| person::asks(grant.staff, asker))
            .map(|staff| Right::Records(grant, staff)),
        (Grant::Resolve(grant), Request::Resolve(request)) => asking
            .knows_pseudonyms(&grant.of, &grant.dataset, now)
            .and_then(|()| pseudonyms::resolve(grant, request))
            .and_then(|()| person::asks(StaffRule::Proved, asker))
            .and_then(|_| person::release(grant.persons, persons))
            .map(|()| Right::Resolve(grant)),
        (Grant::Restrict(grant), Request::Restrict(request)) => asking
            .mandated(&grant.dataset)
            .and_then(|()| restrict::check(policies, grant, request))
            .and_then(|()| person::asks(grant.staff, asker))
            .map(|_| Right::Restrict(grant)),
        (Grant::Search(grant), Request::Search(request)) => search::check(grant, request)
            .and_then(|()| person::asks(StaffRule::Proved, asker))
            .and_then(|_| person::release(grant.persons, persons))
            .map(|()| Right::Search(grant)),
        (Grant::Translate(grant), Request::Translate(request)) => asking
            .knows_pseudonyms(&grant.from, &grant.dataset, now)
            .and_then(|()| pseudonyms::target(policies, grant, now))
            .and_then(|()| pseudonyms::translate(grant, request))
            .and_then(|()| person::asks(grant.staff, asker))
            .map(|_| Right::Translate(grant)),
        _ => Err(Denial::new(DenialCode::FormNotGranted)),
    })
}

/// What the caller may ask instead of a question of figures that could not be read as a whole: the part that was
/// understood, as far as it is granted. None where the caller's own grants may not be told.
pub fn nearest_allowed(
    policies: &Policies,
    caller: &Caller,
    understood: FiguresRequest,
    now: Timestamp,
) -> Option<Box<Allowed>> {
    match decide(policies, caller, None, &Request::Figures(understood), now) {
        Ok(permit) => Allowed::around(&permit),
        Err(denial) => denial.allowed,
    }
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
    asking.first_granted(Form::Delivery, None, |grant| match grant {
        Grant::Delivery(grant) if grant.dataset == *dataset => {
            asking.mandated(dataset).map(|()| Right::Delivery(grant))
        }
        _ => Err(Denial::new(DenialCode::FormNotGranted)),
    })
}

/// The civil day of a decision in the Netherlands' legal calendar, taken as UTC so that it needs no zone table.
pub fn civil_day(now: Timestamp) -> Date {
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}
