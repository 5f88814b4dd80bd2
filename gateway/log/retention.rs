//! Destroying private parts: all of a month after its term, or one on request. Each leaf and every proof stays; an entry
//! tells what was destroyed, in the same transaction.
//!
//! Copies in backups are destroyed by destroying the FG's private key of the month (`doelpoort fg destroy`).

use std::time::Duration;

use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::{Kind, Value, extra};
use doelpoort_core::audit::receipt::Receipt;

use super::{Effect, Entry, Log, LogError, SHARD};
use crate::store::log as rows;

/// The decision of an entry about the private parts of a month.
pub const MONTH_DROPPED: &str = "private-parts-dropped";
/// The decision of an entry about one private part.
pub const ONE_ERASED: &str = "private-part-erased";
/// How long the entry may take: a month may have a million private parts.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// What was destroyed.
#[derive(Clone, Debug)]
pub struct Retained {
    /// How many private parts.
    pub count: u64,
    /// The receipt of the entry that tells.
    pub receipt: Receipt,
}

impl Log {
    /// Drops the private parts of a month, and says so in the log with the ground. Nothing where there are none.
    ///
    /// # Errors
    /// When they cannot be dropped, or not told of: then they are all there.
    pub async fn drop_month(&self, month: Month, ground: &str) -> Result<Option<Retained>, LogError> {
        let found = rows::private_of_month(&self.shared.store, SHARD, &month.to_string()).await?;
        let Some((count, first, last)) = found else {
            return Ok(None);
        };
        let mut entry = told(MONTH_DROPPED, ground, (first, last.saturating_add(1)))?;
        entry.event.extra.extend([
            (extra::PERIOD, Value::Text(month.to_string())),
            (extra::ROWS, Value::Number(count)),
        ]);
        let entry = entry.with_effect(Effect::DropPrivate {
            month: month.to_string(),
            count,
        });
        let receipt = self.append_within(entry, WAIT_MAX).await?;
        Ok(Some(Retained { count, receipt }))
    }

    /// Erases the private part of one entry, and says so in the log with the ground. Nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be erased, or not told of: then it is there.
    pub async fn erase(&self, index: u64, ground: &str) -> Result<Option<Retained>, LogError> {
        let range = (index, index.saturating_add(1));
        let there = rows::private_parts(&self.shared.store, SHARD, range).await?;
        if there.is_empty() {
            return Ok(None);
        }
        let entry = told(ONE_ERASED, ground, range)?.with_effect(Effect::ErasePrivate { index });
        let receipt = self.append_within(entry, WAIT_MAX).await?;
        Ok(Some(Retained { count: 1, receipt }))
    }
}

fn told(decision: &str, ground: &str, (from, until): (u64, u64)) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::Retention)?;
    entry.event.decision = Some(decision.to_owned());
    entry.event.clause = Some(ground.to_owned());
    entry.event.extra.extend([
        (extra::FROM_INDEX, Value::Number(from)),
        (extra::UNTIL_INDEX, Value::Number(until)),
    ]);
    Ok(entry)
}
