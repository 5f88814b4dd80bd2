//! Two numbers that one party alone says are one pupil's: to read another child's facts, or to learn which numbers
//! belong together.

use rstest::rstest;
use serde_json::{Value, json};

use super::OTHER_BOARD;
use crate::linking::{inbox, known_to_city, world};
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, fact};
use crate::support::world::pupils::{admissibility, bsn, eck_id, enrolment_in, resident_in};

/// Of the attacker's own pupil, by its BSN.
const OWN: usize = 50;
/// The child of whom the attacker wants to read, by its ECK iD. No school that takes part has it.
const VICTIM: usize = 7;

/// The attacker's row: a pupil with the numbers of two.
fn paired(number: usize, with: usize) -> Value {
    let mut row = enrolment_in(number, "32GE00", "VO", "WK003403");
    row["pupil"]["eckId"] = eck_id(with).into();
    row["pupil"]["local"] = format!("leerling-{number}-{with}").into();
    row
}

/// What the attacker is told of the declaration of its own pupil.
async fn told(world: &World) -> String {
    let pupil = json!({ "ref": "1", "bsn": bsn(OWN) });
    let answer = world
        .client("vendor-beta-school")
        .facts(fact(OTHER_BOARD, &[pupil]))
        .await
        .unwrap();
    answer.data().unwrap()[0]["result"].as_str().unwrap().to_owned()
}

/// The municipality answers everything in its inbox.
async fn answers(world: &World, action: &str) {
    let items = inbox(world).await;
    assert!(!items.is_empty(), "it is asked");
    let client = world.client("municipality-delivery");
    for item in items {
        let path = format!("/v1/inbox/{}/_answer", item["id"].as_str().unwrap());
        client
            .post(&path, body(json!({ "action": action })))
            .await
            .unwrap();
    }
}

#[rstest]
#[case::declined(Backend::Sqlite, "decline", "none-or-not-yours")]
#[case::declined_postgres(Backend::Postgres, "decline", "none-or-not-yours")]
// The control: what the holder concerned confirms is one pupil, and then the same question is answered.
#[case::confirmed(Backend::Sqlite, "confirm", "found")]
#[case::confirmed_postgres(Backend::Postgres, "confirm", "found")]
#[tokio::test]
async fn a_merge_cannot_be_forced_against_the_holder_concerned(
    #[case] backend: Backend,
    #[case] action: &str,
    #[case] expected: &str,
) {
    let Some(world) = world(backend).await else {
        return;
    };
    let mut own = resident_in(OWN, Some("32GE00"), "WK003403");
    own["pupil"]["local"] = "inwoner-50".into();
    let residents: Vec<_> = (0..3).map(known_to_city).chain([own]).collect();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    let declared: Vec<_> = (0..3).chain([VICTIM]).map(admissibility).collect();
    world.deliver("swv-po-delivery", "admissibility", &declared).await;
    world
        .deliver("vendor-beta-delivery", "enrolment", &[paired(OWN, VICTIM)])
        .await;
    for _ in 0..2 {
        world.next_day().await;
        assert_eq!(told(&world).await, "none-or-not-yours", "nobody confirmed");
    }
    answers(&world, action).await;
    world.next_day().await;
    assert_eq!(told(&world).await, expected);
}

/// An oracle of identifier pairs: pairs are sent to see which of them the gateway takes.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_right_pair_and_a_wrong_one_are_answered_alike(#[case] backend: Backend) {
    let Some(world) = world(backend).await else {
        return;
    };
    let mut reports = Vec::new();
    for (one, other) in [(0, 0), (0, 1), (1, 60), (61, 62)] {
        let answer = world
            .deliver("vendor-beta-delivery", "enrolment", &[paired(one, other)])
            .await;
        let report: Value = serde_json::from_str(answer.text()).unwrap();
        reports.push(json!([
            report["state"],
            report["rowsAccepted"],
            report["rowsRejected"],
            report["errors"]
        ]));
        let undo = json!({
            "actingFor": OTHER_BOARD, "pairs": [{ "bsn": bsn(one), "eckId": eck_id(other) }],
        });
        let undone = world
            .client("vendor-beta-school")
            .post("/v1/links/_undo", body(undo))
            .await
            .unwrap();
        let undone: Value = serde_json::from_str(undone.text()).unwrap();
        reports.push(undone["state"].clone());
    }
    assert!(reports.chunks(2).all(|pair| pair == &reports[..2]), "{reports:?}");

    // The control: the gateway does tell pairs apart. Two that exclude each other are told a day later, in the inbox of
    // who sent them, and each is a miss: a search by it ends in the alarm of the dictionary attack.
    let rows = [paired(70, 80), paired(71, 80), paired(72, 82)];
    world.deliver("vendor-beta-delivery", "enrolment", &rows).await;
    world.next_day().await;
    let path = format!("/v1/inbox?holder={OTHER_BOARD}");
    let told = world.client("vendor-beta-school").get(&path).await.unwrap();
    let told: Value = serde_json::from_str(told.text()).unwrap();
    let told = told["items"].as_array().unwrap();
    let conflicts = told.iter().filter(|item| item["kind"] == "conflict").count();
    assert!(conflicts >= 2, "{told:?}");
    assert!(world.looked_up(OTHER_BOARD).await.missed >= 2);
}
