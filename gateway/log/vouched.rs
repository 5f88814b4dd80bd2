//! Verifying what others said of a log, from its tables: cosignatures against a trust policy, time stamps against their
//! authorities, and the stored nodes against the leaf hashes. [`super::verify()`] has to find the checkpoints good.

use std::collections::BTreeSet;
use std::fmt;

use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::merkle::Frontier;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::quorum::Policy;
use doelpoort_core::audit::tile::HEIGHT;
use doelpoort_core::audit::timestamp;
use rustls::pki_types::CertificateDer;

use super::VerifyError;
use crate::store::published::{self, Node, StoredCosignature, StoredStamp};
use crate::store::{Store, log as rows};

/// Leaf hashes, and nodes, that are read by one statement.
const ROWS_PER_READ: u64 = 65_536;
/// Cosignatures that are read by one statement.
const COSIGNATURES_PER_READ: i64 = 4_096;
/// What is found at most.
const FINDINGS_MAX: usize = 20;

/// What others vouch for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    /// The largest checkpoint that a quorum cosigned, if a policy was given.
    pub witnessed: Option<u64>,
    /// Cosignatures by witnesses of the policy that fit.
    pub cosignatures: u64,
    /// Whose these are, by their names in the policy.
    pub witnesses: BTreeSet<String>,
    /// Cosignatures by keys that the policy does not know: not verified.
    pub unknown: u64,
    /// Time stamps that fit.
    pub stamps: u64,
    /// The last of them: size and time, in µs.
    pub last_stamp: Option<(u64, i64)>,
    /// Nodes above the tiles that fit.
    pub nodes: u64,
    /// What does not fit.
    pub findings: Vec<String>,
}

/// Verifies what others said of the log. Without authorities no time stamp is looked at.
pub async fn vouched(
    store: &Store,
    log: &Verifier,
    policy: &Policy,
    authorities: &[CertificateDer<'_>],
) -> Result<Vouched, VerifyError> {
    let mut vouched = Vouched::default();
    for shard in rows::shards(store).await? {
        // One of another log's name is what the verification of the log finds.
        let Some(key) = log.of_shard(&shard.origin) else {
            continue;
        };
        let before = vouched.witnessed.take();
        vouched
            .shard((store, shard.number), &key, policy, authorities)
            .await?;
        // The first minute of a new shard: the one before vouches for how that begins.
        vouched.witnessed = vouched.witnessed.or(before);
    }
    vouched.findings.truncate(FINDINGS_MAX);
    Ok(vouched)
}

impl Vouched {
    async fn shard(
        &mut self,
        (store, shard): (&Store, i64),
        log: &Verifier,
        policy: &Policy,
        authorities: &[CertificateDer<'_>],
    ) -> Result<(), VerifyError> {
        let vouched = self;
        let mut size_max = i64::MAX.unsigned_abs();
        loop {
            let read = published::cosignatures(store, shard, size_max, COSIGNATURES_PER_READ).await?;
            let mut sizes: Vec<&[StoredCosignature]> =
                read.chunk_by(|one, next| one.size == next.size).collect();
            if i64::try_from(read.len()).is_ok_and(|read| read == COSIGNATURES_PER_READ) && sizes.len() > 1 {
                // The last may go on in what is read next.
                sizes.pop();
            }
            let Some(smallest) = sizes
                .last()
                .and_then(|under_one| under_one.first())
                .map(|one| one.size)
            else {
                break;
            };
            for under_one in sizes {
                vouched.cosigned((store, shard), log, policy, under_one).await?;
            }
            match smallest.checked_sub(1) {
                Some(next) => size_max = next,
                None => break,
            }
        }
        if !authorities.is_empty() {
            for stamp in published::stamps(store, shard).await? {
                vouched.stamped((store, shard), &stamp, authorities).await?;
            }
        }
        vouched.compare_nodes(store, shard).await
    }

    /// The cosignatures under one checkpoint, of which the largest comes first.
    async fn cosigned(
        &mut self,
        (store, shard): (&Store, i64),
        log: &Verifier,
        policy: &Policy,
        under_one: &[StoredCosignature],
    ) -> Result<(), VerifyError> {
        let Some(size) = under_one.first().map(|one| one.size) else {
            return Ok(());
        };
        let stored = published::checkpoint(store, shard, size).await?;
        let Some(checkpoint) = stored.and_then(|stored| Checkpoint::open(&stored.note, log).ok()) else {
            self.findings.push(format!(
                "the checkpoint at size `{size}` that witnesses cosigned is gone or no longer signed"
            ));
            return Ok(());
        };
        let text = checkpoint.to_text();
        let mut places = BTreeSet::new();
        for one in under_one {
            let known = policy
                .witnesses
                .iter()
                .position(|witness| witness.key.to_text() == one.witness);
            let Some((place, witness)) = known.and_then(|place| Some((place, policy.witnesses.get(place)?)))
            else {
                self.unknown += 1;
                continue;
            };
            if let Ok(Some(_)) = witness.key.find(&text, &one.line) {
                self.cosignatures += 1;
                self.witnesses.insert(witness.name.clone());
                places.insert(place);
            } else {
                let name = &witness.name;
                self.findings.push(format!(
                    "the cosignature of `{name}` at size `{size}` does not fit"
                ));
            }
        }
        if policy.needs_witnesses() && self.witnessed.is_none() && policy.is_met(&places) {
            self.witnessed = Some(size);
        }
        Ok(())
    }

    async fn stamped(
        &mut self,
        (store, shard): (&Store, i64),
        stamp: &StoredStamp,
        authorities: &[CertificateDer<'_>],
    ) -> Result<(), VerifyError> {
        let size = stamp.size;
        let note = published::checkpoint(store, shard, size)
            .await?
            .map(|checkpoint| checkpoint.note);
        let imprint = timestamp::imprint(&note.unwrap_or_default());
        match timestamp::verify(&stamp.token, &imprint, authorities) {
            Ok(verified) if verified.time_us == stamp.time_us => {
                self.stamps += 1;
                self.last_stamp = Some((size, stamp.time_us));
            }
            Ok(_) => self.findings.push(format!(
                "the time beside the stamp at size `{size}` is not the stamp's"
            )),
            Err(error) => self.findings.push(format!("the stamp at size `{size}`: {error}")),
        }
        Ok(())
    }

    /// Every stored node must be what the leaf hashes give.
    async fn compare_nodes(&mut self, store: &Store, shard: i64) -> Result<(), VerifyError> {
        let size = rows::last_checkpoint(store, shard)
            .await?
            .map_or(0, |last| last.size);
        let (mut tree, mut nodes) = (Frontier::empty(), Vec::new());
        while tree.size() < size {
            let (from, until) = (tree.size(), size.min(tree.size() + ROWS_PER_READ));
            let push = |hash| {
                tree.push_telling(hash, |level, index, hash| {
                    if level.is_multiple_of(HEIGHT)
                        && let Ok(level) = u8::try_from(level / HEIGHT)
                    {
                        nodes.push(Node { level, index, hash });
                    }
                });
            };
            rows::leaf_hashes(store, shard, from, until, push).await?;
            if tree.size() != until {
                // Missing entries are named by index elsewhere.
                return Ok(());
            }
        }
        for node in nodes {
            let range = (node.index, node.index + 1);
            if published::nodes(store, shard, node.level, range).await? == [node.hash] {
                self.nodes += 1;
            } else {
                let Node { level, index, .. } = node;
                self.findings.push(format!(
                    "node `{index}` of tile level `{level}` is not what the leaf hashes give"
                ));
            }
        }
        Ok(())
    }

    /// Does everything that was looked at fit, and is a quorum there where one is asked for?
    pub fn is_intact(&self, policy: &Policy) -> bool {
        self.findings.is_empty() && (self.witnessed.is_some() || !policy.needs_witnesses())
    }
}

impl fmt::Display for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tiles    {} nodes", self.nodes)?;
        write!(f, "cosigned {} times", self.cosignatures)?;
        if self.unknown > 0 {
            write!(
                f,
                ", and {} times by keys that are not in the policy: not checked",
                self.unknown
            )?;
        }
        match self.witnessed {
            Some(size) => writeln!(f, "; a quorum at size {size}")?,
            None => writeln!(f, "; no quorum")?,
        }
        match self.last_stamp {
            Some((size, time_us)) => {
                let time = jiff::Timestamp::from_microsecond(time_us).unwrap_or_default();
                writeln!(f, "stamped  {} times, last at size {size}: {time}", self.stamps)?;
            }
            None => writeln!(f, "stamped  0 times")?,
        }
        self.findings
            .iter()
            .try_for_each(|finding| writeln!(f, "  {finding}"))
    }
}
