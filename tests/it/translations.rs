//! Pseudonyms of one recipient into those of another: many at once, to the other alone, and never one by one.

use std::collections::BTreeSet;
use std::path::Path;

use doelpoort::client::{Answer, ClientError};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, pseudonyms, records, refusal};
use crate::support::world::pupils::{CASELOADS, at_both_schools, caseload, enrolment};

const PURPOSE: &str = r#"
purpose = "case-handover"
version = 1
title = { nl = "Overdracht", en = "Handover" }
contact = "privacy@swv.example"
retention = "P1Y"
valid = { from = 2025-08-01, until = 2027-07-31 }
basis = { avg = "6(1)(e)", special = "none" }
dpia = { reference = "DPIA-2026-05", date = 2026-03-12 }
controllers = [{ organisation = "swv-po", law = "WPO art. 18a lid 6 onder b" }]
why = { nl = "Overdracht naar het voortgezet onderwijs.", en = "Handover to secondary education." }
[[grant]]
form = "translate"
recipient = [{ organisation = "swv-po", role = "consulent" }]
dataset = "enrolment"
holders = "all"
from = "case-consultation"
to = { organisation = "swv-vo", purpose = "case-consultation" }
limit = { requests = "20/d", per_day = 200 }
"#;

fn handover(policies: &Path) {
    std::fs::write(policies.join("purposes/case-handover.toml"), PURPOSE).unwrap();
}

/// Sixty pupils in the care of a consulent of each partnership.
pub(crate) async fn two_partnerships(backend: Backend) -> Option<World> {
    let world = World::prepared(backend, handover, |_| ()).await?;
    let rows = at_both_schools((0..60).map(enrolment).collect());
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    for (client, staff, site) in CASELOADS {
        world.deliver(client, "caseload", &[caseload(staff, site)]).await;
    }
    world.next_day().await;
    Some(world)
}

pub(crate) async fn known(world: &World, client: &str) -> Vec<String> {
    pseudonyms(&world.client(client).query(records(&["pseudonym"])).await.unwrap())
}

pub(crate) async fn send(world: &World, pseudonyms: &[String]) -> Result<Answer, ClientError> {
    let asked = json!({
        "purpose": "case-handover", "pseudonyms": pseudonyms, "onBehalfOf": { "case": "handover 1" },
    });
    world
        .client("swv-po-consulent")
        .post("/v1/translations", body(asked))
        .await
}

pub(crate) async fn listed(world: &World, client: &str) -> Value {
    let answer = world.client(client).get("/v1/translations").await.unwrap();
    serde_json::from_str(answer.text()).unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_other_gets_its_own_pseudonyms_in_an_order_of_their_own(#[case] backend: Backend) {
    let Some(world) = two_partnerships(backend).await else {
        return;
    };
    let own = known(&world, "swv-po-consulent").await;
    let taken = send(&world, &own).await.unwrap();
    assert_eq!(
        *taken.data().unwrap(),
        json!([{ "state": "taken", "values": 60 }])
    );

    let waiting = listed(&world, "swv-vo-consulent").await;
    let id = waiting["waiting"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/translations/{id}");
    let fetched = world.client("swv-vo-consulent").get(&path).await.unwrap();
    let fetched: Value = serde_json::from_str(fetched.text()).unwrap();
    let got: Vec<_> = fetched["pseudonyms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert!(got.is_sorted());
    let theirs: BTreeSet<_> = known(&world, "swv-vo-consulent").await.into_iter().collect();
    assert_eq!(
        got.iter().map(ToString::to_string).collect::<BTreeSet<_>>(),
        theirs
    );
    // Who sent them sees none of it, nor does anybody else.
    for client in ["swv-po-consulent", "swv-vo-delivery", "municipality-dashboard"] {
        assert_eq!(
            refusal(world.client(client).get(&path).await),
            "404 no-such-translation",
            "{client}"
        );
        assert_eq!(listed(&world, client).await["waiting"], json!([]));
    }
    world.advance(24 * 31);
    world.gateway.tidy().await.unwrap();
    assert_eq!(
        refusal(world.client("swv-vo-consulent").get(&path).await),
        "404 no-such-translation"
    );
}
