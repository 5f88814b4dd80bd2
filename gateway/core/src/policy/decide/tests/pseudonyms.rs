//! `translate`, `resolve` and `restrict`.

use super::*;
use crate::lp::PartText;
use crate::plan::Plan;
use crate::pseudonym::{DomainKey, ExitRoot, KeyVersion, SubjectId};
use crate::purpose::{Holders, Limit, Rate, Recipient, ResolveGrant, TranslateGrant};

/// Some pseudonyms of one domain.
fn pseudonyms(count: u8) -> Vec<String> {
    let root = ExitRoot::from_bytes([7; 32]);
    let (tenant, empty) = ("almere".parse().unwrap(), PartText::default());
    let purpose = name("case-consultation");
    let recipient = &organisation("swv-po").oin;
    let version = KeyVersion::try_from(1).unwrap();
    let key = DomainKey::derive(&root, version, &tenant, recipient, &purpose, &empty, &empty);
    (0..count)
        .map(|number| {
            key.pseudonym(&SubjectId::from_bytes([number; 16]))
                .as_str()
                .to_owned()
        })
        .collect()
}

/// The shipped policies, in which case-consultation also has its pseudonyms resolved and translated.
fn exchanging() -> Policies {
    let mut policies = policies().clone();
    let standing = policies.purposes.get_mut(&name("case-consultation")).unwrap();
    let recipients: Vec<Recipient> = standing.purpose.grants[0].recipients()[..1].to_vec();
    let limit = Limit {
        requests: "20/d".parse::<Rate>().unwrap(),
        cells: None,
    };
    standing.purpose.grants.push(Grant::Resolve(ResolveGrant {
        recipients: recipients.clone(),
        dataset: name("enrolment"),
        holders: Holders::All,
        of: name("case-consultation"),
        reasons: vec![name("contact-school")],
        shows_purpose: false,
        shows_case: true,
        deadline_days: 5,
        persons: 2,
        per_day: 3,
        limit,
    }));
    standing.purpose.grants.push(Grant::Translate(TranslateGrant {
        recipients,
        dataset: name("enrolment"),
        holders: Holders::All,
        from: name("case-consultation"),
        to: "swv-vo".parse().unwrap(),
        to_purpose: name("case-consultation"),
        staff: StaffRule::Proved,
        per_day: 60,
        limit,
    }));
    policies
}

fn resolution(count: u8, reason: &str) -> Request {
    let body = json!({ "purpose": "case-consultation", "pseudonyms": pseudonyms(count), "reason": reason });
    Request::resolution(body.to_string().as_bytes()).unwrap()
}

fn translation(count: u8) -> Request {
    let body = json!({ "purpose": "case-consultation", "pseudonyms": pseudonyms(count) });
    Request::translation(body.to_string().as_bytes()).unwrap()
}

#[test]
fn two_persons_release_a_resolution() {
    let policies = exchanging();
    let consulent = caller("swv-po", "consulent");
    let (asker, other) = (
        staff(),
        Staff {
            subject: "c-18".to_owned(),
            ..staff()
        },
    );
    let unproved = Staff {
        proved: false,
        ..other.clone()
    };
    let ask = |persons: &[&Staff], request: &Request| {
        code(decide_released(&policies, &consulent, persons, request, now()))
    };
    let request = resolution(1, "contact-school");
    let cases: [(&[&Staff], &str); 5] = [
        (&[&asker, &other], "granted"),
        (&[&asker], "second-person-missing"),
        (&[&asker, &asker], "second-person-missing"),
        (&[&asker, &unproved], "staff-not-proved"),
        (&[], "staff-missing"),
    ];
    for (persons, expected) in cases {
        assert_eq!(ask(persons, &request), expected, "{}", persons.len());
    }
    assert_eq!(
        ask(&[&asker, &other], &resolution(1, "curiosity")),
        "reason-not-granted"
    );
    assert_eq!(
        ask(&[&asker, &other], &resolution(4, "contact-school")),
        "too-many-pseudonyms"
    );
    let denial = decide_released(&policies, &consulent, &[&asker], &request, now()).unwrap_err();
    assert_eq!(denial.clause.as_deref(), Some("case-consultation/grant/1"));
    assert_eq!(denial.allowed.unwrap().persons, Some(2));
    let vo = caller("swv-vo", "consulent");
    let decision = decide_released(&policies, &vo, &[&asker, &other], &request, now());
    assert_eq!(code(decision), "form-not-granted");
}

#[test]
fn pseudonyms_are_translated_many_at_once_and_only_between_purposes_that_act() {
    let mut policies = exchanging();
    let consulent = caller("swv-po", "consulent");
    let ask = |policies: &Policies, request: &Request| {
        code(decide(policies, &consulent, Some(&staff()), request, now()))
    };
    assert_eq!(ask(&policies, &translation(50)), "granted");
    assert_eq!(ask(&policies, &translation(61)), "too-many-pseudonyms");
    let few = json!({ "purpose": "case-consultation", "pseudonyms": pseudonyms(49) });
    let errors = Request::translation(few.to_string().as_bytes()).unwrap_err();
    assert_eq!(
        (errors[0].location.as_str(), errors[0].code),
        ("/pseudonyms", "out-of-range")
    );

    let standing = policies.purposes.get_mut(&name("case-consultation")).unwrap();
    let Grant::Translate(grant) = &mut standing.purpose.grants[2] else {
        panic!("another grant")
    };
    grant.to_purpose = name("youth-atlas");
    assert_eq!(ask(&policies, &translation(50)), "constraint-not-evaluated");
}

fn restriction(caller: &Caller, change: impl FnOnce(&mut Value)) -> Result<Request, String> {
    let mut body = json!({
        "purpose": "pupil-rights", "action": "enter", "kind": "objection", "against": "case-consultation",
        "pupils": [{ "ref": "1", "bsn": BSN }]
    });
    change(&mut body);
    Request::restriction(&caller.organisation, body.to_string().as_bytes()).map_err(|errors| {
        let told: Vec<_> = errors
            .iter()
            .map(|one| format!("{} {}", one.location, one.code))
            .collect();
        told.join(", ")
    })
}

#[test]
fn a_school_objects_for_its_own_pupils() {
    let school = caller(BOARD, "school");
    let request = restriction(&school, |_| ()).unwrap();
    let permit = decided(&school, &request).unwrap();
    assert_eq!(
        (permit.form(), permit.clause()),
        (Form::Restrict, "pupil-rights/grant/0")
    );
    let Plan::Restrict(plan) = Plan::minimal(&permit, &request, Vec::new()).unwrap() else {
        panic!("another form")
    };
    assert_eq!(plan.board(), &school.organisation);
    assert_eq!((plan.from(), plan.until()), (permit.day(), None));
    assert_eq!(plan.against(), Some(&name("case-consultation")));

    let misspelt = restriction(&school, |body| body["against"] = "case-consultatoin".into()).unwrap();
    assert_eq!(code(decided(&school, &misspelt)), "against-unknown");
    assert_eq!(
        code(decided(&caller("swv-po", "consulent"), &request)),
        "no-such-purpose"
    );
    let nobody = decide(policies(), &school, None, &request, now());
    assert_eq!(code(nobody), "staff-missing");
    let local = restriction(&school, |body| {
        body["pupils"] = json!([{ "ref": "1", "local": "4711" }]);
    })
    .unwrap();
    assert_eq!(code(decided(&school, &local)), "identifier-not-granted");
    // The vendor's mandate is for `admissibility` alone.
    let vendor = vendor("school");
    let board = organisation(BOARD).oin.to_string();
    let for_board = restriction(&vendor, |body| body["actingFor"] = board.into()).unwrap();
    assert_eq!(code(decided(&vendor, &for_board)), "mandate-missing");
}

#[test]
fn each_mistake_in_an_objection_is_told_at_its_place() {
    let school = caller(BOARD, "school");
    let told = |change: fn(&mut Value)| restriction(&school, change).unwrap_err();
    assert_eq!(
        told(|body| drop(body.as_object_mut().unwrap().remove("against"))),
        "/against missing"
    );
    assert_eq!(
        told(|body| body["against"] = "Everything".into()),
        "/against malformed-name"
    );
    assert_eq!(
        told(|body| body["kind"] = "complaint".into()),
        "/kind unknown-word"
    );
    assert_eq!(
        told(|body| body["action"] = "undo".into()),
        "/action unknown-word"
    );
    assert_eq!(
        told(|body| {
            body["from"] = "2026-12-01".into();
            body["until"] = "2026-12-01".into();
        }),
        "/until out-of-range"
    );
    assert_eq!(
        told(|body| {
            body["action"] = "lift".into();
            body["from"] = "2026-12-01".into();
        }),
        "/action contradiction"
    );
    assert_eq!(told(|body| body["reason"] = "-".into()), " unknown-key");
}
