//! The answer to a commit gets lost, or the commit does: one entry, one receipt, no gap, either way. An entry is
//! committed by the one statement that appends it, or, where something takes effect with it, by a COMMIT.

use std::time::Duration;

use doelpoort::store::StoreOptions;

use super::*;
use crate::support::proxy::{Cut, Proxy};

/// By what an entry is committed.
#[derive(Clone, Copy, Debug)]
enum By {
    /// The statement that holds the leaf.
    Statement,
    /// A message of its own.
    Commit,
}

#[rstest]
#[tokio::test]
async fn a_lost_commit_is_found_out_and_neither_lost_nor_doubled(
    #[values(Cut::Before, Cut::After)] cut: Cut,
    #[values(By::Statement, By::Commit)] by: By,
) {
    let Some(world) = World::on(Backend::Postgres).await else {
        return;
    };
    let proxy = Proxy::new(match by {
        By::Statement => &[b"unconfirmed-clause"],
        By::Commit => &[b"COMMIT"],
    });
    let url = proxy.before(&world.database.url).await;
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let log = Log::open(store, signer(), fg().1.clone(), world.clock())
        .await
        .unwrap();
    log.append(entry()).await.unwrap();
    // The publisher commits too: let it have published, and stand still from here on.
    tokio::time::sleep(Duration::from_millis(1_300)).await;

    proxy.cut(cut);
    let mut marked = match by {
        By::Statement => entry(),
        By::Commit => activation(1),
    };
    marked.event.clause = Some("unconfirmed-clause".to_owned());
    let receipt = log.append(marked);
    let receipt = receipt.await.unwrap();
    assert!(proxy.has_cut(), "the proxy saw no commit");

    assert_eq!(receipt.index, 3);
    let json = serde_json::to_string(&receipt).unwrap();
    receipt::verify(&json, log.verifier(), None).unwrap();
    assert_eq!(log.append(entry()).await.unwrap().index, 4);
    log.close().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.size, 5);
}
