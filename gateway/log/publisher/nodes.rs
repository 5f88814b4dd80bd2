//! The stored nodes above the tiles: they must be what the leaf hashes give.

use crate::log::{Health, LogError};
use crate::store::Store;
use crate::store::published::{self, Node};

/// Nodes that are compared by one statement.
const NODES_PER_READ: u64 = 4_096;

/// Compares stored nodes with rebuilt ones. Those that are missing (a version before this one published without them)
/// are stored; one that differs stops the log.
pub(super) async fn compare(
    store: &Store,
    health: &Health,
    shard: i64,
    mut rebuilt: Vec<Node>,
    now_us: i64,
) -> Result<(), LogError> {
    rebuilt.sort_unstable_by_key(|node| (node.level, node.index));
    let levels = rebuilt.chunk_by(|one, next| one.level == next.level);
    let mut lacking = Vec::new();
    for nodes in levels.flat_map(|level| level.chunks(usize::try_from(NODES_PER_READ).unwrap_or(usize::MAX)))
    {
        let stored = read(store, shard, nodes).await?;
        if stored.len() != nodes.len() {
            lacking.extend_from_slice(nodes);
        } else if !nodes
            .iter()
            .zip(&stored)
            .all(|(node, stored)| node.hash == *stored)
        {
            return Err(differs(health));
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    tracing::warn!(
        nodes = lacking.len(),
        "nodes above the tiles of the log were missing; they are made again"
    );
    let (mut tx, _) = published::turn(store, shard, now_us).await?;
    published::insert_nodes(&mut tx, shard, &lacking).await?;
    tx.commit().await?;
    for node in lacking {
        // What was there all the time was not overwritten.
        if read(store, shard, &[node]).await? != [node.hash] {
            return Err(differs(health));
        }
    }
    Ok(())
}

/// The stored hashes of consecutive nodes.
async fn read(store: &Store, shard: i64, nodes: &[Node]) -> Result<Vec<[u8; 32]>, LogError> {
    let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else {
        return Ok(Vec::new());
    };
    Ok(published::nodes(store, shard, first.level, (first.index, last.index + 1)).await?)
}

fn differs(health: &Health) -> LogError {
    health.stop("a stored tile is not what the leaf hashes give")
}
