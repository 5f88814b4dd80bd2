//! An approval from a clock that is ahead: the log tells that the purpose acts before it does.

use std::time::Duration;

use doelpoort_core::policy::approval::{self, ApprovalTerms};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use super::replicas::within;
use super::{atlas, line};
use crate::support::database::Backend;
use crate::support::world::ask::refusal;
use crate::support::world::files::{DEPLOYMENT, approver};
use crate::support::world::{START, World};

/// Signs the atlas for the municipality's FG an hour ahead.
fn sign_ahead(config: &mut doelpoort::config::Config) {
    let draft = doelpoort::policies::draft(&config.policies.dir).unwrap();
    let (purpose, manifest) = &draft.purposes[&"youth-atlas".parse().unwrap()];
    let municipality = draft.organisations.by_slug(&"municipality".parse().unwrap());
    let start: Timestamp = START.parse().unwrap();
    let terms = ApprovalTerms {
        deployment: DEPLOYMENT,
        purpose: &purpose.id,
        version: purpose.version,
        role: doelpoort_core::policy::ApprovalRole::Fg,
        organisation: &municipality.unwrap().oin,
        issued_at: start + SignedDuration::from_hours(1),
        expires_at: start + SignedDuration::from_hours(100),
    };
    let key = approver("municipality", "fg");
    let text = approval::sign(&terms, manifest, &key.kid(), key.signing_key()).unwrap();
    let file = "approvals/youth-atlas.municipality.fg.jws";
    std::fs::write(config.policies.dir.join(file), text).unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_purpose_wakes_before_the_log_says_so(#[case] backend: Backend) {
    let Some(world) = World::with(backend, sign_ahead).await else {
        return;
    };
    let asleep = world.gateway.policies().current();
    assert_eq!(refusal(atlas(&world).await), "403 purpose-asleep");
    world.advance(2);
    let standing = &asleep.policies.purposes[&"youth-atlas".parse().unwrap()];
    let now: Timestamp = START.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(2);
    assert!(!standing.is_approved(now), "time alone wakes nothing");
    within(Duration::from_secs(30), || {
        world.gateway.policies().current().generation > asleep.generation
    })
    .await;
    let entries = world.last_entries(2).await;
    let lines: Vec<String> = entries.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "policy-changed purpose-acts -",
            "policy-changed policy-activated -"
        ]
    );
    assert_eq!(refusal(atlas(&world).await), "404 no-such-epoch");
}
