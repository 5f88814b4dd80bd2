//! Withdrawals that an approver signed: nobody's certificate, token or program is needed.

use doelpoort_core::policy::Withdrawal;
use jiff::Timestamp;
use rstest::rstest;
use serde_json::json;

use super::{atlas, told};
use crate::support::database::Backend;
use crate::support::world::ask::refusal;
use crate::support::world::files::{DEPLOYMENT, approver, copy};
use crate::support::world::{START, World};

const MUNICIPALITY: &str = "00000099000000000034";

fn of_atlas() -> Withdrawal {
    Withdrawal {
        organisation: Some(MUNICIPALITY.parse().unwrap()),
        purpose: Some("youth-atlas".parse().unwrap()),
        grant: None,
        manifest: None,
        at: START.parse::<Timestamp>().unwrap(),
    }
}

fn signed(withdrawal: &Withdrawal, signer: &str) -> String {
    let key = approver(signer, "holder");
    let kid = approver("municipality", "holder").kid();
    withdrawal.sign(DEPLOYMENT, &kid, key.signing_key()).unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_approvers_signature_is_enough_and_brought_again_changes_nothing(#[case] backend: Backend) {
    let Some(mut world) = World::new(backend).await else {
        return;
    };
    assert_eq!(refusal(atlas(&world).await), "404 no-such-epoch");
    let forged = world.bring(&signed(&of_atlas(), "swv-po")).await.unwrap_err();
    assert!(
        forged.to_string().contains("the signature does not match"),
        "{forged}"
    );
    let size = world.report().await.size;

    let text = signed(&of_atlas(), "municipality");
    let answer = world.bring(&text).await.unwrap();
    assert_eq!(
        (&answer["organisation"], &answer["purpose"]),
        (&json!(MUNICIPALITY), &json!("youth-atlas"))
    );
    assert!(answer["receipt"].is_object());
    assert_eq!(told(&world).await, "withdrawal withdrawn -");
    assert_eq!(
        world.report().await.size,
        size + 1,
        "what nobody signed is not logged"
    );
    assert_eq!(refusal(atlas(&world).await), "403 purpose-asleep");

    // A replay voids nothing that was approved since.
    world.advance(1);
    world.approve();
    world.gateway.reload_policies().await.unwrap();
    let size = world.report().await.size;
    let again = world.bring(&text).await.unwrap();
    assert!(again["receipt"].is_null(), "{again}");
    assert_eq!(world.report().await.size, size);
    assert_eq!(refusal(atlas(&world).await), "404 no-such-epoch");
    world.restart().await;
    assert_eq!(refusal(atlas(&world).await), "404 no-such-epoch");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_grant_of_another_manifest_takes_the_whole_approval(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let now = START.parse().unwrap();
    let digest = |world: &World| {
        let policies = doelpoort::policies::load(world.policies(), DEPLOYMENT, now).unwrap();
        policies.purposes[&"youth-atlas".parse().unwrap()].manifest_digest
    };
    let first = digest(&world);
    // The next version lies ready, approved before the withdrawal of a grant of the first.
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(world.policies(), old.path());
    world.edit("purposes/youth-atlas.toml", "version = 1", "version = 2");
    world.approve();
    copy(world.policies(), new.path());
    copy(old.path(), world.policies());
    let withdrawal = Withdrawal {
        grant: Some(0),
        manifest: Some(first),
        ..of_atlas()
    };
    world.bring(&signed(&withdrawal, "municipality")).await.unwrap();
    let standing =
        || world.gateway.policies().current().policies.purposes[&"youth-atlas".parse().unwrap()].clone();
    assert!(standing().is_approved(now), "the other grants stand");
    assert!(standing().withdrawn(0).next().is_some());

    copy(new.path(), world.policies());
    world.gateway.reload_policies().await.unwrap();
    assert_ne!(standing().manifest_digest, first);
    assert!(!standing().is_approved(now), "grant 0 may be anything now");
}
