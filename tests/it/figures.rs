//! Figures: one cell is one figure, however and by whomever it is asked.

mod afterwards;
mod budget;
mod exact;
mod nearest;
pub(crate) mod schedule;
mod trend;
mod years;

use std::collections::BTreeMap;

use doelpoort::client::{Ask, Client};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, figures, refusal, send};
use crate::support::world::pupils::absence;

const DISTRICT: &str = "resident.neighbourhood@district";

/// A city of 227 children, its epoch closed.
async fn counted(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    world.deliver_city().await;
    let absences: Vec<_> = (60..110).map(absence).collect();
    world.deliver("vendor-alpha-delivery", "absence", &absences).await;
    world.close_epoch().await;
    Some(world)
}

fn question(name: &str, only: &[(&str, &str)]) -> Ask {
    Ask {
        purpose: "youth-atlas".to_owned(),
        question: name.to_owned(),
        epoch: None,
        compared_with: None,
        only: only
            .iter()
            .map(|(dimension, code)| ((*dimension).to_owned(), (*code).to_owned()))
            .collect(),
    }
}

/// Code by code what an answer grouped by district shows.
fn by_district(data: &Value) -> BTreeMap<String, Option<i64>> {
    let rows = data.as_array().unwrap().iter();
    rows.map(|row| {
        let code = row[DISTRICT]["code"].as_str().unwrap().to_owned();
        (code, row["pupils"].as_i64())
    })
    .collect()
}

/// One cell in all the ways that a client has.
async fn one_cell(client: &Client) -> Vec<Option<i64>> {
    let named = client.ask(&question("children-by-district", &[])).await.unwrap();
    let grouped = client.query(figures(&[DISTRICT], json!({}))).await.unwrap();
    let filtered = client
        .query(figures(&[], json!({ DISTRICT: "ALM-HAVEN" })))
        .await
        .unwrap();
    let filtered = &filtered.data().unwrap()[0]["pupils"];
    vec![
        by_district(named.data().unwrap())["ALM-HAVEN"],
        by_district(grouped.data().unwrap())["ALM-HAVEN"],
        filtered.as_i64(),
        in_csv(client).await,
    ]
}

async fn in_csv(client: &Client) -> Option<i64> {
    let path = "/v1/purposes/youth-atlas/questions/children-by-district";
    let request = client.http().get(client.url(path)).header("accept", "text/csv");
    let text = send(client, request).await.text;
    let line = text.lines().find(|line| line.starts_with("ALM-HAVEN,")).unwrap();
    line.split(',').nth(2).unwrap().parse().ok()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn one_cell_is_one_figure_in_every_way_it_is_reached(#[case] backend: Backend) {
    let Some(mut world) = counted(backend).await else {
        return;
    };
    let mut figures = one_cell(&world.client("swv-po-dashboard")).await;
    figures.extend(one_cell(&world.client("municipality-dashboard")).await);
    world.restart().await;
    figures.extend(one_cell(&world.client("swv-po-dashboard")).await);
    world.next_day().await;
    figures.extend(one_cell(&world.client("municipality-dashboard")).await);

    assert_eq!(figures.len(), 16);
    figures.dedup();
    // The same on both engines, since roots and subjects come from one seed; 60 children live there.
    assert_eq!(figures, [Some(61)]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_same_seed_gives_the_same_figures_on_every_engine(#[case] backend: Backend) {
    let Some(world) = counted(backend).await else {
        return;
    };
    let client = world.client("swv-po-dashboard");
    let answer = client.ask(&question("children-by-district", &[])).await.unwrap();
    let shown = by_district(answer.data().unwrap());
    let shown: Vec<String> = shown
        .into_iter()
        .filter_map(|(place, pupils)| Some(format!("{place} {}", pupils?)))
        .collect();
    insta::allow_duplicates! {
        insta::assert_snapshot!(shown.join("\n"), @r#"
ALM-HAVEN 61
ALM-STAD 165
"#);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn hidden_and_absent_look_alike_to_the_byte(#[case] backend: Backend) {
    let Some(world) = counted(backend).await else {
        return;
    };
    let client = world.client("swv-po-dashboard");
    let answer = client.ask(&question("children-by-district", &[])).await.unwrap();
    let found = by_district(answer.data().unwrap());
    // Two children live in Almere Buiten, none in Almere Poort.
    assert_eq!((found["ALM-BUITEN"], found["ALM-POORT"]), (None, None));

    let row = |code: &str| {
        let rows = answer.data().unwrap().as_array().unwrap();
        let row = rows.iter().find(|row| row[DISTRICT]["code"] == code).unwrap();
        let label = row[DISTRICT]["label"].as_str().unwrap();
        row.to_string().replace(code, "-").replace(label, "-")
    };
    assert_eq!(row("ALM-BUITEN"), row("ALM-POORT"));
    insta::allow_duplicates! {
        insta::assert_snapshot!(row("ALM-POORT"), @r#"{"resident.neighbourhood@district":{"code":"-","label":"-"},"pupils":null,"hidden":"small"}"#);
    }
}

#[tokio::test]
async fn figures_are_asked_again_by_their_etag_and_logged_each_time() {
    let world = counted(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let url = client.url("/v1/purposes/youth-atlas/questions/nowhere-enrolled-by-district");
    let first = send(&client, client.http().get(&url)).await;
    let etag = first.header("etag").to_owned();
    let size = world.report().await.size;

    let again = send(&client, client.http().get(&url).header("if-none-match", &etag)).await;

    assert_eq!((first.status, again.status, again.text.as_str()), (200, 304, ""));
    assert!(!again.header("doelpoort-receipt").is_empty());
    assert_eq!(again.header("cache-control"), "private, no-cache");
    assert_eq!(world.report().await.size, size + 1);
}

#[tokio::test]
async fn an_epoch_closes_once_and_answers_only_the_purposes_of_its_close() {
    let world = counted(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let again = world.gateway.close_epoch("children", None).await;
    let wrong_day = "2026-10-02".parse().unwrap();
    let wrong = world.gateway.close_epoch("children", Some(wrong_day)).await;
    let mut earlier = figures(&[], json!({}));
    earlier.insert("epoch".to_owned(), "2026-02-01".into());

    insta::assert_snapshot!(again.unwrap_err(), @"epoch `2026-10-01` of population `children` is closed");
    insta::assert_snapshot!(wrong.unwrap_err(), @"`2026-10-02` is no count date of `children`; the latest is `2026-10-01`");
    assert_eq!(refusal(client.query(earlier).await), "404 no-such-epoch");
}

/// One board delivered every row by which they are counted: to it, a figure would be what the others have, which is
/// nobody.
#[tokio::test]
async fn what_one_of_several_holders_knows_all_of_is_not_shown() {
    let world = counted(Backend::Sqlite).await.unwrap();
    let client = world.client("municipality-dashboard");
    let answer = client
        .query(body(json!({
            "purpose": "neighbourhood-absence", "form": "figures",
            "groupBy": ["enrolment.neighbourhood@district"],
            "only": { "absence.kind": "unauthorised" }, "measures": ["pupils"],
        })))
        .await
        .unwrap();
    insta::assert_snapshot!(
        serde_json::to_string_pretty(answer.data().unwrap()).unwrap().replace("\n    ", " "), @r#"
[
  { "enrolment.neighbourhood@district": {   "code": "ALM-HAVEN",   "label": "Almere Haven" }, "pupils": null, "hidden": "small"
  },
  { "enrolment.neighbourhood@district": {   "code": "ALM-STAD",   "label": "Almere Stad" }, "pupils": null, "hidden": "small"
  },
  { "enrolment.neighbourhood@district": {   "code": "ALM-BUITEN",   "label": "Almere Buiten" }, "pupils": null, "hidden": "small"
  },
  { "enrolment.neighbourhood@district": {   "code": "ALM-POORT",   "label": "Almere Poort" }, "pupils": null, "hidden": "small"
  },
  { "enrolment.neighbourhood@district": {   "code": "ALM-HOUT",   "label": "Almere Hout" }, "pupils": null, "hidden": "small"
  },
  { "enrolment.neighbourhood@district": {   "code": "ALM-PAMPUS",   "label": "Almere Pampus" }, "pupils": null, "hidden": "small"
  },
  { "enrolment.neighbourhood@district": {   "code": "ELSEWHERE",   "label": "Buiten Almere" }, "pupils": null, "hidden": "small"
  }
]
"#);
}
