//! True counts: a holder's of its own rows, and those that a law gives. Nothing of them is released.

use std::path::Path;

use doelpoort::client::Ask;
use doelpoort_core::audit::leaf::{Value as Said, extra};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::database::Backend;
use crate::support::world::ask::{body, refusal};
use crate::support::world::pupils::{SECONDARY_SITE, admissibility, enrolment, enrolment_in};
use crate::support::world::{START, World};

const PURPOSE: &str = "true-counts";
/// A secondary school of another board.
const OTHER_BOARDS_SITE: &str = "32GE00";
const SECTOR: &str = "enrolment.sector@sector";

/// Boards count their own pupils; the municipality those of all, by an article.
fn true_counts(policies: &Path) {
    let grant = |recipient: &str, mechanism: &str| {
        format!(
            r#"
[[grant]]
form = "figures"
recipient = [{{ {recipient}, role = "dashboard" }}]
dataset = "enrolment"
holders = "all"
population = "children"
group_by = ["enrolment.sector", "enrolment.neighbourhood@district"]
measures = ["pupils", "rows(enrolment)", "share(enrolment.sector)"]
epochs = "count-dates"
protect = {{ mechanism = "exact"{mechanism} }}
limit = {{ requests = "600/h" }}
"#
        )
    };
    let text = format!(
        r#"purpose = "{PURPOSE}"
version = 1
title = {{ nl = "Ware aantallen", en = "True counts" }}
contact = "privacy@swv.example"
retention = "P1Y"
valid = {{ from = 2025-08-01, until = 2027-07-31 }}
basis = {{ avg = "6(1)(e)", special = "none" }}
controllers = [{{ organisation = "municipality", law = "Leerplichtwet 1969" }}]
why = {{ nl = "Om te tellen.", en = "To count." }}
{}{}"#,
        grant("kind = \"school-board\"", ""),
        grant(
            "organisation = \"municipality\"",
            ", article = \"Leerplichtwet 1969, artikel 25\""
        ),
    );
    std::fs::write(policies.join(format!("purposes/{PURPOSE}.toml")), text).unwrap();
}

fn question(group_by: &[&str], measures: &[&str]) -> Map<String, Value> {
    body(json!({
        "purpose": PURPOSE, "form": "figures", "epoch": "latest", "groupBy": group_by, "only": {}, "measures": measures,
    }))
}

/// Three primary pupils and one secondary of one board, and two of another.
async fn schools(backend: Backend) -> Option<World> {
    let world = World::prepared(backend, true_counts, |_| ()).await?;
    let mut own: Vec<Value> = (0..3).map(enrolment).collect();
    own.push(enrolment_in(3, SECONDARY_SITE, "VO", "WK003418"));
    world.deliver("vendor-alpha-delivery", "enrolment", &own).await;
    let others = (4..6).map(|number| enrolment_in(number, OTHER_BOARDS_SITE, "VO", "WK003418"));
    let others: Vec<Value> = others.collect();
    world.deliver("vendor-beta-delivery", "enrolment", &others).await;
    Some(world)
}

/// What an answer says of each sector that has anybody.
fn by_sector(answer: &Value, measure: &str) -> Vec<(String, Value)> {
    let rows = answer["data"].as_array().unwrap().iter();
    let told = rows.map(|row| {
        (
            row[SECTOR]["code"].as_str().unwrap().to_owned(),
            row[measure].clone(),
        )
    });
    told.filter(|(_, number)| *number != json!(0)).collect()
}

fn sectors(told: &[(&str, Value)]) -> Vec<(String, Value)> {
    told.iter()
        .map(|(code, number)| ((*code).to_owned(), number.clone()))
        .collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_holder_counts_its_own_rows_and_a_law_those_of_others(#[case] backend: Backend) {
    let Some(world) = schools(backend).await else {
        return;
    };
    let board = world.client("board-41676-dashboard");
    let asked = question(
        &[SECTOR],
        &["pupils", "rows(enrolment)", "share(enrolment.sector)"],
    );
    let own = board.query(asked.clone()).await.unwrap().json().clone();
    assert_eq!(
        by_sector(&own, "pupils"),
        sectors(&[("BO", json!(3)), ("VO", json!(1))])
    );
    assert_eq!(
        by_sector(&own, "share(enrolment.sector)"),
        sectors(&[("BO", json!(75)), ("VO", json!(25))])
    );
    // Nothing is hidden, an empty cell neither, and only who answers is named.
    assert!(!own["data"].to_string().contains("hidden"), "{own}");
    assert_eq!(own["meta"]["figures"]["mechanism"], "exact");
    assert_eq!(own["meta"]["epoch"], START[..10]);
    let sources = own["meta"]["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 1, "{sources:?}");

    let all = world.client("municipality-dashboard");
    let law = all.query(asked).await.unwrap().json().clone();
    assert_eq!(
        by_sector(&law, "pupils"),
        sectors(&[("BO", json!(3)), ("VO", json!(3))])
    );

    // Who holds none counts none, and whom the purpose does not name gets nothing.
    let said = world.last_entries(6).await;
    let cells: Vec<&Said> = said
        .iter()
        .filter(|leaf| {
            leaf.event
                .purpose
                .as_ref()
                .is_some_and(|purpose| purpose.id == PURPOSE)
        })
        .filter_map(|leaf| leaf.event.extra.get(&extra::EPOCH))
        .collect();
    assert_eq!(cells, [&Said::Text(START[..10].to_owned()); 2]);
    let stranger = world
        .client("swv-po-dashboard")
        .query(question(&[SECTOR], &["pupils"]))
        .await;
    assert_eq!(refusal(stranger), "404 no-such-purpose");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn they_are_of_now_and_of_count_dates_and_never_released(#[case] backend: Backend) {
    let Some(world) = schools(backend).await else {
        return;
    };
    let board = world.client("board-41676-dashboard");
    let mut asked = question(&[], &["pupils"]);
    let count = async |asked: &Map<String, Value>| {
        let answer = board.query(asked.clone()).await.unwrap().json().clone();
        (
            answer["data"][0].clone(),
            answer["meta"]["earlier"]["epoch"].clone(),
        )
    };
    assert_eq!(count(&asked).await.0["pupils"], 4);
    // Somebody comes after the count date.
    let mut own: Vec<Value> = (0..4).map(enrolment).collect();
    own.push(enrolment(9));
    own[4]["from"] = "2026-11-01".into();
    world.deliver("vendor-alpha-delivery", "enrolment", &own).await;
    asked.insert("comparedWith".to_owned(), "previous".into());
    let (row, earlier) = count(&asked).await;
    assert_eq!(
        (&row["pupils"], &row["before(pupils)"], &row["change(pupils)"]),
        (&json!(5), &json!(4), &json!(1))
    );
    assert_eq!(earlier, "2026-10-01");
    for (key, none) in [
        ("epoch", "2027-02-01"),
        ("epoch", "2026-11-02"),
        ("comparedWith", "2027-02-01"),
    ] {
        let mut asked = question(&[], &["pupils"]);
        asked.insert(key.to_owned(), none.into());
        assert_eq!(
            refusal(board.query(asked).await),
            "404 no-such-epoch",
            "{key} {none}"
        );
    }
    // The close knows nothing of it.
    let closed = world.close_epoch().await;
    assert!(
        closed.purposes.iter().all(|purpose| purpose.as_str() != PURPOSE),
        "{:?}",
        closed.purposes
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_partnership_counts_its_own_applications(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let mut second = admissibility(1);
    (second["kind"], second["received"]) = ("SO".into(), "2026-09-02".into());
    let rows = [admissibility(1), second, admissibility(2)];
    world.deliver("swv-po-delivery", "admissibility", &rows).await;
    let ask = Ask {
        purpose: "admissibility-flow".to_owned(),
        question: "own-applications".to_owned(),
        ..Ask::default()
    };
    for (client, applications, pupils) in [("swv-po-dashboard", 3, 2), ("swv-vo-dashboard", 0, 0)] {
        let answer = world.client(client).ask(&ask).await.unwrap().json().clone();
        let row = &answer["data"][0];
        assert_eq!(
            (&row["rows(admissibility)"], &row["pupils"]),
            (&json!(applications), &json!(pupils)),
            "{client}"
        );
    }
}
