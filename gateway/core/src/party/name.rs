//! Names of parties: OIN, short name, client id, pin.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize, Serializer};

const SLUG_CHARS_MAX: usize = 48;
const CLIENT_ID_CHARS_MAX: usize = 64;

/// A text that names no party.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParty {
    /// Not 20 digits.
    #[error("an OIN has 20 digits")]
    Oin,
    /// Not kebab-case, or longer than 48 characters.
    #[error("a short name is kebab-case, begins with a letter and has at most 48 characters")]
    Slug,
    /// Other characters than lower-case letters, digits, `-`, `_` and `.`, or longer than 64.
    #[error("a client id has lower-case letters, digits, `-`, `_` and `.`, at most 64 of them")]
    ClientId,
    /// Not the base64url form of 32 bytes.
    #[error("a pin is a SHA-256 in base64url without padding, 43 characters")]
    Pin,
}

/// Organisation identification number (OIN): 20 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Oin(String);

/// Short kebab-case name of an organisation, such as `board-41676`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Slug(String);

/// OAuth client id of a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ClientId(String);

/// SHA-256 of a certificate or a public key; text form base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin([u8; 32]);

impl Oin {
    /// The 20 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Oin {
    type Error = InvalidParty;

    fn try_from(text: String) -> Result<Self, InvalidParty> {
        text.parse()
    }
}

impl Slug {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ClientId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Pin {
    /// A digest that was computed elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Pin of a certificate or a public key (`SubjectPublicKeyInfo`) in DER.
    pub fn of(der: &[u8]) -> Self {
        Self(crate::policy::sha256(der))
    }

    /// The digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Oin {
    type Err = InvalidParty;

    fn from_str(text: &str) -> Result<Self, InvalidParty> {
        let valid = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| Self(text.to_owned())).ok_or(InvalidParty::Oin)
    }
}

impl FromStr for Slug {
    type Err = InvalidParty;

    fn from_str(text: &str) -> Result<Self, InvalidParty> {
        let valid = text.len() <= SLUG_CHARS_MAX
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.split('-').all(|part| !part.is_empty())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        valid.then(|| Self(text.to_owned())).ok_or(InvalidParty::Slug)
    }
}

impl FromStr for ClientId {
    type Err = InvalidParty;

    fn from_str(text: &str) -> Result<Self, InvalidParty> {
        let valid = (1..=CLIENT_ID_CHARS_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
        valid.then(|| Self(text.to_owned())).ok_or(InvalidParty::ClientId)
    }
}

impl FromStr for Pin {
    type Err = InvalidParty;

    fn from_str(text: &str) -> Result<Self, InvalidParty> {
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| InvalidParty::Pin)?;
        bytes.try_into().map(Self).map_err(|_| InvalidParty::Pin)
    }
}

impl fmt::Display for Oin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_or_refused() {
        assert_eq!(
            "00000099000000041676".parse::<Oin>().unwrap().as_str(),
            "00000099000000041676"
        );
        for wrong in [
            "",
            "0000009900000004167",
            "0000009900000004167x",
            "000000990000000416760",
        ] {
            assert_eq!(wrong.parse::<Oin>(), Err(InvalidParty::Oin), "{wrong}");
        }
        assert_eq!("board-41676".parse::<Slug>().unwrap().to_string(), "board-41676");
        for wrong in ["", "Board", "41676", "board-", "board--1", "board_1", "-board"] {
            assert_eq!(wrong.parse::<Slug>(), Err(InvalidParty::Slug), "{wrong}");
        }
        for wrong in ["", "A", "a b", "a/b"] {
            assert_eq!(wrong.parse::<ClientId>(), Err(InvalidParty::ClientId), "{wrong}");
        }
    }

    #[test]
    fn pin_keeps_its_text() {
        let pin = Pin::of(b"certificate");
        assert_eq!(pin.to_string().len(), 43);
        assert_eq!(pin.to_string().parse(), Ok(pin));
        assert_eq!("AAAA".parse::<Pin>(), Err(InvalidParty::Pin));
    }
}
