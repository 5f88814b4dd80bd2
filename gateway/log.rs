//! The audit log: logged or not answered. One task a replica appends in batches (`committer`), one publishes
//! signed checkpoints (`publisher`), others have them cosigned (`witnesses`) and stamped (`stamps`) and watch how old all
//! that is (`freshness`); [`verify()`] checks the whole log with the public key alone.

mod committer;
mod entry;
mod error;
mod freshness;
mod health;
mod history;
mod numbers;
mod offline;
mod privacy;
mod prune;
mod publisher;
mod publishing;
mod quorum;
mod reading;
mod refusals;
mod retention;
pub mod sealing;
mod settle;
mod shards;
mod stamps;
mod steady;
mod tiles;
mod verify;
mod vouched;
mod witnesses;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::day::Day;
use doelpoort_core::audit::note::{Signer, Verifier};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::policy::FgKeys;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::outside::Outside;
use crate::store::{Store, log as rows};
use committer::{Committed, Committer, Pending};
use freshness::Watch;
use health::Health;
use privacy::Privacy;
use publisher::Publisher;
use refusals::Refusals;
use shards::Shards;
use stamps::Stamps;
use steady::Steady;
use witnesses::Witnesses;

pub use doelpoort_core::audit::verify::{Finding, Report};
pub use entry::{Effect, Entry};
pub use error::LogError;
pub use freshness::{Freshness, Stale};
pub use history::PolicyHistory;
pub use numbers::{Numbered, Numbers};
pub use offline::{Known, Offline, OfflineError, Opened};
pub use privacy::{TAG_SEED, open_private};
pub(crate) use prune::embedded_size;
pub use publishing::{Publishing, PublishingError, Timestamps};
pub use refusals::REFUSALS_LOGGED_MAX;
pub use retention::Retained;
pub use settle::PRESUMED_DISCLOSED;
pub use shards::SHARD;
pub use tiles::Published;
pub use verify::{Evidence, VerifyError, verify, verify_with};
pub use vouched::{Vouched, vouched};

/// How long a request waits for its entry to be durable; then it is answered 503.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Entries that wait for a commit; beyond it requests wait for room, at most [`WAIT_MAX`].
const QUEUE_ENTRIES_MAX: usize = 8_192;

/// The log. Cheap to clone. It ends with [`Log::close`].
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    queue: mpsc::Sender<Pending>,
    health: Arc<Health>,
    store: Store,
    clock: Arc<dyn Clock>,
    shards: Arc<Shards>,
    publishing: Arc<Publishing>,
    privacy: Arc<Privacy>,
    refusals: Refusals,
    tasks: Mutex<Option<Tasks>>,
}

/// What each task has a hold of.
type Parts = (Store, Arc<Shards>, Arc<dyn Clock>, Arc<Health>);

/// Where a start of the gateway is in the log: behind its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Started {
    shard: i64,
    size: u64,
}

/// The tasks of a log.
struct Tasks {
    committer: JoinHandle<()>,
    publisher: JoinHandle<()>,
    /// Those that ask others, and the one that watches.
    outside: Vec<JoinHandle<()>>,
}

impl Log {
    /// Opens the log named after `signer`, making it when missing, and appends the entry that opens this replica's
    /// boot id and the chain of its tags, whose seed is sealed to the FG. Before that it refuses a database that may lose
    /// commits, a log of another key, and a log whose head
    /// or last checkpoint cannot be reproduced from its leaf hashes.
    pub async fn open(
        store: Store,
        signer: Signer,
        fg_keys: FgKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LogError> {
        Self::open_published(store, signer, fg_keys, clock, Publishing::default()).await
    }

    /// The same, with others who vouch for it. Until a quorum of witnesses has cosigned this start, nothing is answered.
    pub async fn open_published(
        store: Store,
        signer: Signer,
        fg_keys: FgKeys,
        clock: Arc<dyn Clock>,
        publishing: Publishing,
    ) -> Result<Self, LogError> {
        refuse_weak_database(&store).await?;
        let now_us = clock.now().as_microsecond();
        let shards = Arc::new(Shards::open(store.clone(), signer, now_us).await?);
        let health = Arc::new(Health::new(Steady::new(&*clock)));
        let parts = || {
            (
                store.clone(),
                Arc::clone(&shards),
                Arc::clone(&clock),
                Arc::clone(&health),
            )
        };
        let (at, known, time, told) = parts();
        let publisher = Publisher::start(at, known, time, told).await?;
        let privacy = Arc::new(Privacy::new(fg_keys));
        let (at, known, time, told) = parts();
        let committer =
            Committer::start((at, known, time, told), Arc::clone(&privacy), publishing.idle_max).await?;
        let publishing = Arc::new(publishing);
        let started = committer.started();
        let (at, known, time, told) = parts();
        let watch = Watch::start((at, known, time, told), Arc::clone(&publishing), started).await?;
        let (queue, waiting) = mpsc::channel(QUEUE_ENTRIES_MAX);
        let outside = Self::outside(parts(), &publishing, (queue.downgrade(), &privacy), started)?;
        let tasks = Tasks {
            committer: tokio::spawn(committer.run(waiting)),
            publisher: tokio::spawn(publisher.run()),
            outside: outside.into_iter().chain([tokio::spawn(watch.run())]).collect(),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                queue,
                health,
                store,
                shards,
                publishing,
                privacy,
                refusals: Refusals::new(Arc::clone(&clock)),
                clock,
                tasks: Mutex::new(Some(tasks)),
            }),
        })
    }

    /// The tasks that ask others, where there are any.
    fn outside(
        (store, shards, clock, health): Parts,
        publishing: &Arc<Publishing>,
        (queue, privacy): (mpsc::WeakSender<Pending>, &Arc<Privacy>),
        started: Started,
    ) -> Result<Vec<JoinHandle<()>>, LogError> {
        let mut tasks = Vec::new();
        if publishing.policy.witnesses.is_empty() && publishing.timestamps.is_none() {
            return Ok(tasks);
        }
        let outside =
            Outside::new(&publishing.tls_authorities).map_err(|why| LogError::Publishing(why.to_string()))?;
        if !publishing.policy.witnesses.is_empty() {
            let parts = (
                store.clone(),
                Arc::clone(&shards),
                Arc::clone(&clock),
                Arc::clone(&health),
            );
            let witnesses = Witnesses::new(parts, Arc::clone(publishing), outside.clone(), started);
            tasks.push(tokio::spawn(witnesses.run()));
        }
        if let Some(settings) = publishing.timestamps.clone() {
            let stamps = Stamps {
                store,
                shards,
                clock,
                health,
                privacy: Arc::clone(privacy),
                settings,
                outside,
                queue,
            };
            tasks.push(tokio::spawn(stamps.run()));
        }
        Ok(tasks)
    }

    /// Appends an entry with its effects and returns once both are durable. Without a receipt nothing may be
    /// answered. Dropping the future does not take the entry back, nor does [`LogError::Unavailable`]. Hold no writing
    /// transaction meanwhile: `SQLite` has one writer, and it is needed here.
    pub async fn append(&self, entry: Entry) -> Result<Receipt, LogError> {
        self.append_within(entry, WAIT_MAX).await
    }

    /// The same, for whoever can wait longer than a request: a delivery, the close of an epoch.
    pub async fn append_within(&self, entry: Entry, wait_max: Duration) -> Result<Receipt, LogError> {
        self.shared.health.check()?;
        if entry.serves() && self.is_stale() {
            return Err(LogError::Stale);
        }
        self.shared.health.steady.check(&*self.shared.clock)?;
        let today = Day::of(self.shared.clock.now().as_microsecond());
        let (pending, answer, waiting) = Pending::new(entry, &self.shared.privacy, today)?;
        let wait = async {
            self.shared
                .queue
                .send(pending)
                .await
                .map_err(|_| LogError::Unavailable)?;
            waiting.await.map_err(|_| LogError::Unavailable)?
        };
        let committed: Committed = tokio::time::timeout(wait_max, wait)
            .await
            .map_err(|_| LogError::Unavailable)??;
        Ok(committed.receipt(answer.as_ref().map(|(digest, salt)| (digest, salt))))
    }

    /// The policy generation in force and the digest of its policies, `None` before the first. An entry that was
    /// decided under another generation is refused.
    pub async fn policy(&self) -> Result<(i64, Option<Hash>), LogError> {
        // The last shard, also where this replica has not come to it yet.
        let mut shard = self.shared.shards.current()?;
        let mut head = self.head(shard.number).await?;
        while head.closed {
            self.shared.shards.look().await?;
            let last = self.shared.shards.current()?;
            if last.number == shard.number {
                break;
            }
            head = self.head(last.number).await?;
            shard = last;
        }
        Ok((head.policy_generation, head.policy_digest.try_into().ok()))
    }

    async fn head(&self, shard: i64) -> Result<rows::Head, LogError> {
        let head = rows::head(&self.shared.store, shard).await?;
        head.ok_or(LogError::Stopped)
    }

    /// The policy generation as this replica saw it at its last commit; without asking the database.
    pub fn policy_generation(&self) -> i64 {
        self.shared.health.policy_generation.load(Ordering::SeqCst)
    }

    /// Would it append now, as far as that can be told without the database?
    pub fn is_ready(&self) -> bool {
        let steady = self.shared.health.steady.check(&*self.shared.clock);
        !self.is_stopped() && steady.is_ok()
    }

    /// Has the log stopped for good?
    pub fn is_stopped(&self) -> bool {
        self.shared.health.check().is_err()
    }

    /// Is what others can check too old to answer?
    pub fn is_stale(&self) -> bool {
        self.freshness().stale.is_some()
    }

    /// How old what others can check is, as of the last second.
    pub fn freshness(&self) -> Freshness {
        self.shared.health.freshness()
    }

    /// The public key that the log was opened with, which is that of all its shards but for their names: anyone can
    /// check the log and its receipts with it.
    pub fn verifier(&self) -> &Verifier {
        self.shared.shards.key()
    }

    /// Commits what is queued, publishes a last checkpoint and ends. Later appends are unavailable.
    pub async fn close(&self) {
        self.end_refusal_windows().await;
        let tasks = self
            .shared
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Tasks {
            committer,
            publisher,
            outside,
        }) = tasks
        else {
            return;
        };
        self.shared.health.closing.cancel();
        let committed = committer.await;
        self.shared.health.finishing.cancel();
        if committed.and(publisher.await).is_err() {
            tracing::error!("a task of the audit log ended badly");
        }
        for task in outside {
            if task.await.is_err() {
                tracing::error!("a task of the audit log ended badly");
            }
        }
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({})", self.verifier().name())
    }
}

async fn refuse_weak_database(store: &Store) -> Result<(), LogError> {
    match store.weakness().await? {
        None => Ok(()),
        Some(weak) => Err(LogError::NotDurable {
            setting: weak.setting,
            value: weak.value,
        }),
    }
}
