//! Filling one transaction under the head's lock.

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::audit::merkle::{Frontier, Inclusion};

use super::Pending;
use crate::log::{Effect, LogError, SHARD};
use crate::store::{StoreError, Tx, log as rows};

/// A batch that stands in an open transaction: what is true once that is committed.
pub(super) struct Prepared {
    pub(super) head: rows::Head,
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

/// Gives each entry its time and number, runs its effects, and writes entries and head. An entry that cannot be is
/// left out and the others go on; an error is one of the whole transaction.
pub(super) async fn fill(
    tx: &mut Tx,
    place: Place,
    mut head: rows::Head,
    mut frontier: Frontier,
    batch: &[Pending],
) -> Result<Prepared, StoreError> {
    // Never decreasing along the log, whatever the clocks of the replicas say.
    head.last_us = head.last_us.max(place.now_us);
    let mut fates = Vec::with_capacity(batch.len());
    let mut entries: Vec<(Hash, Vec<u8>)> = Vec::with_capacity(batch.len());
    for pending in batch {
        let sequence = place.next_sequence + entries.len() as u64;
        let fate = take_in(tx, place, &mut head, pending, sequence).await?;
        if let Ok(leaf) = &fate {
            entries.push((leaf_hash(leaf), leaf.clone()));
        }
        fates.push(fate);
    }
    let first_index = head.size;
    let hashes: Vec<Hash> = entries.iter().map(|(hash, _)| *hash).collect();
    let inclusions = frontier.append(&hashes);
    (head.size, head.frontier, head.root) = (frontier.size(), frontier.to_bytes(), frontier.root());
    let next_sequence = place.next_sequence + entries.len() as u64;
    if !entries.is_empty() {
        rows::insert_entries(
            tx,
            SHARD,
            &place.replica,
            first_index,
            place.next_sequence,
            entries,
        )
        .await?;
        rows::update_head(tx, SHARD, &head).await?;
    }
    Ok(Prepared {
        head,
        next_sequence,
        fates,
        inclusions,
    })
}

/// The leaf of one entry. The inner error is only this entry's.
async fn take_in(
    tx: &mut Tx,
    place: Place,
    head: &mut rows::Head,
    pending: &Pending,
    sequence: u64,
) -> Result<Result<Vec<u8>, LogError>, StoreError> {
    if pending.only_first && (head.size > 0 || sequence > 0) {
        return Ok(Err(LogError::Unavailable));
    }
    if pending
        .decided_under
        .is_some_and(|generation| generation != head.policy_generation)
    {
        return Ok(Err(LogError::PolicyChanged));
    }
    let event = pending.event.clone();
    let leaf = match (Leaf {
        time: head.last_us,
        replica: place.replica,
        sequence,
        event,
    }
    .encode())
    {
        Ok(leaf) => leaf,
        Err(error) => return Ok(Err(error.into())),
    };
    Ok(run_effects(tx, head, &pending.effects).await?.map(|()| leaf))
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
