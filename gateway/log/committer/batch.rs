//! Filling one transaction under the head's lock.

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::audit::merkle::{Frontier, Inclusion};

use super::Pending;
use crate::log::{Effect, LogError, SHARD};
use crate::store::{StoreError, Tx, log as rows};

/// A batch that stands in an open transaction, or is about to: what is true once that is committed.
pub(super) struct Prepared {
    pub(super) head: rows::Head,
    /// The compact range of that head.
    pub(super) frontier: Frontier,
    /// The size before the batch.
    pub(super) first_index: u64,
    pub(super) next_sequence: u64,
    /// For each entry of the batch: its leaf, or why it is not taken in.
    pub(super) fates: Vec<Result<Vec<u8>, LogError>>,
    /// The proofs of the leaves, in order.
    pub(super) inclusions: Vec<Inclusion>,
}

impl Prepared {
    pub(super) fn is_empty(&self) -> bool {
        self.inclusions.is_empty()
    }
}

/// Where and when the batch comes to stand.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) replica: [u8; 16],
    pub(super) next_sequence: u64,
    pub(super) now_us: i64,
}

/// Does anything take effect together with its entry?
pub(super) fn has_effects(batch: &[Pending]) -> bool {
    batch.iter().any(|pending| !pending.effects.is_empty())
}

/// Gives each entry its time and number after a head that is known. An entry that cannot be is left out and the
/// others go on.
pub(super) fn arrange(
    place: Place,
    mut head: rows::Head,
    frontier: Frontier,
    batch: &[Pending],
) -> (Prepared, rows::NewEntries) {
    head.last_us = head.last_us.max(place.now_us);
    let mut sequence = place.next_sequence;
    let fates = batch.iter().map(|pending| {
        let fate = leaf_of(place, &head, pending, sequence);
        sequence += u64::from(fate.is_ok());
        fate
    });
    let fates = fates.collect();
    stand(place, head, frontier, fates)
}

/// The same under the head's lock, with the effects of the entries; writes entries and head. An error is one of the
/// whole transaction.
pub(super) async fn fill(
    tx: &mut Tx,
    place: Place,
    mut head: rows::Head,
    frontier: Frontier,
    batch: &[Pending],
) -> Result<Prepared, StoreError> {
    // Never decreasing along the log, whatever the clocks of the replicas say.
    head.last_us = head.last_us.max(place.now_us);
    let mut fates = Vec::with_capacity(batch.len());
    let mut sequence = place.next_sequence;
    for pending in batch {
        let mut fate = leaf_of(place, &head, pending, sequence);
        if fate.is_ok()
            && let Err(refused) = run_effects(tx, &mut head, &pending.effects).await?
        {
            fate = Err(refused);
        }
        sequence += u64::from(fate.is_ok());
        fates.push(fate);
    }
    let (prepared, entries) = stand(place, head, frontier, fates);
    if !prepared.is_empty() {
        rows::insert_entries(tx, SHARD, &place.replica, entries).await?;
        rows::update_head(tx, SHARD, &prepared.head).await?;
    }
    Ok(prepared)
}

/// Puts the leaves that there are into the tree.
fn stand(
    place: Place,
    mut head: rows::Head,
    mut frontier: Frontier,
    fates: Vec<Result<Vec<u8>, LogError>>,
) -> (Prepared, rows::NewEntries) {
    let first_index = head.size;
    let leaves: Vec<Vec<u8>> = fates.iter().flatten().cloned().collect();
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let inclusions = frontier.append(&hashes);
    (head.size, head.frontier, head.root) = (frontier.size(), frontier.to_bytes(), frontier.root());
    let prepared = Prepared {
        head,
        frontier,
        first_index,
        next_sequence: place.next_sequence + leaves.len() as u64,
        fates,
        inclusions,
    };
    let entries = rows::NewEntries {
        first_index,
        first_sequence: place.next_sequence,
        hashes,
        leaves,
    };
    (prepared, entries)
}

/// The leaf of one entry, or why it may not be.
fn leaf_of(place: Place, head: &rows::Head, pending: &Pending, sequence: u64) -> Result<Vec<u8>, LogError> {
    if pending.only_first && (head.size > 0 || sequence > 0) {
        return Err(LogError::Unavailable);
    }
    if pending
        .decided_under
        .is_some_and(|generation| generation != head.policy_generation)
    {
        return Err(LogError::PolicyChanged);
    }
    let leaf = Leaf {
        time: head.last_us,
        replica: place.replica,
        sequence,
        event: pending.event.clone(),
    };
    Ok(leaf.encode()?)
}

/// Runs the effects of one entry; if one fails, none of them stays.
async fn run_effects(
    tx: &mut Tx,
    head: &mut rows::Head,
    effects: &[Effect],
) -> Result<Result<(), LogError>, StoreError> {
    if effects.is_empty() {
        return Ok(Ok(()));
    }
    let before = head.clone();
    tx.execute("SAVEPOINT effects", vec![]).await?;
    for effect in effects {
        if let Err(refused) = run_effect(tx, head, effect).await {
            tx.execute("ROLLBACK TO SAVEPOINT effects", vec![]).await?;
            *head = before;
            return Ok(Err(refused));
        }
    }
    tx.execute("RELEASE SAVEPOINT effects", vec![]).await?;
    Ok(Ok(()))
}

async fn run_effect(tx: &mut Tx, head: &mut rows::Head, effect: &Effect) -> Result<(), LogError> {
    match effect {
        Effect::ActivateDelivery { delivery } => {
            crate::store::delivery::activate(tx, *delivery, head.last_us)
                .await
                .map_err(LogError::Effect)
        }
        Effect::ReleaseEpoch { epoch } => crate::store::released::release(tx, *epoch, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::Restrict(restriction) => crate::store::restrictions::apply(tx, restriction, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::Settle { from, until } => crate::store::settled::advance(tx, SHARD, (*from, *until))
            .await
            .map_err(LogError::Effect),
        Effect::SetPolicyGeneration { generation, .. } if *generation != head.policy_generation + 1 => {
            Err(LogError::PolicyChanged)
        }
        Effect::SetPolicyGeneration { generation, digest } => {
            head.policy_generation = *generation;
            head.policy_digest = digest.to_vec();
            Ok(())
        }
    }
}
