//! The program itself, as it is installed: a process of its own, with a folder of the demo around it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use doelpoort::client::{Answer, Client, ClientError};
use doelpoort::clock::{Clock as _, SystemClock};
use doelpoort::demo::Options;
use doelpoort::demo::setup::{Consulents, Setup};
use serde_json::Value;
use tempfile::TempDir;

use super::world::World;
use super::world::lines;

/// The seed of the roots, of which the demo makes no secret.
pub(crate) const SEED: u64 = 1;

/// A gateway that runs, or does not yet.
pub(crate) struct Process {
    setup: Setup,
    folder: TempDir,
    port: u16,
    environment: Vec<(String, String)>,
    operator: Option<PathBuf>,
    child: Option<Child>,
}

impl Process {
    /// A folder with all that a gateway on this database needs.
    pub(crate) fn new(database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_ports();
        let options = Options {
            dir: folder.path().join("demo"),
            policies: Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"),
            port,
            database: Some(database.to_owned()),
            seed: SEED,
            pupils: None,
            once: false,
        };
        let now = SystemClock.now();
        let setup = Setup::new(&options, now);
        let consulents = Consulents {
            primary: "consulent-01".to_owned(),
            secondary: "consulent-02".to_owned(),
        };
        setup.make(&consulents, now).unwrap();
        Self {
            setup,
            folder,
            port,
            environment: Vec::new(),
            operator: None,
            child: None,
        }
    }

    /// A variable of every process from here on.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// A place of the test's own.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.setup.config_file()
    }

    /// Changes a text of the configuration.
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from), "no `{from}`");
        std::fs::write(self.config(), text.replacen(from, to, 1)).unwrap();
    }

    /// From here on the operator has a configuration and a key file of his own, which is not brought to the gateway.
    pub(crate) fn separate_operator(&mut self) -> PathBuf {
        let keys = self.setup.gateway("keys/operator.toml");
        std::fs::copy(self.setup.gateway("keys/keys.toml"), &keys).unwrap();
        let text = std::fs::read_to_string(self.config()).unwrap();
        let own = self.setup.gateway("operator.toml");
        std::fs::write(&own, text.replace("keys/keys.toml", "keys/operator.toml")).unwrap();
        self.operator = Some(own);
        keys
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doelpoort"));
        command
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command of the operator with this configuration.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let config = self.operator.clone().unwrap_or_else(|| self.config());
        command.arg("--config").arg(config);
        command.arg("--danger-example-keys").output().unwrap()
    }

    /// What a command says on success.
    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one line with which a command is refused.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} was not refused");
        let told = String::from_utf8(output.stderr).unwrap();
        let errors: Vec<_> = told.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{told}");
        errors[0].to_owned()
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.log());
        let config = self.config();
        let mut command = self.command(&["serve", "--danger-example-keys", "--config"]);
        let child = command
            .arg(config)
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        self.child = Some(child);
        for _ in 0..600 {
            if self.client("swv-po-consulent").catalogue().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the gateway did not answer within 30 s:\n{}", self.told());
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        self.child.as_mut().unwrap()
    }

    /// Ends it in order. Meanwhile this test's clients go on, so that they close the connections that the gateway waits for.
    pub(crate) async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(&child, "TERM");
            let ended = tokio::task::spawn_blocking(move || child.wait());
            ended.await.unwrap().unwrap();
        }
    }

    pub(crate) fn client(&self, id: &str) -> Client {
        Client::open(&self.setup.client(id)).unwrap()
    }

    /// Delivers a snapshot of residents.
    pub(crate) async fn deliver(&self, rows: &[Value]) -> Result<Answer, ClientError> {
        let client = "municipality-delivery";
        let delivery = World::delivery(client, "resident", doelpoort::client::Mode::Snapshot);
        self.client(client).deliver(&delivery, lines(rows).into()).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether anybody is there to answer.
    pub(crate) fn listens(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("gateway.log")
    }

    pub(crate) fn told(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// Sends a signal to a process that we started.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status();
    assert!(sent.unwrap().success());
}

fn free_ports() -> u16 {
    let bind = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port));
    loop {
        let port = bind(0).unwrap().local_addr().unwrap().port();
        if port < u16::MAX && bind(port + 1).is_ok() {
            return port;
        }
    }
}
