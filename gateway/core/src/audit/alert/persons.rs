//! Rules about who asks and about whom: they need the private part, so they work only where the FG opens it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use serde_json::Value as Json;

use super::{At, Code, Found, Person, Thresholds};
use crate::audit::leaf::{Form, Kind, Micros};
use crate::audit::private::Private;
use crate::pseudonym::SubjectId;

/// Microseconds of a day.
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
/// Days on which somebody opened pupils that a median is made of.
const DAYS_MAX: usize = 30;
/// Requests of one organisation and purpose that a new one is compared with; the latest.
const COMPARED_MAX: usize = 256;
/// What tells the pages of one and the same request apart.
const PAGE_KEYS: [&str; 2] = ["cursor", "limit"];

/// A member of staff of an organisation.
type Who = (String, Person);

/// When something was asked, and its values.
type Query = (Micros, BTreeSet<String>);

/// What the rules remember.
#[derive(Default)]
pub(super) struct Memory {
    today: HashMap<Who, HashSet<SubjectId>>,
    /// How many different pupils on each earlier day that had any.
    days: HashMap<Who, VecDeque<u64>>,
    /// Who opened a pupil when, in the last seven days.
    opened: HashMap<SubjectId, Vec<(Micros, Who)>>,
    misses: HashMap<Who, u64>,
    /// What was asked in the last 24 hours, by organisation and purpose.
    asked: HashMap<(String, String), VecDeque<Query>>,
}

impl Memory {
    /// A new day begins: today's counts become history, what is older than a week is forgotten.
    pub(super) fn next_day(&mut self, now: Micros) {
        for (who, pupils) in self.today.drain() {
            let days = self.days.entry(who).or_default();
            days.push_back(pupils.len() as u64);
            if days.len() > DAYS_MAX {
                days.pop_front();
            }
        }
        self.misses.clear();
        self.opened.retain(|_, opened| {
            opened.retain(|(when, _)| now - when < 7 * DAY_US);
            !opened.is_empty()
        });
    }
}

pub(super) fn rules(memory: &mut Memory, limits: &Thresholds, at: &At<'_>, private: &Private) -> Vec<Found> {
    let who = private
        .staff
        .as_ref()
        .map(|staff| (at.organisation(), Person(staff.subject.clone())));
    let mut found: Vec<Found> = memory
        .misses(limits, at, private, who.as_ref())
        .into_iter()
        .collect();
    found.extend(memory.near_identical(limits, at, private));
    if let Some(who) = who.filter(|_| at.opens_persons()) {
        found.extend(memory.person_many(limits, &who, private));
        found.extend(memory.pupil_many(limits, at, &who, private));
    }
    found
}

impl Memory {
    fn person_many(&mut self, limits: &Thresholds, who: &Who, private: &Private) -> Option<Found> {
        let today = self.today.entry(who.clone()).or_default();
        today.extend(private.subjects.iter().copied());
        let count = today.len() as u64;
        let days = self
            .days
            .get(who)
            .filter(|days| days.len() >= limits.person_median_days_min);
        let by_median = days
            .map(|days| median(days).saturating_mul(limits.person_median_times_max))
            .filter(|_| count >= limits.person_pupils_min);
        let limit = by_median.unwrap_or(u64::MAX).min(limits.person_pupils_a_day_max);
        (count > limit).then(|| Found {
            person: Some(who.1.clone()),
            ..Found::new(Code::PersonMany, count, limit).once(cause(who))
        })
    }

    /// The pupil is not named: the entry says who it is to whoever may open it.
    fn pupil_many(
        &mut self,
        limits: &Thresholds,
        at: &At<'_>,
        who: &Who,
        private: &Private,
    ) -> Option<Found> {
        let now = at.leaf.time;
        let limit = limits.pupil_persons_a_week_max;
        let mut most = 0;
        for subject in &private.subjects {
            let opened = self.opened.entry(*subject).or_default();
            opened.retain(|(when, other)| now - when < 7 * DAY_US && other != who);
            let others: HashSet<&Who> = opened.iter().map(|(_, other)| other).collect();
            let persons = others.len() + 1;
            opened.push((now, who.clone()));
            // Once, when it becomes one too many, and for each person after that.
            most = most.max(persons);
        }
        (most > limit).then(|| {
            let cause = format!("{} {most}", cause(who));
            Found::new(Code::PupilMany, most as u64, limit as u64).once(cause)
        })
    }

    fn misses(
        &mut self,
        limits: &Thresholds,
        at: &At<'_>,
        private: &Private,
        who: Option<&Who>,
    ) -> Option<Found> {
        let named = matches!(at.event().form, Some(Form::Facts | Form::Resolve));
        let result = private.result.as_ref().filter(|_| named)?;
        let missed = (private.subjects.len() as u64).saturating_sub(result.rows);
        let nobody = || (at.organisation(), Person(String::new()));
        let key = who.cloned().unwrap_or_else(nobody);
        let sum = self.misses.entry(key.clone()).or_default();
        *sum += missed;
        let limit = limits.misses_a_day_max;
        (*sum > limit).then(|| Found {
            person: who.map(|(_, person)| person.clone()),
            ..Found::new(Code::Misses, *sum, limit).once(cause(&key))
        })
    }

    fn near_identical(&mut self, limits: &Thresholds, at: &At<'_>, private: &Private) -> Option<Found> {
        let query = private.query.as_ref()?;
        if at.event().kind != Kind::AccessDecided {
            return None;
        }
        let mut values = BTreeSet::new();
        flatten("", query, &mut values);
        let now = at.leaf.time;
        let asked = self.asked.entry((at.organisation(), at.purpose())).or_default();
        asked.retain(|(when, _)| now - when < DAY_US);
        let near = asked.iter().filter(|(_, other)| {
            let apart = values.symmetric_difference(other).count();
            (1..=limits.near_identical_differences_max).contains(&apart)
        });
        let near = near.count() as u64;
        // The same request again says nothing new.
        if !asked.iter().any(|(_, other)| *other == values) {
            asked.push_back((now, values));
        }
        if asked.len() > COMPARED_MAX {
            asked.pop_front();
        }
        let limit = limits.near_identical_max;
        let cause = format!("{} {}", at.organisation(), at.purpose());
        (near > limit).then(|| Found::new(Code::NearIdentical, near, limit).once(cause))
    }
}

fn cause((organisation, person): &Who) -> String {
    format!("{organisation} {}", person.0)
}

fn median(days: &VecDeque<u64>) -> u64 {
    let mut days: Vec<u64> = days.iter().copied().collect();
    days.sort_unstable();
    days.get(days.len() / 2).copied().unwrap_or(0)
}

/// Each value under its path; of a list each item by itself.
fn flatten(path: &str, value: &Json, into: &mut BTreeSet<String>) {
    match value {
        Json::Object(members) => members
            .iter()
            .filter(|(name, _)| !PAGE_KEYS.contains(&name.as_str()))
            .for_each(|(name, value)| flatten(&format!("{path}/{name}"), value, into)),
        Json::Array(items) => items.iter().for_each(|item| flatten(path, item, into)),
        value => {
            into.insert(format!("{path}={value}"));
        }
    }
}
