//! What others can check of the log: tiles and proofs, cosignatures of witnesses, time stamps; and that nothing is
//! answered when that is too old.

mod http;
mod stale;
mod stamps;
mod tiles;
mod witnesses;

use std::sync::Arc;
use std::time::Duration;

use doelpoort::clock::{Clock, FixedClock};
use doelpoort::log::{Entry, Log, LogError, Publishing, Report, verify};
use doelpoort::store::Store;
use doelpoort_core::audit::leaf::{GRANTED, Kind};
use doelpoort_core::audit::note::Signer;

use crate::support::database::{Backend, Database, migrated};
use crate::support::fg::fg;

/// The log's name.
const ORIGIN: &str = "example.nl/audit/2026";
/// How long a test waits for a task that looks each second.
const SOON: Duration = Duration::from_secs(20);

/// A database with the log's tables, and a clock that stands still.
struct Place {
    store: Store,
    clock: Arc<FixedClock>,
    _database: Database,
}

impl Place {
    async fn on(backend: Backend) -> Option<Self> {
        let (database, store) = migrated(backend).await?;
        let clock = Arc::new(FixedClock::at("2026-11-22T10:00:00Z".parse().unwrap()));
        Some(Self {
            store,
            clock,
            _database: database,
        })
    }

    async fn sqlite() -> Self {
        Self::on(Backend::Sqlite).await.unwrap()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::<FixedClock>::clone(&self.clock)
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance(jiff::SignedDuration::from_secs(seconds));
    }

    async fn log(&self) -> Log {
        self.try_log(Publishing::default()).await.unwrap()
    }

    async fn try_log(&self, publishing: Publishing) -> Result<Log, LogError> {
        Log::open_published(
            self.store.clone(),
            signer(),
            fg().1.clone(),
            self.clock(),
            publishing,
        )
        .await
    }

    /// A log of this many entries, published and closed.
    async fn filled(&self, size: u64) -> Log {
        let log = self.log().await;
        let appends = (2..size).map(|_| log.append_within(entry(), SOON));
        futures_util::future::try_join_all(appends).await.unwrap();
        log.close().await;
        log
    }

    async fn report(&self) -> Report {
        verify(&self.store, signer().verifier(), None).await.unwrap()
    }

    /// As somebody with every right on the database.
    async fn tamper(&self, sql: &'static str) {
        assert!(self.store.execute(sql, vec![]).await.unwrap() > 0, "{sql}");
    }
}

fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[7; 32]).unwrap()
}

fn entry() -> Entry {
    let mut entry = Entry::new(Kind::AccessDecided).unwrap();
    entry.event.decision = Some(GRANTED.to_owned());
    entry.event.recipient = Some("00000099000000072001".to_owned());
    entry
}

/// An entry that stands for an answer.
fn answer() -> Entry {
    entry().answering([1; 32]).unwrap()
}

/// Waits until something is so, which a task that looks each second makes so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(SOON, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(waited.await.is_ok(), "not within {SOON:?}: {what}");
}
