//! From one shard to the next. Under the head's lock, in one transaction: the entry that closes the old shard, the new
//! shard, and its first entry, which embeds the old one's last checkpoint and says with which size and root it ended. So
//! of several replicas one does it, and each entry stands in the old shard or in the new one.
//!
//! What a crash leaves behind: nothing, or all of it; who comes next finds the shard closed and goes on in the new one.

use std::sync::Arc;

use doelpoort_core::audit::leaf::{Kind, Value, extra};
use doelpoort_core::audit::merkle::{Frontier, empty_root};
use doelpoort_core::audit::verify::{Opening, RESTORED};

use super::attempt::unavailable;
use super::batch::{self, Place, Prepared, Sealing};
use super::pending::software;
use super::{Committer, Outcome, Pending, STEP_MAX};
use crate::log::entry::random;
use crate::log::privacy::{Envelopes, Privacy};
use crate::log::shards::Shard;
use crate::log::{Entry, LogError, tiles};
use crate::store::{Store, StoreError, Tx, log as rows};

/// The longest note that is embedded, in bytes: an entry's text has 4,096.
const NOTE_BYTES_MAX: usize = 4_096;

/// What is written into the two shards.
pub(in crate::log) struct Turn<'a> {
    pub(in crate::log) old: &'a Shard,
    /// Is there a next one at once?
    pub(in crate::log) next: Option<&'a Shard>,
    pub(in crate::log) privacy: &'a Privacy,
    /// The last checkpoint of the old shard that is known.
    pub(in crate::log) checkpoint: Option<String>,
    /// After a restore: which entries of the old shard are lost, from and until.
    pub(in crate::log) lost: Option<(u64, u64)>,
}

impl Committer {
    /// Closes the shard and opens the next one, in the transaction that holds the head.
    pub(super) async fn roll_over(
        &mut self,
        tx: Tx,
        head: rows::Head,
        frontier: Frontier,
    ) -> Result<Outcome, LogError> {
        let rolled = self.write_rollover(tx, head, frontier);
        match tokio::time::timeout(STEP_MAX, rolled).await {
            Ok(Ok((next, replica, opened))) => {
                tracing::info!(shard = next.origin(), "the audit log goes on in its next shard");
                if let Err(error) = self.shards.look().await {
                    tracing::warn!(%error, "the new shard is seen at the next look");
                }
                self.go_on_in(Arc::new(next), replica, 1, (opened.head.size, opened.head.root));
                self.ours = Some((opened.head, opened.frontier));
                Ok(Outcome::Moved)
            }
            Ok(Err(LogError::Store(error))) => {
                self.uncertain = true;
                Ok(Outcome::NotCommitted(error))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                // The next look under the lock tells whether the shard is closed.
                self.uncertain = true;
                Ok(Outcome::NotCommitted(unavailable("no answer in time")))
            }
        }
    }

    async fn write_rollover(
        &self,
        mut tx: Tx,
        head: rows::Head,
        frontier: Frontier,
    ) -> Result<(Shard, [u8; 16], Prepared), LogError> {
        let place = self.place();
        let time_us = place.now_us.max(head.last_us);
        let next = self.shards.next(time_us)?;
        let turn = Turn {
            old: &self.shard,
            next: Some(&next),
            privacy: &self.privacy,
            checkpoint: embeddable(&self.store, &self.shard).await?,
            lost: None,
        };
        let closed = turn.close(&mut tx, place, head, frontier).await?;
        let replica = random()?;
        let place = Place {
            shard: next.number,
            replica,
            next_sequence: 0,
            now_us: place.now_us,
        };
        let opened = turn.open(&mut tx, place, &next, &closed.head).await?;
        tx.commit().await?;
        Ok((next, replica, opened))
    }

    /// Another replica, or an operator, closed the shard: on in the next one, under a new boot id.
    pub(super) async fn enter(&mut self) -> Result<Outcome, LogError> {
        match self.shards.look().await {
            Ok(()) => {}
            Err(LogError::Store(error)) => return Ok(Outcome::NotCommitted(error)),
            Err(_) => {
                return Err(self
                    .health
                    .stop("a shard of the log is missing, or is another log's"));
            }
        }
        let following = self.shard.number + 1;
        let all = self.shards.all();
        let Some(next) = all.into_iter().find(|shard| shard.number == following) else {
            return Ok(Outcome::NotCommitted(unavailable("the audit log was closed")));
        };
        let head = match rows::head(&self.store, next.number).await {
            Ok(Some(head)) => head,
            Ok(None) => return Err(self.health.stop("the head is gone")),
            Err(error) => return Ok(Outcome::NotCommitted(error)),
        };
        let replica = random()?;
        self.go_on_in(next, replica, 0, (head.size, head.root));
        Ok(Outcome::Moved)
    }

    fn go_on_in(&mut self, shard: Arc<Shard>, replica: [u8; 16], next_sequence: u64, seen: (u64, [u8; 32])) {
        self.shard = shard;
        (self.replica, self.next_sequence, self.seen) = (replica, next_sequence, seen);
        // What is known of the old shard is final: its head was locked.
        (self.started, self.uncertain, self.ours) = (false, false, None);
        self.envelopes = Envelopes::default();
        self.privacy.forget();
    }
}

impl Turn<'_> {
    /// Writes the entry that closes the old shard.
    pub(in crate::log) async fn close(
        &self,
        tx: &mut Tx,
        place: Place,
        head: rows::Head,
        frontier: Frontier,
    ) -> Result<Prepared, LogError> {
        let mut entry = Entry::new(Kind::ShardClosed)?;
        let told = &mut entry.event.extra;
        told.extend(
            self.next
                .map(|next| (extra::SHARD_KEY, Value::Text(next.key().to_text()))),
        );
        if let Some((from, until)) = self.lost {
            told.extend([
                (extra::OUTCOME, Value::Text(RESTORED.to_owned())),
                (extra::FROM_INDEX, Value::Number(from)),
                (extra::UNTIL_INDEX, Value::Number(until)),
            ]);
        }
        let closed = self
            .fill(tx, place, self.old, (head, frontier), vec![entry])
            .await?;
        rows::close(tx, self.old.number).await?;
        Ok(closed)
    }

    /// Makes the next shard, with its first entry. `closed` is the final state of the old one.
    pub(in crate::log) async fn open(
        &self,
        tx: &mut Tx,
        place: Place,
        next: &Shard,
        closed: &rows::Head,
    ) -> Result<Prepared, LogError> {
        let (origin, key, empty) = (next.origin(), next.key().to_text(), empty_root());
        rows::create_next(
            tx,
            next.number,
            (origin, &key),
            (closed, &empty),
            closed.last_us.max(place.now_us),
        )
        .await?;
        let mut entry = Entry::new(Kind::ShardOpened)?;
        software(&mut entry);
        Opening {
            key: self.old.key().clone(),
            checkpoint: self.checkpoint.clone(),
            size: closed.size,
            root: closed.root,
            generation: closed.policy_generation.unsigned_abs(),
            policies: closed.policy_digest.as_slice().try_into().ok(),
            restored: self.lost.is_some(),
        }
        .write(&mut entry.event);
        let head = rows::Head {
            size: 0,
            frontier: Vec::new(),
            root: empty,
            closed: false,
            ..closed.clone()
        };
        self.fill(tx, place, next, (head, Frontier::empty()), vec![entry])
            .await
    }

    /// Writes entries into a shard.
    pub(in crate::log) async fn fill(
        &self,
        tx: &mut Tx,
        place: Place,
        shard: &Shard,
        (head, frontier): (rows::Head, Frontier),
        entries: Vec<Entry>,
    ) -> Result<Prepared, LogError> {
        let today = doelpoort_core::audit::day::Day::of(place.now_us);
        let batch = entries.into_iter().map(|entry| {
            let (pending, _, _) = Pending::new(entry, self.privacy, today)?;
            Ok(pending)
        });
        let batch = batch.collect::<Result<Vec<_>, LogError>>()?;
        let mut envelopes = Envelopes::default();
        let sealing = Sealing {
            privacy: self.privacy,
            origin: shard.origin(),
            envelopes: &mut envelopes,
        };
        let mut prepared = batch::fill(tx, place, head, frontier, &batch, sealing).await?;
        match prepared.fates.iter().position(Result::is_err) {
            None => Ok(prepared),
            Some(refused) => Err(prepared
                .fates
                .swap_remove(refused)
                .err()
                .unwrap_or(LogError::Stopped)),
        }
    }
}

/// The last checkpoint of a shard, with as many cosignatures as an entry can hold.
pub(in crate::log) async fn embeddable(store: &Store, shard: &Shard) -> Result<Option<String>, StoreError> {
    let Some(last) = rows::last_checkpoint(store, shard.number).await? else {
        return Ok(None);
    };
    let mut note = last.note.clone();
    for line in tiles::cosignatures(store, shard.number, last.size).await? {
        if note.len() + line.len() <= NOTE_BYTES_MAX {
            note.push_str(&line);
        }
    }
    Ok(Some(note))
}
