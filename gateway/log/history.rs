//! What the log says of policies, read from its leaves: at the start all of them, each hashed again; later only those
//! that came since. Nothing is taken from a table beside the log.

use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::policy::History;

use super::{Log, LogError, SHARD};
use crate::store::{Row, StoreError, log as rows};

/// Where the kind stands in a leaf: after the head of its map, and version and kind each under a key of one byte.
const KIND_AT: usize = 4;

/// The history as far as it was read.
#[derive(Clone, Debug)]
pub struct PolicyHistory {
    /// What was read.
    pub history: History,
    /// The number of the shard with the next leaf, and its index there.
    next: (i64, u64),
}

/// A row that is not what it must be.
enum Bad {
    Leaf,
    History,
}

impl Log {
    /// The history of the whole log. Every leaf must have its stored hash (the tree over those hashes was compared with
    /// the head when the log was opened), and no entry about policies may be missing.
    ///
    /// # Errors
    /// When the log is not what it was: it stops.
    pub async fn history(&self) -> Result<PolicyHistory, LogError> {
        let begin = PolicyHistory {
            history: History::default(),
            next: (SHARD, 0),
        };
        self.read(begin, rows::Leaves::All).await
    }

    /// The same history, up to now.
    ///
    /// # Errors
    /// When the store fails, or the log is not what it was.
    pub async fn history_since(&self, known: &PolicyHistory) -> Result<PolicyHistory, LogError> {
        self.read(known.clone(), rows::Leaves::Policies).await
    }

    async fn read(&self, mut read: PolicyHistory, which: rows::Leaves) -> Result<PolicyHistory, LogError> {
        self.shared.shards.look().await?;
        let mut generation = None;
        for shard in self.shared.shards.all() {
            if shard.number >= read.next.0 {
                generation = Some(self.read_shard(&mut read, shard.number, which).await?);
            }
        }
        if generation.is_some_and(|head| i64::try_from(read.history.generation) != Ok(head)) {
            let health = &self.shared.health;
            return Err(health.stop("the head has another policy generation than the entries give"));
        }
        Ok(read)
    }

    /// Goes on to the end of a shard; the policy generation of its head.
    async fn read_shard(
        &self,
        read: &mut PolicyHistory,
        shard: i64,
        which: rows::Leaves,
    ) -> Result<i64, LogError> {
        if shard > read.next.0 {
            read.next = (shard, 0);
        }
        let head = self.head(shard).await?;
        let mut bad = None;
        let history = &mut read.history;
        let each = |row: Row| {
            let leaf = row.bytes(0)?;
            if bad.is_none() {
                bad = take(history, &leaf, &row.array(1)?).err();
            }
            Ok::<(), StoreError>(())
        };
        let range = (read.next.1, head.size);
        rows::leaves(&self.shared.store, shard, range, which, each).await?;
        let health = &self.shared.health;
        match bad {
            Some(Bad::Leaf) => return Err(health.stop("a leaf does not have its hash")),
            Some(Bad::History) => return Err(health.stop("entries about policies are missing or unreadable")),
            None => {}
        }
        read.next.1 = head.size;
        Ok(head.policy_generation)
    }
}

fn take(history: &mut History, leaf: &[u8], stored: &[u8; 32]) -> Result<(), Bad> {
    if leaf_hash(leaf) != *stored {
        return Err(Bad::Leaf);
    }
    let told = leaf
        .get(KIND_AT)
        .is_some_and(|kind| rows::POLICY_KINDS.contains(kind));
    if !told {
        return Ok(());
    }
    let leaf = Leaf::decode(leaf).map_err(|_| Bad::Leaf)?;
    history.apply(&leaf).map_err(|error| {
        tracing::error!(%error, "the log's entries about policies do not fit together");
        Bad::History
    })
}

#[cfg(test)]
mod tests {
    use doelpoort_core::audit::leaf::{Event, Kind};

    use super::*;

    #[test]
    fn the_kind_of_a_leaf_is_where_the_index_looks() {
        for kind in Kind::ALL {
            let mut event = Event::new(*kind, [7; 16]);
            event.decision = Some("x".to_owned());
            event.opening = Some([1; 16]);
            event.window = Some(doelpoort_core::audit::leaf::Window {
                from: 0,
                until: None,
                count: None,
            });
            let leaf = Leaf {
                time: i64::MAX,
                replica: [0; 16],
                sequence: u64::MAX,
                event,
            };
            let byte = leaf.encode().unwrap()[KIND_AT];
            assert_eq!(u64::from(byte), kind.code(), "{}", kind.name());
            assert_eq!(
                rows::POLICY_KINDS.contains(&byte),
                History::takes(*kind),
                "{}",
                kind.name()
            );
        }
    }
}
