//! A month of made-up entries.

use super::*;
use crate::audit::fixture::{RECIPIENT, SUNDAY, decided};
use crate::audit::leaf::{Event, Window};
use crate::audit::verify::{Finding, Source};

fn verified() -> Report {
    Report {
        origin: "example.nl/audit/2026".to_owned(),
        source: Source::Database,
        size: 9,
        root: [1; 32],
        checkpoints: 3,
        replicas: 1,
        shards: Vec::new(),
        before: None,
        next: None,
        lost: Vec::new(),
        skipped: Vec::new(),
        against: Some(4),
        vouched: false,
        unsigned_orders: 0,
        releases: Vec::new(),
        findings: Vec::new(),
    }
}

fn of_kind(kind: Kind) -> Leaf {
    let mut leaf = decided(GRANTED);
    leaf.event = Event::new(kind, [1; 16]);
    leaf
}

fn made(leaves: &[Leaf]) -> MonthReport {
    let mut making = Making::new("2026-11".parse().unwrap());
    for (index, leaf) in (0..).zip(leaves) {
        making.entry(index, leaf);
    }
    making.finish(&verified(), Vec::new(), Vec::new(), "doelpoort 0.1.0")
}

#[test]
fn a_month_counts_its_own_entries_alone() {
    let mut october = decided(GRANTED);
    october.time = SUNDAY - 40 * 86_400_000_000;
    let report = made(&[
        october,
        decided(GRANTED),
        decided("no-such-purpose"),
        decided(GRANTED),
    ]);
    assert_eq!((report.entries, report.integrity.range), (3, Some((1, 3))));
    assert_eq!(report.volumes.len(), 1);
    let volume = &report.volumes[0];
    assert_eq!(
        (volume.organisation.as_str(), volume.granted, volume.refused),
        (RECIPIENT, 2, 1)
    );
    assert_eq!(report.refusals["no-such-purpose"], 1);
}

#[test]
fn counted_refusals_and_delivered_rows_are_in_it() {
    let mut window = of_kind(Kind::RefusalWindowClosed);
    window.event.decision = Some("rate-limited".to_owned());
    window.event.window = Some(Window {
        from: 0,
        until: Some(1),
        count: Some(400),
    });
    let mut delivery = of_kind(Kind::Delivery);
    delivery.event.extra.insert(extra::ROWS, Value::Number(1_200));
    let report = made(&[window, delivery]);
    assert_eq!(report.refusals["rate-limited"], 400);
    assert_eq!(
        report.volumes.iter().map(|volume| volume.rows).sum::<u64>(),
        1_200
    );
}

#[test]
fn what_the_officer_must_know_is_listed() {
    let mut incident = of_kind(Kind::Incident);
    incident
        .event
        .extra
        .insert(extra::OUTCOME, Value::Text("restored".to_owned()));
    let report = made(&[
        of_kind(Kind::LogRead),
        of_kind(Kind::Retention),
        incident,
        of_kind(Kind::KeyEvent),
    ]);
    assert_eq!(
        (report.readings.count, report.retention.count, report.keys.count),
        (1, 1, 1)
    );
    assert_eq!(report.incidents.listed[0].what.as_deref(), Some("restored"));
    assert_eq!(report.policies.count, 0);
}

#[test]
fn a_log_that_is_not_intact_says_so_first() {
    let mut broken = verified();
    broken.findings.push(Finding {
        shard: None,
        index: Some(4),
        what: "changed".to_owned(),
    });
    let report = Making::new("2026-11".parse().unwrap()).finish(&broken, Vec::new(), Vec::new(), "x");
    assert!(!report.integrity.intact);
    let text = report.to_string();
    assert!(
        text.contains("integrity NOT INTACT") && text.contains("index 4: changed"),
        "{text}"
    );
    assert!(made(&[]).to_string().contains("integrity intact: 9 entries"));
}
