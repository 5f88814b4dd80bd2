//! The policies in force: catalogue, organisations, purposes with their approvals, mandates.

pub mod approval;
pub mod decide;
pub mod fg_keys;
pub mod history;
pub mod jws;
pub mod key_list;
pub mod load;
pub mod mandate;
pub mod manifest;
mod standing;
#[cfg(test)]
pub(crate) mod tests;
pub mod tools;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::catalogue::{Catalogue, Name};
use crate::party::{Oin, Organisations};

pub use approval::{ApprovalRole, InvalidApproval};
pub use fg_keys::FgKeys;
pub use history::{History, Withdrawal};
pub use key_list::KeyList;
pub use load::{Draft, PolicyError, PolicyFiles};
pub use mandate::Mandate;
pub use manifest::Manifest;
pub use standing::{Approvals, Dormant, Missing, Standing, StandingState};

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
    /// What signatures were checked with.
    pub evidence: Evidence,
}

/// What signatures were checked with.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The approvers' keys.
    pub keys: KeyList,
    /// When each of the mandates was signed, in their order.
    mandates_issued: Vec<Timestamp>,
}

impl Policies {
    /// The mandate under which a vendor acts for a board with a dataset on a day.
    pub fn mandate(&self, vendor: &Oin, board: &Oin, dataset: &Name, day: Date) -> Option<&Mandate> {
        self.mandates
            .iter()
            .find(|mandate| mandate.covers(vendor, board, dataset, day))
    }

    /// The same policies without what was withdrawn: approvals, and for who withdrew all, its mandates.
    #[must_use]
    pub fn after(mut self, withdrawals: &[Withdrawal], now: Timestamp) -> Self {
        for withdrawal in withdrawals {
            for standing in self.purposes.values_mut() {
                standing.withdraw(withdrawal, now);
            }
            if withdrawal.purpose.is_none() {
                self.withdraw_mandates(withdrawal);
            }
        }
        self
    }

    fn withdraw_mandates(&mut self, withdrawal: &Withdrawal) {
        let issued = std::mem::take(&mut self.evidence.mandates_issued);
        let mandates = std::mem::take(&mut self.mandates);
        let stands = |(mandate, issued): &(Mandate, Timestamp)| {
            mandate.board != withdrawal.organisation || !withdrawal.voids(*issued)
        };
        (self.mandates, self.evidence.mandates_issued) =
            mandates.into_iter().zip(issued).filter(stands).unzip();
    }
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
