//! Kill -9 under load: whoever was answered is in the log, whatever was killed; and every root that was acknowledged comes
//! out of the entries that are left.

mod cluster;
mod ledger;

use std::time::Duration;

use doelpoort::log::verify;
use doelpoort::store::{Store, StoreOptions};

use crate::support::postgres::Server;
use cluster::Cluster;
use ledger::{Fault, faults};

/// How often a gateway is killed, three of them on one PostgreSQL.
const REPLICA_KILLS: usize = 120;
/// How often PostgreSQL is killed as a whole.
const SERVER_KILLS: usize = 12;
/// How often one of its processes is.
const BACKEND_KILLS: usize = 12;
/// How often a gateway is killed with the SQLite in it.
const SQLITE_KILLS: usize = 70;

async fn store(url: &str) -> Store {
    Store::open(url, StoreOptions::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_gateways_and_postgres_loses_no_acknowledged_answer() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let mut cluster = Cluster::new(&server.url(), 3).await;
    let load = cluster.load();
    for turn in 0..REPLICA_KILLS {
        cluster.some_answers().await;
        cluster.kill(cluster.random(3));
        cluster.run_all();
        if turn % (REPLICA_KILLS / SERVER_KILLS) == 0 {
            cluster.some_answers().await;
            server.kill();
            server.run().await;
            cluster.run_all();
        }
        if turn % (REPLICA_KILLS / BACKEND_KILLS) == 5 {
            cluster.some_answers().await;
            server.kill_a_backend(cluster.random(100));
        }
    }
    let ledger = cluster.end(load).await;

    let store = store(&server.url()).await;
    let found = faults(&store, &cluster.key(), &ledger).await;
    assert_eq!(found, [], "of {} answers", ledger.len());
    assert!(ledger.len() > REPLICA_KILLS + SERVER_KILLS + BACKEND_KILLS);
    let report = verify(&store, &cluster.key(), None).await.unwrap();
    assert!(report.replicas > 3, "{report}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_a_gateway_with_its_sqlite_loses_no_acknowledged_answer() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("gateway.db").display());
    let mut cluster = Cluster::new(&url, 1).await;
    let load = cluster.load();
    for _ in 0..SQLITE_KILLS {
        cluster.some_answers().await;
        cluster.kill(0);
        cluster.run_all();
    }
    let ledger = cluster.end(load).await;

    let store = store(&url).await;
    let found = faults(&store, &cluster.key(), &ledger).await;
    assert_eq!(found, [], "of {} answers", ledger.len());
    assert!(ledger.len() > SQLITE_KILLS);
    store.close().await;
}

/// The control: a PostgreSQL that confirms commits which it has not written, and denies it when it is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_a_postgres_that_lies_about_durability_is_found_out() {
    let weak = [
        "synchronous_commit = off",
        "wal_writer_delay = 10s",
        "wal_writer_flush_after = 1GB",
        "wal_buffers = 64MB",
        "autovacuum = off",
    ];
    let Some(mut server) = Server::start(&weak).await else {
        return;
    };
    // Found first, it stands in for the one that the gateway asks.
    let denial = "CREATE FUNCTION lie.current_setting(name TEXT) RETURNS TEXT LANGUAGE sql STABLE AS $$
        SELECT CASE name WHEN 'synchronous_commit' THEN 'on' ELSE pg_catalog.current_setting(name) END $$";
    server.execute(&["CREATE SCHEMA lie", denial]).await;
    let url = format!("{}?options=-csearch_path%3Dlie%2Cpg_catalog", server.url());
    let mut cluster = Cluster::new(&url, 1).await;
    let load = cluster.load();
    for _ in 0..5 {
        cluster.some_answers().await;
    }
    server.kill();
    server.run().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ledger = cluster.end(load).await;

    let store = store(&url).await;
    let found = faults(&store, &cluster.key(), &ledger).await;
    assert!(
        found.contains(&Fault::EntryMissing),
        "{found:?} of {} answers",
        ledger.len()
    );
    store.close().await;
}
