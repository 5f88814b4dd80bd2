//! How fresh what others can check is: signed checkpoints, cosignatures, time stamps. Too old, and nothing is answered
//! any more: an answer that nobody outside could hold us to is not given.

use std::sync::Arc;
use std::time::Duration;

use super::health::Seconds;
use super::publishing::Publishing;
use super::shards::Shards;
use super::{Health, LogError, Parts, Started, quorum};
use crate::clock::Clock;
use crate::store::published;
use crate::store::{Store, log as rows};

/// The ages, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// How long the oldest entry without a signed checkpoint has been seen to wait; 0 where all have one.
    pub checkpoint_age_s: i64,
    /// Since a quorum cosigned; `None` where no witness is asked.
    pub quorum_age_s: Option<i64>,
    /// Since the last time stamp; `None` where no authority is asked.
    pub stamp_age_s: Option<i64>,
    /// Why nothing is answered; `None` while all is fresh enough.
    pub stale: Option<Stale>,
}

/// What is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// Entries are without a signed checkpoint for too long.
    Checkpoint,
    /// No quorum has cosigned a checkpoint with this start of the gateway yet.
    NotWitnessed,
    /// The last quorum is too old.
    Quorum,
    /// The last time stamp is too old.
    Stamp,
}

impl Stale {
    /// What it is, and the setting that decides.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "no checkpoint was signed for longer than `publish.checkpoint_age_s_max`",
            Self::NotWitnessed => "no quorum of witnesses has cosigned this start of the gateway yet",
            Self::Quorum => "no quorum of witnesses cosigned for longer than `publish.quorum_age_s_max`",
            Self::Stamp => "there was no time stamp for longer than `publish.timestamp_age_s_max`",
        }
    }
}

/// The task that looks.
pub(super) struct Watch {
    store: Store,
    shards: Arc<Shards>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    publishing: Arc<Publishing>,
    started: Started,
    /// What was seen last; ages count on while nothing can be read.
    seen: Seen,
    alarmed: bool,
}

struct Seen {
    /// A size of a shard without a checkpoint, and when it was seen first.
    behind: Option<(Started, i64)>,
    quorum_us: Option<i64>,
    is_witnessed: bool,
    /// The last stamp; the start of the process where there is none.
    stamp_us: i64,
}

impl Watch {
    /// Looks a first time.
    pub(super) async fn start(
        (store, shards, clock, health): Parts,
        publishing: Arc<Publishing>,
        started: Started,
    ) -> Result<Self, LogError> {
        let seen = Seen {
            behind: None,
            quorum_us: None,
            is_witnessed: !publishing.policy.needs_witnesses(),
            stamp_us: clock.now().as_microsecond(),
        };
        let mut watch = Self {
            store,
            shards,
            clock,
            health,
            publishing,
            started,
            seen,
            alarmed: false,
        };
        watch.look(quorum::LONG_AGO).await?;
        watch.judge();
        Ok(watch)
    }

    /// Looks until the log is closed.
    pub(super) async fn run(mut self) {
        let mut seconds = Seconds::new(&self.health);
        while seconds.next().await {
            if let Err(error) = self.look(quorum::RECENT).await {
                tracing::warn!(%error, "it cannot be seen how fresh the audit log's checkpoints are");
            }
            self.judge();
        }
    }

    async fn look(&mut self, cosignatures_max: i64) -> Result<(), LogError> {
        let now_us = self.clock.now().as_microsecond();
        let shard = self.shards.current()?.number;
        let signed = self.signed(shard).await?;
        let size = rows::head(&self.store, shard).await?.map_or(0, |head| head.size);
        self.seen.behind = match self.seen.behind {
            // An entry of a shard that was closed since waits for its checkpoint as well.
            Some((at, since)) if self.signed(at.shard).await? < at.size => Some((at, since)),
            _ => (size > signed).then_some((Started { shard, size }, now_us)),
        };
        // A shard that is new has none for its first minute: the last of the one before counts on.
        let policy = &self.publishing.policy;
        if let Some(quorum) = quorum::last(&self.store, policy, shard, cosignatures_max).await? {
            self.health.set_quorum(quorum);
            self.seen.quorum_us = Some(quorum.made_us);
            self.seen.is_witnessed |= quorum.has_seen(self.started);
        }
        if self.publishing.timestamps.is_some()
            && let Some(last) = published::last_stamp(&self.store, shard).await?
        {
            self.seen.stamp_us = last.made_us;
        }
        Ok(())
    }

    /// Up to where a shard is signed.
    async fn signed(&self, shard: i64) -> Result<u64, LogError> {
        let last = rows::last_checkpoint(&self.store, shard).await?;
        Ok(last.map_or(0, |checkpoint| checkpoint.size))
    }

    /// Ages from what was seen last, and whether one is too much.
    fn judge(&mut self) {
        let now_us = self.clock.now().as_microsecond();
        let age = |since_us: i64| now_us.saturating_sub(since_us).max(0) / 1_000_000;
        let over = |age: i64, max: Duration| u64::try_from(age).is_ok_and(|age| age > max.as_secs());
        let checkpoint_age_s = self.seen.behind.map_or(0, |(_, since)| age(since));
        let needs_witnesses = self.publishing.policy.needs_witnesses();
        let quorum_age_s = self.seen.quorum_us.filter(|_| needs_witnesses).map(age);
        let stamps = self.publishing.timestamps.as_ref();
        let stamp_age_s = stamps.map(|_| age(self.seen.stamp_us));
        let stale = if over(checkpoint_age_s, self.publishing.checkpoint_age_max) {
            Some(Stale::Checkpoint)
        } else if needs_witnesses && !self.seen.is_witnessed {
            Some(Stale::NotWitnessed)
        } else if quorum_age_s.is_some_and(|age| over(age, self.publishing.quorum_age_max)) {
            Some(Stale::Quorum)
        } else if stamp_age_s
            .zip(stamps)
            .is_some_and(|(age, stamps)| over(age, stamps.age_max))
        {
            Some(Stale::Stamp)
        } else {
            None
        };
        self.alarm(
            over(checkpoint_age_s, self.publishing.checkpoint_alarm),
            checkpoint_age_s,
        );
        self.health.set_freshness(Freshness {
            checkpoint_age_s,
            quorum_age_s,
            stamp_age_s,
            stale,
        });
        self.health.set_witnessed(self.seen.is_witnessed);
    }

    fn alarm(&mut self, late: bool, age_s: i64) {
        if late && !self.alarmed {
            tracing::error!(age_s, "entries of the audit log are without a signed checkpoint");
        } else if !late && self.alarmed {
            tracing::info!("the audit log has a signed checkpoint again");
        }
        self.alarmed = late;
    }
}
