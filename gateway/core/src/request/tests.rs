use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{BSN, policies};

fn parse(route: &str, body: &[u8]) -> Result<Request, Vec<InputError>> {
    let catalogue = &policies().catalogue;
    let caller = "00000099000000041676".parse().unwrap();
    match route {
        "facts" => Request::facts(catalogue, &caller, body),
        _ => Request::query(catalogue, body),
    }
}

fn mistakes(route: &str, body: &str) -> Vec<(String, &'static str)> {
    let errors = parse(route, body.as_bytes()).err().unwrap_or_default();
    assert!(
        errors.iter().all(|error| error.part == "body"),
        "{body}: {errors:?}"
    );
    errors
        .into_iter()
        .map(|error| (error.location, error.code))
        .collect()
}

/// The bodies that the properties below spoil.
fn sound() -> [(&'static str, Value); 3] {
    [
        (
            "queries",
            json!({
                "purpose": "youth-atlas", "form": "figures", "epoch": "2026-10-01",
                "groupBy": ["resident.neighbourhood@district", "enrolment.sector"],
                "only": { "resident.attends": "nowhere" }, "measures": ["pupils"]
            }),
        ),
        (
            "queries",
            json!({
                "purpose": "case-consultation", "form": "records", "fields": ["pseudonym", "enrolment.site"],
                "only": { "absence.kind": "unauthorised" }, "at": "2026-10-01",
                "onBehalfOf": { "assertion": "a.b.c", "case": "17" }, "page": { "limit": 10, "cursor": "x" }
            }),
        ),
        (
            "facts",
            json!({
                "purpose": "admissibility-status", "actingFor": "00000099000000041676",
                "pupils": [{ "ref": "1", "bsn": BSN }], "fields": ["admissibility.kind"],
                "onBehalfOf": { "case": "17" }
            }),
        ),
    ]
}

#[test]
fn sound_bodies_are_read() {
    for (route, body) in sound() {
        assert!(parse(route, body.to_string().as_bytes()).is_ok(), "{body}");
    }
}

/// A route, a body, and where it has which mistakes.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

#[test]
fn all_mistakes_are_told_at_once_each_at_its_place() {
    let cases: &[Case] = &[
        ("queries", "", &[("", "malformed-json")]),
        ("queries", r#"{"form": "#, &[("", "malformed-json")]),
        ("queries", "[]", &[("", "wrong-type")]),
        ("queries", "{}", &[("/form", "missing")]),
        (
            "queries",
            r#"{"purpose": "p", "measures": ["pupils"]}"#,
            &[("/form", "missing")],
        ),
        ("queries", r#"{"form": 1}"#, &[("/form", "wrong-type")]),
        ("queries", r#"{"form": "facts"}"#, &[("/form", "unknown-form")]),
        ("queries", r#"{"a":[[[[[[[[[1]]]]]]]]]}"#, &[("", "too-deep")]),
        (
            "queries",
            r#"{"form": "figures", "epoch": "1 oktober", "groupBy": ["resident.neighborhood", "x", 7, "resident.birth-date"],
                "only": {"resident.attends": "somewhere", "resident.attendz": "nowhere", "enrolment.sector": {}},
                "measures": ["pupils", "pupils", "rows"], "extra": 1}"#,
            &[
                ("/purpose", "missing"),
                ("/epoch", "bad-date"),
                ("/groupBy/2", "wrong-type"),
                ("/groupBy/0", "unknown-field"),
                ("/groupBy/1", "malformed-name"),
                ("/groupBy/3", "not-a-dimension"),
                ("/measures/1", "repeated"),
                ("/measures/2", "unknown-measure"),
                ("/only/enrolment.sector", "wrong-type"),
                ("/only/resident.attends", "unknown-code"),
                ("/only/*", "unknown-field"),
                ("", "unknown-key"),
            ],
        ),
        (
            "queries",
            r#"{"purpose": "Youth", "form": "figures", "groupBy": ["resident.neighbourhood@street",
                "resident.neighbourhood@city", "resident.neighbourhood@district"], "measures": []}"#,
            &[
                ("/purpose", "malformed-name"),
                ("/groupBy/0", "unknown-level"),
                ("/measures", "missing"),
                ("/groupBy", "repeated"),
            ],
        ),
        (
            "queries",
            r#"{"purpose": "p", "form": "records", "fields": ["enrolment.site", "enrolment.site", "marks.*"],
                "only": {"enrolment.birth-date": "yesterday"}, "at": "2026-13-01", "onBehalfOf": {"case": "", "who": 1},
                "page": {"limit": 0}}"#,
            &[
                ("/fields/1", "repeated"),
                ("/fields/2", "malformed-name"),
                ("/only/enrolment.birth-date", "unknown-code"),
                ("/at", "bad-date"),
                ("/onBehalfOf/case", "out-of-range"),
                ("/onBehalfOf", "unknown-key"),
                ("/page/limit", "out-of-range"),
            ],
        ),
        (
            "queries",
            r#"{"purpose": "p", "form": "records", "fields": [], "onBehalfOf": "x", "page": 3}"#,
            &[
                ("/fields", "missing"),
                ("/onBehalfOf", "wrong-type"),
                ("/page", "wrong-type"),
            ],
        ),
        (
            "queries",
            r#"{"purpose": "p", "form": "records"}"#,
            &[("/fields", "missing")],
        ),
        (
            "queries",
            r#"{"purpose": "p", "form": "records", "fields": ["enrolment.site"], "page": {"limit": 1001}}"#,
            &[("/page/limit", "out-of-range")],
        ),
        (
            "facts",
            r#"{"purpose": "p", "actingFor": "41676", "pupils": [{"ref": "1", "bsn": "123456789"}, {"ref": "", "bsn": 7},
                {"ref": "2", "bsn": "999990019", "eckId": "x"}, {"ref": "3"}, 4]}"#,
            &[
                ("/actingFor", "malformed-oin"),
                ("/fields", "missing"),
                ("/pupils/0/bsn", "invalid-identifier"),
                ("/pupils/1/ref", "missing"),
                ("/pupils/1/bsn", "wrong-type"),
                ("/pupils/2", "identifier-count"),
                ("/pupils/3", "identifier-count"),
                ("/pupils/4", "wrong-type"),
            ],
        ),
        (
            "facts",
            r#"{"purpose": "p", "exists": true, "fields": ["admissibility.kind"],
                "pupils": [{"ref": "1", "bsn": "999990019"}, {"ref": "1", "bsn": "999990019"}]}"#,
            &[("/exists", "contradiction"), ("/pupils", "repeated")],
        ),
        (
            "facts",
            r#"{"purpose": "p", "exists": true, "pupils": []}"#,
            &[("/pupils", "out-of-range")],
        ),
        (
            "facts",
            r#"{"purpose": "p", "exists": true}"#,
            &[("/pupils", "missing")],
        ),
    ];
    for (route, body, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(location, code)| ((*location).to_owned(), *code))
            .collect();
        assert_eq!(mistakes(route, body), expected, "{body}");
    }
}

#[test]
fn a_mistake_says_how_to_mend_it() {
    let body = r#"{"purpose": "p", "form": "figures", "groupBy": ["resident.neighborhood", "residents.attends"],
        "measures": ["pupils"], "onlly": {}}"#;
    let errors = parse("queries", body.as_bytes()).unwrap_err();
    let details: Vec<_> = errors.iter().map(|error| error.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "names an unknown field; did you mean `resident.neighbourhood`?",
            "names an unknown dataset; did you mean `resident`?",
            "has a key that is not known; did you mean `only`?",
        ]
    );
}

#[test]
fn a_facts_request_names_at_most_a_hundred_pupils() {
    let pupils = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|number| json!({ "ref": number.to_string(), "bsn": BSN }))
            .collect()
    };
    let body = |count| json!({ "purpose": "p", "exists": true, "pupils": pupils(count) }).to_string();
    assert_eq!(mistakes("facts", &body(FACTS_PUPILS_MAX)), []);
    assert_eq!(
        mistakes("facts", &body(FACTS_PUPILS_MAX + 1)),
        [("/pupils".to_owned(), "out-of-range")]
    );
}

#[test]
fn a_named_question_is_read_from_its_path_and_parameters() {
    let ask = |purpose: &str, question: &str, parameters: &[(&str, &str)]| {
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Request::question(&policies().catalogue, purpose, question, &parameters)
    };
    let asked = ask(
        "youth-atlas",
        "children-by-district",
        &[("epoch", "latest"), ("resident.attends", "nowhere")],
    );
    let Ok(Request::Figures(asked)) = asked else {
        panic!("not read")
    };
    assert_eq!(asked.epoch, EpochChoice::Latest);
    assert_eq!(asked.only.len(), 1);

    let errors = ask(
        "Youth",
        "q",
        &[
            ("epoch", "soon"),
            ("resident.attends", "nowhere"),
            ("resident.attends@code", "x"),
            ("resident.attends", "y"),
            ("enrolment.sector", "z"),
            ("jan-jansen", "1"),
        ],
    )
    .unwrap_err();
    let told: Vec<_> = errors
        .iter()
        .map(|error| (error.part, error.location.as_str(), error.code))
        .collect();
    assert_eq!(
        told,
        [
            ("query", "epoch", "bad-date"),
            ("query", "*", "repeated"),
            ("query", "*", "repeated"),
            ("query", "enrolment.sector", "unknown-code"),
            ("query", "*", "malformed-name"),
            ("path", "", "malformed-name"),
        ]
    );
}

/// Every body that has `mark` somewhere instead of what was there: as a value, as a key, as one key more.
fn spoilt(body: &Value, mark: &str) -> Vec<Value> {
    let mut bodies = vec![json!(mark), json!([mark]), json!({ mark: mark })];
    match body {
        Value::Object(members) => {
            for (key, value) in members {
                let with = |key: &str, value: Value| {
                    let mut members = members.clone();
                    members.insert(key.to_owned(), value);
                    Value::Object(members)
                };
                bodies.push(with(mark, value.clone()));
                bodies.extend(spoilt(value, mark).into_iter().map(|value| with(key, value)));
                let mut renamed = members.clone();
                renamed.remove(key);
                renamed.insert(mark.to_owned(), value.clone());
                bodies.push(Value::Object(renamed));
            }
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                bodies.extend(spoilt(item, mark).into_iter().map(|item| {
                    let mut items = items.clone();
                    items[position] = item;
                    Value::Array(items)
                }));
            }
        }
        _ => {}
    }
    bodies
}

/// What may stand where it should not: a word, a number, a name in the shape of a catalogue name.
fn mark() -> impl Strategy<Value = String> {
    let word = "zqx[a-z0-9-]{3,9}";
    prop_oneof![
        word.prop_map(String::from),
        "ZQX [A-Z][a-z]{2,8}".prop_map(String::from),
        "zqx[0-9]{9}".prop_map(String::from),
        word.prop_map(|word| format!("{word}.site")),
        word.prop_map(|word| format!("enrolment.{word}")),
        word.prop_map(|word| format!("enrolment.site@{word}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_was_sent_is_repeated(mark in mark()) {
        for (route, body) in sound() {
            for spoilt in spoilt(&body, &mark) {
                let errors = parse(route, spoilt.to_string().as_bytes()).err().unwrap_or_default();
                let told = serde_json::to_string(&errors).unwrap().to_lowercase();
                prop_assert!(!told.contains("zqx"), "{spoilt}: {told}");
            }
        }
        let parameters = [(mark.clone(), mark.clone()), ("resident.attends".to_owned(), mark.clone()), ("epoch".to_owned(), mark.clone())];
        let errors = Request::question(&policies().catalogue, &mark, &mark, &parameters).unwrap_err();
        prop_assert!(!serde_json::to_string(&errors).unwrap().to_lowercase().contains("zqx"));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..300, with in ".{0,3}") {
        let _ = parse("queries", &bytes);
        for (route, body) in sound() {
            let text = body.to_string();
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let (before, after) = text.split_at(at);
            let _ = parse(route, format!("{before}{with}{after}").as_bytes());
        }
    }
}
