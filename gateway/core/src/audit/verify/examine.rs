//! What can be said of one entry by itself.

use crate::audit::Hash;
use crate::audit::leaf::{Event, GRANTED, Kind, Leaf, LeafError};
use crate::audit::merge_undo::MERGES_UNDONE;
use crate::audit::merkle::leaf_hash;
use crate::policy::History;

/// One entry as it was stored or handed over.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// Its number, from 0.
    pub index: u64,
    /// The exact leaf.
    pub leaf: &'a [u8],
    /// The hash beside it.
    pub leaf_hash: &'a [u8],
    /// The boot id and sequence number beside it, where these are kept.
    pub place: Option<(&'a [u8], i64)>,
}

/// One entry, hashed and decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    pub(super) index: u64,
    pub(super) hash: Hash,
    pub(super) has_stored_hash: bool,
    pub(super) facts: Result<Facts, LeafError>,
}

/// What the check needs of a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) time: i64,
    pub(super) replica: [u8; 16],
    pub(super) sequence: u64,
    /// The boot id and sequence number beside it are its own.
    pub(super) has_its_place: bool,
    /// The leaf, where it is about policies, about shards, about what was destroyed, undone or released, or was granted under a purpose.
    pub(super) leaf: Option<Box<Leaf>>,
}

/// Hashes an entry and decodes it.
pub fn examine(entry: &Given<'_>) -> Examined {
    let hash = leaf_hash(entry.leaf);
    Examined {
        index: entry.index,
        hash,
        has_stored_hash: hash.as_slice() == entry.leaf_hash,
        facts: Leaf::decode(entry.leaf).map(|leaf| facts(entry, leaf)),
    }
}

fn facts(entry: &Given<'_>, leaf: Leaf) -> Facts {
    Facts {
        kind: leaf.event.kind,
        time: leaf.time,
        replica: leaf.replica,
        sequence: leaf.sequence,
        has_its_place: entry.place.is_none_or(|(replica, sequence)| {
            replica == leaf.replica && u64::try_from(sequence) == Ok(leaf.sequence)
        }),
        leaf: is_kept(&leaf.event).then(|| Box::new(leaf)),
    }
}

fn is_kept(event: &Event) -> bool {
    History::takes(event.kind)
        || matches!(
            event.kind,
            Kind::ShardOpened | Kind::ShardClosed | Kind::Retention | Kind::EpochReleased
        )
        || event.decision.as_deref() == Some(MERGES_UNDONE)
        || is_grant(event)
}

/// Was something given, or taken in, under a purpose?
pub(super) fn is_grant(event: &Event) -> bool {
    event.purpose.is_some() && event.decision.as_deref() == Some(GRANTED)
}
