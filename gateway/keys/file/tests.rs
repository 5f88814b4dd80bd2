use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use ring::rand::SystemRandom;
use tempfile::TempDir;

use super::*;

/// A directory with a fresh set of keys.
struct Case {
    directory: TempDir,
    files: KeyFiles,
}

impl Case {
    fn new(what: NewKeys) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keys = directory.path().join("keys");
        what.write(&keys, &SystemRandom::new()).unwrap();
        Self {
            files: KeyFiles::in_directory(&keys),
            directory,
        }
    }

    fn production() -> Self {
        Self::new(NewKeys::default())
    }

    /// The file of the KEK.
    fn kek(&self) -> PathBuf {
        self.files.kek.files()[0].clone()
    }

    fn load(&self) -> Result<Keyring, KeyFileError> {
        self.files.load(KeyUse::Production)
    }

    fn edit(&self, edit: impl Fn(&str) -> String) {
        let text = fs::read_to_string(&self.files.keys).unwrap();
        fs::remove_file(&self.files.keys).unwrap();
        fs::write(&self.files.keys, edit(&text)).unwrap();
        fs::set_permissions(&self.files.keys, Permissions::from_mode(0o400)).unwrap();
    }

    /// Replaces the nth key's line that begins with this word.
    fn edit_line(&self, key: &str, word: &str, line: &str) {
        self.edit(|text| {
            let mut inside = false;
            let lines = text.lines().map(|old| {
                inside = if old.starts_with("id =") {
                    old == format!("id = \"{key}\"")
                } else {
                    inside
                };
                if inside && old.starts_with(word) {
                    line.to_owned()
                } else {
                    old.to_owned()
                }
            });
            lines.collect::<Vec<_>>().join("\n")
        });
    }
}

#[test]
fn what_is_written_is_read() {
    let case = Case::production();
    let keyring = case.load().unwrap();
    assert_eq!(keyring.exit_version().unwrap().number(), 1);
    let sealed = keyring.cursor.seal(b"", b"x", &SystemRandom::new()).unwrap();
    let again = case.load().unwrap();
    assert_eq!(again.cursor.open(b"", &sealed).unwrap().as_slice(), b"x");
    assert!(
        again.seal.open(b"", &sealed).is_err(),
        "each purpose has a key of its own"
    );
    assert_eq!(keyring.log.active().expose(), again.log.active().expose());
    assert_ne!(keyring.log.active().expose(), keyring.token.active().expose());
}

#[test]
fn files_are_for_their_owner_only_and_are_never_overwritten() {
    let case = Case::production();
    for path in [&case.files.keys, &case.kek()] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o400);
    }
    let again = NewKeys::default().write(&case.directory.path().join("keys"), &SystemRandom::new());
    assert!(matches!(again, Err(CreateError::Write { .. })));
    assert!(case.load().is_ok());
}

#[test]
fn files_that_others_can_read_are_refused() {
    for mode in [0o404, 0o440, 0o444, 0o644, 0o600 | 0o002] {
        for which in [0, 1] {
            let case = Case::production();
            let path = [case.files.keys.clone(), case.kek()][which].clone();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = case.load();
            assert!(
                matches!(refused, Err(KeyFileError::ReadableByOthers { .. })),
                "{mode:o}"
            );
        }
    }
}

#[test]
fn files_inside_the_data_directory_are_refused_also_through_a_link() {
    let mut case = Case::production();
    case.files.data_dir = Some(case.directory.path().to_owned());
    assert!(matches!(
        case.load(),
        Err(KeyFileError::InsideDataDirectory { .. })
    ));

    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(case.kek(), &link).unwrap();
    case.files.kek = KekSource::File(link);
    assert!(matches!(
        case.load(),
        Err(KeyFileError::InsideDataDirectory { .. })
    ));

    case.files.data_dir = Some(elsewhere.path().to_owned());
    assert!(case.load().is_ok());
}

#[test]
fn keys_that_anyone_could_know_serve_the_demo_and_tests_only() {
    let seeded = Case::new(NewKeys {
        seed: Some(7),
        example: false,
    });
    assert!(matches!(seeded.load(), Err(KeyFileError::Seeded { .. })));
    assert!(seeded.files.load(KeyUse::DemoOrTest).is_ok());

    let example = Case::new(NewKeys {
        seed: None,
        example: true,
    });
    assert!(matches!(example.load(), Err(KeyFileError::Example { .. })));
    fs::set_permissions(example.kek(), Permissions::from_mode(0o644)).unwrap();
    assert!(
        example.files.load(KeyUse::DemoOrTest).is_ok(),
        "a checkout makes them readable"
    );
}

#[test]
fn a_mark_cannot_be_deleted_or_added() {
    for (what, mark) in [
        (
            NewKeys {
                seed: Some(7),
                example: false,
            },
            "seeded = true\n",
        ),
        (
            NewKeys {
                seed: None,
                example: true,
            },
            "example = true\n",
        ),
    ] {
        let case = Case::new(what);
        case.edit(|text| text.replace(mark, ""));
        assert!(matches!(case.load(), Err(KeyFileError::Check { .. })), "{mark}");
    }
    let case = Case::production();
    case.edit(|text| text.replace("format = 1\n", "format = 1\nexample = true\n"));
    assert!(matches!(
        case.files.load(KeyUse::DemoOrTest),
        Err(KeyFileError::Check { .. })
    ));
}

#[tokio::test]
async fn a_seed_repeats_the_roots_and_nothing_else() {
    let load = |seed| {
        Case::new(NewKeys {
            seed: Some(seed),
            example: false,
        })
        .files
        .load(KeyUse::DemoOrTest)
        .unwrap()
    };
    let (one, same, other) = (load(1), load(1), load(2));
    assert_eq!(index(&one).await, index(&same).await);
    assert_ne!(index(&one).await, index(&other).await);
    assert_ne!(one.token.active().expose(), same.token.active().expose());
    assert_ne!(one.log.active().expose(), same.log.active().expose());
}

#[test]
fn a_changed_file_is_refused() {
    type Edit = fn(&Case);
    let cases: &[(&str, Edit)] = &[
        ("Unwrap", |case| case.edit_line("exit", "version", "version = 2")),
        ("Unwrap", |case| {
            case.edit_line("exit", "state", "state = \"accept\"");
        }),
        ("Unwrap", |case| case.edit_line("exit", "id", "id = \"figures\"")),
        ("Unwrap", |case| case.edit_line("exit", "id", "id = \"unknown\"")),
        ("Unwrap", |case| {
            case.edit_line("exit", "algorithm", "algorithm = \"none\"");
        }),
        ("Unwrap", |case| {
            case.edit_line("exit", "wrapped", "wrapped = \"\"");
        }),
        ("Unwrap", |case| {
            case.edit_line("exit", "wrapped", "wrapped = \"no base64\"");
        }),
        ("Check", |case| {
            case.edit_line("exit", "check", "check = \"0000000000000000\"");
        }),
        ("Check", |case| case.edit_line("exit", "check", "check = \"\"")),
        ("State", |case| {
            case.edit_line("exit", "state", "state = \"destroyed\"");
        }),
        ("Malformed", |case| {
            case.edit_line("exit", "state", "state = \"gone\"");
        }),
        ("Malformed", |case| {
            case.edit_line("exit", "check", "chek = \"00\"");
        }),
        ("Malformed", |case| {
            case.edit(|text| text.replace("format = 1", "format = 2"));
        }),
        ("Malformed", |case| {
            case.edit(|text| format!("unknown = 1\n{text}"));
        }),
        ("Malformed", |case| case.edit(|_| "no toml".to_owned())),
        ("Missing", |case| {
            case.edit(|_| "format = 1\nkey = []\n".to_owned());
        }),
        ("Missing", |case| {
            case.edit(|text| text[..text.rfind("[[key]]").unwrap()].to_owned());
        }),
        ("Twice", |case| {
            case.edit(|text| [text, &text[text.rfind("[[key]]").unwrap()..]].concat());
        }),
    ];
    for (expected, edit) in cases {
        let case = Case::production();
        edit(&case);
        let refused = format!("{:?}", case.load().err());
        assert!(
            refused.starts_with(&format!("Some({expected}")),
            "{expected}: {refused}"
        );
    }
}

#[test]
fn another_kek_is_refused() {
    let case = Case::production();
    let other = Case::production();
    let files = KeyFiles {
        kek: other.files.kek.clone(),
        ..case.files.clone()
    };
    assert!(matches!(
        files.load(KeyUse::Production),
        Err(KeyFileError::Unwrap { .. })
    ));
    for bytes in [vec![], vec![0; 31], vec![0; 33]] {
        fs::remove_file(case.kek()).unwrap();
        fs::write(case.kek(), bytes).unwrap();
        fs::set_permissions(case.kek(), Permissions::from_mode(0o400)).unwrap();
        assert!(matches!(case.load(), Err(KeyFileError::NotAKek { .. })));
    }
    fs::remove_file(case.kek()).unwrap();
    assert!(matches!(case.load(), Err(KeyFileError::Read { .. })));
}

/// The index of one pupil under the active version.
async fn index(keyring: &Keyring) -> [u8; 32] {
    use doelpoort_core::identifier::{Identifier, IdentifierKind};
    let holder = "00000099000000041676".parse().unwrap();
    let identifier = Identifier::parse(IdentifierKind::Local, "pupil-1", &holder).unwrap();
    let found = keyring.index.sightings(&[&identifier]).await.unwrap();
    *found[0].current.index.as_bytes()
}

fn change<T>(case: &Case, change: impl FnOnce(&mut OpenKeys) -> Result<T, ChangeError>) -> T {
    let mut keys = OpenKeys::open(&case.files, KeyUse::Production).unwrap();
    let done = change(&mut keys).unwrap();
    keys.save().unwrap();
    done
}

fn exit_versions(keyring: &Keyring) -> Vec<u32> {
    keyring.exit.iter().map(|(version, _)| version).collect()
}

/// `pending → active → accept → retired → destroyed`: a pending and an accepted version are read, only the active issues.
#[test]
fn a_version_lives_and_ends() {
    let case = Case::production();
    let random = SystemRandom::new();
    let now = "2026-11-22T10:00:00Z".parse().unwrap();

    let added = change(&case, |keys| keys.add(KeyPurpose::Exit, false, &random));
    assert_eq!((added.version, added.state), (2, State::Pending));
    let keyring = case.load().unwrap();
    assert_eq!(
        (keyring.exit.active_version(), exit_versions(&keyring)),
        (1, vec![1, 2])
    );
    assert_eq!(keyring.exit.accepted().count(), 0);

    change(&case, |keys| keys.activate(KeyPurpose::Exit, now, &random));
    let keyring = case.load().unwrap();
    assert_eq!(
        (keyring.exit.active_version(), exit_versions(&keyring)),
        (2, vec![1, 2])
    );
    assert_eq!(keyring.exit.active_since(), Some(now));
    assert_eq!(
        keyring
            .exit
            .accepted()
            .map(|(version, _)| version)
            .collect::<Vec<_>>(),
        [1]
    );

    change(&case, |keys| keys.retire(KeyPurpose::Exit, 1, &random));
    assert_eq!(exit_versions(&case.load().unwrap()), [2]);
    let destroyed = change(&case, |keys| keys.destroy(KeyPurpose::Exit, 1));
    assert_eq!(destroyed.state, State::Destroyed);
    let text = fs::read_to_string(&case.files.keys).unwrap();
    assert!(text.contains("wrapped = \"\""), "{text}");
    let next = change(&case, |keys| keys.add(KeyPurpose::Exit, false, &random));
    assert_eq!(next.version, 3, "a number is never given twice");
}

#[test]
fn no_step_is_skipped() {
    let case = Case::production();
    let random = SystemRandom::new();
    let now = Timestamp::UNIX_EPOCH;
    let mut keys = OpenKeys::open(&case.files, KeyUse::Production).unwrap();
    let told = |refused: Result<VersionStatus, ChangeError>| refused.unwrap_err().to_string();
    assert_eq!(
        told(keys.activate(KeyPurpose::Seal, now, &random)),
        "key `seal` has no pending version"
    );
    assert_eq!(
        told(keys.retire(KeyPurpose::Seal, 1, &random)),
        "key `seal` version `1` is `active`; only a version that is `accept` can be retired"
    );
    assert_eq!(
        told(keys.destroy(KeyPurpose::Seal, 1)),
        "key `seal` version `1` is `active`; only a version that is `retired` can be destroyed"
    );
    assert_eq!(
        told(keys.destroy(KeyPurpose::Seal, 7)),
        "there is no key `seal` version `7`"
    );
    assert_eq!(
        told(keys.add(KeyPurpose::Index, true, &random)),
        "keys can be kept in a hardware module only: set `keys.pkcs11_module`"
    );
    keys.add(KeyPurpose::Seal, false, &random).unwrap();
    assert_eq!(
        told(keys.add(KeyPurpose::Seal, false, &random)),
        "key `seal` has a pending version already: `2`"
    );
}

#[test]
fn when_a_version_became_active_cannot_be_changed() {
    let case = Case::production();
    let random = SystemRandom::new();
    change(&case, |keys| keys.add(KeyPurpose::Exit, false, &random));
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    change(&case, |keys| keys.activate(KeyPurpose::Exit, now, &random));
    case.edit(|text| text.replace("2026-11-22T10:00:00Z", "2026-12-22T10:00:00Z"));
    assert!(matches!(case.load(), Err(KeyFileError::Check { .. })));
}

#[tokio::test]
async fn a_split_kek_needs_both_halves() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (directory.path().join("a"), directory.path().join("b"));
    let kek = KekKind::Split {
        one: one.clone(),
        other: other.clone(),
    };
    let folder = directory.path().join("keys");
    let made = NewKeys::default()
        .write_under(&folder, &kek, &SystemRandom::new())
        .unwrap();
    assert_eq!(made.halves.len(), 2);
    let files = |kek| KeyFiles {
        kek,
        ..KeyFiles::in_directory(&folder)
    };
    let both = KekSource::Split(one.clone(), other.clone());
    let keyring = files(both.clone()).load(KeyUse::Production).unwrap();
    let turned = files(KekSource::Split(other.clone(), one.clone()));
    assert_eq!(
        index(&turned.load(KeyUse::Production).unwrap()).await,
        index(&keyring).await
    );
    for half in [&one, &other] {
        let alone = files(KekSource::File(half.clone())).load(KeyUse::Production);
        assert!(matches!(alone, Err(KeyFileError::Unwrap { .. })));
    }
    fs::remove_file(&other).unwrap();
    let missing = files(both).load(KeyUse::Production).unwrap_err().to_string();
    assert_eq!(
        missing,
        format!(
            "cannot read `{}`: No such file or directory (os error 2)",
            other.display()
        )
    );
}

/// Under another KEK the keys are the same, and the old KEK opens nothing of the new file.
#[tokio::test]
async fn rewrapped_keys_are_the_same_keys() {
    let case = Case::production();
    let before = index(&case.load().unwrap()).await;
    let kek = case.directory.path().join("kek-2");
    fs::write(&kek, [9; 32]).unwrap();
    fs::set_permissions(&kek, Permissions::from_mode(0o400)).unwrap();
    let kek = KekSource::File(kek);
    let mut keys = OpenKeys::open(&case.files, KeyUse::Production).unwrap();
    keys.rewrap(&kek, &SystemRandom::new()).unwrap();
    keys.save().unwrap();
    assert!(matches!(case.load(), Err(KeyFileError::Unwrap { .. })));
    let files = KeyFiles {
        kek,
        ..case.files.clone()
    };
    assert_eq!(index(&files.load(KeyUse::Production).unwrap()).await, before);
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let case = Case::production();
    let text = fs::read_to_string(&case.files.keys).unwrap();
    for cut in (0..text.len()).step_by(61) {
        case.edit(|_| text[..cut].to_owned());
        assert!(case.load().is_err(), "{cut}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let case = Case::production();
    let keyring = case.load().unwrap();
    let shown = format!("{keyring:?} {:?} {:?}", keyring.log.active(), case.files);
    let seed = keyring.log.active().expose();
    assert!(!shown.contains(&format!("{}, {}", seed[0], seed[1])), "{shown}");
    let missing = KeyFiles {
        keys: PathBuf::from("/nowhere/keys.toml"),
        ..case.files.clone()
    };
    assert_eq!(
        missing.load(KeyUse::Production).unwrap_err().to_string(),
        "cannot read `/nowhere/keys.toml`: No such file or directory (os error 2)"
    );
}
