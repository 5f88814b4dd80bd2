//! What an auditor makes of the log: bundles, proofs, exports, alerts, samples and reports. It reads the log, from
//! the database or from a bundle, and never writes to it.

mod alerts;
mod bundle;
mod collector;
mod entries;
mod error;
mod export;
mod opened;
mod prove;
mod sample;

pub use alerts::alerts;
pub use bundle::write_bundle;
pub use collector::{Collector, CollectorError};
pub use entries::{Entries, Entry, Pages};
pub use error::AuditError;
pub use export::{Export, Form, OpenPrivate, Opened};
pub use opened::opening;
pub use prove::{Wanted, prove};
pub use sample::{Line, Sample, draw, first_checkpoint_after, last_checkpoint};
