//! The right edge of the tree: all that an append needs.

use super::{Hash, Tree, empty_root, node_hash};

/// The compact range of a tree: the roots of its complete subtrees, largest first (one for each 1-bit of the
/// size). From it alone follow the root, the next append, and the proofs of the leaves that this append adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

/// The proof that a leaf is in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The leaf's number, from 0.
    pub index: u64,
    /// The size of the tree the proof is for, in leaves.
    pub size: u64,
    /// The siblings on the way up, lowest first (RFC 6962 section 2.1.1).
    pub proof: Vec<Hash>,
}

/// A stored frontier that cannot be one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// Not one hash for each 1-bit of the size.
    #[error("a frontier of `{bytes}` bytes does not fit a tree of `{size}` leaves")]
    Length {
        /// The stored length.
        bytes: usize,
        /// The stored size, in leaves.
        size: u64,
    },
}

impl Frontier {
    /// The frontier of the empty tree.
    pub const fn empty() -> Self {
        Self {
            size: 0,
            hashes: Vec::new(),
        }
    }

    /// Reads a stored frontier; the size is stored beside it.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || u32::try_from(hashes.len()) != Ok(size.count_ones()) {
            return Err(FrontierError::Length {
                bytes: bytes.len(),
                size,
            });
        }
        Ok(Self {
            size,
            hashes: hashes.to_vec(),
        })
    }

    /// The hashes, one after the other, largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.as_flattened().to_vec()
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree (RFC 6962 section 2.1).
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.hashes.iter().rev();
        let Some(smallest) = smallest_first.next() else {
            return empty_root();
        };
        smallest_first.fold(*smallest, |right, left| node_hash(left, &right))
    }

    /// Adds one leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_telling(leaf, |_, _, _| ());
    }

    /// Adds one leaf, and tells each complete node above it that it finishes: level (from 1), index, hash.
    pub fn push_telling(&mut self, leaf: Hash, mut finished: impl FnMut(u32, u64, Hash)) {
        let mut hash = leaf;
        for level in 1..=self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(&left, &hash);
                finished(level, self.size >> level, hash);
            }
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// Adds `leaves` and returns the proof of each at the new size.
    pub fn append(&mut self, leaves: &[Hash]) -> Vec<Inclusion> {
        let old = self.clone();
        for leaf in leaves {
            self.push(*leaf);
        }
        let nodes = NewNodes::build(&old, leaves);
        let Some(tree) = Tree::at(self.size, |level, index| nodes.node(level, index)) else {
            return Vec::new();
        };
        (old.size..self.size)
            .filter_map(|index| {
                Some(Inclusion {
                    index,
                    size: self.size,
                    proof: tree.inclusion(index)?,
                })
            })
            .collect()
    }

    /// The root of the complete subtree of `2^level` leaves on the right edge, if the tree has one.
    fn subtree(&self, level: usize) -> Option<&Hash> {
        let bit = 1_u64.checked_shl(u32::try_from(level).ok()?)?;
        if self.size & bit == 0 {
            return None;
        }
        let larger = (self.size & !(bit | (bit - 1))).count_ones();
        self.hashes.get(usize::try_from(larger).ok()?)
    }
}

/// The complete nodes that an append makes, and those of the old frontier just left of them.
struct NewNodes {
    levels: Vec<Level>,
}

/// Consecutive complete nodes of one level, from node `start` on.
struct Level {
    start: u64,
    nodes: Vec<Hash>,
}

impl NewNodes {
    fn build(old: &Frontier, leaves: &[Hash]) -> Self {
        let mut levels: Vec<Level> = Vec::new();
        let mut new_nodes = leaves.to_vec();
        for height in 0..64 {
            let first_new = old.size >> height;
            let level = match old.subtree(height) {
                Some(left) => Level {
                    start: first_new - 1,
                    nodes: std::iter::once(*left).chain(new_nodes).collect(),
                },
                None => Level {
                    start: first_new,
                    nodes: new_nodes,
                },
            };
            new_nodes = parents(&level.nodes);
            let finished = level.nodes.is_empty() && old.size >> height == 0;
            levels.push(level);
            if finished {
                break;
            }
        }
        Self { levels }
    }

    fn node(&self, level: usize, index: u64) -> Option<Hash> {
        let level = self.levels.get(level)?;
        level
            .nodes
            .get(usize::try_from(index.checked_sub(level.start)?).ok()?)
            .copied()
    }
}

/// The nodes above complete pairs; a node without a right neighbour waits for one.
pub(in crate::audit) fn parents(nodes: &[Hash]) -> Vec<Hash> {
    nodes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[left, right]| node_hash(left, right))
        .collect()
}
