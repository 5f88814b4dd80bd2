//! A log in memory, and everything that can be wrong with it.

use super::*;
use crate::audit::leaf::{Event, Leaf};
use crate::audit::merkle::leaf_hash;
use crate::audit::note::Signer;

const ORIGIN: &str = "example.nl/audit/2026";

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[7; 32]).unwrap()
}

/// The leaves of two replicas: each opens its boot id, then they take turns.
fn leaves(count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|index| {
            let kind = if index < 2 {
                Kind::ReplicaStarted
            } else {
                Kind::Incident
            };
            let leaf = Leaf {
                time: i64::try_from(1_000 + index).unwrap(),
                replica: [u8::try_from(index % 2).unwrap(); 16],
                sequence: index / 2,
                event: Event::new(kind, [9; 16]),
            };
            leaf.encode().unwrap()
        })
        .collect()
}

fn checkpoint(leaves: &[Vec<u8>]) -> Checkpoint {
    let mut tree = Frontier::empty();
    for leaf in leaves {
        tree.push(leaf_hash(leaf));
    }
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size: tree.size(),
        root: tree.root(),
    }
}

/// The report on `leaves`, with checkpoints that were signed over `signed` of the sizes.
fn report(leaves: &[Vec<u8>], signed: &[Vec<u8>], sizes: &[usize], from: u64) -> Report {
    let source = Source::Bundle {
        from,
        until: leaves.len() as u64,
    };
    let mut check = Check::new(signer().verifier(), source);
    for size in sizes {
        let checkpoint = checkpoint(&signed[..*size]);
        check.checkpoint(checkpoint.size, &checkpoint.root.clone(), Ok(checkpoint));
    }
    for (index, leaf) in (0..).zip(leaves) {
        let hash = leaf_hash(leaf);
        if index < from {
            check.hash_only(index, hash);
        } else {
            check.entry(&examine(&Given {
                index,
                leaf,
                leaf_hash: &hash,
                place: None,
            }));
        }
    }
    check.finish(None)
}

#[test]
fn a_sound_log_is_intact() {
    let leaves = leaves(20);
    let report = report(&leaves, &leaves, &[7, 20], 0);
    assert!(report.is_intact(), "{report}");
    assert_eq!((report.size, report.checkpoints, report.replicas), (20, 2, 2));
    assert_eq!(report.root, checkpoint(&leaves).root);
}

#[test]
fn a_changed_leaf_lies_between_the_roots_around_it() {
    let sound = leaves(20);
    for changed in 2..20 {
        let mut leaves = sound.clone();
        let mut leaf = Leaf::decode(&leaves[changed]).unwrap();
        leaf.event.entry_id = [1; 16];
        leaves[changed] = leaf.encode().unwrap();
        let report = report(&leaves, &sound, &[7, 20], 0);
        let expected = if changed < 7 { 0 } else { 7 };
        assert_eq!(report.first_bad(), Some(expected), "{report}");
    }
}

#[test]
fn a_missing_or_extra_entry_is_named() {
    let sound = leaves(20);
    let cut = report(&sound[..15], &sound, &[7, 20], 0);
    assert_eq!(cut.first_bad(), Some(15), "{cut}");
    let mut missing = sound.clone();
    missing.remove(10);
    assert_eq!(report(&missing, &sound, &[20], 0).first_bad(), Some(11));
    let unsigned = report(&sound, &sound, &[7], 0);
    assert_eq!(unsigned.first_bad(), Some(7), "{unsigned}");
}

#[test]
fn outside_of_the_range_only_hashes_count() {
    let leaves = leaves(20);
    let report = report(&leaves, &leaves, &[20], 10);
    assert!(report.is_intact(), "{report}");
    let told = report.not_checked().join("\n");
    assert!(told.contains("outside `10..20`"), "{told}");
}

#[test]
fn time_and_places_are_checked() {
    let mut leaves = leaves(6);
    let mut leaf = Leaf::decode(&leaves[4]).unwrap();
    leaf.time = 1;
    leaf.sequence = 9;
    leaves[4] = leaf.encode().unwrap();
    let report = report(&leaves, &leaves, &[6], 0);
    let told: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.what.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "it is older than the entry before it",
            "its replica's sequence number is `9`, not `2`"
        ]
    );
}
