//! Verifying a whole log from its tables, with the public key alone. It writes nothing and believes nothing: each
//! leaf is hashed and decoded again, and the tree is rebuilt.

use std::collections::HashMap;

use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::leaf::{Kind, Leaf};
use doelpoort_core::audit::merkle::Frontier;
use doelpoort_core::audit::merkle::leaf_hash;
use doelpoort_core::audit::note::Verifier;

use super::{Finding, Report, SHARD};
use crate::store::{Store, StoreError, log as rows};

/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 2_000;

/// Why a log could not be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no log in the database.
    #[error("there is no audit log in this database")]
    NoLog,
    /// The checkpoint to compare with is not one of this key.
    #[error("the checkpoint to compare with: {0}")]
    Against(#[source] CheckpointError),
}

/// Verifies the log in `store` against its public key and, if given, a checkpoint that was kept elsewhere. Entries
/// that are appended meanwhile are left out.
pub async fn verify(store: &Store, log: &Verifier, against: Option<&str>) -> Result<Report, VerifyError> {
    let against = against
        .map(|note| Checkpoint::open(note, log))
        .transpose()
        .map_err(VerifyError::Against)?;
    let (origin, verifier) = rows::shard(store, SHARD).await?.ok_or(VerifyError::NoLog)?;
    // The checkpoints first, then the head: what is read later is never shorter.
    let checkpoints = rows::checkpoints(store, SHARD).await?;
    let head = rows::head(store, SHARD).await?.ok_or(VerifyError::NoLog)?;
    let mut check = Check::new(checkpoints, against.as_ref(), log);
    if (origin.as_str(), verifier.as_str()) != (log.name(), log.to_text().as_str()) {
        check.find(
            None,
            "the name and key in the database are not those of the given key",
        );
    }
    let mut next = 0;
    'log: loop {
        let entries = rows::entries(store, SHARD, next, ENTRIES_PER_READ).await?;
        let Some(last) = entries.last() else { break };
        next = last.index + 1;
        for entry in entries {
            if entry.index >= head.size && appended_meanwhile(store, entry.index).await? {
                break 'log;
            }
            check.entry(&entry);
        }
    }
    Ok(check.finish(&head, log, against.map(|checkpoint| checkpoint.size)))
}

/// An entry beyond the head we read: is it new, or does the head lag behind for good?
async fn appended_meanwhile(store: &Store, index: u64) -> Result<bool, StoreError> {
    let now = rows::head(store, SHARD).await?;
    Ok(now.is_some_and(|head| index < head.size))
}

/// A root that the tree must have at some size.
struct Milestone {
    size: u64,
    root: Vec<u8>,
    what: &'static str,
}

/// The state of a verification.
struct Check {
    tree: Frontier,
    /// The index that comes next.
    next: u64,
    last_time: i64,
    /// The next sequence number of each boot id.
    replicas: HashMap<[u8; 16], u64>,
    /// Sorted, the smallest size last.
    milestones: Vec<Milestone>,
    last_milestone: u64,
    checkpoints: u64,
    mismatches: Vec<Mismatch>,
    findings: Vec<Finding>,
}

/// A root that the leaves do not give: one of them is not what it was.
struct Mismatch {
    from: u64,
    until: u64,
    what: String,
}

impl Check {
    fn new(stored: Vec<rows::StoredCheckpoint>, against: Option<&Checkpoint>, log: &Verifier) -> Self {
        let mut check = Self {
            tree: Frontier::empty(),
            next: 0,
            last_time: 0,
            replicas: HashMap::new(),
            milestones: Vec::new(),
            last_milestone: 0,
            checkpoints: stored.len() as u64,
            mismatches: Vec::new(),
            findings: Vec::new(),
        };
        for checkpoint in stored {
            check.stored_checkpoint(&checkpoint, log);
        }
        check.milestones.extend(against.map(|given| Milestone {
            size: given.size,
            root: given.root.to_vec(),
            what: "the given checkpoint",
        }));
        check
            .milestones
            .sort_by_key(|milestone| std::cmp::Reverse(milestone.size));
        check
    }

    /// The note must be signed and say what stands beside it; its root is compared when the tree has its size.
    fn stored_checkpoint(&mut self, stored: &rows::StoredCheckpoint, log: &Verifier) {
        match Checkpoint::open(&stored.note, log) {
            Err(error) => {
                self.find(
                    None,
                    &format!("the stored checkpoint at size `{}`: {error}", stored.size),
                );
            }
            Ok(note) if (note.size, note.root.as_slice()) != (stored.size, stored.root.as_slice()) => {
                self.find(
                    None,
                    &format!(
                        "the stored checkpoint at size `{}` says something else",
                        stored.size
                    ),
                );
            }
            Ok(note) => {
                let root = note.root.to_vec();
                self.milestones.push(Milestone {
                    size: note.size,
                    root,
                    what: "the signed checkpoint",
                });
            }
        }
    }

    fn entry(&mut self, entry: &rows::StoredEntry) {
        if entry.index != self.next {
            self.find(Some(self.next), &format!("missing up to index `{}`", entry.index));
        }
        self.next = entry.index + 1;
        let hash = leaf_hash(&entry.leaf);
        if hash.as_slice() != entry.leaf_hash {
            self.find(Some(entry.index), "the leaf does not have its stored hash");
        }
        match Leaf::decode(&entry.leaf) {
            Ok(leaf) => self.leaf(entry, &leaf),
            Err(error) => self.find(Some(entry.index), &error.to_string()),
        }
        self.tree.push(hash);
        self.compare_roots();
    }

    fn leaf(&mut self, entry: &rows::StoredEntry, leaf: &Leaf) {
        let index = Some(entry.index);
        if entry.replica != leaf.replica || u64::try_from(entry.sequence) != Ok(leaf.sequence) {
            self.find(
                index,
                "the replica and sequence number beside the leaf are not the leaf's",
            );
        }
        if leaf.time < self.last_time {
            self.find(index, "it is older than the entry before it");
        }
        self.last_time = self.last_time.max(leaf.time);
        let expected = self.replicas.get(&leaf.replica).copied().unwrap_or(0);
        if leaf.sequence != expected {
            let what = format!(
                "its replica's sequence number is `{}`, not `{expected}`",
                leaf.sequence
            );
            self.find(index, &what);
        }
        let opens = matches!(leaf.event.kind, Kind::ShardOpened | Kind::ReplicaStarted);
        if expected == 0 && !opens {
            self.find(index, "its replica has no entry that opens its boot id");
        }
        self.replicas
            .insert(leaf.replica, leaf.sequence.saturating_add(1));
    }

    /// Compares the tree with every signed root of its size. A mismatch lies after the last root that fitted.
    fn compare_roots(&mut self) {
        while let Some(due) = self
            .milestones
            .pop_if(|milestone| milestone.size <= self.tree.size())
        {
            let fits = due.size == self.tree.size() && due.root == self.tree.root();
            if fits {
                self.last_milestone = due.size;
            } else {
                let Milestone { size, what, .. } = due;
                let what = format!("is not what {what} was signed over");
                self.mismatches.push(Mismatch {
                    from: self.last_milestone,
                    until: size,
                    what,
                });
            }
        }
    }

    fn compare_head(&mut self, head: &rows::Head) {
        if self.tree.root() != head.root {
            let what = "does not give the root of the head".to_owned();
            self.mismatches.push(Mismatch {
                from: self.last_milestone,
                until: self.next,
                what,
            });
        }
        if self.tree.to_bytes() != head.frontier {
            self.find(None, "the head's frontier is not that of the leaves");
        }
    }

    fn finish(mut self, head: &rows::Head, log: &Verifier, against: Option<u64>) -> Report {
        self.compare_roots();
        if self.next < head.size {
            self.find(
                Some(self.next),
                &format!("missing up to the end at `{}`", head.size),
            );
        }
        if self.next > head.size {
            self.find(Some(head.size), "entries beyond the head");
        }
        if self.next == head.size {
            self.compare_head(head);
        }
        if head.last_us != self.last_time {
            self.find(None, "the head's time is not that of the last leaf");
        }
        for milestone in std::mem::take(&mut self.milestones) {
            let Milestone { size, what, .. } = milestone;
            self.find(
                Some(self.next),
                &format!("missing: {what} was signed at size `{size}`"),
            );
        }
        self.settle_mismatches();
        self.findings
            .sort_by_key(|finding| finding.index.unwrap_or(u64::MAX));
        self.findings.truncate(Report::FINDINGS_MAX);
        Report {
            origin: log.name().to_owned(),
            size: self.tree.size(),
            root: self.tree.root(),
            checkpoints: self.checkpoints,
            replicas: self.replicas.len() as u64,
            against,
            vouched: false,
            findings: self.findings,
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

    fn find(&mut self, index: Option<u64>, what: &str) {
        // One more than is shown, so that a flood of findings stays small; the first ones are the lowest.
        if self.findings.len() <= 10 * Report::FINDINGS_MAX {
            self.findings.push(Finding {
                index,
                what: what.to_owned(),
            });
        }
    }
}
