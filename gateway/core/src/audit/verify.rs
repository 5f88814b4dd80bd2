//! Verifying a whole log: from its entries and signed checkpoints, with the public key alone. It believes nothing:
//! each leaf is hashed and decoded again, and the tree is rebuilt. Where the entries come from, a database or a
//! bundle, is the caller's affair.
//!
//! The costly part of an entry, [`examine()`], needs no state and may run on many threads; [`Check`] then takes the
//! results in order. A log of several shards is one [`Check`] each, and a [`Chain`] that holds them together.

mod chain;
mod examine;
mod link;
mod report;
mod roots;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use chain::Chain;
pub use examine::{Examined, Given, examine};
pub use link::{Ending, Opening, RESTORED};
pub use report::{Finding, Release, Report, Shard, Source};

use super::Hash;
use super::checkpoint::{Checkpoint, CheckpointError};
use super::leaf::{Kind, Leaf};
use super::merge_undo::{MERGES_UNDONE, SignedMergeUndo};
use super::merkle::Frontier;
use super::note::Verifier;
use super::receipt::Proven;
use super::retention::{RetentionOrder, SignedOrder};
use crate::policy::{History, KeyList};
use examine::{Facts, is_grant};
use link::Link;
use roots::{Mismatch, Roots};

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
    /// Is the shard closed?
    pub closed: bool,
}

/// The state of the verification of one shard.
pub struct Check {
    log: Verifier,
    source: Source,
    tree: Frontier,
    /// The index that comes next.
    next: u64,
    last_time: i64,
    /// The next sequence number of each boot id.
    replicas: HashMap<[u8; 16], u64>,
    policies: History,
    /// Whose orders to destroy count, where it was given.
    approvers: Option<KeyList>,
    /// Orders of which nobody looked whose they are.
    unsigned_orders: u64,
    releases: Vec<Release>,
    /// Is it known which purposes acted before the first entry here?
    knows_purposes: bool,
    /// Was that told by the shard before?
    follows: bool,
    roots: Roots,
    checkpoints: u64,
    against: Option<u64>,
    /// Entries that receipts are about: index and hash.
    receipts: Vec<(u64, Hash)>,
    opening: Option<Opening>,
    ending: Option<Ending>,
    findings: Vec<Finding>,
}

impl Check {
    /// The check of the log that `log` is the key of.
    pub fn new(log: &Verifier, source: Source) -> Self {
        Self {
            log: log.clone(),
            source,
            tree: Frontier::empty(),
            next: 0,
            last_time: 0,
            replicas: HashMap::new(),
            policies: History::default(),
            approvers: None,
            unsigned_orders: 0,
            releases: Vec::new(),
            knows_purposes: source.from() == 0,
            follows: false,
            roots: Roots::default(),
            checkpoints: 0,
            against: None,
            receipts: Vec::new(),
            opening: None,
            ending: None,
            findings: Vec::new(),
        }
    }

    /// The shard follows the last one of `chain`: which purposes act is known from there.
    pub fn go_on_from(&mut self, chain: &Chain) {
        if let Some((purposes, knows_purposes)) = chain.purposes() {
            self.policies.purposes.clone_from(purposes);
            self.follows = knows_purposes;
        }
    }

    /// Orders to destroy must be signed by an FG of this list.
    pub fn approvers(&mut self, approvers: &KeyList) {
        self.approvers = Some(approvers.clone());
    }

    /// The root must be that of a checkpoint which was kept elsewhere.
    pub fn against(&mut self, kept: &Checkpoint) {
        self.against = Some(kept.size);
        self.roots.expect(kept.size, kept.root, "the given checkpoint");
    }

    /// The log must have the entry of a receipt that it signed, and the tree that the receipt was signed over.
    pub fn receipt(&mut self, receipt: &Proven) {
        self.receipts.push((receipt.index, receipt.leaf_hash));
        self.roots
            .expect(receipt.size, receipt.root, "the head of the given receipt");
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
            Ok(note) => self.roots.expect(note.size, note.root, "the signed checkpoint"),
        }
    }

    /// Takes the next entry.
    pub fn entry(&mut self, entry: &Examined) {
        self.expect(entry.index);
        self.receipts(entry.index, &entry.hash);
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
        self.receipts(index, &hash);
        self.push(hash);
    }

    /// Something else that is not as it should be.
    pub fn find(&mut self, index: Option<u64>, what: &str) {
        // One more than is shown, so that a flood of findings stays small; the first ones are the lowest.
        if self.findings.len() <= 10 * Report::FINDINGS_MAX {
            self.findings.push(Finding {
                shard: None,
                index,
                what: what.to_owned(),
            });
        }
    }

    /// The index of the entry that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What was found in a log of one shard, once every entry was taken. `head` is the state that was kept beside the
    /// entries, if any.
    pub fn finish(self, head: Option<&Head<'_>>) -> Report {
        let mut chain = Chain::default();
        chain.take(self, head);
        chain.finish()
    }

    /// The report on this shard, and what ties it to the ones before and after.
    fn examined(mut self, head: Option<&Head<'_>>) -> (Report, Link) {
        self.roots.compare(&self.tree);
        let mut unsigned_from = None;
        match head {
            Some(head) => self.head(head),
            None => unsigned_from = self.roots.unsigned_from(self.next),
        }
        self.check_approvers();
        self.lost_receipts();
        let fitted = self.roots.take_fitted();
        self.settle_roots();
        self.findings
            .sort_by_key(|finding| finding.index.unwrap_or(u64::MAX));
        self.findings.truncate(Report::FINDINGS_MAX);
        let link = Link {
            log: self.log.clone(),
            opening: self.opening,
            ending: self.ending,
            fitted,
            policies: self.policies,
            knows_purposes: self.knows_purposes,
            last_time: self.last_time,
            is_whole: self.source.from() == 0 && self.next > 0,
            unsigned_from,
        };
        let shard = Shard {
            origin: self.log.name().to_owned(),
            size: self.tree.size(),
            root: self.tree.root(),
            checkpoints: self.checkpoints,
            replicas: self.replicas.len() as u64,
            is_closed: link.ending.is_some(),
        };
        let mut report = Report::of(shard, self.source, self.against, self.findings);
        report.unsigned_orders = self.unsigned_orders;
        report.releases = self.releases;
        (report, link)
    }

    fn receipts(&mut self, index: u64, hash: &Hash) {
        let is_other = |(at, expected): &(u64, Hash)| *at == index && expected != hash;
        if self.receipts.iter().any(is_other) {
            self.find(
                Some(index),
                "the log signed a receipt for another entry at this place: that one was dropped or changed",
            );
        }
    }

    /// The list of approvers is one that the log names.
    fn check_approvers(&mut self) {
        let other = self
            .approvers
            .as_ref()
            .zip(self.policies.keys.as_ref())
            .is_some_and(|(list, head)| !list.grew_from(head));
        if other {
            self.find(
                None,
                "the given list of approvers is not the one that the log names",
            );
        }
    }

    fn lost_receipts(&mut self) {
        let end = self.next;
        for (index, _) in std::mem::take(&mut self.receipts) {
            if index >= end {
                self.find(
                    Some(index),
                    "the log signed a receipt for this entry, and ends before it: it was dropped, or this is an older \
                     copy of the log",
                );
            }
        }
    }

    fn expect(&mut self, index: u64) {
        if self.ending.is_some() {
            self.find(Some(index), "it comes after the entry that closed its shard");
        }
        if index != self.next {
            self.find(Some(self.next), &format!("missing up to index `{index}`"));
        }
        self.next = index + 1;
    }

    fn push(&mut self, hash: Hash) {
        self.tree.push(hash);
        self.roots.compare(&self.tree);
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
        self.shard(index, facts);
        self.policies(index, facts);
        self.grant(index, facts);
        self.retention(index, facts);
        self.undoing(index, facts);
        self.released(index, facts);
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
        // A shard is closed after a restore by no replica, but by an operator's command.
        let opens = matches!(
            facts.kind,
            Kind::ShardOpened | Kind::ReplicaStarted | Kind::ShardClosed
        );
        if expected == 0 && !opens {
            self.find(Some(index), "its replica has no entry that opens its boot id");
        }
    }

    /// The first entry opens the shard, and may name the one before; the last closes it.
    fn shard(&mut self, index: u64, facts: &Facts) {
        let Some(leaf) = &facts.leaf else { return };
        match facts.kind {
            Kind::ShardOpened if index == 0 => match Opening::read(leaf) {
                Ok(opening) => {
                    if let Some(opening) = &opening {
                        (self.policies.generation, self.policies.policies) =
                            (opening.generation, opening.policies);
                        self.knows_purposes &= self.follows;
                    }
                    self.opening = opening;
                }
                Err(what) => self.find(Some(index), what),
            },
            Kind::ShardOpened => self.find(Some(index), "it opens a shard that is open"),
            Kind::ShardClosed => self.ending = Some(Ending::read(leaf)),
            _ => {}
        }
    }

    /// Entries about policies follow one another; what came before a bundle's range is not known.
    fn policies(&mut self, index: u64, facts: &Facts) {
        if let (Some(leaf), 0) = (&facts.leaf, self.source.from())
            && let Err(error) = self.policies.apply(leaf)
        {
            self.find(Some(index), &error.to_string());
        }
    }

    /// What was destroyed was so by an order of the FG, which is about what was there, after its term.
    fn retention(&mut self, index: u64, facts: &Facts) {
        let Some(leaf) = facts.leaf.as_ref().filter(|_| facts.kind == Kind::Retention) else {
            return;
        };
        let order = RetentionOrder::of_entry(leaf, self.log.name(), index);
        let signed = self
            .approvers
            .as_ref()
            .map(|approvers| SignedOrder::of_event(&leaf.event, approvers));
        self.unsigned_orders += u64::from(signed.is_none());
        if let Some(error) = order.err().or(signed.and_then(Result::err)) {
            self.find(Some(index), &format!("private parts were destroyed: {error}"));
        }
    }

    /// Merges that were undone by an order of the FG were so by that order; the operator may do it without one.
    fn undoing(&mut self, index: u64, facts: &Facts) {
        let undone = |leaf: &&Leaf| leaf.event.decision.as_deref() == Some(MERGES_UNDONE);
        let leaf = facts.leaf.as_deref().filter(undone);
        if let (Some(leaf), Some(approvers)) = (leaf, &self.approvers)
            && let Err(error) = SignedMergeUndo::of_event(&leaf.event, approvers)
        {
            self.find(Some(index), &format!("merges were undone: {error}"));
        }
    }

    /// What was released is for the caller to compare, who has the figures; each epoch once.
    fn released(&mut self, index: u64, facts: &Facts) {
        let leaf = facts.leaf.as_ref();
        if let Some(leaf) = leaf.filter(|_| facts.kind == Kind::EpochReleased) {
            self.releases.push(Release::of(leaf, index, self.log.name()));
        }
    }

    /// What is granted under a purpose must be so under the version of it that was in force by then.
    fn grant(&mut self, index: u64, facts: &Facts) {
        let event = match &facts.leaf {
            // Before the first policies nothing is decided by any.
            Some(leaf) if self.knows_purposes && self.policies.generation > 0 && is_grant(&leaf.event) => {
                &leaf.event
            }
            _ => return,
        };
        let Some(purpose) = &event.purpose else { return };
        let logged = self.policies.purposes.get(&purpose.id);
        let acted = logged.and_then(|logged| logged.acted);
        if event.policy.is_none() || acted != event.policy.map(|digest| (purpose.version, digest)) {
            let what = format!(
                "it was granted under version `{}` of `{}`, and not that version was in force by then",
                purpose.version, purpose.id
            );
            self.find(Some(index), &what);
        } else if logged
            .and_then(|logged| logged.last.as_ref())
            .is_some_and(|last| last.2.is_some())
        {
            let what = format!("it was granted under `{}`, which slept by then", purpose.id);
            self.find(Some(index), &what);
        }
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
            self.roots
                .mismatch(self.next, "does not give the root of the head".to_owned());
        }
        if self.next == head.size && self.tree.to_bytes() != head.frontier {
            self.find(None, "the head's frontier is not that of the leaves");
        }
        if head.closed != self.ending.is_some() {
            let what = if head.closed {
                "the head says that the shard is closed, and no entry does"
            } else {
                "an entry closed the shard, and the head says that it is open"
            };
            self.find(None, what);
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

    /// A wrong root tells only between which sizes to look; where an entry was named by itself, it follows from that.
    fn settle_roots(&mut self) {
        let (missing, mismatches) = std::mem::take(&mut self.roots).settle();
        for (size, what) in missing {
            let what = format!("missing: {what} was signed at size `{size}`");
            self.find(Some(self.next), &what);
        }
        for Mismatch { from, until, what } in mismatches {
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
