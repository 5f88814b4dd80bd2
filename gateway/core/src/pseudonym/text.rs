//! How a pseudonym is written: `dsp1_` version `_` 26 digits and 2 check digits.
//!
//! Safe in CSV, spreadsheets and databases (never a number, no `=`, `+`, `/`), and recognisable by scanners.

use std::fmt;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use ring::digest;
use serde::Serialize;
use thiserror::Error;

use super::KeyVersion;

const PREFIX: &str = "dsp1_";
const BITS_DIGITS: usize = 26;
const CHECK_DIGITS: usize = 2;
/// Longest text read, in bytes: prefix, five digits of version, `_`, 28 digits.
const TEXT_BYTES_MAX: usize = PREFIX.len() + 6 + BITS_DIGITS + CHECK_DIGITS;

/// Crockford's base 32, lower case: no `i`, `l`, `o`, `u`.
pub(super) const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// The last digit's low bits are filled with zeros, and must be zero on reading.
static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str(ALPHABET);
    #[expect(
        clippy::expect_used,
        reason = "a constant; every test of this module reads it"
    )]
    specification.encoding().expect("32 distinct symbols")
});

/// What a recipient sees in place of a pupil: `^dsp1_[1-9][0-9]{0,4}_[0-9a-hjkmnp-tv-z]{28}$`.
///
/// Sort answers by it, never in source order. Personal data all the same: not in URLs, not in logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct Pseudonym {
    text: String,
    version: KeyVersion,
}

impl Pseudonym {
    pub(super) fn new(version: KeyVersion, bits: [u8; 16]) -> Self {
        let mut text = String::with_capacity(TEXT_BYTES_MAX);
        text.push_str(PREFIX);
        append_version(version, &mut text);
        text.push('_');
        append_digits::<BITS_DIGITS>(u128::from_be_bytes(bits), &mut text);
        append_check_digits(&mut text);
        Self { text, version }
    }

    /// A pseudonym that nobody has, another for each number: where a request is decided again without its pupils.
    pub fn stand_in(number: u128) -> Self {
        Self::new(KeyVersion::LAST, number.to_be_bytes())
    }

    /// Reads a pseudonym as people retype it: in either case, `o` for `0`, `i` or `l` for `1`, with space around.
    pub fn parse(text: &str) -> Result<Self, InvalidPseudonym> {
        let text = text.trim();
        if text.len() > TEXT_BYTES_MAX {
            return Err(InvalidPseudonym::Form);
        }
        let text: String = text.chars().map(fold).collect();
        let (version, digits) = split(&text).ok_or(InvalidPseudonym::Form)?;
        let (bits, check) = digits
            .split_at_checked(BITS_DIGITS)
            .ok_or(InvalidPseudonym::Form)?;
        let before = text.strip_suffix(check).ok_or(InvalidPseudonym::Form)?;
        if check != check_digits(before) || CROCKFORD.decode(bits.as_bytes()).is_err() {
            return Err(InvalidPseudonym::Mistyped);
        }
        Ok(Self { text, version })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The 16 bytes that it stands for.
    pub(super) fn bits(&self) -> [u8; 16] {
        let digits = split(&self.text).and_then(|(_, digits)| digits.get(..BITS_DIGITS));
        let bits = digits.and_then(|digits| CROCKFORD.decode(digits.as_bytes()).ok());
        // A value that exists was made of 16 bytes, or read as such.
        bits.and_then(|bits| bits.try_into().ok()).unwrap_or_default()
    }

    /// The version of the root that it was made with.
    pub fn version(&self) -> KeyVersion {
        self.version
    }
}

impl From<Pseudonym> for String {
    fn from(pseudonym: Pseudonym) -> Self {
        pseudonym.text
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonym(…)")
    }
}

/// A text is not a pseudonym. Never holds the text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidPseudonym {
    /// It does not look like one.
    #[error("a pseudonym is `dsp1_`, a version, `_` and 28 digits of Crockford's base 32")]
    Form,
    /// It looks like one, but its check digits differ: copied with a mistake.
    #[error("the check digits of the pseudonym differ: it was copied with a mistake")]
    Mistyped,
}

fn split(text: &str) -> Option<(KeyVersion, &str)> {
    let (version, digits) = text.strip_prefix(PREFIX)?.split_once('_')?;
    if version.starts_with('0') || !version.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let version = KeyVersion::try_from(version.parse::<u32>().ok()?).ok()?;
    let in_alphabet = digits.bytes().all(|digit| ALPHABET.as_bytes().contains(&digit));
    (digits.len() == BITS_DIGITS + CHECK_DIGITS && in_alphabet).then_some((version, digits))
}

/// Without the formatter, which takes as long as the digest.
fn append_version(version: KeyVersion, text: &mut String) {
    match u8::try_from(version.number()) {
        Ok(digit @ 0..10) => text.push(char::from(b'0' + digit)),
        _ => text.push_str(&version.to_string()),
    }
}

/// The top `DIGITS` digits of 128 bits; the last one's low bits are filled with zeros.
fn append_digits<const DIGITS: usize>(mut bits: u128, text: &mut String) {
    for _ in 0..DIGITS {
        let [top, ..] = bits.to_be_bytes();
        let digit = ALPHABET.as_bytes().get(usize::from(top >> 3));
        text.push(digit.map_or('0', |digit| char::from(*digit)));
        bits <<= 5;
    }
}

/// The top 10 bits of the SHA-256 of all text before them; unkeyed, against typing mistakes only.
fn append_check_digits(text: &mut String) {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let top = hash.as_ref().first_chunk().copied().unwrap_or_default();
    append_digits::<CHECK_DIGITS>(u128::from_be_bytes(top), text);
}

/// The check digits of a text without them.
pub(super) fn check_digits(before: &str) -> String {
    let mut text = before.to_owned();
    append_check_digits(&mut text);
    text.split_off(before.len())
}

fn fold(letter: char) -> char {
    match letter.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    }
}
