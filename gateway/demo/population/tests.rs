use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::{Date, date};
use ring::digest;
use serde::Serialize;

use super::draw::Chance;
use super::world::valid_bsn;
use super::*;

mod deliveries;
mod services;

const TODAY: Date = date(2026, 11, 22);

/// The last day of a school year, when all of it is known.
const END_OF_YEAR: Date = date(2027, 7, 31);

static WHOLE_YEAR: LazyLock<Population> = LazyLock::new(|| make(1, None, END_OF_YEAR));
static EVERYBODY: LazyLock<Population> = LazyLock::new(|| make(1, None, TODAY));

fn make(seed: u64, pupils: Option<usize>, today: Date) -> Population {
    Population::generate(seed, pupils, today, &mut |_, _| {}).unwrap()
}

fn near(got: usize, wanted: f64, tolerance: f64) -> bool {
    (f64::from(u32::try_from(got).unwrap()) - wanted).abs() <= wanted * tolerance
}

fn residents() -> impl Iterator<Item = (&'static Child, &'static Schooling)> {
    let children = EVERYBODY.children.iter().filter(|child| child.lives_in_almere);
    children.filter_map(|child| child.schooling.as_ref().map(|schooling| (child, schooling)))
}

/// Those who were at school on the count date.
fn counted() -> impl Iterator<Item = (&'static Child, &'static Schooling)> {
    residents().filter(|(child, _)| age_on(child.birth_date, EVERYBODY.count_date) >= 4)
}

fn age_on(birth: Date, on: Date) -> i16 {
    let had_birthday = (on.month(), on.day()) >= (birth.month(), birth.day());
    on.year() - birth.year() - i16::from(!had_birthday)
}

fn digest_of(population: &Population) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    update(&mut context, &population.enrolments);
    update(&mut context, &population.absences);
    update(&mut context, &population.admissibility);
    update(&mut context, &population.residents);
    update(&mut context, &population.caseload);
    update(&mut context, &population.sites);
    data_encoding::HEXLOWER.encode(context.finish().as_ref())
}

fn update(context: &mut digest::Context, rows: &impl Serialize) {
    context.update(&serde_json::to_vec(rows).unwrap());
}

/// The rows that joined later: the digest of the others stays, for each draw has a stream of its own.
fn digest_of_services(population: &Population) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    update(&mut context, &population.support);
    update(&mut context, &population.funded);
    update(&mut context, &population.provisions);
    update(&mut context, &population.youth_care);
    update(&mut context, &population.exemptions);
    data_encoding::HEXLOWER.encode(context.finish().as_ref())
}

#[test]
fn same_seed_same_rows() {
    let digest = digest_of(&make(1, Some(1_000), TODAY));
    assert_eq!(digest, digest_of(&make(1, Some(1_000), TODAY)));
    assert_ne!(digest, digest_of(&make(2, Some(1_000), TODAY)));
    insta::assert_snapshot!(digest_of(&EVERYBODY), @"aefc5d63b6e94d05866e3de2faff286773fd104894adba49c28135087b9895a2");
    insta::assert_snapshot!(digest_of_services(&EVERYBODY), @"b78025306fe0c2e286f5f0948df4c5e180cbd35756f128e5ad012bd8be574af7");
}

#[test]
fn fewer_pupils_are_a_part_of_all() {
    let few = make(1, Some(3_540), TODAY);
    let resident = few
        .children
        .iter()
        .filter(|child| child.lives_in_almere && child.schooling.is_some())
        .count();
    assert!(near(resident, 3_540.0, 0.03), "{resident}");
    let all: BTreeMap<u32, &Child> = EVERYBODY
        .children
        .iter()
        .map(|child| (child.number, child))
        .collect();
    for child in &few.children {
        let same = all[&child.number];
        assert_eq!(
            (child.birth_date, &child.numbers),
            (same.birth_date, &same.numbers)
        );
    }
}

#[test]
fn too_many_pupils_are_refused() {
    let error = Population::generate(1, Some(50_000), TODAY, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, PopulationError::TooMany { pupils: 50_000 }));
}

#[test]
fn progress_ends_at_the_total() {
    let mut seen = Vec::new();
    Population::generate(1, Some(2_000), TODAY, &mut |done, total| seen.push((done, total))).unwrap();
    assert!(seen.is_sorted());
    assert!(
        seen.last()
            .is_some_and(|(done, total)| done == total && *done > 2_000)
    );
}

#[test]
fn totals_are_those_of_duo() {
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, schooling) in counted() {
        *totals.entry(schooling.sector.as_str()).or_default() += 1;
    }
    assert!(near(totals["BO"], 20_784.0, 0.02));
    assert!(near(totals["VO"] + totals["PRO"], 12_900.0, 0.02));
    // Small sectors are drawn from small cells: 5 % is about three standard deviations.
    assert!(near(totals["SBO"], 564.0, 0.08));
    assert!(near(totals["SO"], 461.0, 0.08));
    assert!(near(totals["VSO"], 685.0, 0.08));
    assert!(near(totals["PRO"], 479.0, 0.10));
    assert!(near(totals.values().sum(), 35_394.0, 0.02));
    let incoming = EVERYBODY
        .children
        .iter()
        .filter(|child| !child.lives_in_almere)
        .count();
    assert!(near(incoming, 601.0, 0.12));
}

#[test]
fn schools_outside_almere_have_the_known_share() {
    let here: BTreeSet<Brin6> = EVERYBODY.sites.iter().map(|site| site.brin6).collect();
    for (sector, share) in [
        (Sector::Bo, 0.028),
        (Sector::So, 0.118),
        (Sector::Vso, 0.1965),
        (Sector::Vo, 0.0623),
    ] {
        let all: Vec<_> = counted()
            .filter(|(_, schooling)| schooling.sector == sector)
            .collect();
        let out = all
            .iter()
            .filter(|(_, schooling)| !here.contains(&schooling.site))
            .count();
        let wanted = share * f64::from(u32::try_from(all.len()).unwrap());
        println!("{sector:?} {out} of {}", all.len());
        assert!(near(out, wanted, 0.15), "{sector:?}: {out} of {wanted}");
    }
}

#[test]
fn numbers_are_distinct_test_numbers() {
    let mut bsns = BTreeSet::new();
    let mut eck_ids = BTreeSet::new();
    for child in &EVERYBODY.children {
        assert!(child.numbers.bsn / 1_000_000 == 999 && valid_bsn(child.numbers.bsn));
        assert!(child.numbers.eck_id.len() == 64);
        assert!(
            child
                .numbers
                .eck_id
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        );
        bsns.insert(child.numbers.bsn);
        eck_ids.insert(&child.numbers.eck_id);
    }
    assert_eq!(bsns.len(), EVERYBODY.children.len());
    assert_eq!(eck_ids.len(), EVERYBODY.children.len());
}

#[test]
fn the_check_of_a_bsn() {
    for valid in [
        999_000_007,
        999_000_019,
        999_000_020,
        999_990_019,
        999_993_653,
        999_990_287,
    ] {
        assert!(valid_bsn(valid));
    }
    for invalid in [999_000_013, 123_456_789, 999_999_999, 0, 100_000_004] {
        assert!(!valid_bsn(invalid));
    }
}

#[test]
fn sites_and_boards_are_real() {
    assert_eq!(EVERYBODY.sites.len(), 105);
    assert_eq!(EVERYBODY.boards().count(), 13);
    let sectors: BTreeMap<Brin6, &SiteRow> = EVERYBODY.sites.iter().map(|site| (site.brin6, site)).collect();
    for (board, rows) in &EVERYBODY.enrolments {
        assert!(!rows.is_empty(), "{board}");
        for row in rows {
            let site = sectors[&row.site];
            assert_eq!(site.board, board.to_string());
            let both = matches!(site.sector, Sector::So | Sector::Vso);
            assert!(both || site.sector == row.sector, "{} {:?}", row.site, row.sector);
        }
    }
}

#[test]
fn one_board_has_more_than_half() {
    let (mut of_41676, mut all) = (0_u32, 0_u32);
    for site in &EVERYBODY.sites {
        let here = |child: &&Child| {
            child
                .schooling
                .as_ref()
                .is_some_and(|schooling| schooling.site == site.brin6)
        };
        let pupils = u32::try_from(EVERYBODY.children.iter().filter(here).count()).unwrap();
        all += pupils;
        of_41676 += if site.board == "41676" { pupils } else { 0 };
    }
    let share = f64::from(of_41676) / f64::from(all);
    assert!((0.55..0.59).contains(&share), "{share}");
}

#[test]
fn sites_are_as_large_as_duo_counts_them() {
    let tables = tables::Tables::read().unwrap();
    let mut pupils: BTreeMap<Brin6, usize> = BTreeMap::new();
    for schooling in EVERYBODY
        .children
        .iter()
        .filter_map(|child| child.schooling.as_ref())
    {
        *pupils.entry(schooling.site).or_default() += 1;
    }
    for site in tables
        .sites
        .values()
        .filter(|site| places::in_almere(site) && site.pupils > 60)
    {
        let got = pupils.get(&site.brin6).copied().unwrap_or(0);
        let wanted = f64::from(site.pupils);
        // The estimate of a site is itself made of small cells; secondary sites lack pupils from elsewhere.
        assert!(near(got, wanted, 0.2), "{} {got} of {wanted}", site.brin6);
    }
}

#[test]
fn ages_fit_the_sectors() {
    for (child, schooling) in counted() {
        let age = age_on(child.birth_date, EVERYBODY.count_date);
        let ages = match schooling.sector {
            Sector::Bo | Sector::Sbo => 4..=14,
            Sector::So => 4..=15,
            Sector::Vso | Sector::Vo | Sector::Pro => 11..=19,
        };
        assert!(ages.contains(&age), "{age} in {:?}", schooling.sector);
        assert!(
            age_on(child.birth_date, schooling.from) >= 4,
            "{schooling:?} {age}"
        );
    }
}

#[test]
fn everybody_was_at_school_on_the_count_date() {
    let day = EVERYBODY.count_date;
    for (child, schooling) in counted() {
        let before = schooling
            .before
            .as_ref()
            .is_some_and(|before| before.from <= day && day < before.until);
        assert!(schooling.from <= day || before, "{} {schooling:?}", child.number);
    }
}

#[test]
fn every_day_has_a_population() {
    for today in [
        date(2026, 2, 1),
        date(2026, 8, 1),
        date(2026, 9, 30),
        date(2026, 10, 1),
        date(2028, 2, 29),
    ] {
        let population = make(3, Some(1_500), today);
        assert!(population.count_date <= today);
        for row in population.enrolments.values().flatten() {
            assert!(row.birth_date < row.from && row.from <= today, "{row:?}");
        }
        for row in population.admissibility.values().flatten() {
            assert!(row.received <= today && row.decided.is_none_or(|decided| decided <= today));
        }
    }
}

#[test]
fn rows_are_spelled_as_in_the_catalogue() {
    let few = make(1, Some(300), TODAY);
    let keys = |value: serde_json::Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    let rows = few
        .enrolments
        .values()
        .flatten()
        .map(|row| keys(serde_json::to_value(row).unwrap()));
    let all: BTreeSet<String> = rows.flatten().collect();
    let wanted = "birth-date from funding-swv neighbourhood postcode pupil sector site until year-group";
    assert_eq!(all, wanted.split(' ').map(str::to_owned).collect());
    let row = few.residents.iter().find(|row| row.site.is_some()).unwrap();
    let json = serde_json::to_value(row).unwrap();
    assert_eq!(keys(json["pupil"].clone()), BTreeSet::from(["bsn".to_owned()]));
    assert_eq!(json["from"], serde_json::Value::String(row.from.to_string()));
}

#[test]
fn debug_shows_no_numbers() {
    let child = &EVERYBODY.children[0];
    let row = EVERYBODY.enrolments.values().flatten().next().unwrap();
    let text = format!("{child:?}{row:?}");
    assert!(!text.contains("999") && !text.contains(&child.numbers.eck_id));
}

#[test]
fn streams_do_not_depend_on_order() {
    let chance = Chance::new(7);
    let forward: Vec<u32> = (0..9)
        .map(|number| chance.pupil("label", number).bits())
        .collect();
    let backward: Vec<u32> = (0..9)
        .rev()
        .map(|number| chance.pupil("label", number).bits())
        .collect();
    assert!(forward.iter().eq(backward.iter().rev()));
    assert_ne!(chance.pupil("other", 0).bits(), forward[0]);
    assert_ne!(
        chance.cell("a", &["bc"]).bits(),
        chance.cell("a", &["b", "c"]).bits()
    );
}
