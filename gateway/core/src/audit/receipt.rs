//! Receipts: what an answer carries so that its receiver can prove that it was logged, and what was answered.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::commitment::{Label, commitment};
use super::leaf::{Leaf, LeafError};
use super::merkle::{leaf_hash, verify_inclusion};
use super::note::{Signer, Verifier};
use super::{Hash, base64, from_base64, sha256};

/// The longest inclusion proof: a tree of 2^64 leaves.
const PROOF_HASHES_MAX: usize = 64;

/// A receipt as it travels. Bytes are standard base64 with padding, except where it says hex.
///
/// A [`SignedHead`] makes it; outside this crate no other code can.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receipt {
    /// The log's name.
    pub origin: String,
    /// The leaf's number, from 0.
    pub index: u64,
    /// The entry's id: 32 hex digits.
    pub entry_id: String,
    /// The hash of the leaf in the tree.
    pub leaf_hash: String,
    /// The size of the tree that `root` and `proof` are for.
    pub size: u64,
    /// The root of that tree.
    pub root: String,
    /// The siblings of the leaf on the way up to the root.
    pub proof: Vec<String>,
    /// SHA-256 of the answer's exact bytes, see [`answer_digest`]; absent where there was no answer to digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_digest: Option<String>,
    /// The id of the log's key: 8 hex digits.
    pub kid: String,
    /// Ed25519 over [`head_message`].
    pub sig: String,
    /// The leaf's exact bytes.
    pub leaf: String,
    /// The salt of the leaf's commitment to the answer's digest; absent with `answerDigest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_salt: Option<String>,
}

/// What a receipt proves, after it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The name of the shard that signed it.
    pub origin: String,
    /// The entry.
    pub leaf: Leaf,
    /// The hash of its exact bytes.
    pub leaf_hash: Hash,
    /// Its number in that shard.
    pub index: u64,
    /// The size of the signed tree.
    pub size: u64,
    /// The root of the signed tree.
    pub root: Hash,
    /// How far the answer was compared.
    pub answer: AnswerProof,
}

/// How far a receipt was compared with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerProof {
    /// The answer at hand is the one that was logged.
    Matches,
    /// The receipt is bound to an answer, which was not given to compare.
    NotGiven,
    /// The entry is about no answer.
    None,
}

/// Why a receipt proves nothing. A good signature with a bad inclusion is itself proof of fraud.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not the JSON of a receipt.
    #[error("not a receipt: {0}")]
    Json(String),
    /// A field is not the base64 or hex it should be.
    #[error("the receipt's `{0}` cannot be read")]
    Field(&'static str),
    /// Signed by another key.
    #[error("the receipt is signed by the key `{found}` of `{origin}`, not by the given key `{expected}`")]
    OtherKey {
        /// The receipt's key id.
        found: String,
        /// The receipt's log.
        origin: String,
        /// The given key's id.
        expected: String,
    },
    /// The signature does not fit.
    #[error("the log's signature does not fit the receipt's origin, size and root")]
    Signature,
    /// The leaf is not what `leafHash` says.
    #[error("`leafHash` is not the hash of `leaf`")]
    LeafHash,
    /// The leaf cannot be read.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The leaf has another id.
    #[error("`entryId` is not that of the leaf")]
    EntryId,
    /// Not in the tree: the log signed a tree that does not hold what it says.
    #[error("the leaf is not in the signed tree: the log's signature is proof that it was not kept honestly")]
    Inclusion,
    /// The commitment does not open, or one half of it is missing.
    #[error("the leaf's commitment to the result does not open with `answerDigest` and `resultSalt`")]
    Commitment,
    /// Another answer.
    #[error("the answer is not the one that was logged: its digest differs from `answerDigest`")]
    Answer,
}

/// The digest of an answer: `SHA-256(data ‖ 0x0A ‖ meta)` over the exact bytes of its `data` and its `meta`. `meta`
/// is one line of JSON, so that the two can be told apart.
pub fn answer_digest(data: &[u8], meta: &[u8]) -> Hash {
    sha256(&[data, b"\n", meta])
}

/// What the log signs for a receipt: `"dsg-log-head" ‖ 0x01 ‖ u16be(len(origin)) ‖ origin ‖ u64be(size) ‖ root`. The
/// byte 0x01 cannot occur in a note, so that no checkpoint is a head and no head a checkpoint. `None` if the origin
/// is 64 KiB or longer.
pub fn head_message(origin: &str, size: u64, root: &Hash) -> Option<Vec<u8>> {
    let mut message = b"dsg-log-head\x01".to_vec();
    message.extend(u16::try_from(origin.len()).ok()?.to_be_bytes());
    message.extend(origin.as_bytes());
    message.extend(size.to_be_bytes());
    message.extend(root);
    Some(message)
}

/// A signed head: one signature for all the receipts of a batch.
#[derive(Clone, Debug)]
pub struct SignedHead {
    origin: String,
    size: u64,
    root: Hash,
    kid: String,
    signature: [u8; 64],
}

impl SignedHead {
    /// Signs the head of the log that `signer` is named after. `None` if that name is 64 KiB or longer.
    pub fn sign(signer: &Signer, size: u64, root: Hash) -> Option<Self> {
        let origin = signer.verifier().name();
        Some(Self {
            signature: signer.sign(&head_message(origin, size, &root)?),
            kid: signer.verifier().id_text(),
            origin: origin.to_owned(),
            size,
            root,
        })
    }

    /// The receipt of one leaf under this head; `answer` is the digest of the answer with its salt.
    pub fn receipt(
        &self,
        index: u64,
        proof: &[Hash],
        leaf: &[u8],
        entry_id: [u8; 16],
        answer: Option<(&Hash, &[u8; 32])>,
    ) -> Receipt {
        Receipt {
            origin: self.origin.clone(),
            index,
            entry_id: data_encoding::HEXLOWER.encode(&entry_id),
            leaf_hash: base64(&leaf_hash(leaf)),
            size: self.size,
            root: base64(&self.root),
            proof: proof.iter().map(|hash| base64(hash)).collect(),
            answer_digest: answer.map(|(digest, _)| base64(digest)),
            kid: self.kid.clone(),
            sig: base64(&self.signature),
            leaf: base64(leaf),
            result_salt: answer.map(|(_, salt)| base64(salt)),
        }
    }
}

/// Verifies a receipt offline against the log's public key: the signature, the leaf's hash, its place in the tree,
/// and its commitment to the answer. `log` may be the key of any shard of the log. With `answer` (see [`answer_digest`]) also that this is the answer.
pub fn verify(json: &str, log: &Verifier, answer: Option<&Hash>) -> Result<Proven, ReceiptError> {
    let receipt: Receipt =
        serde_json::from_str(json).map_err(|error| ReceiptError::Json(error.to_string()))?;
    let root = field("root", &receipt.root)?;
    verify_head(&receipt, &root, log)?;
    let leaf_bytes = data_encoding::BASE64
        .decode(receipt.leaf.as_bytes())
        .map_err(|_| ReceiptError::Field("leaf"))?;
    let hash = leaf_hash(&leaf_bytes);
    if hash != field("leafHash", &receipt.leaf_hash)? {
        return Err(ReceiptError::LeafHash);
    }
    let leaf = Leaf::decode(&leaf_bytes)?;
    if data_encoding::HEXLOWER.encode(&leaf.event.entry_id) != receipt.entry_id {
        return Err(ReceiptError::EntryId);
    }
    if receipt.proof.len() > PROOF_HASHES_MAX {
        return Err(ReceiptError::Field("proof"));
    }
    let proof = receipt
        .proof
        .iter()
        .map(|text| field("proof", text))
        .collect::<Result<Vec<Hash>, _>>()?;
    if !verify_inclusion(receipt.index, receipt.size, &hash, &proof, &root) {
        return Err(ReceiptError::Inclusion);
    }
    let answer = verify_answer(&receipt, &leaf, answer)?;
    Ok(Proven {
        origin: receipt.origin,
        leaf,
        leaf_hash: hash,
        index: receipt.index,
        size: receipt.size,
        root,
        answer,
    })
}

/// Verifies what a file holds: a receipt, or an answer as it came with the receipt in it.
pub fn verify_file(json: &str, log: &Verifier) -> Result<Proven, ReceiptError> {
    match split_answer(json) {
        Some((inner, answer)) => verify(inner, log, Some(&answer)),
        None => verify(json, log, None),
    }
}

/// The receipt inside a whole answer (`{"data", "meta", "receipt"}`) and the digest of that answer's exact bytes.
/// `None` if `json` is not such an answer.
pub fn split_answer(json: &str) -> Option<(&str, Hash)> {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
        #[serde(borrow)]
        meta: &'a RawValue,
        #[serde(borrow)]
        receipt: &'a RawValue,
    }
    let whole: Whole<'_> = serde_json::from_str(json).ok()?;
    Some((
        whole.receipt.get(),
        answer_digest(whole.data.get().as_bytes(), whole.meta.get().as_bytes()),
    ))
}

fn verify_head(receipt: &Receipt, root: &Hash, log: &Verifier) -> Result<(), ReceiptError> {
    let shard = log.of_shard(&receipt.origin);
    let Some(log) = shard.filter(|shard| shard.id_text() == receipt.kid) else {
        return Err(ReceiptError::OtherKey {
            found: receipt.kid.clone(),
            origin: receipt.origin.clone(),
            expected: log.id_text(),
        });
    };
    let signature: [u8; 64] = from_base64(&receipt.sig).ok_or(ReceiptError::Field("sig"))?;
    let message = head_message(&receipt.origin, receipt.size, root).ok_or(ReceiptError::Field("origin"))?;
    if log.accepts(&message, &signature) {
        Ok(())
    } else {
        Err(ReceiptError::Signature)
    }
}

fn verify_answer(receipt: &Receipt, leaf: &Leaf, answer: Option<&Hash>) -> Result<AnswerProof, ReceiptError> {
    let (digest, salt) = match (
        &receipt.answer_digest,
        &receipt.result_salt,
        leaf.event.commitments.result,
    ) {
        (None, None, None) if answer.is_none() => return Ok(AnswerProof::None),
        (None, None, None) => return Err(ReceiptError::Answer),
        (Some(digest), Some(salt), Some(_)) => (field("answerDigest", digest)?, field("resultSalt", salt)?),
        _ => return Err(ReceiptError::Commitment),
    };
    if commitment(Label::Result, &salt, &digest) != leaf.event.commitments.result {
        return Err(ReceiptError::Commitment);
    }
    match answer {
        None => Ok(AnswerProof::NotGiven),
        Some(answer) if *answer == digest => Ok(AnswerProof::Matches),
        Some(_) => Err(ReceiptError::Answer),
    }
}

fn field(name: &'static str, text: &str) -> Result<Hash, ReceiptError> {
    from_base64(text).ok_or(ReceiptError::Field(name))
}

#[cfg(test)]
mod tests;
