//! One try to get a batch into the log, and how far it came.

use doelpoort_core::audit::day::Day;
use doelpoort_core::audit::merkle::Frontier;

use super::batch::{self, Prepared};
use super::{Committer, EFFECTS_MAX, Outcome, Pending, STEP_MAX};
use crate::log::LogError;
use crate::log::steady::{AHEAD_US_MAX, ahead_us};
use crate::store::{StoreError, Tx, log as rows};

/// What was found under the head's lock.
enum Found {
    /// The batch stands in the transaction.
    Filled(Tx, Prepared),
    /// The batch is in the log already, by an earlier attempt.
    Already(Prepared),
    /// Its entries would stand on a day that the chain of tags is not for.
    Turned,
    /// The shard is closed: nothing more gets into it.
    Closed,
    /// Its year is over.
    Over(Tx, rows::Head, Frontier),
}

impl Committer {
    /// One transaction. `unknown` are the earlier attempts at this batch of which nobody knows what became of them: any of
    /// them may be the one that is in the log. An error means that the log stopped.
    pub(super) async fn attempt(
        &mut self,
        batch: &[Pending],
        unknown: &mut Vec<Prepared>,
    ) -> Result<Outcome, LogError> {
        self.health.check()?;
        if self.health.steady.check(&*self.clock).is_err() {
            return Ok(Outcome::NotCommitted(unavailable("the clock jumped")));
        }
        match self.ours.take() {
            Some((head, frontier))
                if !self.uncertain && !batch::has_effects(batch) && !self.is_over(&head) =>
            {
                match self.advance(head, frontier, batch).await {
                    Some(outcome) => Ok(outcome),
                    None => self.under_lock(batch, unknown).await,
                }
            }
            _ => self.under_lock(batch, unknown).await,
        }
    }

    /// Would an entry that is appended now be of a later year than its shard?
    fn is_over(&self, head: &rows::Head) -> bool {
        let now_us = self.clock.now().as_microsecond();
        self.shard.is_over(now_us.max(head.last_us))
    }

    /// Appends in one statement, which moves the head only if it is still the one that we left. `None` if it was not:
    /// nothing was written.
    async fn advance(&mut self, head: rows::Head, frontier: Frontier, batch: &[Pending]) -> Option<Outcome> {
        let known = head.clone();
        let place = self.place();
        if !self.serves(place.day(&head)) {
            self.ours = Some((head, frontier));
            return Some(Outcome::Moved);
        }
        let (prepared, entries) = batch::arrange(place, head, frontier, batch, self.sealing());
        if prepared.is_empty() {
            self.ours = Some((known, prepared.frontier.clone()));
            return Some(Outcome::Committed(prepared));
        }
        let advance = rows::advance(
            &self.store,
            self.shard.number,
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
        unknown: &mut Vec<Prepared>,
    ) -> Result<Outcome, LogError> {
        // Dropped half-way, the transaction rolls back: nothing of it stays.
        let prepare_max = if batch::has_effects(batch) {
            EFFECTS_MAX
        } else {
            STEP_MAX
        };
        let found = tokio::time::timeout(prepare_max, self.prepare(batch, unknown)).await;
        let (tx, prepared) = match found.unwrap_or_else(|_| Ok(Err(no_answer())))? {
            Ok(Found::Filled(tx, prepared)) => (tx, prepared),
            Ok(Found::Already(prepared)) => return Ok(Outcome::Committed(prepared)),
            Ok(Found::Turned) => return Ok(Outcome::Moved),
            // Under the lock it is final that no earlier attempt is in.
            Ok(Found::Closed) => return self.enter().await,
            Ok(Found::Over(tx, head, frontier)) => return self.roll_over(tx, head, frontier).await,
            Err(error) => return Ok(Outcome::NotCommitted(error)),
        };
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

    /// Everything up to the commit; nothing where the log already has the batch by one of the `unknown` attempts. The
    /// outer error means that the log stopped; with the inner one nothing is left in the database.
    async fn prepare(
        &mut self,
        batch: &[Pending],
        unknown: &mut Vec<Prepared>,
    ) -> Result<Result<Found, StoreError>, LogError> {
        let locked = async {
            let mut tx = self.store.begin_write().await?;
            let head = rows::lock_head(&mut tx, self.shard.number).await?;
            Ok((tx, head))
        };
        let (mut tx, head, session) = match locked.await {
            Err(error) => return Ok(Err(error)),
            Ok((_, None)) => return Err(self.health.stop("the head is gone")),
            Ok((tx, Some((head, session)))) => (tx, head, session),
        };
        if session == "off" {
            return Ok(Err(unavailable("`synchronous_commit` is off")));
        }
        let frontier = self.check_head(&head)?;
        Ok(self
            .fill(&mut tx, (head, frontier), batch, unknown)
            .await
            .map(|found| match found {
                Filling::Filled(prepared) => Found::Filled(tx, prepared),
                Filling::Already(prepared) => Found::Already(prepared),
                Filling::Turned => Found::Turned,
                Filling::Closed => Found::Closed,
                Filling::Over(head, frontier) => Found::Over(tx, head, frontier),
            }))
    }

    async fn fill(
        &mut self,
        tx: &mut Tx,
        (head, frontier): (rows::Head, Frontier),
        batch: &[Pending],
        unknown: &mut Vec<Prepared>,
    ) -> Result<Filling, StoreError> {
        if self.uncertain {
            // The lock is ours until we have appended, so whatever became of earlier commits is final.
            let found = rows::last_entry(tx, &self.replica).await?;
            self.next_sequence = found.as_ref().map_or(0, |last| last.sequence + 1);
            if let Some(prepared) = found.and_then(|found| take_committed(unknown, &found)) {
                return Ok(Filling::Already(prepared));
            }
        }
        if head.closed {
            return Ok(Filling::Closed);
        }
        let place = self.place();
        if ahead_us(&head, place.now_us) > AHEAD_US_MAX {
            return Err(unavailable("the log is ahead of this machine's clock"));
        }
        if self.is_over(&head) {
            return Ok(Filling::Over(head, frontier));
        }
        if !self.serves(place.day(&head)) {
            self.seen_us = self.seen_us.max(head.last_us);
            return Ok(Filling::Turned);
        }
        batch::fill(tx, place, head, frontier, batch, self.sealing())
            .await
            .map(Filling::Filled)
    }

    /// Are the tags of entries that stand on this day made with the chain that there is, and is a seed in this batch said on
    /// its day? Readers take the day from the entry.
    fn serves(&self, day: Day) -> bool {
        self.seeded.is_none_or(|seeded| seeded == day) && self.privacy.serves(day)
    }

    pub(super) fn sealing(&mut self) -> batch::Sealing<'_> {
        batch::Sealing {
            privacy: &self.privacy,
            origin: self.shard.origin(),
            envelopes: &mut self.envelopes,
        }
    }

    /// Where and when the next batch comes to stand.
    pub(super) fn place(&self) -> batch::Place {
        batch::Place {
            shard: self.shard.number,
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
}

/// The same as [`Found`], without the transaction.
enum Filling {
    Filled(Prepared),
    Already(Prepared),
    Turned,
    Closed,
    Over(rows::Head, Frontier),
}

/// The attempt that brought the entry which was found, taken out of those that may have.
pub(super) fn take_committed(unknown: &mut Vec<Prepared>, found: &rows::LastEntry) -> Option<Prepared> {
    let place = unknown
        .iter()
        .position(|attempt| attempt.is_committed_by(found))?;
    Some(unknown.swap_remove(place))
}

fn no_answer() -> StoreError {
    unavailable("no answer in time")
}

pub(super) fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use doelpoort_core::audit::merkle::empty_root;

    use super::*;

    /// An attempt at a batch of one entry, which brought this hash to this place.
    fn attempt(index: u64, hash: u8) -> Prepared {
        let head = rows::Head {
            size: index + 1,
            frontier: Vec::new(),
            root: empty_root(),
            last_us: 0,
            policy_generation: 0,
            policy_digest: Vec::new(),
            closed: false,
        };
        Prepared {
            head,
            frontier: Frontier::empty(),
            first_index: index,
            next_sequence: 5,
            last: Some((index, [hash; 32])),
            fates: Vec::new(),
            inclusions: Vec::new(),
        }
    }

    #[test]
    fn an_unconfirmed_commit_is_not_taken_for_another_attempt() {
        let found = |index, hash| rows::LastEntry {
            sequence: 4,
            index,
            leaf_hash: [hash; 32],
        };
        let mut unknown = vec![attempt(10, 1), attempt(10, 2), attempt(11, 2)];
        // What got in is the first, long after the others were tried; its number is that of all.
        let first = take_committed(&mut unknown, &found(10, 1)).unwrap();
        assert_eq!(first.last, Some((10, [1; 32])));
        let moved = take_committed(&mut unknown, &found(11, 2)).unwrap();
        assert_eq!(moved.first_index, 11);
        // Somebody else's, and one of another number.
        assert!(take_committed(&mut unknown, &found(10, 3)).is_none());
        let earlier = rows::LastEntry {
            sequence: 3,
            ..found(10, 2)
        };
        assert!(take_committed(&mut unknown, &earlier).is_none());
    }
}
