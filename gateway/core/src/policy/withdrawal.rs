//! A withdrawal: a holder's or controller's word that what it approved until then no longer holds. It comes through a
//! program of the organisation, or signed with one of its approvers' keys, for which nothing of the gateway is needed.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::jws::{self, JwsError, Parts, SigningKey};
use super::manifest::{digest_of, digest_text};
use super::{KeyList, SignedMandate};
use crate::catalogue::Name;
use crate::party::{ApproverRole, Oin};

/// The role of a program that may withdraw for its organisation.
pub const ROLE: &str = "policy";
/// The longest signed withdrawal, in bytes: it stands in the log.
pub const SIGNED_BYTES_MAX: usize = 4_096;
/// How far the clock of who signs may be ahead.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(60);
const TYPE: &str = "doelpoort-withdrawal+jwt";

/// A holder's word that what it approved until now no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Whose; everybody's where none, after a restore of the log.
    pub organisation: Option<Oin>,
    /// Of one purpose; of all where none.
    pub purpose: Option<Name>,
    /// Of one grant of that purpose, by position in the manifest that was looked at.
    pub grant: Option<usize>,
    /// Digest of that manifest. Of another manifest the position says nothing, so there the whole approval is void.
    pub manifest: Option<[u8; 32]>,
    /// When: what was issued until then is void.
    pub at: Timestamp,
}

/// Why a signed withdrawal is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWithdrawal {
    /// The signature's form or value is wrong.
    #[error(transparent)]
    Signature(#[from] JwsError),
    /// The payload says neither all, nor a purpose, nor a grant with its manifest.
    #[error("the payload is not a withdrawal: `all`, or `purpose`, or `purpose`, `grant` and `manifest`")]
    Payload,
    /// It is for another deployment.
    #[error("the withdrawal is for another deployment")]
    OtherDeployment,
    /// The organisation has no such key.
    #[error("the organisation has no approver's key with this id and the role `holder` or `fg`")]
    UnknownKey,
    /// Issued later than now.
    #[error("the withdrawal is issued later than now; set the clock of the machine that signs")]
    NotYetIssued,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    deployment: String,
    organisation: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    all: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    iat: i64,
}

impl Withdrawal {
    /// Whether it is about this purpose.
    pub fn covers(&self, purpose: &Name) -> bool {
        self.purpose.as_ref().is_none_or(|one| one == purpose)
    }

    /// Whether it takes back what this organisation approved.
    pub fn is_by(&self, organisation: &Oin) -> bool {
        self.organisation.as_ref().is_none_or(|one| one == organisation)
    }

    /// Whether something issued then no longer holds. What was issued in the same second does not outlive it.
    pub fn voids(&self, issued_at: Timestamp) -> bool {
        issued_at <= self.at
    }

    /// The one grant that it takes from a purpose with this manifest; none where it takes the whole approval.
    pub fn grant_of(&self, manifest: &[u8; 32]) -> Option<usize> {
        self.grant.filter(|_| self.manifest == Some(*manifest))
    }

    /// Whether it takes this mandate back.
    pub fn ends(&self, signed: &SignedMandate) -> bool {
        self.purpose.is_none() && self.is_by(&signed.mandate.board) && self.voids(signed.issued_at)
    }

    /// Whether it is of the same as another one: the later of the two says all.
    pub fn is_of_same(&self, other: &Self) -> bool {
        let of = |one: &Self| (one.purpose.clone(), one.grant, one.manifest);
        self.organisation == other.organisation && of(self) == of(other)
    }

    /// Signs it with an approver's key of the organisation; its time is cut to the whole second.
    ///
    /// # Errors
    /// When it is nobody's, or the key cannot sign.
    pub fn sign(&self, deployment: &str, kid: &str, key: SigningKey<'_>) -> Result<String, JwsError> {
        let header = Header {
            alg: key.algorithm().name().to_owned(),
            kid: kid.to_owned(),
            typ: TYPE.to_owned(),
        };
        let grant = self.grant.map(u32::try_from).transpose();
        let payload = Payload {
            deployment: deployment.to_owned(),
            organisation: self.organisation.as_ref().ok_or(JwsError::Header)?.to_string(),
            all: self.purpose.is_none(),
            purpose: self.purpose.clone(),
            grant: grant.map_err(|_| JwsError::Header)?,
            manifest: self.manifest.as_ref().map(digest_text),
            iat: self.at.as_second(),
        };
        let canonical = |value: Result<Vec<u8>, serde_json::Error>| value.map_err(|_| JwsError::Header);
        let header = canonical(serde_json_canonicalizer::to_vec(&header))?;
        let payload = canonical(serde_json_canonicalizer::to_vec(&payload))?;
        jws::sign(&header, &payload, false, key)
    }

    /// Reads and verifies a signed withdrawal. It voids what was issued until the moment that it names and nothing later,
    /// so whoever sends it again changes nothing.
    ///
    /// # Errors
    /// Why it is none.
    pub fn verify(
        text: &str,
        deployment: &str,
        keys: &KeyList,
        now: Timestamp,
    ) -> Result<Self, InvalidWithdrawal> {
        if text.len() > SIGNED_BYTES_MAX {
            return Err(JwsError::Malformed.into());
        }
        let parts = Parts::parse(text)?;
        let header: Header = serde_json::from_slice(&parts.header).map_err(|_| JwsError::Header)?;
        if header.typ != TYPE {
            return Err(JwsError::Type.into());
        }
        let payload: Payload =
            serde_json::from_slice(&parts.payload).map_err(|_| InvalidWithdrawal::Payload)?;
        let withdrawal = payload.withdrawal().ok_or(InvalidWithdrawal::Payload)?;
        let may = |role: &ApproverRole| matches!(role, ApproverRole::Holder | ApproverRole::Fg);
        let organisation = withdrawal.organisation.as_ref();
        let signer = organisation
            .map(|organisation| keys.keys(organisation))
            .unwrap_or_default()
            .iter()
            .find(|key| key.kid == header.kid && key.roles.iter().any(may))
            .ok_or(InvalidWithdrawal::UnknownKey)?;
        parts.verify(&header.alg, &parts.payload, &signer.key)?;
        if payload.deployment != deployment {
            return Err(InvalidWithdrawal::OtherDeployment);
        }
        if withdrawal.at.duration_since(now) > AHEAD_MAX {
            return Err(InvalidWithdrawal::NotYetIssued);
        }
        Ok(Self {
            at: withdrawal.at.min(now),
            ..withdrawal
        })
    }
}

impl Payload {
    fn withdrawal(&self) -> Option<Withdrawal> {
        let manifest = match &self.manifest {
            None => None,
            Some(text) => Some(digest_of(text)?),
        };
        let whole = self.grant.is_none() && manifest.is_none();
        let sound = match (self.all, &self.purpose) {
            (true, None) => whole,
            (false, Some(_)) => whole || self.grant.is_some() && manifest.is_some(),
            _ => false,
        };
        sound.then_some(())?;
        Some(Withdrawal {
            organisation: Some(self.organisation.parse().ok()?),
            purpose: self.purpose.clone(),
            grant: self.grant.map(usize::try_from).transpose().ok()?,
            manifest,
            at: Timestamp::from_second(self.iat).ok()?,
        })
    }
}

#[cfg(test)]
mod tests;
