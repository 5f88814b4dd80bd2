//! The policies in force: catalogue, organisations, purposes with their approvals, mandates.

pub mod approval;
pub mod decide;
pub mod jws;
pub mod load;
pub mod mandate;
pub mod manifest;
#[cfg(test)]
pub(crate) mod tests;
pub mod tools;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalogue::{Catalogue, Name};
use crate::party::{Oin, Organisations, Slug};
use crate::purpose::Purpose;

pub use approval::{ApprovalRole, InvalidApproval};
pub use load::{Draft, PolicyError, PolicyFiles};
pub use mandate::Mandate;
pub use manifest::Manifest;

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

/// A purpose and whether it is approved.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The purpose.
    pub purpose: Purpose,
    /// SHA-256 of its manifest, which approvals sign.
    pub manifest_digest: [u8; 32],
    /// Whether it is approved.
    pub state: StandingState,
}

/// Whether a purpose is approved by everybody whose approval it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingState {
    /// All required approvals are there and valid.
    Active {
        /// The first moment at which one of them expires.
        until: Timestamp,
    },
    /// Approvals are missing or invalid; the purpose grants nothing.
    Asleep {
        /// Whose, and why.
        missing: Vec<Missing>,
    },
}

/// A required approval that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Whose.
    pub organisation: Slug,
    /// In which role.
    pub role: ApprovalRole,
    /// Why.
    pub reason: InvalidApproval,
}

/// Why a purpose does not act at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dormant {
    /// Approvals are missing, invalid or have expired.
    Asleep,
    /// Its first day is still to come.
    NotYetValid,
    /// Its last day is past.
    Expired,
}

impl Standing {
    /// Whether the purpose acts at `now`: approved, and within its days (counted in UTC).
    pub fn acts(&self, now: Timestamp) -> Result<(), Dormant> {
        let day = now.to_zoned(TimeZone::UTC).date();
        match self.state {
            StandingState::Asleep { .. } => Err(Dormant::Asleep),
            StandingState::Active { until } if until <= now => Err(Dormant::Asleep),
            StandingState::Active { .. } if day < self.purpose.valid.from => Err(Dormant::NotYetValid),
            StandingState::Active { .. } if day > self.purpose.valid.until => Err(Dormant::Expired),
            StandingState::Active { .. } => Ok(()),
        }
    }
}

impl Policies {
    /// The mandate under which a vendor acts for a board with a dataset on a day.
    pub fn mandate(&self, vendor: &Oin, board: &Oin, dataset: &Name, day: Date) -> Option<&Mandate> {
        self.mandates
            .iter()
            .find(|mandate| mandate.covers(vendor, board, dataset, day))
    }
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
