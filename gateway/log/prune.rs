//! Forgetting old checkpoints. One is signed each second in which the log grew; after a day only those are kept that
//! somebody may still need: to show what was signed at an hour, what witnesses cosigned in it, what was stamped, and how
//! one shard goes on from another. Proofs are given under the newest, so none is lost; leaves are never forgotten.

use std::collections::{BTreeMap, BTreeSet};

use doelpoort_core::audit::leaf::Leaf;
use doelpoort_core::audit::verify::Opening;

use super::{Log, LogError};
use crate::store::published::prune::{self, OldCheckpoints};
use crate::store::{Store, StoreError, log as rows};

/// How long every checkpoint is kept, in µs: a sample is drawn by the first one after its announcement.
const ALL_US: i64 = 7 * 24 * HOUR_US;
const HOUR_US: i64 = 3_600_000_000;
/// How much is looked through at once, in µs.
const SPAN_US: i64 = 24 * HOUR_US;

impl Log {
    /// Forgets what no one needs of the checkpoints that are older than a week; tells how many. Call it now and then,
    /// on any replica: each looks at what it has not looked at since its start.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_checkpoints(&self) -> Result<u64, LogError> {
        let now_us = self.shared.clock.now().as_microsecond();
        // Whole hours only: what is kept of one does not change later.
        let until_us = (now_us - ALL_US).div_euclid(HOUR_US) * HOUR_US;
        let mut forgotten = 0;
        for shard in self.shared.shards.all() {
            let mut from_us = self.shared.health.pruned_us(shard.number);
            if from_us == 0 {
                from_us = first_us(&self.shared.store, shard.number)
                    .await?
                    .unwrap_or(until_us);
                from_us = from_us.div_euclid(HOUR_US) * HOUR_US;
            }
            while from_us < until_us {
                let to_us = until_us.min(from_us + SPAN_US);
                let old = prune::old(&self.shared.store, shard.number, (from_us, to_us)).await?;
                let embedded = embedded_size(&self.shared.store, shard.number + 1).await?;
                let needless = needless(&old, embedded);
                if !needless.is_empty() {
                    forgotten += prune::forget(&self.shared.store, shard.number, &needless).await?;
                }
                from_us = to_us;
            }
            self.shared
                .health
                .set_pruned_us(shard.number, from_us.min(until_us));
        }
        Ok(forgotten)
    }
}

/// When the oldest checkpoint of a shard was made.
async fn first_us(store: &Store, shard: i64) -> Result<Option<i64>, StoreError> {
    let found = prune::old(store, shard, (0, i64::MAX)).await?;
    Ok(found.made.iter().map(|(_, made_us)| *made_us).min())
}

/// The size of the checkpoint that a shard embeds of the one before.
pub(crate) async fn embedded_size(store: &Store, shard: i64) -> Result<Option<u64>, StoreError> {
    let first = rows::entries(store, shard, 0, 1).await?;
    let leaf = first.first().and_then(|first| Leaf::decode(&first.leaf).ok());
    let opening = leaf.and_then(|leaf| Opening::read(&leaf).ok().flatten());
    let note = opening.and_then(|opening| opening.checkpoint);
    Ok(note.and_then(|note| note.lines().nth(1)?.parse().ok()))
}

/// The checkpoints that may go: all but, of each hour, the last one and the last of those with the most cosignatures;
/// those with a time stamp; the largest that each witness cosigned; and the one that the next shard embeds.
fn needless(old: &OldCheckpoints, embedded: Option<u64>) -> Vec<u64> {
    let mut kept: BTreeSet<u64> = old.stamped.union(&old.last_cosigned).copied().collect();
    kept.extend(embedded);
    let mut last = BTreeMap::new();
    let mut cosigned: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for (size, made_us) in &old.made {
        let hour = made_us.div_euclid(HOUR_US);
        last.insert(hour, *size);
        let count = old.cosigned.get(size).copied().unwrap_or(0);
        let best = cosigned.entry(hour).or_insert((count, *size));
        *best = (*best).max((count, *size));
    }
    kept.extend(last.into_values());
    kept.extend(cosigned.into_values().map(|(_, size)| size));
    let made = old.made.iter().map(|(size, _)| *size);
    made.filter(|size| !kept.contains(size)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proofs_stamps_witnesses_and_shards_need_is_kept() {
        let minute = 60_000_000;
        let old = OldCheckpoints {
            made: (1..=120)
                .map(|size| (size, i64::try_from(size).unwrap() * minute - 1))
                .collect(),
            cosigned: BTreeMap::from([(10, 1), (20, 3), (30, 3), (40, 2)]),
            last_cosigned: BTreeSet::from([40]),
            stamped: BTreeSet::from([15]),
        };
        let needless: BTreeSet<u64> = needless(&old, Some(77)).into_iter().collect();
        let kept: Vec<u64> = (1..=120).filter(|size| !needless.contains(size)).collect();
        assert_eq!(kept, [15, 30, 40, 60, 77, 120]);
    }
}
