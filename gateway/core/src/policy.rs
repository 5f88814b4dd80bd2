//! The policies in force: catalogue, organisations, purposes with their approvals, mandates.

pub mod approval;
pub mod jws;

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::catalogue::{Catalogue, Name};
use crate::party::{Oin, Organisations, Slug};
use crate::purpose::Purpose;

pub use approval::ApprovalRole;

/// Everything that decides what may be asked. Made whole or not at all.
#[derive(Clone, Debug)]
pub struct Policies {
    /// Datasets, hierarchies and populations.
    pub catalogue: Catalogue,
    /// Who takes part.
    pub organisations: Organisations,
    /// All purposes that were loaded, acting or not.
    pub purposes: BTreeMap<Name, Standing>,
    /// Verified mandates.
    pub mandates: Vec<Mandate>,
    /// SHA-256 over everything that was loaded.
    pub digest: [u8; 32],
}

/// A purpose and whether it acts.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The purpose.
    pub purpose: Purpose,
    /// SHA-256 of its manifest, which approvals sign.
    pub manifest_digest: [u8; 32],
    /// Whether it acts.
    pub state: StandingState,
}

/// Whether a purpose acts. Its days of validity are checked apart, at each decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingState {
    /// All required approvals are there and valid.
    Active {
        /// The first moment at which an approval expires.
        until: Option<jiff::Timestamp>,
    },
    /// Approvals are missing or invalid; the purpose grants nothing.
    Asleep {
        /// Whose approval is missing and why.
        missing: Vec<Missing>,
    },
}

/// A required approval that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Whose.
    pub organisation: Slug,
    /// In which role.
    pub role: ApprovalRole,
    /// Why it does not count.
    pub reason: String,
}

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

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
