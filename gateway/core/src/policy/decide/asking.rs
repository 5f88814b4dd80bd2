//! A caller at the door of one purpose: which of its grants, if any, allows the request.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::catalogue::Name;
use crate::party::{Caller, Oin, Organisation, OrganisationKind};
use crate::policy::{Dormant, Missing, Policies, Standing};
use crate::purpose::{FiguresGrant, Grant, Scope};
use crate::request::{Form, Request};

use super::denial::{Denial, DenialCode};
use super::terms::Terms;
use super::{Permit, Right, civil_day, evaluable};

/// A caller at the door of one purpose that acts.
pub(super) struct Asking<'p, 'c> {
    pub(super) policies: &'p Policies,
    pub(super) standing: &'p Standing,
    pub(super) principal: &'p Organisation,
    caller: &'c Caller,
    acting_for: Option<Oin>,
    now: Timestamp,
    day: Date,
}

impl<'p, 'c> Asking<'p, 'c> {
    pub(super) fn new(
        policies: &'p Policies,
        caller: &'c Caller,
        acting_for: Option<&Oin>,
        purpose: &Name,
        now: Timestamp,
    ) -> Result<Self, Denial> {
        // Who names itself acts for nobody else.
        let acting_for = acting_for.filter(|board| **board != caller.organisation);
        // What the caller may not know looks like what is not there.
        let unknown = || Denial::new(DenialCode::NoSuchPurpose);
        let known = policies.purposes.get(purpose).ok_or_else(unknown)?;
        let principal = acting_for.unwrap_or(&caller.organisation);
        let principal = policies.organisations.by_oin(principal).ok_or_else(unknown)?;
        let asking = Self {
            policies,
            standing: known,
            principal,
            caller,
            acting_for: acting_for.cloned(),
            now,
            day: civil_day(now),
        };
        if !known.purpose.grants.iter().any(|grant| asking.receives(grant)) {
            return Err(unknown());
        }
        asking.acts().map_err(|denial| denial.of(purpose))?;
        Ok(asking)
    }

    /// Why the purpose does not act for this caller, and which part of the file says so.
    fn acts(&self) -> Result<(), Denial> {
        let purpose = &self.standing.purpose.id;
        let denial = |code, part| Denial::new(code).at(format!("{purpose}/{part}"));
        if self
            .acting_for
            .as_ref()
            .is_some_and(|board| !self.caller.acting_for.contains(board))
        {
            return Err(denial(DenialCode::MandateMissing, "mandate"));
        }
        match self.standing.acts(self.now) {
            Ok(()) => {}
            Err(Dormant::Asleep) => return Err(self.asleep(&self.standing.missing(self.now))),
            Err(Dormant::Expired | Dormant::NotYetValid) => {
                return Err(denial(DenialCode::PurposeExpired, "valid"));
            }
        }
        let named = self
            .caller
            .purposes
            .iter()
            .any(|held| held.id == *purpose && held.manifest_digest == self.standing.manifest_digest);
        if named {
            Ok(())
        } else {
            Err(denial(DenialCode::NotInToken, "version"))
        }
    }

    /// The denial that names whose approval is missing, and why.
    fn asleep(&self, missing: &[Missing]) -> Denial {
        let purpose = &self.standing.purpose.id;
        let denial = Denial::new(DenialCode::PurposeAsleep);
        match missing.first() {
            None => denial.at(format!("{purpose}/approvals")),
            Some(first) => missing
                .iter()
                .fold(denial.at(first.clause(purpose)), Denial::about),
        }
    }

    /// Whoever acts for another needs that board's mandate for the dataset, on this day: the token's word is older.
    pub(super) fn mandated(&self, dataset: &Name) -> Result<(), Denial> {
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

    /// Pseudonyms are only the caller's where a purpose that acts gives it rows under them.
    pub(super) fn knows_pseudonyms(&self, of: &Name, dataset: &Name, now: Timestamp) -> Result<(), Denial> {
        let known = self.policies.purposes.get(of).is_some_and(|standing| {
            standing.acts(now).is_ok() && standing.purpose.gives_pseudonyms(self.principal, dataset)
        });
        if known {
            Ok(())
        } else {
            Err(Denial::new(DenialCode::NotEvaluable).about(of))
        }
    }

    /// The first grant of this form that allows the request; else the first denial of a grant that came into question.
    pub(super) fn first_granted(
        &self,
        form: Form,
        request: Option<&Request>,
        check: impl Fn(&'p Grant) -> Result<Right<'p>, Denial>,
    ) -> Result<Permit<'p>, Denial> {
        let purpose = &self.standing.purpose.id;
        let mut denial = None;
        for (position, grant) in self.standing.purpose.grants.iter().enumerate() {
            if grant.form_of() != form || !self.receives(grant) {
                continue;
            }
            let clause = format!("{purpose}/grant/{position}");
            match self.granted(position, grant, &clause, request, &check) {
                Ok(permit) => return Ok(permit),
                Err(denied) => {
                    denial.get_or_insert_with(|| {
                        let withheld = Terms::withheld(
                            self,
                            grant,
                            &self.organisations(&self.touched_asleep(position, grant)),
                        );
                        denied.of(purpose).at(clause).within(grant, &withheld)
                    });
                }
            }
        }
        Err(denial.unwrap_or_else(|| {
            let forms = self.forms();
            Denial::new(DenialCode::FormNotGranted)
                .of(purpose)
                .at(format!("{purpose}/grant"))
                .offering(forms)
        }))
    }

    fn granted(
        &self,
        position: usize,
        grant: &'p Grant,
        clause: &str,
        request: Option<&Request>,
        check: impl Fn(&'p Grant) -> Result<Right<'p>, Denial>,
    ) -> Result<Permit<'p>, Denial> {
        evaluable::check(self, grant)?;
        let asleep = self.awake_without(position, grant)?;
        let right = check(grant)?;
        let fields = request.map(|request| right.fields(request)).unwrap_or_default();
        let terms = Terms::strictest(self, grant, clause, &fields, &asleep)?;
        Ok(Permit {
            policies: self.policies,
            standing: self.standing,
            clause: clause.to_owned(),
            recipient: self.caller.organisation.clone(),
            acting_for: self.acting_for.clone(),
            right,
            terms,
            asleep: asleep.iter().map(|holder| holder.oin.clone()).collect(),
            day: self.day,
        })
    }

    /// The sleeping holders without whose rows the grant lets an answer be given.
    fn awake_without(&self, position: usize, grant: &Grant) -> Result<Vec<&'p Organisation>, Denial> {
        let missing = self.touched_asleep(position, grant);
        let asleep = self.organisations(&missing);
        let partial = grant.conditions().is_some_and(|conditions| conditions.partial);
        let decides = |holder: &&Organisation| decides_scope(self.policies, grant, holder, self.principal);
        let all_known = missing
            .iter()
            .all(|one| asleep.iter().any(|party| party.slug == one.organisation));
        if missing.is_empty() || partial && all_known && !asleep.iter().any(decides) {
            Ok(asleep)
        } else {
            Err(self.asleep(&missing))
        }
    }

    /// For whose rows the grant sleeps; a delivery touches who delivers.
    fn touched_asleep(&self, position: usize, grant: &Grant) -> Vec<Missing> {
        let mut asleep = self.standing.asleep(position, self.now);
        if matches!(grant, Grant::Delivery(_)) {
            asleep.retain(|one| one.organisation == self.principal.slug);
        }
        asleep
    }

    fn organisations(&self, missing: &[Missing]) -> Vec<&'p Organisation> {
        let parties = &self.policies.organisations;
        let mut found: Vec<&Organisation> = missing
            .iter()
            .filter_map(|one| parties.by_slug(&one.organisation))
            .collect();
        found.sort_by(|a, b| a.slug.cmp(&b.slug));
        found.dedup_by(|a, b| a.slug == b.slug);
        found
    }

    /// The forms that the purpose gives this caller.
    fn forms(&self) -> Vec<&'static str> {
        let mut forms: Vec<_> = self
            .standing
            .purpose
            .grants
            .iter()
            .filter(|grant| self.receives(grant))
            .map(Grant::form)
            .collect();
        forms.sort_unstable();
        forms.dedup();
        forms
    }

    fn receives(&self, grant: &Grant) -> bool {
        grant.is_for(self.principal, &self.caller.roles)
    }

    pub(super) fn position(&self, grant: &FiguresGrant) -> usize {
        self.standing
            .purpose
            .grants
            .iter()
            .position(|other| matches!(other, Grant::Figures(other) if std::ptr::eq(other, grant)))
            .unwrap_or(usize::MAX)
    }
}

/// Whether a holder's rows speak for the asking party's scope. Without them it cannot be evaluated. Another board's
/// enrolments only ever speak against it, and keep doing so.
fn decides_scope(
    policies: &Policies,
    grant: &Grant,
    holder: &Organisation,
    principal: &Organisation,
) -> bool {
    let datasets = grant.scope().map(Scope::datasets).unwrap_or_default();
    let holds = |name: &str| {
        policies
            .catalogue
            .datasets()
            .any(|dataset| dataset.name.as_str() == name && dataset.holder_kind == holder.kind)
    };
    let decides = datasets.iter().any(|name| holds(name));
    decides && (holder.kind != OrganisationKind::SchoolBoard || holder.slug == principal.slug)
}
