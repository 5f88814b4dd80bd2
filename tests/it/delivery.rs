//! Deliveries: all of it visible, or nothing.

use std::fmt::Write as _;

use doelpoort::client::{Delivery, Media, Mode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::ask::{pseudonyms, records, send};
use crate::support::world::pupils::{CONSULENT, SITE, admissibility, bsn, caseload, eck_id, enrolment};
use crate::support::world::{World, lines, problem};

const VENDOR: &str = "vendor-alpha-delivery";

/// A consulent who looks after the site.
async fn world(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let rows = [caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &rows).await;
    Some(world)
}

/// Pseudonyms of the pupils that the consulent sees.
async fn visible(world: &World) -> Vec<String> {
    let client = world.client("swv-po-consulent");
    pseudonyms(&client.query(records(&["pseudonym"])).await.unwrap())
}

fn state(answer: &doelpoort::client::Answer) -> Value {
    let mut shown = json!({});
    for key in ["state", "mode", "rowsAccepted", "rowsRejected"] {
        shown[key] = answer.json()[key].clone();
    }
    shown
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_snapshot_replaces_the_one_before(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let first: Vec<_> = (0..5).map(enrolment).collect();
    let second: Vec<_> = (3..6).map(enrolment).collect();
    world.deliver(VENDOR, "enrolment", &first).await;
    let before = visible(&world).await;
    let answer = world.deliver(VENDOR, "enrolment", &second).await;
    let after = visible(&world).await;
    assert_eq!((before.len(), after.len()), (5, 3));
    assert_eq!(
        after
            .iter()
            .filter(|pseudonym| before.contains(pseudonym))
            .count(),
        2
    );
    insta::allow_duplicates! {
        insta::assert_snapshot!(state(&answer), @r#"{"state":"active","mode":"snapshot","rowsAccepted":3,"rowsRejected":0}"#);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_same_content_twice_is_the_same_delivery(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let rows: Vec<_> = (0..5).map(enrolment).collect();
    let first = world.deliver(VENDOR, "enrolment", &rows).await;
    let again = world.deliver(VENDOR, "enrolment", &rows).await;
    assert_eq!(again.json()["sameAs"], first.json()["id"]);
    assert!(again.receipt().is_some());
    assert_eq!(visible(&world).await.len(), 5);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn changes_add_replace_and_remove_by_the_row_key(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let rows: Vec<_> = (0..5).map(enrolment).collect();
    world.deliver(VENDOR, "enrolment", &rows).await;
    let mut moved = enrolment(0);
    moved["year-group"] = "6".into();
    let mut gone = enrolment(1);
    gone["_remove"] = true.into();
    let changes = [moved, gone, enrolment(7)];

    let answer = world
        .try_deliver(VENDOR, "enrolment", Mode::Changes, &changes)
        .await;

    assert_eq!(answer.unwrap().json()["state"], "active");
    let client = world.client("swv-po-consulent");
    let asked = records(&["enrolment.year-group"]);
    let answer = client.query(asked).await.unwrap();
    let mut groups: Vec<_> = answer
        .data()
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    groups.sort();
    assert_eq!(groups.len(), 5);
    assert_eq!(groups[4], r#"{"enrolment.year-group":"6"}"#);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn one_bad_row_refuses_all_where_the_dataset_says_so(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let mut rows = vec![caseload(CONSULENT, SITE), caseload("consulent-09", "16ML00")];
    rows[1]["site"] = "nowhere".into();
    rows[1]["until"] = "2026-02-30".into();
    rows[1]["name"] = "x".into();

    let refused = problem(
        world
            .try_deliver("swv-po-delivery", "caseload", Mode::Snapshot, &rows)
            .await,
    );

    let errors: Vec<_> = refused
        .errors
        .iter()
        .map(|e| format!("{} {}", e.location, e.code))
        .collect();
    insta::allow_duplicates! {
        insta::assert_debug_snapshot!((refused.status, refused.code, errors), @r#"
(
    400,
    "delivery-refused",
    [
        "row 2 unknown-field",
        "row 2, site not-a-brin6",
        "row 2, until not-a-date",
    ],
)
"#);
    }
    // The delivery before it still holds.
    world.deliver(VENDOR, "enrolment", &[enrolment(0)]).await;
    assert_eq!(visible(&world).await.len(), 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_few_bad_rows_are_left_out_where_the_dataset_says_so(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let mut rows: Vec<_> = (0..60).map(enrolment).collect();
    rows[59]["pupil"]["bsn"] = "999999999".into();
    let answer = world.deliver(VENDOR, "enrolment", &rows).await;
    assert_eq!(visible(&world).await.len(), 59);
    insta::allow_duplicates! {
        insta::assert_snapshot!(state(&answer), @r#"{"state":"active","mode":"snapshot","rowsAccepted":59,"rowsRejected":1}"#);
        insta::assert_snapshot!(answer.json()["errors"], @r#"[{"row":60,"field":"pupil.bsn","code":"invalid-identifier","detail":"the identifier fails its check"}]"#);
    }
    for row in &mut rows {
        row["pupil"]["eckId"] = "x".into();
    }
    let refused = problem(
        world
            .try_deliver(VENDOR, "enrolment", Mode::Snapshot, &rows)
            .await,
    );
    assert_eq!((refused.status, refused.code.as_str()), (400, "delivery-refused"));
    assert_eq!(visible(&world).await.len(), 59);
}

#[tokio::test]
async fn gzip_is_unpacked() {
    let world = world(Backend::Sqlite).await.unwrap();
    let rows: Vec<_> = (0..5).map(enrolment).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.ndjson");
    std::fs::write(&file, lines(&rows)).unwrap();
    assert!(
        std::process::Command::new("gzip")
            .arg(&file)
            .status()
            .unwrap()
            .success()
    );
    let delivery = World::delivery(VENDOR, "enrolment", Mode::Snapshot);
    let packed = folder.path().join("rows.ndjson.gz");
    let answer = world
        .client(VENDOR)
        .deliver_file(&delivery, &packed)
        .await
        .unwrap();
    assert_eq!(answer.json()["rowsAccepted"], 5);
    assert_eq!(visible(&world).await.len(), 5);
}

/// A CSV of declarations, one of them with a number that CSV must quote.
fn csv() -> String {
    let mut text = "\u{feff}pupil.eckId,kind,received,outcome,number\r\n".to_owned();
    let numbers = ["plain", "\"with, comma\"", "\"with \"\"quotes\"\"\"", ""];
    for (pupil, number) in numbers.into_iter().enumerate() {
        write!(text, "{},SBO,2026-09-01,pending,{number}\r\n", eck_id(pupil)).unwrap();
    }
    text
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn csv_is_read_as_rfc_4180_has_it(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let delivery = Delivery {
        media: Media::Csv,
        ..World::delivery("swv-po-delivery", "admissibility", Mode::Snapshot)
    };
    let answer = world
        .client("swv-po-delivery")
        .deliver(&delivery, csv().into())
        .await;
    assert_eq!(answer.unwrap().json()["rowsAccepted"], 4);
    let sql = "SELECT f_number FROM ds_admissibility ORDER BY 1";
    let rows = world.gateway.store().fetch_all(sql, vec![]).await.unwrap();
    let mut numbers: Vec<_> = rows.iter().map(|row| row.text_opt(0).unwrap()).collect();
    numbers.sort();
    insta::allow_duplicates! {
        insta::assert_debug_snapshot!(numbers, @r#"
[
    None,
    Some(
        "plain",
    ),
    Some(
        "with \"quotes\"",
    ),
    Some(
        "with, comma",
    ),
]
"#);
    }
}

#[tokio::test]
async fn a_newline_within_quotes_is_part_of_the_value_and_refused_as_one() {
    let world = world(Backend::Sqlite).await.unwrap();
    let text = csv().replace("with, comma", "with\nnewline");
    let delivery = Delivery {
        media: Media::Csv,
        ..World::delivery("swv-po-delivery", "admissibility", Mode::Snapshot)
    };
    let refused = problem(
        world
            .client("swv-po-delivery")
            .deliver(&delivery, text.into())
            .await,
    );
    let errors: Vec<_> = refused
        .errors
        .iter()
        .map(|e| format!("{} {}", e.location, e.code))
        .collect();
    insta::assert_debug_snapshot!((refused.code, errors), @r#"
(
    "delivery-refused",
    [
        "row 2, number control-character",
    ],
)
"#);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing_visible(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    world.deliver(VENDOR, "enrolment", &[enrolment(9)]).await;
    let before = visible(&world).await;
    let parts = [
        Ok(lines(&[enrolment(0), enrolment(1)])),
        Err(std::io::Error::other("the line is cut")),
    ];
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let delivery = World::delivery(VENDOR, "enrolment", Mode::Snapshot);
    assert!(world.client(VENDOR).deliver(&delivery, body).await.is_err());

    assert_eq!(visible(&world).await, before);
    world.advance(48);
    world.gateway.tidy().await.unwrap();
    let left = "SELECT COUNT(*) FROM ds_enrolment";
    let left = world.gateway.store().fetch_optional(left, vec![]).await.unwrap();
    assert_eq!(left.unwrap().int(0).unwrap(), 1);
}

#[tokio::test]
async fn a_delivery_is_shown_to_its_holder_and_deliverer_only() {
    let world = world(Backend::Sqlite).await.unwrap();
    let id = world.deliver(VENDOR, "enrolment", &[enrolment(0)]).await.json()["id"].clone();
    let path = format!("/v1/deliveries/{}", id.as_str().unwrap());
    let mut seen = Vec::new();
    for client in [VENDOR, "swv-po-delivery"] {
        let client = world.client(client);
        seen.push(
            send(&client, client.http().get(client.url(&path)))
                .await
                .refusal(),
        );
    }
    insta::assert_debug_snapshot!(seen, @r#"
[
    "200 application/json -",
    "404 application/problem+json no-such-delivery",
]
"#);
}

#[tokio::test]
async fn a_holder_sends_only_the_identifiers_it_may() {
    let world = world(Backend::Sqlite).await.unwrap();
    let mut row = admissibility(0);
    row["pupil"]["bsn"] = bsn(0).into();
    let refused = problem(
        world
            .try_deliver("swv-po-delivery", "admissibility", Mode::Snapshot, &[row])
            .await,
    );
    let errors: Vec<_> = refused
        .errors
        .iter()
        .map(|e| format!("{} {}", e.location, e.code))
        .collect();
    insta::assert_debug_snapshot!(errors, @r#"
[
    "row 1, pupil.bsn identifier-kind-not-allowed",
]
"#);
}
