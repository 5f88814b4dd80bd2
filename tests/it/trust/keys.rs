//! The approvers' keys: nobody makes itself one, and the list does not go back.

use doelpoort::client::PrivateKey;
use doelpoort_core::party::ApproverRole;
use doelpoort_core::policy::KeyList;
use doelpoort_core::policy::key_list::{Added, Change, KeySigner, Removed};

use super::{atlas, refused, told};
use crate::support::database::Backend;
use crate::support::world::ask::refusal;
use crate::support::world::files::{DEPLOYMENT, approver};
use crate::support::world::{World, problem};

const MUNICIPALITY: &str = "00000099000000000034";

/// The first list.
fn list(world: &World) -> KeyList {
    let files = doelpoort::policies::read(world.policies()).unwrap().approvers;
    KeyList::follow(&files[..1]).unwrap()
}

/// Replaces the municipality's FG key by a new one; signed by that organisation with that key.
fn rotate(world: &World, signer: (&str, &PrivateKey), new: &PrivateKey) {
    let removed = Removed {
        organisation: MUNICIPALITY.to_owned(),
        kid: approver("municipality", "fg").kid(),
    };
    let added = Added {
        organisation: MUNICIPALITY.to_owned(),
        roles: vec![ApproverRole::Fg],
        jwk: new.signing_key().public_key().to_jwk(&new.kid()),
    };
    let mut change = Change::after(&list(world), DEPLOYMENT, vec![removed], vec![added]);
    let (organisation, key) = signer;
    let signer = KeySigner {
        organisation: &organisation.parse().unwrap(),
        kid: &key.kid(),
        key: key.signing_key(),
    };
    change.sign(signer).unwrap();
    std::fs::write(world.policies().join("approvers/0001.json"), change.to_text()).unwrap();
}

#[tokio::test]
async fn a_self_registered_fg_key_is_refused_named_and_logged() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let (own, _) = PrivateKey::generate().unwrap();
    rotate(&world, (MUNICIPALITY, &own), &own);
    let why = refused(&world).await;
    let expected = format!(
        "approvers/0001.json: the signature of `{MUNICIPALITY}` with key `{}` does not count: the list before this \
         change has no such key",
        own.kid()
    );
    assert!(why.ends_with(&expected), "{why}");
    assert!(
        told(&world)
            .await
            .starts_with("policy-changed policy-refused approvers/0001.json: the signature of")
    );

    // Nor does a holder that is not the FG make one.
    rotate(&world, (MUNICIPALITY, &approver("municipality", "holder")), &own);
    let why = refused(&world).await;
    assert!(
        why.contains("the fg keys of `00000099000000000034` change without the signature"),
        "{why}"
    );

    std::fs::remove_file(world.policies().join("approvers/0001.json")).unwrap();
    world.edit(
        "organisations.toml",
        "[[organisation.client]]\nid = \"municipality-dashboard\"",
        "[[organisation.approver]]\nroles = [\"fg\"]\n[[organisation.client]]\nid = \"municipality-dashboard\"",
    );
    let why = refused(&world).await;
    assert!(why.contains("unknown key `approver`"), "{why}");
}

#[tokio::test]
async fn a_removed_key_approves_nothing_and_the_list_does_not_go_back() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let (new, _) = PrivateKey::generate().unwrap();
    rotate(&world, (MUNICIPALITY, &approver("municipality", "fg")), &new);
    assert!(world.gateway.reload_policies().await.unwrap());
    let asleep = problem(atlas(&world).await);
    assert_eq!(
        asleep.document["clause"],
        "youth-atlas/approval/municipality.fg/removed-key"
    );
    let detail = asleep.document["detail"].as_str().unwrap();
    assert!(
        detail.contains("was removed from the approvers' keys by change 1"),
        "{detail}"
    );

    std::fs::remove_file(world.policies().join("approvers/0001.json")).unwrap();
    let why = refused(&world).await;
    assert!(
        why.contains("approvers/: the key list does not go on from the one in the log, `sha256:"),
        "{why}"
    );
    assert!(
        told(&world)
            .await
            .starts_with("policy-changed policy-refused approvers/: the key list")
    );
    assert_eq!(
        refusal(atlas(&world).await),
        "403 purpose-asleep",
        "the removed key is still removed"
    );
}

#[tokio::test]
async fn the_first_list_is_named_in_the_first_entry_about_policies() {
    use doelpoort_core::audit::leaf::{Value, extra};
    let world = World::new(Backend::Sqlite).await.unwrap();
    let size = world.report().await.size;
    let entries = world.last_entries(size).await;
    let first = entries
        .iter()
        .find(|leaf| leaf.event.extra.contains_key(&extra::GENERATION))
        .unwrap();
    let digest = list(&world).first().unwrap().to_vec();
    assert_eq!(first.event.extra[&extra::KEY_LIST], Value::Bytes(digest));
}
