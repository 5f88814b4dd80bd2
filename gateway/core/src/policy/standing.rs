//! A purpose and its approvals: whether it acts, and for whose rows it sleeps.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::approval::{ApprovalRole, InvalidApproval, Term};
use super::manifest::Manifest;
use super::withdrawal::Withdrawal;
use crate::party::{Oin, Organisation, Slug};
use crate::purpose::{Grant, Purpose};

/// A purpose and whether it is approved.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The purpose.
    pub purpose: Purpose,
    /// SHA-256 of its manifest, which approvals sign.
    pub manifest_digest: [u8; 32],
    /// SHA-256 of what that manifest refers to, apart from keys.
    pub terms_digest: [u8; 32],
    /// Whether everybody had approved it when it was loaded or a withdrawal came in.
    pub state: StandingState,
    /// The approvals behind that state.
    pub approvals: Approvals,
}

/// Whether a purpose is approved by everybody whose approval it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingState {
    /// All required approvals are there and valid.
    Active {
        /// The first moment at which one of them expires.
        until: Timestamp,
    },
    /// Approvals are missing or invalid. Without that of a controller's FG the purpose grants nothing; without that of a
    /// holder it sleeps for that holder's rows.
    Asleep {
        /// Whose, and why.
        missing: Vec<Missing>,
    },
}

/// A required approval that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Whose.
    pub organisation: Slug,
    /// In which role.
    pub role: ApprovalRole,
    /// Why.
    pub reason: InvalidApproval,
}

/// Why a purpose does not act at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dormant {
    /// Approvals are missing, invalid or have expired.
    Asleep,
    /// Its first day is still to come.
    NotYetValid,
    /// Its last day is past.
    Expired,
}

/// The required approvals of a purpose with what became of each, and which holders each grant touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals {
    required: Vec<Given>,
    touched: Vec<Vec<Slug>>,
    /// Grants that an organisation withdrew from, while its approval of the rest stands.
    withdrawn: Vec<(usize, Missing)>,
}

/// One required approval: its term, or why it does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) organisation: Slug,
    pub(super) oin: Oin,
    pub(super) role: ApprovalRole,
    /// What its signature came to.
    signed: Result<Term, InvalidApproval>,
    /// The same without what was withdrawn.
    verdict: Result<Term, InvalidApproval>,
    /// When it could count, if it was too early when it was read.
    early: Option<Timestamp>,
}

impl Standing {
    /// The standing of a purpose as it is at `now`; `touched` are the holders of each grant.
    pub(super) fn new(
        purpose: Purpose,
        manifest: &Manifest,
        mut required: Vec<Given>,
        touched: Vec<Vec<Slug>>,
        now: Timestamp,
    ) -> Self {
        for given in &mut required {
            given.read_at(now);
        }
        let approvals = Approvals {
            required,
            touched,
            withdrawn: Vec::new(),
        };
        Self {
            state: approvals.state(now),
            purpose,
            manifest_digest: manifest.digest(),
            terms_digest: manifest.terms(),
            approvals,
        }
    }

    /// Whether this grants what `former` granted, to the same programs: another version at most, and other keys.
    pub fn grants_the_same(&self, former: &Self) -> bool {
        let unversioned = Purpose {
            version: former.purpose.version,
            ..self.purpose.clone()
        };
        self.terms_digest == former.terms_digest && unversioned == former.purpose
    }

    /// Whether the purpose acts at `now`: the FG of each controller approves, and it is within its days (counted in
    /// UTC). For whose rows it sleeps all the same, [`asleep`](Self::asleep) says.
    pub fn acts(&self, now: Timestamp) -> Result<(), Dormant> {
        if !self.is_approved(now) {
            return Err(Dormant::Asleep);
        }
        let day = now.to_zoned(TimeZone::UTC).date();
        if day < self.purpose.valid.from {
            Err(Dormant::NotYetValid)
        } else if day > self.purpose.valid.until {
            Err(Dormant::Expired)
        } else {
            Ok(())
        }
    }

    /// Whether the FG of each controller approves at `now`, whatever the day.
    pub fn is_approved(&self, now: Timestamp) -> bool {
        match &self.state {
            StandingState::Active { until } if *until > now => true,
            StandingState::Active { .. } if self.approvals.required.is_empty() => false,
            StandingState::Asleep { missing } if missing.is_empty() => false,
            _ => !self.missing(now).iter().any(|one| one.role == ApprovalRole::Fg),
        }
    }

    /// Every required approval that does not count at `now`, with the reason; those that ran out since are among them.
    /// What did not count when it was read does not begin to: it is read again, and the log told, before it does.
    pub fn missing(&self, now: Timestamp) -> Vec<Missing> {
        let mut missing = match &self.state {
            StandingState::Active { until } if *until > now => return Vec::new(),
            StandingState::Active { .. } => Vec::new(),
            StandingState::Asleep { missing } => missing.clone(),
        };
        let is_told = |told: &[Missing], one: &Missing| {
            told.iter()
                .any(|other| other.organisation == one.organisation && other.role == one.role)
        };
        for one in self.approvals.missing(now) {
            if !is_told(&missing, &one) {
                missing.push(one);
            }
        }
        missing
    }

    /// Who withdrew from the grant at this position while what it approved besides stands.
    pub fn withdrawn(&self, grant: usize) -> impl Iterator<Item = &Missing> {
        let withdrawn = self.approvals.withdrawn.iter();
        withdrawn
            .filter(move |(position, _)| *position == grant)
            .map(|(_, missing)| missing)
    }

    /// The holders for whose rows the grant at this position sleeps at `now`: their approval is missing or ran out, or
    /// they withdrew. Empty while it acts for everybody that it touches.
    pub fn asleep(&self, grant: usize, now: Timestamp) -> Vec<Missing> {
        let mut asleep: Vec<Missing> = self.withdrawn(grant).cloned().collect();
        let touched = self
            .approvals
            .touched
            .get(grant)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let holders = self
            .missing(now)
            .into_iter()
            .filter(|one| one.role == ApprovalRole::Holder);
        asleep.extend(holders.filter(|one| touched.contains(&one.organisation)));
        asleep
    }

    /// Whether the grant at this position acts for everybody that it touches. A delivery touches the one who delivers,
    /// so that the others' standing does not matter to it.
    pub fn grant_acts(&self, grant: usize, now: Timestamp) -> Result<(), Dormant> {
        self.acts(now)?;
        let is_delivery = matches!(self.purpose.grants.get(grant), Some(Grant::Delivery(_)));
        if is_delivery || self.asleep(grant, now).is_empty() {
            Ok(())
        } else {
            Err(Dormant::Asleep)
        }
    }

    /// Takes back what was approved before these withdrawals, and nothing else that was signed.
    pub(super) fn rest_on(&mut self, withdrawals: &[Withdrawal], now: Timestamp) {
        let approvals = &mut self.approvals;
        if approvals.required.is_empty() {
            return;
        }
        approvals.withdrawn.clear();
        for given in &mut approvals.required {
            given.verdict.clone_from(&given.signed);
            for withdrawal in withdrawals {
                if !given.is_voided_by(withdrawal, &self.purpose) {
                    continue;
                }
                match withdrawal.grant_of(&self.manifest_digest) {
                    None => given.verdict = Err(InvalidApproval::Withdrawn { at: withdrawal.at }),
                    Some(grant) => approvals.withdrawn.push((grant, given.withdrawn(withdrawal))),
                }
            }
        }
        self.state = approvals.state(now);
    }

    /// Whether an approval that counts for something would no longer.
    pub(super) fn is_changed_by(&self, withdrawal: &Withdrawal) -> bool {
        let grant = withdrawal.grant_of(&self.manifest_digest);
        let counts = |given: &&Given| match grant {
            None => true,
            Some(grant) => !self
                .withdrawn(grant)
                .any(|one| one.organisation == given.organisation && one.role == given.role),
        };
        let mut required = self.approvals.required.iter().filter(counts);
        required.any(|given| given.is_voided_by(withdrawal, &self.purpose))
    }

    /// Whether the organisation's approval is asked, in any role.
    pub fn asks(&self, organisation: &Oin) -> bool {
        self.approvals
            .required
            .iter()
            .any(|given| given.oin == *organisation)
    }

    /// Whether an approval that was too early when it was read is so no longer.
    pub(super) fn could_wake(&self, now: Timestamp) -> bool {
        let mut early = self.approvals.required.iter().filter_map(|given| given.early);
        early.any(|at| at <= now)
    }
}

impl Approvals {
    fn missing(&self, now: Timestamp) -> Vec<Missing> {
        self.required
            .iter()
            .filter_map(|given| given.missing(now))
            .collect()
    }

    fn state(&self, now: Timestamp) -> StandingState {
        let missing = self.missing(now);
        if !missing.is_empty() {
            return StandingState::Asleep { missing };
        }
        let terms = self
            .required
            .iter()
            .filter_map(|given| given.verdict.as_ref().ok());
        let until = terms.map(|term| term.expires_at).min();
        StandingState::Active {
            until: until.unwrap_or(Timestamp::MIN),
        }
    }
}

impl Given {
    pub(super) fn new(
        organisation: &Organisation,
        role: ApprovalRole,
        verdict: Result<Term, InvalidApproval>,
    ) -> Self {
        Self {
            organisation: organisation.slug.clone(),
            oin: organisation.oin.clone(),
            role,
            signed: verdict.clone(),
            verdict,
            early: None,
        }
    }

    /// What is too early now stays so until it is read again.
    fn read_at(&mut self, now: Timestamp) {
        let early = self.signed.as_ref().ok().map(|term| term.issued_at);
        if let Some(at) = early.filter(|at| *at > now) {
            self.early = Some(at);
            self.signed = Err(InvalidApproval::NotYetValid);
            self.verdict.clone_from(&self.signed);
        }
    }

    fn is_voided_by(&self, withdrawal: &Withdrawal, purpose: &Purpose) -> bool {
        let counts = self.verdict.as_ref();
        withdrawal.is_by(&self.oin)
            && withdrawal.covers(&purpose.id)
            && counts.is_ok_and(|term| withdrawal.voids(term.issued_at))
    }

    fn withdrawn(&self, withdrawal: &Withdrawal) -> Missing {
        Missing {
            organisation: self.organisation.clone(),
            role: self.role,
            reason: InvalidApproval::Withdrawn { at: withdrawal.at },
        }
    }

    fn missing(&self, now: Timestamp) -> Option<Missing> {
        let reason = match &self.verdict {
            Ok(term) => term.check(now).err()?,
            Err(reason) => reason.clone(),
        };
        Some(Missing {
            organisation: self.organisation.clone(),
            role: self.role,
            reason,
        })
    }
}

impl Missing {
    /// The clause of a decision that fails for it, such as `youth-atlas/approval/municipality.fg/expired`.
    pub fn clause(&self, purpose: &crate::catalogue::Name) -> String {
        format!(
            "{purpose}/approval/{}.{}/{}",
            self.organisation,
            self.role,
            self.reason.code()
        )
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {}: {}", self.organisation, self.role, self.reason)
    }
}
