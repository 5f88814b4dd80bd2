//! Why the log could not be read, or something of it not be made.

use std::io;

use doelpoort_core::audit::checkpoint::CheckpointError;
use doelpoort_core::audit::leaf::LeafError;
use doelpoort_core::audit::sample::SampleError;
use doelpoort_verify::{ReadError, WriteError};
use tokio::task::JoinError;

use crate::otlp::CollectorError;
use crate::store::StoreError;

/// Why an auditor's command failed.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no log in the database.
    #[error("there is no audit log in this database")]
    NoLog,
    /// There is no shard of this label.
    #[error("the log has no shard `{0}`: `doelpoort audit shard list` tells which there are")]
    NoShard(String),
    /// Nothing was signed yet.
    #[error("the log has no signed checkpoint yet: start the gateway once, and it publishes one")]
    NoCheckpoint,
    /// A thread that reads the log ended badly: a defect of ours.
    #[error("the reading of the log broke off")]
    Thread(#[from] JoinError),
    /// The bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] ReadError),
    /// The bundle cannot be written.
    #[error(transparent)]
    WriteBundle(#[from] WriteError),
    /// Something else cannot be written or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file cannot be opened.
    #[error("cannot read `{file}`: {error}")]
    File {
        /// Its name.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// CSV cannot be written.
    #[error("cannot write: {0}")]
    Csv(#[from] csv::Error),
    /// JSON cannot be written.
    #[error("cannot write: {0}")]
    Json(#[from] serde_json::Error),
    /// The collector of records.
    #[error("{error}; what came before entry `{before}` is confirmed")]
    Collector {
        /// What happened.
        error: CollectorError,
        /// The index of the entry up to which all is confirmed.
        before: u64,
    },
    /// A checkpoint is refused.
    #[error(transparent)]
    Checkpoint(CheckpointError),
    /// A sample cannot be drawn.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// Nothing was signed since a sample was announced.
    #[error("there is no checkpoint larger than `{after}` yet: the next one draws the sample")]
    NoLaterCheckpoint {
        /// The size at the announcement.
        after: u64,
    },
    /// A leaf that cannot be read.
    #[error(
        "the entry at index `{index}` cannot be read ({error}): `audit verify` says what is wrong with the log"
    )]
    Leaf {
        /// Its number.
        index: u64,
        /// Why.
        error: LeafError,
    },
    /// A private part that does not open, or is another's.
    #[error("the entry at index `{index}`: {error}")]
    Private {
        /// Its number.
        index: u64,
        /// Why.
        error: String,
    },
    /// An entry is not there.
    #[error("the entry at index `{0}` is missing: `audit verify` says what is wrong with the log")]
    Missing(u64),
    /// An entry that was asked for does not exist, or is not covered by a checkpoint yet.
    #[error("no such entry among the `{size}` that the last checkpoint is signed over")]
    NoSuchEntry {
        /// The size of the last checkpoint.
        size: u64,
    },
    /// The leaf hashes do not give the root of the checkpoint.
    #[error("the leaf hashes do not give the signed root: `audit verify` says what is wrong with the log")]
    Root,
}
