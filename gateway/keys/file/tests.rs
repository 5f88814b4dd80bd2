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
    for path in [&case.files.keys, &case.files.kek] {
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
            let path = [&case.files.keys, &case.files.kek][which];
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
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
    std::os::unix::fs::symlink(&case.files.kek, &link).unwrap();
    case.files.kek = link;
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
    fs::set_permissions(&example.files.kek, Permissions::from_mode(0o644)).unwrap();
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

#[test]
fn a_seed_repeats_the_roots_and_nothing_else() {
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
    let pseudonym = |keyring: &Keyring| {
        use doelpoort_core::identifier::{Identifier, IdentifierKind};
        let holder = "00000099000000041676".parse().unwrap();
        let identifier = Identifier::parse(IdentifierKind::Local, "pupil-1", &holder).unwrap();
        *identifier.index(keyring.index.active()).as_bytes()
    };
    assert_eq!(pseudonym(&one), pseudonym(&same));
    assert_ne!(pseudonym(&one), pseudonym(&other));
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
        ("Malformed", |case| {
            case.edit_line("exit", "state", "state = \"destroyed\"");
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
        fs::remove_file(&case.files.kek).unwrap();
        fs::write(&case.files.kek, bytes).unwrap();
        fs::set_permissions(&case.files.kek, Permissions::from_mode(0o400)).unwrap();
        assert!(matches!(case.load(), Err(KeyFileError::NotAKek { .. })));
    }
    fs::remove_file(&case.files.kek).unwrap();
    assert!(matches!(case.load(), Err(KeyFileError::Read { .. })));
}

/// A pending or retired version is checked but handed out to nobody; an accepted one reads.
#[test]
fn states_decide_what_a_version_may_do() {
    let case = Case::production();
    let mut kek = [0; 32];
    kek.copy_from_slice(&fs::read(&case.files.kek).unwrap());
    let kek = Secret::take(&mut kek);
    let add = |version, state| {
        let mut bytes = [u8::try_from(version).unwrap(); 32];
        let secret = Secret::take(&mut bytes);
        let entry = create::wrap(
            KeyPurpose::Exit,
            version,
            state,
            &secret,
            &kek,
            Marks::default(),
            &SystemRandom::new(),
        );
        let text = toml::to_string(&Document::new(Marks::default(), vec![entry.unwrap()])).unwrap();
        case.edit(|old| [old, &text[text.find("[[key]]").unwrap()..]].concat());
    };
    add(2, State::Accept);
    add(3, State::Pending);
    add(4, State::Retired);
    let keyring = case.load().unwrap();
    assert_eq!(keyring.exit.active_version(), 1);
    assert_eq!(
        keyring
            .exit
            .iter()
            .map(|(version, _)| version)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    add(5, State::Active);
    assert!(matches!(case.load(), Err(KeyFileError::Twice { version: 5, .. })));
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
