//! What a request hands to the log.

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::leaf::{Event, Kind};
use doelpoort_core::audit::private::Private;
use doelpoort_core::pseudonym::SubjectId;
use ring::rand::{SecureRandom, SystemRandom};

use super::LogError;
use crate::store::inbox::{NewResolution, Settlement};
use crate::store::restrictions::Restriction;
use crate::store::subjects::Merge;
use crate::store::translation::NewTranslation;

/// One entry to be: what happened, and what takes effect together with it.
pub struct Entry {
    /// What the leaf will say.
    pub event: Event,
    /// What only the data protection officer may read: the leaf commits to it.
    pub private: Private,
    pub(super) effects: Vec<Effect>,
    pub(super) decided_under: Option<i64>,
    pub(super) answer: Option<(Hash, [u8; 32])>,
}

/// What takes place in the transaction that appends the entry: both or neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Holders are asked which pupils are meant.
    Ask(NewResolution),
    /// A holder's last word on something in its inbox.
    SettleItem(Settlement),
    /// Merges are told of: from here on they may take effect.
    TellOfMerges {
        /// The id of the entry.
        entry: [u8; 16],
        /// The pairs, in its order.
        merges: Vec<Merge>,
    },
    /// Pseudonyms wait for another.
    Translate(NewTranslation),
    /// What makes these pairs one pupil ends.
    UndoMerges(Vec<(SubjectId, SubjectId)>),
    /// A delivery becomes visible.
    ActivateDelivery {
        /// Its id.
        delivery: i64,
    },
    /// The figures of an epoch become visible, once.
    ReleaseEpoch {
        /// The id of its close.
        epoch: i64,
    },
    /// The private parts of a month in a shard are dropped.
    DropPrivate {
        /// The number of the shard.
        shard: i64,
        /// The month, `2026-11`.
        month: String,
        /// The first index, and the one after the last.
        range: (u64, u64),
        /// How many there are; another number fails.
        count: u64,
    },
    /// The private part of one entry is dropped.
    ErasePrivate {
        /// The number of its shard.
        shard: i64,
        /// The entry.
        index: u64,
    },
    /// Restrictions or objections of pupils begin or end to hold.
    Restrict(Restriction),
    /// Entries up to this index have nothing open any more; fails where another replica settled them.
    Settle {
        /// The number of their shard.
        shard: i64,
        /// The first entry that may have.
        from: i64,
        /// The first one behind those that have not.
        until: i64,
    },
    /// The policies change: entries decided under an earlier generation are refused from here on.
    SetPolicyGeneration {
        /// The generation in force plus one; anything else fails.
        generation: i64,
        /// The digest of the policies from here on.
        digest: Hash,
    },
}

impl Entry {
    /// An entry of `kind` under a fresh random id.
    pub fn new(kind: Kind) -> Result<Self, LogError> {
        let event = Event::new(kind, random()?);
        Ok(Self {
            event,
            private: Private::default(),
            effects: Vec::new(),
            decided_under: None,
            answer: None,
        })
    }

    /// The same, about an answer with this digest (see [`doelpoort_core::audit::receipt::answer_digest`]): the leaf
    /// commits to it with a random salt, which the receipt will carry.
    pub fn answering(mut self, digest: Hash) -> Result<Self, LogError> {
        let salt = random()?;
        let result = self.private.result.take().unwrap_or_default();
        self.private.result = Some(result.with_answer(&digest));
        self.private.salts.result = Some(salt);
        self.answer = Some((digest, salt));
        Ok(self)
    }

    /// Does it stand for something that leaves, comes in or is released? Not while what others can check is too old.
    pub(super) fn serves(&self) -> bool {
        let visible = |effect: &Effect| {
            matches!(
                effect,
                Effect::ActivateDelivery { .. } | Effect::ReleaseEpoch { .. } | Effect::Restrict(_)
            )
        };
        self.answer.is_some() || self.effects.iter().any(visible)
    }

    /// The same, with one more effect.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// The same, refused if the policies are of another generation when it is appended.
    #[must_use]
    pub fn decided_under(mut self, generation: i64) -> Self {
        self.decided_under = Some(generation);
        self
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Entry({}, {} effects)",
            self.event.kind.name(),
            self.effects.len()
        )
    }
}

/// Fresh random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], LogError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn fill(bytes: &mut [u8]) -> Result<(), LogError> {
    SystemRandom::new().fill(bytes).map_err(|_| LogError::Randomness)
}
