//! Keys that are not as they must be: one line that says so, nobody listens, and all is well once it is mended.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::support::process::Process;
use crate::support::world::pupils;

/// What is wrong, how it comes to be, and what a start says to it.
type Wrong = (&'static str, fn(&Process), &'static str);

const WRONG: [Wrong; 7] = [
    (
        "truncated key file",
        |process| write(process, |text| text[..text.len() / 2].to_owned()),
        "is not a key file",
    ),
    (
        "key file cut off between two keys",
        |process| write(process, |text| text[..text.rfind("[[key]]").unwrap()].to_owned()),
        "there is no active key",
    ),
    (
        "wrong version of a key",
        |process| write(process, |text| text.replacen("version = 1", "version = 2", 1)),
        "does not open with this KEK, or was changed",
    ),
    (
        "wrong version of the format",
        |process| write(process, |text| text.replacen("format = 1", "format = 2", 1)),
        "is not a key file",
    ),
    (
        "key file readable by others",
        |process| mode(process, KEYS, 0o644),
        "can be read by others: mode `0644`, must be `0400`",
    ),
    (
        "KEK readable by others",
        |process| mode(process, "keys/kek", 0o440),
        "can be read by others: mode `0440`, must be `0400`",
    ),
    (
        "KEK half missing",
        |process| {
            let split = "kek = \"keys/kek\"\nkek_other_half = \"keys/kek-b\"";
            process.configure("kek = \"keys/kek\"", split);
        },
        "cannot read",
    ),
];

const KEYS: &str = "keys/keys.toml";

fn mode(process: &Process, file: &str, mode: u32) {
    fs::set_permissions(process.setup().gateway(file), Permissions::from_mode(mode)).unwrap();
}

fn write(process: &Process, change: impl Fn(&str) -> String) {
    let file = process.setup().gateway(KEYS);
    let text = fs::read_to_string(&file).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text);
    fs::remove_file(&file).unwrap();
    fs::write(&file, changed).unwrap();
    mode(process, KEYS, 0o400);
}

/// What is changed, as it was.
struct AsItWas(Vec<(PathBuf, Vec<u8>, Permissions)>);

impl AsItWas {
    fn of(process: &Process) -> Self {
        let files = [
            process.setup().gateway(KEYS),
            process.setup().gateway("keys/kek"),
            process.config(),
        ];
        let kept = files.map(|file| {
            let permissions = fs::metadata(&file).unwrap().permissions();
            (file.clone(), fs::read(&file).unwrap(), permissions)
        });
        Self(kept.into())
    }

    fn put_back(&self) {
        for (file, bytes, permissions) in &self.0 {
            fs::remove_file(file).unwrap();
            fs::write(file, bytes).unwrap();
            fs::set_permissions(file, permissions.clone()).unwrap();
        }
    }
}

#[tokio::test]
async fn with_keys_that_are_wrong_nothing_is_answered() {
    let database = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", database.path().join("gateway.db").display());
    let mut process = Process::new(&url);
    let as_it_was = AsItWas::of(&process);
    for (what, change, expected) in WRONG {
        change(&process);
        let told = process.refused(&["serve"]);
        assert!(told.contains(expected), "{what}: {told}");
        assert!(!process.listens(), "{what}");
        as_it_was.put_back();
    }
    // The control: the same folder with its keys as they were.
    process.start().await;
    assert!(process.listens());
    let rows: Vec<_> = (0..3).map(pupils::resident).collect();
    let delivered = process.deliver(&rows).await.unwrap();
    assert_eq!(delivered.json()["rowsAccepted"], 3);
}
