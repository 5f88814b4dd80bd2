//! What can go wrong with the log. Every one of them means: no answer.

use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::LeafError;
use doelpoort_core::audit::merkle::FrontierError;
use doelpoort_core::audit::retention::InvalidOrder;

use super::sealing::SealingError;
use crate::store::StoreError;

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The entry is not known to be durable. It may be in the log nevertheless; the answer is not given.
    #[error("the audit log did not confirm the entry in time")]
    Unavailable,
    /// The clock was set: the entry would not bear the time at which it was made.
    #[error("the clock of this machine jumped by `{seconds}` s since the start")]
    ClockJumped {
        /// By how much; negative is back.
        seconds: i64,
    },
    /// At start: the last entry of the log is later than this machine's clock.
    #[error(
        "the last entry of the audit log is `{seconds}` s later than this machine's clock: set the clock, or see \"The \
         clock\" in docs/operations.md where an entry has the wrong time"
    )]
    ClockBehind {
        /// By how much.
        seconds: i64,
    },
    /// At start: the last entry of the log is so old that this machine's clock is more likely wrong.
    #[error(
        "the last entry of the audit log is `{days}` days older than this machine's clock: set the clock; if the gateway \
         was off for so long, raise `publish.idle_s_max` for this start"
    )]
    ClockFarAhead {
        /// By how much.
        days: u64,
    },
    /// The policies changed between the decision and the append.
    #[error("the policies changed while the request was answered")]
    PolicyChanged,
    /// An effect of the entry cannot take place; neither it nor the entry is stored.
    #[error("an effect of the entry failed: {0}")]
    Effect(#[source] StoreError),
    /// The entry is no leaf: a defect of ours.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// What others can check of the log is too old: nothing is answered until it is fresh again.
    #[error("what others can check of the audit log is too old")]
    Stale,
    /// The log is not what it was: nothing is appended any more.
    #[error("the audit log stopped")]
    Stopped,
    /// At start: the database may lose what it acknowledged.
    #[error("the database may lose commits: `{setting}` is `{value}`")]
    NotDurable {
        /// The setting.
        setting: String,
        /// Its value.
        value: String,
    },
    /// At start: the log in the database belongs to another key.
    #[error("the log `{origin}` in the database has another name or key than the configured one")]
    OtherKey {
        /// Its name.
        origin: String,
    },
    /// At start: a shard of the log is gone.
    #[error("shard `{number}` of the audit log is missing in the database")]
    NoShard {
        /// Its number, from 1.
        number: i64,
    },
    /// At start: an operator closed the log, and opened no other shard.
    #[error("the audit log was closed: open the next shard with `doelpoort audit shard open`")]
    Closed,
    /// The data protection officer has made no key for a month: nothing can be sealed.
    #[error(
        "the data protection officer's keys have none for `{month}`; have new ones signed and put in place"
    )]
    NoFgKey {
        /// The month.
        month: Month,
    },
    /// An order to destroy private parts does not count.
    #[error(transparent)]
    Order(#[from] InvalidOrder),
    /// Sealing to the data protection officer failed.
    #[error("the private part {0}")]
    Sealing(#[from] SealingError),
    /// At start: it cannot be published as configured.
    #[error("`publish`: {0}")]
    Publishing(String),
    /// The machine gave no random bytes.
    #[error("no randomness")]
    Randomness,
    /// Outside an append: the database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FrontierError> for LogError {
    fn from(_: FrontierError) -> Self {
        Self::Stopped
    }
}
