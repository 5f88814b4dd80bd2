//! When two numbers become one pupil, tried as those who would gain by it: forced merges, claimed pairs, oracles.

use std::path::Path;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, fact, pseudonyms, records};
use crate::support::world::pupils::{
    CONSULENT, SITE, admissibility, bsn, caseload, eck_id, enrolment, resident,
};

const BOARD: &str = "00000099000000041676";

/// The municipality must confirm what schools pair, and sends its own reference so that it can.
fn confirmed(policies: &Path) {
    let file = policies.join("organisations.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replacen(
        "when_equal = [\"enrolment.birth-date\", \"resident.birth-date\"]",
        "when_equal = [\"enrolment.birth-date\", \"resident.birth-date\"]\nconfirmed = true",
        1,
    );
    let text = text.replacen("identifiers = [\"bsn\"]", "identifiers = [\"bsn\", \"local\"]", 1);
    std::fs::write(file, text).unwrap();
}

pub(crate) fn known_to_city(number: usize) -> Value {
    let mut row = resident(number);
    row["pupil"]["local"] = format!("inwoner-{number}").into();
    row
}

/// A school's pupils by both numbers, residents by one, declarations by the other.
pub(crate) async fn world(backend: Backend) -> Option<World> {
    let world = World::prepared(backend, confirmed, |_| ()).await?;
    let residents: Vec<_> = (0..3).map(known_to_city).collect();
    let enrolments: Vec<_> = (0..3).map(enrolment).collect();
    let declarations: Vec<_> = (0..3).map(admissibility).collect();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    world
        .deliver("swv-po-delivery", "admissibility", &declarations)
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    world
        .deliver("swv-po-delivery", "caseload", &[caseload(CONSULENT, SITE)])
        .await;
    Some(world)
}

/// What the school is told of the declaration of pupil 0, whom it names by this number.
async fn told(world: &World, pupil: Value) -> String {
    let mut pupil = pupil;
    pupil["ref"] = "-".into();
    let answer = world
        .client("vendor-alpha-school")
        .facts(fact(BOARD, &[pupil]))
        .await
        .unwrap();
    answer.data().unwrap()[0]["result"].as_str().unwrap().to_owned()
}

pub(crate) async fn inbox(world: &World) -> Vec<Value> {
    let answer = world
        .client("municipality-delivery")
        .get("/v1/inbox")
        .await
        .unwrap();
    let inbox: Value = serde_json::from_str(answer.text()).unwrap();
    inbox["items"].as_array().unwrap().clone()
}

/// A forced merge: one party alone says that two numbers are one pupil's.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_pair_holds_for_others_when_the_holder_concerned_confirms_and_until_it_is_undone(
    #[case] backend: Backend,
) {
    let Some(world) = world(backend).await else {
        return;
    };
    world.next_day().await;
    world.next_day().await;
    assert_eq!(
        told(&world, json!({ "bsn": bsn(0) })).await,
        "none-or-not-yours",
        "nobody confirmed"
    );
    let consulted = async |world: &World| {
        let client = world.client("swv-po-consulent");
        pseudonyms(&client.query(records(&["pseudonym"])).await.unwrap())
    };
    let before = consulted(&world).await;

    let items = inbox(&world).await;
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| item["kind"] == "link"));
    let client = world.client("municipality-delivery");
    for item in &items {
        let path = format!("/v1/inbox/{}", item["id"].as_str().unwrap());
        let opened = client.get(&path).await.unwrap();
        let opened: Value = serde_json::from_str(opened.text()).unwrap();
        let action = match opened["reference"].as_str().unwrap() {
            "inwoner-1" => "decline",
            _ => "confirm",
        };
        let path = format!("{path}/_answer");
        client
            .post(&path, body(json!({ "action": action })))
            .await
            .unwrap();
    }
    assert_eq!(
        told(&world, json!({ "bsn": bsn(0) })).await,
        "none-or-not-yours",
        "not the same day"
    );
    world.next_day().await;
    assert_eq!(told(&world, json!({ "bsn": bsn(0) })).await, "found");
    assert_eq!(
        told(&world, json!({ "bsn": bsn(1) })).await,
        "none-or-not-yours",
        "declined"
    );
    let merged = world.last_entries(world.report().await.size).await;
    let merged = merged
        .iter()
        .filter(|leaf| leaf.event.decision.as_deref() == Some("merges-applied"));
    assert_eq!(merged.count(), 1, "merges are in the log");

    let undo = json!({ "pairs": [{ "bsn": bsn(0), "eckId": eck_id(0) }] });
    client.post("/v1/links/_undo", body(undo)).await.unwrap();
    assert_eq!(
        told(&world, json!({ "bsn": bsn(0) })).await,
        "found",
        "not the same day"
    );
    world.next_day().await;
    assert_eq!(told(&world, json!({ "bsn": bsn(0) })).await, "none-or-not-yours");
    assert_eq!(
        told(&world, json!({ "bsn": bsn(2) })).await,
        "found",
        "the other one holds"
    );
    let after = consulted(&world).await;
    assert_eq!(
        before.iter().filter(|one| after.contains(one)).count(),
        3,
        "pseudonyms are as they were"
    );
}

/// Contradictions are told to who made them, a day later, and count as misses.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_conflict_goes_to_the_inbox_once_a_day_and_counts_as_a_miss(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let row = |number: usize, eck: usize| {
        let mut row = enrolment(number);
        row["pupil"] =
            json!({ "bsn": bsn(number), "eckId": eck_id(eck), "local": format!("leerling-{number}") });
        row
    };
    let report = world
        .deliver(
            "vendor-alpha-delivery",
            "enrolment",
            &[row(0, 0), row(1, 0), row(2, 2)],
        )
        .await;
    assert!(!report.text().contains("conflict"));
    let school = world.client("vendor-alpha-school");
    let path = format!("/v1/inbox?holder={BOARD}");
    let count = async || {
        let answer = school.get(&path).await.unwrap();
        let inbox: Value = serde_json::from_str(answer.text()).unwrap();
        inbox["items"].as_array().unwrap().len()
    };
    assert_eq!(count().await, 0, "not with the delivery");
    world.next_day().await;
    assert_eq!(count().await, 2);
    world.next_day().await;
    assert_eq!(count().await, 2, "not again");
    let store = world.gateway.store();
    let looked = store.look_ups_after(&BOARD.parse().unwrap(), 0).await.unwrap();
    assert_eq!((looked.looked, looked.missed), (2, 2));
}

/// Access over a link that nobody confirmed could show another child's rows.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn subject_access_over_an_unconfirmed_link_gives_nothing(#[case] backend: Backend) {
    let Some(world) = world(backend).await else {
        return;
    };
    world.next_day().await;
    let access = async |number: usize| {
        let asked = json!({
            "purpose": "subject-access", "actingFor": BOARD, "fields": ["enrolment.site"],
            "pupils": [{ "ref": "1", "bsn": bsn(number) }], "onBehalfOf": { "case": "inzage 1" },
        });
        let answer = world
            .client("vendor-alpha-school")
            .facts(body(asked))
            .await
            .unwrap();
        answer.data().unwrap()[0]["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(access(0).await, "none-or-not-yours");
    let client = world.client("municipality-delivery");
    for item in inbox(&world).await {
        let path = format!("/v1/inbox/{}/_answer", item["id"].as_str().unwrap());
        client
            .post(&path, body(json!({ "action": "confirm" })))
            .await
            .unwrap();
    }
    world.next_day().await;
    assert_eq!(access(0).await, "found");
}
