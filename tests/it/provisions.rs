//! A table without persons: delivered, and read whole by those whom a purpose names.

use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::database::Backend;
use crate::support::world::{World, problem};

fn provision(code: &str, site: &str, places: u32) -> Value {
    json!({
        "code": code, "name": format!("Groep {code}"), "kind": "group", "sector": "BO", "site": site,
        "places": places, "taken": 3,
    })
}

fn question(fields: &[&str], limit: u32, cursor: Option<&str>) -> Map<String, Value> {
    let mut page = json!({ "limit": limit });
    if let Some(cursor) = cursor {
        page["cursor"] = cursor.into();
    }
    let body = json!({ "purpose": "provision-overview", "form": "records", "fields": fields, "page": page });
    body.as_object().unwrap().clone()
}

async fn world(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let rows = [
        provision("PO2401-G01", "16KK00", 14),
        provision("PO2401-G02", "16KK00", 12),
        provision("PO2401-G03", "16ML00", 10),
    ];
    world.deliver("swv-po-delivery", "provision", &rows).await;
    Some(world)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_table_is_read_page_by_page(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let dashboard = world.client("municipality-dashboard");
    let fields = ["provision.code", "provision.places"];
    let first = dashboard.query(question(&fields, 2, None)).await.unwrap();
    assert_eq!(first.rows().len(), 2);
    let meta = first.json();
    let cursor = meta["meta"]["nextCursor"].as_str().unwrap();
    let second = dashboard.query(question(&fields, 2, Some(cursor))).await.unwrap();
    let text = format!("{}{}", first.text(), second.text());
    for code in ["PO2401-G01", "PO2401-G02", "PO2401-G03"] {
        assert_eq!(text.matches(code).count(), 1, "{code}");
    }
    assert!(!text.contains("pseudonym"), "{text}");
}

#[tokio::test]
async fn a_place_has_no_pseudonym() {
    let Some(world) = world(Backend::Sqlite).await else {
        return;
    };
    let dashboard = world.client("board-41676-dashboard");
    let asked = dashboard
        .query(question(&["pseudonym", "provision.code"], 2, None))
        .await;
    assert_eq!(problem(asked).code, "field-not-granted");
}
