//! Decision tables: what a purpose grants and denies, as its authors expect it, in `purposes/<id>.test.toml`.
//!
//! A table is decided as if everything were signed, so it can be run before anybody is asked to sign.

mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::super::decide::{Denial, Permit, decide_delivery, decide_released};
use super::super::{Approvals, Draft, Evidence, Mandate, Policies, Standing, StandingState};
use crate::catalogue::Name;
use crate::party::{Caller, Oin, Organisation, Staff, TokenPurpose};
use crate::policy::load::NamedText;
use crate::request::{InputError, Request};
use crate::source_text::SourceError;

pub(in crate::policy::tools) use read::Ask;
use read::Case;

pub use read::TestCaller;
pub(in crate::policy::tools) use read::ask;

/// What a case expects where the request itself is wrong.
pub const INVALID_INPUT: &str = "invalid-input";
/// What a case expects where the request is allowed.
pub const GRANTED: &str = "granted";

/// What one case of a table found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The table's file.
    pub file: String,
    /// The line of the case, from 1.
    pub line: usize,
    /// The purpose that was asked.
    pub purpose: Name,
    /// The case's name.
    pub case: String,
    /// What was expected.
    pub expected: Verdict,
    /// What the decision was.
    pub found: Verdict,
    /// Catalogue names that were refused, or what is wrong with the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
}

/// `granted`, a denial's code or `invalid-input`, and the clause that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// `granted`, a denial's code or `invalid-input`.
    pub outcome: String,
    /// Such as `youth-atlas/grant/0`; a case that names none leaves it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
}

impl Outcome {
    /// Whether the decision is what was expected.
    pub fn passed(&self) -> bool {
        self.expected.outcome == self.found.outcome
            && (self.expected.clause.is_none() || self.expected.clause == self.found.clause)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.outcome)?;
        self.clause
            .as_ref()
            .map_or(Ok(()), |clause| write!(f, " by {clause}"))
    }
}

impl fmt::Display for Outcome {
    /// One line for a case that passed; three or more for one that failed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, case, .. } = self;
        if self.passed() {
            return write!(f, "{file}:{line}: {case}: {}", self.found);
        }
        write!(f, "{file}:{line}: {case}\n  expected {}", self.expected)?;
        write!(f, "\n  found    {}", self.found)?;
        self.because
            .iter()
            .try_for_each(|why| write!(f, "\n           {why}"))
    }
}

impl Policies {
    /// The drafted policies as they would act if everything were signed: for tables and previews, never to answer.
    pub fn as_if_signed(draft: &Draft) -> Self {
        let purposes = draft.purposes.iter().map(|(id, (purpose, manifest))| {
            let standing = Standing {
                purpose: purpose.clone(),
                manifest_digest: manifest.digest(),
                terms_digest: manifest.terms(),
                state: StandingState::Active {
                    until: Timestamp::MAX,
                },
                approvals: Approvals::default(),
            };
            (id.clone(), standing)
        });
        Self {
            catalogue: draft.catalogue.clone(),
            organisations: draft.organisations.clone(),
            partnerships: draft.partnerships.clone(),
            purposes: purposes.collect(),
            mandates: Vec::new(),
            digest: [0; 32],
            evidence: Evidence::default(),
        }
    }
}

/// Runs every case of the tables, as if everything were signed.
///
/// # Errors
/// All that is wrong with the tables themselves.
pub fn run(draft: &Draft, tables: &[NamedText]) -> Result<Vec<Outcome>, Vec<SourceError>> {
    let mut policies = Policies::as_if_signed(draft);
    let mut outcomes = Vec::new();
    let mut errors = Vec::new();
    for (file, text) in tables {
        match read::table(file, text, &policies) {
            Ok(cases) => outcomes.extend(cases.into_iter().map(|case| outcome(&mut policies, file, case))),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() {
        Ok(outcomes)
    } else {
        Err(errors)
    }
}

fn outcome(policies: &mut Policies, file: &str, case: Case) -> Outcome {
    policies.mandates = case.caller.mandates(case.day);
    let now = noon(case.day);
    let (found, because) = match judge(policies, &case.caller, &case.ask, now) {
        Ok(Ok(permit)) => (verdict(GRANTED, Some(permit.clause().to_owned())), Vec::new()),
        Ok(Err(denial)) => (verdict(denial.code.as_str(), denial.clause), denial.subjects),
        Err(errors) => (verdict(INVALID_INPUT, None), told(&errors)),
    };
    Outcome {
        file: file.to_owned(),
        line: case.line,
        purpose: case.purpose,
        case: case.name,
        expected: case.expect,
        found,
        because,
    }
}

/// The decision for a made-up caller: what the line would do, without the line.
pub(in crate::policy::tools) fn judge<'p>(
    policies: &'p Policies,
    caller: &TestCaller,
    ask: &Ask,
    now: Timestamp,
) -> Result<Result<Permit<'p>, Denial>, Vec<InputError>> {
    let who = caller.caller(policies);
    let catalogue = &policies.catalogue;
    let request = match ask {
        Ask::Delivery { dataset, holder } => {
            return Ok(decide_delivery(policies, &who, dataset, holder, now));
        }
        Ask::Question {
            purpose,
            question,
            parameters,
        } => Request::question(catalogue, purpose.as_str(), question, parameters),
        Ask::Facts(body) => Request::facts(catalogue, &who.organisation, body.to_string().as_bytes()),
        Ask::Query(body) => Request::query(catalogue, body.to_string().as_bytes()),
        Ask::Resolution(body) => Request::resolution(body.to_string().as_bytes()),
        Ask::Restriction(body) => Request::restriction(&who.organisation, body.to_string().as_bytes()),
        Ask::Search(body) => Request::search(&who.organisation, body.to_string().as_bytes()),
        Ask::Translation(body) => Request::translation(body.to_string().as_bytes()),
    }?;
    let persons = caller.staff();
    let persons: Vec<&Staff> = persons.iter().collect();
    Ok(decide_released(policies, &who, &persons, &request, now))
}

/// The middle of a day, so that no zone makes it another.
pub fn noon(day: Date) -> Timestamp {
    let noon = day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
    noon.map_or(Timestamp::MIN, |noon| noon.timestamp())
}

fn verdict(outcome: &str, clause: Option<String>) -> Verdict {
    Verdict {
        outcome: outcome.to_owned(),
        clause,
    }
}

fn told(errors: &[InputError]) -> Vec<String> {
    let told = errors
        .iter()
        .map(|error| format!("{}: {} ({})", error.location, error.detail, error.code));
    told.collect()
}

impl TestCaller {
    /// The caller as a token would name it: with every purpose.
    pub(in crate::policy::tools) fn caller(&self, policies: &Policies) -> Caller {
        let Organisation { oin, slug, .. } = &self.organisation;
        let purposes = policies.purposes.iter().map(|(id, standing)| TokenPurpose {
            id: id.clone(),
            manifest_digest: standing.manifest_digest,
        });
        Caller {
            organisation: oin.clone(),
            slug: slug.clone(),
            client: self.client.clone(),
            roles: vec![self.role.clone()],
            acting_for: self.mandated.iter().map(|(board, _)| board.clone()).collect(),
            purposes: purposes.collect(),
        }
    }

    /// The mandates that it is said to have, for this day.
    pub(in crate::policy::tools) fn mandates(&self, day: Date) -> Vec<Mandate> {
        let mandate = |(board, datasets): &(Oin, BTreeSet<Name>)| Mandate {
            vendor: self.organisation.oin.clone(),
            board: board.clone(),
            datasets: datasets.iter().cloned().collect(),
            from: day,
            until: day,
            agreement: "decision table".to_owned(),
        };
        self.mandated.iter().map(mandate).collect()
    }

    /// The persons who release it together, the one who asks first.
    fn staff(&self) -> Vec<Staff> {
        let person = |proved| {
            move |number| Staff {
                subject: format!("staff-{number}"),
                proved,
                case: self.case.then(|| "case".to_owned()),
            }
        };
        let persons = self.staff.map(|proved| (0..self.persons).map(person(proved)));
        persons.into_iter().flatten().collect()
    }
}
