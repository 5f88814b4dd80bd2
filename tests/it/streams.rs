//! Answers that leave in pieces, and what the log says of how they ended.

use std::time::{Duration, Instant};

use doelpoort_core::audit::leaf::{Event, Kind, Value, extra};
use rstest::rstest;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::ask::{figures, send};
use crate::support::world::{World, raw};

const CLIENT: &str = "swv-po-dashboard";

async fn counted(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    world.deliver_city().await;
    world.close_epoch().await;
    Some(world)
}

fn whole_atlas() -> serde_json::Map<String, serde_json::Value> {
    let dimensions = [
        "resident.neighbourhood@neighbourhood",
        "enrolment.sector@sector",
        "resident.attends",
    ];
    figures(&dimensions, json!({}))
}

/// The last two entries, once the second is about the first: an answer, and how it ended.
async fn ended(world: &World) -> (Event, Event) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let entries = world.last_entries(2).await;
        let [decided, completed] = entries.try_into().unwrap();
        if completed.event.opening == Some(decided.event.entry_id) {
            assert_eq!(completed.event.kind, Kind::AccessCompleted);
            return (decided.event, completed.event);
        }
        assert!(Instant::now() < deadline, "{completed:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn text(event: &Event, key: u64) -> &str {
    match event.extra.get(&key) {
        Some(Value::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn number(event: &Event, key: u64) -> u64 {
    match event.extra.get(&key) {
        Some(Value::Number(number)) => *number,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_log_tells_how_a_long_answer_ended(#[case] backend: Backend) {
    let Some(world) = counted(backend).await else {
        return;
    };
    let token = world.client(CLIENT).token().await.unwrap();
    let ask = async || {
        let mut stream = raw::connect(&world, CLIENT, &world.url("")).await;
        let wire = raw::ask(&mut stream, &token, "application/x-ndjson", &whole_atlas()).await;
        assert_eq!(wire.status(), 200, "{}", wire.head);
        (stream, wire)
    };

    let (mut stream, wire) = ask().await;
    let mut body = wire.body.clone();
    body.extend(raw::rest(&mut stream).await);
    let (decided, completed) = ended(&world).await;
    assert_eq!(text(&completed, extra::OUTCOME), "complete");
    assert_eq!(number(&completed, extra::BYTES), body.len() as u64);
    // All lines but `meta` and `receipt`.
    let lines = std::str::from_utf8(&body).unwrap().lines().count() as u64;
    assert_eq!(number(&completed, extra::ROWS), lines - 2);
    assert!(number(&decided, extra::BODY) < body.len() as u64);
    let whole = completed.extra.get(&extra::DIGEST).unwrap().clone();
    assert_eq!(completed.recipient, decided.recipient);

    // The reader goes away in the middle.
    let (stream, _) = ask().await;
    drop(stream);
    let (_, completed) = ended(&world).await;
    assert_eq!(text(&completed, extra::OUTCOME), "aborted");
    assert!(number(&completed, extra::BYTES) < body.len() as u64);
    assert_eq!(completed.extra.get(&extra::ROWS), None);
    assert_ne!(completed.extra.get(&extra::DIGEST), Some(&whole));
    assert!(world.report().await.is_intact());
}

#[tokio::test]
async fn an_answer_that_the_client_has_already_leaves_nothing() {
    let world = counted(Backend::Sqlite).await.unwrap();
    let client = world.client(CLIENT);
    let body = serde_json::Value::Object(whole_atlas()).to_string();
    let post = || client.http().post(client.url("/v1/queries")).body(body.clone());
    let first = send(&client, post()).await;
    ended(&world).await;
    let again = send(&client, post().header("if-none-match", first.header("etag"))).await;
    assert_eq!(again.status, 304);
    let (_, completed) = ended(&world).await;
    assert_eq!(text(&completed, extra::OUTCOME), "unchanged");
    assert_eq!(number(&completed, extra::BYTES), 0);
}

#[tokio::test]
async fn a_short_answer_has_one_entry() {
    let world = counted(Backend::Sqlite).await.unwrap();
    let client = world.client(CLIENT);
    let before = world.report().await.size;
    for _ in 0..3 {
        client.query(figures(&[], json!({}))).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let entries = world.last_entries(3).await;
    assert_eq!(world.report().await.size, before + 3);
    for leaf in entries {
        assert_eq!(leaf.event.kind, Kind::AccessDecided);
        assert_eq!(leaf.event.extra.get(&extra::BODY), None);
    }
}
