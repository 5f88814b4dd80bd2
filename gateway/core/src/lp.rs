//! `LP(x) = u16be(len(x)) ‖ x`: how parts are joined before any cryptography.
//!
//! Nothing is joined with a delimiter, so `("ab", "c")` and `("a", "bc")` never give the same bytes. That a
//! part fits its 16-bit length is a matter of type: [`Part`] is made only from what is known to be short.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::catalogue::Name;
use crate::party::Oin;

/// The most bytes one part can have.
pub const PART_BYTES_MAX: usize = u16::MAX as usize;

/// Bytes that fit `LP`.
#[derive(Clone, Copy)]
pub struct Part<'a>(&'a [u8]);

impl<'a> Part<'a> {
    /// Bytes as they are. Errors when there are more than [`PART_BYTES_MAX`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, TooLong> {
        if bytes.len() > PART_BYTES_MAX {
            return Err(TooLong { bytes: bytes.len() });
        }
        Ok(Self(bytes))
    }

    /// Appends `u16be(len) ‖ bytes`.
    pub fn append_to(self, message: &mut Vec<u8>) {
        let [.., high, low] = self.0.len().to_be_bytes();
        message.extend_from_slice(&[high, low]);
        message.extend_from_slice(self.0);
    }
}

impl<'a> From<&'a [u8; 16]> for Part<'a> {
    fn from(bytes: &'a [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl<'a> From<&'a Oin> for Part<'a> {
    fn from(oin: &'a Oin) -> Self {
        Self(oin.as_str().as_bytes())
    }
}

impl<'a> From<&'a Name> for Part<'a> {
    fn from(name: &'a Name) -> Self {
        Self(name.as_str().as_bytes())
    }
}

impl<'a> From<&'a PartText> for Part<'a> {
    fn from(text: &'a PartText) -> Self {
        Self(text.0.as_bytes())
    }
}

/// Text that fits `LP`, in UTF-8 NFC: two spellings of one text give one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartText(String);

impl PartText {
    /// The text, in NFC.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PartText {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        let composed: String = text.nfc().collect();
        Part::new(composed.as_bytes())?;
        Ok(Self(composed))
    }
}

impl fmt::Display for PartText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part does not fit its 16-bit length.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a part of a message has `{bytes}` bytes, more than `{PART_BYTES_MAX}`")]
pub struct TooLong {
    /// How many bytes it has.
    pub bytes: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut message = Vec::new();
        for part in parts {
            Part::new(part).unwrap().append_to(&mut message);
        }
        message
    }

    #[test]
    fn length_comes_first_in_two_bytes() {
        assert_eq!(encode(&[b"ab".to_vec(), vec![]]), b"\x00\x02ab\x00\x00");
        let long = vec![7; 0x0102];
        assert_eq!(encode(std::slice::from_ref(&long))[..3], [1, 2, 7]);
    }

    #[test]
    fn where_a_part_ends_is_part_of_the_message() {
        assert_ne!(
            encode(&[b"ab".to_vec(), b"c".to_vec()]),
            encode(&[b"a".to_vec(), b"bc".to_vec()])
        );
    }

    #[test]
    fn a_part_has_at_most_65535_bytes() {
        assert!(Part::new(&vec![0; 65_535]).is_ok());
        assert_eq!(Part::new(&vec![0; 65_536]).err(), Some(TooLong { bytes: 65_536 }));
        assert!("é".repeat(32_768).parse::<PartText>().is_err());
    }

    #[test]
    fn text_is_composed() {
        let composed: PartText = "caf\u{e9}".parse().unwrap();
        let decomposed: PartText = "cafe\u{301}".parse().unwrap();
        assert_eq!(composed, decomposed);
    }

    proptest! {
        #[test]
        fn encoding_is_injective(
            a in prop::collection::vec(prop::collection::vec(0u8..3, 0..4), 0..5),
            b in prop::collection::vec(prop::collection::vec(0u8..3, 0..4), 0..5),
        ) {
            prop_assert_eq!(encode(&a) == encode(&b), a == b);
        }
    }
}
