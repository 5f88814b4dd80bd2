//! Records and facts: fields, filters, pages, persons, identifiers, mandates.

use super::*;

#[test]
fn records_are_granted_by_field_filter_page_and_person() {
    let consulent = caller("swv-po", "consulent");
    let none = json!({});
    let cases: [(Request, &str); 7] = [
        (consult(&["pseudonym", "enrolment.site"], &none, 10), "granted"),
        (
            consult(
                &["absence.since"],
                &json!({ "absence.kind": "unauthorised" }),
                1000,
            ),
            "granted",
        ),
        (consult(&["enrolment.birth-date"], &none, 10), "field-not-granted"),
        (consult(&["admissibility.kind"], &none, 10), "field-not-granted"),
        (consult(&["absence.reason"], &none, 10), "field-not-granted"),
        (
            consult(
                &["enrolment.site"],
                &json!({ "enrolment.birth-date": "2015-01-01" }),
                10,
            ),
            "filter-not-granted",
        ),
        (
            consult(&["enrolment.site"], &json!({ "absence.since": "2026-09-01" }), 10),
            "filter-not-granted",
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(code(decided(&consulent, &request)), expected, "{request:?}");
    }
    let request = consult(&["enrolment.site"], &none, 10);
    let decision = |staff: Option<&Staff>| code(decide(policies(), &consulent, staff, &request, now()));
    assert_eq!(decision(None), "staff-missing");
    let stated = Staff {
        proved: false,
        ..staff()
    };
    assert_eq!(decision(Some(&stated)), "staff-not-proved");
    let idle = Staff {
        case: None,
        ..staff()
    };
    assert_eq!(decision(Some(&idle)), "case-missing");

    let mut narrow = policies().clone();
    let standing = narrow.purposes.get_mut(&name("case-consultation")).unwrap();
    if let Grant::Records(grant) = &mut standing.purpose.grants[0] {
        grant.page_max = 50;
    }
    let decision = |limit| {
        let request = consult(&["enrolment.site"], &none, limit);
        code(decide(&narrow, &consulent, Some(&staff()), &request, now()))
    };
    assert_eq!(
        (decision(50), decision(51), decision(1000)),
        ("granted", "page-too-large", "page-too-large")
    );
}

#[test]
fn facts_are_granted_by_identifier_and_mandate() {
    let school = caller(BOARD, "school");
    assert_eq!(
        code(decided(&school, &status(&school, None, "bsn", BSN))),
        "granted"
    );
    let own = status(&school, Some(BOARD), "bsn", BSN);
    assert_eq!(
        code(decided(&school, &own)),
        "granted",
        "a board acts for itself without a mandate"
    );
    let local = status(&school, None, "local", "4711");
    assert_eq!(code(decided(&school, &local)), "identifier-not-granted");

    let vendor = vendor("school");
    let for_board = status(&vendor, Some(BOARD), "bsn", BSN);
    let permit = decided(&vendor, &for_board).unwrap();
    assert_eq!(permit.principal(), &organisation(BOARD).oin);
    assert_eq!(permit.recipient(), &vendor.organisation);
    assert_eq!(
        code(decided(&vendor, &status(&vendor, None, "bsn", BSN))),
        "no-such-purpose"
    );
    let other = status(&vendor, Some("board-62584"), "bsn", BSN);
    assert_eq!(code(decided(&vendor, &other)), "mandate-missing");
    let unnamed = Caller {
        acting_for: Vec::new(),
        ..vendor.clone()
    };
    assert_eq!(code(decided(&unnamed, &for_board)), "mandate-missing");

    // What the token says is older than the mandates: one that covers another dataset, or has run out, is none.
    let mut later = policies().clone();
    later.mandates[0].datasets = vec![name("absence")];
    assert_eq!(
        code(decide(&later, &vendor, Some(&staff()), &for_board, now())),
        "mandate-missing"
    );
    later.mandates.clear();
    assert_eq!(
        code(decide(&later, &vendor, Some(&staff()), &for_board, now())),
        "mandate-missing"
    );
}
