//! Shards that an operator closes and opens, and a log that was restored from an older backup.

use doelpoort::audit::write_bundle;
use doelpoort::log::{Evidence, Known, Offline, OfflineError, verify_with};
use doelpoort_core::policy::history::LOG_RESTORED;

use super::*;
use crate::support::dump::{dump, play_back};

async fn offline(world: &World) -> Offline {
    let log = Offline::open(world.store.clone(), signer(), fg().1.clone(), world.clock());
    log.await.unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_operator_closes_a_shard_and_opens_the_next(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    log.append(entry()).await.unwrap();
    let operator = offline(&world).await;
    let open = operator.open_next().await;
    assert!(matches!(open, Err(OfflineError::StillOpen(origin)) if origin.ends_with("2026")));
    let (origin, size) = operator.close().await.unwrap();
    assert_eq!((origin.as_str(), size), ("example.nl/audit/2026", 4));
    assert!(matches!(
        operator.close().await,
        Err(OfflineError::AlreadyClosed(_))
    ));
    // Nothing is logged, so nothing is answered; and no gateway starts.
    assert!(matches!(log.append(entry()).await, Err(LogError::Unavailable)));
    assert!(matches!(world.try_log().await, Err(LogError::Closed)));
    assert!(world.report().await.is_intact());

    let opened = operator.open_next().await.unwrap();
    assert_eq!(opened.key.name(), "example.nl/audit/2026-2");
    // The gateway that runs goes on by itself.
    let receipt = log.append(entry()).await.unwrap();
    assert_eq!(receipt.origin, "example.nl/audit/2026-2");
    log.close().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_restored_log_goes_on_in_a_new_shard_that_tells_what_is_lost(#[case] backend: Backend) {
    let Some((world, kept_before)) = twelve(backend).await else {
        return;
    };
    dump(&world.store).await;
    let log = world.log().await;
    for _ in 0..4 {
        log.append(entry()).await.unwrap();
    }
    log.close().await;
    let kept = log.checkpoint().await.unwrap().unwrap();
    let key = signer().verifier().clone();
    let known = Known::of_checkpoint(&kept, &key).unwrap();

    // Nothing is lost yet, and what was kept of before does not show that anything is.
    let operator = offline(&world).await;
    let needless = operator.restore(&known).await;
    assert!(matches!(needless, Err(OfflineError::NotNeeded { .. })));
    play_back(&world.store).await;
    let older = Known::of_checkpoint(&kept_before, &key).unwrap();
    let needless = operator.restore(&older).await;
    assert!(matches!(needless, Err(OfflineError::NotNeeded { size: 12, .. })));
    let foreign = Signer::from_seed("example.nl/audit/2026", &[9; 32]).unwrap();
    assert!(Known::of_checkpoint(&kept, foreign.verifier()).is_err());

    let opened = operator.restore(&known).await.unwrap();
    assert_eq!(
        (opened.key.name(), opened.entries),
        ("example.nl/audit/2026-2", 12)
    );
    let again = operator.restore(&known).await;
    assert!(
        matches!(again, Ok(_) | Err(OfflineError::NotNeeded { .. })),
        "{again:?}"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_restored_verifies_and_says_so(#[case] backend: Backend) {
    let Some((world, _)) = twelve(backend).await else {
        return;
    };
    dump(&world.store).await;
    let log = world.log().await;
    for _ in 0..4 {
        log.append(entry()).await.unwrap();
    }
    log.close().await;
    let kept = log.checkpoint().await.unwrap().unwrap();
    play_back(&world.store).await;
    let key = signer().verifier().clone();
    let known = Known::of_checkpoint(&kept, &key).unwrap();
    offline(&world).await.restore(&known).await.unwrap();

    let log = world.log().await;
    let (generation, digest) = log.policy().await.unwrap();
    assert_eq!((generation, digest), (2, Some([7; 32])));
    let history = log.history().await.unwrap().history;
    let [taken_back] = history.withdrawals.as_slice() else {
        panic!("{history:?}");
    };
    assert_eq!((&taken_back.organisation, &taken_back.purpose), (&None, &None));
    log.append(entry()).await.unwrap();
    log.close().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert!(
        report.lost[0].contains("with 12 entries, when 17 had been signed"),
        "{report}"
    );
    let stored = rows::entries(&world.store, 2, 0, 10).await.unwrap();
    let incident = Leaf::decode(&stored[1].leaf).unwrap().event;
    assert_eq!(incident.kind, Kind::Incident);
    assert_eq!(
        incident.extra.get(&extra::OUTCOME),
        Some(&Value::Text(LOG_RESTORED.to_owned()))
    );
    // Who kept the checkpoint still sees that its entries are gone.
    let against = verify(&world.store, &key, Some(&kept)).await.unwrap();
    assert!(!against.is_intact(), "{against}");
    // A bundle tells the same, with the end that no checkpoint covers.
    let mut bytes = Vec::new();
    write_bundle(&world.store, &mut bytes, None, None).await.unwrap();
    let taken = doelpoort_verify::verify(&*bytes, &key, None).unwrap();
    assert!(taken.is_intact() && taken.lost == report.lost, "{taken}");
    // Alone, nothing vouches for that end.
    let mut bytes = Vec::new();
    write_bundle(&world.store, &mut bytes, None, Some("2026"))
        .await
        .unwrap();
    let taken = doelpoort_verify::verify(&*bytes, &key, None).unwrap();
    assert!(!taken.is_intact(), "{taken}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_entry_that_was_dropped_before_it_was_published_is_exposed_by_its_receipt(
    #[case] backend: Backend,
) {
    let Some((world, _)) = twelve(backend).await else {
        return;
    };
    let key = signer().verifier().clone();
    let log = world.log().await;
    dump(&world.store).await;
    let receipt = log.append(entry()).await.unwrap();
    log.close().await;
    // Whoever runs it makes the entry undone, as if it had never been signed, and goes on.
    play_back(&world.store).await;
    let log = world.log().await;
    let other = log.append(entry()).await.unwrap();
    log.close().await;

    let report = world.report().await;
    assert!(report.is_intact(), "the log alone does not show it: {report}");
    let proven = |receipt: &receipt::Receipt| {
        receipt::verify(&serde_json::to_string(receipt).unwrap(), &key, None).unwrap()
    };
    let with = async |receipt: &receipt::Receipt| {
        let given = Evidence {
            against: Ok(None),
            receipts: vec![proven(receipt)],
            approvers: None,
        };
        verify_with(&world.store, &key, given).await.unwrap()
    };
    assert!(with(&other).await.is_intact());
    let report = with(&receipt).await;
    assert_eq!(report.first_bad(), Some(receipt.index), "{report}");
    assert!(report.to_string().contains("dropped or changed"), "{report}");
    let mut bytes = Vec::new();
    write_bundle(&world.store, &mut bytes, None, None).await.unwrap();
    let taken = doelpoort_verify::verify_with(&*bytes, &key, None, &[proven(&receipt)]).unwrap();
    assert_eq!(taken.first_bad(), Some(receipt.index), "{taken}");
    // And where the log ends before it.
    let mut late = proven(&receipt);
    late.index = 99;
    let ends = doelpoort_verify::verify_with(&*bytes, &key, None, &[late]).unwrap();
    assert!(
        ends.to_string().contains("index 99: the log signed a receipt"),
        "{ends}"
    );
}
