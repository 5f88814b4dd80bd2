//! Short fixed-width codes: copyable, and written as the text they are.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A code of exactly `N` ASCII characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code<const N: usize>([u8; N]);

/// A site: BRIN (2 digits, 2 letters) and 2 digits.
pub type Brin6 = Code<6>;
/// A school board: 5 digits.
pub type BoardNumber = Code<5>;
/// A partnership: `PO` or `VO` and 4 digits.
pub type SwvNumber = Code<6>;
/// A neighbourhood of CBS: `WK0034nn`.
pub type Neighbourhood = Code<8>;
/// The four digits of a postcode.
pub type Pc4 = Code<4>;

impl<const N: usize> Code<N> {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or("")
    }
}

impl<const N: usize> FromStr for Code<N> {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let bytes = <[u8; N]>::try_from(text.as_bytes()).map_err(|_| InvalidCode { width: N })?;
        if bytes.iter().all(u8::is_ascii_alphanumeric) {
            Ok(Self(bytes))
        } else {
            Err(InvalidCode { width: N })
        }
    }
}

/// The text is not a code of this width.
#[derive(Debug, thiserror::Error)]
#[error("not {width} ASCII letters and digits")]
pub struct InvalidCode {
    width: usize,
}

impl<const N: usize> fmt::Display for Code<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Code<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> Serialize for Code<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
