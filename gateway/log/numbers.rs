//! The numbers of entries in a log of several shards. In its shard an entry has an index from 0, which receipts and proofs
//! tell; in the whole log it has a number, which goes on from shard to shard. A closed shard never grows, so a number is
//! for ever.

use doelpoort_core::audit::shard::label;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::store::log::{self as rows, ShardRow};
use crate::store::{Store, StoreError};

/// Where each shard begins.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    shards: Vec<Numbered>,
}

/// A shard and its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The shard.
    pub shard: ShardRow,
    /// The number of its first entry.
    pub first: u64,
    /// How many entries it has; the last one may grow.
    pub size: u64,
    /// Is it closed?
    pub closed: bool,
}

impl Numbered {
    /// What tells it from the others: the end of its name, or the year where it was named without.
    pub fn label(&self) -> String {
        let opened = Timestamp::from_microsecond(self.shard.opened_us).unwrap_or_default();
        let year = || format!("{:04}", opened.to_zoned(TimeZone::UTC).year());
        label(&self.shard.origin).map_or_else(year, str::to_owned)
    }
}

impl Numbers {
    /// Reads them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(store: &Store) -> Result<Self, StoreError> {
        let (mut shards, mut first) = (Vec::new(), 0);
        for shard in rows::shards(store).await? {
            let head = rows::head(store, shard.number).await?;
            let (size, closed) = head.map_or((0, false), |head| (head.size, head.closed));
            shards.push(Numbered {
                shard,
                first,
                size,
                closed,
            });
            first += size;
        }
        Ok(Self { shards })
    }

    /// The shards, in order.
    pub fn shards(&self) -> &[Numbered] {
        &self.shards
    }

    /// The number after the last entry.
    pub fn end(&self) -> u64 {
        self.shards.last().map_or(0, |last| last.first + last.size)
    }

    /// The shard that an entry is in, and its index there. What is behind the end is in the last shard.
    pub fn place(&self, number: u64) -> Option<(&Numbered, u64)> {
        let found = self.shards.iter().rev().find(|one| one.first <= number)?;
        Some((found, number - found.first))
    }

    /// The number of an entry in the shard of this name.
    pub fn number(&self, origin: &str, index: u64) -> Option<u64> {
        let found = self.shards.iter().find(|one| one.shard.origin == origin)?;
        Some(found.first + index)
    }

    /// Reads a number, or an index behind the label of its shard: `1234`, `2027:5`.
    pub fn parse(&self, text: &str) -> Option<u64> {
        match text.split_once(':') {
            None => text.parse().ok(),
            Some((label, index)) => {
                let shard = self.shards.iter().find(|one| one.label() == label)?;
                index.parse().ok().map(|index: u64| shard.first + index)
            }
        }
    }
}
