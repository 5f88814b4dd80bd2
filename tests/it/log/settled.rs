//! An answer that left in pieces and whose end nobody told is presumed disclosed, once.

use doelpoort::log::PRESUMED_DISCLOSED;
use doelpoort_core::audit::leaf::{Event, Value, extra};
use jiff::SignedDuration;

use super::*;

/// An answer that is sent in pieces.
fn long_answer() -> Entry {
    let mut entry = entry();
    entry.event.extra.insert(extra::BODY, Value::Number(1_000_000));
    entry
}

fn completion(opening: [u8; 16]) -> Entry {
    let mut entry = Entry::new(Kind::AccessCompleted).unwrap();
    entry.event.opening = Some(opening);
    let complete = Value::Text("complete".to_owned());
    entry.event.extra.insert(extra::OUTCOME, complete);
    entry
}

/// What is presumed, in the order of the log.
async fn presumed(world: &World) -> Vec<Event> {
    let presumed = Value::Text(PRESUMED_DISCLOSED.to_owned());
    let stored = rows::entries(&world.store, SHARD, 0, 100_000).await.unwrap();
    let leaves = stored.iter().map(|stored| Leaf::decode(&stored.leaf).unwrap());
    let events = leaves.map(|leaf| leaf.event);
    events
        .filter(|event| event.extra.get(&extra::OUTCOME) == Some(&presumed))
        .collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_a_dead_replica_had_on_its_way_is_presumed_disclosed_once(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let dead = world.log().await;
    let mut open = Vec::new();
    for _ in 0..5 {
        // One that ended, one that did not, and one that was sent as a whole.
        let ended = long_answer();
        let id = ended.event.entry_id;
        dead.append(ended).await.unwrap();
        let lost = long_answer();
        open.push(lost.event.entry_id);
        dead.append(lost).await.unwrap();
        dead.append(entry()).await.unwrap();
        dead.append(completion(id)).await.unwrap();
    }
    let replicas = [world.log().await, world.log().await, world.log().await];
    world.clock.advance(SignedDuration::from_mins(14));
    replicas[0].settle().await.unwrap();
    assert!(presumed(&world).await.is_empty(), "it may be on its way still");

    world.clock.advance(SignedDuration::from_mins(2));
    let young = long_answer();
    replicas[2].append(young).await.unwrap();
    for _ in 0..3 {
        let settle = replicas.each_ref().map(Log::settle);
        let settled = futures_util::future::join_all(settle).await;
        settled.into_iter().for_each(Result::unwrap);
    }

    let told: Vec<_> = presumed(&world)
        .await
        .iter()
        .map(|event| event.opening.unwrap())
        .collect();
    assert_eq!(told, open);
    for log in replicas {
        log.close().await;
    }
    assert!(world.report().await.is_intact());
}

#[tokio::test]
async fn a_crash_in_between_settles_the_rest_and_nothing_twice() {
    let world = World::sqlite().await;
    let log = world.log().await;
    for _ in 0..3 {
        log.append(long_answer()).await.unwrap();
    }
    world.clock.advance(SignedDuration::from_mins(16));
    log.settle().await.unwrap();
    assert_eq!(presumed(&world).await.len(), 3);
    // As if only the first had been committed: the mark stands behind it.
    world.tamper("UPDATE log_settled SET idx = 3").await;
    log.settle().await.unwrap();
    assert_eq!(presumed(&world).await.len(), 3, "what has its entry is not open");
    // Control: where neither mark nor entry remembers, it is told again.
    world
        .tamper("UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE idx = 0) WHERE idx = 7")
        .await;
    world.tamper("UPDATE log_settled SET idx = 3").await;
    log.settle().await.unwrap();
    assert_eq!(presumed(&world).await.len(), 3);
}
