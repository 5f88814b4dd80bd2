//! The shards of the log that this process knows: a year each, the last one open. Whoever appends first in a new year
//! closes the old one and opens the next ([`super::committer`]); the others find that when they come to append, or
//! look.

use std::sync::{Arc, PoisonError, RwLock};

use doelpoort_core::audit::merkle::empty_root;
use doelpoort_core::audit::note::{Signer, Verifier};
use doelpoort_core::audit::shard::{base, label, name};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::LogError;
use crate::store::{Store, log as rows};

/// The number of the first shard.
pub const SHARD: i64 = 1;
/// Shards of one year: each but the first follows a restore or an operator's command.
const A_YEAR_MAX: u32 = 999_999;

/// A shard, with what signs it.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) number: i64,
    pub(super) signer: Arc<Signer>,
    /// The year in which it was opened.
    year: i16,
}

impl Shard {
    pub(super) fn key(&self) -> &Verifier {
        self.signer.verifier()
    }

    pub(super) fn origin(&self) -> &str {
        self.key().name()
    }

    /// What tells it from the others: the end of its name, or the year where it was named without.
    pub(super) fn label(&self) -> String {
        label(self.origin()).map_or_else(|| format!("{:04}", self.year), str::to_owned)
    }

    /// Is this a time of a later year?
    pub(super) fn is_over(&self, time_us: i64) -> bool {
        year_of(time_us) > self.year
    }
}

/// All shards, by number.
#[derive(Debug)]
pub(super) struct Shards {
    store: Store,
    signer: Arc<Signer>,
    known: RwLock<Vec<Arc<Shard>>>,
}

impl Shards {
    /// The shards in the database; the first one is made where there is none.
    ///
    /// # Errors
    /// The log is another one than that of `signer`, or a shard is missing.
    pub(super) async fn open(store: Store, signer: Signer, now_us: i64) -> Result<Self, LogError> {
        let key = signer.verifier();
        rows::create(&store, SHARD, key.name(), &key.to_text(), &empty_root(), now_us).await?;
        Self::read(store, signer).await
    }

    /// The same where there must be one.
    pub(super) async fn read(store: Store, signer: Signer) -> Result<Self, LogError> {
        let shards = Self {
            store,
            signer: Arc::new(signer),
            known: RwLock::default(),
        };
        shards.look().await?;
        Ok(shards)
    }

    /// Reads which shards there are.
    pub(super) async fn look(&self) -> Result<(), LogError> {
        let rows = rows::shards(&self.store).await?;
        if rows.is_empty() {
            return Err(LogError::Stopped);
        }
        let mut known = Vec::with_capacity(rows.len());
        for (number, row) in (SHARD..).zip(&rows) {
            let shard = self.shard(row.number, &row.origin, row.opened_us);
            let shard = shard.filter(|shard| shard.key().to_text() == row.verifier);
            let Some(shard) = shard else {
                let origin = row.origin.clone();
                return Err(LogError::OtherKey { origin });
            };
            if row.number != number {
                return Err(LogError::NoShard { number });
            }
            known.push(Arc::new(shard));
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    fn shard(&self, number: i64, origin: &str, opened_us: i64) -> Option<Shard> {
        Some(Shard {
            number,
            signer: Arc::new(self.signer.of_shard(origin)?),
            year: year_of(opened_us),
        })
    }

    /// The key that this process was given: that of any shard.
    pub(super) fn key(&self) -> &Verifier {
        self.signer.verifier()
    }

    /// All that are known.
    pub(super) fn all(&self) -> Vec<Arc<Shard>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last one.
    ///
    /// # Errors
    /// Never after [`Shards::read`].
    pub(super) fn current(&self) -> Result<Arc<Shard>, LogError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.last().cloned().ok_or(LogError::Stopped)
    }

    /// The one with this label.
    pub(super) fn labelled(&self, label: &str) -> Option<Arc<Shard>> {
        self.all().into_iter().find(|shard| shard.label() == label)
    }

    /// The shard that comes after the last, when it is opened at this time: under the first name of the year that is
    /// not taken.
    ///
    /// # Errors
    /// When the year has no name left.
    pub(super) fn next(&self, time_us: i64) -> Result<Shard, LogError> {
        self.next_besides(time_us, None)
    }

    /// The same, under a name that is not that of a shard which was lost either.
    pub(super) fn next_besides(&self, time_us: i64, lost: Option<&str>) -> Result<Shard, LogError> {
        let known = self.all();
        let last = known.last().ok_or(LogError::Stopped)?;
        let (base, year) = (base(self.key().name()), year_of(time_us));
        let free = (1..=A_YEAR_MAX).map(|nth| name(base, year, nth)).find(|origin| {
            known.iter().all(|shard| shard.origin() != origin) && lost != Some(origin.as_str())
        });
        let origin = free.ok_or(LogError::Stopped)?;
        self.shard(last.number + 1, &origin, time_us)
            .ok_or(LogError::Stopped)
    }
}

/// The year of a time in µs, UTC.
fn year_of(time_us: i64) -> i16 {
    let time = Timestamp::from_microsecond(time_us).unwrap_or_default();
    time.to_zoned(TimeZone::UTC).year()
}
