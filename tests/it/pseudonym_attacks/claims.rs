//! A board says that another board's pupil is its own, to hear who asks about it and what was decided.

use rstest::rstest;
use serde_json::{Value, json};

use super::OTHER_BOARD;
use crate::resolutions::{get, items, known, named, resolve, school};
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::fact;
use crate::support::world::pupils::{admissibility, at_both_schools, eck_id, resident_in};

/// The claiming board's site.
const ITS_SITE: &str = "32GE00";

fn claim(number: usize) -> Value {
    let mut row = named(number);
    (row["sector"], row["year-group"]) = ("VO".into(), "12".into());
    (row["site"], row["from"]) = (ITS_SITE.into(), "2026-09-01".into());
    row
}

/// What the claiming board is told of the declaration of pupil 0.
async fn told(world: &World) -> String {
    let pupil = json!({ "ref": "1", "eckId": eck_id(0) });
    let asked = fact(OTHER_BOARD, &[pupil]);
    let answer = world.client("vendor-beta-school").facts(asked).await.unwrap();
    answer.data().unwrap()[0]["result"].as_str().unwrap().to_owned()
}

async fn asked_about(world: &World) -> usize {
    let inbox = format!("/v1/inbox?holder={OTHER_BOARD}");
    let inbox = get(world, "vendor-beta-school", &inbox).await;
    inbox["items"].as_array().unwrap().len()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_board_that_claims_a_child_hears_nothing_of_it(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let declared = [admissibility(0)];
    world.deliver("swv-po-delivery", "admissibility", &declared).await;
    let pupils = known(&world, "swv-po-consulent").await;
    resolve(&world, &pupils[..1]).await;
    assert_eq!(items(&world).await.len(), 1, "the school whose pupil it is");
    let claims: Vec<_> = (0..12).map(claim).collect();
    world.deliver("vendor-beta-delivery", "enrolment", &claims).await;
    for _ in 0..4 {
        // Longer than an unconfirmed claim must stand.
        world.next_day().await;
    }
    resolve(&world, &pupils[1..10]).await;
    assert_eq!(asked_about(&world).await, 0);
    assert_eq!(told(&world).await, "none-or-not-yours");
    assert_eq!(
        items(&world).await.len(),
        1,
        "of two that contradict each other, nobody"
    );

    // The control: the other school lets go of them and the register agrees, so the same rows are no mere claim.
    let ended = at_both_schools((0..12).map(named).collect())
        .into_iter()
        .map(|mut row| {
            row["until"] = "2026-08-31".into();
            row
        });
    let moved = (0..12).map(|number| resident_in(number, Some(ITS_SITE), "WK003403"));
    world
        .deliver("vendor-alpha-delivery", "enrolment", &ended.collect::<Vec<_>>())
        .await;
    world
        .deliver("municipality-delivery", "resident", &moved.collect::<Vec<_>>())
        .await;
    world.next_day().await;
    resolve(&world, &pupils[10..]).await;
    assert_eq!(asked_about(&world).await, 2);
    assert_eq!(told(&world).await, "found");
}
