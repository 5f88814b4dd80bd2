//! The place of the blind entrance: an index need not be computed here.
//!
//! A holder can blind its identifiers and have another party's key service evaluate them; then the gateway receives
//! the finished index and never sees a number. Such an index meets the same table of subjects as ours, under a key
//! version of its own, and is marked with who evaluated it. Only the mark exists so far (docs/decisions/0025).

use std::fmt;

use thiserror::Error;

use crate::catalogue::Name;

/// The mark of an index that we computed.
const GATEWAY: &str = "gateway";

/// Who computed an index.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexOrigin {
    /// This gateway, from an identifier that it saw and forgot.
    #[default]
    Gateway,
    /// A key service, from an identifier that it did not see either.
    KeyService(Name),
}

/// A key service cannot have the gateway's own mark.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a key service cannot be named `{GATEWAY}`")]
pub struct ReservedName;

impl IndexOrigin {
    /// The key service of this name.
    ///
    /// # Errors
    /// [`ReservedName`].
    pub fn key_service(name: Name) -> Result<Self, ReservedName> {
        if name.as_str() == GATEWAY {
            Err(ReservedName)
        } else {
            Ok(Self::KeyService(name))
        }
    }

    /// As it stands beside the index.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Gateway => GATEWAY,
            Self::KeyService(name) => name.as_str(),
        }
    }
}

impl fmt::Display for IndexOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_is_the_gateway() {
        let service = IndexOrigin::key_service("blind-entrance".parse().unwrap()).unwrap();
        assert_eq!(service.as_str(), "blind-entrance");
        assert_eq!(IndexOrigin::default().as_str(), "gateway");
        assert_eq!(
            IndexOrigin::key_service("gateway".parse().unwrap()),
            Err(ReservedName)
        );
    }
}
