//! Spans and metrics at a real collector: what they tell, what they never hold, and that nobody waits for them.

use std::time::Duration;

use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::collector::Received;
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{figures, send_plain};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A gateway that sends to this collector, with figures to ask for.
async fn world(backend: Backend, collector: &Received) -> Option<World> {
    let url = collector.url.clone();
    let world = World::with(backend, move |config| {
        config.telemetry.otlp_url = url;
        config.telemetry.metrics_every_s = 1;
    })
    .await?;
    world.deliver_city().await;
    world.close_epoch().await;
    Some(world)
}

fn spans(collector: &Received) -> Vec<Value> {
    let requests = collector.at("/v1/traces");
    let spans = |request: &Value| {
        request["resourceSpans"][0]["scopeSpans"][0]["spans"]
            .as_array()
            .unwrap()
            .clone()
    };
    requests.iter().flat_map(spans).collect()
}

/// The newest value of a counter without labels.
fn counter(collector: &Received, name: &str) -> Option<String> {
    let request = collector.at("/v1/metrics").pop()?;
    let metrics = request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
        .as_array()?
        .clone();
    let metric = metrics.into_iter().find(|metric| metric["name"] == name)?;
    Some(metric["sum"]["dataPoints"][0]["asInt"].as_str()?.to_owned())
}

async fn until(met: impl Fn() -> bool) {
    for _ in 0..400 {
        if met() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("not in 20 s");
}

/// Asks for figures within a caller's trace; `flags` are those of its `traceparent`.
async fn ask(world: &World, flags: &str) {
    let client = world.client("swv-po-dashboard");
    let token = client.token().await.unwrap();
    let asked = client
        .http()
        .post(client.url("/v1/queries"))
        .bearer_auth(token)
        .header("traceparent", format!("00-{TRACE}-{PARENT}-{flags}"))
        .json(&figures(&["enrolment.sector@sector"], json!({})));
    assert_eq!(send_plain(asked).await.status, 200);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_request_is_a_span_of_its_caller_s_trace(#[case] backend: Backend) {
    let collector = Received::listen(Vec::new()).await;
    let Some(world) = world(backend, &collector).await else {
        return;
    };
    // A caller that records nothing gets no span.
    ask(&world, "00").await;
    ask(&world, "01").await;
    let client = world.client("swv-po-dashboard");
    let strange = client.url("/v1/pupils/999990019?bsn=999990019");
    assert_eq!(send_plain(client.http().get(strange)).await.status, 404);
    let of_query = |span: &Value| span["name"] == "POST /v1/queries" && span["traceId"] == TRACE;
    let of_nothing = |span: &Value| span["name"] == "GET";
    until(|| spans(&collector).iter().any(of_query) && spans(&collector).iter().any(of_nothing)).await;
    let told = spans(&collector);
    let mine: Vec<&Value> = told.iter().filter(|span| of_query(span)).collect();
    let [span] = mine.as_slice() else {
        panic!("{mine:?}");
    };
    assert_eq!(span["parentSpanId"], PARENT);
    // The record of the log has the trace too, under a span of its own.
    let entry = world.last_entries(1).await.remove(0).event;
    assert_eq!(HEXLOWER.encode(&entry.trace.unwrap()), TRACE);
    assert_ne!(span["spanId"], HEXLOWER.encode(&entry.span.unwrap()));
    let text = serde_json::to_string(&collector.at("/v1/traces")).unwrap();
    for never in ["999990019", "swv-po", "127.0.0.1", "youth-atlas", "bsn"] {
        assert!(!text.contains(never), "{never} in {text}");
    }
    until(|| counter(&collector, "doelpoort_log_entries").is_some()).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_collector_that_is_away_keeps_nobody_waiting(#[case] backend: Backend) {
    let collector = Received::listen(Vec::new()).await;
    let Some(mut world) = world(backend, &collector).await else {
        return;
    };
    until(|| counter(&collector, "doelpoort_spans_dropped").is_some()).await;
    assert_eq!(
        counter(&collector, "doelpoort_spans_dropped").as_deref(),
        Some("0")
    );
    // It refuses what comes next, for good; then it is there again.
    collector.answer(vec![(StatusCode::BAD_REQUEST, json!({})); 6]);
    ask(&world, "01").await;
    until(|| counter(&collector, "doelpoort_spans_dropped").is_some_and(|count| count != "0")).await;
    // What waits is sent before an end.
    ask(&world, "01").await;
    world.stop().await;
    assert!(spans(&collector).iter().any(|span| span["traceId"] == TRACE));
}

#[tokio::test]
async fn what_cannot_be_asked_stops_the_start() {
    let mut world = World::new(Backend::Sqlite).await.unwrap();
    world.stop().await;
    for url in ["http://collector.example", "collector"] {
        let started = world.try_start_with(|config| config.telemetry.otlp_url = url.to_owned());
        let error = started.await.unwrap_err().to_string();
        assert!(error.starts_with("`telemetry`: "), "{error}");
    }
}
