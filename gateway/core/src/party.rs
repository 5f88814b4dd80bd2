//! Parties: who an organisation is.

use serde::{Deserialize, Serialize};

/// What sort of organisation a party is; decides what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganisationKind {
    /// A municipality (gemeente).
    Municipality,
    /// A school board (bevoegd gezag).
    SchoolBoard,
    /// A partnership for inclusive education (samenwerkingsverband).
    Swv,
    /// A vendor acting for school boards under a mandate.
    Vendor,
    /// Public reference data, held by nobody in particular.
    Public,
}
