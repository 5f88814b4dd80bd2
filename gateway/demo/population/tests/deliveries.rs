use std::collections::{BTreeMap, BTreeSet};

use super::super::declaration::earliest_end;
use super::super::*;
use super::{END_OF_YEAR, EVERYBODY, TODAY, WHOLE_YEAR, age_on, near};

#[test]
fn enrolments_follow_each_other() {
    let mut ended = 0;
    for rows in EVERYBODY.enrolments.values() {
        let mut keys = BTreeSet::new();
        for row in rows {
            assert!(
                row.birth_date < row.from && row.until.is_none_or(|until| row.from <= until),
                "{row:?}"
            );
            assert!(row.from <= TODAY && row.until.is_none_or(|until| until <= TODAY));
            assert!(keys.insert((row.pupil.bsn.clone(), row.site, row.from)));
            let primary = matches!(row.sector, Sector::Bo | Sector::Sbo | Sector::So);
            let code = row.year_group;
            let fits = matches!(code, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "S");
            assert_eq!(primary, fits, "{code} in {:?}", row.sector);
            ended += usize::from(row.until.is_some());
        }
    }
    assert!((2_000..6_000).contains(&ended), "{ended}");
}

#[test]
fn the_register_has_one_current_row_a_child() {
    let mut keys = BTreeSet::new();
    let mut current: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &EVERYBODY.residents {
        let bsn = row.pupil.bsn.as_deref().unwrap();
        assert!(row.pupil.eck_id.is_none() && row.birth_date <= row.from);
        assert!(row.until.is_none_or(|until| row.from < until));
        assert!(keys.insert((bsn, row.from)));
        *current.entry(bsn).or_default() += usize::from(row.until.is_none_or(|until| until > TODAY));
    }
    assert!(current.values().all(|count| *count <= 1));
    let now: Vec<_> = EVERYBODY
        .residents
        .iter()
        .filter(|row| row.until.is_none())
        .collect();
    let school_age = |row: &&&ResidentRow| age_on(row.birth_date, TODAY) >= 5;
    let nowhere = now
        .iter()
        .filter(school_age)
        .filter(|row| row.site.is_none())
        .count();
    assert!(near(nowhere, f64::from(NOWHERE_ENROLLED), 0.2), "{nowhere}");
}

#[test]
fn declarations_keep_the_rules() {
    let mut numbers = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for (swv, rows) in &EVERYBODY.admissibility {
        for row in rows {
            assert!(keys.insert((row.pupil.eck_id.clone(), row.received, row.kind)));
            assert!(row.pupil.bsn.is_none() && row.received <= TODAY);
            assert!(
                row.complete
                    .is_none_or(|complete| row.received <= complete && complete <= TODAY)
            );
            assert!(
                row.decided
                    .is_none_or(|decided| row.complete.is_some_and(|complete| complete < decided))
            );
            assert_eq!(row.outcome == Outcome::Pending, row.decided.is_none());
            let primary = matches!(row.kind, Sector::Sbo | Sector::So);
            assert_eq!(swv.as_str(), if primary { "PO2401" } else { "VO2401" });
            if row.outcome != Outcome::Granted {
                assert!(row.number.is_none() && row.valid_until.is_none());
                continue;
            }
            let (from, until) = (row.valid_from.unwrap(), row.valid_until.unwrap());
            assert_eq!((until.month(), until.day()), (7, 31));
            assert!(until.year() >= earliest_end(from), "{row:?}");
            assert!(until > TODAY && row.decided.unwrap() <= from);
            assert_eq!(
                row.category.is_some(),
                matches!(row.kind, Sector::So | Sector::Vso)
            );
            let number = row.number.as_deref().unwrap();
            assert!(
                number.starts_with(&format!("{swv}-{}-", row.decided.unwrap().year())) && number.len() == 17
            );
            assert!(numbers.insert(number));
        }
    }
}

#[test]
fn declarations_are_as_many_as_counted() {
    let mut granted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut days = Vec::new();
    for row in EVERYBODY.admissibility.values().flatten() {
        *outcomes.entry(row.outcome.as_str()).or_default() += 1;
        if row.outcome == Outcome::Granted {
            *granted.entry(row.kind.as_str()).or_default() += 1;
            days.push(calendar::days_between(row.received, row.decided.unwrap()));
        }
    }
    for (kind, wanted) in [("SBO", 564.0), ("SO", 381.0), ("VSO", 651.0), ("PRO", 479.0)] {
        assert!(near(granted[kind], wanted, 0.15), "{kind} {}", granted[kind]);
    }
    assert!(outcomes["pending"] >= 10, "{outcomes:?}");
    days.sort_unstable();
    let median = days[days.len() / 2];
    assert!((22..=36).contains(&median), "{median}");
}

#[test]
fn a_school_year_has_the_known_absence() {
    let population = &*WHOLE_YEAR;
    let world = World::new(1, Calendar::on(END_OF_YEAR)).unwrap();
    let august = world.calendar.school_year(0);
    let (mut truants, mut reports, mut at_home, mut still) = (0, 0, 0, 0);
    for child in population.children.iter().filter(|child| child.lives_in_almere) {
        let all = absence::reports(child, &world);
        let truancy = |report: &&absence::Report| {
            !report.stay_at_home && report.kind == AbsenceKind::Unauthorised && report.since >= august
        };
        let own = all.iter().filter(truancy).count();
        reports += own;
        truants += usize::from(own > 0);
        let stayed = all
            .iter()
            .find(|report| report.stay_at_home && report.until.is_none_or(|until| until > august));
        at_home += usize::from(stayed.is_some());
        still += usize::from(stayed.is_some_and(|report| report.until.is_none()));
    }
    assert!(near(truants, 1_418.0, 0.06), "{truants}");
    assert!(near(reports, 2_500.0, 0.08), "{reports}");
    assert!(near(at_home, 139.0, 0.25), "{at_home}");
    assert!(near(still, 87.0, 0.3), "{still}");
}

#[test]
fn boards_deliver_most_of_it() {
    // The rest is of pupils at schools outside Almere, or at the sites without a known board.
    let population = &*WHOLE_YEAR;
    let this_year =
        |row: &&AbsenceRow| school_year(row.since) == 2026 && row.kind == AbsenceKind::Unauthorised;
    let rows = population.absences.values().flatten().filter(this_year);
    let truants: BTreeSet<_> = rows
        .filter(|row| !row.stay_at_home)
        .map(|row| &row.pupil.bsn)
        .collect();
    assert!((1_200..1_400).contains(&truants.len()), "{}", truants.len());
}

#[test]
fn absences_keep_the_rules() {
    let mut keys = BTreeSet::new();
    let mut ends: BTreeMap<&str, Option<Date>> = BTreeMap::new();
    let mut open_at_home = 0;
    for row in EVERYBODY.absences.values().flatten() {
        assert!(row.since <= TODAY && row.until.is_none_or(|until| row.since < until && until <= TODAY));
        assert!(keys.insert((row.pupil.bsn.clone(), row.since)));
        assert!(!row.stay_at_home || row.kind == AbsenceKind::Unauthorised);
        let before = ends.insert(row.pupil.bsn.as_deref().unwrap(), row.until);
        assert!(before.is_none_or(|until| until.is_some_and(|until| until <= row.since)));
        assert_eq!(row.status == AbsenceStatus::Closed, row.until.is_some());
        let weeks = row
            .until
            .map(|until| calendar::days_between(row.since, until) / 7);
        assert!(!row.stay_at_home || weeks.is_none_or(|weeks| weeks >= 4));
        open_at_home += usize::from(row.stay_at_home && row.until.is_none());
    }
    assert!((45..110).contains(&open_at_home), "{open_at_home}");
}

#[test]
fn caseloads_cover_every_site_once() {
    let rows: Vec<&CaseloadRow> = EVERYBODY.caseload.values().flatten().collect();
    let sites: BTreeSet<Brin6> = rows.iter().map(|row| row.site).collect();
    assert_eq!((rows.len(), sites.len()), (105, 105));
    let own: Vec<_> = rows
        .iter()
        .filter(|row| row.staff == EVERYBODY.small_caseload)
        .collect();
    assert_eq!(own.len(), 1);
    let here = |child: &&Child| {
        child
            .schooling
            .as_ref()
            .is_some_and(|schooling| schooling.site == own[0].site)
    };
    let pupils = EVERYBODY.children.iter().filter(here).count();
    assert!((80..=120).contains(&pupils), "{pupils}");
    let staff: BTreeSet<&str> = rows.iter().map(|row| row.staff.as_str()).collect();
    assert_eq!(staff.len(), 23);
}
