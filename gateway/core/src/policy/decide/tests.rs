mod conditions;
mod figures;
mod persons;
mod properties;
mod pseudonyms;

use serde_json::{Value, json};

use super::*;
use crate::fixture::{
    BOARD, BSN, caller, decided, facts, field, figures_grant, name, now, organisation, policies, query,
    staff, vendor,
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
