//! Whatever fails beneath the gateway, on the wire there is a 503 and not one byte of data; and where it can be mended, it
//! goes on with a log that is intact.

use std::time::{Duration, Instant};

use doelpoort::store::Store;
use jiff::SignedDuration;
use rstest::rstest;
use serde_json::Value;

use crate::support::database::{Backend, Database};
use crate::support::lines::Lines;
use crate::support::postgres::Server;
use crate::support::proxy::{Cut, Proxy};
use crate::support::world::World;
use crate::support::world::ask::records;
use crate::support::world::pupils::{CONSULENT, SITE, caseload, enrolment};
use crate::support::world::raw::{self, Wire};

const CLIENT: &str = "swv-po-consulent";
/// How long a refusal may take: what the source waits for a connection, and then the log for its entry.
const REFUSED_WITHIN: Duration = Duration::from_secs(12);
/// How long until all is well again.
const WELL_WITHIN: Duration = Duration::from_secs(30);

/// A consulent with twelve pupils, and what must never be seen where the gateway refuses.
struct Case {
    world: World,
    token: String,
    pseudonyms: Vec<String>,
}

impl Case {
    async fn new(world: World) -> Self {
        let enrolments: Vec<_> = (0..12).map(enrolment).collect();
        world
            .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
            .await;
        let cases = [caseload(CONSULENT, SITE)];
        world.deliver("swv-po-delivery", "caseload", &cases).await;
        world.next_day().await;
        let mut case = Self {
            world,
            token: String::new(),
            pseudonyms: Vec::new(),
        };
        case.renew_token().await;
        // The control: with all well, the same bytes are sent that are looked for later.
        case.pseudonyms = case.answered().await;
        assert_eq!(case.pseudonyms.len(), 12);
        case
    }

    async fn on(backend: Backend) -> Option<Self> {
        Some(Self::new(World::new(backend).await?).await)
    }

    async fn on_server(server: &Server) -> Self {
        Self::at(server.url()).await
    }

    async fn at(url: String) -> Self {
        Self::new(World::on(Database::at(url), |_| (), |_| ()).await).await
    }

    async fn renew_token(&mut self) {
        self.token = (*self.world.client(CLIENT).token().await.unwrap()).to_owned();
    }

    /// What the wire brings, to the last byte.
    async fn ask(&self) -> Wire {
        let query = self.world.client(CLIENT).signed(records(&["pseudonym"])).unwrap();
        let mut stream = raw::connect(&self.world, CLIENT, &self.world.url("")).await;
        let mut wire = raw::ask(&mut stream, &self.token, "application/json", &query).await;
        wire.body.extend(raw::rest(&mut stream).await);
        wire
    }

    /// The pseudonyms of an answer.
    async fn answered(&self) -> Vec<String> {
        let wire = self.ask().await;
        assert_eq!(wire.status(), 200, "{}", String::from_utf8_lossy(&wire.body));
        let answer: Value = serde_json::from_slice(&wire.body).unwrap();
        let rows = answer["data"].as_array().unwrap().iter();
        rows.map(|row| row["pseudonym"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A 503 without data, in time; its code.
    async fn refused(&self) -> String {
        let began = Instant::now();
        let wire = self.ask().await;
        assert!(began.elapsed() < REFUSED_WITHIN, "{:?}", began.elapsed());
        self.refuses(&wire)
    }

    /// The code of a 503 without data.
    fn refuses(&self, wire: &Wire) -> String {
        let body = String::from_utf8(wire.body.clone()).unwrap();
        assert_eq!(wire.status(), 503, "{body}");
        assert_eq!(wire.header("content-type"), Some("application/problem+json"));
        for pseudonym in &self.pseudonyms {
            assert!(!body.contains(pseudonym));
        }
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem.get("data"), None);
        problem["code"].as_str().unwrap().to_owned()
    }

    /// Answers again, in time, and the log is what it should be.
    async fn well(&self) {
        let began = Instant::now();
        while self.ask().await.status() != 200 {
            assert!(began.elapsed() < WELL_WITHIN, "not well again");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let report = self.world.report().await;
        assert!(report.is_intact(), "{report}");
    }

    fn store(&self) -> &Store {
        self.world.gateway.store()
    }

    /// A statement on the connection that writes.
    async fn on_the_writer(&self, sql: &'static str) {
        let mut tx = self.store().begin_write().await.unwrap();
        tx.fetch_all(sql, vec![]).await.unwrap();
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn the_database_is_down() {
    let Some(mut server) = Server::start(&[]).await else {
        return;
    };
    let case = Case::on_server(&server).await;
    server.kill();
    case.refused().await;
    server.run().await;
    case.well().await;
}

#[tokio::test]
async fn postgres_is_read_only() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let case = Case::on_server(&server).await;
    let reload = "SELECT pg_reload_conf()";
    server
        .execute(&["ALTER SYSTEM SET default_transaction_read_only = on", reload])
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(case.refused().await, "log-unavailable");
    server
        .execute(&["ALTER SYSTEM RESET default_transaction_read_only", reload])
        .await;
    case.well().await;
}

#[tokio::test]
async fn sqlite_is_read_only() {
    let mut case = Case::on(Backend::Sqlite).await.unwrap();
    case.on_the_writer("PRAGMA query_only = 1").await;
    assert_eq!(case.refused().await, "log-unavailable");
    case.world.restart().await;
    case.well().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_head_is_locked(#[case] backend: Backend) {
    let Some(case) = Case::on(backend).await else {
        return;
    };
    let other = case.world.database.open().await;
    let mut lock = other.begin_write().await.unwrap();
    lock.execute("UPDATE log_head SET size = size", vec![])
        .await
        .unwrap();
    assert_eq!(case.refused().await, "log-unavailable");
    lock.rollback().await.unwrap();
    case.well().await;
}

const MAKE_ROOM: &str =
    "the database is not available: its disk is full: make room, and it goes on by itself";

/// The operator reads on the first line that is an error why nothing is written.
fn tell(lines: &Lines, why: &str) {
    let text = lines.text();
    let told = text.lines().find(|line| line.contains(" ERROR "));
    assert!(told.is_some_and(|line| line.ends_with(why)), "{text}");
}

#[tokio::test]
async fn the_disk_of_sqlite_is_full() {
    let case = Case::on(Backend::Sqlite).await.unwrap();
    // Below what it has means: no page more.
    case.on_the_writer("PRAGMA max_page_count = 1").await;
    let mut answers = 0;
    while case.ask().await.status() == 200 {
        answers += 1;
        assert!(answers < 200, "the last page does not fill");
    }
    let (lines, guard) = Lines::captured("doelpoort=warn");
    assert_eq!(case.refused().await, "log-unavailable");
    tell(&lines, MAKE_ROOM);
    drop(guard);
    case.on_the_writer("PRAGMA max_page_count = 1000000").await;
    case.well().await;
}

#[tokio::test]
async fn the_disk_of_postgres_is_full() {
    const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
    let Some(mut server) = Server::start(&["autovacuum = off"]).await else {
        return;
    };
    let case = Case::on_server(&server).await;
    // Rows of another log, to the last page that the entries' file may have.
    let fill = "INSERT INTO log_entry (shard, idx, leaf_hash, leaf, replica, sequence)
                SELECT 99, n + (SELECT COUNT(*) FROM log_entry), sha256('x'), convert_to(repeat('x', 1900), 'UTF8'),
                       convert_to('filler', 'UTF8'), n + (SELECT COUNT(*) FROM log_entry)
                FROM generate_series(1, 100) AS filler (n)";
    server.kill();
    server.limit_files(Some(FILE_BYTES_MAX));
    server.run().await;
    // Connections from before are gone by then: what is refused from here on is refused for want of room.
    case.well().await;
    let other = case.world.database.open().await;
    while other.execute(fill, vec![]).await.is_ok() {}
    let mut answers = 0;
    while case.ask().await.status() != 503 {
        answers += 1;
        assert!(answers < 200, "the last page does not fill");
    }
    let (lines, guard) = Lines::captured("doelpoort=warn");
    assert_eq!(case.refused().await, "log-unavailable");
    // A file that may not grow is no full disk to the server; that one it tells by a code of its own.
    tell(&lines, "the database is not available: code `XX000`");
    drop(guard);
    let full = "DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$";
    assert_eq!(
        other.execute(full, vec![]).await.unwrap_err().to_string(),
        MAKE_ROOM
    );
    server.kill();
    server.limit_files(None);
    server.run().await;
    case.well().await;
}

#[tokio::test]
async fn the_clock_jumps() {
    let mut case = Case::on(Backend::Sqlite).await.unwrap();
    for hours in [1, -1] {
        case.world.clock.jump(SignedDuration::from_hours(hours));
        case.renew_token().await;
        assert_eq!(case.refused().await, "log-unavailable", "{hours} h");
        assert!(!case.world.gateway.log().is_ready());
        case.world.clock.jump(SignedDuration::from_hours(-hours));
        case.renew_token().await;
        case.well().await;
        assert!(case.world.gateway.log().is_ready());
    }
    // Time that passes is no jump.
    case.world.advance(1);
    case.renew_token().await;
    case.well().await;
}

#[tokio::test]
async fn a_key_is_missing_at_the_start() {
    let mut case = Case::on(Backend::Sqlite).await.unwrap();
    let port = case.world.url("").rsplit(':').next().unwrap().to_owned();
    case.world.stop().await;
    let missing = case.world.database.folder().join("no-keys.toml");
    let started = case
        .world
        .try_start_with(|config| config.keys.file = missing)
        .await;
    assert!(started.unwrap_err().to_string().contains("no-keys.toml"));
    // Nobody listens, so that there is nobody to send a byte.
    let connected = tokio::net::TcpStream::connect(format!("127.0.0.1:{port}")).await;
    assert!(connected.is_err());
    case.world.restart().await;
    case.well().await;
}

#[rstest]
#[case::root("UPDATE log_head SET root = (SELECT leaf_hash FROM log_entry WHERE idx = 0)")]
#[case::shorter("UPDATE log_head SET size = size - 1")]
#[case::gone("DELETE FROM log_head")]
#[tokio::test]
async fn the_head_is_tampered_with(
    #[case] tampering: &'static str,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let Some(mut case) = Case::on(backend).await else {
        return;
    };
    case.store().execute(tampering, vec![]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(case.refused().await, "log-unavailable");
    }
    assert!(case.world.gateway.log().is_stopped());
    case.world.stop().await;
    assert!(case.world.try_start().await.is_err(), "nor does it start on it");
}

/// The commit goes through, or not; nobody tells. Then the database is away for a while.
#[rstest]
#[case::persisted(Cut::After, 1)]
#[case::not_persisted(Cut::Before, 0)]
#[tokio::test]
async fn nobody_tells_what_became_of_the_commit(#[case] cut: Cut, #[case] persisted: usize) {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let proxy = Proxy::new(&[b"case-consultation/grant/0"]);
    let case = Case::at(proxy.before(&server.url()).await).await;
    proxy.cut_and_die(cut);
    let wire = case.ask().await;
    assert_eq!(case.refuses(&wire), "log-unavailable");
    assert!(proxy.has_cut(), "the proxy saw no commit");
    // Given up: what becomes of its number is decided when the database is back.
    tokio::time::sleep(Duration::from_secs(3)).await;
    proxy.heal();
    case.well().await;
    let size = case.world.report().await.size;
    let mut entries = case.world.last_entries(size).await;
    entries.retain(|leaf| leaf.event.trace == Some(wire.trace));
    assert_eq!(entries.len(), persisted);
}
