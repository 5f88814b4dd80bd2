//! The operator's commands, as they are typed: rotate in two steps while gateways run, retire, destroy, rewrap, a ceremony.

use std::path::Path;

use doelpoort::keys::file::{KekKind, NewKeys};
use rstest::rstest;

use crate::support::database::{Backend, Database};
use crate::support::process::Process;
use crate::support::world::pupils;

/// Wherever a gateway runs, it must know a version before that issues.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_key_is_rotated_while_a_gateway_runs(#[case] backend: Backend) {
    let Some(database) = Database::new(backend).await else {
        return;
    };
    let mut process = Process::new(&database.url);
    process.configure("filter = \"warn\"", "filter = \"info\"");
    let operators = process.separate_operator();
    process.start().await;
    let rows: Vec<_> = (0..5).map(pupils::resident).collect();
    process.deliver(&rows).await.unwrap();

    let rotate = ["keys", "rotate", "index", "--ground", "yearly"];
    let told = process.said(&rotate);
    assert!(
        told.starts_with("key `index` version `2` is pending; log entry "),
        "{told}"
    );
    assert!(told.contains("Then run this again"), "{told}");
    let told = process.refused(&rotate);
    assert!(
        told.contains("1 of 2 running gateways have not read key `index` version `2`"),
        "{told}"
    );
    let gateways = process.setup().gateway("keys/keys.toml");
    bring(&operators, &gateways);
    until_read(&process, "index:1,2").await;
    assert!(
        process
            .said(&rotate)
            .starts_with("key `index` version `2` is active; log entry ")
    );
    bring(&operators, &gateways);
    until_active(&process).await;

    let told = process.refused(&["keys", "retire", "index", "1", "--ground", "yearly"]);
    assert!(
        told.contains("5 identifiers were not delivered since the rotation"),
        "{told}"
    );
    let rows: Vec<_> = (0..6).map(pupils::resident).collect();
    process.deliver(&rows).await.unwrap();
    let told = process.refused(&["keys", "destroy", "index", "1", "--ground", "yearly"]);
    assert!(
        told.contains("is `accept`; only a version that is `retired` can be destroyed"),
        "{told}"
    );
    process.said(&["keys", "retire", "index", "1", "--ground", "yearly"]);
    let told = process.said(&["keys", "destroy", "index", "1", "--ground", "yearly"]);
    assert!(
        told.contains("copies of the key file in backups still hold it"),
        "{told}"
    );

    for (key, reason) in [
        ("log", "a new key begins a new log"),
        ("figures", "other noise in the next epoch"),
    ] {
        let told = process.refused(&["keys", "rotate", key, "--ground", "yearly"]);
        assert!(told.contains(reason), "{told}");
    }
    process.stop().await;
    let store = database.open().await;
    let row = store.fetch_optional("SELECT COUNT(*) FROM subject", vec![]).await;
    assert_eq!(row.unwrap().unwrap().int(0).unwrap(), 6, "nobody was made twice");
    store.close().await;
}

/// As a tool that distributes files does it: beside, and renamed.
fn bring(from: &Path, to: &Path) {
    let beside = to.with_extension("copy");
    std::fs::copy(from, &beside).unwrap();
    std::fs::rename(&beside, to).unwrap();
}

/// Until the running gateway tells that it reads these versions.
async fn until_read(process: &Process, versions: &str) {
    until(process, |status| {
        status
            .lines()
            .any(|line| line.starts_with("gateway reads") && format!("{line} ").contains(versions))
    })
    .await;
}

async fn until_active(process: &Process) {
    // What it reads does not change any more, so its second log line is waited for.
    for _ in 0..200 {
        if process.told().matches("keys read again").count() >= 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the keys were not read again:\n{}", process.told());
}

async fn until(process: &Process, holds: impl Fn(&str) -> bool) {
    let mut status = String::new();
    for _ in 0..100 {
        status = process.said(&["keys", "status"]);
        if holds(&status) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("{status}\n{}", process.told());
}

/// A KEK of one file becomes one of two custodians; either half alone opens nothing.
#[tokio::test]
async fn a_kek_is_split_later() {
    let database = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", database.path().join("gateway.db").display());
    let process = Process::new(&url);
    let text = std::fs::read_to_string(process.config()).unwrap();
    let split = text.replace(
        "kek = \"keys/kek\"",
        "kek = \"keys/kek-a\"\nkek_other_half = \"keys/kek-b\"",
    );
    let new = process.setup().gateway("split.toml");
    std::fs::write(&new, &split).unwrap();
    let told = process.said(&[
        "keys",
        "rewrap",
        "--into",
        new.to_str().unwrap(),
        "--ground",
        "two custodians",
    ]);
    assert!(
        told.starts_with("all keys are wrapped under another KEK: check value "),
        "{told}"
    );
    let refused = process.refused(&["keys", "check"]);
    assert!(refused.contains("does not open with this KEK"), "{refused}");
    std::fs::write(process.config(), split).unwrap();
    assert!(process.said(&["keys", "check"]).starts_with("8 versions open"));

    let half = process.setup().gateway("keys/kek-b");
    std::fs::remove_file(&half).unwrap();
    for command in [["keys", "check"].as_slice(), &["serve"]] {
        let refused = process.refused(command);
        assert!(
            refused.contains(&format!("cannot read `{}`", half.display())),
            "{refused}"
        );
        assert!(!process.listens());
    }
}

/// Keys are named in the file of the configuration, and nowhere else.
#[tokio::test]
async fn keys_cannot_come_from_the_environment_or_the_command_line() {
    let database = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", database.path().join("gateway.db").display());
    let mut process = Process::new(&url);
    process.set("DOELPOORT__KEYS__KEK", "elsewhere/kek");
    let refused = process.refused(&["serve"]);
    assert!(
        refused.contains("keys are named in the file only, never in the environment"),
        "{refused}"
    );
    let argued = process.run(&["serve", "--kek", "elsewhere/kek"]);
    assert!(!argued.status.success());
    assert!(
        String::from_utf8(argued.stderr)
            .unwrap()
            .contains("unexpected argument '--kek'")
    );
}

/// The transcript names people, times and check values; nothing in it helps to find a key.
#[tokio::test]
async fn a_ceremony_tells_everything_but_the_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = |custodians: &[String], out: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_doelpoort"));
        command.args([
            "keys",
            "ceremony",
            "--origin",
            "example.org/audit",
            "--out",
            &path(out),
        ]);
        for custodian in custodians {
            command.args(["--custodian", custodian]);
        }
        command.args(["--witness", "F. Gerritsen"]).output().unwrap()
    };
    let both = [
        format!("A. Bakker={}", path("a")),
        format!("C. Dekker={}", path("b")),
    ];
    let output = run(&both, "keys");
    let transcript = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for said in [
        "A. Bakker",
        "C. Dekker",
        "F. Gerritsen",
        "began",
        "log key",
        "index    version 1",
    ] {
        assert!(transcript.contains(said), "{said}: {transcript}");
    }
    let (a, b) = (
        std::fs::read(path("a")).unwrap(),
        std::fs::read(path("b")).unwrap(),
    );
    let kek: Vec<u8> = a.iter().zip(&b).map(|(a, b)| a ^ b).collect();
    for secret in [&a, &b, &kek] {
        let hex = data_encoding::HEXLOWER.encode(secret);
        let base64 = data_encoding::BASE64.encode(secret);
        // Check values are eight bytes of a hash: none is a part of a secret.
        assert!((0..hex.len() - 15).all(|at| !transcript.contains(&hex[at..at + 16])));
        assert!(!transcript.contains(&base64[..20]));
    }
    for (custodians, out) in [
        (&both[..1], "one"),
        (&[both[0].clone(), both[0].clone()][..], "same"),
        (&[][..], "none"),
    ] {
        let refused = run(custodians, out);
        assert!(!refused.status.success());
        assert!(!folder.path().join(out).exists(), "nothing was made");
    }
    let again = run(&both, "keys");
    assert!(!again.status.success(), "nothing is overwritten");
}

/// Made here, as an operator's own program might.
#[test]
fn nothing_that_exists_is_overwritten_by_halves() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("half");
    std::fs::write(&half, b"there already").unwrap();
    let kek = KekKind::Split {
        one: half.clone(),
        other: folder.path().join("other"),
    };
    let random = ring::rand::SystemRandom::new();
    assert!(
        NewKeys::default()
            .write_under(&folder.path().join("keys"), &kek, &random)
            .is_err()
    );
    assert_eq!(std::fs::read(&half).unwrap(), b"there already");
    assert!(!folder.path().join("keys/keys.toml").exists());
}
