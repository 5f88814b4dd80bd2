//! Refusals: each is in the log, alone or counted in a window that was opened before, and none is in the way of a grant.

use std::time::Duration;

use doelpoort::log::REFUSALS_LOGGED_MAX;
use doelpoort_core::audit::leaf::{Event, Value, Window, extra};
use doelpoort_core::party::ClientId;
use jiff::SignedDuration;

use super::*;

fn client(name: &str) -> ClientId {
    name.parse().unwrap()
}

fn refusal(code: &str) -> Entry {
    let mut entry = entry();
    entry.event.decision = Some(code.to_owned());
    entry
}

/// Refuses so many at once; all are told.
async fn refuse(log: &Log, who: &str, code: &'static str, count: usize) {
    let refusals = (0..count).map(|_| {
        let (log, who) = (log.clone(), client(who));
        tokio::spawn(async move { log.append_refusal(&who, refusal(code)).await.unwrap() })
    });
    futures_util::future::try_join_all(refusals).await.unwrap();
}

impl World {
    async fn events(&self) -> Vec<Event> {
        let stored = rows::entries(&self.store, SHARD, 0, 100_000).await.unwrap();
        let leaves = stored.iter().map(|stored| Leaf::decode(&stored.leaf).unwrap());
        leaves.map(|leaf| leaf.event).collect()
    }

    async fn windows(&self, kind: Kind) -> Vec<Event> {
        let mut events = self.events().await;
        events.retain(|event| event.kind == kind);
        events
    }
}

fn count(closed: &[Event]) -> u64 {
    closed
        .iter()
        .map(|event| event.window.unwrap().count.unwrap())
        .sum()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn past_twenty_a_minute_refusals_are_counted_behind_a_durable_window(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    let logged = usize::try_from(REFUSALS_LOGGED_MAX).unwrap();
    for number in 0..=logged {
        // One after the other: the first twenty have entries, the next one opens a window before it is told.
        log.append_refusal(&client("swv-po"), refusal("invalid-input"))
            .await
            .unwrap();
        let opened = world.windows(Kind::RefusalWindowOpened).await.len();
        assert_eq!(opened, usize::from(number == logged));
    }
    refuse(&log, "swv-po", "invalid-input", 500).await;
    // Another reason and another client have twenty of their own.
    refuse(&log, "swv-po", "rate-limited", logged).await;
    refuse(&log, "swv-vo", "invalid-input", logged).await;
    let events = world.events().await;
    assert_eq!(events.len(), 2 + 3 * logged + 1);
    assert!(world.windows(Kind::RefusalWindowClosed).await.is_empty());

    world.clock.advance(SignedDuration::from_mins(1));
    log.close_refusal_windows().await;
    log.close_refusal_windows().await;

    let [opened] = world.windows(Kind::RefusalWindowOpened).await.try_into().unwrap();
    let [closed] = world.windows(Kind::RefusalWindowClosed).await.try_into().unwrap();
    assert_eq!(closed.opening, Some(opened.entry_id));
    assert_eq!(count(std::slice::from_ref(&closed)), 501);
    let from = opened.window.unwrap().from;
    let until = Some(from + 60_000_000);
    let count = Some(501);
    assert_eq!(closed.window, Some(Window { from, until, count }));
    for event in [&opened, &closed] {
        assert_eq!(event.decision.as_deref(), Some("invalid-input"));
        assert_eq!(event.recipient, entry().event.recipient);
        let program = Value::Text("swv-po".to_owned());
        assert_eq!(event.extra.get(&extra::CLIENT), Some(&program));
    }
    // A new minute, and twenty again.
    refuse(&log, "swv-po", "invalid-input", 1).await;
    log.close().await;
    assert_eq!(world.windows(Kind::RefusalWindowOpened).await.len(), 1);
    assert!(world.report().await.is_intact());
}

#[tokio::test]
async fn each_refusal_of_a_flood_is_an_entry_or_in_a_count() {
    let world = World::sqlite().await;
    let log = world.log().await;
    let flood = ["a", "b", "c"].map(|who| refuse(&log, who, "rate-limited", 700));
    let minutes = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            world.clock.advance(SignedDuration::from_mins(1));
            log.close_refusal_windows().await;
        }
    };
    futures_util::join!(futures_util::future::join_all(flood), minutes);
    log.close().await;

    let opened = world.windows(Kind::RefusalWindowOpened).await;
    let closed = world.windows(Kind::RefusalWindowClosed).await;
    let opened: BTreeSet<_> = opened.iter().map(|event| event.entry_id).collect();
    let openings: BTreeSet<_> = closed.iter().map(|event| event.opening.unwrap()).collect();
    assert_eq!(opened, openings, "each window is closed");
    let own = world.windows(Kind::AccessDecided).await.len() as u64;
    assert_eq!(own + count(&closed), 3 * 700);
    assert!(world.report().await.is_intact());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_count_of_a_replica_that_died_is_unknown_and_told_once(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let dead = world.log().await;
    refuse(&dead, "swv-po", "rate-limited", 30).await;
    let replicas = [world.log().await, world.log().await];
    world.clock.advance(SignedDuration::from_mins(14));
    replicas[0].settle().await.unwrap();
    assert!(world.windows(Kind::RefusalWindowClosed).await.is_empty());

    world.clock.advance(SignedDuration::from_mins(2));
    let (first, second) = tokio::join!(replicas[0].settle(), replicas[1].settle());
    first.and(second).unwrap();
    replicas[1].settle().await.unwrap();

    let [closed] = world.windows(Kind::RefusalWindowClosed).await.try_into().unwrap();
    let [opened] = world.windows(Kind::RefusalWindowOpened).await.try_into().unwrap();
    assert_eq!(closed.opening, Some(opened.entry_id));
    let window = closed.window.unwrap();
    assert_eq!((window.from, window.count), (opened.window.unwrap().from, None));
    for log in replicas {
        log.close().await;
    }
    assert!(world.report().await.is_intact());
}

/// How far behind the flood a grant comes that is asked for while the database stands still. `in_turn`: as refusals are
/// appended; otherwise as the control appends them, straight into the queue of the committer.
async fn behind_a_flood(in_turn: bool) -> u64 {
    const FLOOD: usize = 3_000;
    let world = World::sqlite().await;
    let log = world.log().await;
    let still = world.store.begin_write().await.unwrap();
    for number in 0..FLOOD {
        let log = log.clone();
        tokio::spawn(async move {
            if in_turn {
                let who = client(&format!("client-{number}"));
                log.append_refusal(&who, refusal("rate-limited")).await.ok();
            } else {
                log.append(refusal("rate-limited")).await.ok();
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let grant = tokio::spawn({
        let log = log.clone();
        async move { log.append(entry()).await.unwrap().index }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    still.rollback().await.unwrap();
    grant.await.unwrap()
}

#[tokio::test]
async fn a_flood_of_refusals_does_not_keep_a_grant_waiting() {
    // What waits before it is a tenth of one transaction, of however many clients.
    let index = behind_a_flood(true).await;
    assert!(index <= 2 + 101, "{index}");
    // Control: without turns it waits for the whole flood.
    assert!(behind_a_flood(false).await > 2_000);
}
