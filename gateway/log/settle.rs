//! What was begun and never ended, because the replica died that would have told: an answer that leaves in pieces, without
//! the entry that says how far it came; a window of refusals without its count. After a quarter of an hour whichever
//! replica looks first says what must be assumed.
//!
//! What was begun in a shard may be ended in the next: an entry is named by its id.
//!
//! What a crash leaves behind: the mark up to which all is settled moves in the transaction of each such entry, so that the
//! next who looks goes on behind it.

use std::collections::HashSet;

use doelpoort_core::audit::leaf::{Kind, Leaf, Value, Window, extra};

use super::{Effect, Entry, Log, LogError};
use crate::store::{Row, StoreError, log as rows, settled};

/// How long an answer may be on its way, and a window open, before the worst is assumed, in µs.
const OPEN_US_MAX: i64 = 15 * 60 * 1_000_000;
/// How long a window of refusals counts, in µs; what died did so within it.
const WINDOW_US: i64 = 60 * 1_000_000;
/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 2_000;
/// The outcome of an answer of which nobody knows how far it came: it must be taken as read.
pub const PRESUMED_DISCLOSED: &str = "presumed-disclosed";

/// An entry that another must follow.
struct Open {
    index: i64,
    leaf: Leaf,
}

/// A part of the log that is old enough.
struct Ripe {
    open: Vec<Open>,
    until: i64,
}

impl Log {
    /// Settles what was begun before a quarter of an hour and never ended; call it each minute, on every replica.
    ///
    /// # Errors
    /// When the store or the log fails; the next turn goes on.
    pub async fn settle(&self) -> Result<(), LogError> {
        for shard in self.shared.shards.all() {
            self.settle_shard(shard.number).await?;
        }
        Ok(())
    }

    async fn settle_shard(&self, shard: i64) -> Result<(), LogError> {
        let ripe_us = self.shared.clock.now().as_microsecond() - OPEN_US_MAX;
        let mut from = settled::mark(&self.shared.store, shard).await?;
        loop {
            let mut ripe = self.ripe(shard, from, ripe_us).await?;
            if ripe.until == from {
                return Ok(());
            }
            self.drop_closed(&mut ripe, shard, from).await?;
            for open in &ripe.open {
                let until = open.index + 1;
                let entry = closing(&open.leaf)?.with_effect(Effect::Settle { shard, from, until });
                match self.append(entry).await {
                    Ok(_) => from = until,
                    // Another replica settles.
                    Err(LogError::Effect(StoreError::Conflict { .. })) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            if from < ripe.until && !self.advance(shard, from, ripe.until).await? {
                return Ok(());
            }
            from = ripe.until;
        }
    }

    /// The next entries from `from` on that are old enough, and which of them another must follow.
    async fn ripe(&self, shard: i64, from: i64, ripe_us: i64) -> Result<Ripe, LogError> {
        let mut ripe = Ripe {
            open: Vec::new(),
            until: from,
        };
        let read = rows::entries(&self.shared.store, shard, from.unsigned_abs(), ENTRIES_PER_READ).await?;
        for entry in read {
            let leaf = Leaf::decode(&entry.leaf)?;
            if leaf.time > ripe_us {
                break;
            }
            let index = i64::try_from(entry.index).unwrap_or(i64::MAX);
            ripe.until = index.saturating_add(1);
            if is_open(&leaf) {
                ripe.open.push(Open { index, leaf });
            }
        }
        Ok(ripe)
    }

    /// Leaves out what an entry ends. That may stand anywhere behind it, in a later shard as well.
    async fn drop_closed(&self, ripe: &mut Ripe, shard: i64, from: i64) -> Result<(), LogError> {
        if ripe.open.is_empty() {
            return Ok(());
        }
        let mut open: HashSet<[u8; 16]> = ripe.open.iter().map(|open| open.leaf.event.entry_id).collect();
        let mut each = |row: Row| {
            // A leaf that is none is for whoever verifies the log.
            let leaf = Leaf::decode(&row.bytes(0)?).ok();
            if let Some(opening) = leaf.and_then(|leaf| leaf.event.opening) {
                open.remove(&opening);
            }
            Ok::<(), StoreError>(())
        };
        for later in self.shared.shards.all() {
            if later.number >= shard {
                let from = if later.number == shard { from } else { 0 };
                settled::closing(&self.shared.store, later.number, from, &mut each).await?;
            }
        }
        ripe.open
            .retain(|candidate| open.contains(&candidate.leaf.event.entry_id));
        Ok(())
    }

    /// Moves the mark over entries of which none is open; tells whether it was still where we saw it.
    async fn advance(&self, shard: i64, from: i64, until: i64) -> Result<bool, LogError> {
        let mut tx = self.shared.store.begin_write().await?;
        match settled::advance(&mut tx, shard, (from, until)).await {
            Ok(()) => tx.commit().await?,
            Err(StoreError::Conflict { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }
}

fn is_open(leaf: &Leaf) -> bool {
    match leaf.event.kind {
        // An entry that goes on from another says no more than that one of how the answer ended.
        Kind::AccessDecided => leaf.event.opening.is_none() && leaf.event.extra.contains_key(&extra::BODY),
        Kind::RefusalWindowOpened => true,
        _ => false,
    }
}

/// The entry that settles one.
fn closing(opened: &Leaf) -> Result<Entry, LogError> {
    let event = &opened.event;
    let mut entry = match &event.window {
        None => {
            let mut entry = Entry::new(Kind::AccessCompleted)?;
            let outcome = Value::Text(PRESUMED_DISCLOSED.to_owned());
            entry.event.extra.insert(extra::OUTCOME, outcome);
            entry
        }
        Some(window) => {
            let mut entry = Entry::new(Kind::RefusalWindowClosed)?;
            entry.event.decision.clone_from(&event.decision);
            entry.event.extra.clone_from(&event.extra);
            entry.event.window = Some(Window {
                from: window.from,
                until: Some(window.from.saturating_add(WINDOW_US)),
                count: None,
            });
            entry
        }
    };
    entry.event.recipient.clone_from(&event.recipient);
    entry.event.opening = Some(event.entry_id);
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_that_close_are_those_that_the_index_has() {
        let kinds = [Kind::AccessCompleted, Kind::RefusalWindowClosed];
        assert_eq!(kinds.map(Kind::code), settled::CLOSING_KINDS.map(u64::from));
    }
}
