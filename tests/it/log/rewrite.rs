//! The log as a whole is written anew, or an older one put back: nothing in the database can tell, a checkpoint that was
//! kept elsewhere can.

use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::leaf::leaf_hash;
use doelpoort_core::audit::merkle::Frontier;

use super::*;
use crate::support::dump::{dump, play_back};

/// The whole log, written anew by somebody with every right on the database and the log's key: one refusal less.
async fn rewrite(world: &World) {
    let stored = rows::entries(&world.store, SHARD, 0, 1_000).await.unwrap();
    let mut tree = Frontier::empty();
    let mut tx = world.store.begin_write().await.unwrap();
    for entry in stored {
        let mut leaf = Leaf::decode(&entry.leaf).unwrap();
        if entry.index == 5 {
            leaf.event.decision = Some("no-such-purpose".to_owned());
        }
        let (index, leaf) = (i64::try_from(entry.index).unwrap(), leaf.encode().unwrap());
        let hash = leaf_hash(&leaf);
        tree.push(hash);
        let values = vec![index.into(), hash.as_slice().into(), leaf.as_slice().into()];
        let update = "UPDATE log_entry SET leaf_hash = $2, leaf = $3 WHERE idx = $1";
        assert_eq!(tx.execute(update, values).await.unwrap(), 1);
    }
    let head = vec![tree.root().as_slice().into(), tree.to_bytes().as_slice().into()];
    tx.execute("UPDATE log_head SET root = $1, frontier = $2", head)
        .await
        .unwrap();
    tx.execute("DELETE FROM log_checkpoint WHERE size < 12", vec![])
        .await
        .unwrap();
    let (size, root) = (tree.size(), tree.root());
    let origin = signer().verifier().name().to_owned();
    let note = Checkpoint { origin, size, root }.sign(&signer()).unwrap();
    let checkpoint = vec![root.as_slice().into(), note.as_str().into()];
    let update = "UPDATE log_checkpoint SET root = $1, note = $2";
    assert_eq!(tx.execute(update, checkpoint).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_consistent_rewrite_with_the_stolen_key_is_caught_by_a_kept_checkpoint(#[case] backend: Backend) {
    let Some((world, kept)) = twelve(backend).await else {
        return;
    };
    let against = |note: String| {
        let (store, signer) = (world.store.clone(), signer());
        async move { verify(&store, signer.verifier(), Some(&note)).await.unwrap() }
    };
    let report = against(kept.clone()).await;
    assert!(report.is_intact(), "{report}");

    rewrite(&world).await;

    // The log alone says nothing, and a gateway starts on it.
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    world.log().await.close().await;
    let report = against(kept).await;
    assert!(!report.is_intact());
    assert!(report.first_bad().is_some_and(|index| index <= 5), "{report}");
    assert!(report.to_string().contains("the given checkpoint"), "{report}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_dump_that_is_played_back_is_caught_by_a_kept_checkpoint(#[case] backend: Backend) {
    let Some((world, _)) = twelve(backend).await else {
        return;
    };
    dump(&world.store).await;
    let log = world.log().await;
    log.append(entry()).await.unwrap();
    log.close().await;
    let kept = log.checkpoint().await.unwrap().unwrap();
    play_back(&world.store).await;
    let report = world.report().await;
    assert!(report.is_intact(), "an older log is a log: {report}");
    let report = verify(&world.store, signer().verifier(), Some(&kept))
        .await
        .unwrap();
    assert_eq!(report.first_bad(), Some(12), "{report}");
}
