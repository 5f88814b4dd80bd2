//! A whole gateway in this process: real TLS, a real database, approvals signed by all who must, and a clock that
//! stands still until it is moved.

pub(crate) mod ask;
pub(crate) mod files;
pub(crate) mod pupils;
pub(crate) mod raw;

use std::sync::Arc;

use doelpoort::audit::Entries;
use doelpoort::client::{Answer, Client, ClientError, Delivery, Mode, Problem};
use doelpoort::clock::{Clock, FixedClock};
use doelpoort::config::Config;
use doelpoort::gateway::{Gateway, SubjectIds};
use doelpoort::keys::KeyUse;
use doelpoort::log::{Report, verify};
use doelpoort::serve::{Running, Shutdown};
use doelpoort::telemetry::Metrics;
use doelpoort::tls::{Examples, Tls};
use doelpoort_core::audit::leaf::Leaf;
use jiff::SignedDuration;
use serde_json::Value;

use super::database::{Backend, Database};
pub(crate) use files::DEPLOYMENT;
use files::Files;

/// When the deliveries are made; the epoch closes a day later.
pub(crate) const START: &str = "2026-11-21T10:00:00Z";
/// The count date of the epoch that closes.
pub(crate) const EPOCH: &str = "2026-10-01";
/// The seed of the roots and of the subject ids, so that figures are the same on every engine.
const SEED: u64 = 7;

/// Another gateway on the same database and keys.
pub(crate) struct Replica {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) base: String,
    running: (Running, Shutdown),
}

impl Replica {
    pub(crate) async fn stop(self) {
        let (running, shutdown) = self.running;
        shutdown.hurry();
        running.finished().await;
        self.gateway.close().await;
    }
}

/// A running gateway and everything around it.
pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) database: Database,
    pub(crate) files: Files,
    running: Option<(Running, Shutdown)>,
    base: String,
}

impl World {
    /// A gateway on an empty database; `None` where there is no such engine here.
    pub(crate) async fn new(backend: Backend) -> Option<Self> {
        Self::with(backend, |_| ()).await
    }

    /// The same, with other settings.
    pub(crate) async fn with(backend: Backend, change: impl FnOnce(&mut Config)) -> Option<Self> {
        Self::prepared(backend, |_| (), change).await
    }

    /// The same, under policies that were changed before they were signed, and with other settings.
    pub(crate) async fn prepared(
        backend: Backend,
        prepare: impl FnOnce(&std::path::Path),
        change: impl FnOnce(&mut Config),
    ) -> Option<Self> {
        let database = Database::new(backend).await?;
        Some(Self::on(database, prepare, change).await)
    }

    /// A gateway on this database.
    pub(crate) async fn on(
        database: Database,
        prepare: impl FnOnce(&std::path::Path),
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut files = Files::prepared(START.parse().unwrap(), SEED, prepare);
        files.config.database.url = doelpoort::config::DatabaseUrl::new(&database.url);
        change(&mut files.config);
        let clock = Arc::new(FixedClock::at(START.parse().unwrap()));
        let (gateway, running, base) = start(&files.config, &clock).await;
        Self {
            gateway,
            clock,
            database,
            files,
            running: Some(running),
            base,
        }
    }

    /// Changes the policies, has them signed again by all, puts them in force, and restarts.
    pub(crate) async fn change_policies(&mut self, change: impl FnOnce(&std::path::Path)) {
        self.files.change(self.clock.now(), change);
        self.gateway.reload_policies().await.unwrap();
        self.restart().await;
    }

    /// Ends the gateway in order and starts another on the same database, keys and policies.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let (gateway, running, base) = start(&self.files.config, &self.clock).await;
        (self.gateway, self.running, self.base) = (gateway, Some(running), base);
    }

    /// Ends the gateway in order; nothing is open on the database afterwards.
    pub(crate) async fn stop(&mut self) {
        if let Some((running, shutdown)) = self.running.take() {
            shutdown.drain();
            shutdown.hurry();
            running.finished().await;
            self.gateway.close().await;
        }
    }

    /// Another gateway on the same database, with the same folder of policies or another.
    pub(crate) async fn replica(&self, policies: Option<&std::path::Path>) -> Replica {
        let mut config = self.files.config.clone();
        if let Some(policies) = policies {
            config.policies.dir = policies.to_owned();
        }
        let (gateway, running, base) = start(&config, &self.clock).await;
        Replica {
            gateway,
            base,
            running,
        }
    }

    /// A replica with a copy of the key file as it is now: it hears of no change.
    pub(crate) async fn replica_behind(&self) -> Replica {
        let mut config = self.files.config.clone();
        let copy = self.database.folder().with_extension("keys.toml");
        std::fs::copy(&config.keys.file, &copy).unwrap();
        config.keys.file = copy;
        let (gateway, running, base) = start(&config, &self.clock).await;
        Replica {
            gateway,
            base,
            running,
        }
    }

    /// What a start on the same database, keys and policies comes to.
    pub(crate) async fn try_start(&self) -> Result<Arc<Gateway>, doelpoort::gateway::StartError> {
        self.try_start_with(|_| ()).await
    }

    /// The same, with other settings.
    pub(crate) async fn try_start_with(
        &self,
        change: impl FnOnce(&mut Config),
    ) -> Result<Arc<Gateway>, doelpoort::gateway::StartError> {
        let clock: Arc<dyn Clock> = Arc::<FixedClock>::clone(&self.clock);
        let (mut config, ids) = (self.files.config.clone(), SubjectIds::Seeded([7; 32]));
        change(&mut config);
        Gateway::start(config, KeyUse::DemoOrTest, ids, clock, Arc::new(Metrics::new())).await
    }

    /// What time it is in this world.
    pub(crate) fn clock_now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// The folder of policies.
    pub(crate) fn policies(&self) -> &std::path::Path {
        &self.files.config.policies.dir
    }

    /// Changes a file of the policies.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.policies().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Everybody signs what stands in the folder, as of now.
    pub(crate) fn approve(&self) {
        let now = self.clock.now();
        files::approve(self.policies(), now, now + SignedDuration::from_hours(24 * 365));
    }

    /// The same with the keys of another folder.
    pub(crate) fn approve_with(&self, keys: &std::path::Path) {
        let now = self.clock.now();
        files::approve_with(
            keys,
            self.policies(),
            now,
            now + SignedDuration::from_hours(24 * 365),
        );
    }

    /// Raises the version of every purpose: who takes part is signed with each, so a change of it wants new ones.
    pub(crate) fn raise_versions(&self) {
        for purpose in std::fs::read_dir(self.policies().join("purposes")).unwrap() {
            let path = purpose.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            // Decision tables have none.
            let Some((before, after)) = text.split_once("\nversion = ") else {
                continue;
            };
            let (version, rest) = after.split_once('\n').unwrap();
            let next = version.parse::<u32>().unwrap() + 1;
            std::fs::write(path, format!("{before}\nversion = {next}\n{rest}")).unwrap();
        }
    }

    /// The listeners.
    pub(crate) fn running(&self) -> &Running {
        &self.running.as_ref().unwrap().0
    }

    /// A page of the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> ask::Response {
        let (running, _) = self.running.as_ref().unwrap();
        ask::send_plain(ask::plain_client().get(format!("http://{}{path}", running.admin()))).await
    }

    /// A party's program.
    pub(crate) fn client(&self, id: &str) -> Client {
        self.client_at(id, &self.base)
    }

    /// A party's program that calls this address.
    pub(crate) fn client_at(&self, id: &str, base: &str) -> Client {
        let folder = self.files.client_folder(id, base);
        let clock: Arc<dyn Clock> = Arc::<FixedClock>::clone(&self.clock);
        Client::open_with_clock(folder.path(), clock).unwrap()
    }

    /// The address of the exchange.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Brings a signed withdrawal, as anyone: without a certificate or token.
    pub(crate) async fn bring(&self, signed: &str) -> Result<Value, ClientError> {
        let folder = self.client_folder("swv-po-dashboard");
        let authority = folder.path().join(doelpoort::client::file_names::AUTHORITY);
        let clock: Arc<dyn Clock> = Arc::<FixedClock>::clone(&self.clock);
        let answer = doelpoort::client::bring_withdrawal(&self.base, &authority, signed, clock).await?;
        Ok(serde_json::from_str(&answer).unwrap())
    }

    /// The folder of a party's program, for changes to it.
    pub(crate) fn client_folder(&self, id: &str) -> tempfile::TempDir {
        self.files.client_folder(id, &self.base)
    }

    pub(crate) fn advance(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    /// A day passes: what was delivered is of yesterday, and what was linked is one.
    pub(crate) async fn next_day(&self) {
        self.advance(24);
        self.gateway.tidy().await.unwrap();
    }

    /// A day passes and the epoch closes.
    pub(crate) async fn close_epoch(&self) -> doelpoort::epoch::Closed {
        self.next_day().await;
        let date = Some(EPOCH.parse().unwrap());
        self.gateway.close_epoch("children", date).await.unwrap()
    }

    /// Delivers a snapshot of rows, which must be accepted.
    pub(crate) async fn deliver(&self, client: &str, dataset: &str, rows: &[Value]) -> Answer {
        self.try_deliver(client, dataset, Mode::Snapshot, rows)
            .await
            .unwrap()
    }

    /// Delivers the rows of [`pupils::city`]: who lives there, and which of them go to school.
    pub(crate) async fn deliver_city(&self) {
        let (enrolments, residents) = pupils::city();
        self.deliver("municipality-delivery", "resident", &residents)
            .await;
        self.deliver("vendor-alpha-delivery", "enrolment", &enrolments)
            .await;
    }

    /// Delivers rows. A vendor delivers for the first board; absences are of this school year.
    pub(crate) async fn try_deliver(
        &self,
        client: &str,
        dataset: &str,
        mode: Mode,
        rows: &[Value],
    ) -> Result<Answer, ClientError> {
        let delivery = Self::delivery(client, dataset, mode);
        self.client(client).deliver(&delivery, lines(rows).into()).await
    }

    /// What a delivery says of itself.
    pub(crate) fn delivery(client: &str, dataset: &str, mode: Mode) -> Delivery {
        Delivery {
            dataset: dataset.to_owned(),
            mode,
            period: (dataset == "absence").then(|| "2026-2027".to_owned()),
            holder: client.starts_with("vendor").then(|| files::board_of(client)),
            ..Delivery::default()
        }
    }

    /// The whole log, verified with the public key alone.
    pub(crate) async fn report(&self) -> Report {
        verify(self.gateway.store(), self.gateway.log().verifier(), None)
            .await
            .unwrap()
    }

    /// The last `count` entries of the log, over all its shards, oldest first.
    pub(crate) async fn last_entries(&self, count: u64) -> Vec<Leaf> {
        let size = self.report().await.size;
        let mut last = Vec::new();
        Entries::Database(self.gateway.store().clone())
            .each(size - count..size, |entry| {
                last.push(entry.leaf);
                Ok(())
            })
            .await
            .unwrap();
        last
    }
}

/// NDJSON.
pub(crate) fn lines(rows: &[Value]) -> String {
    let mut text = rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

/// The gateway's reasons for a refusal.
pub(crate) fn problem(outcome: Result<Answer, ClientError>) -> Problem {
    match outcome {
        Err(ClientError::Refused(problem)) => *problem,
        Err(error) => panic!("no problem document: {error}"),
        Ok(answer) => panic!("not refused: {}", answer.text()),
    }
}

async fn start(config: &Config, clock: &Arc<FixedClock>) -> (Arc<Gateway>, (Running, Shutdown), String) {
    let clock: Arc<dyn Clock> = Arc::<FixedClock>::clone(clock);
    let metrics = Arc::new(Metrics::new());
    let gateway = Gateway::start(
        config.clone(),
        KeyUse::DemoOrTest,
        SubjectIds::Seeded([7; 32]),
        Arc::clone(&clock),
        Arc::clone(&metrics),
    )
    .await
    .unwrap_or_else(|error| panic!("{error}"));
    let tls = Arc::new(Tls::load(config, Examples::Accept, clock).unwrap());
    let shutdown = Shutdown::new();
    let routes = doelpoort::http::listeners(&gateway);
    let running = doelpoort::serve::run(routes, config, tls, metrics, shutdown.clone())
        .await
        .unwrap();
    let base = format!("https://localhost:{}", running.exchange().port());
    (gateway, (running, shutdown), base)
}
