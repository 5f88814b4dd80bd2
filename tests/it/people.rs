//! The gateway's own console: what everybody, a holder and an operator see, how they sign in, and what strangers try.

mod browser;
mod defence;
mod hostile;
mod provider;
mod sign_in;

use std::path::PathBuf;

use doelpoort::client::Mode;
use doelpoort::gateway::offer_link;
use doelpoort::store::log::entries;
use doelpoort_core::audit::leaf::{GRANTED, Kind, Leaf, Value, extra};
use doelpoort_core::party::Oin;
use rstest::rstest;

use crate::support::database::Backend;
use crate::support::world::{World, ask};
use browser::Browser;

/// What browsers call the console.
pub(crate) const HOST: &str = "console.example:8444";
/// A holder with rows in the world.
const BOARD: &str = "00000099000000041676";
/// Another one.
const OTHER_BOARD: &str = "00000099000000021679";

/// A world whose console people reach by one-time links.
async fn world(backend: Backend) -> Option<World> {
    World::with(backend, |config| {
        config.console.url = format!("https://{HOST}");
    })
    .await
}

/// Somebody who came by a one-time link.
async fn signed_in(world: &World, operator: bool, holder: Option<&str>) -> Browser {
    let mut browser = Browser::new(world);
    let code = link(world, operator, holder).await;
    let page = browser.post("/login", &[("code", &code)]).await;
    assert_eq!(page.status, 303, "{}", page.text());
    browser.keep(&page);
    browser
}

async fn link(world: &World, operator: bool, holder: Option<&str>) -> String {
    let holder: Option<Oin> = holder.map(|oin| oin.parse().unwrap());
    let store = world.gateway.store();
    let code = offer_link(store, operator, holder.as_ref(), world.clock_now()).await;
    code.unwrap().to_string()
}

/// The entries of the log from one on.
async fn entries_from(world: &World, from: u64) -> Vec<Leaf> {
    let found = entries(world.gateway.store(), doelpoort::log::SHARD, from, 1_000).await;
    let found = found.unwrap();
    found
        .iter()
        .map(|entry| Leaf::decode(&entry.leaf).unwrap())
        .collect()
}

/// What people did at the console from an entry on, as the log has it.
async fn looks_from(world: &World, from: u64) -> Vec<String> {
    let commands = entries_from(world, from).await.into_iter().filter_map(|leaf| {
        match leaf.event.extra.get(&extra::COMMAND) {
            Some(Value::Text(text)) if leaf.event.kind == Kind::LogRead => {
                Some(format!("{text} {}", leaf.event.decision.unwrap_or_default()))
            }
            _ => None,
        }
    });
    commands.collect()
}

/// The authority of the example certificates.
fn authority() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("keys-example/clients/swv-po-dashboard/ca.crt")
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn everybody_reads_what_data_are_shared_for_and_no_small_count(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    world.deliver_city().await;
    world.close_epoch().await;
    let client = world.client("municipality-dashboard");
    let question = ask::figures(&["enrolment.sector"], serde_json::json!({}));
    for _ in 0..13 {
        let asked = client.query(question.clone()).await;
        assert!(asked.is_ok(), "{asked:?}");
    }
    let browser = Browser::new(&world);
    // Of the month that runs nothing is counted.
    let page = browser.get("/").await.text();
    assert!(page.contains("Waarvoor delen organisaties gegevens?"));
    assert!(!page.contains("2026-11") && !page.contains("+</td>"), "{page}");
    assert!(page.contains(world.gateway.log().verifier().name()));
    // Thirteen are shown as ten, and whoever looks is not logged: it is for everybody.
    world.advance(24 * 20);
    let before = world.report().await.size;
    let page = browser.get("/?language=en").await.text();
    assert!(
        page.contains("2026-11</th><td class=\"number\">10+</td>"),
        "{page}"
    );
    assert!(
        page.matches("+</td>").count() == 1 && !page.contains("13+"),
        "{page}"
    );
    assert_eq!(world.report().await.size, before);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_holder_sees_who_asked_and_stops_it_at_once(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    world.deliver_city().await;
    world.close_epoch().await;
    let question = ask::figures(&["enrolment.sector"], serde_json::json!({}));
    let client = world.client("municipality-dashboard");
    client.query(question.clone()).await.unwrap();
    let before = world.report().await.size;
    let browser = signed_in(&world, false, Some(BOARD)).await;

    let grants = browser.get("/holder").await.text();
    assert!(
        grants.contains("Wat mag aan ons worden gevraagd?") && grants.contains("✓ werkt"),
        "{grants}"
    );
    let asked = browser.get("/holder/requests").await.text();
    assert!(
        asked.contains("<td class=\"number\">1</td><td class=\"number\">0</td>"),
        "{asked}"
    );
    assert!(
        browser
            .get("/holder/inbox")
            .await
            .text()
            .contains("Het postvak is")
    );

    // It takes another sign-in, and saying that one is sure.
    assert_eq!(
        browser.get("/holder/stop").await.to(),
        "/step-up?next=/holder/stop"
    );
    let purpose = purpose_of(&world, before).await;
    let fields = [("what", purpose.as_str()), ("sure", "yes")];
    assert_eq!(
        browser.post("/holder/stop", &fields).await.to(),
        "/step-up?next=/holder/stop"
    );
    let code = link(&world, false, Some(BOARD)).await;
    let stepped = browser
        .post("/step-up", &[("code", &code), ("next", "/holder/stop")])
        .await;
    assert_eq!((stepped.status, stepped.to()), (303, "/holder/stop"));
    assert_eq!(browser.post("/holder/stop", &fields[..1]).await.status, 400);
    let page = browser.post("/holder/stop", &fields).await;
    assert!(
        page.text()
            .contains("Ingetrokken. Het staat in het logboek als regel"),
        "{}",
        page.text()
    );

    let leaves = entries_from(&world, before).await;
    let withdrawal = leaves
        .iter()
        .find(|leaf| leaf.event.kind == Kind::Withdrawal)
        .unwrap();
    assert_eq!(withdrawal.event.recipient.as_deref(), Some(BOARD));
    assert_eq!(withdrawal.event.decision.as_deref(), Some("withdrawn"));
    let looked = looks_from(&world, before).await;
    let expected = ["sign-in", "grants", "requests", "inbox", "step-up", "withdraw"];
    assert_eq!(looked, expected.map(|look| format!("console/{look} {GRANTED}")));
    // Who it was is sealed to the FG, under the trace of the withdrawal.
    let by = leaves
        .iter()
        .find(|leaf| leaf.event.trace == withdrawal.event.trace && leaf.event.kind == Kind::LogRead);
    assert!(by.unwrap().event.commitments.staff.is_some());
    let refused = ask::refusal(client.query(question.clone()).await);
    assert!(!refused.is_empty(), "{refused}");
}

/// The purpose of the last request before an entry.
async fn purpose_of(world: &World, until: u64) -> String {
    let leaves = entries_from(world, 0).await;
    let asked = leaves
        .iter()
        .take(usize::try_from(until).unwrap())
        .rev()
        .find(|leaf| leaf.event.kind == Kind::AccessDecided);
    asked.unwrap().event.purpose.as_ref().unwrap().id.clone()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_operator_sees_how_the_gateway_is_and_no_true_count(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let rows: Vec<_> = (0..7).map(crate::support::world::pupils::enrolment).collect();
    world
        .try_deliver("vendor-alpha-delivery", "enrolment", Mode::Snapshot, &rows)
        .await
        .unwrap();
    let before = world.report().await.size;
    let browser = signed_in(&world, true, None).await;
    let page = browser.get("/operator").await.text();
    for text in [
        "Gezondheid",
        "Certificaten",
        "Sleutels",
        "index:1",
        "in gebruik",
        "minder dan 10",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("<td>7</td>"), "{page}");
    assert_eq!(
        looks_from(&world, before).await,
        ["console/sign-in granted", "console/operator granted"]
    );
}
