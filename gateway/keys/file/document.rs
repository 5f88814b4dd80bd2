//! The form of the key file.

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use doelpoort_core::lp::{Part, TooLong};
use jiff::Timestamp;
use ring::hmac;
use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeyFileError;
use crate::keys::{KeyPurpose, KeyStore, KeyStoreError, Secret};

/// Version of the file format.
pub(super) const FORMAT: u32 = 1;
/// Bytes of a check value: enough to notice a wrong key, too few to help find it.
const CHECK_LEN: usize = 8;
/// The algorithm of an entrance key that a hardware module keeps; `wrapped` is then its name there.
const KEPT_ALGORITHM: &str = "hmac-sha256-pkcs11";

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// Version of the format.
    pub(super) format: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) example: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) seeded: bool,
    pub(super) key: Vec<Entry>,
}

/// What kind of keys these are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) example: bool,
    pub(super) seeded: bool,
}

impl Document {
    pub(super) fn new(marks: Marks, key: Vec<Entry>) -> Self {
        Self {
            format: FORMAT,
            example: marks.example,
            seeded: marks.seeded,
            key,
        }
    }

    pub(super) fn marks(&self) -> Marks {
        Marks {
            example: self.example,
            seeded: self.seeded,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) version: u32,
    pub(super) state: State,
    /// Since when it is active; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
    pub(super) algorithm: String,
    /// Base64 of nonce ‖ ciphertext ‖ tag.
    pub(super) wrapped: String,
    /// Hex of the check value.
    pub(super) check: String,
}

/// Where a version is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Made, and read by all, so that every replica knows it before one issues with it.
    Pending,
    /// Issues.
    Active,
    /// Issued, and is still read.
    Accept,
    /// No longer read; can still be destroyed or, by hand, brought back.
    Retired,
    /// Gone for good: only its number and check value are left.
    Destroyed,
}

impl State {
    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Accept => "accept",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }
}

/// A key as it came out of the file.
pub(super) struct Unwrapped {
    pub(super) purpose: KeyPurpose,
    /// The key, or the name of one that the store keeps.
    pub(super) secret: Secret,
    pub(super) kept: bool,
}

impl Entry {
    /// A key in the form of the file. `kept`: `secret` is the name of a key in the store.
    pub(super) fn wrap(
        of: Version,
        (secret, kept): (&Secret, bool),
        store: &dyn KeyStore,
        marks: Marks,
        random: &dyn SecureRandom,
    ) -> Result<Self, KeyStoreError> {
        let aad = aad(of.purpose.id(), of.version, of.state).map_err(|_| KeyStoreError::Crypto)?;
        let algorithm = if kept {
            KEPT_ALGORITHM
        } else {
            of.purpose.algorithm()
        };
        Ok(Self {
            id: of.purpose.id().to_owned(),
            version: of.version,
            state: of.state,
            since: of.since,
            algorithm: algorithm.to_owned(),
            wrapped: BASE64.encode(&store.wrap(&aad, secret, random)?),
            check: HEXLOWER.encode(&check_value((secret, kept), store, of, marks)?),
        })
    }

    /// What it is for.
    pub(super) fn purpose(&self) -> Option<KeyPurpose> {
        KeyPurpose::ALL
            .into_iter()
            .find(|purpose| purpose.id() == self.id)
    }

    /// Whether the store keeps it.
    pub(super) fn kept(&self) -> bool {
        self.algorithm == KEPT_ALGORITHM
    }

    /// Opens it and holds it against its check value. None: it was destroyed.
    pub(super) fn unwrap(
        &self,
        store: &Arc<dyn KeyStore>,
        marks: Marks,
    ) -> Result<Option<Unwrapped>, KeyFileError> {
        let failed = || KeyFileError::Unwrap {
            id: self.id.clone(),
            version: self.version,
        };
        let purpose = self.purpose().ok_or_else(failed)?;
        let kept = self.kept() && purpose == KeyPurpose::Index;
        if !kept && self.algorithm != purpose.algorithm() {
            return Err(failed());
        }
        if self.state == State::Destroyed {
            return if self.wrapped.is_empty() {
                Ok(None)
            } else {
                Err(KeyFileError::State {
                    id: self.id.clone(),
                    version: self.version,
                    state: self.state.name(),
                })
            };
        }
        let wrapped = BASE64.decode(self.wrapped.as_bytes()).map_err(|_| failed())?;
        let aad = aad(&self.id, self.version, self.state).map_err(|_| failed())?;
        let secret = store.unwrap(&aad, &wrapped).map_err(|error| match error {
            KeyStoreError::Refused => failed(),
            error => KeyFileError::Store(error),
        })?;
        let of = Version {
            purpose,
            version: self.version,
            state: self.state,
            since: self.since,
        };
        let expected =
            check_value((&secret, kept), store.as_ref(), of, marks).map_err(KeyFileError::Store)?;
        if HEXLOWER.encode(&expected) != self.check {
            return Err(KeyFileError::Check {
                id: self.id.clone(),
                version: self.version,
            });
        }
        Ok(Some(Unwrapped {
            purpose,
            secret,
            kept,
        }))
    }
}

/// Which version of which key.
#[expect(clippy::struct_field_names, reason = "a version's number is its version")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    pub(super) purpose: KeyPurpose,
    pub(super) version: u32,
    pub(super) state: State,
    pub(super) since: Option<Timestamp>,
}

fn aad(id: &str, version: u32, state: State) -> Result<Vec<u8>, TooLong> {
    let mut aad = Vec::new();
    Part::new(id.as_bytes())?.append_to(&mut aad);
    aad.extend_from_slice(&version.to_be_bytes());
    Part::new(state.name().as_bytes())?.append_to(&mut aad);
    Ok(aad)
}

/// First bytes of an HMAC under the key itself, wherever it is.
fn check_value(
    (secret, kept): (&Secret, bool),
    store: &dyn KeyStore,
    of: Version,
    marks: Marks,
) -> Result<[u8; CHECK_LEN], KeyStoreError> {
    let mut message = Zeroizing::new(b"dsg-key-check\x01".to_vec());
    message.extend_from_slice(&[u8::from(marks.example), u8::from(marks.seeded)]);
    message.extend_from_slice(&of.version.to_be_bytes());
    message.extend_from_slice(of.purpose.id().as_bytes());
    if let Some(since) = of.since {
        message.push(0);
        message.extend_from_slice(&since.as_microsecond().to_be_bytes());
    }
    let mac: [u8; 32] = if kept {
        let macs = store.mac(secret, &[message])?;
        macs.first().copied().ok_or(KeyStoreError::Crypto)?
    } else {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        let tag = hmac::sign(&key, &message);
        tag.as_ref().try_into().map_err(|_| KeyStoreError::Crypto)?
    };
    let mut check = [0; CHECK_LEN];
    check.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
    Ok(check)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use serde_json::Value;

    use super::*;
    use crate::keys::store::{HeldKek, check_value as told};

    const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/keys.json"));

    fn secret(hex: &Value) -> Secret {
        Secret::copy(&HEXLOWER.decode(hex.as_str().unwrap().as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn known_answers() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let key = secret(&vectors["key"]);
        let store = HeldKek::new(secret(&vectors["kek"]));
        for vector in vectors["keys"].as_array().unwrap() {
            let text = |name: &str| vector[name].as_str().unwrap().to_owned();
            let states = [State::Pending, State::Active, State::Accept, State::Retired];
            let of = Version {
                purpose: KeyPurpose::ALL
                    .into_iter()
                    .find(|purpose| purpose.id() == text("purpose"))
                    .unwrap(),
                version: u32::try_from(vector["version"].as_u64().unwrap()).unwrap(),
                state: states
                    .into_iter()
                    .find(|state| state.name() == text("state"))
                    .unwrap(),
                since: vector["since_us"]
                    .as_i64()
                    .map(|since| Timestamp::from_microsecond(since).unwrap()),
            };
            let marks = Marks {
                example: vector["example"].as_bool().unwrap(),
                seeded: vector["seeded"].as_bool().unwrap(),
            };
            let bound = aad(of.purpose.id(), of.version, of.state).unwrap();
            assert_eq!(HEXLOWER.encode(&bound), text("aad"));
            let check = check_value((&key, false), &store, of, marks).unwrap();
            assert_eq!(HEXLOWER.encode(&check), text("check"));
        }
        let halves = vectors["halves"].as_array().unwrap();
        let checks = vectors["half_checks"].as_array().unwrap();
        for (half, check) in halves.iter().zip(checks) {
            assert_eq!(told(b"dsg-kek-half\x01", &secret(half)), check.as_str().unwrap());
        }
        let described = format!("check value {}", vectors["kek_check"].as_str().unwrap());
        assert_eq!(store.describe(), described);
    }
}
