//! What an operator does to the log while no gateway runs on it, or beside one: closes a shard, opens the next, goes on
//! after a restore. Nothing is ever repaired: what is in the log stays as it is, and entries say what was done.
//!
//! After a restore, what was lost may have held a withdrawal. So an entry takes back everything that anybody approved
//! before: all purposes sleep until each approver says again what holds, and who withdrew does not.
//!
//! What a crash leaves behind: nothing, or all of it: each is one transaction.

use std::sync::Arc;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::leaf::{Kind, Value, extra};
use doelpoort_core::audit::merkle::Frontier;
use doelpoort_core::audit::note::{Signer, Verifier};
use doelpoort_core::audit::receipt::Proven;
use doelpoort_core::policy::FgKeys;
use doelpoort_core::policy::history::LOG_RESTORED;

use super::committer::{Place, Turn, embeddable};
use super::entry::random;
use super::privacy::Privacy;
use super::shards::{Shard, Shards};
use super::{Effect, Entry, LogError, refuse_weak_database};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx, log as rows};

/// Leaf hashes that are read by one statement.
const HASHES_PER_READ: u64 = 65_536;

/// The log, for an operator.
pub struct Offline {
    store: Store,
    shards: Shards,
    privacy: Privacy,
    clock: Arc<dyn Clock>,
}

/// A state of a shard that the log signed, as somebody kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The shard.
    pub origin: String,
    /// The number of its entries.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The checkpoint; none where it comes from a receipt.
    pub note: Option<String>,
}

impl Known {
    /// From a checkpoint that any shard of the log signed.
    ///
    /// # Errors
    /// It did not.
    pub fn of_checkpoint(note: &str, log: &Verifier) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::open_of_log(note, log)?;
        Ok(Self {
            origin: checkpoint.origin,
            size: checkpoint.size,
            root: checkpoint.root,
            note: Some(note.to_owned()),
        })
    }

    /// From a receipt.
    pub fn of_receipt(receipt: &Proven) -> Self {
        Self {
            origin: receipt.origin.clone(),
            size: receipt.size,
            root: receipt.root,
            note: None,
        }
    }
}

/// What was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The shard before.
    pub before: String,
    /// How many entries that has.
    pub entries: u64,
    /// The key of the new one.
    pub key: Verifier,
}

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// There is nothing to close.
    #[error("the shard `{0}` is closed already")]
    AlreadyClosed(String),
    /// There is nothing to open.
    #[error(
        "the shard `{0}` is open and its year is not over: close it first, with `doelpoort audit shard close`"
    )]
    StillOpen(String),
    /// Nothing is lost.
    #[error(
        "the log goes on from what was kept of `{origin}` at size `{size}`: nothing was lost, and nothing is done. If \
         more was published, give the newest checkpoint that a witness or anybody has"
    )]
    NotNeeded {
        /// The shard.
        origin: String,
        /// The size that was kept.
        size: u64,
    },
    /// The backup itself is no log.
    #[error(
        "the entries here do not give the head of `{0}`: run `doelpoort audit verify`, and restore a backup that is whole"
    )]
    Damaged(String),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<StoreError> for OfflineError {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

/// The transaction that holds the head of the last shard.
struct Held {
    tx: Tx,
    shard: Arc<Shard>,
    head: rows::Head,
    place: Place,
}

impl Offline {
    /// The log in the database, which must be that of `signer`.
    ///
    /// # Errors
    /// It is another one, a shard is missing, or the database may lose commits.
    pub async fn open(
        store: Store,
        signer: Signer,
        fg_keys: FgKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LogError> {
        refuse_weak_database(&store).await?;
        Ok(Self {
            shards: Shards::read(store.clone(), signer).await?,
            privacy: Privacy::new(fg_keys),
            store,
            clock,
        })
    }

    /// The key of the shard that comes after the last one: for witnesses, before it is opened. `time_us` is when.
    ///
    /// # Errors
    /// The year has no name left.
    pub fn next_key(&self, time_us: i64) -> Result<Verifier, LogError> {
        Ok(self.shards.next(time_us)?.key().clone())
    }

    /// The public key of the log.
    pub fn key(&self) -> &Verifier {
        self.shards.key()
    }

    /// Closes the last shard, and opens no other: nothing is logged any more, so nothing is answered. Tells its name and
    /// its size.
    ///
    /// # Errors
    /// It is closed.
    pub async fn close(&self) -> Result<(String, u64), OfflineError> {
        let mut held = self.hold(0).await?;
        if held.head.closed {
            return Err(OfflineError::AlreadyClosed(held.shard.origin().to_owned()));
        }
        let turn = self.turn(&held.shard, None, None, None);
        let frontier = self.sound(&held).await?;
        let closed = turn.close(&mut held.tx, held.place, held.head, frontier).await?;
        held.tx.commit().await.map_err(LogError::from)?;
        Ok((held.shard.origin().to_owned(), closed.head.size))
    }

    /// Opens the next shard, after one that was closed or whose year is over.
    ///
    /// # Errors
    /// The last one is open.
    pub async fn open_next(&self) -> Result<Opened, OfflineError> {
        let checkpoint = embeddable(&self.store, &*self.shards.current()?).await?;
        let mut held = self.hold(0).await?;
        let time_us = held.place.now_us.max(held.head.last_us);
        if !held.head.closed && !held.shard.is_over(time_us) {
            return Err(OfflineError::StillOpen(held.shard.origin().to_owned()));
        }
        let next = self.shards.next(time_us)?;
        let shard = Arc::clone(&held.shard);
        let turn = self.turn(&shard, Some(&next), checkpoint, None);
        let mut head = held.head.clone();
        if !head.closed {
            let frontier = self.sound(&held).await?;
            head = turn.close(&mut held.tx, held.place, head, frontier).await?.head;
        }
        let place = place_in(&next, &held.place)?;
        turn.open(&mut held.tx, place, &next, &head).await?;
        self.opened(held.tx, &shard, head.size, &next).await
    }

    /// Goes on after a restore: closes what is here, opens the next shard with the last state that is known, says what is
    /// lost, and lets every purpose sleep.
    ///
    /// # Errors
    /// Nothing that was kept is missing here; or what is here is no log.
    pub async fn restore(&self, known: &Known) -> Result<Opened, OfflineError> {
        let own = embeddable(&self.store, &*self.shards.current()?).await?;
        let mut held = self.hold(0).await?;
        let frontier = self.sound(&held).await?;
        if held.head.closed {
            return Err(OfflineError::AlreadyClosed(held.shard.origin().to_owned()));
        }
        if self.holds(known).await? {
            return Err(OfflineError::NotNeeded {
                origin: known.origin.clone(),
                size: known.size,
            });
        }
        let time_us = held.place.now_us.max(held.head.last_us);
        let next = self.shards.next_besides(time_us, Some(&known.origin))?;
        let shard = Arc::clone(&held.shard);
        let lost = (held.head.size, known.size);
        let checkpoint = known.note.clone().or(own);
        let turn = self.turn(&shard, Some(&next), checkpoint, Some(lost));
        let closed = turn.close(&mut held.tx, held.place, held.head, frontier).await?;
        let place = place_in(&next, &held.place)?;
        let opened = turn.open(&mut held.tx, place, &next, &closed.head).await?;
        let entries = vec![incident(&shard, lost)?, taken_back(&opened.head)?];
        let place = Place {
            next_sequence: 1,
            ..place
        };
        turn.fill(
            &mut held.tx,
            place,
            &next,
            (opened.head, opened.frontier),
            entries,
        )
        .await?;
        self.opened(held.tx, &shard, lost.0, &next).await
    }

    /// Locks the last shard. What others opened meanwhile is looked for once.
    async fn hold(&self, attempt: u8) -> Result<Held, OfflineError> {
        self.shards.look().await?;
        let shard = self.shards.current()?;
        let mut tx = self.store.begin_write().await?;
        let locked = rows::lock_head(&mut tx, shard.number).await?;
        let (head, _) = locked.ok_or(LogError::Stopped)?;
        let place = Place {
            shard: shard.number,
            replica: random()?,
            next_sequence: 0,
            now_us: self.clock.now().as_microsecond(),
        };
        let held = Held {
            tx,
            shard,
            head,
            place,
        };
        if attempt == 0 && rows::shards(&self.store).await?.len() > self.shards.all().len() {
            held.tx.rollback().await?;
            return Box::pin(self.hold(1)).await;
        }
        Ok(held)
    }

    fn turn<'t>(
        &'t self,
        old: &'t Shard,
        next: Option<&'t Shard>,
        checkpoint: Option<String>,
        lost: Option<(u64, u64)>,
    ) -> Turn<'t> {
        Turn {
            old,
            next,
            privacy: &self.privacy,
            checkpoint,
            lost,
        }
    }

    /// The tree of the last shard, if its entries give its head.
    async fn sound(&self, held: &Held) -> Result<Frontier, OfflineError> {
        let damaged = || OfflineError::Damaged(held.shard.origin().to_owned());
        let tree = self
            .tree(held.shard.number, held.head.size)
            .await?
            .ok_or_else(damaged)?;
        if tree.root() == held.head.root {
            Ok(tree)
        } else {
            Err(damaged())
        }
    }

    /// Does the log here have the state that was kept?
    async fn holds(&self, known: &Known) -> Result<bool, OfflineError> {
        let shards = self.shards.all();
        let Some(shard) = shards.into_iter().find(|shard| shard.origin() == known.origin) else {
            return Ok(false);
        };
        let tree = self.tree(shard.number, known.size).await?;
        Ok(tree.is_some_and(|tree| tree.root() == known.root))
    }

    /// The tree of the first entries of a shard; `None` where there are fewer.
    async fn tree(&self, shard: i64, size: u64) -> Result<Option<Frontier>, OfflineError> {
        let mut tree = Frontier::empty();
        while tree.size() < size {
            let (from, until) = (tree.size(), size.min(tree.size() + HASHES_PER_READ));
            rows::leaf_hashes(&self.store, shard, from, until, |hash| tree.push(hash)).await?;
            if tree.size() != until {
                return Ok(None);
            }
        }
        Ok(Some(tree))
    }

    async fn opened(
        &self,
        tx: Tx,
        before: &Shard,
        entries: u64,
        next: &Shard,
    ) -> Result<Opened, OfflineError> {
        tx.commit().await.map_err(LogError::from)?;
        Ok(Opened {
            before: before.origin().to_owned(),
            entries,
            key: next.key().clone(),
        })
    }
}

fn place_in(shard: &Shard, before: &Place) -> Result<Place, LogError> {
    Ok(Place {
        shard: shard.number,
        replica: random()?,
        next_sequence: 0,
        now_us: before.now_us,
    })
}

/// The entry that tells what a restore lost.
fn incident(shard: &Shard, (from, until): (u64, u64)) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::Incident)?;
    entry.event.extra.extend([
        (extra::OUTCOME, Value::Text(LOG_RESTORED.to_owned())),
        (extra::SHARD, Value::Text(shard.origin().to_owned())),
        (extra::FROM_INDEX, Value::Number(from)),
        (extra::UNTIL_INDEX, Value::Number(until)),
    ]);
    Ok(entry)
}

/// The entry that takes back what anybody approved until now.
fn taken_back(head: &rows::Head) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::Withdrawal)?;
    let generation = head.policy_generation + 1;
    entry.event.decision = Some(LOG_RESTORED.to_owned());
    let number = Value::Number(generation.unsigned_abs());
    entry.event.extra.insert(extra::GENERATION, number);
    let Ok(digest) = Hash::try_from(head.policy_digest.as_slice()) else {
        // Before the first policies there is nothing that anybody approved.
        entry.event.extra.remove(&extra::GENERATION);
        return Ok(entry);
    };
    entry.event.policy = Some(digest);
    Ok(entry.with_effect(Effect::SetPolicyGeneration { generation, digest }))
}

impl std::fmt::Debug for Offline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Offline({})", self.key().name())
    }
}
