//! What a log asks of a witness and how a witness decides (C2SP tlog-witness, `add-checkpoint`). A witness remembers
//! the longest checkpoint of each log and cosigns only what goes on from it.

use super::Hash;
use super::checkpoint::{Checkpoint, CheckpointError};
use super::merkle::{empty_root, verify_consistency};
use super::note::Verifier;
use super::proof::{hash_lines, read_hashes};

/// The longest consistency proof that may be sent.
const HASHES_MAX: usize = 63;

/// The body of `add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is believed to have cosigned last; 0 for none.
    pub old_size: u64,
    /// The proof that the tree only grew since (RFC 6962 section 2.1.2).
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}

/// Why a witness does not cosign; each is a status of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not such a body, or the old size is larger than the checkpoint's (400).
    #[error("not a request of the form: old size, proof, empty line, checkpoint")]
    Malformed,
    /// No such log is known here (404).
    #[error("the log is not known here")]
    UnknownLog,
    /// Not signed by the log's key (403).
    #[error("the checkpoint is not signed by the log's key")]
    NotSigned,
    /// Another size was cosigned last, or another root of the same size (409).
    #[error("the last checkpoint that was cosigned has the size `{0}`, or another root")]
    Conflict(u64),
    /// The log does not go on from what was cosigned last (422).
    #[error("the proof does not show that the log only grew")]
    NotConsistent,
}

impl AddCheckpoint {
    /// The body.
    pub fn to_text(&self) -> String {
        format!(
            "old {}\n{}\n{}",
            self.old_size,
            hash_lines(&self.proof),
            self.note
        )
    }

    /// Reads a body; nothing is verified.
    pub fn parse(body: &str) -> Result<Self, Refusal> {
        let request = Self::read(body).ok_or(Refusal::Malformed)?;
        // One spelling only.
        if request.to_text() == body {
            Ok(request)
        } else {
            Err(Refusal::Malformed)
        }
    }

    fn read(body: &str) -> Option<Self> {
        let (head, note) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        Some(Self {
            old_size: lines.next()?.strip_prefix("old ")?.parse().ok()?,
            proof: read_hashes(lines, HASHES_MAX)?,
            note: note.to_owned(),
        })
    }

    /// The log that the checkpoint says it is of.
    pub fn origin(&self) -> &str {
        self.note.split('\n').next().unwrap_or_default()
    }

    /// What is to be remembered and then cosigned, given the log's key and the last checkpoint that was cosigned.
    pub fn judge(&self, log: &Verifier, last: Option<&Checkpoint>) -> Result<Checkpoint, Refusal> {
        let new = Checkpoint::open(&self.note, log).map_err(refused)?;
        if self.old_size > new.size {
            return Err(Refusal::Malformed);
        }
        let (size, root) = last.map_or((0, empty_root()), |last| (last.size, last.root));
        if self.old_size != size {
            return Err(Refusal::Conflict(size));
        }
        if size == new.size && last.is_some() && root != new.root {
            return Err(Refusal::Conflict(size));
        }
        let grows = match size {
            // Every tree goes on from the empty one; of that there is one.
            0 => self.proof.is_empty() && (new.size > 0 || new.root == empty_root()),
            _ => verify_consistency(size, new.size, &self.proof, &root, &new.root),
        };
        if grows {
            Ok(new)
        } else {
            Err(Refusal::NotConsistent)
        }
    }
}

/// A note that is no checkpoint of the log's key.
fn refused(error: CheckpointError) -> Refusal {
    use super::note::NoteError;
    match error {
        CheckpointError::Note(NoteError::NotSigned(_) | NoteError::BadSignature(_)) => Refusal::NotSigned,
        CheckpointError::Origin => Refusal::UnknownLog,
        CheckpointError::Note(_) | CheckpointError::Malformed => Refusal::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::merkle::{Frontier, Tree, complete_nodes, leaf_hash};
    use crate::audit::note::Signer;
    use proptest::prelude::*;

    fn log() -> Signer {
        Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap()
    }

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect()
    }

    fn checkpoint(size: u64) -> Checkpoint {
        let mut tree = Frontier::empty();
        for leaf in leaves(size) {
            tree.push(leaf);
        }
        Checkpoint {
            origin: log().verifier().name().to_owned(),
            size,
            root: tree.root(),
        }
    }

    fn request(old_size: u64, size: u64) -> AddCheckpoint {
        let nodes = complete_nodes(leaves(size));
        let tree = Tree::at(size, |level, index| {
            nodes.get(level)?.get(usize::try_from(index).ok()?).copied()
        })
        .unwrap();
        AddCheckpoint {
            old_size,
            proof: tree.consistency(old_size).unwrap_or_default(),
            note: checkpoint(size).sign(&log()).unwrap(),
        }
    }

    #[test]
    fn what_goes_on_from_the_last_is_cosigned() {
        for (old, new) in [(0, 0), (0, 1), (0, 9), (3, 9), (8, 9), (9, 9)] {
            let last = (old > 0).then(|| checkpoint(old));
            let judged = request(old, new).judge(log().verifier(), last.as_ref());
            assert_eq!(judged, Ok(checkpoint(new)), "{old} to {new}");
        }
        // An empty log may have been cosigned too.
        let empty = checkpoint(0);
        assert!(request(0, 5).judge(log().verifier(), Some(&empty)).is_ok());
    }

    #[test]
    fn a_rollback_and_a_wrong_guess_are_conflicts() {
        let last = checkpoint(9);
        for (old, new) in [(0, 9), (3, 9), (8, 20), (3, 5)] {
            let judged = request(old, new).judge(log().verifier(), Some(&last));
            assert_eq!(judged, Err(Refusal::Conflict(9)), "{old} to {new}");
        }
        assert_eq!(
            request(3, 9).judge(log().verifier(), None),
            Err(Refusal::Conflict(0))
        );
    }

    #[test]
    fn another_history_is_not_cosigned() {
        let forked = Checkpoint {
            root: [1; 32],
            ..checkpoint(9)
        };
        let grown = request(9, 12).judge(log().verifier(), Some(&forked));
        assert_eq!(grown, Err(Refusal::NotConsistent));
        let same_size = request(9, 9).judge(log().verifier(), Some(&forked));
        assert_eq!(same_size, Err(Refusal::Conflict(9)));
        let padded = AddCheckpoint {
            proof: vec![[1; 32]],
            ..request(0, 9)
        };
        assert_eq!(padded.judge(log().verifier(), None), Err(Refusal::NotConsistent));
        let no_empty_tree = Checkpoint {
            root: [1; 32],
            ..checkpoint(0)
        };
        let request = AddCheckpoint {
            note: no_empty_tree.sign(&log()).unwrap(),
            ..request(0, 0)
        };
        assert_eq!(request.judge(log().verifier(), None), Err(Refusal::NotConsistent));
    }

    #[test]
    fn the_order_of_the_checks_is_that_of_the_specification() {
        let stranger = Signer::from_seed("example.nl/audit/2026", &[8; 32]).unwrap();
        let by_stranger = AddCheckpoint {
            note: checkpoint(9).sign(&stranger).unwrap(),
            ..request(3, 9)
        };
        assert_eq!(by_stranger.judge(log().verifier(), None), Err(Refusal::NotSigned));
        let too_old = AddCheckpoint {
            old_size: 10,
            ..request(3, 9)
        };
        assert_eq!(
            too_old.judge(log().verifier(), Some(&checkpoint(3))),
            Err(Refusal::Malformed)
        );
        let other = Signer::from_seed("example.nl/audit/2027", &[7; 32]).unwrap();
        let of_other = AddCheckpoint {
            note: other.note(&checkpoint(9).to_text()).unwrap(),
            ..request(0, 9)
        };
        assert_eq!(of_other.judge(other.verifier(), None), Err(Refusal::UnknownLog));
    }

    #[test]
    fn a_body_has_one_spelling() {
        let body = request(3, 9).to_text();
        assert_eq!(AddCheckpoint::parse(&body), Ok(request(3, 9)));
        assert_eq!(
            AddCheckpoint::parse(&body).unwrap().origin(),
            "example.nl/audit/2026"
        );
        let long = body.replacen("old 3\n", &format!("old 3\n{}", hash_lines(&[[1; 32]; 64])), 1);
        for bad in [
            "",
            "old 3",
            "old 3\n",
            "old 3\n\n\n",
            &body.replacen("old 3", "old 03", 1),
            &body.replacen("old 3", "old -3", 1),
            &body.replacen("old 3", "Old 3", 1),
            &body.replacen("old 3", "old 18446744073709551616", 1),
            &long,
        ] {
            let parsed = AddCheckpoint::parse(bad)
                .and_then(|request| request.judge(log().verifier(), Some(&checkpoint(3))));
            assert_eq!(parsed, Err(Refusal::Malformed), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn any_text_is_a_body_or_not(text in "(old [0-9]{1,3}\n)?([A-Za-z0-9+/=]{43}=\n){0,2}\n?.{0,40}") {
            if let Ok(request) = AddCheckpoint::parse(&text) {
                prop_assert_eq!(request.to_text(), text);
            }
        }

        /// Two histories of one log that differ somewhere are never both cosigned.
        #[test]
        fn no_fork_is_cosigned(size in 2_u64..40, more in 0_u64..20, changed in 0_u64..40, old in 1_u64..40) {
            let (old, changed) = (old % size + 1, changed % size);
            let mut other = leaves(size + more);
            other[usize::try_from(changed).unwrap()] = [9; 32];
            let nodes = complete_nodes(other.clone());
            let tree = Tree::at(size + more, |level, index| nodes.get(level)?.get(usize::try_from(index).ok()?).copied()).unwrap();
            let forked = Checkpoint { root: tree.root(), ..checkpoint(size + more) };
            let request = AddCheckpoint {
                old_size: old.min(size),
                proof: tree.consistency(old.min(size)).unwrap(),
                note: forked.sign(&log()).unwrap(),
            };
            let judged = request.judge(log().verifier(), Some(&checkpoint(old.min(size))));
            prop_assert_eq!(judged.is_ok(), changed >= old.min(size));
        }
    }
}
