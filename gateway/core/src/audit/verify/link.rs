//! What ties a shard to the one before and the one after: what its first and its last entry say.

use std::collections::BTreeMap;

use crate::audit::Hash;
use crate::audit::checkpoint::Checkpoint;
use crate::audit::leaf::{Leaf, Value, extra};
use crate::audit::note::Verifier;
use crate::policy::History;

/// The outcome in the entries of a shard that was closed, and of the one that was opened, because the log was restored.
pub const RESTORED: &str = "restored";

/// What the entry that opens a shard says of the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The public key of the shard before.
    pub key: Verifier,
    /// Its last signed checkpoint that was known, a note with its cosignatures; none where none was ever signed.
    pub checkpoint: Option<String>,
    /// How many entries it has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The policy generation that this shard goes on from.
    pub generation: u64,
    /// The digest of the policies of that generation.
    pub policies: Option<Hash>,
    /// The log was restored: entries of the shard before may be lost.
    pub restored: bool,
}

/// What the entry that closes a shard says of the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The public key of the next shard, where one was opened at once.
    pub next: Option<String>,
    /// The log was restored: with how many entries, of how many that were signed.
    pub restored: Option<(u64, u64)>,
}

/// What the check of one shard leaves for the check of the next.
pub(super) struct Link {
    pub(super) log: Verifier,
    pub(super) opening: Option<Opening>,
    pub(super) ending: Option<Ending>,
    /// The signed roots that its tree had, by size.
    pub(super) fitted: BTreeMap<u64, Hash>,
    pub(super) policies: History,
    /// Is it known which purposes act at its end?
    pub(super) knows_purposes: bool,
    pub(super) last_time: i64,
    /// Its first entry was read.
    pub(super) is_whole: bool,
    /// From where on no checkpoint covers it.
    pub(super) unsigned_from: Option<u64>,
}

impl Opening {
    /// Reads it; `None` in the first shard of a log, which goes on from nothing.
    ///
    /// # Errors
    /// What is missing.
    pub fn read(leaf: &Leaf) -> Result<Option<Self>, &'static str> {
        let extra = &leaf.event.extra;
        let Some(Value::Text(key)) = extra.get(&extra::SHARD_KEY) else {
            return Ok(None);
        };
        let lacking = "it opens a shard and does not say how the one before ended";
        let (Some(Value::Number(size)), Some(Value::Bytes(root)), Some(Value::Number(generation))) = (
            extra.get(&extra::SHARD_SIZE),
            extra.get(&extra::SHARD_ROOT),
            extra.get(&extra::GENERATION),
        ) else {
            return Err(lacking);
        };
        let checkpoint = match extra.get(&extra::CHECKPOINT) {
            Some(Value::Text(note)) => Some(note.clone()),
            _ => None,
        };
        Ok(Some(Self {
            key: Verifier::parse(key).map_err(|_| "the key of the shard before is none")?,
            checkpoint,
            size: *size,
            root: root.as_slice().try_into().map_err(|_| lacking)?,
            generation: *generation,
            policies: leaf.event.policy,
            restored: is_restored(leaf),
        }))
    }

    /// Writes it into an entry.
    pub fn write(self, event: &mut crate::audit::leaf::Event) {
        event.policy = self.policies;
        event.extra.extend([
            (extra::SHARD_KEY, Value::Text(self.key.to_text())),
            (extra::SHARD_SIZE, Value::Number(self.size)),
            (extra::SHARD_ROOT, Value::Bytes(self.root.to_vec())),
            (extra::GENERATION, Value::Number(self.generation)),
        ]);
        event
            .extra
            .extend(self.checkpoint.map(|note| (extra::CHECKPOINT, Value::Text(note))));
        event.extra.extend(
            self.restored
                .then(|| (extra::OUTCOME, Value::Text(RESTORED.to_owned()))),
        );
    }

    /// The checkpoint it embeds: of the shard before, or after a restore of a later one that is lost.
    pub(super) fn embedded(&self) -> Option<Result<Checkpoint, String>> {
        let note = self.checkpoint.as_deref()?;
        let opened = if self.restored {
            Checkpoint::open_of_log(note, &self.key)
        } else {
            Checkpoint::open(note, &self.key)
        };
        Some(opened.map_err(|error| error.to_string()))
    }
}

impl Ending {
    /// Reads it.
    pub fn read(leaf: &Leaf) -> Self {
        let next = match leaf.event.extra.get(&extra::SHARD_KEY) {
            Some(Value::Text(key)) => Some(key.clone()),
            _ => None,
        };
        let number = |key| match leaf.event.extra.get(&key) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        };
        let restored = is_restored(leaf).then(|| (number(extra::FROM_INDEX), number(extra::UNTIL_INDEX)));
        Self { next, restored }
    }
}

fn is_restored(leaf: &Leaf) -> bool {
    leaf.event.extra.get(&extra::OUTCOME) == Some(&Value::Text(RESTORED.to_owned()))
}
