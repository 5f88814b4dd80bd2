//! A leaf at a glance: what tells whether it is about somebody.

use super::cbor::Reader;
use super::codec::{VERSION, time};
use super::{LeafError, Micros, extra};

/// Bytes of a tag.
const TAG_BYTES: u8 = 16;

/// What a search through a whole log needs of each leaf, read without the rest. That the leaves are right, `audit verify`
/// tells, which reads them in full.
#[derive(Clone, Copy, Debug)]
pub struct Glance<'b> {
    /// When it was appended.
    pub time: Micros,
    /// The boot id of the replica that appended it.
    pub replica: [u8; 16],
    /// The entry's own id.
    pub entry_id: [u8; 16],
    /// Whether it brings the seed of a chain of day keys: [`extra::TAG_SEED`].
    pub has_seed: bool,
    /// Its tags, each behind one byte of CBOR.
    tags: &'b [u8],
}

impl<'b> Glance<'b> {
    /// Looks at a leaf.
    ///
    /// # Errors
    /// When it is not in the one spelling of a leaf, or lacks what is looked for.
    pub fn at(bytes: &'b [u8]) -> Result<Self, LeafError> {
        let mut reader = Reader::new(bytes);
        let (mut at, mut replica, mut entry_id) = (None, None, None);
        let (mut tags, mut has_seed) = (&[][..], false);
        reader.map(|key, r| {
            match key {
                0 => match r.uint()? {
                    VERSION => {}
                    version => return Err(LeafError::Version(version)),
                },
                2 => at = Some(time(r)?),
                3 => replica = Some(r.fixed()?),
                5 => entry_id = Some(r.fixed()?),
                17 => tags = r.list_of_fixed(TAG_BYTES)?,
                19 => r.map(|key, r| {
                    has_seed |= key == extra::TAG_SEED;
                    r.skip()
                })?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        reader.end()?;
        Ok(Self {
            time: at.ok_or(LeafError::Missing("time"))?,
            replica: replica.ok_or(LeafError::Missing("replica"))?,
            entry_id: entry_id.ok_or(LeafError::Missing("entryId"))?,
            has_seed,
            tags,
        })
    }

    /// Its tags, at places 0, 1, 2 …
    pub fn tags(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        let step = usize::from(TAG_BYTES) + 1;
        self.tags.chunks_exact(step).filter_map(|item| item.get(1..))
    }

    /// Whether it has tags.
    pub fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }
}
