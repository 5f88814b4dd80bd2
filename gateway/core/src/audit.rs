//! The audit log's format: a Merkle tree (RFC 6962 hashing) over leaves in deterministic CBOR, signed as C2SP
//! notes. Here is what anyone needs to check the log; keeping it is the shell's. Tables: `docs/log-format.md`.

pub mod adl;
pub mod alert;
pub mod bundle;
pub mod checkpoint;
pub mod commitment;
pub mod cosignature;
pub mod day;
mod fg_order;
pub mod filter;
#[cfg(test)]
pub(crate) mod fixture;
pub mod hand_out;
pub mod ldv;
pub mod leaf;
pub mod merge_undo;
pub mod merkle;
pub mod month;
pub mod nen7513;
pub mod note;
pub mod place;
pub mod private;
pub mod proof;
pub mod quorum;
pub mod receipt;
pub mod record;
pub mod released;
pub mod retention;
pub mod review_statement;
pub mod sample;
pub mod shard;
pub mod tag;
pub mod tile;
pub mod timestamp;
pub mod verify;
pub mod witness;

/// A SHA-256 hash: of a leaf, of a node, of a tree.
pub type Hash = [u8; 32];

/// SHA-256 of `parts`, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Standard base64 with padding (RFC 4648 section 4): how a hash is written in notes, checkpoints and receipts.
pub fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}

/// Reads standard base64 of exactly `N` bytes; `None` for anything else.
pub fn from_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    data_encoding::BASE64
        .decode(text.as_bytes())
        .ok()?
        .try_into()
        .ok()
}
