//! Asking the witnesses (C2SP tlog-witness) to cosign the newest checkpoint, each on its own: at the start, when the log
//! has grown, and once an hour in any case.
//!
//! A shard that was closed is asked for until each has cosigned it to its end.
//!
//! A witness that has cosigned another history, or a longer one than there is, contradicts us. One alone may err or lie;
//! when so many do that they would be a quorum, this log is not what it was, and stops.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use doelpoort_core::audit::quorum::Witness;
use futures_util::future::join_all;

use super::health::Seconds;
use super::publishing::Publishing;
use super::shards::Shards;
use super::tiles::consistency;
use super::{Health, LogError, Parts, Started};
use crate::clock::Clock;
use crate::outside::{Answer, Outside};
use crate::store::published::{self, StoredCosignature};
use crate::store::{Store, log as rows};

/// How soon a witness is asked again while this start of the gateway was not witnessed yet.
const RETRY: Duration = Duration::from_secs(5);
/// How old a cosignature under the newest checkpoint may become before another is asked for.
const COSIGNATURE_AGE_MAX: Duration = Duration::from_hours(1);
/// The longest answer of a witness, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How often one witness is asked in a row: again after it told its size.
const ATTEMPTS_MAX: usize = 2;

/// The task that asks.
pub(super) struct Witnesses {
    store: Store,
    shards: Arc<Shards>,
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    publishing: Arc<Publishing>,
    outside: Outside,
    started: Started,
    /// When each was asked last about each shard, in µs, and whether it contradicted us then.
    asked: HashMap<(i64, usize), (i64, bool)>,
}

/// What a witness said.
enum Said {
    Cosigned,
    Contradicted(String),
    Failed(String),
}

impl Witnesses {
    pub(super) fn new(
        (store, shards, clock, health): Parts,
        publishing: Arc<Publishing>,
        outside: Outside,
        started: Started,
    ) -> Self {
        Self {
            store,
            shards,
            clock,
            health,
            publishing,
            outside,
            started,
            asked: HashMap::new(),
        }
    }

    /// Asks until the log is closed or stops.
    pub(super) async fn run(mut self) {
        let mut seconds = Seconds::new(&self.health);
        while seconds.next().await {
            match seconds.within(self.turn()).await {
                None | Some(Err(LogError::Stopped)) => return,
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(%error, "the witnesses could not be asked"),
            }
        }
    }

    /// Asks about the last shard, and about the one before until that is cosigned to its end.
    async fn turn(&mut self) -> Result<(), LogError> {
        self.health.check()?;
        let all = self.shards.all();
        let Some((last, before)) = all.split_last() else {
            return Ok(());
        };
        if let Some(before) = before.last() {
            let head = rows::head(&self.store, before.number).await?;
            let end = rows::last_checkpoint(&self.store, before.number).await?;
            // One that was closed after a restore is never signed to its end.
            if let (Some(head), Some(end)) = (head, end)
                && end.size == head.size
            {
                self.ask_all(before.number, end.size, true).await?;
            }
        }
        let Some(newest) = rows::last_checkpoint(&self.store, last.number).await? else {
            return Ok(());
        };
        let waits = Started {
            shard: last.number,
            size: newest.size,
        };
        if !self.health.is_witnessed() && (waits.shard, waits.size) < (self.started.shard, self.started.size)
        {
            // The next checkpoint is what this start waits for.
            return Ok(());
        }
        self.ask_all(last.number, newest.size, false).await
    }

    /// Asks all who are due, at once.
    async fn ask_all(&mut self, shard: i64, size: u64, is_closed: bool) -> Result<(), LogError> {
        let now_us = self.clock.now().as_microsecond();
        let under = published::cosignatures(&self.store, shard, size, i64::from(u16::MAX)).await?;
        let due: Vec<(usize, &Witness)> = self
            .publishing
            .policy
            .witnesses
            .iter()
            .enumerate()
            .filter(|(place, witness)| {
                let tried = self.asked.get(&(shard, *place)).map(|(tried, _)| *tried);
                let key = witness.key.to_text();
                let is_done = is_closed && under.iter().any(|one| one.size == size && one.witness == key);
                witness.url.is_some() && !is_done && self.is_due(witness, &under, size, tried, now_us)
            })
            .collect();
        let said = join_all(due.iter().map(|(_, witness)| self.ask(shard, witness))).await;
        let places: Vec<usize> = due.iter().map(|(place, _)| *place).collect();
        for (place, said) in places.into_iter().zip(said) {
            self.hear((shard, place), said?, now_us);
        }
        let against: BTreeSet<usize> = self
            .asked
            .iter()
            .filter(|((about, _), (_, against))| *about == shard && *against)
            .map(|((_, place), _)| *place)
            .collect();
        if !against.is_empty()
            && self.publishing.policy.needs_witnesses()
            && self.publishing.policy.is_met(&against)
        {
            return Err(self
                .health
                .stop("the witnesses have seen another history of this log: restored, cut off or forked"));
        }
        Ok(())
    }

    fn is_due(
        &self,
        witness: &Witness,
        under: &[StoredCosignature],
        size: u64,
        tried: Option<i64>,
        now_us: i64,
    ) -> bool {
        let key = witness.key.to_text();
        let last = under.iter().find(|one| one.witness == key);
        let since = |then: Option<i64>, span: Duration| {
            let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            then.is_none_or(|then| now_us.saturating_sub(then) >= span || then > now_us)
        };
        if !self.health.is_witnessed() {
            return since(tried, RETRY);
        }
        let every = self.publishing.witness_every;
        match last {
            Some(last) if last.size == size => {
                since(Some(last.made_us), COSIGNATURE_AGE_MAX) && since(tried, every)
            }
            last => since(last.map(|last| last.made_us), every) && since(tried, every),
        }
    }

    fn hear(&mut self, (shard, place): (i64, usize), said: Said, now_us: i64) {
        let name = self
            .publishing
            .policy
            .witnesses
            .get(place)
            .map_or("", |witness| witness.name.as_str());
        let against = match said {
            Said::Cosigned => false,
            Said::Contradicted(why) => {
                tracing::error!(witness = name, why, "a witness contradicts the audit log");
                true
            }
            Said::Failed(why) => {
                tracing::warn!(witness = name, why, "a witness did not cosign");
                self.asked
                    .get(&(shard, place))
                    .is_some_and(|(_, against)| *against)
            }
        };
        self.asked.insert((shard, place), (now_us, against));
    }

    /// Asks one witness about the newest checkpoint, beginning at what it cosigned last as far as we know.
    async fn ask(&self, shard: i64, witness: &Witness) -> Result<Said, LogError> {
        let mut old_size = published::cosigned_last(&self.store, shard, &witness.key.to_text()).await?;
        for _ in 0..ATTEMPTS_MAX {
            let Some(last) = rows::last_checkpoint(&self.store, shard).await? else {
                return Ok(Said::Failed("there is no checkpoint".to_owned()));
            };
            if old_size > last.size {
                return Ok(Said::Contradicted(format!(
                    "it cosigned a checkpoint of size `{old_size}`, and the newest here has `{}`",
                    last.size
                )));
            }
            let (size, text) = (last.size, text_of(&last.note));
            let body = consistency(&self.store, &self.health, shard, last, old_size)
                .await?
                .to_text();
            let url = format!("{}/add-checkpoint", witness.url.as_deref().unwrap_or_default());
            let answer = match self
                .outside
                .post(&url, "text/plain; charset=utf-8", body.into(), ANSWER_BYTES_MAX)
                .await
            {
                Ok(answer) => answer,
                Err(why) => return Ok(Said::Failed(why)),
            };
            match answer.status {
                200 => return self.keep((shard, size), witness, &text, &answer).await,
                409 => match told_size(&answer) {
                    Some(told) if told == old_size && told == size => {
                        return Ok(Said::Contradicted(format!(
                            "it cosigned another root at size `{size}`"
                        )));
                    }
                    Some(told) => old_size = told,
                    None => return Ok(Said::Failed("it answered 409 without its size".to_owned())),
                },
                422 => {
                    return Ok(Said::Contradicted(format!(
                        "what it cosigned at size `{old_size}` is no part of this log"
                    )));
                }
                status => return Ok(Said::Failed(format!("it answered {status}"))),
            }
        }
        Ok(Said::Failed("it told one size and then another".to_owned()))
    }

    /// Keeps the cosignature of an answer, if it is one by this witness.
    async fn keep(
        &self,
        (shard, size): (i64, u64),
        witness: &Witness,
        text: &str,
        answer: &Answer,
    ) -> Result<Said, LogError> {
        let lines = std::str::from_utf8(&answer.body).unwrap_or_default();
        let found = match witness.key.find(text, lines) {
            Ok(Some(found)) => found,
            Ok(None) => {
                return Ok(Said::Failed(
                    "it answered without a cosignature by its key".to_owned(),
                ));
            }
            Err(error) => return Ok(Said::Failed(error.to_string())),
        };
        let cosignature = StoredCosignature {
            size,
            witness: witness.key.to_text(),
            line: found.line,
            time_s: i64::try_from(found.time_s).unwrap_or(i64::MAX),
            made_us: self.clock.now().as_microsecond(),
        };
        published::keep_cosignature(&self.store, shard, &cosignature).await?;
        Ok(Said::Cosigned)
    }
}

/// The text of a note that we signed: all up to the empty line.
fn text_of(note: &str) -> String {
    note.split_once("\n\n")
        .map_or(String::new(), |(text, _)| format!("{text}\n"))
}

/// The size in the body of a conflict.
fn told_size(answer: &Answer) -> Option<u64> {
    std::str::from_utf8(&answer.body)
        .ok()?
        .strip_suffix('\n')?
        .parse()
        .ok()
}
