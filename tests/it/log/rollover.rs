//! New Year under load: three replicas append while the shard changes, and are killed around it. None loses an entry.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use doelpoort::store::StoreOptions;
use tokio::runtime::Runtime;

use super::shards::to_new_year;
use super::*;

/// What was acknowledged: shard and index, with the leaf.
type Acknowledged = Arc<Mutex<BTreeMap<(String, u64), String>>>;

/// A replica in a runtime of its own, so that it can be killed.
struct Replica {
    runtime: Runtime,
}

impl Replica {
    fn start(world: &World, acknowledged: &Acknowledged) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (url, clock, acknowledged) = (
            world.database.url.clone(),
            world.clock(),
            Arc::clone(acknowledged),
        );
        runtime.spawn(async move {
            let options = StoreOptions {
                connections_max: 4,
                ..StoreOptions::default()
            };
            let store = Store::open(&url, options).await.unwrap();
            let Ok(log) = Log::open(store, signer(), fg().1.clone(), clock).await else {
                return;
            };
            loop {
                let appends = (0..5).map(|_| log.append(entry()));
                for receipt in futures_util::future::join_all(appends)
                    .await
                    .into_iter()
                    .flatten()
                {
                    let place = (receipt.origin.clone(), receipt.index);
                    let before = acknowledged.lock().unwrap().insert(place, receipt.leaf);
                    assert!(before.is_none(), "one place was given twice");
                }
            }
        });
        Self { runtime }
    }

    /// As a crash: whatever was under way stays as it is.
    fn kill(self) {
        self.runtime.shutdown_background();
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_entry_is_lost_at_new_year(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    world.log().await.close().await;
    let acknowledged = Acknowledged::default();
    let wait = |count: usize| {
        let acknowledged = Arc::clone(&acknowledged);
        async move {
            let more = async {
                while acknowledged.lock().unwrap().len() < count {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_mins(1), more).await.unwrap();
        }
    };
    let start = || Replica::start(&world, &acknowledged);
    let [first, second, third] = [start(), start(), start()];
    wait(60).await;
    to_new_year(&world);
    // One dies as the year turns, one shortly after; another takes their place.
    first.kill();
    let fourth = start();
    wait(120).await;
    second.kill();
    let fifth = start();
    let then = acknowledged.lock().unwrap().len();
    wait(then + 60).await;
    for replica in [third, fourth, fifth] {
        replica.kill();
    }

    world.log().await.close().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    let closed: Vec<_> = report.shards.iter().map(|shard| shard.is_closed).collect();
    assert_eq!(closed, [true, false], "{report}");
    let stored = [
        rows::entries(&world.store, 1, 0, 100_000).await.unwrap(),
        rows::entries(&world.store, 2, 0, 100_000).await.unwrap(),
    ];
    for ((origin, index), leaf) in acknowledged.lock().unwrap().iter() {
        let shard = usize::from(origin.ends_with("2027"));
        let entry = &stored[shard][usize::try_from(*index).unwrap()];
        assert_eq!(
            data_encoding::BASE64.encode(&entry.leaf),
            *leaf,
            "{origin} {index}"
        );
    }
    let new = acknowledged
        .lock()
        .unwrap()
        .keys()
        .filter(|(origin, _)| origin.ends_with("2027"))
        .count();
    assert!(new > 0, "nobody appended in the new year");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_replica_that_slept_through_new_year_follows_the_others(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let (one, other) = (world.log().await, world.log().await);
    one.append(entry()).await.unwrap();
    other.append(entry()).await.unwrap();
    to_new_year(&world);
    one.append(activation(1)).await.unwrap();
    // It reads the policies of the new shard before it appends there.
    assert_eq!(other.policy().await.unwrap().0, 1);
    let decided_before = entry().decided_under(0);
    assert!(matches!(
        other.append(decided_before).await,
        Err(LogError::PolicyChanged)
    ));
    let receipt = other.append(entry().decided_under(1)).await.unwrap();
    assert_eq!(receipt.origin, "example.nl/audit/2027");
    for log in [one, other] {
        log.close().await;
    }
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.shards.len(), 2);
}
