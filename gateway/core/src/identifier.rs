//! Step one, the entrance: a pupil's number becomes a keyed index, and is forgotten.
//!
//! 90,909,091 numbers pass the check of a BSN, so an index is only as strong as the secrecy of its key: that
//! key is used here and nowhere else. What leaves is derived from random bits (see [`crate::pseudonym`]).

use std::fmt;
use std::str::FromStr;

use ring::hmac;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::kdf;
use crate::lp::Part;
use crate::party::Oin;

mod normalise;
mod origin;
#[cfg(test)]
mod tests;

pub use origin::{IndexOrigin, ReservedName};

/// Says of an index's message what it is, and its version.
const TAG: &[u8] = b"dsg-idx\x01";

/// The kinds of identifier, as a deliverer names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IdentifierKind {
    /// `bsn`: a citizen service number, or the onderwijsnummer of a pupil who has none.
    Bsn,
    /// `eckId`: the education chain's identifier, 64 hex digits.
    EckId,
    /// `local`: the holder's own reference.
    Local,
}

impl IdentifierKind {
    /// The name in the API and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bsn => "bsn",
            Self::EckId => "eckId",
            Self::Local => "local",
        }
    }
}

impl fmt::Display for IdentifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for IdentifierKind {
    type Err = UnknownIdentifierKind;

    fn from_str(text: &str) -> Result<Self, UnknownIdentifierKind> {
        [Self::Bsn, Self::EckId, Self::Local]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownIdentifierKind)
    }
}

/// A text names no kind of identifier. It is not repeated: it may be an identifier put in the wrong place.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown kind of identifier: use `bsn`, `eckId` or `local`")]
pub struct UnknownIdentifierKind;

/// A valid identifier in its one normal form. Wiped on drop, shown nowhere.
///
/// It can be neither copied nor serialised:
/// ```compile_fail,E0599
/// fn clone(identifier: doelpoort_core::identifier::Identifier) {
///     let _ = identifier.clone();
/// }
/// ```
/// ```compile_fail,E0277
/// fn leak(identifier: doelpoort_core::identifier::Identifier) -> impl serde::Serialize {
///     identifier
/// }
/// ```
pub struct Identifier {
    namespace: Namespace,
    /// `LP(id)`.
    encoded: Zeroizing<Vec<u8>>,
}

/// The type byte: what keeps a BSN and an onderwijsnummer of the same digits apart.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Namespace {
    Bsn = 1,
    Onderwijsnummer = 2,
    Local = 3,
    EckId = 4,
}

impl Identifier {
    /// Reads `text` as an identifier of `kind`; `holder` is the organisation that a local one belongs to.
    /// Errors say what is wrong with the text, never the text.
    pub fn parse(kind: IdentifierKind, text: &str, holder: &Oin) -> Result<Self, InvalidIdentifier> {
        let (namespace, value) = match kind {
            IdentifierKind::Bsn => normalise::number(text)?,
            IdentifierKind::EckId => (Namespace::EckId, normalise::eck_id(text)?),
            IdentifierKind::Local => (Namespace::Local, normalise::local(text, holder)?),
        };
        let mut encoded = Zeroizing::new(Vec::with_capacity(2 + value.len()));
        Part::new(&value)
            .map_err(|_| InvalidIdentifier::TooLong)?
            .append_to(&mut encoded);
        Ok(Self { namespace, encoded })
    }

    /// 1 BSN, 2 onderwijsnummer, 3 local, 4 ECK iD.
    pub fn type_byte(&self) -> u8 {
        self.namespace as u8
    }

    /// `HMAC-SHA256(K_idx, message)`: finds the subject without keeping the number.
    pub fn index(&self, key: &IndexKey) -> Index {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.0.as_slice());
        Index(kdf::first(hmac::sign(&key, &self.message()).as_ref()))
    }

    /// What the entrance key is applied to, wherever that key is: `"dsg-idx" ‖ 0x01 ‖ type ‖ LP(id)`. Wiped on drop.
    pub fn message(&self) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(Vec::with_capacity(TAG.len() + 1 + self.encoded.len()));
        message.extend_from_slice(TAG);
        message.push(self.type_byte());
        message.extend_from_slice(&self.encoded);
        message
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identifier(…)")
    }
}

/// What is wrong with an identifier. Never holds the value.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum InvalidIdentifier {
    /// No text at all.
    #[error("the identifier is empty")]
    Empty,
    /// More bytes than any identifier has.
    #[error("the identifier has more than `{}` bytes", normalise::INPUT_BYTES_MAX)]
    TooLong,
    /// A number has something other than digits, spaces, `.` and `-`.
    #[error("a number has digits only; spaces, `.` and `-` between them are ignored")]
    NotDigits,
    /// A number has other than 8 or 9 digits.
    #[error("a number has 9 digits, or 8 when its first zero is left out")]
    WrongLength,
    /// Nine zeros, which pass the check and belong to nobody.
    #[error("a number is not all zeros")]
    AllZeros,
    /// Fails the check of a BSN and of an onderwijsnummer.
    #[error("the number fails the check (`elfproef`) of a bsn and of an onderwijsnummer")]
    CheckFailed,
    /// Not 64 hex digits, with or without `https://ketenid.nl/…/` before them.
    #[error("an eck id has 64 hex digits, optionally after `https://ketenid.nl/…/`")]
    NotAnEckId,
    /// A local identifier with control characters, or space at an end.
    #[error("a local identifier has no control characters and no space at either end")]
    NotPlain,
}

impl InvalidIdentifier {
    /// The stable name of the mistake, for row errors and statistics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too-long",
            Self::NotDigits => "not-digits",
            Self::WrongLength => "wrong-length",
            Self::AllZeros => "all-zeros",
            Self::CheckFailed => "check-failed",
            Self::NotAnEckId => "not-an-eck-id",
            Self::NotPlain => "not-plain",
        }
    }
}

/// `K_idx`, the root of the entrance. Wiped on drop.
///
/// ```compile_fail,E0599
/// fn clone(key: doelpoort_core::identifier::IndexKey) {
///     let _ = key.clone();
/// }
/// ```
pub struct IndexKey(Zeroizing<[u8; 32]>);

impl IndexKey {
    /// The key as it was generated: 32 random bytes.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let key = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        key
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(…)")
    }
}

/// The keyed index of an identifier: what the store keeps in its place, unique with the key's version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index([u8; 32]);

impl Index {
    /// An index that was computed where the key is: in a hardware module, or by a key service.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes to store or look up.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Index(…)")
    }
}
