//! Tiles and proofs: what is handed out is the tree, and no more than was signed.

use doelpoort::log::LogError;
use doelpoort::store::log as rows;
use doelpoort_core::audit::Hash;
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::merkle::{Frontier, complete_nodes, leaf_hash, verify_consistency};
use doelpoort_core::audit::tile::Tile;
use rstest::rstest;

use super::*;

/// Enough for two full tiles and a part of one, and a tile above them.
const SIZE: u64 = 600;

fn tile(level: u8, index: u64, width: u16) -> Tile {
    Tile { level, index, width }
}

/// The leaf hashes of an entry bundle.
fn bundled(mut bundle: &[u8]) -> Vec<Hash> {
    let mut hashes = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (leaf, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        hashes.push(leaf_hash(leaf));
        bundle = rest;
    }
    hashes
}

fn hashes(tile: &[u8]) -> Vec<Hash> {
    let (hashes, []) = tile.as_chunks() else {
        panic!("no whole hashes")
    };
    hashes.to_vec()
}

fn checkpoint(note: &str) -> Checkpoint {
    Checkpoint::open(note, signer().verifier()).unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_tiles_are_the_tree_that_was_signed(#[case] backend: Backend) {
    let Some(place) = Place::on(backend).await else {
        return;
    };
    let log = place.filled(SIZE).await;
    let signed = checkpoint(&log.checkpoint().await.unwrap().unwrap());
    assert_eq!(signed.size, SIZE);
    let mut leaves = Vec::new();
    for part in Tile::all(SIZE).filter(|tile| tile.level == 0) {
        let of_entries = bundled(&log.entries(part).await.unwrap().unwrap());
        assert_eq!(hashes(&log.tile(part).await.unwrap().unwrap()), of_entries);
        leaves.extend(of_entries);
    }
    let mut tree = Frontier::empty();
    for leaf in &leaves {
        tree.push(*leaf);
    }
    assert_eq!((tree.size(), tree.root()), (signed.size, signed.root));
    let nodes = complete_nodes(leaves);
    let above = tile(1, 0, 2);
    assert_eq!(hashes(&log.tile(above).await.unwrap().unwrap()), nodes[8]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_entry_and_every_growth_is_proved(#[case] backend: Backend) {
    let Some(place) = Place::on(backend).await else {
        return;
    };
    let before = place.filled(300).await.checkpoint().await.unwrap().unwrap();
    let log = place.log().await;
    let appends = (301..SIZE).map(|_| log.append_within(entry(), SOON));
    futures_util::future::try_join_all(appends).await.unwrap();
    log.close().await;
    let entries = rows::entries(&place.store, doelpoort::log::SHARD, 0, 1_000)
        .await
        .unwrap();
    for index in [0, 1, 255, 256, 299, 511, 512, 598, 599] {
        let proof = log.inclusion(index).await.unwrap().unwrap();
        let leaf = leaf_hash(&entries[usize::try_from(index).unwrap()].leaf);
        assert_eq!(proof.verify(&leaf, signer().verifier()).unwrap().size, SIZE);
        // A control: it does not prove another leaf.
        assert!(proof.verify(&[0; 32], signer().verifier()).is_err());
    }
    let grown = log.consistency(300).await.unwrap().unwrap();
    let (old, new) = (checkpoint(&before), checkpoint(&grown.note));
    assert!(verify_consistency(
        old.size,
        new.size,
        &grown.proof,
        &old.root,
        &new.root
    ));
    assert!(!verify_consistency(
        old.size,
        new.size,
        &grown.proof,
        &[0; 32],
        &new.root
    ));
    assert_eq!(
        log.consistency(0).await.unwrap().unwrap().proof,
        Vec::<Hash>::new()
    );
    assert!(log.consistency(SIZE + 1).await.unwrap().is_none());
    assert!(log.inclusion(SIZE).await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_beyond_the_newest_checkpoint_is_handed_out() {
    let place = Place::sqlite().await;
    let log = place.filled(300).await;
    for (asked, there) in [
        (tile(0, 1, 44), true),
        (tile(0, 1, 7), true),
        (tile(0, 1, 45), false),
        (tile(0, 2, 1), false),
        (tile(1, 0, 1), true),
        (tile(1, 0, 2), false),
        (tile(2, 0, 1), false),
        (tile(63, u64::MAX, 256), false),
    ] {
        assert_eq!(log.tile(asked).await.unwrap().is_some(), there, "{asked:?}");
    }
    let beyond = tile(0, 1, 45);
    assert!(log.entries(beyond).await.unwrap().is_none());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn replicas_publish_one_after_the_other(#[case] backend: Backend) {
    let Some(place) = Place::on(backend).await else {
        return;
    };
    let logs = [place.log().await, place.log().await, place.log().await];
    for round in 0..4 {
        let appends = (0..120).map(|i| logs[(i + round) % 3].append_within(entry(), SOON));
        futures_util::future::try_join_all(appends).await.unwrap();
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    for log in &logs {
        log.close().await;
    }
    // Each checkpoint was signed over what the entries give at its size.
    let report = place.report().await;
    assert!(report.is_intact() && report.checkpoints >= 2, "{report}");
    let checkpoints = rows::checkpoints(&place.store, doelpoort::log::SHARD)
        .await
        .unwrap();
    assert!(checkpoints.is_sorted_by(|one, next| one.size < next.size));
    assert_eq!(checkpoints.last().unwrap().size, report.size);
    assert!(logs.iter().all(|log| !log.is_stopped()));
}

/// Leaves that no checkpoint covers yet; the publisher that starts has them to sign.
const UNPUBLISHED: &str = "DELETE FROM log_checkpoint WHERE size > 2";

#[rstest]
#[case::a_leaf("UPDATE log_entry SET leaf = (SELECT leaf FROM log_entry WHERE idx = 4) WHERE idx = 5")]
#[case::a_bit("UPDATE log_entry SET leaf = CAST(leaf || x'00' AS BLOB) WHERE idx = 7")]
#[tokio::test]
async fn what_the_leaves_do_not_give_is_never_signed(#[case] tampering: &'static str) {
    let place = Place::sqlite().await;
    place.filled(20).await;
    place.tamper(UNPUBLISHED).await;
    place.tamper(tampering).await;
    let log = place.log().await;
    until("the publisher stops the log", async || log.is_stopped()).await;
    let signed = rows::last_checkpoint(&place.store, doelpoort::log::SHARD)
        .await
        .unwrap();
    assert!(signed.is_none_or(|signed| signed.size <= 2));
    assert!(matches!(log.append(entry()).await, Err(LogError::Stopped)));
}

/// The control of the test above: without tampering the same is signed.
#[tokio::test]
async fn what_the_leaves_give_is_signed_again() {
    let place = Place::sqlite().await;
    place.filled(20).await;
    place.tamper(UNPUBLISHED).await;
    let log = place.log().await;
    until("a checkpoint of all entries", async || {
        let note = log.checkpoint().await.unwrap();
        note.is_some_and(|note| checkpoint(&note).size == 21)
    })
    .await;
    log.close().await;
    assert!(place.report().await.is_intact());
}

#[tokio::test]
async fn a_node_that_is_missing_is_made_again_and_one_that_differs_stops_the_log() {
    let place = Place::sqlite().await;
    place.filled(600).await;
    place.tamper("DELETE FROM log_node WHERE idx = 0").await;
    let log = place.log().await;
    let above = tile(1, 0, 2);
    assert_eq!(log.tile(above).await.unwrap().unwrap().len(), 64);
    log.close().await;
    place
        .tamper("UPDATE log_node SET hash = zeroblob(32) WHERE idx = 1")
        .await;
    let opened = place.try_log(Publishing::default()).await;
    assert!(matches!(opened, Err(LogError::Stopped)));
}

#[tokio::test]
async fn a_node_that_changes_while_it_runs_gives_no_proof() {
    let place = Place::sqlite().await;
    place.filled(600).await;
    let log = place.log().await;
    place
        .tamper("UPDATE log_node SET hash = zeroblob(32) WHERE idx = 1")
        .await;
    assert!(matches!(log.inclusion(3).await, Err(LogError::Stopped)));
    assert!(log.is_stopped());
}
