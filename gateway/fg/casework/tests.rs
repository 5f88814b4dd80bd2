use jiff::civil::date;

use super::request::{PupilRequest, Right};
use super::*;

fn keys() -> (FgPrivateKeys, Month) {
    let organisation = "00000099000000072001".parse().unwrap();
    let month = "2026-11".parse().unwrap();
    (FgPrivateKeys::generate(organisation, month, 2).unwrap().0, month)
}

fn request(number: &str) -> PupilRequest {
    let day = date(2026, 11, 23);
    PupilRequest::new(number, Right::Access, day, day).unwrap()
}

fn opened(folder: &tempfile::TempDir) -> Casework {
    Casework::open(&folder.path().join("cases"), "log").unwrap()
}

fn file(folder: &tempfile::TempDir, id: &CaseId) -> PathBuf {
    folder.path().join("cases").join(name_of::<PupilRequest>(id))
}

#[test]
fn what_is_kept_is_read_again_and_nothing_of_it_is_in_clear() {
    let (folder, (keys, month)) = (tempfile::tempdir().unwrap(), keys());
    let casework = opened(&folder);
    let kept = casework.add((&keys, month), request("geheim-17")).unwrap();
    assert_eq!(casework.read(&keys, &kept.id).unwrap(), kept);
    let text = std::fs::read_to_string(file(&folder, &kept.id)).unwrap();
    assert!(text.starts_with(FORMAT) && !text.contains("geheim"));
    let changed = casework.change((&keys, month.next()), (&kept.id, 1), |case: &mut PupilRequest| {
        "geheim-18".clone_into(&mut case.number);
        Ok::<(), CaseworkError>(())
    });
    assert_eq!(changed.unwrap().revision, 2);
    let listed = casework.list::<PupilRequest>(&keys).unwrap();
    assert_eq!((listed.kept.len(), listed.unreadable.len()), (1, 0));
    assert_eq!(listed.kept[0].case.number, "geheim-18");
    let again = casework.change((&keys, month), (&kept.id, 1), |_: &mut PupilRequest| {
        Ok::<(), CaseworkError>(())
    });
    assert!(matches!(again, Err(CaseworkError::Changed)));
}

#[test]
fn half_written_changed_and_swapped_files_are_named_and_hide_nothing() {
    let (folder, (keys, month)) = (tempfile::tempdir().unwrap(), keys());
    let casework = opened(&folder);
    let whole = casework.add((&keys, month), request("1")).unwrap();
    let broken = casework.add((&keys, month), request("2")).unwrap();
    let text = std::fs::read_to_string(file(&folder, &broken.id)).unwrap();
    let other = std::fs::read_to_string(file(&folder, &whole.id)).unwrap();
    let cut = text.len() / 2;
    for wrong in [
        "",
        &text[..cut],
        text.trim_end(),
        &text.replace("2026-11", "2026-12"),
        &other,
    ] {
        std::fs::write(file(&folder, &broken.id), wrong).unwrap();
        let listed = casework.list::<PupilRequest>(&keys).unwrap();
        assert_eq!(listed.kept, std::slice::from_ref(&whole));
        let [CaseworkError::NotWhole(name)] = listed.unreadable.as_slice() else {
            panic!("{:?}", listed.unreadable)
        };
        assert_eq!(*name, name_of::<PupilRequest>(&broken.id));
    }
    // What a crash left beside its place is never read.
    std::fs::write(file(&folder, &broken.id), &text).unwrap();
    let beside = folder.path().join("cases/.request-0000000000000000.case.new");
    std::fs::write(beside, &text[..cut]).unwrap();
    assert_eq!(casework.list::<PupilRequest>(&keys).unwrap().kept.len(), 2);
}

#[test]
fn another_fgs_keys_open_nothing_and_a_folder_is_one_consoles() {
    let (folder, (ours, month)) = (tempfile::tempdir().unwrap(), keys());
    let casework = opened(&folder);
    let kept = casework.add((&ours, month), request("1")).unwrap();
    let read = casework.read::<PupilRequest>(&keys().0, &kept.id);
    assert!(matches!(read, Err(CaseworkError::NotWhole(_))));
    let path = folder.path().join("cases");
    assert!(matches!(
        Casework::open(&path, "log"),
        Err(CaseworkError::InUse { .. })
    ));
    drop(casework);
    let missing = CaseId::parse("0123456789abcdef").unwrap();
    let read = opened(&folder).read::<PupilRequest>(&ours, &missing);
    assert!(matches!(read, Err(CaseworkError::Unknown)));
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o750)).unwrap();
    assert!(matches!(
        Casework::open(&path, "log"),
        Err(CaseworkError::ReadableByOthers { .. })
    ));
    for id in ["", "../../etc/passwd", "0123456789ABCDEF", "0123456789abcde"] {
        assert_eq!(CaseId::parse(id), None);
    }
}
