//! The roots that the tree must have, and between which sizes to look where it has not.

use std::collections::BTreeMap;

use super::super::Hash;
use super::super::merkle::Frontier;

/// The signed roots of a log beside those of the tree that its entries give.
#[derive(Default)]
pub(super) struct Roots {
    /// Those that are still to come, by size, with what was signed over them.
    expected: BTreeMap<u64, Vec<(Hash, &'static str)>>,
    /// Those that the tree had, by size.
    fitted: BTreeMap<u64, Hash>,
    /// The last size at which the tree had a signed root.
    last: u64,
    mismatches: Vec<Mismatch>,
}

/// A root that the leaves do not give: one of them is not what it was.
pub(super) struct Mismatch {
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) what: String,
}

impl Roots {
    /// At this size the tree must have this root; `what` was signed over it.
    pub(super) fn expect(&mut self, size: u64, root: Hash, what: &'static str) {
        self.expected.entry(size).or_default().push((root, what));
    }

    /// Compares the tree with every signed root of its size. A mismatch lies after the last root that fitted.
    pub(super) fn compare(&mut self, tree: &Frontier) {
        while let Some(due) = self
            .expected
            .first_entry()
            .filter(|due| *due.key() <= tree.size())
        {
            let (size, due) = due.remove_entry();
            for (root, what) in due {
                if size == tree.size() && root == tree.root() {
                    self.last = size;
                    self.fitted.insert(size, root);
                } else {
                    self.mismatch(size, format!("is not what {what} was signed over"));
                }
            }
        }
    }

    /// One of the entries after the last root that fitted, and before this size, is not what it was.
    pub(super) fn mismatch(&mut self, until: u64, what: String) {
        let from = self.last;
        self.mismatches.push(Mismatch { from, until, what });
    }

    /// From where on nothing is signed. Without a head it is the last checkpoint that says where the log ends; of a closed
    /// shard also the next one.
    pub(super) fn unsigned_from(&self, end: u64) -> Option<u64> {
        let is_unsigned = self.last < end && self.mismatches.is_empty() && self.expected.is_empty();
        is_unsigned.then_some(self.last)
    }

    /// The signed roots that the tree had, by size.
    pub(super) fn take_fitted(&mut self) -> BTreeMap<u64, Hash> {
        std::mem::take(&mut self.fitted)
    }

    /// What was signed at sizes that the tree never had, and what did not fit.
    pub(super) fn settle(self) -> (Vec<(u64, &'static str)>, Vec<Mismatch>) {
        let flat = |(size, due): (u64, Vec<(Hash, &'static str)>)| {
            due.into_iter().map(move |(_, what)| (size, what))
        };
        (
            self.expected.into_iter().flat_map(flat).collect(),
            self.mismatches,
        )
    }
}
