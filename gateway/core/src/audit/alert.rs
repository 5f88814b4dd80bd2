//! What the data protection officer (FG) should look at: rules over the entries, one after the other, with limits that the
//! FG sets. Pure and incremental: an entry goes in, alerts come out.
//!
//! Some rules need the leaf alone; those about persons need the private part and work only where the FG opens it.

mod calendar;
mod code;
mod leaves;
mod persons;
#[cfg(test)]
mod tests;
mod thresholds;

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

pub use calendar::local;
pub use code::Code;
pub use thresholds::{InvalidThresholds, Thresholds};

use super::leaf::{Event, Form, GRANTED, Kind, Leaf, Micros};
use super::private::Private;
use super::verify::Report;
use crate::text::Text;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Which rule.
    pub code: Code,
    /// The time of the entry, or of the look at the log.
    #[serde(serialize_with = "rfc3339")]
    pub time: Micros,
    /// The entry that set it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The OIN of the organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The member of staff, where the FG opened the private part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// What was counted or measured, in the unit of its limit.
    pub found: u64,
    /// The limit.
    pub limit: u64,
    /// What the rule is.
    pub meaning: Text,
}

/// A member of staff; not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Person(pub String);

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

/// What a look at the log as a whole shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// The moment of the look.
    pub now: Micros,
    /// The time of the oldest entry that no signed checkpoint covers; none where all are covered.
    pub unsigned_since: Option<Micros>,
}

/// The rules with what they remember.
pub struct Alerts {
    limits: Thresholds,
    /// The local day of the last entry.
    today: Option<Date>,
    /// What was told today already, so that one cause gives one alert a day.
    told: HashMap<Code, Vec<String>>,
    leaves: leaves::Memory,
    persons: persons::Memory,
}

impl Alerts {
    /// Rules that remember nothing yet: give them the log from its beginning.
    pub fn new(limits: Thresholds) -> Self {
        Self {
            limits,
            today: None,
            told: HashMap::new(),
            leaves: leaves::Memory::default(),
            persons: persons::Memory::default(),
        }
    }

    /// Takes the next entry, with its private part where it was opened.
    pub fn entry(&mut self, index: u64, leaf: &Leaf, private: Option<&Private>) -> Vec<Alert> {
        let date = local(leaf.time).date();
        if self.today != Some(date) {
            self.today = Some(date);
            self.told.clear();
            self.persons.next_day(leaf.time);
        }
        let at = At { index, leaf, date };
        let mut found = leaves::rules(&mut self.leaves, &self.limits, &at, private);
        if let Some(private) = private {
            found.extend(persons::rules(&mut self.persons, &self.limits, &at, private));
        }
        found
            .into_iter()
            .filter(|found| self.is_new(found))
            .map(|found| found.alert(&at))
            .collect()
    }

    /// Looks at the log as a whole: what is overdue, and whether it is signed in time.
    pub fn look(&mut self, state: LogState) -> Vec<Alert> {
        let mut alerts = leaves::overdue(&mut self.leaves, &self.limits, state.now);
        let limit = self.limits.checkpoint_age_s_max;
        let age = state.unsigned_since.map(|since| seconds(state.now - since));
        if let Some(age) = age.filter(|age| *age > limit) {
            alerts.push(Alert::of_log(Code::StaleCheckpoint, state.now, age, limit));
        }
        alerts
    }

    fn is_new(&mut self, found: &Found) -> bool {
        let Some(cause) = &found.once else { return true };
        let told = self.told.entry(found.code).or_default();
        if told.contains(cause) {
            return false;
        }
        told.push(cause.clone());
        true
    }
}

/// What a verification of the log found wrong, as an alert.
pub fn verifier_failure(report: &Report, now: Micros) -> Option<Alert> {
    let found = report.findings.len() as u64;
    (found > 0).then(|| Alert {
        index: report.first_bad(),
        ..Alert::of_log(Code::VerifierFailure, now, found, 0)
    })
}

impl Alert {
    fn of_log(code: Code, time: Micros, found: u64, limit: u64) -> Self {
        Self {
            code,
            time,
            index: None,
            organisation: None,
            purpose: None,
            dataset: None,
            person: None,
            found,
            limit,
            meaning: code.meaning(),
        }
    }
}

/// An entry at its place.
struct At<'a> {
    index: u64,
    leaf: &'a Leaf,
    /// The day in the Netherlands.
    date: Date,
}

impl At<'_> {
    fn event(&self) -> &Event {
        &self.leaf.event
    }

    fn organisation(&self) -> String {
        self.event().recipient.clone().unwrap_or_default()
    }

    fn purpose(&self) -> String {
        let purpose = self.event().purpose.as_ref();
        purpose.map(|purpose| purpose.id.clone()).unwrap_or_default()
    }

    /// A grant of something about single pupils.
    fn opens_persons(&self) -> bool {
        let event = self.event();
        event.kind == Kind::AccessDecided
            && event.decision.as_deref() == Some(GRANTED)
            && event.form.is_some_and(about_persons)
    }
}

fn about_persons(form: Form) -> bool {
    matches!(
        form,
        Form::Records | Form::Facts | Form::Translate | Form::Resolve
    )
}

/// What a rule found.
struct Found {
    code: Code,
    count: u64,
    limit: u64,
    person: Option<Person>,
    /// The cause that is told once a day; each time where there is none.
    once: Option<String>,
}

impl Found {
    fn new(code: Code, count: u64, limit: u64) -> Self {
        Self {
            code,
            count,
            limit,
            person: None,
            once: None,
        }
    }

    fn once(mut self, cause: String) -> Self {
        self.once = Some(cause);
        self
    }

    fn alert(self, at: &At<'_>) -> Alert {
        let event = at.event();
        Alert {
            index: Some(at.index),
            organisation: event.recipient.clone(),
            purpose: event.purpose.as_ref().map(|purpose| purpose.id.clone()),
            dataset: event.dataset.clone(),
            person: self.person,
            ..Alert::of_log(self.code, at.leaf.time, self.count, self.limit)
        }
    }
}

/// Whole seconds; none before 0.
fn seconds(micros: Micros) -> u64 {
    u64::try_from(micros / 1_000_000).unwrap_or(0)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn rfc3339<S: Serializer>(time: &Micros, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&super::record::time(*time))
}
