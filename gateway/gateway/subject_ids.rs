//! Where a subject's random id comes from: chance, or in the demo a seed, so that it repeats.

use doelpoort_core::identifier::Index;
use doelpoort_core::pseudonym::SubjectId;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// The source of subject ids.
pub enum SubjectIds {
    /// Chance. Each delivery draws a key of its own and forgets it.
    Random,
    /// The demo's: from a seed and the pupil's index, so that the order of arrival does not matter. Never in production.
    Seeded([u8; 32]),
}

/// Makes the ids of the subjects that one delivery brings.
pub(crate) struct SubjectIdMaker(hmac::Key);

impl SubjectIds {
    /// The maker for one delivery; `None` when there is no randomness.
    pub(crate) fn maker(&self, random: &SystemRandom) -> Option<SubjectIdMaker> {
        let key = match self {
            Self::Random => {
                let mut key = [0; 32];
                random.fill(&mut key).ok()?;
                key
            }
            Self::Seeded(seed) => *seed,
        };
        Some(SubjectIdMaker(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }
}

impl SubjectIdMaker {
    /// The id of the subject with this index: the first half of an HMAC under the maker's key.
    pub(crate) fn id(&self, index: &Index) -> SubjectId {
        let tag = hmac::sign(&self.0, index.as_bytes());
        let mut bytes = [0; 16];
        bytes
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        SubjectId::from_bytes(bytes)
    }
}
