//! Filling one transaction under the head's lock.

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::day::{Day, Month};
use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::audit::merkle::{Frontier, Inclusion};

use super::Pending;
use crate::log::privacy::{Envelopes, Privacy};
use crate::log::{Effect, LogError};
use crate::store::{StoreError, Tx, inbox, log as rows, private, subjects, translation};

/// A batch that stands in an open transaction, or is about to: what is true once that is committed.
pub(in crate::log) struct Prepared {
    pub(in crate::log) head: rows::Head,
    /// The compact range of that head.
    pub(in crate::log) frontier: Frontier,
    /// The size before the batch.
    pub(super) first_index: u64,
    pub(super) next_sequence: u64,
    /// The number of the last of its entries in the tree, and the hash of that leaf; none where it is empty.
    pub(super) last: Option<(u64, Hash)>,
    /// For each entry of the batch: its leaf, or why it is not taken in.
    pub(super) fates: Vec<Result<Vec<u8>, LogError>>,
    /// The proofs of the leaves, in order.
    pub(super) inclusions: Vec<Inclusion>,
}

impl Prepared {
    /// Is this entry, found in the log under the last number of this replica, the last one of this batch? Another attempt
    /// at the same batch has other times or another place, so the number of its replica alone tells nothing.
    pub(super) fn is_committed_by(&self, found: &rows::LastEntry) -> bool {
        self.next_sequence == found.sequence + 1 && self.last == Some((found.index, found.leaf_hash))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inclusions.is_empty()
    }
}

/// Where and when the batch comes to stand.
#[derive(Clone, Copy)]
pub(in crate::log) struct Place {
    pub(in crate::log) shard: i64,
    pub(in crate::log) replica: [u8; 16],
    pub(in crate::log) next_sequence: u64,
    pub(in crate::log) now_us: i64,
}

impl Place {
    /// On which day its entries will stand, behind this head.
    pub(super) fn day(&self, head: &rows::Head) -> Day {
        Day::of(head.last_us.max(self.now_us))
    }
}

/// What private parts are sealed with.
pub(super) struct Sealing<'a> {
    pub(super) privacy: &'a Privacy,
    /// The name of the shard.
    pub(super) origin: &'a str,
    pub(super) envelopes: &'a mut Envelopes,
}

/// An entry as it is taken in: its leaf and its sealed private part.
struct Taken {
    leaf: Vec<u8>,
    sealed: Option<Vec<u8>>,
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
    mut sealing: Sealing<'_>,
) -> (Prepared, rows::NewEntries) {
    head.last_us = head.last_us.max(place.now_us);
    let mut sequence = place.next_sequence;
    let fates = batch.iter().map(|pending| {
        let fate = take_in(place, &head, pending, sequence, &mut sealing);
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
    mut sealing: Sealing<'_>,
) -> Result<Prepared, StoreError> {
    // Never decreasing along the log, whatever the clocks of the replicas say.
    head.last_us = head.last_us.max(place.now_us);
    let mut fates = Vec::with_capacity(batch.len());
    let mut sequence = place.next_sequence;
    for pending in batch {
        let mut fate = take_in(place, &head, pending, sequence, &mut sealing);
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
        rows::insert_entries(tx, place.shard, &place.replica, entries).await?;
        rows::update_head(tx, place.shard, &prepared.head).await?;
    }
    Ok(prepared)
}

/// Puts the leaves that there are into the tree.
fn stand(
    place: Place,
    mut head: rows::Head,
    mut frontier: Frontier,
    fates: Vec<Result<Taken, LogError>>,
) -> (Prepared, rows::NewEntries) {
    let first_index = head.size;
    let mut private = Vec::new();
    let fates: Vec<Result<Vec<u8>, LogError>> = fates
        .into_iter()
        .map(|fate| {
            fate.map(|Taken { leaf, sealed }| {
                private.push(sealed);
                leaf
            })
        })
        .collect();
    let leaves: Vec<Vec<u8>> = fates.iter().flatten().cloned().collect();
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let inclusions = frontier.append(&hashes);
    (head.size, head.frontier, head.root) = (frontier.size(), frontier.to_bytes(), frontier.root());
    let last = hashes.last().map(|hash| (frontier.size() - 1, *hash));
    let prepared = Prepared {
        head,
        frontier,
        first_index,
        last,
        next_sequence: place.next_sequence + leaves.len() as u64,
        fates,
        inclusions,
    };
    let entries = rows::NewEntries {
        first_index,
        first_sequence: place.next_sequence,
        hashes,
        leaves,
        month: Month::of(prepared.head.last_us).to_string(),
        private,
    };
    (prepared, entries)
}

/// One entry with its time and number, or why it may not be.
fn take_in(
    place: Place,
    head: &rows::Head,
    pending: &Pending,
    sequence: u64,
    sealing: &mut Sealing<'_>,
) -> Result<Taken, LogError> {
    if pending.only_first && (head.size > 0 || sequence > 0) {
        return Err(LogError::Unavailable);
    }
    if pending
        .decided_under
        .is_some_and(|generation| generation != head.policy_generation)
    {
        return Err(LogError::PolicyChanged);
    }
    let mut event = pending.event.clone();
    let mut sealed = None;
    if let Some(private) = &pending.private {
        let day = Day::of(head.last_us);
        // The day changed while it queued: only the key of the day on which it stands will find it.
        let is_stale = || pending.stamp.is_none() || pending.stamp != sealing.privacy.stamp(day);
        if private.persons() > 0 && is_stale() {
            let made = sealing.privacy.tags(day, &event.entry_id, private)?;
            event.tags = made.ok_or(LogError::Unavailable)?.1;
        }
        let envelopes = &mut *sealing.envelopes;
        sealed = Some(envelopes.seal(
            (sealing.privacy, sealing.origin),
            day.month(),
            &event.entry_id,
            private,
        )?);
    }
    let leaf = Leaf {
        time: head.last_us,
        replica: place.replica,
        sequence,
        event,
    }
    .encode()?;
    Ok(Taken { leaf, sealed })
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
        Effect::Ask(asked) => inbox::ask(tx, asked, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::SettleItem(settlement) => inbox::settle(tx, settlement, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::TellOfMerges { entry, merges } => subjects::logged(tx, entry, merges, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::Translate(new) => translation::keep(tx, new, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::UndoMerges(pairs) => subjects::ask_to_undo(tx, pairs, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::ActivateDelivery { delivery } => {
            crate::store::delivery::activate(tx, *delivery, head.last_us)
                .await
                .map_err(LogError::Effect)
        }
        Effect::ReleaseEpoch { epoch } => crate::store::released::release(tx, *epoch, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::DropPrivate {
            shard,
            month,
            range,
            count,
        } => private::drop_month(tx, *shard, month, *range, *count)
            .await
            .map_err(LogError::Effect),
        Effect::ErasePrivate { shard, index } => {
            private::erase(tx, *shard, *index).await.map_err(LogError::Effect)
        }
        Effect::Restrict(restriction) => crate::store::restrictions::apply(tx, restriction, head.last_us)
            .await
            .map_err(LogError::Effect),
        Effect::Settle { shard, from, until } => crate::store::settled::advance(tx, *shard, (*from, *until))
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
