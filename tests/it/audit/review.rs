//! Alerts, samples and the monthly report, from a real log.

use doelpoort::audit::{AuditError, Entries, Sample, alerts, draw, first_checkpoint_after, last_checkpoint};
use doelpoort::log::verify;
use doelpoort_core::audit::alert::{Alert, Code, Thresholds};
use doelpoort_core::audit::month::Making;
use doelpoort_core::audit::private::{Private, StaffPart};
use doelpoort_core::audit::sample::{Announcement, Population, SampleError};
use doelpoort_core::pseudonym::SubjectId;

use super::*;

async fn found(world: &World, limits: Thresholds, later_s: i64) -> Vec<Code> {
    let now = world.clock.now().as_microsecond() + later_s * 1_000_000;
    let entries = Entries::Database(world.store.clone());
    let found = alerts(&entries, limits, None, now, None).await.unwrap();
    found.iter().map(|alert| alert.code).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_quiet_log_has_no_alerts_and_a_cut_one_has(#[case] backend: Backend) {
    let Some(world) = World::with(backend, 30).await else {
        return;
    };
    assert_eq!(found(&world, Thresholds::default(), 3_600).await, []);
    world
        .store
        .execute("DELETE FROM log_entry WHERE idx = 9", vec![])
        .await
        .unwrap();
    assert_eq!(found(&world, Thresholds::default(), 0).await, [Code::Gap]);
}

#[tokio::test]
async fn entries_that_nobody_signed_for_too_long_are_told() {
    let world = World::with(Backend::Sqlite, 3).await.unwrap();
    world
        .store
        .execute("DELETE FROM log_checkpoint WHERE size > 2", vec![])
        .await
        .unwrap();
    assert_eq!(found(&world, Thresholds::default(), 10).await, []);
    assert_eq!(
        found(&world, Thresholds::default(), 11).await,
        [Code::StaleCheckpoint]
    );
}

#[tokio::test]
async fn limits_and_a_first_day_are_kept() {
    let world = World::with(Backend::Sqlite, 1).await.unwrap();
    let refused = || {
        let mut entry = entry();
        entry.event.decision = Some("no-such-purpose".to_owned());
        entry
    };
    world.append((0..20).map(|_| refused()).collect()).await;
    assert_eq!(found(&world, Thresholds::default(), 0).await, [Code::Refusals]);
    let lenient = Thresholds {
        refusals_min: 21,
        ..Thresholds::default()
    };
    assert_eq!(found(&world, lenient, 0).await, []);
    let entries = Entries::Database(world.store.clone());
    let later = world.clock.now().as_microsecond() + 1;
    let since = alerts(&entries, Thresholds::default(), Some(later), later, None).await;
    assert!(since.unwrap().is_empty());
}

#[tokio::test]
async fn rules_about_persons_work_where_private_parts_are_opened() {
    let world = World::with(Backend::Sqlite, 0).await.unwrap();
    let records = || {
        let mut entry = entry();
        entry.event.form = Some(doelpoort_core::audit::leaf::Form::Records);
        entry
    };
    world.append((0..8).map(|_| records()).collect()).await;
    let entries = Entries::Database(world.store.clone());
    let mut number = 0;
    let mut open = |entry: &doelpoort::audit::Entry| {
        if entry.leaf.event.kind != Kind::AccessDecided {
            return Ok(None);
        }
        number += 1;
        let mut private = Private::default();
        private.staff = Some(StaffPart {
            subject: format!("person {number}"),
            proved: true,
            case: None,
            released_by: None,
        });
        private.subjects = vec![SubjectId::from_bytes([7; 16])];
        Ok(Some(private))
    };
    let now = world.clock.now().as_microsecond();
    let told = alerts(&entries, Thresholds::default(), None, now, Some(&mut open)).await;
    let told: Vec<Alert> = told.unwrap();
    assert_eq!((told.len(), told[0].code, told[0].found), (1, Code::PupilMany, 8));
    assert!(found(&world, Thresholds::default(), 0).await.is_empty());
}

async fn announced(world: &World) -> Announcement {
    let last = last_checkpoint(&world.store, &key()).await.unwrap();
    let population = Population {
        from: 0,
        until: last.end(),
        decision: Some(GRANTED.to_owned()),
        ..Population::default()
    };
    Announcement::new((&last.checkpoint, last.first), 5, population, world.clock.now()).unwrap()
}

async fn drawn(world: &World, entries: &Entries, announcement: &Announcement) -> Result<Sample, AuditError> {
    let first = first_checkpoint_after(&world.store, &key(), announcement.after_size).await?;
    let first = first.ok_or(AuditError::NoLaterCheckpoint { after: 0 })?;
    draw(entries, announcement.clone(), first).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_sample_is_drawn_by_the_first_checkpoint_after_it_was_announced(#[case] backend: Backend) {
    let Some(world) = World::with(backend, 40).await else {
        return;
    };
    let database = Entries::Database(world.store.clone());
    let announcement = announced(&world).await;
    let early = drawn(&world, &database, &announcement).await;
    assert!(matches!(early, Err(AuditError::NoLaterCheckpoint { .. })));
    world.append(vec![entry()]).await;
    let sample = drawn(&world, &database, &announcement).await.unwrap();
    assert_eq!((sample.candidates, sample.lines.len()), (40, 5));
    // Later checkpoints change nothing, and a bundle at home gives the same.
    world.append(vec![entry()]).await;
    let again = drawn(&world, &database, &announcement).await.unwrap();
    assert!(sample.is_drawn_as(&again));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.tar");
    let out = std::fs::File::create(&file).unwrap();
    doelpoort::audit::write_bundle(&world.store, out, None, None)
        .await
        .unwrap();
    let at_home = drawn(&world, &Entries::Bundle(file), &announcement)
        .await
        .unwrap();
    assert!(sample.is_drawn_as(&at_home));
}

#[tokio::test]
async fn what_a_reviewer_fills_in_is_counted_and_what_they_swap_is_seen() {
    let world = World::with(Backend::Sqlite, 40).await.unwrap();
    let announcement = announced(&world).await;
    world.append(vec![entry()]).await;
    let entries = Entries::Database(world.store.clone());
    let sample = drawn(&world, &entries, &announcement).await.unwrap();
    let mut signed = sample.clone();
    for (line, in_order) in signed.lines.iter_mut().zip([true, false]) {
        line.reviewer = Some("FG".to_owned());
        line.reviewed_on = Some("2026-12-02".parse().unwrap());
        line.in_order = Some(in_order);
    }
    signed.lines[2].reviewer = Some("FG".to_owned());
    let reviewed = signed.reviewed().unwrap();
    assert_eq!(
        (reviewed.drawn, reviewed.signed_off, reviewed.not_in_order),
        (5, 2, 1)
    );
    assert!(reviewed.drawn_at_size > sample.announcement.after_size);
    assert!(signed.is_drawn_as(&sample));
    // An easier entry in place of one that was drawn.
    let mut swapped = signed.clone();
    let free = (2..42).find(|index| signed.lines.iter().all(|line| line.index != *index));
    swapped.lines[0].index = free.unwrap();
    assert!(!swapped.is_drawn_as(&sample));
    let mut other = signed;
    other.announcement.n = 6;
    assert!(matches!(other.reviewed(), Err(SampleError::Malformed(_))));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_month_is_reported_with_what_the_log_proves(#[case] backend: Backend) {
    let Some(world) = World::with(backend, 12).await else {
        return;
    };
    world.clock.advance(jiff::SignedDuration::from_hours(24 * 12));
    world.append(vec![entry()]).await;
    let verified = verify(&world.store, &key(), None).await.unwrap();
    let entries = Entries::Database(world.store.clone());
    let mut reports = Vec::new();
    for month in ["2026-11", "2026-12", "2027-01"] {
        let mut making = Making::new(month.parse().unwrap());
        let each = |entry: doelpoort::audit::Entry| {
            making.entry(entry.index, &entry.leaf);
            Ok(())
        };
        entries.each(0..verified.size, each).await.unwrap();
        reports.push(making.finish(&verified, Vec::new(), Vec::new(), "test"));
    }
    let told: Vec<_> = reports
        .iter()
        .map(|report| {
            let granted = report.volumes.iter().map(|volume| volume.granted).sum::<u64>();
            (report.integrity.intact, report.integrity.range, granted)
        })
        .collect();
    assert_eq!(
        told,
        [
            (true, Some((0, 13)), 12),
            (true, Some((14, 15)), 1),
            (true, None, 0)
        ]
    );
}
