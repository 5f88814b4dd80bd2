//! Verifying a whole log: from its entries and signed checkpoints, with the public key alone. It believes nothing:
//! each leaf is hashed and decoded again, and the tree is rebuilt. Where the entries come from, a database or a
//! bundle, is the caller's affair.
//!
//! The costly part of an entry, [`examine()`], needs no state and may run on many threads; [`Check`] then takes the
//! results in order.

mod examine;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

pub use examine::{Examined, Given, examine};
pub use report::{Finding, Report, Source};

use super::Hash;
use super::checkpoint::{Checkpoint, CheckpointError};
use super::leaf::Kind;
use super::merkle::Frontier;
use super::note::Verifier;
use crate::policy::History;
use examine::Facts;

/// The state of a log as a database keeps it beside the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The number of leaves.
    pub size: u64,
    /// The compact range of that size.
    pub frontier: &'a [u8],
    /// The root.
    pub root: Hash,
    /// The time of the last leaf, in µs.
    pub last_us: i64,
    /// The policy generation in force.
    pub policy_generation: i64,
    /// The digest of its policies; empty before the first.
    pub policy_digest: &'a [u8],
}

/// The state of a verification.
pub struct Check {
    origin: String,
    source: Source,
    tree: Frontier,
    /// The index that comes next.
    next: u64,
    last_time: i64,
    /// The next sequence number of each boot id.
    replicas: HashMap<[u8; 16], u64>,
    policies: History,
    /// Roots that the tree must have, by size.
    milestones: BTreeMap<u64, Vec<Milestone>>,
    last_milestone: u64,
    checkpoints: u64,
    against: Option<u64>,
    mismatches: Vec<Mismatch>,
    findings: Vec<Finding>,
}

/// A root that the tree must have at some size.
struct Milestone {
    root: Hash,
    what: &'static str,
}

/// A root that the leaves do not give: one of them is not what it was.
struct Mismatch {
    from: u64,
    until: u64,
    what: String,
}

impl Check {
    /// The check of the log that `log` is the key of.
    pub fn new(log: &Verifier, source: Source) -> Self {
        Self {
            origin: log.name().to_owned(),
            source,
            tree: Frontier::empty(),
            next: 0,
            last_time: 0,
            replicas: HashMap::new(),
            policies: History::default(),
            milestones: BTreeMap::new(),
            last_milestone: 0,
            checkpoints: 0,
            against: None,
            mismatches: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The root must be that of a checkpoint which was kept elsewhere.
    pub fn against(&mut self, kept: &Checkpoint) {
        self.against = Some(kept.size);
        self.milestone(kept.size, kept.root, "the given checkpoint");
    }

    /// A signed checkpoint that came with the entries, as [`Checkpoint::open`] read it, and the size and root that
    /// stood beside it. Its root is compared when the tree has its size.
    pub fn checkpoint(&mut self, size: u64, root: &[u8], opened: Result<Checkpoint, CheckpointError>) {
        self.checkpoints += 1;
        match opened {
            Err(error) => self.find(None, &format!("the stored checkpoint at size `{size}`: {error}")),
            Ok(note) if (note.size, note.root.as_slice()) != (size, root) => {
                self.find(
                    None,
                    &format!("the stored checkpoint at size `{size}` says something else"),
                );
            }
            Ok(note) => self.milestone(note.size, note.root, "the signed checkpoint"),
        }
    }

    /// Takes the next entry.
    pub fn entry(&mut self, entry: &Examined) {
        self.expect(entry.index);
        if !entry.has_stored_hash {
            self.find(Some(entry.index), "the leaf does not have its stored hash");
        }
        match &entry.facts {
            Ok(facts) => self.leaf(entry.index, facts),
            Err(error) => self.find(Some(entry.index), &error.to_string()),
        }
        self.push(entry.hash);
    }

    /// Takes the next entry of which only the hash is known.
    pub fn hash_only(&mut self, index: u64, hash: Hash) {
        self.expect(index);
        self.push(hash);
    }

    /// Something else that is not as it should be.
    pub fn find(&mut self, index: Option<u64>, what: &str) {
        // One more than is shown, so that a flood of findings stays small; the first ones are the lowest.
        if self.findings.len() <= 10 * Report::FINDINGS_MAX {
            self.findings.push(Finding {
                index,
                what: what.to_owned(),
            });
        }
    }

    /// The index of the entry that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What was found, once every entry was taken. `head` is the state that was kept beside the entries, if any.
    pub fn finish(mut self, head: Option<&Head<'_>>) -> Report {
        self.compare_roots();
        match head {
            Some(head) => self.head(head),
            None => self.signed_to_the_end(),
        }
        self.missing_milestones();
        self.settle_mismatches();
        self.findings
            .sort_by_key(|finding| finding.index.unwrap_or(u64::MAX));
        self.findings.truncate(Report::FINDINGS_MAX);
        Report {
            vouched: false,
            origin: self.origin,
            source: self.source,
            size: self.tree.size(),
            root: self.tree.root(),
            checkpoints: self.checkpoints,
            replicas: self.replicas.len() as u64,
            against: self.against,
            findings: self.findings,
        }
    }

    fn milestone(&mut self, size: u64, root: Hash, what: &'static str) {
        self.milestones
            .entry(size)
            .or_default()
            .push(Milestone { root, what });
    }

    fn expect(&mut self, index: u64) {
        if index != self.next {
            self.find(Some(self.next), &format!("missing up to index `{index}`"));
        }
        self.next = index + 1;
    }

    fn push(&mut self, hash: Hash) {
        self.tree.push(hash);
        self.compare_roots();
    }

    fn leaf(&mut self, index: u64, facts: &Facts) {
        let at = Some(index);
        if !facts.has_its_place {
            self.find(
                at,
                "the replica and sequence number beside the leaf are not the leaf's",
            );
        }
        if facts.time < self.last_time {
            self.find(at, "it is older than the entry before it");
        }
        self.last_time = self.last_time.max(facts.time);
        self.sequence(index, facts);
        self.policies(index, facts);
        self.replicas
            .insert(facts.replica, facts.sequence.saturating_add(1));
    }

    fn sequence(&mut self, index: u64, facts: &Facts) {
        let expected = match self.replicas.get(&facts.replica) {
            Some(expected) => *expected,
            // Of a replica whose first entries are outside the range nothing is known.
            None if self.source.from() > 0 => return,
            None => 0,
        };
        if facts.sequence != expected {
            let what = format!(
                "its replica's sequence number is `{}`, not `{expected}`",
                facts.sequence
            );
            self.find(Some(index), &what);
        }
        if facts.kind == Kind::Void {
            self.find(
                Some(index),
                "it voids a number of its replica, which this log never does",
            );
        }
        let opens = matches!(facts.kind, Kind::ShardOpened | Kind::ReplicaStarted);
        if expected == 0 && !opens {
            self.find(Some(index), "its replica has no entry that opens its boot id");
        }
    }

    /// Entries about policies follow one another; what came before a bundle's range is not known.
    fn policies(&mut self, index: u64, facts: &Facts) {
        if let (Some(leaf), 0) = (&facts.about_policies, self.source.from())
            && let Err(error) = self.policies.apply(leaf)
        {
            self.find(Some(index), &error.to_string());
        }
    }

    /// Compares the tree with every signed root of its size. A mismatch lies after the last root that fitted.
    fn compare_roots(&mut self) {
        while let Some(due) = self
            .milestones
            .first_entry()
            .filter(|due| *due.key() <= self.tree.size())
        {
            let (size, due) = due.remove_entry();
            for Milestone { root, what } in due {
                if size == self.tree.size() && root == self.tree.root() {
                    self.last_milestone = size;
                } else {
                    self.mismatch(size, format!("is not what {what} was signed over"));
                }
            }
        }
    }

    fn mismatch(&mut self, until: u64, what: String) {
        self.mismatches.push(Mismatch {
            from: self.last_milestone,
            until,
            what,
        });
    }

    fn head(&mut self, head: &Head<'_>) {
        if self.next < head.size {
            let what = format!("missing up to the end at `{}`", head.size);
            self.find(Some(self.next), &what);
        }
        if self.next > head.size {
            self.find(Some(head.size), "entries beyond the head");
        }
        if self.next == head.size && self.tree.root() != head.root {
            self.mismatch(self.next, "does not give the root of the head".to_owned());
        }
        if self.next == head.size && self.tree.to_bytes() != head.frontier {
            self.find(None, "the head's frontier is not that of the leaves");
        }
        if head.last_us != self.last_time {
            self.find(None, "the head's time is not that of the last leaf");
        }
        let generation = i64::try_from(self.policies.generation);
        let digest = self
            .policies
            .policies
            .as_ref()
            .map_or(&[][..], <[u8; 32]>::as_slice);
        if generation != Ok(head.policy_generation) || digest != head.policy_digest {
            self.find(
                None,
                "the head's policies are not those that the entries put in force",
            );
        }
    }

    /// Without a head it is the last checkpoint that says where the log ends.
    fn signed_to_the_end(&mut self) {
        if self.last_milestone < self.next && self.mismatches.is_empty() && self.milestones.is_empty() {
            self.find(
                Some(self.last_milestone),
                "no signed checkpoint covers the entries from here on",
            );
        }
    }

    fn missing_milestones(&mut self) {
        for (size, due) in std::mem::take(&mut self.milestones) {
            for Milestone { what, .. } in due {
                let what = format!("missing: {what} was signed at size `{size}`");
                self.find(Some(self.next), &what);
            }
        }
    }

    /// A wrong root tells only between which sizes to look; where an entry was named by itself, it follows from that.
    fn settle_mismatches(&mut self) {
        for Mismatch { from, until, what } in std::mem::take(&mut self.mismatches) {
            let named = self
                .findings
                .iter()
                .any(|finding| finding.index.is_some_and(|index| index < until));
            self.find(
                (!named).then_some(from),
                &format!("one of the entries `{from}..{until}` {what}"),
            );
        }
    }
}
