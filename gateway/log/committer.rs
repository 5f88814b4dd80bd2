//! Appending. Whatever queued while the last commit ran goes into the next transaction. Where entries come in company,
//! a batch waits a moment for as many as came of late, so that a commit serves more of them; an entry that comes alone
//! never waits, and a batch that is complete waits no longer.
//!
//! ```text
//! lock the head ─► check it ─► times, numbers, effects ─► insert ─► new head ─► COMMIT ─► sign ─► wake the waiting
//! ```
//! While the head is the one that our own last commit left and nothing takes effect with the entries, all that is one
//! statement, which writes nothing if the head is another one by now (docs/decisions/0006). Beside other busy replicas
//! the lock is fairer: whoever lost once takes it.
//!
//! What a crash leaves behind: before COMMIT, nothing: no entry, no effect, no answer. After COMMIT but before the
//! waiting are woken: the entry, its effect, and no answer, so the log says more than was disclosed, never less. The
//! root is durable when an answer leaves; there is no promise to merge later.
//!
//! In a new year the shard is closed and the next one opened first (`rollover`); the batch goes into that.

mod attempt;
mod batch;
mod pending;
mod rollover;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::day::Day;
use doelpoort_core::audit::leaf::Kind;
use doelpoort_core::audit::merkle::Frontier;
use doelpoort_core::audit::receipt::SignedHead;
use tokio::sync::mpsc;

use self::batch::Prepared;
use super::entry::random;
use super::privacy::{Envelopes, Privacy, TAG_SEED};
use super::shards::{Shard, Shards};
use super::{Entry, Health, LogError, Parts, Started, steady};
use crate::clock::Clock;
use crate::store::{Store, StoreError, log as rows};

pub(super) use self::batch::Place;
use self::pending::opening;
pub(super) use self::pending::{Committed, Pending};
pub(super) use self::rollover::{Turn, embeddable};

/// The most entries in one transaction.
const BATCH_ENTRIES_MAX: usize = 1_000;
/// The most bytes of leaves in one transaction, give or take the last leaf.
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How long a batch waits for as many entries as came of late.
const GATHER_MAX: Duration = Duration::from_millis(1);
/// How long one step may take: preparing a transaction, committing it, looking up what became of it.
const STEP_MAX: Duration = Duration::from_secs(5);
/// How long preparing may take where entries have effects: a large delivery becomes visible in one transaction.
const EFFECTS_MAX: Duration = Duration::from_mins(1);
/// How often a batch is tried before its requests are told that the log is unavailable.
const ATTEMPTS_MAX: u32 = 3;
/// How often one batch follows the log into a next shard, or to another day; more than one at once is an operator at work.
const MOVES_MAX: u32 = 3;
/// The wait between attempts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// How far an attempt came.
enum Outcome {
    Committed(Prepared),
    /// Nothing of it is in the database.
    NotCommitted(StoreError),
    /// The commit was sent and not confirmed.
    Unknown(Prepared),
    /// Nothing of it is in the database: the shard was closed, and this replica goes on in the next one; or the day turned,
    /// and its tags are to be made with another chain.
    Moved,
}

pub(super) struct Committer {
    store: Store,
    shards: Arc<Shards>,
    /// The one that is appended to.
    shard: Arc<Shard>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    privacy: Arc<Privacy>,
    envelopes: Envelopes,
    /// The boot id; another one in each shard.
    replica: [u8; 16],
    /// The entry that opens the boot id is in the shard.
    started: bool,
    next_sequence: u64,
    /// A commit of ours was not confirmed: the next transaction first looks which numbers are in the log.
    uncertain: bool,
    /// The last state that is known to be durable.
    seen: (u64, Hash),
    /// The time of the last entry that was seen, in µs.
    seen_us: i64,
    /// The day of the seed in the batch at hand, if it has one.
    seeded: Option<Day>,
    /// The head that our own last commit left, while no other replica has been seen to append.
    ours: Option<(rows::Head, Frontier)>,
}

impl Committer {
    /// Opens this process's boot id in the log.
    pub(super) async fn start(
        (store, shards, clock, health): Parts,
        privacy: Arc<Privacy>,
        idle_max: Duration,
    ) -> Result<Self, LogError> {
        let shard = shards.current()?;
        let head = rows::head(&store, shard.number).await?.ok_or(LogError::Stopped)?;
        if head.closed {
            return Err(LogError::Closed);
        }
        steady::check_start(&head, clock.now().as_microsecond(), idle_max)?;
        let (seen, replica) = ((head.size, head.root), random()?);
        let mut committer = Self {
            store,
            shards,
            shard,
            clock,
            health,
            privacy,
            envelopes: Envelopes::default(),
            replica,
            // The first batch brings that entry.
            started: true,
            next_sequence: 0,
            uncertain: false,
            seen,
            seen_us: head.last_us,
            seeded: None,
            ours: None,
        };
        let shard_opened = opening(Kind::ShardOpened, &committer.privacy)?.0;
        let (replica_started, started) = opening(Kind::ReplicaStarted, &committer.privacy)?;
        committer
            .append(vec![
                Pending {
                    only_first: true,
                    ..shard_opened
                },
                replica_started,
            ])
            .await;
        started.await.map_err(|_| LogError::Unavailable)??;
        Ok(committer)
    }

    /// Where the log stands that has this replica's start in it.
    pub(super) fn started(&self) -> Started {
        Started {
            shard: self.shard.number,
            size: self.seen.0,
        }
    }

    /// Appends until the log is closed and the queue is empty.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let closing = self.health.closing.clone();
        let mut company = Company::default();
        loop {
            let first = tokio::select! {
                first = queue.recv() => first,
                () = closing.cancelled(), if !queue.is_closed() => { queue.close(); continue }
            };
            let Some(first) = first else { break };
            let mut batch = vec![first];
            take_queued(&mut batch, &mut queue);
            company.gather(&mut batch, &mut queue).await;
            self.append(batch).await;
        }
        // Nobody can append any more, by close or because every handle is gone.
        self.health.finishing.cancel();
    }

    /// Appends a batch, or tells its requests that it is not known to be durable.
    async fn append(&mut self, mut batch: Vec<Pending>) {
        let mut begun = match self.begin(&mut batch) {
            Ok(begun) => begun,
            Err(error) => return refuse_all(batch, || Err(LogError::Unavailable), &error),
        };
        // All of them: a commit that was not confirmed may get in long after the next was tried.
        let mut unknown = Vec::new();
        let (mut attempt, mut moves) = (1, 0);
        let mut last = LogError::Unavailable;
        while attempt <= ATTEMPTS_MAX {
            match self.attempt(&batch, &mut unknown).await {
                Ok(Outcome::Committed(prepared)) => return self.wake(batch, prepared),
                Ok(Outcome::Moved) if moves < MOVES_MAX => {
                    moves += 1;
                    // The batch changes: should an earlier attempt get in after all, its entries are there twice.
                    unknown.clear();
                    if begun {
                        self.privacy.forget();
                    }
                    begun = match self.begin(&mut batch) {
                        Ok(begun) => begun,
                        Err(error) => return refuse_all(batch, || Err(LogError::Unavailable), &error),
                    };
                    continue;
                }
                Ok(Outcome::Moved) => tracing::warn!("the audit log goes from shard to shard"),
                Ok(Outcome::NotCommitted(error)) => {
                    tracing::warn!(attempt, %error, "an append failed");
                    last = error.into();
                }
                Ok(Outcome::Unknown(prepared)) => {
                    tracing::warn!(attempt, "a commit of the audit log was not confirmed");
                    self.uncertain = true;
                    unknown.push(prepared);
                    last = LogError::Unavailable;
                }
                Err(stopped) => return refuse_all(batch, || Err(LogError::Stopped), &stopped),
            }
            attempt += 1;
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        if begun {
            self.privacy.forget();
        }
        // It may be in the log after all. Its numbers are not used twice: the next transaction looks first.
        refuse_all(batch, || Err(LogError::Unavailable), &last);
    }

    /// What must stand in the shard before the entries of a batch: the opening of the boot id, the seed of its tags.
    fn begin(&mut self, batch: &mut Vec<Pending>) -> Result<bool, LogError> {
        // A seed that was said for another shard is sealed to be read in that one.
        batch.retain(|pending| pending.event.decision.as_deref() != Some(TAG_SEED));
        let started = |pending: &Pending| pending.event.kind == Kind::ReplicaStarted;
        if !self.started && !batch.iter().any(started) {
            batch.insert(0, opening(Kind::ReplicaStarted, &self.privacy)?.0);
            self.privacy.forget();
        }
        self.begin_chain(batch)
    }

    /// The entry that starts this replica, and in a new month an entry of its own, says with which seed tags are made
    /// from there on. Tells whether this batch holds one.
    fn begin_chain(&mut self, batch: &mut Vec<Pending>) -> Result<bool, LogError> {
        self.seeded = None;
        let day = Day::of(self.clock.now().as_microsecond().max(self.seen_us));
        let Some(seed) = self.privacy.begin(self.shard.origin(), day)? else {
            return Ok(false);
        };
        self.seeded = Some(day);
        let started = |pending: &&mut Pending| pending.event.kind == Kind::ReplicaStarted;
        if let Some(started) = batch.iter_mut().find(started) {
            seed.say(&mut started.event);
        } else {
            let mut entry = Entry::new(Kind::KeyEvent)?;
            entry.event.decision = Some(TAG_SEED.to_owned());
            seed.say(&mut entry.event);
            batch.insert(0, Pending::new(entry, &self.privacy, day)?.0);
        }
        Ok(true)
    }

    /// Remembers what is durable now, signs it once, and wakes everybody who waited for it. Whoever stopped waiting
    /// is in the log all the same.
    fn wake(&mut self, batch: Vec<Pending>, prepared: Prepared) {
        self.health
            .policy_generation
            .store(prepared.head.policy_generation, Ordering::SeqCst);
        self.next_sequence = prepared.next_sequence;
        self.started |= !prepared.is_empty();
        // An empty batch changed no head: what is on its way still may get in.
        self.uncertain &= prepared.is_empty();
        // Where all were refused no head was written: what was known of it still is.
        if !prepared.is_empty() {
            // Who appended right after us would be seen by the next statement, which then writes nothing.
            let alone = prepared.first_index == self.seen.0;
            self.seen = (prepared.head.size, prepared.head.root);
            self.seen_us = prepared.head.last_us;
            self.ours = alone.then(|| (prepared.head.clone(), prepared.frontier));
        }
        let Some(head) = SignedHead::sign(&self.shard.signer, prepared.head.size, prepared.head.root) else {
            return;
        };
        let head = Arc::new(head);
        let mut inclusions = prepared.inclusions.into_iter();
        for (pending, fate) in batch.into_iter().zip(prepared.fates) {
            let told = match fate {
                Err(refused) => Err(refused),
                Ok(leaf) => {
                    let Some(inclusion) = inclusions.next() else {
                        return;
                    };
                    let (head, entry_id) = (Arc::clone(&head), pending.event.entry_id);
                    Ok(Committed {
                        head,
                        inclusion,
                        leaf,
                        entry_id,
                    })
                }
            };
            drop(pending.answer.send(told));
        }
    }
}

/// How many entries come at once: the largest batch of late, forgotten by degrees.
#[derive(Default)]
struct Company(usize);

impl Company {
    /// Waits until as many are there as came of late, but not for long.
    async fn gather(&mut self, batch: &mut Vec<Pending>, queue: &mut mpsc::Receiver<Pending>) {
        if batch.len() < self.0 && !queue.is_closed() {
            let complete = async {
                while batch.len() < self.0
                    && bytes(batch) < BATCH_BYTES_MAX
                    && let Some(next) = queue.recv().await
                {
                    batch.push(next);
                    take_queued(batch, queue);
                }
            };
            // What is received is in the batch, also when time runs out.
            let _ = tokio::time::timeout(GATHER_MAX, complete).await;
        }
        self.0 = batch.len().max(self.0 - self.0.div_ceil(8));
    }
}

/// Takes what is queued right now, up to the limits of one transaction.
fn take_queued(batch: &mut Vec<Pending>, queue: &mut mpsc::Receiver<Pending>) {
    let mut bytes = bytes(batch);
    while batch.len() < BATCH_ENTRIES_MAX && bytes < BATCH_BYTES_MAX {
        let Ok(next) = queue.try_recv() else { break };
        bytes += next.bytes;
        batch.push(next);
    }
}

fn bytes(batch: &[Pending]) -> usize {
    batch.iter().map(|pending| pending.bytes).sum()
}

fn refuse_all(batch: Vec<Pending>, told: impl Fn() -> Result<Committed, LogError>, why: &LogError) {
    tracing::error!(entries = batch.len(), error = %why, "entries were not appended to the audit log");
    for pending in batch {
        drop(pending.answer.send(told()));
    }
}
