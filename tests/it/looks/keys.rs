//! New keys of the FG come into force without a restart, and bad ones do not.

use doelpoort::fg::FgPrivateKeys;
use doelpoort_core::party::ApproverRole;
use doelpoort_core::policy::KeyList;
use doelpoort_core::policy::key_list::{Added, Change};

use super::*;
use crate::support::world::files;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn new_keys_of_the_fg_are_read_while_it_runs(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    ask_about(&world, 1).await;
    let (private, signed) = files::fg(world.policies(), world.clock_now());
    let path = world.files.config.audit.fg_keys.clone();
    std::fs::write(&path, "nonsense").unwrap();
    assert!(world.gateway.reload_fg_keys().is_err());
    ask_about(&world, 1).await;
    std::fs::write(&path, signed).unwrap();
    assert!(world.gateway.reload_fg_keys().unwrap());
    assert!(!world.gateway.reload_fg_keys().unwrap(), "they are the same");
    // A private part is sealed under one key for at most a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    ask_about(&world, 1).await;
    let size = world.report().await.size;
    let sealed = database(&world)
        .sealed_of(&[size - 2, size - 1].into())
        .await
        .unwrap();
    let opens = |keys: &FgPrivateKeys, index: u64, leaf: &Leaf| {
        Reader::new(ORIGIN, keys)
            .danger_open_unheld(leaf, &sealed[&index])
            .is_ok()
    };
    let leaves = world.last_entries(2).await;
    for (keys, expected) in [(&world.files.fg, [true, false]), (&private, [false, true])] {
        assert_eq!(
            [
                opens(keys, size - 2, &leaves[0]),
                opens(keys, size - 1, &leaves[1])
            ],
            expected
        );
    }
}

/// Who writes the operator's files has a list of approvers and keys that fit it; the log has the digest of another list.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn keys_by_another_list_than_the_logs_are_refused(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let config = &world.files.config;
    let (deployment, now) = (&config.deployment.name, world.clock_now());
    let organisation = world.files.fg.organisation.clone();
    let thief = files::approver("board-41676", "fg");
    let added = Added {
        organisation: organisation.to_string(),
        roles: vec![ApproverRole::Fg],
        jwk: thief.signing_key().public_key().to_jwk(&thief.kid()),
    };
    let list = Change::after(&KeyList::default(), deployment, Vec::new(), vec![added]);
    std::fs::write(world.policies().join("approvers/0000.json"), list.to_text()).unwrap();
    let (_, public) = FgPrivateKeys::generate(organisation, "2026-10".parse().unwrap(), 13).unwrap();
    let signed = public
        .sign(deployment, now, &thief.kid(), thief.signing_key())
        .unwrap();
    std::fs::write(&config.audit.fg_keys, signed).unwrap();
    let before = world.gateway.log().fg_keys();
    assert!(world.gateway.reload_fg_keys().is_err());
    assert_eq!(world.gateway.log().fg_keys(), before);
}
