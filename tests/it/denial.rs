//! What nobody may: each refusal with its reason and what would have been allowed.

use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::ask::{body, figures, records, refusal};
use crate::support::world::{World, problem};

#[tokio::test]
async fn more_than_granted_is_refused_with_what_is_allowed() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-consulent");
    let asked = records(&["pseudonym", "enrolment.birth-date"]);

    let problem = problem(client.query(asked).await);

    let mut document = problem.document;
    document["traceId"] = "-".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap(), @r#"
{
  "type": "/v1/problems/field-not-granted",
  "title": "Dit veld is niet toegestaan",
  "status": 403,
  "detail": "`enrolment.birth-date`: zie `allowed` voor wat wel mag, en `GET /v1/catalogue`",
  "instance": "/v1/queries",
  "code": "field-not-granted",
  "traceId": "-",
  "clause": "case-consultation/grant/0",
  "allowed": {
    "form": "records",
    "fields": [
      "pseudonym",
      "enrolment.site",
      "enrolment.sector",
      "enrolment.year-group",
      "absence.since",
      "absence.kind",
      "absence.weeks"
    ],
    "coarser": {
      "absence.since": "month"
    },
    "filterBy": [
      "enrolment.site",
      "enrolment.sector",
      "enrolment.year-group",
      "absence.kind"
    ],
    "scope": "caseload",
    "pageMax": 1000
  }
}
"#);
}

#[tokio::test]
async fn each_kind_of_too_much_has_its_code() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let mut refusals = Vec::new();
    for asked in [
        figures(&["enrolment.site"], json!({})),
        figures(&["enrolment.birth-date"], json!({})),
        figures(&["resident.age"], json!({})),
        figures(&[], json!({ "enrolment.site": "16KK00" })),
        body(json!({ "purpose": "youth-atlas", "form": "records", "fields": ["pseudonym"] })),
        body(
            json!({ "purpose": "neighbourhood-absence", "form": "figures", "measures": ["pupils"],
                     "groupBy": ["enrolment.neighbourhood@neighbourhood"], "only": { "absence.stay-at-home": true } }),
        ),
        records(&["pseudonym"]),
    ] {
        refusals.push(refusal(client.query(asked).await));
    }
    insta::assert_debug_snapshot!(refusals, @r#"
[
    "403 dimension-not-granted",
    "400 invalid-input",
    "400 invalid-input",
    "403 filter-not-granted",
    "403 form-not-granted",
    "403 filter-not-granted",
    "404 no-such-purpose",
]
"#);
}

#[tokio::test]
async fn a_purpose_of_others_looks_like_one_that_does_not_exist() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("municipality-dashboard");
    let mut texts = Vec::new();
    for purpose in ["case-consultation", "no-such-thing"] {
        let mut asked = records(&["pseudonym"]);
        asked["purpose"] = purpose.into();
        let mut document = problem(client.query(asked).await).document;
        document["traceId"] = "-".into();
        texts.push(document.to_string());
    }
    assert_eq!(texts[0], texts[1]);
    insta::assert_snapshot!(texts[0], @r#"{"type":"/v1/problems/no-such-purpose","title":"Dit doel bestaat niet, of niet voor u","status":404,"detail":"zie `GET /v1/catalogue` voor uw doelen; wie voor een bestuur handelt, noemt het: `holder=` bij een levering, `actingFor` in een vraag","instance":"/v1/queries","code":"no-such-purpose","traceId":"-"}"#);
}

#[tokio::test]
async fn an_expired_purpose_is_refused_under_an_old_token_and_a_new_one() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    // The last minutes of 31 July 2027.
    world.advance((253 - 1) * 24 + 13);
    let before = refusal(client.query(figures(&[], json!({}))).await);
    world.clock.advance(jiff::SignedDuration::from_mins(60 + 1));
    let old_token = refusal(client.query(figures(&[], json!({}))).await);
    client.forget_token().await;
    let new_token = refusal(client.query(figures(&[], json!({}))).await);
    insta::assert_debug_snapshot!((before, old_token, new_token), @r#"
(
    "404 no-such-epoch",
    "403 purpose-expired",
    "403 purpose-expired",
)
"#);
}

#[tokio::test]
async fn a_purpose_sleeps_while_one_approval_is_missing() {
    let world = World::with(Backend::Sqlite, |config| {
        std::fs::remove_file(
            config
                .policies
                .dir
                .join("approvals/youth-atlas.municipality.fg.jws"),
        )
        .unwrap();
    })
    .await
    .unwrap();
    let client = world.client("swv-po-dashboard");
    let asked = figures(&[], json!({}));
    assert_eq!(refusal(client.query(asked).await), "403 purpose-asleep");
}
