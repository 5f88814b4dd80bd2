//! A holder withdraws: at once, everywhere, until it approves anew.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};

use super::replicas::within;
use super::{atlas, line, told};
use crate::support::database::Backend;
use crate::support::world::ask::{Response, figures, refusal, send};
use crate::support::world::files::copy;
use crate::support::world::pupils::{city, enrolment};
use crate::support::world::{World, problem};

pub(super) async fn withdraw(world: &World, client: &str, body: Value) -> Response {
    let client = world.client(client);
    let request = client.http().post(client.url("/v1/withdrawals"));
    send(&client, request.body(body.to_string())).await
}

async fn counted(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let (_, residents) = city();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    let enrolments: Vec<_> = (0..12).map(enrolment).collect();
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    world.close_epoch().await;
    Some(world)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn it_holds_everywhere_within_a_second_and_until_a_new_approval(#[case] backend: Backend) {
    let Some(mut world) = counted(backend).await else {
        return;
    };
    let other = world.replica(None).await;
    let (here, there) = (
        world.client("swv-po-dashboard"),
        world.client_at("swv-po-dashboard", &other.base),
    );
    let asked = || figures(&[], json!({}));
    here.query(asked()).await.unwrap();
    there.query(asked()).await.unwrap();
    let old_files = tempfile::tempdir().unwrap();
    copy(world.policies(), old_files.path());

    let answer = withdraw(
        &world,
        "municipality-delivery",
        json!({ "purpose": "youth-atlas" }),
    )
    .await;
    let held = Instant::now();
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.json()["purpose"], "youth-atlas");
    let generation = answer.json()["generation"].as_i64().unwrap();
    // The token was issued before.
    let asleep = problem(here.query(asked()).await);
    assert_eq!(
        asleep.document["clause"],
        "youth-atlas/approval/municipality.fg/withdrawn"
    );
    within(Duration::from_secs(1), || {
        other.gateway.policies().current().generation == generation
    })
    .await;
    assert!(held.elapsed() < Duration::from_secs(1), "{:?}", held.elapsed());
    assert_eq!(refusal(there.query(asked()).await), "403 purpose-asleep");
    other.stop().await;

    // What it approved before does not come back with a restart or with the files.
    copy(old_files.path(), world.policies());
    world.restart().await;
    assert_eq!(refusal(atlas(&world).await), "403 purpose-asleep");
    assert!(told(&world).await.ends_with("municipality.fg/withdrawn"));

    world.advance(1);
    world.approve();
    world.gateway.reload_policies().await.unwrap();
    atlas(&world).await.unwrap();
    assert!(world.report().await.is_intact());
}

#[tokio::test]
async fn a_request_decided_before_it_is_refused_when_it_is_recorded() {
    let world = counted(Backend::Sqlite).await.unwrap();
    let other = world.replica(None).await;
    let there = world.client_at("swv-po-dashboard", &other.base);
    there.token().await.unwrap();
    withdraw(&world, "municipality-delivery", json!({ "all": true })).await;
    // At once, whether or not the other replica has heard of it by now.
    let code = refusal(there.query(figures(&[], json!({}))).await);
    assert!(
        ["503 policy-changed", "403 purpose-asleep"].contains(&code.as_str()),
        "{code}"
    );
    other.stop().await;
}

#[tokio::test]
async fn only_ones_own_part_and_only_with_the_role_and_all_of_it_logged() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let mut outcomes = Vec::new();
    let before = world.report().await.size;
    for (client, body) in [
        ("municipality-dashboard", json!({ "purpose": "youth-atlas" })),
        ("municipality-delivery", json!({ "purpose": "delivery-caseload" })),
        ("municipality-delivery", json!({ "purpose": "no-such-thing" })),
        (
            "municipality-delivery",
            json!({ "purpose": "youth-atlas", "grant": 7 }),
        ),
        (
            "municipality-delivery",
            json!({ "purpose": "youth-atlas", "al": true }),
        ),
        (
            "municipality-delivery",
            json!({ "purpose": "youth-atlas", "grant": 0 }),
        ),
        ("swv-po-delivery", json!({ "all": true })),
    ] {
        let answer = withdraw(&world, client, body).await;
        outcomes.push(if answer.status == 201 {
            answer.status.to_string()
        } else {
            answer.refusal()
        });
    }
    insta::assert_snapshot!(outcomes.join("\n"), @"
403 application/problem+json role-missing
404 application/problem+json no-such-purpose
404 application/problem+json no-such-purpose
400 application/problem+json invalid-input
400 application/problem+json invalid-input
201
201
");
    let entries = world.last_entries(world.report().await.size - before).await;
    let lines: Vec<String> = entries.iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
withdrawal role-missing -
withdrawal no-such-purpose -
withdrawal no-such-purpose -
withdrawal invalid-input -
withdrawal invalid-input -
withdrawal withdrawn youth-atlas/grant/0
withdrawal withdrawn -
");
    let asleep = problem(atlas(&world).await);
    assert_eq!(
        asleep.document["clause"],
        "youth-atlas/approval/swv-po.fg/withdrawn"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_thousand_equal_withdrawals_are_one_change_and_others_are_answered(#[case] backend: Backend) {
    let Some(world) = counted(backend).await else {
        return;
    };
    let asking = world.client("swv-po-dashboard");
    asking.query(figures(&[], json!({}))).await.unwrap();
    let generation = || world.gateway.policies().current().generation;
    let before = generation();
    let client = world.client("swv-vo-delivery");
    let body = json!({ "purpose": "delivery-caseload" }).to_string();
    let again = || {
        client
            .http()
            .post(client.url("/v1/withdrawals"))
            .body(body.clone())
    };
    let mut statuses = std::collections::BTreeMap::new();
    let mut size = 0;
    for count in 0..1_000 {
        let status = send(&client, again()).await.status;
        *statuses.entry(status).or_insert(0) += 1;
        let policies = format!("{:?}", world.gateway.policies().current().policies.purposes).len();
        if count == 0 {
            size = policies;
        } else if count % 100 == 0 {
            assert_eq!(policies, size);
            asking.query(figures(&[], json!({}))).await.unwrap();
        }
    }
    assert_eq!(generation(), before + 1);
    assert!(statuses[&201] >= 30, "{statuses:?}");
    // The rest are refused by the rate, of which a slow machine gives back more meanwhile.
    let refused = statuses.get(&429).copied().unwrap_or_default();
    assert_eq!(statuses[&201] + refused, 1_000, "{statuses:?}");
}

#[tokio::test]
async fn who_has_no_part_in_anything_withdraws_nothing() {
    let world = World::prepared(
        Backend::Sqlite,
        |policies| {
            let file = policies.join("organisations.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            let roles = "roles = [\"school\", \"inbox\"]";
            let changed = text.replacen(roles, "roles = [\"school\", \"policy\"]", 1);
            assert_ne!(changed, text);
            std::fs::write(file, changed).unwrap();
        },
        |_| (),
    )
    .await
    .unwrap();
    let before = world.gateway.policies().current().generation;
    let answer = withdraw(&world, "vendor-alpha-school", json!({ "all": true })).await;
    assert_eq!(answer.refusal(), "404 application/problem+json no-such-purpose");
    assert_eq!(world.gateway.policies().current().generation, before);
}
