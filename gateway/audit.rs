//! What an auditor makes of the log: bundles, proofs, exports, alerts, samples and reports. It reads the log, from
//! the database or from a bundle, and never writes to it.

mod alerts;
mod bundle;
mod entries;
mod error;
mod export;
mod ods;
mod opened;
mod pages;
mod prove;
mod sample;

pub use alerts::alerts;
pub use bundle::{Bundled, write_bundle};
pub use entries::{Entries, Entry, PublishedShard};
pub use error::AuditError;
pub use export::{Export, Form, OpenPrivate, Opened};
pub use ods::{MEDIA_TYPE as ODS, Ods};
pub use opened::opening;
pub use pages::{Pages, RawEntry, RawPages};
pub use prove::{Wanted, proof, prove};
pub use sample::{
    Line, Numbered as NumberedCheckpoint, Sample, draw, first_checkpoint_after, last_checkpoint,
};
