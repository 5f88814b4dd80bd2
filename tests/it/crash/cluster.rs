//! Gateways as they are run, killed and run again, and clients that ask without end.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use doelpoort::client::{Client, ClientSettings};
use doelpoort::clock::{Clock as _, SystemClock};
use doelpoort::demo::Options;
use doelpoort::demo::setup::{Consulents, Setup};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::receipt::Receipt;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::world::ask::records;
use crate::support::world::files::copy;

/// Clients that ask at once.
const CLIENTS: usize = 6;
/// Answers between two kills, at least.
const ANSWERS: usize = 6;
/// How long it may take until there are some.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// Gateways on one database, with the clients of one folder.
pub(super) struct Cluster {
    setup: Setup,
    folder: TempDir,
    gateways: Vec<Gateway>,
    ledger: Ledger,
    chance: Cell<u64>,
}

struct Gateway {
    port: u16,
    process: Option<Child>,
}

/// What the clients keep: the receipt of every answer that they got whole.
type Ledger = Arc<Mutex<Vec<Receipt>>>;

/// Clients that ask until they are told to stop.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// So many gateways on this database, once they answer.
    pub(super) async fn new(database: &str, count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateways: Vec<_> = (0..count).map(|_| Gateway::new()).collect();
        let options = Options {
            dir: folder.path().join("demo"),
            policies: unlimited_policies(folder.path()),
            port: gateways[0].port,
            database: Some(database.to_owned()),
            seed: 1,
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
        let seed = u64::try_from(now.as_nanosecond()).unwrap() | 1;
        let mut cluster = Self {
            setup,
            folder,
            gateways,
            ledger: Ledger::default(),
            chance: Cell::new(seed),
        };
        // One after the other: the first makes the tables.
        for number in 0..count {
            cluster.run(number);
            cluster.answers(number).await;
        }
        cluster
    }

    pub(super) fn key(&self) -> Verifier {
        let key = std::fs::read_to_string(self.setup.gateway("keys/log.vkey")).unwrap();
        Verifier::parse(key.trim()).unwrap()
    }

    /// A number below `end`, another each time (xorshift).
    pub(super) fn random(&self, end: usize) -> usize {
        let mut chance = self.chance.get();
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        self.chance.set(chance);
        usize::try_from(chance % end as u64).unwrap()
    }

    /// Clients that ask whichever gateway answers, and keep the receipts.
    pub(super) fn load(&self) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|number| {
            let gateways: Vec<_> = (0..self.gateways.len())
                .map(|one| self.client(number, one))
                .collect();
            let (ledger, stop) = (Arc::clone(&self.ledger), Arc::clone(&stop));
            tokio::spawn(ask_without_end(gateways, number, ledger, stop))
        });
        Load {
            clients: clients.collect(),
            stop,
        }
    }

    /// Waits until some more were answered, and a moment that nobody can foresee.
    pub(super) async fn some_answers(&mut self) {
        let before = self.ledger.lock().unwrap().len();
        let began = Instant::now();
        while self.ledger.lock().unwrap().len() < before + ANSWERS {
            assert!(
                began.elapsed() < ANSWERS_WITHIN,
                "nobody is answered any more:\n{}",
                self.told()
            );
            self.run_all();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let moment = u64::try_from(self.random(60)).unwrap();
        tokio::time::sleep(Duration::from_millis(moment)).await;
    }

    /// Kill -9.
    pub(super) fn kill(&mut self, number: usize) {
        if let Some(mut process) = self.gateways[number].process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Runs those that do not.
    pub(super) fn run_all(&mut self) {
        for number in 0..self.gateways.len() {
            let process = &mut self.gateways[number].process;
            let runs = process
                .as_mut()
                .is_some_and(|child| child.try_wait().unwrap().is_none());
            if !runs {
                self.run(number);
            }
        }
    }

    /// Ends clients and gateways, and hands out what the clients kept.
    pub(super) async fn end(&mut self, load: Load) -> Vec<Receipt> {
        load.stop.store(true, Ordering::SeqCst);
        for number in 0..self.gateways.len() {
            self.kill(number);
        }
        for client in load.clients {
            client.await.unwrap();
        }
        std::mem::take(&mut *self.ledger.lock().unwrap())
    }

    fn run(&mut self, number: usize) {
        let port = self.gateways[number].port;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log(number))
            .unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_doelpoort"))
            .args(["serve", "--danger-example-keys", "--config"])
            .arg(self.setup.config_file())
            .env("DOELPOORT__EXCHANGE__LISTEN", format!("127.0.0.1:{port}"))
            .env("DOELPOORT__CONSOLE__LISTEN", "127.0.0.1:0")
            .env("DOELPOORT__ADMIN__LISTEN", format!("127.0.0.1:{}", port + 1))
            .env("DOELPOORT__LIMITS__CLIENT_REQUESTS_PER_MIN_MAX", "1000000")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.gateways[number].process = Some(process.unwrap());
    }

    async fn answers(&self, number: usize) {
        let client = self.client(0, number);
        for _ in 0..600 {
            if client.catalogue().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("a gateway did not answer within 30 s:\n{}", self.told());
    }

    /// A consulent's program that calls one of the gateways.
    fn client(&self, number: usize, gateway: usize) -> Client {
        let id = ["swv-po-consulent", "swv-vo-consulent"][number % 2];
        let folder = self.folder.path().join(format!("{id}-{gateway}"));
        if !folder.exists() {
            let original = self.setup.client(id);
            copy(&original, &folder);
            let mut settings = ClientSettings::read(&original).unwrap();
            settings.issuer = Some(settings.audience().to_owned());
            settings.gateway = format!("https://localhost:{}", self.gateways[gateway].port);
            std::fs::write(folder.join("client.toml"), settings.to_toml()).unwrap();
        }
        Client::open(&folder).unwrap()
    }

    fn log(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("gateway-{number}.log"))
    }

    /// The last lines that the gateways wrote.
    fn told(&self) -> String {
        let logs = (0..self.gateways.len()).map(|number| {
            let text = std::fs::read_to_string(self.log(number)).unwrap_or_default();
            let lines: Vec<_> = text.lines().rev().take(8).collect();
            lines.join("\n")
        });
        logs.collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for number in 0..self.gateways.len() {
            self.kill(number);
        }
    }
}

impl Gateway {
    fn new() -> Self {
        let bind = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port));
        let port = loop {
            let port = bind(0).unwrap().local_addr().unwrap().port();
            if port < u16::MAX && bind(port + 1).is_ok() {
                break port;
            }
        };
        Self { port, process: None }
    }
}

/// An answer counts once its client has the whole of it.
async fn ask_without_end(gateways: Vec<Client>, first: usize, ledger: Ledger, stop: Arc<AtomicBool>) {
    let mut next = first;
    while !stop.load(Ordering::SeqCst) {
        let gateway = &gateways[next % gateways.len()];
        if let Ok(answer) = gateway.query(records(&["pseudonym"])).await {
            let receipt = serde_json::from_value(answer.receipt().unwrap().clone()).unwrap();
            ledger.lock().unwrap().push(receipt);
        } else {
            next += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The policies as they are, but for how often one may ask.
fn unlimited_policies(folder: &Path) -> PathBuf {
    let policies = folder.join("policies");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"), &policies);
    let file = policies.join("purposes/case-consultation.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("requests = \"600/h\""));
    std::fs::write(
        &file,
        text.replace("requests = \"600/h\"", "requests = \"1000000/s\""),
    )
    .unwrap();
    policies
}
