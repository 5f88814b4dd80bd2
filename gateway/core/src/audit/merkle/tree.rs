//! Proofs from the complete nodes of a tree, wherever these are kept.

use super::frontier::parents;
use super::{Hash, empty_root, node_hash};

/// A tree of a given size over a source of its **complete** nodes. Node `index` of `level` covers the leaves
/// `index · 2^level ..`; level 0 are the leaf hashes.
pub struct Tree<N> {
    size: u64,
    nodes: N,
    /// The last node of each level, lowest first, complete or not; the last of them is the root.
    edge: Vec<Hash>,
}

impl<N: Fn(usize, u64) -> Option<Hash>> Tree<N> {
    /// The tree of `size` leaves. `None` if `nodes` lacks a complete node of its right edge.
    pub fn at(size: u64, nodes: N) -> Option<Self> {
        let mut edge: Vec<Hash> = Vec::new();
        if let Some(last_leaf) = size.checked_sub(1) {
            let mut below = nodes(0, last_leaf)?;
            edge.push(below);
            for level in 1..=depth(size) {
                let last_below = last_leaf >> (level - 1);
                // A left child without a right neighbour is moved up as it is.
                if last_below & 1 == 1 {
                    below = node_hash(&nodes(level - 1, last_below - 1)?, &below);
                }
                edge.push(below);
            }
        }
        Some(Self { size, nodes, edge })
    }

    /// The root hash.
    pub fn root(&self) -> Hash {
        self.edge.last().copied().unwrap_or_else(empty_root)
    }

    /// The proof that leaf `index` is in the tree (RFC 6962 section 2.1.1). `None` if it is not, or if a node is
    /// missing.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        if index >= self.size {
            return None;
        }
        self.path_up(0, index, Vec::new())
    }

    /// The proof that the tree of `old_size` leaves is a prefix of this one (RFC 6962 section 2.1.2): empty for
    /// equal sizes. `None` if it is not a smaller tree, is empty, or if a node is missing.
    pub fn consistency(&self, old_size: u64) -> Option<Vec<Hash>> {
        if old_size == 0 || old_size > self.size {
            return None;
        }
        if old_size == self.size {
            return Some(Vec::new());
        }
        let level = usize::try_from(old_size.trailing_zeros()).ok()?;
        let index = (old_size >> level) - 1;
        let start = if index == 0 {
            Vec::new()
        } else {
            vec![(self.nodes)(level, index)?]
        };
        self.path_up(level, index, start)
    }

    /// Adds to `path` the siblings from a node up to the root.
    fn path_up(&self, from_level: usize, from_index: u64, mut path: Vec<Hash>) -> Option<Vec<Hash>> {
        let mut index = from_index;
        for level in from_level..depth(self.size) {
            let sibling = index ^ 1;
            let last = (self.size - 1) >> level;
            if sibling == last {
                path.push(*self.edge.get(level)?);
            } else if sibling < last {
                path.push((self.nodes)(level, sibling)?);
            }
            index >>= 1;
        }
        Some(path)
    }
}

/// The number of levels above the leaves.
fn depth(size: u64) -> usize {
    match size {
        0 | 1 => 0,
        _ => (u64::BITS - (size - 1).leading_zeros()) as usize,
    }
}

/// All complete nodes over `leaves`, level by level: a node source for a tree that is held in memory.
pub fn complete_nodes(leaves: Vec<Hash>) -> Vec<Vec<Hash>> {
    let mut levels = vec![leaves];
    while let Some(above) = levels
        .last()
        .map(|level| parents(level))
        .filter(|above| !above.is_empty())
    {
        levels.push(above);
    }
    levels
}
