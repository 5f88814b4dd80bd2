//! Which checkpoint a quorum of the witnesses cosigned last, and when.

use std::collections::BTreeSet;

use doelpoort_core::audit::quorum::Policy;

use super::{LogError, Started};
use crate::store::Store;
use crate::store::published::{self, StoredCosignature};

/// Cosignatures that are looked through each second, from the newest on.
pub(super) const RECENT: i64 = 256;
/// Cosignatures that are looked through at the start: weeks in which only some of the witnesses answered.
pub(super) const LONG_AGO: i64 = 65_536;

/// A checkpoint that was cosigned by enough witnesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quorum {
    /// The number of its shard.
    pub(super) shard: i64,
    /// Its size.
    pub(super) size: u64,
    /// When the newest quorum under it was complete, in µs.
    pub(super) made_us: i64,
}

impl Quorum {
    /// Has it seen a start of the gateway? A later shard embeds how this one ended.
    pub(super) fn has_seen(&self, started: Started) -> bool {
        (self.shard, self.size) >= (started.shard, started.size)
    }
}

/// The largest checkpoint under which a quorum stands, among the newest `limit` cosignatures. Their lines were verified
/// before they were stored.
pub(super) async fn last(
    store: &Store,
    policy: &Policy,
    shard: i64,
    limit: i64,
) -> Result<Option<Quorum>, LogError> {
    if !policy.needs_witnesses() {
        return Ok(None);
    }
    let stored = published::cosignatures(store, shard, i64::MAX.unsigned_abs(), limit).await?;
    let mut sizes = stored.chunk_by(|one, next| one.size == next.size);
    Ok(sizes.find_map(|under_one| quorum(policy, shard, under_one)))
}

/// Whether the cosignatures under one checkpoint are enough: taken newest first, so that the last that was needed tells
/// the time.
fn quorum(policy: &Policy, shard: i64, under_one: &[StoredCosignature]) -> Option<Quorum> {
    let mut newest_first: Vec<&StoredCosignature> = under_one.iter().collect();
    newest_first.sort_by_key(|one| std::cmp::Reverse(one.made_us));
    let mut cosigned = BTreeSet::new();
    newest_first.into_iter().find_map(|one| {
        let known = |witness: &doelpoort_core::audit::quorum::Witness| witness.key.to_text() == one.witness;
        cosigned.extend(policy.witnesses.iter().position(known));
        policy.is_met(&cosigned).then_some(Quorum {
            shard,
            size: one.size,
            made_us: one.made_us,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use doelpoort_core::audit::cosignature::Cosigner;

    fn witness(number: u8) -> String {
        Cosigner::from_seed(&format!("w{number}"), &[number; 32])
            .unwrap()
            .key()
            .to_text()
    }

    #[test]
    fn the_last_witness_that_was_needed_tells_the_time() {
        let [one, two, three] = [1, 2, 3].map(witness);
        let text = format!(
            "witness W1 {one}\nwitness W2 {two}\nwitness W3 {three}\ngroup all 2 W1 W2 W3\nquorum all\n"
        );
        let policy = Policy::parse(&text).unwrap();
        let by = |witness, made_us| StoredCosignature {
            size: 9,
            witness,
            line: String::new(),
            time_s: 0,
            made_us,
        };
        let found = |times: &[(u8, i64)]| {
            let under_one: Vec<_> = times.iter().map(|(one, at)| by(witness(*one), *at)).collect();
            quorum(&policy, 1, &under_one).map(|quorum| quorum.made_us)
        };
        assert_eq!(found(&[(1, 5)]), None);
        assert_eq!(found(&[(1, 5), (9, 6)]), None);
        assert_eq!(found(&[(1, 5), (2, 7)]), Some(5));
        assert_eq!(found(&[(1, 5), (2, 7), (3, 6)]), Some(6));
    }
}
