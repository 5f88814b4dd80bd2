//! Bad input and bad days: one clear problem document each, all mistakes at once, nothing half-written.

use doelpoort::client::Mode;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::ask::{figures, send, send_plain};
use crate::support::world::pupils::{bsn, enrolment};
use crate::support::world::{World, problem};

/// Location and code of each mistake in a problem document.
fn mistakes(document: &Value) -> Vec<String> {
    let errors = document["errors"].as_array().unwrap().iter();
    errors
        .map(|error| {
            let part = |key: &str| error[key].as_str().unwrap_or("?").to_owned();
            format!("{} {} {}", part("in"), part("location"), part("code"))
        })
        .collect()
}

/// The refusal of a body, sent as it is.
async fn refused(world: &World, client: &str, path: &str, body: &str) -> Value {
    let client = world.client(client);
    let request = client.http().post(client.url(path)).body(body.to_owned());
    let request = request.header("content-type", "application/json");
    let response = send(&client, request).await;
    assert_eq!(response.refusal(), "400 application/problem+json invalid-input");
    response.json()
}

#[tokio::test]
async fn malformed_json_says_where() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let mut document = refused(&world, "swv-po-dashboard", "/v1/queries", "{\"purpose\": \"you").await;
    document["traceId"] = "-".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap(), @r#"
{
  "type": "/v1/problems/invalid-input",
  "title": "De vraag klopt niet",
  "status": 400,
  "detail": "1 fout(en); zie `errors`",
  "instance": "/v1/queries",
  "code": "invalid-input",
  "traceId": "-",
  "errors": [
    {
      "in": "body",
      "location": "",
      "code": "malformed-json",
      "detail": "not JSON: it breaks off or goes wrong at line 1, column 16"
    }
  ]
}
"#);
}

#[tokio::test]
async fn all_mistakes_are_told_at_once() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let asked = json!({
        "purpose": "Youth Atlas", "form": "figures", "epoch": "october", "colour": "red",
        "groupBy": ["resident.neighbourhood@street", "resident.shoe-size", "no-such-dataset.field", 7],
        "only": { "resident.attends": "elsewhere" }, "measures": ["averages"],
    });
    let document = refused(&world, "swv-po-dashboard", "/v1/queries", &asked.to_string()).await;
    insta::assert_debug_snapshot!(mistakes(&document), @r#"
[
    "body /purpose malformed-name",
    "body /epoch bad-date",
    "body /groupBy/3 wrong-type",
    "body /groupBy/0 unknown-level",
    "body /groupBy/1 unknown-field",
    "body /groupBy/2 unknown-dataset",
    "body /measures/0 unknown-measure",
    "body /only/resident.attends unknown-code",
    "body  unknown-key",
]
"#);
}

#[tokio::test]
async fn wrong_types_are_told_and_values_are_not_repeated() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let asked = json!({
        "purpose": 1, "form": "records", "fields": "pseudonym", "only": [], "at": 2026,
        "page": { "limit": 100_000, "cursor": 5 }, "onBehalfOf": "me",
    });
    let records = refused(&world, "swv-po-consulent", "/v1/queries", &asked.to_string()).await;
    let wrong = "999999999";
    let asked = json!({
        "purpose": "admissibility-status", "fields": ["admissibility.outcome"], "actingFor": "41676",
        "pupils": [{ "ref": "1", "bsn": wrong }, { "ref": "2", "bsn": bsn(0), "eckId": "x" }, { "bsn": 5 }, {}],
        "onBehalfOf": { "case": 7 },
    });
    let facts = refused(&world, "vendor-alpha-school", "/v1/facts", &asked.to_string()).await;
    assert!(!facts.to_string().contains(wrong) && !facts.to_string().contains(&bsn(0)));
    insta::assert_debug_snapshot!((mistakes(&records), mistakes(&facts)), @r#"
(
    [
        "body /purpose wrong-type",
        "body /fields wrong-type",
        "body /only wrong-type",
        "body /at wrong-type",
        "body /onBehalfOf wrong-type",
        "body /page/limit out-of-range",
        "body /page/cursor wrong-type",
    ],
    [
        "body /actingFor malformed-oin",
        "body /onBehalfOf/case wrong-type",
        "body /pupils/0/bsn invalid-identifier",
        "body /pupils/1 identifier-count",
        "body /pupils/2/ref missing",
        "body /pupils/2/bsn wrong-type",
        "body /pupils/3/ref missing",
        "body /pupils/3 identifier-count",
    ],
)
"#);
}

#[tokio::test]
async fn parameters_of_a_question_are_checked_as_a_body_is() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let path =
        "/v1/purposes/youth-atlas/questions/children-by-district?epoch=soon&resident.attends=x&color=red";
    let response = send(&client, client.http().get(client.url(path))).await;
    assert_eq!(response.refusal(), "400 application/problem+json invalid-input");
    insta::assert_debug_snapshot!(mistakes(&response.json()), @r#"
[
    "query epoch bad-date",
    "query resident.attends unknown-code",
    "query * malformed-name",
]
"#);
}

#[tokio::test]
async fn what_does_not_exist_is_told_by_its_code() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let mut told = Vec::new();
    for path in [
        "/v1/purposes/no-such-purpose/questions/children-by-district",
        "/v1/purposes/youth-atlas/questions/no-such-question",
        "/v1/purposes/youth-atlas/questions/%FF",
        "/v1/purposes/youth-atlas/questions/children-by-district?epoch=%FF",
        "/v1/deliveries/1",
        "/v1/deliveries/%FF",
        "/v1/nothing",
        "/v1/queries",
    ] {
        let response = send(&client, client.http().get(client.url(path))).await;
        told.push(format!("{} {path}", response.refusal()));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
404 application/problem+json no-such-purpose /v1/purposes/no-such-purpose/questions/children-by-district
404 application/problem+json no-such-question /v1/purposes/youth-atlas/questions/no-such-question
400 application/problem+json invalid-input /v1/purposes/youth-atlas/questions/%FF
400 application/problem+json invalid-input /v1/purposes/youth-atlas/questions/children-by-district?epoch=%FF
404 application/problem+json no-such-delivery /v1/deliveries/1
400 application/problem+json invalid-input /v1/deliveries/%FF
404 application/problem+json not-found /v1/nothing
405 application/problem+json method-not-allowed /v1/queries
"#);
}

#[tokio::test]
async fn media_types_that_cannot_be_are_refused() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let question = client.url("/v1/purposes/youth-atlas/questions/children-by-district");
    let image = send(&client, client.http().get(question).header("accept", "image/png")).await;
    let vendor = world.client("vendor-alpha-delivery");
    let url = vendor.url("/v1/deliveries/enrolment?mode=snapshot&holder=00000099000000041676");
    let xml = vendor
        .http()
        .post(&url)
        .header("content-type", "text/xml")
        .body("<x/>");
    let xml = send(&vendor, xml).await;
    let packed = vendor.http().post(&url).header("content-type", "text/csv");
    let packed = send(&vendor, packed.header("content-encoding", "br").body("x")).await;
    insta::assert_debug_snapshot!([image.refusal(), xml.refusal(), packed.refusal()], @r#"
[
    "406 application/problem+json not-acceptable",
    "415 application/problem+json unsupported-media-type",
    "415 application/problem+json unsupported-media-type",
]
"#);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let world = World::with(Backend::Sqlite, |config| {
        config.limits.body_bytes_max = 10_000;
        config.limits.delivery_bytes_max = 10_000;
        config.limits.delivery_rows_max = 20;
    })
    .await
    .unwrap();
    let client = world.client("swv-po-dashboard");
    let large = client
        .http()
        .post(client.url("/v1/queries"))
        .body("x".repeat(10_001));
    let query = send(&client, large).await.refusal();
    let large = client
        .http()
        .post(client.url("/oauth/token"))
        .body("x".repeat(10_001));
    let token = send_plain(large).await.refusal();
    let rows: Vec<_> = (0..60).map(enrolment).collect();
    let delivery = world
        .try_deliver("vendor-alpha-delivery", "enrolment", Mode::Snapshot, &rows)
        .await;
    let delivery = problem(delivery);
    insta::assert_debug_snapshot!((query, token, delivery.status, delivery.code), @r#"
(
    "413 application/problem+json too-large",
    "413 application/problem+json too-large",
    413,
    "too-large",
)
"#);
}

#[tokio::test]
async fn a_delivery_says_what_it_is_or_is_refused() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("vendor-alpha-delivery");
    let mut told = Vec::new();
    for path in [
        "/v1/deliveries/shoes?mode=sometimes&holder=41676",
        "/v1/deliveries/absence?holder=00000099000000041676",
        "/v1/deliveries/enrolment?period=2026-2027&holder=00000099000000041676",
        "/v1/deliveries/enrolment?mode=snapshot&mode=changes",
        "/v1/deliveries/enrolment",
    ] {
        let request = client.http().post(client.url(path)).body("");
        let response = send(&client, request.header("content-type", "application/x-ndjson")).await;
        let document = response.json();
        let mistakes = if document["errors"].is_array() {
            mistakes(&document)
        } else {
            vec![]
        };
        told.push(format!("{} {}", response.refusal(), mistakes.join(", ")));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
400 application/problem+json invalid-input path dataset unknown-dataset, query holder malformed-oin, query mode unknown-mode
400 application/problem+json invalid-input query period bad-period
400 application/problem+json invalid-input query period no-period
400 application/problem+json invalid-input 
404 application/problem+json no-such-purpose
"#);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn without_its_database_the_gateway_answers_nothing(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let (dashboard, vendor) = (
        world.client("swv-po-dashboard"),
        world.client("vendor-alpha-delivery"),
    );
    dashboard.token().await.unwrap();
    vendor.token().await.unwrap();

    world.gateway.store().close().await;

    let body = Value::Object(figures(&[], json!({}))).to_string();
    let asked = dashboard.http().post(dashboard.url("/v1/queries")).body(body);
    let asked = send(&dashboard, asked).await;
    let catalogue = send(&dashboard, dashboard.http().get(dashboard.url("/v1/catalogue"))).await;
    let url = vendor.url("/v1/deliveries/enrolment?holder=00000099000000041676");
    let delivered = vendor
        .http()
        .post(url)
        .header("content-type", "application/x-ndjson");
    let delivered = send(&vendor, delivered.body(enrolment(0).to_string())).await;
    assert!(!asked.text.contains("data") && asked.header("doelpoort-receipt").is_empty());
    insta::allow_duplicates! {
        insta::assert_debug_snapshot!([asked.refusal(), catalogue.refusal(), delivered.refusal()], @r#"
[
    "503 application/problem+json log-unavailable",
    "503 application/problem+json source-unavailable",
    "503 application/problem+json log-unavailable",
]
"#);
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let world = World::with(Backend::Sqlite, |config| config.limits.request_time_s_max = 1)
        .await
        .unwrap();
    let client = world.client("swv-po-dashboard");
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = client
        .http()
        .post(client.url("/v1/queries"))
        .body(reqwest::Body::wrap_stream(never));
    let response = send(&client, request).await;
    assert_eq!(response.refusal(), "503 application/problem+json overloaded");
    assert_eq!(response.header("retry-after"), "1");
}
