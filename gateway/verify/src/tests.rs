//! A log in memory, written as a bundle, and everything that can be wrong with the file.

use doelpoort_core::audit::bundle::{FORMAT, Manifest, whole_bundles};
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::leaf::{Event, Kind, Leaf};
use doelpoort_core::audit::merkle::{Frontier, leaf_hash};
use doelpoort_core::audit::note::Signer;
use doelpoort_core::audit::verify::Report;

use super::*;

const ORIGIN: &str = "example.nl/audit/2026";
const SIZE: u64 = 700;

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[7; 32]).unwrap()
}

fn leaf(index: u64) -> Vec<u8> {
    let kind = if index == 0 {
        Kind::ReplicaStarted
    } else {
        Kind::Incident
    };
    let leaf = Leaf {
        time: i64::try_from(index).unwrap(),
        replica: [1; 16],
        sequence: index,
        event: Event::new(kind, [9; 16]),
    };
    leaf.encode().unwrap()
}

/// A checkpoint over the first `size` leaves.
fn note(size: u64) -> String {
    let mut tree = Frontier::empty();
    (0..size).for_each(|index| tree.push(leaf_hash(&leaf(index))));
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: tree.root(),
    };
    checkpoint.sign(&signer()).unwrap()
}

/// A bundle of the leaves `from..until`, changed by `change` before it is written.
fn bundle(from: u64, until: u64, change: impl Fn(u64, &mut Vec<u8>)) -> Vec<u8> {
    let (from, until) = whole_bundles(from, until, SIZE);
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        origin: ORIGIN.to_owned(),
        size: SIZE,
        from,
        until,
        software: "test".to_owned(),
    };
    let key = signer().verifier().to_text();
    let mut writer = Writer::new(Vec::new(), manifest, &key, &note(SIZE), &[note(3), note(300)]).unwrap();
    for index in 0..SIZE {
        let mut leaf = leaf(index);
        let hash = leaf_hash(&leaf);
        change(index, &mut leaf);
        writer.entry(hash, Some(&leaf)).unwrap();
    }
    writer.finish().unwrap()
}

fn check(bundle: &[u8]) -> Result<Report, ReadError> {
    verify(bundle, signer().verifier(), None)
}

#[test]
fn a_sound_bundle_is_intact_and_always_the_same() {
    let bytes = bundle(0, SIZE, |_, _| {});
    let report = check(&bytes).unwrap();
    assert!(report.is_intact(), "{report}");
    assert_eq!((report.size, report.checkpoints), (SIZE, 3));
    assert_eq!(bytes, bundle(0, SIZE, |_, _| {}));
}

#[test]
fn a_range_is_checked_and_the_rest_named_as_not_checked() {
    let report = check(&bundle(300, 301, |_, _| {})).unwrap();
    assert!(report.is_intact(), "{report}");
    let told = report.not_checked().join("\n");
    assert!(told.contains("outside `256..512`"), "{told}");
    let short = bundle(300, 301, |_, _| {}).len();
    assert!(short < bundle(0, SIZE, |_, _| {}).len());
}

#[test]
fn a_changed_leaf_is_named_wherever_it_is() {
    for changed in [0, 1, 255, 256, 511, 699] {
        let bytes = bundle(0, SIZE, |index, leaf| {
            if index == changed {
                *leaf.last_mut().unwrap() ^= 1;
            }
        });
        assert_eq!(check(&bytes).unwrap().first_bad(), Some(changed));
    }
}

#[test]
fn a_kept_checkpoint_of_another_history_is_not_matched() {
    let bytes = bundle(0, SIZE, |_, _| {});
    let kept = verify(&*bytes, signer().verifier(), Some(&note(50))).unwrap();
    assert!(kept.is_intact(), "{kept}");
    let other = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 50,
        root: [1; 32],
    };
    let other = other.sign(&signer()).unwrap();
    let report = verify(&*bytes, signer().verifier(), Some(&other)).unwrap();
    assert_eq!(report.first_bad(), Some(3), "{report}");
}

#[test]
fn another_key_is_found_at_once() {
    let other = Signer::from_seed(ORIGIN, &[8; 32]).unwrap();
    let report = verify(&*bundle(0, SIZE, |_, _| {}), other.verifier(), None).unwrap();
    assert!(!report.is_intact());
    let told = report.to_string();
    assert!(told.contains("are not those of the given key"), "{told}");
}

#[test]
fn no_changed_byte_of_a_file_goes_unseen() {
    let sound = bundle(0, SIZE, |_, _| {});
    // Within the files, and in their headers; what pads them is nobody's.
    let mut seen = 0;
    for at in (0..sound.len()).step_by(997) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x04;
        match check(&bytes) {
            Ok(report) if report.is_intact() => {
                // Only padding, or the words of the manifest that nothing depends on.
                let around = &sound[at.saturating_sub(8)..(at + 8).min(sound.len())];
                let padding = around.contains(&0) || at < 1024;
                assert!(padding, "byte {at}");
            }
            _ => seen += 1,
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn what_breaks_off_is_never_intact() {
    let sound = bundle(0, SIZE, |_, _| {});
    for cut in (0..sound.len() - 1_100).step_by(4_999) {
        let report = check(&sound[..cut]);
        assert!(!report.is_ok_and(|report| report.is_intact()), "{cut}");
    }
}

#[test]
fn a_bundle_that_lacks_entries_is_not_written() {
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        origin: ORIGIN.to_owned(),
        size: 3,
        from: 0,
        until: 3,
        software: String::new(),
    };
    let mut writer = Writer::new(Vec::new(), manifest, "", "", &[]).unwrap();
    writer.entry([0; 32], Some(b"leaf")).unwrap();
    assert!(matches!(writer.entry([0; 32], None), Err(WriteError::Missing(1))));
    assert!(matches!(writer.finish(), Err(WriteError::Missing(1))));
}
