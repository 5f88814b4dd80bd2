//! Time stamps (RFC 3161) over the newest checkpoint: each hour one replica asks, keeps the token and appends an entry
//! that names it, so that the log itself says when it was stamped.
//!
//! What a crash leaves behind: a token without its entry, which proves the time all the same; or nothing, and the next
//! turn asks again.

use std::sync::Arc;

use doelpoort_core::audit::day::Day;
use doelpoort_core::audit::leaf::{Kind, Value, extra};
use doelpoort_core::audit::timestamp::{self, RESPONSE_BYTES_MAX, Stamp};
use tokio::sync::mpsc::WeakSender;

use super::committer::Pending;
use super::entry::random;
use super::health::Seconds;
use super::privacy::Privacy;
use super::publishing::Timestamps;
use super::shards::Shards;
use super::{Entry, Health, LogError};
use crate::clock::Clock;
use crate::outside::Outside;
use crate::store::published::{self, StoredStamp};
use crate::store::{Store, log as rows};

/// How soon an authority that failed is asked again.
const RETRY_US: i64 = 60_000_000;
/// How far the authority's clock and ours may be apart.
const APART_US_MAX: i64 = 300_000_000;
/// The decision in the entry of a stamp.
const STAMPED: &str = "time-stamped";

/// The task that asks.
pub(super) struct Stamps {
    pub(super) store: Store,
    pub(super) shards: Arc<Shards>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) health: Arc<Health>,
    pub(super) privacy: Arc<Privacy>,
    pub(super) settings: Timestamps,
    pub(super) outside: Outside,
    /// Where entries go; it does not keep the log open.
    pub(super) queue: WeakSender<Pending>,
}

impl Stamps {
    /// Asks until the log is closed or stops.
    pub(super) async fn run(self) {
        let mut seconds = Seconds::new(&self.health);
        while seconds.next().await {
            match seconds.within(self.turn()).await {
                None | Some(Err(LogError::Stopped)) => return,
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(why))) => tracing::warn!(why, "there is no time stamp"),
                Some(Err(error)) => tracing::warn!(%error, "there is no time stamp"),
            }
        }
    }

    /// Asks if it is due and this replica's turn. The inner error is the authority's.
    async fn turn(&self) -> Result<Result<(), String>, LogError> {
        self.health.check()?;
        let now_us = self.clock.now().as_microsecond();
        let shard = self.shards.current()?.number;
        let last = published::last_stamp(&self.store, shard).await?;
        let every = i64::try_from(self.settings.every.as_micros()).unwrap_or(i64::MAX);
        if last.is_some_and(|last| now_us.saturating_sub(last.made_us) < every && last.made_us <= now_us) {
            return Ok(Ok(()));
        }
        let Some(checkpoint) = rows::last_checkpoint(&self.store, shard).await? else {
            return Ok(Ok(()));
        };
        if !published::take_stamping(&self.store, shard, now_us, RETRY_US).await? {
            return Ok(Ok(()));
        }
        match self.ask(&checkpoint.note).await? {
            Ok(stamp) => self.keep(shard, checkpoint.size, stamp).await.map(Ok),
            Err(why) => Ok(Err(why)),
        }
    }

    async fn ask(&self, note: &str) -> Result<Result<Stamp, String>, LogError> {
        // Positive and of eight bytes, whatever is drawn.
        let nonce = (u64::from_be_bytes(random()?) >> 1) | (1 << 62);
        let imprint = timestamp::imprint(note);
        let Ok(request) = timestamp::request(&imprint, nonce) else {
            return Ok(Err("the request cannot be written".to_owned()));
        };
        let media_type = "application/timestamp-query";
        let answer = self
            .outside
            .post(&self.settings.url, media_type, request, RESPONSE_BYTES_MAX)
            .await;
        Ok(answer.and_then(|answer| {
            if answer.status != 200 {
                return Err(format!("the authority answered {}", answer.status));
            }
            let stamp = timestamp::accept(&answer.body, &imprint, nonce, &self.settings.authorities);
            let stamp = stamp.map_err(|error| error.to_string())?;
            let now_us = self.clock.now().as_microsecond();
            if (stamp.time_us - now_us).abs() > APART_US_MAX {
                return Err("the authority's clock and ours are more than 5 minutes apart".to_owned());
            }
            Ok(stamp)
        }))
    }

    async fn keep(&self, shard: i64, size: u64, stamp: Stamp) -> Result<(), LogError> {
        let digest = ring::digest::digest(&ring::digest::SHA256, &stamp.token);
        let mut entry = Entry::new(Kind::Anchor)?;
        entry.event.decision = Some(STAMPED.to_owned());
        let anchored = self.shards.all().into_iter().find(|one| one.number == shard);
        let time_us = u64::try_from(stamp.time_us).unwrap_or_default();
        entry.event.extra.extend([
            (extra::ANCHORED_SIZE, Value::Number(size)),
            (extra::ANCHOR_TIME, Value::Number(time_us)),
            (extra::ANCHOR_DIGEST, Value::Bytes(digest.as_ref().to_vec())),
        ]);
        // By the time it is appended the next shard may have begun.
        let origin = anchored.map(|one| (extra::SHARD, Value::Text(one.origin().to_owned())));
        entry.event.extra.extend(origin);
        let stored = StoredStamp {
            size,
            time_us: stamp.time_us,
            token: stamp.token,
            made_us: self.clock.now().as_microsecond(),
        };
        published::insert_stamp(&self.store, shard, &stored).await?;
        let today = Day::of(stored.made_us);
        let (pending, _, waiting) = Pending::new(entry, &self.privacy, today)?;
        let queue = self.queue.upgrade().ok_or(LogError::Unavailable)?;
        queue.send(pending).await.map_err(|_| LogError::Unavailable)?;
        waiting.await.map_err(|_| LogError::Unavailable)?.map(drop)
    }
}
