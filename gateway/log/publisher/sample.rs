//! Hashing leaves again before their hashes are signed: a bit that flipped in a stored hash would be signed for ever.

use doelpoort_core::audit::leaf::leaf_hash;
use doelpoort_core::audit::tile::WIDTH;

use crate::log::entry::random;
use crate::log::{Health, LogError};
use crate::store::{Row, Store, log as rows};

/// Every new leaf is hashed again, up to so many.
const NEW_LEAVES_MAX: u64 = 4_096;
/// Consecutive leaves of a random part.
const PART_LEAVES: u64 = WIDTH as u64;
/// Random parts of more new leaves than that.
const PARTS: u64 = NEW_LEAVES_MAX / PART_LEAVES;

/// Hashes the new leaves `from..until` again, or random parts of them where they are many, and a random part of the old.
pub(super) async fn rehash(
    store: &Store,
    health: &Health,
    shard: i64,
    (from, until): (u64, u64),
) -> Result<(), LogError> {
    if until - from <= NEW_LEAVES_MAX {
        part(store, health, shard, (from, until)).await?;
    } else {
        for _ in 0..PARTS {
            random_part(store, health, shard, (from, until)).await?;
        }
    }
    if from > 0 {
        random_part(store, health, shard, (0, from)).await?;
    }
    Ok(())
}

async fn random_part(
    store: &Store,
    health: &Health,
    shard: i64,
    (from, until): (u64, u64),
) -> Result<(), LogError> {
    let start = from + u64::from_be_bytes(random()?) % (until - from);
    part(store, health, shard, (start, until.min(start + PART_LEAVES))).await
}

async fn part(store: &Store, health: &Health, shard: i64, (from, until): (u64, u64)) -> Result<(), LogError> {
    let (mut count, mut bad) = (0, false);
    let each = |row: Row| {
        count += 1;
        bad |= leaf_hash(&row.bytes(0)?) != row.array(1)?;
        Ok(())
    };
    rows::leaves(store, shard, (from, until), rows::Leaves::All, each).await?;
    if bad || count != until - from {
        return Err(health.stop("a leaf does not have its hash"));
    }
    Ok(())
}
