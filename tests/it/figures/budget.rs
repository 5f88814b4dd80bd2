//! A recipient asks about so many cells of an epoch as the purpose says, at all replicas together.

use rstest::rstest;
use serde_json::json;

use super::DISTRICT;
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{figures, refusal};

fn two_cells(policies: &std::path::Path) {
    let file = policies.join("purposes/youth-atlas.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("cells = 5000"));
    std::fs::write(file, text.replace("cells = 5000", "cells = 2")).unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_asked_is_answered_again_and_more_than_the_budget_is_not(#[case] backend: Backend) {
    let Some(mut world) = World::prepared(backend, two_cells, |_| ()).await else {
        return;
    };
    world.deliver_city().await;
    world.close_epoch().await;
    let replica = world.replica(None).await;
    let (here, there) = (
        world.client("swv-po-dashboard"),
        world.client_at("swv-po-dashboard", &replica.base),
    );
    let all = || figures(&[], json!({}));
    let of = |district: &str| figures(&[], json!({ DISTRICT: district }));

    here.query(all()).await.unwrap();
    there.query(of("ALM-HAVEN")).await.unwrap();
    for client in [&here, &there] {
        assert_eq!(refusal(client.query(of("ALM-STAD")).await), "429 cells-spent");
        // More than all of it, at once.
        assert_eq!(
            refusal(client.query(figures(&[DISTRICT], json!({}))).await),
            "429 cells-spent"
        );
        // Nothing new.
        client.query(all()).await.unwrap();
        client.query(of("ALM-HAVEN")).await.unwrap();
    }
    let refused = world.last_entries(6).await;
    let codes: Vec<_> = refused
        .iter()
        .filter_map(|leaf| leaf.event.decision.as_deref())
        .collect();
    assert_eq!(
        codes.iter().filter(|code| **code == "cells-spent").count(),
        2,
        "{codes:?}"
    );
    // Somebody else has a budget of its own.
    let other = world.client("municipality-dashboard");
    other.query(of("ALM-STAD")).await.unwrap();
    replica.stop().await;
    world.restart().await;
    let again = world.client("swv-po-dashboard");
    assert_eq!(refusal(again.query(of("ALM-STAD")).await), "429 cells-spent");
}

/// A question that is asked of two replicas at the same moment counts once, and two different ones do not both get the
/// last cell.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_last_cell_is_given_once(#[case] backend: Backend) {
    let Some(world) = World::prepared(backend, two_cells, |_| ()).await else {
        return;
    };
    world.deliver_city().await;
    world.close_epoch().await;
    let replica = world.replica(None).await;
    let (here, there) = (
        world.client("swv-po-dashboard"),
        world.client_at("swv-po-dashboard", &replica.base),
    );
    let all = || figures(&[], json!({}));
    let (one, two) = tokio::join!(here.query(all()), there.query(all()));
    assert!(one.is_ok() && two.is_ok());
    let of = |district: &str| figures(&[], json!({ DISTRICT: district }));
    let (one, two) = tokio::join!(here.query(of("ALM-HAVEN")), there.query(of("ALM-STAD")));
    assert!(one.is_ok() != two.is_ok(), "one of the two");
    replica.stop().await;
}
