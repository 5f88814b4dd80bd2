//! Too old, and nothing is answered: 503, no data, and an entry that says so.

use doelpoort::log::Stale;

use super::*;
use crate::support::world::World;
use crate::support::world::ask::{records, refusal};

/// A world whose time stamp authority never answers.
async fn unstamped() -> World {
    let authorities = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/keys-example/gateway/tls/client-ca.crt"
    );
    World::with(Backend::Sqlite, |config| {
        config.publish.timestamp_url = "http://127.0.0.1:9".to_owned();
        config.publish.timestamp_authorities = Some(authorities.into());
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn without_time_stamps_nothing_is_answered_after_four_hours() {
    let world = unstamped().await;
    let client = world.client("swv-po-consulent");
    world.advance(4);
    client.query(records(&["pseudonym"])).await.unwrap();
    assert_eq!(world.admin("/health/ready").await.status, 200);

    world.clock.advance(jiff::SignedDuration::from_secs(1));
    until("the watch sees it", async || world.gateway.log().is_stale()).await;
    assert_eq!(world.gateway.log().freshness().stale, Some(Stale::Stamp));
    assert_eq!(
        refusal(client.query(records(&["pseudonym"])).await),
        "503 log-unavailable"
    );
    let entries = world.last_entries(1).await;
    assert_eq!(entries[0].event.decision.as_deref(), Some("log-unavailable"));
    assert_eq!(entries[0].event.commitments.result, None);
    assert_eq!(world.admin("/health/ready").await.status, 503);
    let page = world.admin("/metrics").await.text;
    for line in [
        "doelpoort_log_stale 1",
        "doelpoort_log_stamp_age_seconds 14401",
        "doelpoort_log_quorum_age_seconds -1",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    // Rows that would come in wait too; what makes things safer does not.
    let delivered = world
        .try_deliver(
            "municipality-delivery",
            "resident",
            doelpoort::client::Mode::Snapshot,
            &[],
        )
        .await;
    assert_eq!(refusal(delivered), "503 log-unavailable");
    world.gateway.log().append(entry()).await.unwrap();
}

/// The control of the test above: where nobody is asked, nothing gets old.
#[tokio::test]
async fn without_an_authority_time_does_no_harm() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    world.advance(1_000);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    world
        .client("swv-po-consulent")
        .query(records(&["pseudonym"]))
        .await
        .unwrap();
    let page = world.admin("/metrics").await.text;
    for line in ["doelpoort_log_stale 0", "doelpoort_log_stamp_age_seconds -1"] {
        assert!(page.contains(line), "{line}: {page}");
    }
}

/// Checkpoints that cannot be stored: an alarm first, then nothing is answered.
#[tokio::test]
async fn without_checkpoints_nothing_is_answered_after_five_minutes() {
    let place = Place::sqlite().await;
    let log = place.log().await;
    place
        .store
        .execute(
            "CREATE TRIGGER no_more BEFORE INSERT ON log_checkpoint BEGIN SELECT RAISE(FAIL, 'planted'); END",
            vec![],
        )
        .await
        .unwrap();
    log.append(answer()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    place.advance(300);
    until("it is late", async || log.freshness().checkpoint_age_s == 300).await;
    log.append(answer()).await.unwrap();
    place.advance(1);
    until("it is too late", async || {
        log.freshness().stale == Some(Stale::Checkpoint)
    })
    .await;
    assert!(matches!(log.append(answer()).await, Err(LogError::Stale)));

    place.store.execute("DROP TRIGGER no_more", vec![]).await.unwrap();
    until("it is fresh again", async || !log.is_stale()).await;
    log.append(answer()).await.unwrap();
}
