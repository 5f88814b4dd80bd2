//! What an auditor makes of the log: bundles, proofs, exports, alerts, samples and reports. It reads the log, from
//! the database or from a bundle, and never writes to it.

mod bundle;
mod entries;
mod error;
mod prove;

pub use bundle::write_bundle;
pub use entries::{Entries, Entry};
pub use error::AuditError;
pub use prove::{Wanted, prove};
