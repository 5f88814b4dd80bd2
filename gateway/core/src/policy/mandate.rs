//! Mandates: a board's signed statement that a vendor acts for it (AVG 28). A mandate grants nothing by
//! itself; the purpose of the delivery does.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::jws::{self, JwsError, Parts, SigningKey};
use super::{Draft, sha256};
use crate::catalogue::Name;
use crate::party::{ApproverRole, Oin, Organisation, OrganisationKind, Organisations};

const TYPE: &str = "doelpoort-mandate+jwt";

/// A board's statement that a vendor acts for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// Who acts.
    pub vendor: Oin,
    /// For whom.
    pub board: Oin,
    /// For which datasets.
    pub datasets: Vec<Name>,
    /// First day.
    pub from: Date,
    /// Last day, inclusive.
    pub until: Date,
    /// Reference of the processing agreement (AVG 28).
    pub agreement: String,
}

/// A mandate whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMandate {
    /// What the board says.
    pub mandate: Mandate,
    /// When it said so.
    pub issued_at: Timestamp,
    /// SHA-256 of what was signed: another one is another mandate.
    pub digest: [u8; 32],
}

/// Why a mandate is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMandate {
    /// The signature's form or value is wrong.
    #[error(transparent)]
    Signature(#[from] JwsError),
    /// The payload is not a mandate.
    #[error("the payload is not a mandate")]
    Payload,
    /// It is for another deployment.
    #[error("the mandate is for another deployment")]
    OtherDeployment,
    /// There is no such vendor.
    #[error("no vendor has the OIN `{0}`")]
    UnknownVendor(Oin),
    /// There is no such board.
    #[error("no school board has the OIN `{0}`")]
    UnknownBoard(Oin),
    /// There is no such dataset.
    #[error("unknown dataset `{0}`")]
    UnknownDataset(Name),
    /// The board has no such key for mandates.
    #[error("the board has no key with this id for mandates")]
    UnknownKey,
    /// Issued later than now.
    #[error("the mandate is not yet issued")]
    NotYetIssued,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    deployment: String,
    vendor: String,
    board: String,
    datasets: Vec<Name>,
    from: Date,
    until: Date,
    agreement: String,
    iat: i64,
}

impl Mandate {
    /// Whether it covers this dataset on this day.
    pub fn covers(&self, vendor: &Oin, board: &Oin, dataset: &Name, day: Date) -> bool {
        self.vendor == *vendor
            && self.board == *board
            && self.datasets.contains(dataset)
            && self.from <= day
            && day <= self.until
    }

    /// Signs it with a key of the board; the text of its file.
    pub fn sign(
        &self,
        deployment: &str,
        issued_at: Timestamp,
        kid: &str,
        key: SigningKey<'_>,
    ) -> Result<String, JwsError> {
        let payload = Payload {
            deployment: deployment.to_owned(),
            vendor: self.vendor.to_string(),
            board: self.board.to_string(),
            datasets: self.datasets.clone(),
            from: self.from,
            until: self.until,
            agreement: self.agreement.clone(),
            iat: issued_at.as_second(),
        };
        jws::sign_document(TYPE, kid, &payload, key)
    }

    /// Verifies a mandate's text against the parties, the approvers' keys and the catalogue. Its days are checked at each
    /// use.
    ///
    /// # Errors
    /// Why it is none.
    pub fn verify(
        text: &str,
        deployment: &str,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<SignedMandate, InvalidMandate> {
        let (organisations, catalogue) = (&draft.organisations, &draft.catalogue);
        let parts = Parts::parse(text)?;
        let header = parts.header_of(TYPE)?;
        let payload: Payload = serde_json::from_slice(&parts.payload).map_err(|_| InvalidMandate::Payload)?;
        let mandate = payload.mandate()?;
        let board = party(organisations, &mandate.board, OrganisationKind::SchoolBoard);
        let board = board.ok_or_else(|| InvalidMandate::UnknownBoard(mandate.board.clone()))?;
        let approver = draft
            .keys
            .keys(&board.oin)
            .iter()
            .find(|key| key.kid == header.kid && key.roles.contains(&ApproverRole::Mandate))
            .ok_or(InvalidMandate::UnknownKey)?;
        parts.verify(&header.alg, &parts.payload, &approver.key)?;
        if payload.deployment != deployment {
            return Err(InvalidMandate::OtherDeployment);
        }
        if payload.iat > now.as_second() {
            return Err(InvalidMandate::NotYetIssued);
        }
        if party(organisations, &mandate.vendor, OrganisationKind::Vendor).is_none() {
            return Err(InvalidMandate::UnknownVendor(mandate.vendor));
        }
        if let Some(unknown) = mandate
            .datasets
            .iter()
            .find(|name| catalogue.dataset(name).is_none())
        {
            return Err(InvalidMandate::UnknownDataset(unknown.clone()));
        }
        let issued_at = Timestamp::from_second(payload.iat).map_err(|_| InvalidMandate::Payload)?;
        Ok(SignedMandate {
            mandate,
            issued_at,
            digest: signed_digest(&parts.payload),
        })
    }
}

/// The digest by which a mandate is known once it is verified.
pub(super) fn signed_digest(payload: &[u8]) -> [u8; 32] {
    sha256(payload)
}

impl Payload {
    fn mandate(&self) -> Result<Mandate, InvalidMandate> {
        let oin = |text: &str| text.parse::<Oin>().map_err(|_| InvalidMandate::Payload);
        let valid = self.from <= self.until && !self.datasets.is_empty() && !self.agreement.trim().is_empty();
        if !valid {
            return Err(InvalidMandate::Payload);
        }
        Ok(Mandate {
            vendor: oin(&self.vendor)?,
            board: oin(&self.board)?,
            datasets: self.datasets.clone(),
            from: self.from,
            until: self.until,
            agreement: self.agreement.clone(),
        })
    }
}

fn party<'o>(
    organisations: &'o Organisations,
    oin: &Oin,
    kind: OrganisationKind,
) -> Option<&'o Organisation> {
    organisations.by_oin(oin).filter(|party| party.kind == kind)
}
