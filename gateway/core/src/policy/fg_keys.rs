//! The public keys of the data protection officer (FG) to which private parts of the log are sealed: one a month,
//! signed by the FG's approval key, so that nobody puts another's in their place.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::KeyList;
use super::jws::{self, JwsError, Parts, SigningKey};
use crate::audit::day::Month;
use crate::party::{ApproverRole, Oin};

const TYPE: &str = "doelpoort-fg-keys+jwt";

/// The FG's X25519 public keys (RFC 9180 section 7.1, DHKEM(X25519, HKDF-SHA256)), by month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FgKeys {
    /// Whose FG.
    pub organisation: Oin,
    /// One key a month, never the same twice.
    pub months: BTreeMap<Month, [u8; 32]>,
}

/// Why a file with the FG's keys is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFgKeys {
    /// The signature's form or value is wrong.
    #[error(transparent)]
    Signature(#[from] JwsError),
    /// The payload holds no keys by month, or one twice.
    #[error("the payload is not a list of keys, one for each month and each another")]
    Payload,
    /// They are for another deployment.
    #[error("the keys are for another deployment")]
    OtherDeployment,
    /// The organisation has no such key with the role `fg` among the approvers'.
    #[error("the organisation has no approver's key with this id and the role `fg`")]
    UnknownKey,
    /// Issued later than now.
    #[error("the keys are not yet issued")]
    NotYetIssued,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    deployment: String,
    organisation: String,
    keys: BTreeMap<Month, String>,
    iat: i64,
}

impl FgKeys {
    /// The key of a month, if the FG has made one.
    pub fn of(&self, month: Month) -> Option<&[u8; 32]> {
        self.months.get(&month)
    }

    /// The last month for which there is a key.
    pub fn last(&self) -> Option<Month> {
        self.months.keys().next_back().copied()
    }

    /// Signs them with the FG's approval key; the text of their file.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(
        &self,
        deployment: &str,
        issued_at: Timestamp,
        kid: &str,
        key: SigningKey<'_>,
    ) -> Result<String, JwsError> {
        let encoded = self
            .months
            .iter()
            .map(|(month, key)| (*month, BASE64.encode(key)));
        let payload = Payload {
            deployment: deployment.to_owned(),
            organisation: self.organisation.to_string(),
            keys: encoded.collect(),
            iat: issued_at.as_second(),
        };
        jws::sign_document(TYPE, kid, &payload, key)
    }

    /// Reads and verifies their file against the approvers' keys.
    ///
    /// # Errors
    /// Why nothing may be sealed to them.
    pub fn verify(
        text: &str,
        deployment: &str,
        keys: &KeyList,
        now: Timestamp,
    ) -> Result<Self, InvalidFgKeys> {
        let parts = Parts::parse(text.trim())?;
        let header = parts.header_of(TYPE)?;
        let payload: Payload = serde_json::from_slice(&parts.payload).map_err(|_| InvalidFgKeys::Payload)?;
        let organisation: Oin = payload.organisation.parse().map_err(|_| InvalidFgKeys::Payload)?;
        let signer = keys
            .keys(&organisation)
            .iter()
            .find(|key| key.kid == header.kid && key.roles.contains(&ApproverRole::Fg))
            .ok_or(InvalidFgKeys::UnknownKey)?;
        parts.verify(&header.alg, &parts.payload, &signer.key)?;
        if payload.deployment != deployment {
            return Err(InvalidFgKeys::OtherDeployment);
        }
        if payload.iat > now.as_second() {
            return Err(InvalidFgKeys::NotYetIssued);
        }
        let months = payload.months().ok_or(InvalidFgKeys::Payload)?;
        Ok(Self { organisation, months })
    }
}

impl Payload {
    fn months(&self) -> Option<BTreeMap<Month, [u8; 32]>> {
        let mut months = BTreeMap::new();
        for (month, text) in &self.keys {
            let key: [u8; 32] = BASE64.decode(text.as_bytes()).ok()?.try_into().ok()?;
            if months.values().any(|other| *other == key) {
                return None;
            }
            months.insert(*month, key);
        }
        (!months.is_empty()).then_some(months)
    }
}

#[cfg(test)]
mod tests;
