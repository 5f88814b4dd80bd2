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
pub mod revocation;
mod standing;
#[cfg(test)]
pub(crate) mod tests;
pub mod tools;
pub mod withdrawal;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::catalogue::{Catalogue, Name};
use crate::party::{Oin, Organisations};
use crate::scope::SitePartnerships;

pub use approval::{ApprovalRole, InvalidApproval};
pub use fg_keys::FgKeys;
pub use history::{History, LoggedPurpose};
pub use key_list::KeyList;
pub use load::{Draft, PolicyError, PolicyFiles};
pub use mandate::{Mandate, SignedMandate};
pub use manifest::Manifest;
pub use standing::{Approvals, Dormant, Missing, Standing, StandingState};
pub use withdrawal::Withdrawal;

/// Everything that decides what may be asked. Made whole or not at all.
#[derive(Clone, Debug)]
pub struct Policies {
    /// Datasets, hierarchies and populations.
    pub catalogue: Catalogue,
    /// Who takes part.
    pub organisations: Organisations,
    /// To which partnership each school site belongs.
    pub partnerships: SitePartnerships,
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
    /// The mandates as they were signed, withdrawn or not.
    mandates: Vec<SignedMandate>,
}

impl Policies {
    /// The mandate under which a vendor acts for a board with a dataset on a day.
    pub fn mandate(&self, vendor: &Oin, board: &Oin, dataset: &Name, day: Date) -> Option<&Mandate> {
        self.mandates
            .iter()
            .find(|mandate| mandate.covers(vendor, board, dataset, day))
    }

    /// The same policies without what was withdrawn: approvals, and for who withdrew all, its mandates. It begins with
    /// what was signed each time, so that it may be done again with the same withdrawals or more.
    #[must_use]
    pub fn after(mut self, withdrawals: &[Withdrawal], now: Timestamp) -> Self {
        for standing in self.purposes.values_mut() {
            standing.rest_on(withdrawals, now);
        }
        let stands = |signed: &&SignedMandate| !withdrawals.iter().any(|one| one.ends(signed));
        let standing = self.evidence.mandates.iter().filter(stands);
        self.mandates = standing.map(|signed| signed.mandate.clone()).collect();
        self
    }

    /// Whether anything that stands would no longer stand after this withdrawal.
    pub fn are_changed_by(&self, withdrawal: &Withdrawal) -> bool {
        let ends =
            |signed: &SignedMandate| withdrawal.ends(signed) && self.mandates.contains(&signed.mandate);
        self.purposes
            .values()
            .any(|standing| standing.is_changed_by(withdrawal))
            || self.evidence.mandates.iter().any(ends)
    }

    /// Whether an organisation has a part in anything: a purpose asks for its approval, or it signed a mandate.
    pub fn involve(&self, organisation: &Oin) -> bool {
        let asks = |standing: &Standing| standing.asks(organisation);
        let mut mandates = self.evidence.mandates.iter();
        self.purposes.values().any(asks) || mandates.any(|signed| signed.mandate.board == *organisation)
    }

    /// Whether a purpose sleeps because an approval was too early when it was read, and that moment has come.
    pub fn could_wake(&self, now: Timestamp) -> bool {
        self.purposes.values().any(|standing| standing.could_wake(now))
    }
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
