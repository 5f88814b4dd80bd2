//! Cloudflare's `signed_note` and `tlog_tiles` accept our log, and would not accept another.

use doelpoort_tlog::{Files, HEIGHT};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::checkpoint::Checkpoint;
use tlog_tiles::tile::TileHashReader;
use tlog_tiles::tlog::{self, HashReader};

/// The log was asked to have at least so many.
const ENTRIES_MIN: u64 = 70_000;

/// A checkpoint whose note our key signed.
fn opened(note: &str, key: &str) -> Option<Checkpoint> {
    let note = Note::from_bytes(note.as_bytes()).ok()?;
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(key.trim()).ok()?)]);
    note.verify(&known).ok()?;
    Checkpoint::from_bytes(note.text()).ok()
}

/// The lines of a proof: those before the empty line, after the first `skip`.
fn hashes(text: &str, skip: usize) -> Vec<tlog::Hash> {
    let lines = text.split("\n\n").next().unwrap().lines().skip(skip);
    lines.map(|line| tlog::Hash::parse_hash(line).unwrap()).collect()
}

/// The part after the first empty line.
fn note(text: &str) -> &str {
    text.split_once("\n\n").unwrap().1
}

#[test]
fn the_checkpoint_is_signed_and_another_is_not() {
    let files = Files::new(false);
    let (text, key) = (files.text("log/checkpoint"), files.text("log.vkey"));
    let checkpoint = opened(&text, &key).expect("the checkpoint");
    assert!(checkpoint.size() >= ENTRIES_MIN, "{}", checkpoint.size());
    assert!(opened(&text.replacen('7', "8", 1), &key).is_none());
}

#[test]
fn the_tiles_give_the_root_and_every_proof() {
    let files = Files::new(false);
    let checkpoint = opened(&files.text("log/checkpoint"), &files.text("log.vkey")).unwrap();
    let (size, root) = (checkpoint.size(), *checkpoint.hash());
    let reader = TileHashReader::new(size, root, &files);
    assert_eq!(tlog::tree_hash(size, &reader).unwrap().0, root.0);
    let mut proofs = 0;
    for file in std::fs::read_dir(files.folder.join("log/proof")).unwrap() {
        let index: u64 = file.unwrap().file_name().to_str().unwrap().parse().unwrap();
        let ours = files.text(&format!("log/proof/{index}"));
        let theirs = tlog::prove_record(size, index, &reader).unwrap();
        assert_eq!(hashes(&ours, 2), theirs, "proof of {index}");
        let leaf = tlog::record_hash(&files.entry(index, size));
        tlog::check_record(&theirs, size, root, index, leaf).unwrap();
        assert!(tlog::check_record(&theirs, size, root, index, tlog::record_hash(b"other")).is_err());
        proofs += 1;
    }
    assert_eq!(proofs, 60);
    let stored = reader
        .read_hashes(&[tlog::stored_hash_index(0, size / 2)])
        .unwrap();
    assert_eq!(stored[0], tlog::record_hash(&files.entry(size / 2, size)));
    assert!(*files.read.borrow() > 60 && HEIGHT == 8);
}

#[test]
fn the_log_only_grew() {
    let files = Files::new(false);
    let key = files.text("log.vkey");
    let checkpoint = opened(&files.text("log/checkpoint"), &key).unwrap();
    let (size, root) = (checkpoint.size(), *checkpoint.hash());
    let reader = TileHashReader::new(size, root, &files);
    let mut sizes = 0;
    for file in std::fs::read_dir(files.folder.join("log/consistency")).unwrap() {
        let old: u64 = file.unwrap().file_name().to_str().unwrap().parse().unwrap();
        let ours = files.text(&format!("log/consistency/{old}"));
        assert_eq!(opened(note(&ours), &key).unwrap().size(), size);
        let theirs = tlog::prove_tree(size, old, &reader).unwrap();
        assert_eq!(hashes(&ours, 1), theirs, "growth since {old}");
        let before = tlog::tree_hash(old, &reader).unwrap();
        tlog::check_tree(&theirs, size, root, old, before).unwrap();
        assert!(old == size || tlog::check_tree(&theirs, size, root, old, root).is_err());
        sizes += 1;
    }
    assert!(sizes >= 5, "{sizes}");
}

/// The control: one bit in the tiles, and nothing is believed.
#[test]
fn a_damaged_tile_is_refused() {
    let files = Files::new(true);
    let checkpoint = opened(&files.text("log/checkpoint"), &files.text("log.vkey")).unwrap();
    let reader = TileHashReader::new(checkpoint.size(), *checkpoint.hash(), &files);
    assert!(tlog::prove_record(checkpoint.size(), 3, &reader).is_err());
}
