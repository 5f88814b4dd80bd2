mod properties;

use serde_json::{Value, json};

use super::*;
use crate::fixture::{
    BOARD, BSN, caller, decided, facts, figures_grant, name, now, organisation, policies, query, staff,
    vendor,
};

fn code(decision: Result<Permit<'_>, Denial>) -> &'static str {
    match decision {
        Ok(_) => "granted",
        Err(denial) => denial.code.as_str(),
    }
}

fn atlas(group_by: &[&str], only: &Value) -> Request {
    query(&json!({
        "purpose": "youth-atlas", "form": "figures", "groupBy": group_by, "only": only, "measures": ["pupils"]
    }))
}

fn truants(group_by: &[&str], only: &Value) -> Request {
    query(&json!({
        "purpose": "neighbourhood-absence", "form": "figures", "groupBy": group_by, "only": only,
        "measures": ["pupils"]
    }))
}

fn consult(fields: &[&str], only: &Value, limit: u32) -> Request {
    query(&json!({
        "purpose": "case-consultation", "form": "records", "fields": fields, "only": only,
        "page": { "limit": limit }
    }))
}

fn status(caller: &Caller, acting_for: Option<&str>, identifier: &str, value: &str) -> Request {
    let acting_for = acting_for.map(|slug| organisation(slug).oin.to_string());
    facts(
        caller,
        &json!({
            "purpose": "admissibility-status", "actingFor": acting_for, "fields": ["admissibility.kind"],
            "pupils": [{ "ref": "1", identifier: value }]
        }),
    )
}

#[test]
fn a_permit_names_its_purpose_clause_and_parties() {
    let permit = decided(
        &caller("swv-po", "dashboard"),
        &atlas(&["resident.neighbourhood"], &json!({})),
    )
    .unwrap();
    assert_eq!(
        (permit.purpose().as_str(), permit.clause()),
        ("youth-atlas", "youth-atlas/grant/0")
    );
    assert_eq!(permit.recipient(), &organisation("swv-po").oin);
    assert_eq!((permit.form(), permit.acting_for()), (Form::Figures, None));
    assert_eq!(permit.day(), jiff::civil::date(2026, 11, 22));
}

#[test]
fn figures_are_granted_at_their_level_or_coarser() {
    let municipality = caller("municipality", "dashboard");
    let cases: [(Request, &str); 14] = [
        (
            atlas(&["resident.neighbourhood@neighbourhood"], &json!({})),
            "granted",
        ),
        (atlas(&["resident.neighbourhood@city"], &json!({})), "granted"),
        (atlas(&[], &json!({ "resident.attends": "nowhere" })), "granted"),
        (
            truants(&["enrolment.neighbourhood", "enrolment.sector"], &json!({})),
            "granted",
        ),
        (
            truants(&[], &json!({ "absence.kind": "unauthorised" })),
            "granted",
        ),
        (
            truants(
                &["enrolment.sector@phase"],
                &json!({ "absence.stay-at-home": true }),
            ),
            "granted",
        ),
        (
            truants(&["enrolment.sector"], &json!({ "absence.stay-at-home": true })),
            "filter-not-granted",
        ),
        (truants(&["enrolment.site"], &json!({})), "dimension-not-granted"),
        (truants(&["absence.reason"], &json!({})), "granted"),
        (
            truants(&["absence.reason", "absence.status"], &json!({})),
            "dimension-not-granted",
        ),
        (
            truants(&[], &json!({ "absence.kind": "authorised" })),
            "filter-not-granted",
        ),
        (
            truants(&[], &json!({ "enrolment.year-group": "5" })),
            "filter-not-granted",
        ),
        (atlas(&["enrolment.site"], &json!({})), "dimension-not-granted"),
        (
            atlas(
                &["resident.neighbourhood", "enrolment.sector", "resident.attends"],
                &json!({}),
            ),
            "granted",
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(code(decided(&municipality, &request)), expected, "{request:?}");
    }
}

/// A grant at district level, one dimension, for what the shipped ones do not show.
#[test]
fn finer_levels_and_more_dimensions_than_granted_are_denied() {
    let mut policies = policies().clone();
    let standing = policies.purposes.get_mut(&name("neighbourhood-absence")).unwrap();
    standing.purpose.grants.truncate(2);
    standing.purpose.grants.remove(0);
    let swv = caller("swv-vo", "dashboard");
    let decision = |request: &Request| code(decide(&policies, &swv, None, request, now()));
    let home = json!({ "absence.stay-at-home": true });
    assert_eq!(
        decision(&truants(&["enrolment.neighbourhood@district"], &home)),
        "granted"
    );
    assert_eq!(
        decision(&truants(&["enrolment.neighbourhood@neighbourhood"], &home)),
        "dimension-not-granted"
    );
    let within = json!({ "enrolment.neighbourhood@neighbourhood": "WK003401" });
    assert_eq!(decision(&truants(&[], &within)), "filter-not-granted");
    let contrary = json!({ "absence.stay-at-home": false });
    assert_eq!(decision(&truants(&[], &contrary)), "filter-not-granted");

    let mut policies = crate::fixture::policies().clone();
    let standing = policies.purposes.get_mut(&name("youth-atlas")).unwrap();
    if let Grant::Figures(grant) = &mut standing.purpose.grants[0] {
        grant.max_dimensions = 1;
    }
    let decision = |request: &Request| code(decide(&policies, &swv, None, request, now()));
    let one = atlas(&["resident.neighbourhood", "enrolment.sector"], &json!({}));
    let two = atlas(
        &["resident.neighbourhood", "enrolment.sector"],
        &json!({ "resident.attends": "nowhere" }),
    );
    let same = atlas(&["enrolment.sector"], &json!({ "enrolment.sector@phase": "PO" }));
    assert_eq!(decision(&one), "granted");
    assert_eq!(decision(&two), "too-many-dimensions");
    assert_eq!(
        decision(&same),
        "granted",
        "grouped and filtered, one field is one dimension"
    );
}

#[test]
fn a_named_question_is_itself_and_no_more() {
    let swv = caller("swv-po", "dashboard");
    let ask = |question: &str, parameters: &[(&str, &str)]| {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let asked = Request::question(&policies().catalogue, "youth-atlas", question, &parameters).unwrap();
        code(decided(&swv, &asked))
    };
    assert_eq!(ask("nowhere-enrolled-by-district", &[]), "granted");
    assert_eq!(
        ask("nowhere-enrolled-by-district", &[("resident.attends", "nowhere")]),
        "granted"
    );
    assert_eq!(
        ask(
            "nowhere-enrolled-by-district",
            &[("resident.neighbourhood@district", "ALM-HAVEN")]
        ),
        "granted"
    );
    assert_eq!(ask("stay-at-homes-by-district", &[]), "no-such-question");
    assert_eq!(
        ask("children-by-district", &[("absence.reason", "medical")]),
        "filter-not-granted"
    );
}

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

#[test]
fn rows_are_delivered_by_their_holder_or_under_its_mandate() {
    let decision = |caller: &Caller, dataset: &str, holder: &str| {
        code(decide_delivery(
            policies(),
            caller,
            &name(dataset),
            &organisation(holder).oin,
            now(),
        ))
    };
    assert_eq!(
        decision(&caller(BOARD, "delivery"), "enrolment", BOARD),
        "granted"
    );
    assert_eq!(
        decision(&caller(BOARD, "school"), "enrolment", BOARD),
        "no-such-purpose"
    );
    assert_eq!(
        decision(&caller("municipality", "delivery"), "resident", "municipality"),
        "granted"
    );
    assert_eq!(
        decision(&caller("municipality", "delivery"), "enrolment", "municipality"),
        "no-such-purpose"
    );
    assert_eq!(
        decision(&caller("municipality", "delivery"), "marks", "municipality"),
        "no-such-purpose"
    );
    assert_eq!(
        decision(&caller("municipality", "delivery"), "enrolment", BOARD),
        "mandate-missing"
    );
    // The mandate covers `admissibility` alone.
    assert_eq!(
        decision(&vendor("delivery"), "enrolment", BOARD),
        "mandate-missing"
    );
    let mut wider = policies().clone();
    wider.mandates[0].datasets.push(name("enrolment"));
    let board = &organisation(BOARD).oin;
    let vendor = vendor("delivery");
    let permit = decide_delivery(&wider, &vendor, &name("enrolment"), board, now()).unwrap();
    assert_eq!(
        (permit.principal(), permit.recipient()),
        (board, &vendor.organisation)
    );
}

#[test]
fn a_purpose_that_does_not_exist_and_one_of_others_look_alike() {
    let school = caller(BOARD, "school");
    let denial = |purpose: &str| {
        let request = query(&json!({
            "purpose": purpose, "form": "figures", "groupBy": ["absence.reason"], "measures": ["pupils"]
        }));
        format!("{:?}", decided(&school, &request).unwrap_err())
    };
    let unknown = denial("no-such-thing");
    assert!(unknown.contains("NoSuchPurpose"));
    assert_eq!(denial("youth-atlas"), unknown);
    assert_eq!(denial("delivery-resident"), unknown);

    // Nor does its state show: asleep, expired, not in the token.
    let mut asleep = policies().clone();
    let standing = asleep.purposes.get_mut(&name("youth-atlas")).unwrap();
    standing.state = crate::policy::StandingState::Asleep { missing: Vec::new() };
    let request = atlas(&[], &json!({}));
    let denied = decide(&asleep, &school, None, &request, now()).unwrap_err();
    assert_eq!(format!("{denied:?}"), unknown);
}

#[test]
fn a_purpose_must_act_and_be_in_the_token() {
    let request = atlas(&[], &json!({}));
    let swv = caller("swv-po", "dashboard");
    let at = |moment: &str| code(decide(policies(), &swv, None, &request, moment.parse().unwrap()));
    assert_eq!(at("2026-11-22T12:00:00Z"), "granted");
    assert_eq!(at("2025-07-31T23:59:59Z"), "purpose-expired");
    assert_eq!(
        at("2027-08-01T00:00:00Z"),
        "purpose-asleep",
        "its approvals have run out"
    );

    let mut asleep = policies().clone();
    let standing = asleep.purposes.get_mut(&name("youth-atlas")).unwrap();
    standing.state = crate::policy::StandingState::Asleep { missing: Vec::new() };
    assert_eq!(
        code(decide(&asleep, &swv, None, &request, now())),
        "purpose-asleep"
    );

    let mut old = swv.clone();
    old.purposes
        .iter_mut()
        .for_each(|purpose| purpose.manifest_digest = [0; 32]);
    assert_eq!(code(decided(&old, &request)), "not-in-token");
    let mut none = swv.clone();
    none.purposes.clear();
    assert_eq!(code(decided(&none, &request)), "not-in-token");
    let mut without_role = swv;
    without_role.roles = vec!["consulent".to_owned()];
    assert_eq!(code(decided(&without_role, &request)), "no-such-purpose");
}

#[test]
fn another_form_than_granted_is_denied() {
    let request =
        query(&json!({ "purpose": "youth-atlas", "form": "records", "fields": ["resident.attends"] }));
    assert_eq!(
        code(decided(&caller("swv-po", "dashboard"), &request)),
        "form-not-granted"
    );
}

#[test]
fn a_denial_says_what_the_own_grant_allows() {
    let denial = decided(
        &caller("swv-po", "consulent"),
        &consult(&["enrolment.site", "absence.reason"], &json!({}), 10),
    )
    .unwrap_err();
    assert_eq!(denial.clause.as_deref(), Some("case-consultation/grant/0"));
    assert_eq!(denial.subjects, ["absence.reason"]);
    let allowed = denial.allowed.unwrap();
    assert_eq!(allowed.form, "records");
    assert!(allowed.fields.contains(&"absence.since".to_owned()));
    assert!(!allowed.fields.contains(&"absence.reason".to_owned()));
}

#[test]
fn the_shipped_grants_are_the_ones_these_tests_rely_on() {
    assert_eq!(figures_grant(policies(), "youth-atlas", 0).max_dimensions, 2);
    assert_eq!(
        figures_grant(policies(), "neighbourhood-absence", 1).max_dimensions,
        1
    );
}
