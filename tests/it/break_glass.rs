//! The emergency procedure: a grant that says so marks each of its uses in the log, and each is an alert.

use doelpoort::audit::{Entries, alerts};
use doelpoort_core::audit::alert::{Code, Thresholds};
use doelpoort_core::audit::leaf::{Value, extra};
use rstest::rstest;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{fact, refusal};
use crate::support::world::pupils::{admissibility, bsn, enrolment};

const PURPOSE: &str = "purposes/admissibility-status.toml";
const BOARD: &str = "00000099000000041676";

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn each_use_of_the_emergency_procedure_is_marked_and_told(#[case] backend: Backend) {
    let mark = |policies: &std::path::Path| {
        let file = policies.join(PURPOSE);
        let text = std::fs::read_to_string(&file).unwrap();
        let marked = text.replacen(
            "form = \"facts\"\n",
            "form = \"facts\"\nbreak_glass = \"child-safety\"\n",
            1,
        );
        assert_ne!(marked, text);
        std::fs::write(&file, marked).unwrap();
    };
    let Some(world) = World::prepared(backend, mark, |_| ()).await else {
        return;
    };
    let rows: Vec<_> = (0..3).map(enrolment).collect();
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    let rows: Vec<_> = (0..2).map(admissibility).collect();
    world.deliver("swv-po-delivery", "admissibility", &rows).await;
    world.next_day().await;
    let asked = || fact(BOARD, &[json!({ "ref": "1", "bsn": bsn(0) })]);
    world.client("vendor-alpha-school").facts(asked()).await.unwrap();
    let entry = world.last_entries(1).await.remove(0);
    let code = entry.event.extra.get(&extra::BREAK_GLASS);
    assert_eq!(code, Some(&Value::Text("child-safety".to_owned())));
    // Why must be said: without a case there is no answer.
    let mut silent = asked();
    silent.remove("onBehalfOf");
    assert!(refusal(world.client("vendor-alpha-school").facts(silent).await).starts_with('4'));

    let now = entry.time;
    let entries = Entries::Database(world.gateway.store().clone());
    let told = alerts(&entries, Thresholds::default(), None, now, None)
        .await
        .unwrap();
    let uses = told.iter().filter(|alert| alert.code == Code::BreakGlass).count();
    assert_eq!(uses, 1);
}
