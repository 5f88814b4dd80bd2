//! The audit log, on both engines.

mod append;
mod grants;
mod refusals;
mod restored;
mod rewrite;
mod rollover;
mod settled;
mod shards;
mod tamper;
mod unconfirmed;

use std::collections::BTreeSet;
use std::sync::Arc;

use doelpoort::clock::{Clock, FixedClock};
use doelpoort::log::{Effect, Entry, Log, LogError, Report, SHARD, verify};
use doelpoort::store::{Store, log as rows};
use doelpoort_core::audit::leaf::{GRANTED, Kind, Leaf, Value, extra};
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

/// Policies come into force.
fn activation(generation: i64) -> Entry {
    let mut entry = Entry::new(Kind::PolicyChanged).unwrap();
    let digest = [7; 32];
    entry.event.policy = Some(digest);
    entry.event.decision = Some("policy-activated".to_owned());
    let number = Value::Number(generation.unsigned_abs());
    entry.event.extra.insert(extra::GENERATION, number);
    entry.with_effect(Effect::SetPolicyGeneration { generation, digest })
}

/// A log of twelve entries: 0 and 1 open it, 2 puts policies in force, the others are accesses; and its checkpoint, kept.
async fn twelve(backend: Backend) -> Option<(World, String)> {
    let world = World::on(backend).await?;
    let log = world.log().await;
    log.append(activation(1)).await.unwrap();
    for _ in 3..12 {
        log.append(entry()).await.unwrap();
    }
    log.close().await;
    let kept = log.checkpoint().await.unwrap().unwrap();
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.size, 12);
    Some((world, kept))
}
