//! What comes after the close moves no released figure: late rows, erasures, merges, objections; a withdrawal turns
//! figures off and recomputes none.

use doelpoort::client::Client;
use rstest::rstest;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, figures, send};
use crate::support::world::pupils::{SITE, admissibility, bsn, city, enrolment_in, resident_in};

const BOARD: &str = "00000099000000041676";
const EPOCH: &str = "2026-10-01";
/// Residents who go to no school; the SWV knows them by another number.
const UNMERGED: std::ops::Range<usize> = 300..325;

/// A city, its epoch closed, in which some pupils are two subjects.
async fn counted(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    world.deliver_city().await;
    let declarations: Vec<_> = UNMERGED.map(admissibility).collect();
    world
        .deliver("swv-po-delivery", "admissibility", &declarations)
        .await;
    world.close_epoch().await;
    Some(world)
}

/// Every figure that the purpose shows by place, sector and attendance.
async fn released(client: &Client) -> String {
    let mut tables = Vec::new();
    for group_by in [
        vec![],
        vec!["resident.neighbourhood@district", "resident.attends"],
        vec!["resident.neighbourhood@neighbourhood", "enrolment.sector@sector"],
    ] {
        let mut asked = figures(&group_by, json!({}));
        asked.insert("epoch".to_owned(), EPOCH.into());
        let answer = client.query(asked).await.unwrap();
        tables.push(answer.data().unwrap().to_string());
    }
    tables.join("\n")
}

async fn late_rows_and_erasures(world: &World) {
    let (_, mut residents) = city();
    residents.drain(..30);
    residents.extend((500..540).map(|number| resident_in(number, Some(SITE), "WK003403")));
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
}

/// The school knows both numbers of those who were two.
async fn merges(world: &World) {
    let (mut enrolments, _) = city();
    enrolments.extend(UNMERGED.map(|number| enrolment_in(number, SITE, "BO", "WK003418")));
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    world.next_day().await;
}

async fn objections(world: &World) {
    let pupils: Vec<_> = (60..120)
        .map(|number| json!({ "ref": number.to_string(), "bsn": bsn(number) }))
        .collect();
    let asked = body(json!({
        "purpose": "pupil-rights", "actingFor": BOARD, "action": "enter", "kind": "objection",
        "against": "youth-atlas", "pupils": pupils, "onBehalfOf": { "case": "objection 1" },
    }));
    let school = world.client("vendor-alpha-school");
    school.post("/v1/restrictions", asked).await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_that_comes_after_the_close_moves_a_figure(#[case] backend: Backend) {
    let Some(mut world) = counted(backend).await else {
        return;
    };
    let dashboard = world.client("swv-po-dashboard");
    let before = released(&dashboard).await;
    assert!(before.contains("\"pupils\":6"), "something is shown: {before}");

    late_rows_and_erasures(&world).await;
    assert_eq!(released(&dashboard).await, before, "late rows and erasures");
    merges(&world).await;
    let again = world
        .gateway
        .close_epoch("children", Some(EPOCH.parse().unwrap()))
        .await;
    assert!(again.is_err(), "an epoch closes once");
    assert_eq!(released(&dashboard).await, before, "merges");
    objections(&world).await;
    assert_eq!(released(&dashboard).await, before, "objections");
    world.restart().await;
    let dashboard = world.client("swv-po-dashboard");
    assert_eq!(released(&dashboard).await, before, "a restart");

    let municipality = world.client("municipality-delivery");
    let request = municipality.http().post(municipality.url("/v1/withdrawals"));
    let withdrawal = json!({ "purpose": "youth-atlas" }).to_string();
    let response = send(&municipality, request.body(withdrawal)).await;
    assert_eq!(response.status, 201, "{}", response.text);
    assert!(
        dashboard.query(figures(&[], json!({}))).await.is_err(),
        "its figures are off"
    );
}
