//! The console of the data protection officer (FG), on the FG's own machine: the FG's keys, the FG's program at the
//! exchange, and the copy of the log that the pages show.

mod access;
mod breach;
mod policies;
mod reviewing;
mod staff;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use axum::Router;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::private::Private;
use doelpoort_core::audit::sample::SampleError;
use doelpoort_core::request::LookCommand;
use jiff::Timestamp;

use super::held::{Held, HeldError};
use super::session::{Sessions, Terminal, Why};
use crate::audit::AuditError;
use crate::client::Client;
use crate::clock::Clock;
use crate::fg::fetch::{FetchError, sealed_of};
use crate::fg::hand_out::HandOutError;
use crate::fg::look::{Logged, LookError, Purpose};
use crate::fg::replay::ReplayFailure;
use crate::fg::search::SearchError;
use crate::fg::{Casework, FgPrivateKeys, Reader, ReadingError};
use crate::policies::PoliciesError;

pub(super) use access::{Access, Case, Pupil};
pub(super) use policies::Simulated;
pub(super) use staff::StaffFound;

/// What the console needs to run.
pub struct Fg {
    /// The FG's private keys.
    pub keys: FgPrivateKeys,
    /// The FG's program at the exchange.
    pub client: Client,
    /// The log's public key.
    pub log: Verifier,
    /// The deployment's name, as in `deployment.name` of gateway.toml.
    pub deployment: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The FG's own cases.
    pub cases: Casework,
    /// A folder of policies that the FG is asked to approve.
    pub proposal: Option<PathBuf>,
}

/// The running console.
pub struct FgConsole {
    pub(super) fg: Fg,
    pub(super) sessions: Sessions,
    /// What the browser must call us.
    pub(super) hosts: [String; 2],
    held: ArcSwapOption<Held>,
    fetching: AtomicBool,
    /// Why the last fetching failed.
    failed: Mutex<Option<String>>,
}

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Others could reach it.
    #[error(
        "the console listens on this machine alone: give --listen a loopback address such as `127.0.0.1:7443`, not `{0}`"
    )]
    NotLoopback(SocketAddr),
    /// No randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
}

/// Why a look shows nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShowError {
    #[error(transparent)]
    Look(#[from] LookError),
    #[error(transparent)]
    Held(#[from] HeldError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Search(#[from] SearchError),
    #[error(transparent)]
    Reading(#[from] ReadingError),
    #[error(transparent)]
    HandOut(#[from] HandOutError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Sample(#[from] SampleError),
    #[error(transparent)]
    Archive(#[from] ReplayFailure),
    #[error("{0}")]
    Policies(#[from] PoliciesError),
    #[error("the policies in force are not in the gateway's archive")]
    NoPolicies,
    #[error("this number has no place that may be shown")]
    NoPlace,
    #[error("the copy does not have the shard of this entry: check again")]
    NoShard,
    #[error("the copy cannot be kept: {0}")]
    Io(#[from] std::io::Error),
}

impl FgConsole {
    /// A console that will listen on `address`.
    ///
    /// # Errors
    /// When others than this machine could reach it.
    pub fn new(fg: Fg, address: SocketAddr, terminal: Terminal) -> Result<Arc<Self>, ConsoleError> {
        if !address.ip().is_loopback() {
            return Err(ConsoleError::NotLoopback(address));
        }
        let sessions = Sessions::new(terminal).map_err(|_| ConsoleError::NoRandomness)?;
        Ok(Arc::new(Self {
            fg,
            sessions,
            hosts: [address.to_string(), format!("localhost:{}", address.port())],
            held: ArcSwapOption::empty(),
            fetching: AtomicBool::new(false),
            failed: Mutex::default(),
        }))
    }

    /// Prints the code with which a session begins.
    pub fn offer_login(&self) {
        if self.sessions.offer_login(self.now()).is_err() {
            tracing::error!("the system gives no randomness");
        }
    }

    /// Its pages.
    pub fn routes(self: Arc<Self>) -> Router {
        super::route::router(self)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.fg.clock.now()
    }

    pub(super) fn month(&self) -> Month {
        Month::of(self.now().as_microsecond())
    }

    /// The copy, if there is one.
    pub(super) fn held(&self) -> Option<Arc<Held>> {
        self.held.load_full()
    }

    pub(super) fn is_fetching(&self) -> bool {
        self.fetching.load(Ordering::Acquire)
    }

    pub(super) fn failed(&self) -> Option<String> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches and checks the log now.
    ///
    /// # Errors
    /// Why not; what was held stays.
    pub async fn refresh(&self) -> Result<(), HeldError> {
        let Fg {
            client,
            log,
            deployment,
            ..
        } = &self.fg;
        let before = self.held();
        let fetched = Held::fetch(client, log, deployment, before.as_deref(), self.now()).await;
        let failed = fetched.as_ref().err().map(ToString::to_string);
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        self.held.store(Some(Arc::new(fetched?)));
        Ok(())
    }

    /// Fetches the log in the background, unless that is going on.
    pub(super) fn begin_refresh(self: &Arc<Self>) {
        if self.fetching.swap(true, Ordering::AcqRel) {
            return;
        }
        let console = Arc::clone(self);
        // Ends with the log, or with its failure, which the pages show.
        tokio::spawn(async move {
            if let Err(error) = console.refresh().await {
                tracing::error!(%error, "the log cannot be copied");
            }
            console.fetching.store(false, Ordering::Release);
        });
    }

    pub(super) fn purpose<'a>(&'a self, why: &'a Why) -> Purpose<'a> {
        Purpose {
            client: &self.fg.client,
            log: &self.fg.log,
            reason: &why.reason,
            case: Some(&why.case),
        }
    }

    /// Says in the log what is looked at; only then is it.
    pub(super) async fn announce(
        &self,
        why: &Why,
        command: LookCommand,
        sought: &str,
    ) -> Result<Logged, ShowError> {
        let keys = Some((&self.fg.keys, self.month()));
        Ok(self.purpose(why).announce(command, sought, keys).await?)
    }

    /// The number in the whole log of the entry of a look.
    pub(super) fn number(&self, logged: &Logged) -> u64 {
        let held = self.held();
        let shard = held.as_ref().and_then(|held| held.shard_named(&logged.origin));
        shard.map_or(0, |shard| shard.first) + logged.index
    }

    /// The sealed private parts of these entries, by their numbers in the whole log, for a look that is logged.
    pub(super) async fn sealed(
        &self,
        held: &Held,
        logged: &Logged,
        indices: &BTreeSet<u64>,
    ) -> Result<BTreeMap<u64, Vec<u8>>, ShowError> {
        let mut by_shard: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for index in indices {
            let shard = held.shard_of(*index).ok_or(ShowError::NoShard)?;
            by_shard
                .entry(shard.first)
                .or_default()
                .insert(index - shard.first);
        }
        let mut found = BTreeMap::new();
        for (first, local) in by_shard {
            let shard = held.shard_of(first).ok_or(ShowError::NoShard)?;
            let place = (shard.label.as_str(), shard.checkpoint.size);
            let sealed = sealed_of(&self.fg.client, place, logged.index, &local).await?;
            found.extend(sealed.into_iter().map(|(index, sealed)| (first + index, sealed)));
        }
        Ok(found)
    }

    /// The private part of one entry, after the log says that it is looked at; none where it was destroyed.
    pub(super) async fn open(
        &self,
        held: &Held,
        index: u64,
        (why, command): (&Why, LookCommand),
    ) -> Result<(Logged, Option<Private>), ShowError> {
        let logged = self.announce(why, command, &format!("entry {index}")).await?;
        let sealed = self.sealed(held, &logged, &BTreeSet::from([index])).await?;
        let entry = held.entry(index).zip(sealed.get(&index));
        let private = entry.map(|(entry, sealed)| {
            Reader::new(&entry.origin, &self.fg.keys).danger_open_unheld(&entry.leaf, sealed)
        });
        Ok((logged, private.transpose()?))
    }
}
