//! Rules that need the leaf alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use jiff::civil::Date;

use super::calendar::is_off_hours;
use super::{Alert, At, Code, Found, Thresholds, about_persons, seconds};
use crate::audit::leaf::{GRANTED, Kind, Micros, Value, extra};
use crate::audit::private::Private;

/// What a completion says of an answer of which nobody knows how far it came.
const PRESUMED: &str = "presumed-disclosed";
/// Microseconds of a day.
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// What the rules remember.
#[derive(Default)]
pub(super) struct Memory {
    /// The time of the first entry.
    begin: Option<Micros>,
    next: Option<u64>,
    /// The next sequence number of each boot id.
    replicas: HashMap<[u8; 16], u64>,
    combinations: BTreeSet<(String, String, String)>,
    /// Requests and refusals of today, by organisation.
    asked: BTreeMap<String, Asked>,
    asked_on: Option<Date>,
    /// Answers on their way, oldest first.
    open: VecDeque<Open>,
}

#[derive(Default)]
struct Asked {
    requests: u64,
    refused: u64,
}

/// An answer that leaves in pieces.
struct Open {
    id: [u8; 16],
    since: Micros,
    about_persons: bool,
    was_bulk: bool,
    alert: Alert,
}

pub(super) fn rules(
    memory: &mut Memory,
    limits: &Thresholds,
    at: &At<'_>,
    private: Option<&Private>,
) -> Vec<Found> {
    let bulk = bulk(limits, at, private);
    let was_bulk = bulk.is_some();
    let completed = memory.completed(limits, at);
    if at.event().extra.contains_key(&extra::BODY) {
        memory.open.push_back(Open::new(at, was_bulk));
    }
    [
        off_hours(limits, at),
        memory.first_combination(limits, at),
        bulk,
        memory.refusals(limits, at),
        break_glass(at),
        completed,
        memory.gap(at),
        clock(limits, at),
        incident(at),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Answers whose end should long be known.
pub(super) fn overdue(memory: &mut Memory, limits: &Thresholds, now: Micros) -> Vec<Alert> {
    let limit = limits.completion_minutes_max;
    let minutes = |since: Micros| seconds(now - since) / 60;
    let late = memory.open.iter().take_while(|open| minutes(open.since) > limit);
    let late = late.count();
    memory
        .open
        .drain(..late)
        .map(|open| Alert {
            found: minutes(open.since),
            limit,
            ..open.alert
        })
        .collect()
}

fn off_hours(limits: &Thresholds, at: &At<'_>) -> Option<Found> {
    let moment = at.event().requested_at.unwrap_or(at.leaf.time);
    let cause = format!("{} {}", at.organisation(), at.purpose());
    (at.opens_persons() && is_off_hours(moment, limits)).then(|| Found::new(Code::OffHours, 1, 0).once(cause))
}

/// More than half of the tags are of persons, one of them perhaps of who asked.
fn bulk(limits: &Thresholds, at: &At<'_>, private: Option<&Private>) -> Option<Found> {
    let least = at.event().tags.len() / 2;
    let pupils = private.map_or(least, |private| private.subjects.len()) as u64;
    let limit = limits.bulk_pupils_max;
    (at.opens_persons() && pupils > limit).then(|| Found::new(Code::Bulk, pupils, limit))
}

fn break_glass(at: &At<'_>) -> Option<Found> {
    at.event()
        .extra
        .contains_key(&extra::BREAK_GLASS)
        .then(|| Found::new(Code::BreakGlass, 1, 0))
}

/// A request's time by the replica, and the time that the log gave to it.
fn clock(limits: &Thresholds, at: &At<'_>) -> Option<Found> {
    let asked = at.event().requested_at?;
    let apart = at.leaf.time.abs_diff(asked) / 1_000_000;
    let limit = limits.clock_difference_s_max;
    (at.event().kind == Kind::AccessDecided && apart > limit)
        .then(|| Found::new(Code::Clock, apart, limit).once(String::new()))
}

fn incident(at: &At<'_>) -> Option<Found> {
    (at.event().kind == Kind::Incident).then(|| Found::new(Code::Incident, 1, 0))
}

impl Memory {
    fn first_combination(&mut self, limits: &Thresholds, at: &At<'_>) -> Option<Found> {
        let begin = *self.begin.get_or_insert(at.leaf.time);
        let event = at.event();
        if event.kind != Kind::AccessDecided || event.decision.as_deref() != Some(GRANTED) {
            return None;
        }
        let dataset = event.dataset.clone().unwrap_or_default();
        let is_new = self
            .combinations
            .insert((at.organisation(), at.purpose(), dataset));
        let learning = i64::from(limits.first_combination_learning_days).saturating_mul(DAY_US);
        let learned = at.leaf.time >= begin.saturating_add(learning);
        (is_new && learned).then(|| Found::new(Code::FirstCombination, 1, 0))
    }

    fn refusals(&mut self, limits: &Thresholds, at: &At<'_>) -> Option<Found> {
        if self.asked_on != Some(at.date) {
            self.asked_on = Some(at.date);
            self.asked.clear();
        }
        let event = at.event();
        // A window's count holds those that have no entry of their own.
        let refused = match event.kind {
            Kind::AccessDecided => u64::from(event.decision.as_deref() != Some(GRANTED)),
            Kind::RefusalWindowClosed => event.window.and_then(|window| window.count).unwrap_or(0),
            _ => return None,
        };
        let asked = self.asked.entry(at.organisation()).or_default();
        asked.requests += refused.max(1);
        asked.refused += refused;
        let percent = asked.refused.saturating_mul(100) / asked.requests;
        let limit = limits.refusals_percent_max;
        (asked.refused >= limits.refusals_min && percent > limit)
            .then(|| Found::new(Code::Refusals, percent, limit).once(at.organisation()))
    }

    /// The end of an answer: it may be that nobody knows it, and it may tell of many rows.
    fn completed(&mut self, limits: &Thresholds, at: &At<'_>) -> Option<Found> {
        let event = at.event();
        if event.kind != Kind::AccessCompleted {
            return None;
        }
        let place = self.open.iter().position(|open| Some(open.id) == event.opening);
        let open = place.and_then(|place| self.open.remove(place));
        if event.extra.get(&extra::OUTCOME) == Some(&Value::Text(PRESUMED.to_owned())) {
            let minutes = open.map_or(0, |open| seconds(at.leaf.time - open.since) / 60);
            let limit = limits.completion_minutes_max;
            return Some(Found::new(Code::MissingCompletion, minutes, limit));
        }
        let limit = limits.bulk_pupils_max;
        match (open, event.extra.get(&extra::ROWS)) {
            (Some(open), Some(Value::Number(rows)))
                if open.about_persons && !open.was_bulk && *rows > limit =>
            {
                Some(Found::new(Code::Bulk, *rows, limit))
            }
            _ => None,
        }
    }

    /// Numbers of the log, and of each boot id as far as its beginning was seen.
    fn gap(&mut self, at: &At<'_>) -> Option<Found> {
        let from_the_beginning = self.next.is_some() || at.index == 0;
        let missing = self.next.map_or(0, |next| at.index.abs_diff(next));
        self.next = Some(at.index + 1);
        let begins = matches!(at.event().kind, Kind::ShardOpened | Kind::ReplicaStarted);
        let known = self.replicas.get(&at.leaf.replica).copied();
        let expected = known.or((from_the_beginning && begins).then_some(0));
        let missing = missing.max(expected.map_or(0, |expected| at.leaf.sequence.abs_diff(expected)));
        self.replicas
            .insert(at.leaf.replica, at.leaf.sequence.saturating_add(1));
        (missing > 0).then(|| Found::new(Code::Gap, missing, 0))
    }
}

impl Open {
    fn new(at: &At<'_>, was_bulk: bool) -> Self {
        Self {
            id: at.event().entry_id,
            since: at.leaf.time,
            about_persons: at.event().form.is_some_and(about_persons),
            was_bulk,
            alert: Found::new(Code::MissingCompletion, 0, 0).alert(at),
        }
    }
}
