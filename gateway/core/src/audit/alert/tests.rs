//! Each rule fires on what it is for, and stays silent on what lies just below it.

use serde_json::json;

use super::*;
use crate::audit::fixture::{RECIPIENT, SUNDAY, decided, private};
use crate::audit::leaf::{Value, Window, extra};
use crate::audit::verify::{Finding, Source};

const HOUR: Micros = 60 * 60 * 1_000_000;
const DAY: Micros = 24 * HOUR;
const MINUTE: Micros = 60 * 1_000_000;

/// A log that is written, with its alerts.
struct Log {
    alerts: Alerts,
    next: u64,
    found: Vec<Alert>,
}

impl Log {
    fn new() -> Self {
        Self::with(Thresholds::default())
    }

    /// Begins with the entry that opens a replica.
    fn with(limits: Thresholds) -> Self {
        let mut log = Self {
            alerts: Alerts::new(limits),
            next: 0,
            found: Vec::new(),
        };
        let mut begin = decided(GRANTED);
        begin.event = Event::new(Kind::ReplicaStarted, [0; 16]);
        log.push(SUNDAY, begin, None);
        log
    }

    fn push(&mut self, time: Micros, mut leaf: Leaf, private: Option<&Private>) {
        leaf.time = time;
        leaf.sequence = self.next;
        let found = self.alerts.entry(self.next, &leaf, private);
        self.found.extend(found);
        self.next += 1;
    }

    /// An entry as it is decided at this moment.
    fn decide(&mut self, time: Micros, decision: &str, private: Option<&Private>) {
        let mut leaf = decided(decision);
        leaf.event.requested_at = Some(time);
        self.push(time, leaf, private);
    }

    fn count(&self, code: Code) -> usize {
        self.found.iter().filter(|alert| alert.code == code).count()
    }

    fn last(&self, code: Code) -> &Alert {
        self.found.iter().rfind(|alert| alert.code == code).unwrap()
    }
}

#[test]
fn off_hours_is_told_once_a_night_and_not_by_day() {
    let mut log = Log::new();
    log.decide(SUNDAY, GRANTED, None);
    assert_eq!(log.count(Code::OffHours), 0);
    // 23:00 and 23:30 in the Netherlands.
    log.decide(SUNDAY + 12 * HOUR, GRANTED, None);
    log.decide(SUNDAY + 12 * HOUR + 30 * MINUTE, GRANTED, None);
    assert_eq!(log.count(Code::OffHours), 1);
    // Figures are about nobody, and a refusal gave nothing.
    let mut figures = decided(GRANTED);
    figures.event.form = Some(Form::Figures);
    let mut silent = Log::new();
    silent.push(SUNDAY + 12 * HOUR, figures, None);
    silent.decide(SUNDAY + 12 * HOUR, "no-such-purpose", None);
    assert_eq!(silent.count(Code::OffHours), 0);
}

#[test]
fn a_new_combination_is_told_once_after_the_first_weeks() {
    let mut log = Log::new();
    log.decide(SUNDAY + DAY, GRANTED, None);
    log.decide(SUNDAY + 20 * DAY, GRANTED, None);
    assert_eq!(log.count(Code::FirstCombination), 0);
    let mut other = decided(GRANTED);
    other.event.dataset = Some("absence".to_owned());
    log.push(SUNDAY + 20 * DAY, other.clone(), None);
    log.push(SUNDAY + 21 * DAY, other, None);
    assert_eq!(log.count(Code::FirstCombination), 1);
    assert_eq!(
        log.last(Code::FirstCombination).dataset.as_deref(),
        Some("absence")
    );
}

#[test]
fn bulk_is_told_by_tags_by_pupils_and_by_rows() {
    let tagged = |tags: usize| {
        let mut leaf = decided(GRANTED);
        leaf.event.tags = vec![[1; 16]; tags];
        leaf
    };
    let mut log = Log::new();
    // 512 tags may be 257 persons: that is not surely too many.
    log.push(SUNDAY, tagged(512), None);
    assert_eq!(log.count(Code::Bulk), 0);
    log.push(SUNDAY, tagged(1024), None);
    assert_eq!((log.count(Code::Bulk), log.last(Code::Bulk).found), (1, 512));
    // With the private part it is exact.
    let limits = Thresholds {
        bulk_pupils_max: 3,
        ..Thresholds::default()
    };
    let mut log = Log::with(limits);
    log.push(SUNDAY, tagged(4), Some(&private("a", &[1, 2, 3], 3)));
    assert_eq!(log.count(Code::Bulk), 0);
    log.push(SUNDAY, tagged(4), Some(&private("a", &[1, 2, 3, 4], 4)));
    assert_eq!(log.count(Code::Bulk), 1);
}

/// An answer that leaves in pieces, and how it ended.
fn streamed(form: Form) -> Leaf {
    let mut leaf = decided(GRANTED);
    leaf.event.form = Some(form);
    leaf.event.extra.insert(extra::BODY, Value::Number(1));
    leaf
}

fn ended(rows: u64, outcome: &str) -> Leaf {
    let mut leaf = decided(GRANTED);
    leaf.event = Event::new(Kind::AccessCompleted, [6; 16]);
    leaf.event.opening = Some([5; 16]);
    leaf.event.extra.insert(extra::ROWS, Value::Number(rows));
    leaf.event
        .extra
        .insert(extra::OUTCOME, Value::Text(outcome.to_owned()));
    leaf
}

#[test]
fn the_rows_of_an_answer_in_pieces_count_when_it_ends() {
    let mut log = Log::new();
    log.push(SUNDAY, streamed(Form::Records), None);
    log.push(SUNDAY, ended(501, "complete"), None);
    assert_eq!((log.count(Code::Bulk), log.last(Code::Bulk).found), (1, 501));
    // So many cells of figures are about nobody, and 500 rows are allowed.
    let mut silent = Log::new();
    silent.push(SUNDAY, streamed(Form::Figures), None);
    silent.push(SUNDAY, ended(9_000, "complete"), None);
    silent.push(SUNDAY, streamed(Form::Records), None);
    silent.push(SUNDAY, ended(500, "complete"), None);
    assert_eq!(silent.count(Code::Bulk), 0);
}

#[test]
fn an_answer_without_an_end_is_told_by_the_log_or_by_the_clock() {
    let mut log = Log::new();
    log.push(SUNDAY, streamed(Form::Records), None);
    log.push(SUNDAY + 15 * MINUTE, ended(0, "presumed-disclosed"), None);
    assert_eq!(
        (
            log.count(Code::MissingCompletion),
            log.last(Code::MissingCompletion).found
        ),
        (1, 15)
    );
    assert!(log.alerts.look(signed(SUNDAY + DAY)).is_empty());
    // Nobody told.
    let mut log = Log::new();
    log.push(SUNDAY, streamed(Form::Records), None);
    assert!(log.alerts.look(signed(SUNDAY + 20 * MINUTE)).is_empty());
    let late = log.alerts.look(signed(SUNDAY + 22 * MINUTE));
    assert_eq!(
        (late.len(), late[0].code, late[0].index),
        (1, Code::MissingCompletion, Some(1))
    );
    assert!(log.alerts.look(signed(SUNDAY + DAY)).is_empty());
    // It ended.
    let mut silent = Log::new();
    silent.push(SUNDAY, streamed(Form::Records), None);
    silent.push(SUNDAY + MINUTE, ended(1, "complete"), None);
    assert!(silent.alerts.look(signed(SUNDAY + DAY)).is_empty());
    assert_eq!(silent.count(Code::MissingCompletion), 0);
}

fn signed(now: Micros) -> LogState {
    LogState {
        now,
        unsigned_since: None,
    }
}

#[test]
fn many_refusals_of_a_day_are_told_once() {
    let mut log = Log::new();
    for _ in 0..380 {
        log.decide(SUNDAY, GRANTED, None);
    }
    for _ in 0..20 {
        log.decide(SUNDAY, "no-such-purpose", None);
    }
    // 20 of 400 are five percent, which is allowed.
    assert_eq!(log.count(Code::Refusals), 0);
    for _ in 0..9 {
        log.decide(SUNDAY, "no-such-purpose", None);
    }
    assert_eq!(
        (log.count(Code::Refusals), log.last(Code::Refusals).found),
        (1, 6)
    );
    // Nineteen refusals alone say nothing; a window of refusals counts as many as it says.
    let mut log = Log::new();
    for _ in 0..19 {
        log.decide(SUNDAY, "no-such-purpose", None);
    }
    assert_eq!(log.count(Code::Refusals), 0);
    let mut window = decided(GRANTED);
    window.event = Event::new(Kind::RefusalWindowClosed, [8; 16]);
    window.event.recipient = Some(RECIPIENT.to_owned());
    window.event.opening = Some([5; 16]);
    window.event.window = Some(Window {
        from: 0,
        until: Some(1),
        count: Some(500),
    });
    log.push(SUNDAY, window, None);
    assert_eq!(log.count(Code::Refusals), 1);
    // The next day counts anew.
    log.decide(SUNDAY + DAY, "no-such-purpose", None);
    assert_eq!(log.count(Code::Refusals), 1);
}

#[test]
fn an_emergency_is_always_told() {
    let mut log = Log::new();
    log.decide(SUNDAY, GRANTED, None);
    assert_eq!(log.count(Code::BreakGlass), 0);
    for _ in 0..2 {
        let mut leaf = decided(GRANTED);
        leaf.event
            .extra
            .insert(extra::BREAK_GLASS, Value::Text("safety".to_owned()));
        log.push(SUNDAY, leaf, None);
    }
    assert_eq!(log.count(Code::BreakGlass), 2);
}

#[test]
fn a_missing_number_is_told() {
    let mut log = Log::new();
    log.decide(SUNDAY, GRANTED, None);
    assert_eq!(log.count(Code::Gap), 0);
    // A number of the log.
    log.next += 3;
    log.decide(SUNDAY, GRANTED, None);
    assert_eq!((log.count(Code::Gap), log.last(Code::Gap).found), (1, 3));
    // A number of a replica alone.
    let mut leaf = decided(GRANTED);
    leaf.sequence = 7;
    let mut alerts = Alerts::new(Thresholds::default());
    let mut begin = decided(GRANTED);
    begin.event = Event::new(Kind::ReplicaStarted, [0; 16]);
    assert!(alerts.entry(0, &begin, None).is_empty());
    let told = alerts.entry(1, &leaf, None);
    assert_eq!((told[0].code, told[0].found), (Code::Gap, 6));
    // What begins in the middle of a log knows of none.
    let mut alerts = Alerts::new(Thresholds::default());
    assert!(alerts.entry(500, &leaf, None).is_empty());
}

#[test]
fn clocks_that_differ_are_told() {
    let mut log = Log::new();
    let at = |asked: Micros| {
        let mut leaf = decided(GRANTED);
        leaf.event.requested_at = Some(asked);
        leaf
    };
    log.push(SUNDAY, at(SUNDAY - MINUTE), None);
    assert_eq!(log.count(Code::Clock), 0);
    log.push(SUNDAY, at(SUNDAY + 61 * 1_000_000), None);
    assert_eq!((log.count(Code::Clock), log.last(Code::Clock).found), (1, 61));
}

#[test]
fn a_stale_checkpoint_is_told() {
    let mut log = Log::new();
    let unsigned = |seconds: i64| LogState {
        now: SUNDAY + seconds * 1_000_000,
        unsigned_since: Some(SUNDAY),
    };
    assert!(log.alerts.look(unsigned(10)).is_empty());
    let told = log.alerts.look(unsigned(11));
    assert_eq!(
        (told[0].code, told[0].found, told[0].limit),
        (Code::StaleCheckpoint, 11, 10)
    );
}

#[test]
fn a_log_that_does_not_verify_is_told() {
    let mut report = Report {
        origin: "o".to_owned(),
        source: Source::Database,
        size: 9,
        root: [0; 32],
        checkpoints: 1,
        replicas: 1,
        shards: Vec::new(),
        before: None,
        next: None,
        lost: Vec::new(),
        skipped: Vec::new(),
        against: None,
        vouched: false,
        unsigned_orders: 0,
        releases: Vec::new(),
        findings: Vec::new(),
    };
    assert_eq!(verifier_failure(&report, SUNDAY), None);
    report.findings.push(Finding {
        shard: None,
        index: Some(4),
        what: "changed".to_owned(),
    });
    let told = verifier_failure(&report, SUNDAY).unwrap();
    assert_eq!((told.code, told.index), (Code::VerifierFailure, Some(4)));
}

#[test]
fn an_incident_is_told() {
    let mut log = Log::new();
    let mut leaf = decided(GRANTED);
    leaf.event = Event::new(Kind::Incident, [1; 16]);
    log.push(SUNDAY, leaf, None);
    assert_eq!(log.count(Code::Incident), 1);
    assert_eq!(Log::new().count(Code::Incident), 0);
}

#[test]
fn one_person_may_open_sixty_pupils_a_day() {
    let pupils: Vec<u8> = (0..60).collect();
    let mut log = Log::new();
    log.decide(SUNDAY, GRANTED, Some(&private("a", &pupils, 60)));
    // The same again are no more pupils, and somebody else's are theirs.
    log.decide(SUNDAY, GRANTED, Some(&private("a", &pupils, 60)));
    log.decide(SUNDAY, GRANTED, Some(&private("b", &[100], 1)));
    assert_eq!(log.count(Code::PersonMany), 0);
    log.decide(SUNDAY, GRANTED, Some(&private("a", &[100], 1)));
    log.decide(SUNDAY, GRANTED, Some(&private("a", &[101], 1)));
    assert_eq!(
        (log.count(Code::PersonMany), log.last(Code::PersonMany).found),
        (1, 61)
    );
    assert_eq!(log.last(Code::PersonMany).person, Some(Person("a".to_owned())));
}

#[test]
fn one_person_may_open_three_times_their_own_median() {
    let usual: Vec<u8> = (0..5).collect();
    let three_times: Vec<u8> = (0..15).collect();
    let mut log = Log::new();
    for day in 0..5 {
        log.decide(SUNDAY + day * DAY, GRANTED, Some(&private("a", &usual, 5)));
    }
    log.decide(SUNDAY + 5 * DAY, GRANTED, Some(&private("a", &three_times, 15)));
    assert_eq!(log.count(Code::PersonMany), 0);
    log.decide(SUNDAY + 5 * DAY, GRANTED, Some(&private("a", &[99], 1)));
    assert_eq!(
        (log.last(Code::PersonMany).found, log.last(Code::PersonMany).limit),
        (16, 15)
    );
    // Who has no history has no median.
    log.decide(SUNDAY + 5 * DAY, GRANTED, Some(&private("b", &three_times, 15)));
    log.decide(SUNDAY + 5 * DAY, GRANTED, Some(&private("b", &[99], 1)));
    assert_eq!(log.count(Code::PersonMany), 1);
}

#[test]
fn one_pupil_may_be_opened_by_seven_persons_a_week() {
    let by = |log: &mut Log, day: i64, who: usize| {
        log.decide(
            SUNDAY + day * DAY,
            GRANTED,
            Some(&private(&format!("person {who}"), &[7], 1)),
        );
    };
    let mut log = Log::new();
    for who in 0..7 {
        by(&mut log, 0, who);
        by(&mut log, 1, who);
    }
    assert_eq!(log.count(Code::PupilMany), 0);
    by(&mut log, 2, 7);
    assert_eq!(
        (log.count(Code::PupilMany), log.last(Code::PupilMany).found),
        (1, 8)
    );
    // Spread over more than a week it is no more than seven at once.
    let mut slow = Log::new();
    for who in 0..9 {
        by(&mut slow, i64::try_from(who).unwrap(), who);
    }
    assert_eq!(slow.count(Code::PupilMany), 0);
}

#[test]
fn guessing_is_told() {
    let facts = |log: &mut Log, form: Form, pupils: &[u8], rows: u64| {
        let mut leaf = decided(GRANTED);
        leaf.event.form = Some(form);
        log.push(SUNDAY, leaf, Some(&private("a", pupils, rows)));
    };
    let mut log = Log::new();
    facts(&mut log, Form::Facts, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 1);
    assert_eq!(log.count(Code::Misses), 0);
    facts(&mut log, Form::Facts, &[12], 0);
    assert_eq!((log.count(Code::Misses), log.last(Code::Misses).found), (1, 11));
    // Records name nobody, so nobody is missed.
    let mut silent = Log::new();
    facts(&mut silent, Form::Records, &(0..40).collect::<Vec<_>>(), 0);
    assert_eq!(silent.count(Code::Misses), 0);
}

#[test]
fn nearly_the_same_request_again_and_again_is_told() {
    let ask = |log: &mut Log, at: Micros, query: serde_json::Value| {
        let mut asked = private("a", &[], 0);
        asked.query = Some(query);
        log.decide(at, GRANTED, Some(&asked));
    };
    let site = |site: u32| json!({ "fields": ["pseudonym"], "only": { "site": site, "sector": "po" } });
    let mut log = Log::new();
    for number in 0..6 {
        ask(&mut log, SUNDAY, site(number));
    }
    assert_eq!(log.count(Code::NearIdentical), 0);
    ask(&mut log, SUNDAY, site(6));
    assert_eq!(
        (
            log.count(Code::NearIdentical),
            log.last(Code::NearIdentical).found
        ),
        (1, 6)
    );
    // The very same request, its pages, quite other requests, and those of another day.
    let mut silent = Log::new();
    for page in 0..20 {
        ask(
            &mut silent,
            SUNDAY,
            json!({ "only": { "site": 1 }, "cursor": page }),
        );
        ask(
            &mut silent,
            SUNDAY,
            json!({ "only": { format!("a{page}"): page, format!("b{page}"): page } }),
        );
        ask(
            &mut silent,
            SUNDAY + page * DAY,
            site(u32::try_from(page).unwrap()),
        );
    }
    assert_eq!(silent.count(Code::NearIdentical), 0);
}

#[test]
fn an_alert_says_why_in_two_languages_and_hides_persons_from_debug() {
    let mut log = Log::new();
    log.decide(
        SUNDAY,
        GRANTED,
        Some(&private("consulent", &(0..61).collect::<Vec<_>>(), 61)),
    );
    let alert = log.last(Code::PersonMany);
    assert!(!format!("{alert:?}").contains("consulent"));
    let json = serde_json::to_value(alert).unwrap();
    assert_eq!(
        (json["code"].as_str(), json["person"].as_str()),
        (Some("person-many"), Some("consulent"))
    );
    assert_eq!(json["time"], "2026-11-22T10:00:00Z");
    assert!(
        json["meaning"]["nl"]
            .as_str()
            .unwrap()
            .starts_with("Eén medewerker")
    );
    for code in Code::ALL {
        assert!(!code.meaning().nl.is_empty() && code.meaning().nl != code.meaning().en);
    }
}
