//! Logged or not answered: every outcome of a known caller has its entry, and the receipt proves it.

use doelpoort::client::Mode;
use doelpoort_core::audit::receipt::{self, AnswerProof};
use rstest::rstest;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, figures, records, send};
use crate::support::world::pupils::{CONSULENT, SITE, caseload, city, enrolment};

/// A world with figures, and a consulent with twelve pupils.
async fn filled(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let (_, residents) = city();
    let enrolments: Vec<_> = (0..12).map(enrolment).collect();
    let cases = [caseload(CONSULENT, SITE)];
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    world.close_epoch().await;
    Some(world)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_outcome_is_logged(#[case] backend: Backend) {
    let Some(world) = filled(backend).await else {
        return;
    };
    let (dashboard, consulent) = (world.client("swv-po-dashboard"), world.client("swv-po-consulent"));
    let before = world.report().await.size;

    dashboard.query(figures(&[], json!({}))).await.unwrap();
    consulent.query(records(&["pseudonym"])).await.unwrap();
    dashboard.query(records(&["pseudonym"])).await.unwrap_err();
    dashboard
        .query(figures(&["enrolment.site"], json!({})))
        .await
        .unwrap_err();
    dashboard
        .query(body(json!({ "form": "poem" })))
        .await
        .unwrap_err();
    let rows = [json!({ "staff": "x" })];
    let delivered = world.try_deliver("swv-po-delivery", "caseload", Mode::Snapshot, &rows);
    delivered.await.unwrap_err();

    let after = world.report().await;
    assert!(after.is_intact(), "{after}");
    let entries = world.last_entries(after.size - before).await;
    let told = entries.iter().map(|leaf| {
        let event = &leaf.event;
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let (who, decision) = (text(&event.recipient), text(&event.decision));
        format!("{} {who} {decision} {}", event.kind.name(), text(&event.clause))
    });
    insta::allow_duplicates! {
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r#"
access-decided 00000099000000240101 granted youth-atlas/grant/0
access-decided 00000099000000240101 granted case-consultation/grant/0
access-decided 00000099000000240101 no-such-purpose -
access-decided 00000099000000240101 dimension-not-granted youth-atlas/grant/0
access-decided 00000099000000240101 invalid-input -
delivery 00000099000000240101 delivery-refused delivery-caseload/grant/0
"#);
    }
}

#[tokio::test]
async fn a_rate_that_is_exceeded_is_logged_too() {
    let world = filled(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let mut last = None;
    for _ in 0..700 {
        let body = serde_json::Value::Object(figures(&[], json!({}))).to_string();
        let response = send(&client, client.http().post(client.url("/v1/queries")).body(body)).await;
        let status = response.status;
        last = Some(response);
        if status == 429 {
            break;
        }
    }
    let last = last.unwrap();
    assert_eq!(last.refusal(), "429 application/problem+json rate-limited");
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    let entries = world.last_entries(1).await;
    assert_eq!(entries[0].event.decision.as_deref(), Some("rate-limited"));
}

#[tokio::test]
async fn who_is_refused_without_end_is_counted() {
    let world = filled(Backend::Sqlite).await.unwrap();
    let (dashboard, withdrawing) = (world.client("swv-po-dashboard"), world.client("swv-po-consulent"));
    let before = world.report().await.size;
    for _ in 0..35 {
        dashboard
            .query(body(json!({ "form": "poem" })))
            .await
            .unwrap_err();
        // Deliveries and withdrawals are refused by the same rule.
        world
            .try_deliver("swv-po-dashboard", "caseload", Mode::Snapshot, &[json!({})])
            .await
            .unwrap_err();
        let url = withdrawing.url("/v1/withdrawals");
        let refused = send(&withdrawing, withdrawing.http().post(url).body("{}")).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
    }
    // Twenty of each, and the entry that opens a window.
    assert_eq!(world.report().await.size, before + 3 * 21);

    world.clock.advance(jiff::SignedDuration::from_mins(1));
    world.gateway.tidy().await.unwrap();

    let closed = world.last_entries(3).await;
    let mut told: Vec<_> = closed
        .iter()
        .map(|leaf| {
            let decision = leaf.event.decision.as_deref().unwrap();
            let count = leaf.event.window.unwrap().count.unwrap();
            format!("{} {decision} {count}", leaf.event.kind.name())
        })
        .collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"), @r"
    refusal-window-closed invalid-input 15
    refusal-window-closed no-such-purpose 15
    refusal-window-closed role-missing 15
    ");
    assert!(world.report().await.is_intact());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_receipt_proves_the_answer_to_the_byte(#[case] backend: Backend) {
    let Some(world) = filled(backend).await else {
        return;
    };
    let log = world.gateway.log().verifier().clone();
    let consulent = world.client("swv-po-consulent");
    let text = consulent
        .query(records(&["pseudonym", "enrolment.site"]))
        .await
        .unwrap()
        .text()
        .to_owned();

    let (inner, digest) = receipt::split_answer(&text).unwrap();
    let proven = receipt::verify(inner, &log, Some(&digest)).unwrap();
    assert_eq!(proven.answer, AnswerProof::Matches);
    assert_eq!(
        proven.leaf.event.recipient.as_deref(),
        Some("00000099000000240101")
    );
    assert_eq!(world.last_entries(1).await, [proven.leaf]);

    let changed = text.replacen(SITE, "16KK01", 1);
    let (inner, digest) = receipt::split_answer(&changed).unwrap();
    assert!(receipt::verify(inner, &log, Some(&digest)).is_err());
    let forged = inner.replacen("\"index\":", "\"index\":1", 1);
    assert!(receipt::verify(&forged, &log, None).is_err());
}

#[tokio::test]
async fn csv_and_ndjson_carry_their_receipts_too() {
    let world = filled(Backend::Sqlite).await.unwrap();
    let log = world.gateway.log().verifier().clone();
    let client = world.client("swv-po-dashboard");
    let url = client.url("/v1/purposes/youth-atlas/questions/children-by-district");
    let csv = send(&client, client.http().get(&url).header("accept", "text/csv")).await;
    let header = data_encoding::BASE64URL_NOPAD.decode(csv.header("doelpoort-receipt").as_bytes());
    let header = String::from_utf8(header.unwrap()).unwrap();
    receipt::verify(&header, &log, None).unwrap();

    let ndjson = client.http().get(&url).header("accept", "application/x-ndjson");
    let text = send(&client, ndjson).await.text;
    let last = text.lines().last().unwrap();
    let inner = last
        .strip_prefix("{\"receipt\":")
        .unwrap()
        .strip_suffix('}')
        .unwrap();
    let (data, rest) = text.split_once("{\"meta\":").unwrap();
    let meta = rest.lines().next().unwrap().strip_suffix('}').unwrap();
    let digest = receipt::answer_digest(data.as_bytes(), meta.as_bytes());
    receipt::verify(inner, &log, Some(&digest)).unwrap();
}

#[tokio::test]
async fn the_log_goes_on_after_a_restart() {
    let mut world = filled(Backend::Sqlite).await.unwrap();
    let before = world.report().await;
    world.restart().await;
    world
        .client("swv-po-dashboard")
        .query(figures(&[], json!({})))
        .await
        .unwrap();
    let after = world.report().await;
    assert!(after.is_intact(), "{after}");
    // The start of the replica, and the answer.
    assert_eq!(
        (after.size, after.replicas),
        (before.size + 2, before.replicas + 1)
    );
}
