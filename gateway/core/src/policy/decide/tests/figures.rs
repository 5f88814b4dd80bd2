//! Figures: levels, filters, dimensions, named questions.

use super::*;

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
            truants(&["enrolment.neighbourhood", "enrolment.sector@phase"], &json!({})),
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
            truants(
                &["enrolment.neighbourhood"],
                &json!({ "absence.stay-at-home": true }),
            ),
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
