use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::{EVERYBODY, TODAY, near};

#[test]
fn support_is_of_regular_pupils_and_as_much_as_assumed() {
    let rows: Vec<&SupportRow> = EVERYBODY.support.values().flatten().collect();
    let mut keys = BTreeSet::new();
    for row in &rows {
        assert!(keys.insert((row.pupil.eck_id.clone(), row.kind, row.from)));
        assert!(row.pupil.bsn.is_none() && row.from <= TODAY);
        assert!(row.until.is_none_or(|until| row.from <= until));
        assert_eq!(row.site.is_none(), row.kind == SupportKind::HelpDesk);
        assert!(row.provision.is_none() || row.kind == SupportKind::Arrangement);
    }
    let allocated = |row: &&&SupportRow| row.cost_cents.is_some();
    let allocated = rows.iter().filter(allocated).count();
    // 3 % of 20,200 in primary and 4 % of 11,600 in secondary schools of Almere.
    assert!(near(allocated, 1_070.0, 0.12), "{allocated}");
}

#[test]
fn whom_the_partnerships_pay_for_has_their_declaration() {
    let numbers: BTreeMap<&str, &AdmissibilityRow> = EVERYBODY
        .admissibility
        .values()
        .flatten()
        .filter_map(|row| Some((row.number.as_deref()?, row)))
        .collect();
    let mut without = 0;
    for (swv, rows) in &EVERYBODY.funded {
        for row in rows {
            assert_eq!((row.count_date, row.funding_swv), (EVERYBODY.count_date, *swv));
            let Some(number) = row.tlv_number.as_deref() else {
                without += 1;
                continue;
            };
            let declared = numbers[number];
            assert_eq!(
                (&declared.pupil.eck_id, declared.kind),
                (&row.pupil.eck_id, row.sector)
            );
        }
    }
    let all = EVERYBODY.funded.values().flatten().count();
    assert!(near(all, 1_590.0, 0.08), "{all}");
    assert!(near(without, 48.0, 0.5), "{without}");
    let outside = EVERYBODY.funded.values().flatten();
    let outside = outside.filter(|row| row.site_swv == FundingSwv::Other).count();
    assert!(near(outside, 195.0, 0.25), "{outside}");
}

#[test]
fn provisions_count_the_pupils_that_the_rows_have() {
    let provisions: Vec<&ProvisionRow> = EVERYBODY.provisions.values().flatten().collect();
    let in_groups = EVERYBODY.support.values().flatten();
    let in_groups = in_groups.filter(|row| row.provision.is_some()).count();
    let taken = |kind| {
        let rows = provisions.iter().filter(|row| row.kind == kind);
        rows.map(|row| row.taken).sum::<usize>()
    };
    assert_eq!(taken(ProvisionKind::Group), in_groups);
    assert!(provisions.iter().all(|row| row.taken <= row.places));
    let codes: BTreeSet<&str> = provisions.iter().map(|row| row.code.as_str()).collect();
    assert_eq!(codes.len(), provisions.len());
    assert_eq!(
        provisions.iter().filter(|row| row.closing_date.is_some()).count(),
        2
    );
}

#[test]
fn the_municipality_knows_youth_care_and_exemptions_of_its_own_children() {
    let residents: BTreeMap<&str, &ResidentRow> = EVERYBODY
        .residents
        .iter()
        .filter(|row| row.until.is_none())
        .filter_map(|row| Some((row.pupil.bsn.as_deref()?, row)))
        .collect();
    for row in &EVERYBODY.exemptions {
        assert!(residents[row.pupil.bsn.as_deref().unwrap()].site.is_none());
    }
    let exempted = EVERYBODY.exemptions.len();
    assert!(
        near(exempted, 0.76 * f64::from(NOWHERE_ENROLLED), 0.2),
        "{exempted}"
    );
    let children: BTreeSet<&str> = EVERYBODY
        .youth_care
        .iter()
        .filter_map(|row| row.pupil.bsn.as_deref())
        .collect();
    assert!(children.iter().all(|bsn| residents.contains_key(bsn)));
    // About half of one in ten.
    assert!(near(children.len(), 2_150.0, 0.15), "{}", children.len());
}
