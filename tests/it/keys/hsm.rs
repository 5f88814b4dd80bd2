//! The KEK and the entrance key in a hardware module (`SoftHSM` 2): it works, it goes, it comes back; and each way in which
//! keys can be wrong at a start is one line, with nothing answered.

use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use tempfile::TempDir;

use crate::support::database::{Backend, Database};
use crate::support::process::Process;
use crate::support::world::problem;
use crate::support::world::pupils;

/// Where Debian has it.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const TOKEN: &str = "doelpoort";
const PIN: &str = "4711";
/// A few: this module takes milliseconds for each number of a pupil.
const PUPILS: usize = 40;

/// A token in a folder of its own.
struct Token {
    folder: TempDir,
}

impl Token {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token = Self { folder };
        std::fs::create_dir(token.tokens()).unwrap();
        let settings = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            token.tokens().display()
        );
        std::fs::write(token.settings(), settings).unwrap();
        std::fs::write(token.pin(), PIN).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o400);
        std::fs::set_permissions(token.pin(), mode).unwrap();
        let made = Command::new("softhsm2-util")
            .args([
                "--init-token",
                "--free",
                "--label",
                TOKEN,
                "--pin",
                PIN,
                "--so-pin",
                PIN,
            ])
            .env("SOFTHSM2_CONF", token.settings())
            .output()
            .expect("softhsm2 is not installed; `tests/run` does that");
        assert!(made.status.success(), "{made:?}");
        token
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    fn pin(&self) -> PathBuf {
        self.folder.path().join("pin")
    }

    fn gone(&self) -> PathBuf {
        self.folder.path().join("gone")
    }

    /// As if it were unplugged.
    fn remove(&self) {
        std::fs::rename(self.tokens(), self.gone()).unwrap();
        std::fs::create_dir(self.tokens()).unwrap();
    }

    fn put_back(&self) {
        std::fs::remove_dir_all(self.tokens()).unwrap();
        std::fs::rename(self.gone(), self.tokens()).unwrap();
    }

    /// A gateway whose keys are wrapped by this token and whose entrance key is inside it.
    fn gateway(&self, database: &str) -> Process {
        let mut process = Process::new(database);
        process.set("SOFTHSM2_CONF", self.settings().display().to_string());
        let (out, pin) = (process.folder().join("hsm-keys"), self.pin());
        let config = std::fs::read_to_string(process.config()).unwrap();
        let origin = config
            .lines()
            .find_map(|line| line.strip_prefix("origin = "))
            .unwrap();
        let made = process
            .command(&["keys", "new", "--entrance-inside", "--pkcs11-module", MODULE])
            .args(["--pkcs11-token", TOKEN, "--origin", origin.trim_matches('"')])
            .arg("--pkcs11-pin")
            .arg(&pin)
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        process.configure(
            "kek = \"keys/kek\"",
            &format!(
                "pkcs11_module = \"{MODULE}\"\npkcs11_token = \"{TOKEN}\"\npkcs11_pin = \"{}\"",
                pin.display()
            ),
        );
        let file = out.join("keys.toml");
        process.configure(
            "file = \"keys/keys.toml\"",
            &format!("file = \"{}\"", file.display()),
        );
        process
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn without_its_module_the_gateway_answers_nothing_about_pupils(#[case] backend: Backend) {
    let Some(database) = Database::new(backend).await else {
        return;
    };
    let token = Token::new();
    let mut process = token.gateway(&database.url);
    process.start().await;
    let rows: Vec<_> = (0..PUPILS).map(pupils::resident).collect();
    let first = process.deliver(&rows).await.unwrap();
    assert_eq!(first.json()["rowsAccepted"], PUPILS, "{}", first.text());

    token.remove();
    let more: Vec<_> = (0..=PUPILS).map(pupils::resident).collect();
    let refused = problem(process.deliver(&more).await);
    assert_eq!((refused.status, refused.code.as_str()), (503, "keys-unavailable"));
    token.put_back();
    let again = process.deliver(&more).await.unwrap();
    assert_eq!(again.json()["rowsAccepted"], PUPILS + 1, "{}", again.text());
    process.stop().await;

    // Nobody was taken for a new pupil.
    let store = database.open().await;
    let row = store.fetch_optional("SELECT COUNT(*) FROM subject", vec![]).await;
    let subjects = row.unwrap().unwrap().int(0).unwrap();
    assert_eq!(usize::try_from(subjects), Ok(PUPILS + 1));
    store.close().await;

    let status = process.said(&["keys", "status"]);
    assert!(status.contains("KEK: in the hardware module: token `doelpoort`, key `doelpoort-kek`"));
    assert!(status.contains("hmac-sha256-pkcs11"), "{status}");
}

/// A new entrance key inside the module, under the same module; the old one is destroyed inside it.
#[tokio::test]
async fn an_entrance_key_inside_the_module_is_rotated() {
    let database = tempfile::tempdir().unwrap();
    let token = Token::new();
    let process = token.gateway(&sqlite(database.path()));
    let rotate = ["keys", "rotate", "index", "--inside", "--ground", "decision 8"];
    assert!(
        process
            .said(&rotate)
            .starts_with("key `index` version `2` is pending; log entry ")
    );
    assert!(
        process
            .said(&rotate)
            .starts_with("key `index` version `2` is active; log entry ")
    );
    let objects = objects(&token);
    process.said(&["keys", "retire", "index", "1", "--ground", "decision 9"]);
    process.said(&["keys", "destroy", "index", "1", "--ground", "decision 9"]);
    let status = process.said(&["keys", "status"]);
    let lines: Vec<_> = status.lines().filter(|line| line.starts_with("index")).collect();
    assert!(
        lines[0].contains("destroyed") && lines[1].contains("active"),
        "{status}"
    );
    assert_eq!(self::objects(&token), objects - 1, "gone from the module, too");
    assert!(process.said(&["keys", "check"]).starts_with("9 versions open"));
}

/// How many objects the token holds.
fn objects(token: &Token) -> usize {
    let folder = std::fs::read_dir(token.tokens())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let objects = entries.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        name.ends_with(".object") && name != "token.object"
    });
    objects.count()
}

#[tokio::test]
async fn a_module_that_is_not_as_it_must_be_is_refused_in_one_line() {
    let database = tempfile::tempdir().unwrap();
    let token = Token::new();
    let process = token.gateway(&sqlite(database.path()));
    assert!(process.said(&["keys", "check"]).starts_with("8 versions open"));

    token.remove();
    for command in [["keys", "check"].as_slice(), &["serve"]] {
        let told = process.refused(command);
        assert!(
            told.contains("the hardware module does not answer: there is no token `doelpoort`"),
            "{told}"
        );
        assert!(!process.listens());
    }
    token.put_back();
    let refused = |from: &str, to: &str| {
        process.configure(from, to);
        let told = process.refused(&["serve"]);
        process.configure(to, from);
        told
    };
    let told = refused(MODULE, "/nowhere/module.so");
    assert!(told.contains("the hardware module does not answer"), "{told}");
    let told = refused("pkcs11_token = \"doelpoort\"", "pkcs11_token = \"another\"");
    assert!(told.contains("there is no token `another`"), "{told}");
    let told = refused("pkcs11_pin", "pkcs11_kek = \"another\"\npkcs11_pin");
    assert!(
        told.contains("the hardware module has no key `another`"),
        "{told}"
    );

    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(token.pin(), mode(0o644)).unwrap();
    let told = process.refused(&["serve"]);
    assert!(
        told.contains("can be read by others: mode `0644`, must be `0400`"),
        "{told}"
    );
    std::fs::set_permissions(token.pin(), mode(0o600)).unwrap();
    std::fs::write(token.pin(), "0000").unwrap();
    let told = process.refused(&["serve"]);
    assert!(told.contains("the hardware module does not answer"), "{told}");
    std::fs::write(token.pin(), "\n").unwrap();
    let told = process.refused(&["serve"]);
    assert!(told.contains("holds no PIN"), "{told}");
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("gateway.db").display())
}
