//! What an auditor makes of a log, on both engines.

mod bundle;
mod export;
mod opened;
mod review;

use std::sync::Arc;

use doelpoort::clock::{Clock, FixedClock};
use doelpoort::log::{Entry, Log};
use doelpoort::store::Store;
use doelpoort_core::audit::leaf::{GRANTED, Kind, PurposeVersion};
use doelpoort_core::audit::note::{Signer, Verifier};
use rstest::rstest;

use crate::support::database::{Backend, Database, migrated};

/// A closed log of some entries, and the database it is in.
struct World {
    store: Store,
    clock: Arc<FixedClock>,
    _database: Database,
}

impl World {
    /// With two entries that open the log, and `entries` after them.
    async fn with(backend: Backend, entries: usize) -> Option<Self> {
        let (database, store) = migrated(backend).await?;
        let clock = Arc::new(FixedClock::at("2026-11-22T10:00:00Z".parse().unwrap()));
        let world = Self {
            store,
            clock,
            _database: database,
        };
        world.append((0..entries).map(|_| entry()).collect()).await;
        Some(world)
    }

    /// Another start of the gateway, which appends these.
    async fn append(&self, entries: Vec<Entry>) {
        let clock: Arc<dyn Clock> = Arc::<FixedClock>::clone(&self.clock);
        let log = Log::open(
            self.store.clone(),
            signer(),
            crate::support::fg::fg().1.clone(),
            clock,
        )
        .await
        .unwrap();
        let appends = entries.into_iter().map(|entry| log.append(entry));
        futures_util::future::try_join_all(appends).await.unwrap();
        log.close().await;
    }
}

fn signer() -> Signer {
    Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap()
}

fn key() -> Verifier {
    signer().verifier().clone()
}

fn entry() -> Entry {
    let mut entry = Entry::new(Kind::AccessDecided).unwrap();
    entry.event.decision = Some(GRANTED.to_owned());
    entry.event.recipient = Some("00000099000000072001".to_owned());
    entry.event.purpose = Some(PurposeVersion {
        id: "case-consultation".to_owned(),
        version: 2,
    });
    entry
}
