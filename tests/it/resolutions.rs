//! Asking a school which pupil a pseudonym means: through its inbox and no other way, and without telling whether there
//! is such a pupil.

use doelpoort::client::Client;
use doelpoort::keys::KeyPurpose;
use doelpoort_core::pseudonym::Pseudonym;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, pseudonyms, records, refusal};
use crate::support::world::pupils::{CASELOADS, at_both_schools, caseload, enrolment, resident};

const BOARD: &str = "00000099000000041676";
const INBOX: &str = "/v1/inbox?holder=00000099000000041676";

/// Twelve pupils of a school in the care of two consulents, each with the school's own reference.
pub(crate) async fn school(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let enrolments = at_both_schools((0..12).map(named).collect());
    let residents: Vec<_> = (0..12).map(resident).collect();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    for (client, staff, site) in CASELOADS {
        world.deliver(client, "caseload", &[caseload(staff, site)]).await;
    }
    world.next_day().await;
    Some(world)
}

pub(crate) fn named(number: usize) -> Value {
    let mut row = enrolment(number);
    row["pupil"]["local"] = format!("leerling-{number}").into();
    row
}

pub(crate) async fn known(world: &World, client: &str) -> Vec<String> {
    pseudonyms(&world.client(client).query(records(&["pseudonym"])).await.unwrap())
}

/// The program of a consulent, with another person at it.
fn colleague(world: &World) -> Client {
    let folder = world.client_folder("swv-po-consulent");
    let file = folder.path().join("client.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("consulent-01", "consulent-09")).unwrap();
    let clock: std::sync::Arc<dyn doelpoort::clock::Clock> = std::sync::Arc::<_>::clone(&world.clock) as _;
    Client::open_with_clock(folder.path(), clock).unwrap()
}

fn asks(pseudonyms: &[String]) -> Map<String, Value> {
    body(json!({
        "purpose": "case-resolution", "pseudonyms": pseudonyms, "reason": "offer-support",
        "onBehalfOf": { "case": "zaak 12" }, "releasedBy": {},
    }))
}

/// The same, released by a colleague.
pub(crate) fn released(world: &World, pseudonyms: &[String]) -> Map<String, Value> {
    let mut asked = asks(pseudonyms);
    let signed = colleague(world).signed(asked.clone()).unwrap();
    asked["releasedBy"] = json!({ "assertion": signed["onBehalfOf"]["assertion"] });
    asked
}

/// Asks, and tells the id.
pub(crate) async fn resolve(world: &World, pseudonyms: &[String]) -> String {
    let asked = released(world, pseudonyms);
    let client = world.client("swv-po-consulent");
    let answer = client.post("/v1/resolutions", asked).await.unwrap();
    let data = answer.data().unwrap();
    assert_eq!(data[0]["state"], "pending");
    data[0]["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn get(world: &World, client: &str, path: &str) -> Value {
    let answer = world.client(client).get(path).await.unwrap();
    serde_json::from_str(answer.text()).unwrap()
}

pub(crate) async fn state(world: &World, id: &str) -> Value {
    let mut state = get(world, "swv-po-consulent", &format!("/v1/resolutions/{id}")).await;
    state["id"] = "-".into();
    state
}

pub(crate) async fn items(world: &World) -> Vec<Value> {
    let inbox = get(world, "vendor-alpha-school", INBOX).await;
    inbox["items"].as_array().unwrap().clone()
}

pub(crate) fn item(id: &Value, rest: &str) -> String {
    format!("/v1/inbox/{}{rest}?holder={BOARD}", id.as_str().unwrap())
}

pub(crate) fn unknown(number: u128) -> String {
    // Of the version in use, and nobody's.
    let text = Pseudonym::stand_in(number).as_str().to_owned();
    assert!(Pseudonym::parse(&text).is_ok());
    text
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_school_answers_and_who_asked_reads_it_when_the_time_is_over(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let pupils = known(&world, "swv-po-consulent").await;
    let id = resolve(&world, &pupils[..1]).await;
    let pending = state(&world, &id).await;
    assert_eq!(
        pending,
        json!({ "id": "-", "state": "pending", "until": "2026-11-30T00:00:00Z" })
    );

    let inbox = items(&world).await;
    assert_eq!((inbox.len(), &inbox[0]["kind"]), (1, &json!("resolution")));
    let opened = get(&world, "vendor-alpha-school", &item(&inbox[0]["id"], "")).await;
    assert!(opened["reference"].as_str().unwrap().starts_with("leerling-"));
    assert_eq!(
        opened["told"],
        json!({
            "recipient": "00000099000000240101", "reason": "offer-support",
            "purpose": "case-resolution", "case": null,
        }),
        "the purpose says that the school may know the purpose, and not the case"
    );
    let school = world.client("vendor-alpha-school");
    let answer = json!({ "action": "answer", "answer": "Call our care coordinator." });
    let path = item(&inbox[0]["id"], "/_answer");
    school.post(&path, body(answer.clone())).await.unwrap();
    assert_eq!(
        refusal(school.post(&path, body(answer)).await),
        "409 already-settled"
    );
    assert_eq!(state(&world, &id).await, pending, "whatever happens");

    world.advance(24 * 8);
    let closed = state(&world, &id).await;
    assert_eq!(
        closed["results"],
        json!([{ "pseudonym": pupils[0], "result": "answered", "answer": "Call our care coordinator." }])
    );
    // Kept for a month more.
    world.advance(24 * 31);
    world.gateway.tidy().await.unwrap();
    let gone = world
        .client("swv-po-consulent")
        .get(&format!("/v1/resolutions/{id}"))
        .await;
    assert_eq!(refusal(gone), "404 no-such-resolution");
    assert!(items(&world).await.is_empty());
}

/// What is sealed in inboxes is sealed for their time only, and until then a version of the key is not let go.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_is_in_use_while_an_item_is_sealed_under_it(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let pupils = known(&world, "swv-po-consulent").await;
    resolve(&world, &pupils[..1]).await;
    world.rotate(KeyPurpose::Seal).await;
    world.gateway.reseal().await.unwrap();
    let left = || world.gateway.references_left();
    // The item, and the pupil of the resolution.
    assert_eq!(left().await.unwrap(), 2);
    let inbox = items(&world).await;
    let opened = get(&world, "vendor-alpha-school", &item(&inbox[0]["id"], "")).await;
    assert!(opened["reference"].as_str().unwrap().starts_with("leerling-"));

    // Nobody's item holds a pupil to tell, and no reference.
    resolve(&world, &[unknown(1)]).await;
    assert_eq!(left().await.unwrap(), 2);
    world.advance(24 * (7 + 31));
    world.gateway.tidy().await.unwrap();
    assert_eq!(left().await.unwrap(), 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_persons_release_it_a_few_a_day_over_all_replicas(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let pupils = known(&world, "swv-po-consulent").await;
    let client = world.client("swv-po-consulent");
    let alone = asks(&pupils[..1]);
    let mut twice = alone.clone();
    let signed = client.signed(twice.clone()).unwrap();
    twice["releasedBy"] = json!({ "assertion": signed["onBehalfOf"]["assertion"] });
    // Released for one pupil, sent for another.
    let mut other = asks(&pupils[1..2]);
    other["releasedBy"] = released(&world, &pupils[..1])["releasedBy"].clone();
    let mut wrong_reason = released(&world, &pupils[..1]);
    wrong_reason["reason"] = "curiosity".into();
    let mut refusals = Vec::new();
    for asked in [alone, twice, other] {
        refusals.push(refusal(client.post("/v1/resolutions", asked).await));
    }
    assert_eq!(
        refusals,
        [
            "403 second-person-missing",
            "403 second-person-missing",
            "403 invalid-staff-assertion"
        ]
    );

    let replica = world.replica(None).await;
    let others = [world.client_at("swv-po-consulent", &replica.base), client];
    for client in &others {
        let asked = released(&world, &pupils[..10]);
        client.post("/v1/resolutions", asked).await.unwrap();
    }
    for client in &others {
        let asked = released(&world, &pupils[10..11]);
        assert_eq!(
            refusal(client.post("/v1/resolutions", asked).await),
            "429 rate-limited"
        );
    }
    world.advance(24);
    let asked = released(&world, &pupils[10..11]);
    others[1].post("/v1/resolutions", asked).await.unwrap();
    replica.stop().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_inbox_is_its_holders_own_and_every_look_is_logged(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let pupils = known(&world, "swv-po-consulent").await;
    resolve(&world, &pupils[..1]).await;
    let inbox = items(&world).await;
    let path = item(&inbox[0]["id"], "");
    let mut refusals = Vec::new();
    for client in [
        "vendor-beta-school",
        "vendor-alpha-delivery",
        "swv-po-consulent",
        "municipality-delivery",
    ] {
        refusals.push(refusal(world.client(client).get(INBOX).await));
        refusals.push(refusal(world.client(client).get(&path).await));
    }
    let own = world
        .client("municipality-delivery")
        .get(&format!("/v1/inbox/{}", "0".repeat(32)))
        .await;
    refusals.push(refusal(own));
    assert_eq!(
        refusals,
        [
            "403 mandate-missing",
            "403 mandate-missing",
            "403 role-missing",
            "403 role-missing",
            "403 role-missing",
            "403 role-missing",
            "403 mandate-missing",
            "403 mandate-missing",
            "404 no-such-item",
        ]
    );
    let number = json!({ "action": "answer", "answer": "it is 999990019" });
    let school = world.client("vendor-alpha-school");
    let told = school
        .post(&item(&inbox[0]["id"], "/_answer"), body(number))
        .await;
    assert_eq!(refusal(told), "400 invalid-input");
    let wrong = school
        .post(
            &item(&inbox[0]["id"], "/_answer"),
            body(json!({ "action": "confirm" })),
        )
        .await;
    assert_eq!(refusal(wrong), "400 invalid-input");

    let before = world.report().await.size;
    get(&world, "vendor-alpha-school", INBOX).await;
    get(&world, "vendor-alpha-school", &path).await;
    school
        .post(
            &item(&inbox[0]["id"], "/_answer"),
            body(json!({ "action": "decline" })),
        )
        .await
        .unwrap();
    let entries = world.last_entries(world.report().await.size - before).await;
    let looks: Vec<_> = entries
        .iter()
        .map(|leaf| {
            (
                leaf.event.kind.name(),
                leaf.event.decision.clone(),
                leaf.event.extra.clone(),
                leaf.event.tags.len(),
            )
        })
        .collect();
    assert_eq!(looks.len(), 3);
    assert!(
        looks.iter().all(|one| *one == looks[0]),
        "to others they all look the same"
    );
}
