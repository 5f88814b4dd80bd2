//! One change of the approvers' keys, as its file has it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::jws::{self, JwsError, Parts, PublicKey, SigningKey};
use super::super::manifest::digest_text;
use super::super::sha256;
use super::{InvalidKeyList, KeyList};
use crate::party::{Approver, ApproverRole, Oin};

const FORMAT: &str = "doelpoort-approvers-1";
const TYPE: &str = "doelpoort-approvers+jws";

/// A change of the key list, or the first list, which adds to nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    format: String,
    /// Name of the gateway's deployment.
    pub deployment: String,
    /// 0 for the first list, then 1, 2, 3 …
    pub sequence: u32,
    /// Digest of the change before it: `sha256:` and hex; none for the first list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// Keys that go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<Removed>,
    /// Keys that come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Added>,
    /// Detached signatures (RFC 7515 appendix F) over the JCS form of all else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<String>,
}

/// A key that comes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Added {
    /// The OIN of whose key it is.
    pub organisation: String,
    /// What it may sign.
    pub roles: Vec<ApproverRole>,
    /// The public key, with its `kid`.
    pub jwk: Value,
}

/// A key that goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removed {
    /// The OIN of whose key it is.
    pub organisation: String,
    /// Its id.
    pub kid: String,
}

/// Who signs a change.
#[derive(Clone, Copy, Debug)]
pub struct KeySigner<'a> {
    /// The organisation.
    pub organisation: &'a Oin,
    /// The id under which the list has the key.
    pub kid: &'a str,
    /// The key.
    pub key: SigningKey<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    organisation: String,
    typ: String,
}

impl Change {
    /// A change that comes after what `list` has; unsigned.
    pub fn after(list: &KeyList, deployment: &str, remove: Vec<Removed>, add: Vec<Added>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            deployment: deployment.to_owned(),
            sequence: list.next_sequence(),
            previous: list.head().map(|head| digest_text(&head)),
            remove,
            add,
            signatures: Vec::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is not of this format.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyList> {
        let malformed = |why: String| InvalidKeyList::Malformed(why);
        let change: Self = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if change.format == FORMAT {
            Ok(change)
        } else {
            Err(malformed(format!("its `format` is not `{FORMAT}`")))
        }
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        // Texts, numbers and lists only: there is nothing that has no JSON.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// SHA-256 of what is signed.
    ///
    /// # Errors
    /// When it has no canonical form.
    pub fn digest(&self) -> Result<[u8; 32], InvalidKeyList> {
        self.signed_bytes().map(|bytes| sha256(&bytes))
    }

    /// Adds a signature.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&mut self, signer: KeySigner<'_>) -> Result<(), JwsError> {
        let header = Header {
            alg: signer.key.algorithm().name().to_owned(),
            kid: signer.kid.to_owned(),
            organisation: signer.organisation.to_string(),
            typ: TYPE.to_owned(),
        };
        let header = serde_json_canonicalizer::to_vec(&header).map_err(|_| JwsError::Header)?;
        let bytes = self.signed_bytes().map_err(|_| JwsError::Malformed)?;
        self.signatures
            .push(jws::sign(&header, &bytes, true, signer.key)?);
        Ok(())
    }

    /// The JCS form (RFC 8785) of everything but the signatures.
    fn signed_bytes(&self) -> Result<Vec<u8>, InvalidKeyList> {
        let unsigned = Self {
            signatures: Vec::new(),
            ..self.clone()
        };
        serde_json_canonicalizer::to_vec(&unsigned)
            .map_err(|error| InvalidKeyList::Malformed(error.to_string()))
    }

    pub(super) fn previous(&self) -> Result<Option<[u8; 32]>, InvalidKeyList> {
        let Some(text) = &self.previous else {
            return Ok(None);
        };
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
        let digest = <[u8; 32]>::try_from(bytes).map_err(|_| InvalidKeyList::Previous)?;
        Ok(Some(digest))
    }

    /// Who signed, with the key of the list; a signature that does not count refuses the change.
    pub(super) fn signers<'l>(&self, list: &'l KeyList) -> Result<Vec<(Oin, &'l Approver)>, InvalidKeyList> {
        let bytes = self.signed_bytes()?;
        self.signatures
            .iter()
            .map(|text| signer(text, &bytes, list))
            .collect()
    }
}

fn signer<'l>(text: &str, bytes: &[u8], list: &'l KeyList) -> Result<(Oin, &'l Approver), InvalidKeyList> {
    let unread = |why| InvalidKeyList::Signature("?".to_owned(), "?".to_owned(), why);
    let parts = Parts::parse(text).map_err(|_| unread("not a detached signature"))?;
    let header: Header = serde_json::from_slice(&parts.header)
        .map_err(|_| unread("the header has other keys than expected"))?;
    let refused = |why| InvalidKeyList::Signature(header.organisation.clone(), header.kid.clone(), why);
    if header.typ != TYPE || !parts.payload.is_empty() {
        return Err(refused("it is of another type"));
    }
    let organisation = oin(&header.organisation)?;
    let key = list
        .keys(&organisation)
        .iter()
        .find(|key| key.kid == header.kid)
        .ok_or_else(|| refused("the list before this change has no such key"))?;
    parts
        .verify(&header.alg, bytes, &key.key)
        .map_err(|_| refused("it does not match"))?;
    Ok((organisation, key))
}

impl Added {
    pub(super) fn read(&self) -> Result<(Oin, Approver), InvalidKeyList> {
        let owner = oin(&self.organisation)?;
        let kid = self
            .jwk
            .get("kid")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let wrong = |why: String| InvalidKeyList::Key(owner.clone(), kid.clone(), why);
        if kid.is_empty() {
            return Err(wrong("the key needs a `kid`".to_owned()));
        }
        if self.roles.is_empty() {
            return Err(wrong("it has no role".to_owned()));
        }
        let key = PublicKey::from_jwk(&self.jwk).map_err(|error| wrong(error.to_string()))?;
        let approver = Approver {
            kid,
            roles: self.roles.clone(),
            key,
        };
        Ok((owner, approver))
    }
}

pub(super) fn oin(text: &str) -> Result<Oin, InvalidKeyList> {
    text.parse()
        .map_err(|_| InvalidKeyList::Malformed(format!("`{text}` is no OIN")))
}
