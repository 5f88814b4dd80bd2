//! Blinded tags: whoever holds a day's key finds every entry about one pupil or one member of staff; to everybody else
//! all tags look random, and no two are equal.
//!
//! ```text
//! K[d+1] = HMAC(K[d], "next")          one way: who holds today's key cannot make yesterday's
//! T      = HMAC(K[d], "dsg-tag" ‖ 0x01 ‖ LP(subject))      0x02 and LP(staff) for staff
//! tag_j  = HMAC(T, LP(entry id) ‖ u16be(j))[0..16]
//! ```

use ring::hmac;
use zeroize::Zeroizing;

use super::day::Day;
use super::leaf::TAGS_MAX;
use crate::kdf;
use crate::lp::{Part, TooLong};
use crate::pseudonym::SubjectId;

/// Bytes of a tag.
pub const TAG_LEN: usize = 16;
/// A tag as it stands in a leaf.
pub type Tag = [u8; TAG_LEN];

/// The key of one day in one chain; a chain begins with a random seed and belongs to one boot id and month.
pub struct DayKey {
    day: Day,
    key: Zeroizing<[u8; 32]>,
    prepared: hmac::Key,
}

/// Whom a tag is about.
#[derive(Clone, Copy)]
pub enum Tagged<'a> {
    /// A pupil.
    Subject(&'a SubjectId),
    /// A member of staff, as the assertion names them.
    Staff(&'a str),
}

/// The token of one pupil or member of staff for one day of one chain. With it their entries of that day can be
/// found, and nobody else's.
#[derive(Clone)]
pub struct Token(hmac::Key);

impl DayKey {
    /// The first key of a chain.
    pub fn seed(day: Day, seed: &[u8; 32]) -> Self {
        Self::new(day, Zeroizing::new(*seed))
    }

    fn new(day: Day, key: Zeroizing<[u8; 32]>) -> Self {
        Self {
            day,
            prepared: hmac::Key::new(hmac::HMAC_SHA256, &*key),
            key,
        }
    }

    /// Its day.
    pub fn day(&self) -> Day {
        self.day
    }

    /// The key of the same chain on a later day of its month. `None` for an earlier one, as a chain has no way back, and for
    /// another month, which has a chain of its own.
    pub fn on(&self, day: Day) -> Option<Self> {
        if day < self.day || day.month() != self.day.month() {
            return None;
        }
        let mut key = self.key.clone();
        for _ in 0..day.days_since(self.day) {
            *key = kdf::mac(&hmac::Key::new(hmac::HMAC_SHA256, &*key), b"next");
        }
        Some(Self::new(day, key))
    }

    /// The token of one pupil or member of staff on this day.
    ///
    /// # Errors
    /// When the staff's name is longer than 65,535 bytes.
    pub fn token(&self, whom: Tagged<'_>) -> Result<Token, TooLong> {
        let mut message = Zeroizing::new(b"dsg-tag".to_vec());
        match whom {
            Tagged::Subject(subject) => {
                message.push(0x01);
                Part::from(subject.as_bytes()).append_to(&mut message);
            }
            Tagged::Staff(staff) => {
                message.push(0x02);
                Part::new(staff.as_bytes())?.append_to(&mut message);
            }
        }
        let bytes = self.token_bytes(&message);
        Ok(Token::from_bytes(&bytes))
    }

    fn token_bytes(&self, message: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(kdf::mac(&self.prepared, message))
    }

    /// The same token as bytes, to be handed to the person it is about.
    ///
    /// # Errors
    /// When the staff's name is longer than 65,535 bytes.
    pub fn hand_out(&self, subject: &SubjectId) -> [u8; 32] {
        let mut message = Zeroizing::new(b"dsg-tag\x01".to_vec());
        Part::from(subject.as_bytes()).append_to(&mut message);
        *self.token_bytes(&message)
    }
}

impl std::fmt::Debug for DayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DayKey({:?})", self.day)
    }
}

impl Token {
    /// A token that was handed out.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Its tag at place `j` of the entry's tags.
    pub fn tag(&self, entry_id: &[u8; 16], j: u16) -> Tag {
        let mut message = [0; 2 + 16 + 2];
        let (head, place) = message.split_at_mut(18);
        head.iter_mut()
            .zip([0, 16].iter().chain(entry_id))
            .for_each(|(to, from)| *to = *from);
        place
            .iter_mut()
            .zip(j.to_be_bytes())
            .for_each(|(to, from)| *to = from);
        kdf::mac(&self.0, &message)
    }

    /// Whether one of an entry's tags is its own; tags stand at places 0, 1, 2 …
    pub fn is_among(&self, entry_id: &[u8; 16], tags: impl IntoIterator<Item: AsRef<[u8]>>) -> bool {
        (0..=u16::MAX)
            .zip(tags)
            .any(|(j, tag)| self.tag(entry_id, j) == *tag.as_ref())
    }
}

/// The tags of an entry about persons with these tokens, in their order, without padding.
pub fn tags(tokens: impl IntoIterator<Item = Token>, entry_id: &[u8; 16]) -> Vec<Tag> {
    (0..=u16::MAX)
        .zip(tokens)
        .map(|(j, token)| token.tag(entry_id, j))
        .collect()
}

/// How many tags a leaf about this many persons has: 0, 1, 2, 4, 8 …; `None` beyond [`TAGS_MAX`].
pub fn padded(persons: usize) -> Option<usize> {
    match persons {
        0 => Some(0),
        persons => Some(persons.next_power_of_two()).filter(|count| *count <= TAGS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn day(number: i64) -> Day {
        Day::of(number * 86_400_000_000)
    }

    fn subject(byte: u8) -> SubjectId {
        SubjectId::from_bytes([byte; 16])
    }

    /// Python: `hmac.new(key, message, 'sha256')`, step by step.
    #[test]
    fn the_construction_is_the_documented_one() {
        let sign = |key: &[u8], message: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
        let next = sign(&[7; 32], b"next");
        let mut message = b"dsg-tag\x01\x00\x10".to_vec();
        message.extend([9; 16]);
        let token = sign(next.as_ref(), &message);
        let mut place = b"\x00\x10".to_vec();
        place.extend([5; 16]);
        place.extend([0x01, 0x02]);
        let tag = sign(token.as_ref(), &place);

        let key = DayKey::seed(day(20_000), &[7; 32]).on(day(20_001)).unwrap();
        let ours = key.token(Tagged::Subject(&subject(9))).unwrap();
        assert_eq!(ours.tag(&[5; 16], 0x0102), tag.as_ref()[..16]);
        assert_eq!(key.hand_out(&subject(9)), token.as_ref());
    }

    #[test]
    fn a_chain_ends_with_its_month() {
        let last = Day::of(1_796_083_199_999_999);
        assert_eq!(last.month().to_string(), "2026-11");
        let key = DayKey::seed(last, &[7; 32]);
        assert!(key.on(last).is_some());
        assert!(key.on(last.next()).is_none());
    }

    #[test]
    fn a_chain_has_no_way_back() {
        let key = DayKey::seed(day(20_001), &[7; 32]);
        assert!(key.on(day(20_000)).is_none());
        assert_eq!(key.on(day(20_001)).unwrap().key, key.key);
    }

    #[test]
    fn staff_and_pupils_never_share_a_token() {
        let key = DayKey::seed(day(1), &[7; 32]);
        let staff = key.token(Tagged::Staff("aaaaaaaaaaaaaaaa")).unwrap();
        let pupil = key.token(Tagged::Subject(&subject(b'a'))).unwrap();
        assert_ne!(staff.tag(&[1; 16], 0), pupil.tag(&[1; 16], 0));
        assert!(key.token(Tagged::Staff(&"a".repeat(65_536))).is_err());
    }

    #[test]
    fn the_number_of_tags_hides_the_number_of_persons() {
        let counts: Vec<_> = [0, 1, 2, 3, 5, 100, 2_048].into_iter().map(padded).collect();
        assert_eq!(counts, [0, 1, 2, 4, 8, 128, 2_048].map(Some));
        assert_eq!(padded(2_049), None);
    }

    proptest! {
        #[test]
        fn equal_pupils_never_give_equal_tags(seed: [u8; 32], who: [u8; 16], entries in prop::collection::hash_set(any::<[u8; 16]>(), 2..20)) {
            let key = DayKey::seed(day(3), &seed);
            let token = key.token(Tagged::Subject(&SubjectId::from_bytes(who))).unwrap();
            let tags: HashSet<Tag> = entries.iter().flat_map(|id| (0..4).map(|j| token.tag(id, j))).collect();
            prop_assert_eq!(tags.len(), entries.len() * 4);
            for id in &entries {
                let tags: Vec<Tag> = (0..4).map(|j| token.tag(id, j)).collect();
                prop_assert!(token.is_among(id, &tags));
                prop_assert!(!token.is_among(&[0xee; 16], &tags) || *id == [0xee; 16]);
                prop_assert!(!key.on(day(4)).unwrap().token(Tagged::Subject(&SubjectId::from_bytes(who))).unwrap().is_among(id, &tags));
            }
        }
    }
}
