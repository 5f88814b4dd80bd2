//! What is outside the lattice is refused, and the refusal names the nearest question that is answered.

use rstest::rstest;
use serde_json::{Map, Value, json};

use super::counted;
use crate::support::database::Backend;
use crate::support::world::ask::{body, figures, send};
use crate::support::world::pupils::bsn;

const NEIGHBOURHOOD: &str = "resident.neighbourhood@neighbourhood";
const DISTRICT: &str = "resident.neighbourhood@district";

/// What is asked, the refusal, and the nearest question: its epoch, grouping and filters.
type Probe = (&'static str, Map<String, Value>, &'static str, Value);

fn changed(key: &str, value: Value) -> Map<String, Value> {
    let mut asked = figures(&[DISTRICT], json!({ "resident.attends": "inside" }));
    asked.insert(key.to_owned(), value);
    asked
}

#[expect(clippy::too_many_lines, reason = "a list of questions")]
fn outside() -> Vec<Probe> {
    let unchanged = || json!(["latest", [DISTRICT], { "resident.attends": "inside" }]);
    let ungrouped = |only: Value| json!(["latest", [DISTRICT], only]);
    let crossed = json!({
        "purpose": "admissibility-flow", "form": "figures", "measures": ["pupils"],
        "groupBy": ["admissibility.kind", "admissibility.outcome", "admissibility.category"],
    });
    vec![
        (
            "OR",
            changed("only", json!({ "resident.attends": ["inside", "outside"] })),
            "400 invalid-input",
            ungrouped(json!({})),
        ),
        (
            "or",
            changed("or", json!([{ "resident.attends": "inside" }])),
            "400 invalid-input",
            unchanged(),
        ),
        (
            "NOT",
            changed("only", json!({ "not": { "resident.attends": "inside" } })),
            "400 invalid-input",
            ungrouped(json!({})),
        ),
        (
            "range",
            changed("only", json!({ "resident.birth-date": { "from": "2016-01-01" } })),
            "400 invalid-input",
            ungrouped(json!({})),
        ),
        (
            "own bins",
            changed("bins", json!([4, 12])),
            "400 invalid-input",
            unchanged(),
        ),
        (
            "free date",
            changed("epoch", json!("2026-05-17")),
            "404 no-such-epoch",
            unchanged(),
        ),
        (
            "period",
            changed("epoch", json!({ "from": "2026-01-01" })),
            "400 invalid-input",
            unchanged(),
        ),
        (
            "two levels",
            changed("groupBy", json!([DISTRICT, NEIGHBOURHOOD])),
            "400 invalid-input",
            unchanged(),
        ),
        (
            "finer filter",
            changed("only", json!({ NEIGHBOURHOOD: "WK003401" })),
            "400 invalid-input",
            ungrouped(json!({ DISTRICT: "ALM-HAVEN" })),
        ),
        (
            "other geography",
            changed("groupBy", json!([DISTRICT, "enrolment.neighbourhood@district"])),
            "403 dimension-not-granted",
            unchanged(),
        ),
        (
            "too many",
            body(crossed),
            "403 too-many-dimensions",
            json!(["latest", ["admissibility.kind", "admissibility.outcome"], {}]),
        ),
        (
            "person",
            changed("pupil", json!({ "bsn": bsn(0) })),
            "400 invalid-input",
            unchanged(),
        ),
        (
            "person as filter",
            changed("only", json!({ "resident.bsn": bsn(0) })),
            "400 invalid-input",
            ungrouped(json!({})),
        ),
        (
            "pseudonym",
            changed("only", json!({ "pseudonym": "x" })),
            "400 invalid-input",
            ungrouped(json!({})),
        ),
    ]
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_no_lattice_has_is_refused_with_the_nearest_question_that_is_answered(#[case] backend: Backend) {
    let Some(world) = counted(backend).await else {
        return;
    };
    let client = world.client("swv-po-dashboard");
    let ask = async |asked: &Map<String, Value>| {
        let request = client.http().post(client.url("/v1/queries")).json(asked);
        send(&client, request).await
    };
    for (what, asked, refusal, expected) in outside() {
        let response = ask(&asked).await;
        let document = response.json();
        let code = document["code"].as_str().unwrap_or("-");
        assert_eq!(
            format!("{} {code}", response.status),
            refusal,
            "{what}: {}",
            response.text
        );
        let near = &document["allowed"]["nearest"];
        assert_eq!(
            json!([near["epoch"], near["groupBy"], near["only"]]),
            expected,
            "{what}"
        );
        assert!(!response.text.contains(&bsn(0)), "{what}");

        let mut mended = body(near.clone());
        for key in ["purpose", "form"] {
            mended.insert(key.to_owned(), asked[key].clone());
        }
        let answer = ask(&mended).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
    }
}

#[tokio::test]
async fn who_has_no_right_is_told_no_question() {
    let world = counted(Backend::Sqlite).await.unwrap();
    let client = world.client("vendor-alpha-school");
    let asked = changed("or", json!([]));
    let request = client.http().post(client.url("/v1/queries")).json(&asked);
    let response = send(&client, request).await;
    assert_eq!(response.refusal(), "400 application/problem+json invalid-input");
    assert_eq!(response.json()["allowed"], Value::Null);
}
