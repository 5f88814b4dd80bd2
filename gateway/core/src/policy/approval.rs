//! Approvals: detached signatures (RFC 7515 appendix F) under the manifest of a purpose.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::jws::{self, JwsError, Parts, SigningKey};
use super::{KeyList, Manifest};
use crate::catalogue::Name;
use crate::party::{ApproverRole, Oin, Organisation};

const TYPE: &str = "doelpoort-approval+jws";

/// In which role an approval is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalRole {
    /// As data protection officer (FG) of a controller.
    Fg,
    /// As holder of rows that a grant touches.
    Holder,
}

/// What an approval says, besides its signature.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalTerms<'a> {
    /// Name of the gateway's deployment.
    pub deployment: &'a str,
    /// The purpose.
    pub purpose: &'a Name,
    /// Its version.
    pub version: u32,
    /// In which role.
    pub role: ApprovalRole,
    /// Who approves.
    pub organisation: &'a Oin,
    /// From when; whole seconds.
    pub issued_at: Timestamp,
    /// Until when, exclusive; whole seconds.
    pub expires_at: Timestamp,
}

/// Which approval is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Required<'a> {
    /// Name of the gateway's deployment.
    pub deployment: &'a str,
    /// The purpose.
    pub purpose: &'a Name,
    /// Its version.
    pub version: u32,
    /// In which role.
    pub role: ApprovalRole,
    /// Who must approve.
    pub organisation: &'a Organisation,
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApproval {
    /// There is none.
    #[error("there is no approval")]
    Absent,
    /// The signature's form or value is wrong.
    #[error(transparent)]
    Signature(#[from] JwsError),
    /// It is for something else.
    #[error("the approval is for another {0}")]
    Other(&'static str),
    /// The organisation has no such key for this role.
    #[error("the organisation has no key with this id for this role")]
    UnknownKey,
    /// Issued later than now.
    #[error("the approval is not yet valid")]
    NotYetValid,
    /// Its time is over.
    #[error("the approval has expired")]
    Expired,
    /// The key that signed was removed from the approvers' keys.
    #[error("the key that signed was removed from the approvers' keys by change {0}")]
    RemovedKey(u32),
    /// The organisation took back what it had approved until then.
    #[error("the organisation withdrew at {at}; only an approval issued after that counts")]
    Withdrawn {
        /// When, as the log has it.
        at: Timestamp,
    },
}

impl InvalidApproval {
    /// The reason in one word, for clauses.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Signature(_) => "signature",
            Self::Other(_) => "other",
            Self::UnknownKey => "unknown-key",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
            Self::RemovedKey(_) => "removed-key",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

/// When an approval counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// From when.
    pub issued_at: Timestamp,
    /// Until when, exclusive.
    pub expires_at: Timestamp,
}

impl Term {
    /// Whether it counts at `now`.
    ///
    /// # Errors
    /// [`InvalidApproval::NotYetValid`], [`InvalidApproval::Expired`].
    pub fn check(&self, now: Timestamp) -> Result<(), InvalidApproval> {
        if self.issued_at > now {
            Err(InvalidApproval::NotYetValid)
        } else if self.expires_at <= now {
            Err(InvalidApproval::Expired)
        } else {
            Ok(())
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
    deployment: String,
    purpose: String,
    version: u32,
    role: ApprovalRole,
    organisation: String,
    iat: i64,
    exp: i64,
}

/// Signs the manifest of a purpose; the text of the approval's file.
pub fn sign(
    terms: &ApprovalTerms<'_>,
    manifest: &Manifest,
    kid: &str,
    key: SigningKey<'_>,
) -> Result<String, JwsError> {
    let header = Header {
        alg: key.algorithm().name().to_owned(),
        kid: kid.to_owned(),
        typ: TYPE.to_owned(),
        deployment: terms.deployment.to_owned(),
        purpose: terms.purpose.to_string(),
        version: terms.version,
        role: terms.role,
        organisation: terms.organisation.to_string(),
        iat: terms.issued_at.as_second(),
        exp: terms.expires_at.as_second(),
    };
    let header = serde_json_canonicalizer::to_vec(&header).map_err(|_| JwsError::Header)?;
    jws::sign(&header, manifest.bytes(), true, key)
}

/// Verifies an approval and returns its term, whatever the time is now.
///
/// # Errors
/// Why it does not count; a key that was removed is named as such.
pub fn verify(
    text: &str,
    required: &Required<'_>,
    manifest: &Manifest,
    keys: &KeyList,
) -> Result<Term, InvalidApproval> {
    let parts = Parts::parse(text)?;
    if !parts.payload.is_empty() {
        return Err(JwsError::Malformed.into());
    }
    let header: Header = serde_json::from_slice(&parts.header).map_err(|_| JwsError::Header)?;
    if header.typ != TYPE {
        return Err(JwsError::Type.into());
    }
    is_for(&header, required)?;
    let Organisation { oin, .. } = required.organisation;
    let role = required.role.of_key();
    let approver = keys
        .keys(oin)
        .iter()
        .find(|key| key.kid == header.kid && key.roles.contains(&role));
    let approver = approver.ok_or_else(|| {
        keys.removed_by(oin, &header.kid)
            .map_or(InvalidApproval::UnknownKey, InvalidApproval::RemovedKey)
    })?;
    parts.verify(&header.alg, manifest.bytes(), &approver.key)?;
    let moment = |second| Timestamp::from_second(second).map_err(|_| InvalidApproval::from(JwsError::Header));
    Ok(Term {
        issued_at: moment(header.iat)?,
        expires_at: moment(header.exp)?,
    })
}

fn is_for(header: &Header, required: &Required<'_>) -> Result<(), InvalidApproval> {
    let same = [
        ("deployment", header.deployment == required.deployment),
        ("purpose", header.purpose == required.purpose.as_str()),
        ("version", header.version == required.version),
        ("role", header.role == required.role),
        (
            "organisation",
            header.organisation == required.organisation.oin.as_str(),
        ),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(InvalidApproval::Other(what)),
        None => Ok(()),
    }
}

impl ApprovalRole {
    /// The role's name in file names and headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fg => "fg",
            Self::Holder => "holder",
        }
    }

    /// What the key that signs must be for.
    pub fn of_key(self) -> ApproverRole {
        match self {
            Self::Fg => ApproverRole::Fg,
            Self::Holder => ApproverRole::Holder,
        }
    }
}

impl fmt::Display for ApprovalRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
