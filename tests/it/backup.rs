//! Backups: taken from a gateway that runs, brought back elsewhere, and refused where they are not what they were.

use std::path::{Path, PathBuf};

use rstest::rstest;

use crate::support::database::{Backend, Database};
use crate::support::process::Process;
use crate::support::world::pupils::resident;

/// A gateway that runs and has taken in what the municipality knows, and a backup of it.
async fn backed_up(backend: Backend) -> Option<(Process, Database, PathBuf)> {
    let database = Database::new(backend).await?;
    let mut process = Process::new(&database.url);
    process.start().await;
    let rows: Vec<_> = (0..40).map(resident).collect();
    process.deliver(&rows).await.unwrap();
    let backup = process.folder().join("backup");
    let output = taken(&process, &backup);
    assert!(
        output.contains("the log is there at least up to this checkpoint"),
        "{output}"
    );
    Some((process, database, backup))
}

fn taken(process: &Process, backup: &Path) -> String {
    let config = process.config();
    let mut command = process.command(&["backup", "--config"]);
    let output = command.arg(config).arg("--output").arg(backup).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

/// What `restore` says, and whether it succeeds.
fn restored(process: &Process, backup: &Path, database: &str) -> (bool, String) {
    let mut command = process.command(&["restore", "--database", database, "--from"]);
    let output = command.arg(backup).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(told).unwrap())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_backed_up_comes_back_whole(#[case] backend: Backend) {
    let Some((mut process, database, backup)) = backed_up(backend).await else {
        return;
    };
    // What comes after it is not in it; what was there is.
    process.stop().await;
    let other = database.elsewhere().await;
    let (done, told) = restored(&process, &backup, &other);
    assert!(done && told.contains("entries  "), "{told}");

    // Not over what is there, and a gateway runs on it.
    let (done, told) = restored(&process, &backup, &other);
    assert!(!done, "{told}");
    assert!(
        told.contains("is there already") || told.contains("not empty"),
        "{told}"
    );
    process.configure(&database.url, &other);
    process.start().await;
    let rows: Vec<_> = (0..40).map(resident).collect();
    process.deliver(&rows).await.unwrap();
    process.stop().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_backup_holds_no_key_and_is_for_its_owner_alone(#[case] backend: Backend) {
    use std::os::unix::fs::PermissionsExt as _;

    let Some((process, _, backup)) = backed_up(backend).await else {
        return;
    };
    let mut seen = 0;
    let keys = std::fs::read_to_string(process.setup().gateway("keys/keys.toml")).unwrap();
    let secrets: Vec<&str> = keys
        .split('"')
        .filter(|text| text.len() > 40 && !text.contains(' '))
        .collect();
    assert!(!secrets.is_empty());
    let mut folders = vec![backup.clone()];
    while let Some(folder) = folders.pop() {
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o077, 0);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            assert_eq!(
                path.metadata().unwrap().permissions().mode() & 0o077,
                0,
                "{}",
                path.display()
            );
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                !secrets.iter().any(|secret| text.contains(secret)),
                "{}",
                path.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_backup_that_was_touched_is_refused_and_says_where(#[case] backend: Backend) {
    let Some((process, database, backup)) = backed_up(backend).await else {
        return;
    };
    let other = database.elsewhere().await;
    let refused = |told: &str| {
        let (done, said) = restored(&process, &backup, &other);
        assert!(!done && said.contains(told), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    };
    let settings = backup.join("gateway.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.clone() + "\n").unwrap();
    refused("`gateway.toml` is not what it was");
    std::fs::remove_file(&settings).unwrap();
    refused("`gateway.toml` is missing");
    std::fs::write(&settings, text).unwrap();
    std::fs::write(backup.join("policies/more.toml"), "").unwrap();
    refused("`policies/more.toml` is not in its list");
    std::fs::remove_file(backup.join("policies/more.toml")).unwrap();

    let list = backup.join("backup.json");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    refused("its form has version 2");
    std::fs::write(&list, "{").unwrap();
    refused("is no backup");
    std::fs::remove_file(&list).unwrap();
    refused("is no backup");
    std::fs::write(&list, text).unwrap();

    let wrong = match backend {
        Backend::Sqlite => "postgres://127.0.0.1:1/x".to_owned(),
        Backend::Postgres => format!("sqlite://{}", process.folder().join("x.db").display()),
    };
    let (done, said) = restored(&process, &backup, &wrong);
    assert!(!done && said.contains("the backup is of"), "{said}");

    // Another's key does not sign this log.
    let mut command = process.command(&["restore", "--database", &other, "--from"]);
    let key = process.folder().join("other.vkey");
    std::fs::write(&key, "example.nl/audit/2026+00000000+AAAA\n").unwrap();
    let output = command.arg(&backup).arg("--key").arg(&key).output().unwrap();
    assert!(!output.status.success());

    // And nothing of all that is left: the backup still comes back.
    let (done, said) = restored(&process, &backup, &other);
    assert!(done, "{said}");
}

#[tokio::test]
async fn there_is_no_backup_of_nothing_and_none_over_something() {
    let (process, database, backup) = backed_up(Backend::Sqlite).await.unwrap();
    let config = process.config();
    let refused = |output: &Path, told: &str| {
        let mut command = process.command(&["backup", "--config"]);
        let said = command.arg(&config).arg("--output").arg(output).output().unwrap();
        let text = String::from_utf8(said.stderr).unwrap();
        assert!(!said.status.success() && text.contains(told), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    };
    refused(&backup, "is there already");
    refused(&process.folder().join("no/such/place"), "No such file");
    process.configure(&database.url, "sqlite:///nowhere/gateway.db");
    let other = process.folder().join("other");
    refused(&other, "nothing to back up");
    assert!(!other.exists() && !other.with_added_extension("part").exists());
}
