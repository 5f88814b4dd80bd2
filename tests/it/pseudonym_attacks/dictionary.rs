//! The dictionary attack of an insider: a program of a vendor, with everything that it may have, goes through numbers to
//! see which of them are a pupil's.

use doelpoort::store::quota::LookUps;
use rstest::rstest;
use serde_json::json;

use super::BOARD;
use crate::look_ups::{ask, guesses, small};
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::fact;
use crate::support::world::pupils::{bsn, resident};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn guessing_is_noticed_within_a_thousand_guesses_and_stopped_by_the_quota(#[case] backend: Backend) {
    let Some(world) = World::prepared(backend, small, |_| ()).await else {
        return;
    };
    let replica = world.replica(None).await;
    let clients = [
        world.client("vendor-alpha-school"),
        world.client_at("vendor-alpha-school", &replica.base),
    ];
    for batch in 0..9 {
        // Two replicas, one count.
        assert_eq!(ask(&clients[batch % 2], &guesses(batch)).await, "answered");
    }
    assert_eq!(world.alarms().await, 0);
    assert_eq!(ask(&clients[0], &guesses(9)).await, "answered");
    assert_eq!(world.alarms().await, 1, "noticed at the thousandth guess");
    let metrics = world.admin("/metrics").await.text;
    assert!(metrics.contains("doelpoort_look_up_alarms_total{reason=\"look-ups-missed\"} 1"));

    // Twice 525 a day, and not one more.
    assert_eq!(ask(&clients[1], &guesses(10)).await, "429 rate-limited");
    assert_eq!(ask(&clients[0], &guesses(10)[..50]).await, "answered");
    assert_eq!(ask(&clients[1], &guesses(10)[..1]).await, "429 rate-limited");
    assert_eq!(
        world.looked_up(BOARD).await,
        LookUps {
            looked: 1_050,
            missed: 1_050
        }
    );
    assert_eq!(world.alarms().await, 1, "once a day");

    world.advance(24);
    assert_eq!(ask(&clients[0], &guesses(10)[..1]).await, "answered");
    assert_eq!(world.alarms().await, 2, "judged over days, too");
    replica.stop().await;
}

/// The control: a thousand questions about pupils who are known raise no alarm, so it is the guessing that does.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_thousand_questions_about_known_pupils_raise_no_alarm(#[case] backend: Backend) {
    let Some(world) = World::prepared(backend, small, |_| ()).await else {
        return;
    };
    let residents: Vec<_> = (0..100).map(resident).collect();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    let client = world.client("vendor-alpha-school");
    let pupils: Vec<_> = (0..100)
        .map(|number| json!({ "ref": number.to_string(), "bsn": bsn(number) }))
        .collect();
    for _ in 0..10 {
        client.facts(fact(BOARD, &pupils)).await.unwrap();
    }
    let asked = LookUps {
        looked: 1_000,
        missed: 0,
    };
    assert_eq!(world.looked_up(BOARD).await, asked);
    assert_eq!(world.alarms().await, 0);
}
