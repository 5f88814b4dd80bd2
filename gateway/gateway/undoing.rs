//! Undoing merges by the operator, or by an order of the data protection officer (FG): both name the entry of the log that
//! told of them, and so no pupil.

use doelpoort_core::audit::leaf::{Kind, Leaf, Value, extra};
use doelpoort_core::audit::merge_undo::{MERGES_APPLIED, MergeUndo, SignedMergeUndo};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::audit::retention::InvalidOrder;

use super::Gateway;
use crate::log::{Effect, Entry, LogError, Numbers};
use crate::store::StoreError;
use crate::store::log as rows;
use crate::store::subjects::Merge;

/// Who has merges undone.
#[derive(Clone, Copy, Debug)]
pub enum UndoneBy<'a> {
    /// Who runs the gateway.
    Operator(&'a MergeUndo),
    /// The FG, who signed for it.
    Fg(&'a SignedMergeUndo),
}

/// Why no merge is undone.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The order does not count.
    #[error(transparent)]
    Order(#[from] InvalidOrder),
    /// The entry told of none.
    #[error("entry {index} of `{origin}` tells of no merges")]
    NoMerges {
        /// The name of the shard.
        origin: String,
        /// The entry.
        index: u64,
    },
    /// There is nothing left to undo.
    #[error("the merges of this entry were undone, or it has no such pair")]
    Undone,
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UndoneBy<'_> {
    fn order(&self) -> &MergeUndo {
        match self {
            Self::Operator(order) => order,
            Self::Fg(signed) => signed.order(),
        }
    }
}

impl Gateway {
    /// An order to undo what the entry with this number in the whole log told of.
    ///
    /// # Errors
    /// When there is no such entry, or it told of no merges.
    pub async fn merge_undo(
        &self,
        number: u64,
        pair: Option<u32>,
        ground: &str,
    ) -> Result<MergeUndo, UndoError> {
        let numbers = Numbers::read(&self.store).await?;
        let (place, index) = numbers.place(number).ok_or(InvalidOrder::Range)?;
        let order = MergeUndo {
            organisation: self.log.fg_keys().organisation.clone(),
            origin: place.shard.origin.clone(),
            index,
            pair,
            ground: ground.to_owned(),
        };
        self.told(&order).await?;
        Ok(order)
    }

    /// Ends merges with the day: what makes the pupils of these pairs one, for they may hang together by a third number.
    /// Returns how many pairs the order named.
    ///
    /// # Errors
    /// When the order names nothing that there is, or it cannot be told of: then nothing ends.
    pub async fn undo_merges(&self, by: UndoneBy<'_>) -> Result<(u64, Receipt), UndoError> {
        let order = by.order();
        if order.organisation != self.log.fg_keys().organisation {
            return Err(InvalidOrder::UnknownKey.into());
        }
        let merges = self.told(order).await?;
        let mut entry = Entry::new(Kind::Resolution)?;
        match by {
            UndoneBy::Operator(order) => order.write(&mut entry.event),
            UndoneBy::Fg(signed) => signed.write(&mut entry.event),
        }
        let count = u64::try_from(merges.len()).unwrap_or(u64::MAX);
        entry.event.extra.insert(extra::ROWS, Value::Number(count));
        let pairs = merges.iter().map(|merge| (merge.survivor, merge.merged));
        let pairs: Vec<_> = pairs.collect();
        entry.private.subjects = pairs.iter().flat_map(|(one, other)| [*one, *other]).collect();
        let receipt = self
            .log
            .append(entry.with_effect(Effect::UndoMerges(pairs)))
            .await?;
        Ok((count, receipt))
    }

    /// What the entry told of that an order names, as far as it was not undone.
    async fn told(&self, order: &MergeUndo) -> Result<Vec<Merge>, UndoError> {
        let numbers = Numbers::read(&self.store).await?;
        let shard = numbers
            .shards()
            .iter()
            .find(|one| one.shard.origin == order.origin)
            .ok_or(InvalidOrder::Range)?;
        let found = rows::entries(&self.store, shard.shard.number, order.index, 1).await?;
        let found = found.into_iter().find(|entry| entry.index == order.index);
        let leaf = found.and_then(|entry| Leaf::decode(&entry.leaf).ok());
        let event = leaf.ok_or(InvalidOrder::Range)?.event;
        if event.decision.as_deref() != Some(MERGES_APPLIED) {
            return Err(UndoError::NoMerges {
                origin: order.origin.clone(),
                index: order.index,
            });
        }
        let merges = self.store.merges_told_by(&event.entry_id, order.pair).await?;
        if merges.is_empty() {
            return Err(UndoError::Undone);
        }
        Ok(merges)
    }
}
