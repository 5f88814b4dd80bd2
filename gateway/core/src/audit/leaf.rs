//! The leaf: the public part of one log entry, as deterministic CBOR (RFC 8949 section 4.2.1). It holds no personal
//! data. The key table is in `docs/log-format.md`; vectors made by an independent encoder freeze it.

mod cbor;
mod check;
mod codec;
mod glance;
mod kind;

pub use check::LeafError;
pub use glance::Glance;
pub use kind::{Form, Kind};

use std::collections::BTreeMap;

use super::{Hash, merkle};

/// Microseconds since 1970-01-01T00:00:00Z; never negative in a leaf.
pub type Micros = i64;

/// The longest leaf, in bytes: an entry of a C2SP tile bundle has a length of 16 bits.
pub const LEAF_BYTES_MAX: usize = 65_535;
/// The most subject tags in a leaf; an answer about more pupils continues in entries with the same opening entry.
pub const TAGS_MAX: usize = 2_048;
/// The most organisations one entry can be about.
pub const ACTING_FOR_MAX: usize = 256;

/// The decision code of a request that was answered.
pub const GRANTED: &str = "granted";

/// The keys of [`Event::extra`]; each kind of entry says which it uses (`docs/log-format.md`).
pub mod extra {
    /// Text: the population the figures count.
    pub const POPULATION: u64 = 1;
    /// Text: the epoch (count date).
    pub const EPOCH: u64 = 2;
    /// Unsigned: how many cells were answered or released.
    pub const CELLS: u64 = 3;
    /// Bytes: the delivery's id.
    pub const DELIVERY: u64 = 4;
    /// Unsigned: how many rows; of a delivery, or of a completed stream.
    pub const ROWS: u64 = 5;
    /// Text: the OIN of the holder.
    pub const HOLDER: u64 = 6;
    /// Text: how a delivery is applied, `snapshot` or `changes`.
    pub const MODE: u64 = 7;
    /// Text: the period of a delivery.
    pub const PERIOD: u64 = 8;
    /// Bytes: a keyed digest (HMAC) of a body or a result.
    pub const DIGEST: u64 = 9;
    /// Text: the last signed checkpoint known of the shard before this one, with its cosignatures.
    pub const CHECKPOINT: u64 = 10;
    /// Text: the software and its version.
    pub const SOFTWARE: u64 = 11;
    /// Unsigned: the first index of a range.
    pub const FROM_INDEX: u64 = 12;
    /// Unsigned: the first index after a range.
    pub const UNTIL_INDEX: u64 = 13;
    /// Unsigned: a sequence number of the same replica that is in no leaf.
    pub const SEQUENCE: u64 = 14;
    /// Unsigned: the policy generation from this entry on.
    pub const GENERATION: u64 = 15;
    /// Text: what a completed stream or an incident came to, as a code.
    pub const OUTCOME: u64 = 16;
    /// Text: the id of a key.
    pub const KEY_ID: u64 = 17;
    /// Unsigned: how many rows were refused.
    pub const ROWS_REFUSED: u64 = 18;
    /// Text: the purpose that a restriction or objection is against; left out where it is against all.
    pub const AGAINST: u64 = 19;
    /// Bytes: the digest of the approvers' key list from this entry on.
    pub const KEY_LIST: u64 = 20;
    /// Bytes: the digest of the policies before this entry.
    pub const POLICY_BEFORE: u64 = 21;
    /// Unsigned: how many bytes of an answer were given to its connection before it ended.
    pub const BYTES: u64 = 22;
    /// Unsigned: the size of the checkpoint that an anchor is over.
    pub const ANCHORED_SIZE: u64 = 23;
    /// Unsigned: when the anchor was made as its maker says, in µs.
    pub const ANCHOR_TIME: u64 = 24;
    /// Bytes: SHA-256 of the anchor, such as a time stamp's token.
    pub const ANCHOR_DIGEST: u64 = 25;
    /// Text: the program of the recipient.
    pub const CLIENT: u64 = 30;
    /// Unsigned: how long an answer is that is sent in pieces, in bytes; an entry tells of its end.
    pub const BODY: u64 = 31;
    /// Bytes: the seed of this boot id's chain of day keys from here on, sealed to the FG's key of the month in
    /// [`PERIOD`].
    pub const TAG_SEED: u64 = 40;
    /// Text: the reason's code where the grant that decided is an emergency procedure.
    pub const BREAK_GLASS: u64 = 50;
    /// Text: the name of the shard that a range of indices is of; left out where it is this one.
    pub const SHARD: u64 = 60;
    /// Text: the public key of the shard before (in the entry that opens one) or after (in the one that closes it).
    pub const SHARD_KEY: u64 = 61;
    /// Unsigned: how many entries the shard before has, its closing entry included.
    pub const SHARD_SIZE: u64 = 62;
    /// Bytes: the root of the shard before at that size.
    pub const SHARD_ROOT: u64 = 63;
    /// What a reading of the log is for: a command of the FG's, or what was read.
    pub const COMMAND: u64 = 65;
    /// The FG's own commitment to what is sought.
    pub const SOUGHT: u64 = 66;
    /// Unsigned: the version of one of the gateway's own keys, whose id is in [`KEY_ID`].
    pub const KEY_VERSION: u64 = 80;
    /// Text: the check value of that version.
    pub const KEY_CHECK: u64 = 81;
    /// Bytes: SHA-256 of what the entry is about: a client's certificate or key that was removed, a mandate that ended,
    /// the manifest of the purpose whose grant was withdrawn, the file with the FG's keys.
    pub const SUBJECT_DIGEST: u64 = 97;
    /// Unsigned: when what was signed says that it was issued, in whole seconds since 1970.
    pub const ISSUED_AT: u64 = 98;
    /// Text: the withdrawal as its holder signed it.
    pub const SIGNED: u64 = 99;
    /// Text: the order to destroy private parts as the FG signed it.
    pub const ORDER: u64 = 100;
    /// Bytes: the digest of the cells that an epoch released.
    pub const CELLS_DIGEST: u64 = 101;
    /// Text: the order to undo merges as the FG signed it; left out where the operator undid them.
    pub const MERGE_ORDER: u64 = 102;
    /// Unsigned: which pair of the entry that told of merges, from 1; left out: all.
    pub const MERGE_PAIR: u64 = 103;
    /// Text: the earlier epoch that figures were set beside.
    pub const EARLIER_EPOCH: u64 = 104;
    /// Unsigned: by how many pupils who are alike an epoch released records.
    pub const K_ANONYMITY: u64 = 105;
    /// Unsigned: how many dimensions of a closed epoch repeat others without the catalogue saying so.
    pub const UNDECLARED: u64 = 130;
}

/// One leaf: what happened, and where the log put it in time and in its replica's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// When it was appended, assigned under the head lock; never decreasing along the log.
    pub time: Micros,
    /// The random boot id of the replica that appended it.
    pub replica: [u8; 16],
    /// Its number among the entries of that boot id: 0, 1, 2 …
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// What a leaf says. A field that does not apply is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What kind of thing happened.
    pub kind: Kind,
    /// The entry's own random id.
    pub entry_id: [u8; 16],
    /// The id of the entry that opened what this one continues or closes.
    pub opening: Option<[u8; 16]>,
    /// When the request came in, by the replica's clock.
    pub requested_at: Option<Micros>,
    /// The OIN of who receives, delivers or asks.
    pub recipient: Option<String>,
    /// The OINs of the organisations it acts for; sorted, each once.
    pub acting_for: Vec<String>,
    /// The dataset.
    pub dataset: Option<String>,
    /// The purpose that was named.
    pub purpose: Option<PurposeVersion>,
    /// What was decided: [`GRANTED`], or the code of the refusal.
    pub decision: Option<String>,
    /// The clause of the policy that decided.
    pub clause: Option<String>,
    /// The digest of the policies in force.
    pub policy: Option<Hash>,
    /// The W3C trace id.
    pub trace: Option<[u8; 16]>,
    /// The W3C span id.
    pub span: Option<[u8; 8]>,
    /// Salted commitments to what the private part holds and to the answer.
    pub commitments: Commitments,
    /// Blinded subject tags, padded to 0, 1, 2, 4, 8 … [`TAGS_MAX`].
    pub tags: Vec<[u8; 16]>,
    /// The period and count of refusals that are not logged one by one.
    pub window: Option<Window>,
    /// What only this kind of entry has, by the keys of [`extra`].
    pub extra: BTreeMap<u64, Value>,
    /// The form of the answer.
    pub form: Option<Form>,
}

impl Event {
    /// An event of `kind` with everything else left out.
    pub fn new(kind: Kind, entry_id: [u8; 16]) -> Self {
        Self {
            kind,
            entry_id,
            opening: None,
            requested_at: None,
            recipient: None,
            acting_for: Vec::new(),
            dataset: None,
            purpose: None,
            decision: None,
            clause: None,
            policy: None,
            trace: None,
            span: None,
            commitments: Commitments::default(),
            tags: Vec::new(),
            window: None,
            extra: BTreeMap::new(),
            form: None,
        }
    }
}

/// A purpose and which version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurposeVersion {
    /// The purpose's id.
    pub id: String,
    /// Its version, from 1.
    pub version: u32,
}

/// Commitments as [`super::commitment::commitment`] makes them, each under its own label and salt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commitments {
    /// To the member of staff, label `staff`.
    pub staff: Option<Hash>,
    /// To the subjects, label `subjects`.
    pub subjects: Option<Hash>,
    /// To the query, label `query`.
    pub query: Option<Hash>,
    /// To the digest of the answer, label `result`.
    pub result: Option<Hash>,
}

/// A period of refusals; the closing entry has the end and the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its begin.
    pub from: Micros,
    /// Its end.
    pub until: Option<Micros>,
    /// How many refusals it counted.
    pub count: Option<u64>,
}

/// A value of [`Event::extra`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An unsigned number.
    Number(u64),
    /// Text of at most 4,096 bytes, without control characters other than newline.
    Text(String),
    /// At most 4,096 bytes.
    Bytes(Vec<u8>),
}

impl Leaf {
    /// The one spelling of this leaf. Fails where a field breaks its rule: see [`LeafError`].
    pub fn encode(&self) -> Result<Vec<u8>, LeafError> {
        check::check(self)?;
        let bytes = codec::encode(self);
        if bytes.len() > LEAF_BYTES_MAX {
            return Err(LeafError::TooLong);
        }
        Ok(bytes)
    }

    /// Reads a leaf. Bytes that are not exactly what [`Leaf::encode`] writes are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > LEAF_BYTES_MAX {
            return Err(LeafError::TooLong);
        }
        let leaf = codec::decode(bytes)?;
        check::check(&leaf)?;
        Ok(leaf)
    }
}

/// The hash of a leaf's exact bytes in the tree.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    merkle::leaf_hash(bytes)
}

#[cfg(test)]
mod tests;
