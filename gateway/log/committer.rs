//! Appending. Whatever queued while the last commit ran goes into the next transaction. Where entries come in company,
//! one waits a moment for the next, so that a commit serves more of them; an entry that comes alone never waits.
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

mod batch;
mod pending;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::day::Day;
use doelpoort_core::audit::leaf::Kind;
use doelpoort_core::audit::merkle::Frontier;
use doelpoort_core::audit::note::Signer;
use doelpoort_core::audit::receipt::SignedHead;
use tokio::sync::mpsc;

use self::batch::Prepared;
use super::entry::random;
use super::privacy::{Envelopes, Privacy, TAG_SEED};
use super::{Entry, Health, LogError, SHARD};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx, log as rows};

use self::pending::opening;
pub(super) use self::pending::{Committed, Pending};

/// The most entries in one transaction.
const BATCH_ENTRIES_MAX: usize = 1_000;
/// The most bytes of leaves in one transaction, give or take the last leaf.
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How long the first of a batch waits for company, when the last batch had it.
const GATHER_MAX: Duration = Duration::from_millis(1);
/// How long one step may take: preparing a transaction, committing it, looking up what became of it.
const STEP_MAX: Duration = Duration::from_secs(5);
/// How long preparing may take where entries have effects: a large delivery becomes visible in one transaction.
const EFFECTS_MAX: Duration = Duration::from_mins(1);
/// How often a batch is tried before its requests are told that the log is unavailable.
const ATTEMPTS_MAX: u32 = 3;
/// The wait between attempts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// How far an attempt came.
enum Outcome {
    Committed(Prepared),
    /// Nothing of it is in the database.
    NotCommitted(StoreError),
    /// The commit was sent and not confirmed.
    Unknown(Prepared),
}

pub(super) struct Committer {
    store: Store,
    signer: Arc<Signer>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    privacy: Arc<Privacy>,
    envelopes: Envelopes,
    replica: [u8; 16],
    next_sequence: u64,
    /// A commit of ours was not confirmed: the next transaction first looks which numbers are in the log.
    uncertain: bool,
    /// The last state that is known to be durable.
    seen: (u64, Hash),
    /// The head that our own last commit left, while no other replica has been seen to append.
    ours: Option<(rows::Head, Frontier)>,
}

impl Committer {
    /// Opens this process's boot id in the log.
    pub(super) async fn start(
        store: Store,
        signer: Arc<Signer>,
        clock: Arc<dyn Clock>,
        health: Arc<Health>,
        privacy: Arc<Privacy>,
    ) -> Result<Self, LogError> {
        let head = rows::head(&store, SHARD).await?.ok_or(LogError::Stopped)?;
        let (seen, replica) = ((head.size, head.root), random()?);
        let mut committer = Self {
            store,
            signer,
            clock,
            health,
            privacy,
            envelopes: Envelopes::default(),
            replica,
            next_sequence: 0,
            uncertain: false,
            seen,
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

    /// Appends until the log is closed and the queue is empty.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let closing = self.health.closing.clone();
        let mut in_company = false;
        loop {
            let first = tokio::select! {
                first = queue.recv() => first,
                () = closing.cancelled(), if !queue.is_closed() => { queue.close(); continue }
            };
            let Some(first) = first else { break };
            let mut batch = vec![first];
            take_queued(&mut batch, &mut queue);
            if in_company && !queue.is_closed() {
                tokio::time::sleep(GATHER_MAX).await;
                take_queued(&mut batch, &mut queue);
            }
            in_company = batch.len() > 1;
            self.append(batch).await;
        }
        // Nobody can append any more, by close or because every handle is gone.
        self.health.finishing.cancel();
    }

    /// Appends a batch, or tells its requests that it is not known to be durable.
    async fn append(&mut self, mut batch: Vec<Pending>) {
        let begun = match self.begin_chain(&mut batch) {
            Ok(begun) => begun,
            Err(error) => return refuse_all(batch, || Err(LogError::Unavailable), &error),
        };
        let mut unknown = None;
        for attempt in 1..=ATTEMPTS_MAX {
            match self.attempt(&batch, unknown.take()).await {
                Ok(Outcome::Committed(prepared)) => return self.wake(batch, prepared),
                Ok(Outcome::NotCommitted(error)) => tracing::warn!(attempt, %error, "an append failed"),
                Ok(Outcome::Unknown(prepared)) => {
                    tracing::warn!(attempt, "a commit of the audit log was not confirmed");
                    self.uncertain = true;
                    unknown = Some(prepared);
                }
                Err(stopped) => return refuse_all(batch, || Err(LogError::Stopped), &stopped),
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        if begun {
            self.privacy.forget();
        }
        // It may be in the log after all. Its numbers are not used twice: the next transaction looks first.
        refuse_all(batch, || Err(LogError::Unavailable), &LogError::Unavailable);
    }

    /// The entry that starts this replica, and in a new month an entry of its own, says with which seed tags are made
    /// from there on. Tells whether this batch holds one.
    fn begin_chain(&mut self, batch: &mut Vec<Pending>) -> Result<bool, LogError> {
        let last_us = self.ours.as_ref().map_or(0, |(head, _)| head.last_us);
        let day = Day::of(self.clock.now().as_microsecond().max(last_us));
        let Some(seed) = self.privacy.begin(day)? else {
            return Ok(false);
        };
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

    /// One transaction. An error means that the log stopped.
    async fn attempt(&mut self, batch: &[Pending], unknown: Option<Prepared>) -> Result<Outcome, LogError> {
        self.health.check()?;
        if self.health.steady.check(&*self.clock).is_err() {
            let reason = "the clock jumped".to_owned();
            let error = StoreError::Unavailable { reason };
            return Ok(unknown.map_or(Outcome::NotCommitted(error), Outcome::Unknown));
        }
        match self.ours.take() {
            Some((head, frontier)) if !self.uncertain && !batch::has_effects(batch) => {
                match self.advance(head, frontier, batch).await {
                    Some(outcome) => Ok(outcome),
                    None => self.under_lock(batch, unknown).await,
                }
            }
            _ => self.under_lock(batch, unknown).await,
        }
    }

    /// Appends in one statement, which moves the head only if it is still the one that we left. `None` if it was not:
    /// nothing was written.
    async fn advance(&mut self, head: rows::Head, frontier: Frontier, batch: &[Pending]) -> Option<Outcome> {
        let known = head.clone();
        let place = self.place();
        let (prepared, entries) = batch::arrange(place, head, frontier, batch, self.sealing());
        if prepared.is_empty() {
            self.ours = Some((known, prepared.frontier.clone()));
            return Some(Outcome::Committed(prepared));
        }
        let advance = rows::advance(
            &self.store,
            SHARD,
            &self.replica,
            (&known, &prepared.head),
            entries,
        );
        match tokio::time::timeout(STEP_MAX, advance).await {
            Ok(Ok(true)) => Some(Outcome::Committed(prepared)),
            Ok(Ok(false)) => None,
            // It may even be waiting for the head still, and get in later: whoever holds the head looks again.
            Ok(Err(_)) | Err(_) => Some(Outcome::Unknown(prepared)),
        }
    }

    /// Appends under the lock of the head: with effects, beside other replicas, or when nobody knows what became of
    /// the last attempt.
    async fn under_lock(
        &mut self,
        batch: &[Pending],
        unknown: Option<Prepared>,
    ) -> Result<Outcome, LogError> {
        // Dropped half-way, the transaction rolls back: nothing of it stays.
        let prepare_max = if batch::has_effects(batch) {
            EFFECTS_MAX
        } else {
            STEP_MAX
        };
        let expected = unknown.as_ref().map(|prepared| prepared.next_sequence);
        let prepared = tokio::time::timeout(prepare_max, self.prepare(batch, expected)).await;
        let prepared = match (prepared.unwrap_or_else(|_| Ok(Err(no_answer())))?, unknown) {
            (Ok(Some(prepared)), _) => prepared,
            (Ok(None), Some(unknown)) => return Ok(Outcome::Committed(unknown)),
            (Err(error), None) => return Ok(Outcome::NotCommitted(error)),
            (_, Some(unknown)) => return Ok(Outcome::Unknown(unknown)),
            (Ok(None), None) => return Ok(Outcome::NotCommitted(no_answer())),
        };
        let (tx, prepared) = prepared;
        if prepared.is_empty() {
            // Every entry was refused by its own fault: there is nothing to commit.
            return Ok(Outcome::Committed(prepared));
        }
        Ok(match tokio::time::timeout(STEP_MAX, tx.commit()).await {
            Ok(Ok(())) => Outcome::Committed(prepared),
            // An error, too, leaves us guessing: the answer of a good commit can get lost on the way.
            Ok(Err(_)) | Err(_) => Outcome::Unknown(prepared),
        })
    }

    /// Everything up to the commit; nothing where the log already has the batch, whose last attempt would have brought
    /// our numbers up to `expected`. The outer error means that the log stopped; with the inner one nothing is left in
    /// the database.
    async fn prepare(
        &mut self,
        batch: &[Pending],
        expected: Option<u64>,
    ) -> Result<Result<Option<(Tx, Prepared)>, StoreError>, LogError> {
        let locked = async {
            let mut tx = self.store.begin_write().await?;
            let head = rows::lock_head(&mut tx, SHARD).await?;
            Ok((tx, head))
        };
        let (mut tx, head, session) = match locked.await {
            Err(error) => return Ok(Err(error)),
            Ok((_, None)) => return Err(self.health.stop("the head is gone")),
            Ok((tx, Some((head, session)))) => (tx, head, session),
        };
        if session == "off" {
            return Ok(Err(StoreError::Unavailable {
                reason: "`synchronous_commit` is off".to_owned(),
            }));
        }
        let frontier = self.check_head(&head)?;
        Ok(self
            .fill(&mut tx, head, frontier, batch, expected)
            .await
            .map(|prepared| prepared.map(|prepared| (tx, prepared))))
    }

    async fn fill(
        &mut self,
        tx: &mut Tx,
        head: rows::Head,
        frontier: Frontier,
        batch: &[Pending],
        expected: Option<u64>,
    ) -> Result<Option<Prepared>, StoreError> {
        if self.uncertain {
            // The lock is ours until we have appended, so whatever became of earlier commits is final.
            self.next_sequence = rows::last_sequence(tx, &self.replica)
                .await?
                .map_or(0, |last| last + 1);
            if expected == Some(self.next_sequence) {
                return Ok(None);
            }
        }
        let place = self.place();
        batch::fill(tx, place, head, frontier, batch, self.sealing())
            .await
            .map(Some)
    }

    fn sealing(&mut self) -> batch::Sealing<'_> {
        batch::Sealing {
            privacy: &self.privacy,
            envelopes: &mut self.envelopes,
        }
    }

    /// Where and when the next batch comes to stand.
    fn place(&self) -> batch::Place {
        batch::Place {
            replica: self.replica,
            next_sequence: self.next_sequence,
            now_us: self.clock.now().as_microsecond(),
        }
    }

    /// Is the head what this process saw, or a continuation of it?
    fn check_head(&self, head: &rows::Head) -> Result<Frontier, LogError> {
        let (size, root) = self.seen;
        if head.size < size {
            return Err(self
                .health
                .stop("the log is shorter than it was: restored or cut off"));
        }
        if head.size == size && head.root != root {
            return Err(self.health.stop("the log has another root at the same size"));
        }
        match Frontier::from_bytes(head.size, &head.frontier) {
            Ok(frontier) if frontier.root() == head.root => Ok(frontier),
            _ => Err(self.health.stop("the head's frontier does not give its root")),
        }
    }

    /// Remembers what is durable now, signs it once, and wakes everybody who waited for it. Whoever stopped waiting
    /// is in the log all the same.
    fn wake(&mut self, batch: Vec<Pending>, prepared: Prepared) {
        self.health
            .policy_generation
            .store(prepared.head.policy_generation, Ordering::SeqCst);
        self.next_sequence = prepared.next_sequence;
        // An empty batch changed no head: what is on its way still may get in.
        self.uncertain &= prepared.is_empty();
        // Who appended right after us would be seen by the next statement, which then writes nothing.
        let alone = prepared.first_index == self.seen.0;
        self.seen = (prepared.head.size, prepared.head.root);
        self.ours = alone.then(|| (prepared.head.clone(), prepared.frontier));
        let Some(head) = SignedHead::sign(&self.signer, prepared.head.size, prepared.head.root) else {
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

/// Takes what is queued right now, up to the limits of one transaction.
fn take_queued(batch: &mut Vec<Pending>, queue: &mut mpsc::Receiver<Pending>) {
    let mut bytes: usize = batch.iter().map(|pending| pending.bytes).sum();
    while batch.len() < BATCH_ENTRIES_MAX && bytes < BATCH_BYTES_MAX {
        let Ok(next) = queue.try_recv() else { break };
        bytes += next.bytes;
        batch.push(next);
    }
}

fn refuse_all(batch: Vec<Pending>, told: impl Fn() -> Result<Committed, LogError>, why: &LogError) {
    tracing::error!(entries = batch.len(), error = %why, "entries were not appended to the audit log");
    for pending in batch {
        drop(pending.answer.send(told()));
    }
}

fn no_answer() -> StoreError {
    StoreError::Unavailable {
        reason: "no answer in time".to_owned(),
    }
}
