//! A static table: published once, audited, and alone with its datasets.

use std::collections::BTreeMap;
use std::path::Path;

use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::body;

const PURPOSE: &str = "city-table";
const DISTRICT: &str = "resident.neighbourhood@district";

fn table(mechanism: &str) -> String {
    format!(
        r#"purpose = "{PURPOSE}"
version = 1
title = {{ nl = "Tabel", en = "Table" }}
contact = "privacy@swv.example"
retention = "P1Y"
valid = {{ from = 2025-08-01, until = 2027-07-31 }}
basis = {{ avg = "6(1)(e)", special = "none" }}
controllers = [{{ organisation = "swv-po", law = "WPO art. 18a lid 6 onder b" }}]
why = {{ nl = "Een vaste tabel.", en = "A static table." }}

[[grant]]
form = "figures"
recipient = [{{ organisation = "swv-po", role = "dashboard" }}]
dataset = "resident"
holders = "all"
population = "children"
group_by = ["{DISTRICT}", "resident.attends"]
measures = ["pupils"]
epochs = "count-dates"
protect = {{ {mechanism} }}
limit = {{ requests = "600/h", cells = 500 }}
"#
    )
}

/// Only deliveries and the table.
fn alone(folder: &Path) {
    let purposes = folder.join("purposes");
    for entry in std::fs::read_dir(&purposes).unwrap() {
        let path = entry.unwrap().path();
        if !path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("delivery-")
        {
            std::fs::remove_file(path).unwrap();
        }
    }
    let text = table(r#"mechanism = "suppress-round", k = 5, base = 5"#);
    std::fs::write(purposes.join(format!("{PURPOSE}.toml")), text).unwrap();
}

fn question(group_by: &[&str]) -> Map<String, Value> {
    body(json!({
        "purpose": PURPOSE, "form": "figures", "epoch": "latest", "groupBy": group_by, "only": {}, "measures": ["pupils"],
    }))
}

/// A city of 227 children, published.
async fn published(backend: Backend) -> Option<World> {
    let world = World::prepared(backend, alone, |_| ()).await?;
    world.deliver_city().await;
    world.close_epoch().await;
    Some(world)
}

async fn by_district(world: &World) -> (BTreeMap<String, Option<i64>>, Value) {
    let answer = world
        .client("swv-po-dashboard")
        .query(question(&[DISTRICT]))
        .await
        .unwrap();
    let rows = answer.data().unwrap().as_array().unwrap().clone();
    let code = |row: &Value| row[DISTRICT]["code"].as_str().unwrap().to_owned();
    let shown = rows
        .iter()
        .map(|row| (code(row), row["pupils"].as_i64()))
        .collect();
    (shown, answer.json()["meta"]["figures"].clone())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn small_cells_are_hidden_and_the_rest_is_rounded(#[case] backend: Backend) {
    let Some(world) = published(backend).await else {
        return;
    };
    let (shown, mechanism) = by_district(&world).await;
    // 60 children live in Almere Haven, 165 in Almere Stad, 2 in Almere Buiten, nobody elsewhere.
    assert_eq!(shown["ALM-BUITEN"], None);
    assert_eq!(shown["ALM-POORT"], None);
    assert_eq!((shown["ALM-HAVEN"], shown["ALM-STAD"]), (Some(60), Some(165)));
    insta::allow_duplicates! {
        insta::assert_snapshot!(mechanism, @r#"{"mechanism":"suppress-round","additive":false,"rounding":5}"#);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_table_is_published_once(#[case] backend: Backend) {
    let Some(world) = published(backend).await else {
        return;
    };
    let (first, _) = by_district(&world).await;
    world.advance(24 * 80);
    let again = world
        .gateway
        .close_epoch("children", Some("2027-02-01".parse().unwrap()))
        .await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(again.unwrap_err(), @"no purpose that acts grants figures or k-anonymous records of `children`; the epoch stays open");
    }
    assert_eq!(by_district(&world).await.0, first);
}

/// What the policies say of a table in a folder that was changed.
fn refusal(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    crate::support::world::files::copy(&shipped, folder.path());
    change(folder.path());
    doelpoort::policies::draft(folder.path()).unwrap_err().to_string()
}

#[test]
fn it_stands_alone_with_its_datasets() {
    let told = refusal(|folder| {
        let text = table(r#"mechanism = "suppress-round", k = 5, base = 5"#);
        std::fs::write(folder.join(format!("purposes/{PURPOSE}.toml")), text).unwrap();
    });
    assert!(
        told.contains("stands beside other figures of the same datasets"),
        "{told}"
    );
}

#[test]
fn what_is_no_table_is_refused_with_its_reason() {
    let cases = [
        (r#"mechanism = "suppress-round", k = 4, base = 5"#, "k"),
        (r#"mechanism = "suppress-round", k = 5"#, "missing key `base`"),
        (
            r#"mechanism = "suppress-round", k = 5, base = 5, round = 5"#,
            "is of another mechanism",
        ),
        (r#"mechanism = "cell-key", k = 5"#, "is of another mechanism"),
        (
            r#"mechanism = "cell-key", article = "Wet x""#,
            "is of another mechanism",
        ),
    ];
    for (mechanism, expected) in cases {
        let told = refusal(|folder| {
            alone(folder);
            std::fs::write(folder.join(format!("purposes/{PURPOSE}.toml")), table(mechanism)).unwrap();
        });
        assert!(told.contains(expected), "{mechanism}: {told}");
    }
}
