//! Trends: figures of two epochs beside each other, and the difference of what is shown of both.

use doelpoort::client::Ask;
use doelpoort_core::audit::leaf::{Value as Said, extra};
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::schedule::advance_to;
use super::{DISTRICT, by_district, question};
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{figures, refusal};
use crate::support::world::pupils::city;

const BEFORE: &str = "2026-10-01";
const NOW: &str = "2027-02-01";

/// A city whose epochs of October and February are closed, with thirty children fewer in the second.
async fn two_epochs(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    world.deliver_city().await;
    world.close_epoch().await;
    let (enrolments, residents) = city();
    let gone = |rows: &[Value]| rows[30..].to_vec();
    world
        .deliver("municipality-delivery", "resident", &gone(&residents))
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &gone(&enrolments))
        .await;
    advance_to(&world, "2027-02-02T09:00:00Z");
    world.gateway.tidy().await.unwrap();
    world.gateway.reload_policies().await.unwrap();
    let date = Some(NOW.parse().unwrap());
    world.gateway.close_epoch("children", date).await.unwrap();
    Some(world)
}

fn compared(with: &str) -> Map<String, Value> {
    let mut question = figures(&[DISTRICT], json!({}));
    question.insert("comparedWith".to_owned(), with.into());
    question
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_earlier_epoch_stands_beside_the_one_asked(#[case] backend: Backend) {
    let Some(world) = two_epochs(backend).await else {
        return;
    };
    let dashboard = world.client("swv-po-dashboard");
    let alone = |epoch: &str| Ask {
        epoch: Some(epoch.to_owned()),
        ..question("children-by-district", &[])
    };
    let now = by_district(&dashboard.ask(&alone(NOW)).await.unwrap().json()["data"]);
    let before = by_district(&dashboard.ask(&alone(BEFORE)).await.unwrap().json()["data"]);

    let answer = dashboard
        .query(compared("previous"))
        .await
        .unwrap()
        .json()
        .clone();
    assert_eq!(answer["meta"]["epoch"], NOW);
    assert_eq!(answer["meta"]["earlier"]["epoch"], BEFORE);
    let mut fewer = 0;
    for row in answer["data"].as_array().unwrap() {
        let code = row[DISTRICT]["code"].as_str().unwrap();
        let (then, change) = (row["before(pupils)"].as_i64(), row["change(pupils)"].as_i64());
        assert_eq!(
            (row["pupils"].as_i64(), then),
            (now[code], before[code]),
            "{code}"
        );
        assert_eq!(
            change,
            now[code].zip(then).map(|(now, then)| now - then),
            "{code}"
        );
        assert_eq!(row["hidden"] == "small", change.is_none(), "{code}");
        fewer = fewer.min(change.unwrap_or(0));
    }
    assert!((-43..=-17).contains(&fewer), "{fewer}");

    // The same in every form.
    let dated = dashboard.query(compared(BEFORE)).await.unwrap().json().clone();
    let named = Ask {
        compared_with: Some("previous".to_owned()),
        ..question("children-by-district", &[])
    };
    let named = dashboard.ask(&named).await.unwrap().json().clone();
    assert_eq!(
        (&dated["data"], &named["data"]),
        (&answer["data"], &answer["data"])
    );
    let said = world.last_entries(4).await;
    let said = said
        .iter()
        .rev()
        .find_map(|leaf| leaf.event.extra.get(&extra::EARLIER_EPOCH));
    assert_eq!(said, Some(&Said::Text(BEFORE.to_owned())));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_not_earlier_is_no_epoch_to_compare_with(#[case] backend: Backend) {
    let Some(world) = two_epochs(backend).await else {
        return;
    };
    let dashboard = world.client("swv-po-dashboard");
    for none in [NOW, "2025-10-01", "2027-10-01"] {
        assert_eq!(
            refusal(dashboard.query(compared(none)).await),
            "404 no-such-epoch",
            "{none}"
        );
    }
    let mut first = compared("previous");
    first.insert("epoch".to_owned(), BEFORE.into());
    assert_eq!(refusal(dashboard.query(first).await), "404 no-such-epoch");
    let wrong = dashboard
        .query(compared("october"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        wrong.contains("comparedWith") && wrong.contains("`previous`"),
        "{wrong}"
    );
}
