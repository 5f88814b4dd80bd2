//! Kill -9 under load: whoever was answered is in the log, whatever happened to the process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doelpoort::client::Client;
use doelpoort::clock::{Clock as _, SystemClock};
use doelpoort::demo::Options;
use doelpoort::demo::setup::{Consulents, Setup};
use doelpoort::log::{SHARD, verify};
use doelpoort::store::{Store, StoreOptions, log};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::receipt::Receipt;
use rstest::rstest;

use crate::support::database::{Backend, Database};
use crate::support::world::ask::records;

/// How often the gateway is killed.
const KILLS: usize = 3;
/// How many answers are given before each.
const ANSWERS: usize = 120;

/// A gateway's folder, with fresh certificates and keys, and the database that it names.
struct Place {
    setup: Setup,
    database: String,
    _folder: tempfile::TempDir,
    _database: Database,
}

impl Place {
    async fn new(backend: Backend) -> Option<Self> {
        let database = Database::new(backend).await?;
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            dir: folder.path().join("demo"),
            policies: Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"),
            port: two_free_ports(),
            database: Some(database.url.clone()),
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
        let url = database.url.clone();
        Some(Self {
            setup,
            database: url,
            _folder: folder,
            _database: database,
        })
    }

    /// The real program, once it answers.
    async fn serve(&self) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_doelpoort"))
            .args(["serve", "--danger-example-keys", "--config"])
            .arg(self.setup.config_file())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let client = Client::open(&self.setup.client("swv-po-consulent")).unwrap();
        for _ in 0..600 {
            assert!(child.try_wait().unwrap().is_none(), "the gateway did not start");
            if client.catalogue().await.is_ok() {
                return child;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        child.kill().unwrap();
        panic!("the gateway did not answer within a minute");
    }

    /// Eight at once ask until the gateway is gone; the receipts of all who were answered.
    async fn ask_until_killed(&self, mut gateway: Child) -> Vec<Receipt> {
        let receipts = Arc::new(Mutex::new(Vec::new()));
        let askers: Vec<_> = (0..8)
            .map(|number| {
                let id = ["swv-po-consulent", "swv-vo-consulent"][number % 2];
                let client = Client::open(&self.setup.client(id)).unwrap();
                let receipts = Arc::clone(&receipts);
                tokio::spawn(async move {
                    while let Ok(answer) = client.query(records(&["pseudonym"])).await {
                        let receipt = serde_json::from_value(answer.receipt().unwrap().clone()).unwrap();
                        receipts.lock().unwrap().push(receipt);
                    }
                })
            })
            .collect();
        while receipts.lock().unwrap().len() < ANSWERS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        gateway.kill().unwrap();
        gateway.wait().unwrap();
        for asker in askers {
            asker.await.unwrap();
        }
        std::mem::take(&mut *receipts.lock().unwrap())
    }
}

/// A port that nobody listens on, and neither on the next.
fn two_free_ports() -> u16 {
    let bind = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port));
    loop {
        let port = bind(0).unwrap().local_addr().unwrap().port();
        if port < u16::MAX && bind(port + 1).is_ok() {
            return port;
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn killed_under_load_every_answered_request_is_in_the_log(#[case] backend: Backend) {
    let Some(place) = Place::new(backend).await else {
        return;
    };
    let mut receipts = Vec::new();
    for _ in 0..KILLS {
        let gateway = place.serve().await;
        receipts.extend(place.ask_until_killed(gateway).await);
    }
    // It starts again on what is left, which it does not on a log that it cannot reproduce.
    let mut gateway = place.serve().await;
    gateway.kill().unwrap();
    gateway.wait().unwrap();

    let store = Store::open(&place.database, StoreOptions::default())
        .await
        .unwrap();
    let key = std::fs::read_to_string(place.setup.gateway("keys/log.vkey")).unwrap();
    let report = verify(&store, &Verifier::parse(key.trim()).unwrap(), None)
        .await
        .unwrap();
    assert!(report.is_intact(), "{report}");
    assert!(receipts.len() >= KILLS * ANSWERS);
    for receipt in &receipts {
        let stored = log::entries(&store, SHARD, receipt.index, 1).await.unwrap();
        assert_eq!(data_encoding::BASE64.encode(&stored[0].leaf), receipt.leaf);
    }
    store.close().await;
}
