//! The monthly report of the data protection officer (FG), as data: what the log proves, what happened, what was looked at.

#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use serde::Serialize;

use super::alert::{Alert, Code};
use super::day::Month;
use super::leaf::{GRANTED, Kind, Leaf, Value, extra};
use super::record::time;
use super::verify::Report;
use super::{base64, leaf::Form};

/// Alerts that a report lists; all are counted.
const ALERTS_LISTED_MAX: usize = 200;
/// Entries of one kind that a report lists; all are counted.
const EVENTS_LISTED_MAX: usize = 200;

/// A report on one month.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MonthReport {
    /// The month, in UTC.
    pub month: Month,
    /// What the log proves.
    pub integrity: Integrity,
    /// What others vouch for, where that was verified.
    pub others: Option<Others>,
    /// Entries of this month.
    pub entries: u64,
    /// Requests and deliveries by organisation, purpose and dataset.
    pub volumes: Vec<Volume>,
    /// Refusals by code.
    pub refusals: BTreeMap<String, u64>,
    /// Alerts by rule.
    pub alerts: BTreeMap<&'static str, u64>,
    /// The first alerts.
    pub alerts_listed: Vec<Alert>,
    /// Samples that were reviewed, as their files say.
    pub samples: Vec<ReviewedSample>,
    /// Who read the log.
    pub readings: Events,
    /// What was destroyed.
    pub retention: Events,
    /// What went wrong.
    pub incidents: Events,
    /// Changes of policies, and withdrawals.
    pub policies: Events,
    /// Keys that were made, changed or withdrawn.
    pub keys: Events,
    /// Time stamps and other anchors.
    pub anchors: Events,
    /// Answers of which nobody knows how they ended.
    pub presumed_disclosed: u64,
}

/// The integrity statement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Integrity {
    /// The log's name.
    pub origin: String,
    /// Whether everything that was checked is as it should be.
    pub intact: bool,
    /// The number of entries that were verified, from 0.
    pub size: u64,
    /// The root that was recomputed from them, base64.
    pub root: String,
    /// Signed checkpoints that were verified.
    pub checkpoints: u64,
    /// The size of a checkpoint that was kept elsewhere and compared.
    pub against: Option<u64>,
    /// What is wrong.
    pub findings: Vec<String>,
    /// What was not checked.
    pub not_checked: Vec<String>,
    /// The first and the last entry of this month, if it has any.
    pub range: Option<(u64, u64)>,
    /// The program that verified.
    pub software: String,
}

/// What others said of the log.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Others {
    /// The witnesses whose cosignatures were verified, by name.
    pub witnesses: Vec<String>,
    /// Their cosignatures that fit.
    pub cosignatures: u64,
    /// The largest checkpoint that enough of them cosigned.
    pub witnessed: Option<u64>,
    /// Time stamps that fit.
    pub stamps: u64,
    /// When the last one was made.
    pub last_stamp: Option<String>,
    /// What does not fit.
    pub findings: Vec<String>,
}

/// What one organisation asked, or delivered, under one purpose of one dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// The OIN.
    pub organisation: String,
    /// The purpose; empty where none was understood.
    pub purpose: String,
    /// The dataset; empty where none was reached.
    pub dataset: String,
    /// The form.
    pub form: &'static str,
    /// Requests that were granted, or deliveries.
    pub granted: u64,
    /// Requests that were refused, those that were only counted included.
    pub refused: u64,
    /// Rows that were delivered.
    pub rows: u64,
}

/// Entries of one sort.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Events {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub listed: Vec<EventLine>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventLine {
    /// The entry.
    pub index: u64,
    /// When.
    pub time: String,
    /// Who, if an organisation did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The decision or outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
}

/// A sample and how far its review came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewedSample {
    /// The digest of its announcement, base64.
    pub announcement: String,
    /// The size of the checkpoint that drew it.
    pub drawn_at_size: u64,
    /// Entries that were drawn.
    pub drawn: u64,
    /// Of them signed off.
    pub signed_off: u64,
    /// Of them signed off as not in order.
    pub not_in_order: u64,
}

/// A report in the making: entries are given to it in their order.
#[derive(Clone, Debug)]
pub struct Making {
    month: Month,
    range: Option<(u64, u64)>,
    entries: u64,
    volumes: BTreeMap<(String, String, String, &'static str), Volume>,
    refusals: BTreeMap<String, u64>,
    events: BTreeMap<Sort, Events>,
    presumed_disclosed: u64,
}

/// The sorts of entries that are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Reading,
    Retention,
    Incident,
    Policies,
    Keys,
    Anchors,
}

impl Making {
    /// A report on `month`, with nothing in it.
    pub fn new(month: Month) -> Self {
        Self {
            month,
            range: None,
            entries: 0,
            volumes: BTreeMap::new(),
            refusals: BTreeMap::new(),
            events: BTreeMap::new(),
            presumed_disclosed: 0,
        }
    }

    /// Takes an entry, if it is of this month.
    pub fn entry(&mut self, index: u64, leaf: &Leaf) {
        if Month::of(leaf.time) != self.month {
            return;
        }
        self.entries += 1;
        self.range = Some((self.range.map_or(index, |(first, _)| first), index));
        self.volume(leaf);
        if let Some(sort) = sort(leaf.event.kind) {
            self.events.entry(sort).or_default().push(index, leaf);
        }
        let outcome = leaf.event.extra.get(&extra::OUTCOME);
        if leaf.event.kind == Kind::AccessCompleted
            && outcome == Some(&Value::Text("presumed-disclosed".to_owned()))
        {
            self.presumed_disclosed += 1;
        }
    }

    /// The report, with what was found elsewhere.
    pub fn finish(
        mut self,
        report: &Report,
        alerts: Vec<Alert>,
        samples: Vec<ReviewedSample>,
        software: &str,
    ) -> MonthReport {
        let mut counted = BTreeMap::new();
        for alert in &alerts {
            *counted.entry(alert.code).or_insert(0) += 1;
        }
        let mut events = |sort| self.events.remove(&sort).unwrap_or_default();
        MonthReport {
            month: self.month,
            integrity: integrity(report, self.range, software),
            others: None,
            entries: self.entries,
            readings: events(Sort::Reading),
            retention: events(Sort::Retention),
            incidents: events(Sort::Incident),
            policies: events(Sort::Policies),
            keys: events(Sort::Keys),
            anchors: events(Sort::Anchors),
            volumes: self.volumes.into_values().collect(),
            refusals: self.refusals,
            alerts: counted
                .into_iter()
                .map(|(code, count): (Code, u64)| (code.name(), count))
                .collect(),
            alerts_listed: alerts.into_iter().take(ALERTS_LISTED_MAX).collect(),
            samples,
            presumed_disclosed: self.presumed_disclosed,
        }
    }

    fn volume(&mut self, leaf: &Leaf) {
        let event = &leaf.event;
        let (granted, refused) = match event.kind {
            Kind::AccessDecided if event.decision.as_deref() == Some(GRANTED) => (1, 0),
            Kind::AccessDecided => (0, 1),
            Kind::RefusalWindowClosed => (0, event.window.and_then(|window| window.count).unwrap_or(0)),
            Kind::Delivery => match event.decision.as_deref() {
                None | Some(GRANTED) => (1, 0),
                Some(_) => (0, 1),
            },
            _ => return,
        };
        if let (Some(code), true) = (&event.decision, refused > 0) {
            *self.refusals.entry(code.clone()).or_default() += refused;
        }
        let rows = match (event.kind, event.extra.get(&extra::ROWS)) {
            (Kind::Delivery, Some(Value::Number(rows))) => *rows,
            _ => 0,
        };
        let key = (
            event.recipient.clone().unwrap_or_default(),
            event
                .purpose
                .as_ref()
                .map(|purpose| purpose.id.clone())
                .unwrap_or_default(),
            event.dataset.clone().unwrap_or_default(),
            event.form.map_or(event.kind.name(), Form::name),
        );
        let volume = self.volumes.entry(key.clone()).or_insert_with(|| Volume {
            organisation: key.0,
            purpose: key.1,
            dataset: key.2,
            form: key.3,
            ..Volume::default()
        });
        volume.granted += granted;
        volume.refused += refused;
        volume.rows += rows;
    }
}

fn sort(kind: Kind) -> Option<Sort> {
    Some(match kind {
        Kind::LogRead => Sort::Reading,
        Kind::Retention => Sort::Retention,
        Kind::Incident | Kind::Void => Sort::Incident,
        Kind::PolicyChanged | Kind::Withdrawal => Sort::Policies,
        Kind::KeyEvent => Sort::Keys,
        Kind::Anchor => Sort::Anchors,
        _ => return None,
    })
}

fn integrity(report: &Report, range: Option<(u64, u64)>, software: &str) -> Integrity {
    Integrity {
        origin: report.origin.clone(),
        intact: report.is_intact(),
        size: report.size,
        root: base64(&report.root),
        checkpoints: report.checkpoints,
        against: report.against,
        findings: report.findings.iter().map(ToString::to_string).collect(),
        not_checked: report.not_checked(),
        range,
        software: software.to_owned(),
    }
}

impl Events {
    fn push(&mut self, index: u64, leaf: &Leaf) {
        self.count += 1;
        if self.listed.len() >= EVENTS_LISTED_MAX {
            return;
        }
        let outcome = match leaf.event.extra.get(&extra::OUTCOME) {
            Some(Value::Text(outcome)) => Some(outcome.clone()),
            _ => None,
        };
        self.listed.push(EventLine {
            index,
            time: time(leaf.time),
            organisation: leaf.event.recipient.clone(),
            what: leaf.event.decision.clone().or(outcome),
        });
    }
}
