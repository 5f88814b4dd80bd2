//! Proofs as text: `c2sp.org/tlog-proof@v1`, an entry's place under a checkpoint, to be kept in a `.tlog-proof` file.

use std::fmt::Write as _;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::merkle::verify_inclusion;
use super::note::Verifier;
use super::{Hash, base64, from_base64};

/// The first line.
const FORMAT: &str = "c2sp.org/tlog-proof@v1";
/// The longest inclusion proof: a tree of 2^64 leaves.
const HASHES_MAX: usize = 64;

/// An inclusion proof with the checkpoint that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What the maker added; nobody signed it.
    pub extra: Option<Vec<u8>>,
    /// The entry's number, from 0.
    pub index: u64,
    /// The siblings on the way up, lowest first (RFC 6962 section 2.1.1).
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, with its cosignatures.
    pub note: String,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not of this format.
    #[error("not a proof of the form `{FORMAT}`")]
    Malformed,
    /// The checkpoint is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead from the leaf to the checkpoint's root.
    #[error("the leaf is not at this index of the checkpoint's tree")]
    Inclusion,
}

impl Proof {
    /// The text of the proof.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FORMAT}\n");
        if let Some(extra) = &self.extra {
            let _ = writeln!(text, "extra {}", base64(extra));
        }
        let _ = writeln!(text, "index {}", self.index);
        text.push_str(&hash_lines(&self.hashes));
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Reads a proof; nothing is verified.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let proof = Self::read(text).ok_or(ProofError::Malformed)?;
        // One spelling only.
        if proof.to_text() == text {
            Ok(proof)
        } else {
            Err(ProofError::Malformed)
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').peekable();
        if lines.next()? != FORMAT {
            return None;
        }
        let extra = lines
            .next_if(|line| line.starts_with("extra "))
            .map(|line| data_encoding::BASE64.decode(line.get(6..).unwrap_or_default().as_bytes()));
        let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
        let hashes = read_hashes(lines, HASHES_MAX)?;
        Some(Self {
            extra: extra.transpose().ok()?,
            index,
            hashes,
            note: note.to_owned(),
        })
    }

    /// Verifies that the entry with this leaf hash is in the tree that `log` signed; tells the checkpoint.
    pub fn verify(&self, leaf: &Hash, log: &Verifier) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::open(&self.note, log)?;
        if verify_inclusion(self.index, checkpoint.size, leaf, &self.hashes, &checkpoint.root) {
            Ok(checkpoint)
        } else {
            Err(ProofError::Inclusion)
        }
    }
}

/// One line a hash.
pub(super) fn hash_lines(hashes: &[Hash]) -> String {
    hashes.iter().map(|hash| base64(hash) + "\n").collect()
}

/// At most `max` hashes, one a line.
pub(super) fn read_hashes<'t>(lines: impl Iterator<Item = &'t str>, max: usize) -> Option<Vec<Hash>> {
    let hashes: Vec<Hash> = lines.take(max + 1).map(from_base64).collect::<Option<_>>()?;
    (hashes.len() <= max).then_some(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::merkle::{Tree, complete_nodes, leaf_hash};
    use crate::audit::note::Signer;

    fn proof() -> (Proof, Hash, Signer) {
        let signer = Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap();
        let leaves: Vec<Hash> = (0..11_u8).map(|leaf| leaf_hash(&[leaf])).collect();
        let leaf = leaves[6];
        let nodes = complete_nodes(leaves);
        let tree = Tree::at(11, |level, index| {
            nodes[level].get(usize::try_from(index).unwrap()).copied()
        })
        .unwrap();
        let checkpoint = Checkpoint {
            origin: "example.nl/audit/2026".to_owned(),
            size: 11,
            root: tree.root(),
        };
        let proof = Proof {
            extra: None,
            index: 6,
            hashes: tree.inclusion(6).unwrap(),
            note: checkpoint.sign(&signer).unwrap(),
        };
        (proof, leaf, signer)
    }

    #[test]
    fn a_proof_is_read_as_it_was_written_and_verifies() {
        let (proof, leaf, signer) = proof();
        for extra in [None, Some(b"opened".to_vec()), Some(Vec::new())] {
            let proof = Proof {
                extra,
                ..proof.clone()
            };
            let read = Proof::parse(&proof.to_text()).unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify(&leaf, signer.verifier()).unwrap().size, 11);
        }
    }

    #[test]
    fn every_changed_line_is_refused() {
        let (proof, leaf, signer) = proof();
        let text = proof.to_text();
        for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let changed: String = text
                .lines()
                .enumerate()
                .map(|(at, kept)| {
                    if at == place {
                        "index 7\n".to_owned()
                    } else {
                        format!("{kept}\n")
                    }
                })
                .collect();
            let outcome = Proof::parse(&changed).and_then(|proof| proof.verify(&leaf, signer.verifier()));
            assert!(outcome.is_err(), "`{line}` was not looked at");
        }
        assert_eq!(
            Proof { index: 5, ..proof }.verify(&leaf, signer.verifier()),
            Err(ProofError::Inclusion)
        );
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = proof().0.to_text();
        for (from, to) in [
            ("@v1", "@v2"),
            ("index 6", "index 06"),
            ("index 6", "index +6"),
            ("index 6", "extra !\nindex 6"),
            ("index 6\n", "index 6\nAAAA\n"),
            ("index 6\n", "index 6\r\n"),
        ] {
            assert_eq!(
                Proof::parse(&text.replace(from, to)),
                Err(ProofError::Malformed),
                "{to}"
            );
        }
        let long = text.replace("index 6\n", &format!("index 6\n{}", hash_lines(&[[1; 32]; 65])));
        assert_eq!(Proof::parse(&long), Err(ProofError::Malformed));
    }
}
