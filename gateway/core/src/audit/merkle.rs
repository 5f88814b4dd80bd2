//! The Merkle tree of RFC 6962 section 2.1: hashing, proofs and their verification.

mod frontier;
mod tree;

pub(super) use frontier::parents;
pub use frontier::{Frontier, FrontierError, Inclusion};
pub use tree::{Tree, complete_nodes};

use super::{Hash, sha256};

/// The hash of one entry: `SHA-256(0x00 ‖ leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0x00], leaf])
}

/// The hash of two subtrees side by side: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[0x01], left, right])
}

/// The root of the tree without leaves: `SHA-256("")`.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Does `proof` show that `leaf` is number `index` (from 0) of the tree of `size` leaves under `root`?
/// The algorithm of RFC 9162 section 2.1.3.2.
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A right edge that is alone on its level has no sibling there: climb to where it has one.
            let alone = if node & 1 == 1 { 0 } else { node.trailing_zeros() };
            (node, last) = (shift(node, alone), shift(last, alone));
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Does `proof` show that the tree of `old_size` leaves under `old_root` is a prefix of the tree of `size` leaves
/// under `root`? Nothing is shown about an empty old tree. The algorithm of RFC 9162 section 2.1.4.2.
pub fn verify_consistency(old_size: u64, size: u64, proof: &[Hash], old_root: &Hash, root: &Hash) -> bool {
    if old_size == 0 || old_size > size {
        return false;
    }
    if old_size == size {
        return proof.is_empty() && old_root == root;
    }
    // A power of two is one complete subtree: its root starts the path without being sent.
    let complete = old_size.is_power_of_two().then_some(old_root);
    let mut path = complete.into_iter().chain(proof);
    let Some(first) = path.next() else { return false };
    let (mut old, mut new) = (*first, *first);
    let shared = old_size.trailing_zeros();
    let (mut node, mut last) = (shift(old_size, shared) - 1, shift(size - 1, shared));
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            let alone = if node & 1 == 1 { 0 } else { node.trailing_zeros() };
            (node, last) = (shift(node, alone), shift(last, alone));
        } else {
            new = node_hash(&new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    last == 0 && old == *old_root && new == *root
}

/// `value >> bits`, also where all 64 bits go.
fn shift(value: u64, bits: u32) -> u64 {
    value.checked_shr(bits).unwrap_or(0)
}

#[cfg(test)]
mod tests;
