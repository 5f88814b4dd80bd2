//! The audit log, on both engines.

mod append;
mod refusals;
mod settled;
mod tamper;
mod unconfirmed;

use std::collections::BTreeSet;
use std::sync::Arc;

use doelpoort::clock::{Clock, FixedClock};
use doelpoort::log::{Effect, Entry, Log, LogError, Report, SHARD, verify};
use doelpoort::store::{Store, log as rows};
use doelpoort_core::audit::leaf::{GRANTED, Kind, Leaf};
use doelpoort_core::audit::note::Signer;
use doelpoort_core::audit::receipt::{self, AnswerProof};
use rstest::rstest;

use crate::support::database::{Backend, Database, migrated};
use crate::support::fg::fg;

/// A database with the log's tables, and a clock that stands still.
struct World {
    store: Store,
    clock: Arc<FixedClock>,
    database: Database,
}

impl World {
    async fn on(backend: Backend) -> Option<Self> {
        let (database, store) = migrated(backend).await?;
        let clock = Arc::new(FixedClock::at("2026-11-22T10:00:00Z".parse().unwrap()));
        Some(Self {
            store,
            clock,
            database,
        })
    }

    async fn sqlite() -> Self {
        Self::on(Backend::Sqlite).await.unwrap()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::<FixedClock>::clone(&self.clock)
    }

    async fn log(&self) -> Log {
        self.try_log().await.unwrap()
    }

    async fn try_log(&self) -> Result<Log, LogError> {
        Log::open(self.store.clone(), signer(), fg().1.clone(), self.clock()).await
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
    Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap()
}

fn entry() -> Entry {
    let mut entry = Entry::new(Kind::AccessDecided).unwrap();
    entry.event.decision = Some(GRANTED.to_owned());
    entry.event.recipient = Some("00000099000000072001".to_owned());
    entry
}
