//! What a parent gets: everything that was tagged, nothing of others, and whoever leaves something out is caught.

use std::io::Read as _;
use std::path::Path;

use doelpoort::audit::write_bundle;
use doelpoort::fg::hand_out;
use doelpoort_core::audit::hand_out::{Checked, Listed, MANIFEST, Manifest};
use doelpoort_verify::{HandOutWriter, verify_hand_out};

use super::*;

/// What is in a hand-out.
fn read(file: &Path) -> (Manifest, String, Vec<Listed>) {
    let mut archive = tar::Archive::new(std::fs::File::open(file).unwrap());
    let (mut manifest, mut note, mut listed) = (None, String::new(), Vec::new());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        match name.as_str() {
            MANIFEST => manifest = Some(serde_json::from_slice(&bytes).unwrap()),
            "checkpoint" => note = String::from_utf8(bytes).unwrap(),
            _ => listed.extend(Listed::read_all(&bytes).unwrap()),
        }
    }
    (manifest.unwrap(), note, listed)
}

/// The same hand-out, changed.
fn changed(
    (manifest, note, listed): &(Manifest, String, Vec<Listed>),
    change: impl FnOnce(&mut Manifest, &mut Vec<Listed>),
) -> Vec<u8> {
    let (mut manifest, mut listed) = (manifest.clone(), listed.clone());
    change(&mut manifest, &mut listed);
    let mut writer = HandOutWriter::new(Vec::new(), &manifest, note).unwrap();
    for one in &listed {
        writer.entry(one).unwrap();
    }
    writer.finish().unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_that_was_tagged_is_missing_or_it_is_noticed(#[case] backend: Backend) {
    let Some(mut world) = school(backend).await else {
        return;
    };
    for number in [1, 0, 1] {
        ask_about(&world, number).await;
    }
    world.restart().await;
    ask_about(&world, 1).await;
    let subjects = place(&world, &bsn(1)).await.unwrap();
    published(&world, world.report().await.size - 1).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parent.tar");
    let (entries, keys) = (database(&world), &world.files.fg);
    let withhold = ["log-oversight".to_owned()];
    let wanted = hand_out::Wanted {
        subjects: &subjects,
        withhold: &withhold,
        since: 0,
    };
    let written = hand_out::write(&entries, ORIGIN, keys, wanted, &file)
        .await
        .unwrap();
    // One of those shown tells that two numbers of the pupil became one.
    assert_eq!(written, (4, 1));
    let mut bundle = Vec::new();
    write_bundle(world.gateway.store(), &mut bundle, None, None)
        .await
        .unwrap();
    let log = world.gateway.log().verifier();
    let check = |bytes: &[u8], bundle: Option<&[u8]>| -> Checked {
        let mut bundle = bundle;
        let bundle = bundle.as_mut().map(|bundle| bundle as &mut dyn std::io::Read);
        verify_hand_out(bytes, log, bundle).unwrap()
    };
    let bytes = std::fs::read(&file).unwrap();
    let honest = check(&bytes, Some(&bundle));
    assert!(honest.is_complete() && honest.compared, "{honest}");
    assert_eq!((honest.shown, honest.withheld, honest.unread), (4, 1, 0));
    // No staff, no number, nobody else's tokens.
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("mentor-01") && !text.contains("fg-01") && !text.contains(&bsn(1)));

    let whole = read(&file);
    let first = usize::try_from(whole.0.entries[1].index).unwrap();
    let cheat = |change: &dyn Fn(&mut Manifest, &mut Vec<Listed>)| {
        changed(&whole, |manifest, listed| change(manifest, listed))
    };
    assert!(check(&cheat(&|_, _| ()), None).is_complete(), "the control");
    for (bytes, what) in [
        (
            cheat(&|manifest, _| drop(manifest.entries.remove(1))),
            "is missing",
        ),
        (cheat(&|manifest, _| manifest.withheld.clear()), "is missing"),
        (cheat(&|_, listed| drop(listed.remove(first))), "entries, not"),
        (
            cheat(&|_, listed| listed[first].tags[0] = [0; 16]),
            "tags are not",
        ),
        (cheat(&|_, listed| listed[first].hash = [0; 32]), "signed root"),
        (
            cheat(&|manifest, _| manifest.withheld.push(0)),
            "not about the child",
        ),
        (cheat(&|manifest, _| manifest.entries.swap(0, 1)), "out of order"),
        (
            cheat(&|manifest, _| manifest.chains[0].tokens[0] = doelpoort_core::audit::base64(&[0; 32])),
            "not the child's",
        ),
    ] {
        let checked = check(&bytes, None);
        let told = checked.to_string();
        assert!(!checked.is_complete() && told.contains(what), "{what}: {told}");
    }
    // Who hides an entry and its tags together needs another tag than the leaf's: a bundle shows it.
    for hidden in [
        cheat(&|manifest, listed| {
            manifest.entries.remove(1);
            listed[first].tags[0] = [0; 16];
        }),
        cheat(&|manifest, listed| {
            manifest.entries.remove(1);
            listed[first].chain = None;
        }),
    ] {
        assert!(check(&hidden, None).is_complete(), "alone it cannot be told");
        assert!(!check(&hidden, Some(&bundle)).is_complete());
    }
}
