//! Destroying private parts: all of a month after its term, or one on request; by an order that the data protection officer
//! (FG) signed. Each leaf and every proof stays; an entry carries the order, in the same transaction.
//!
//! Copies in backups are destroyed by destroying the FG's private key of the month (`doelpoort fg destroy`).

use std::time::Duration;

use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::Kind;
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::audit::retention::{InvalidOrder, RetentionOrder, SignedOrder};

use super::{Effect, Entry, Log, LogError, Numbers};
use crate::store::private;

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
    /// What the FG would have to sign to drop the private parts of a month: an order for each shard that has some.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn month_orders(
        &self,
        month: Month,
        term_months: u32,
        ground: &str,
    ) -> Result<Vec<RetentionOrder>, LogError> {
        let mut orders = Vec::new();
        for shard in self.shared.shards.all() {
            let found = private::of_month(&self.shared.store, shard.number, &month.to_string()).await?;
            orders.extend(found.map(|(count, first, last)| RetentionOrder {
                organisation: self.fg_keys().organisation.clone(),
                origin: shard.origin().to_owned(),
                month: Some(month),
                term_months: Some(term_months),
                from: first,
                until: last.saturating_add(1),
                count,
                ground: ground.to_owned(),
            }));
        }
        Ok(orders)
    }

    /// The same to erase the private part of one entry, by its number in the whole log ([`Numbers`]); nothing where there
    /// is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn entry_order(&self, number: u64, ground: &str) -> Result<Option<RetentionOrder>, LogError> {
        let numbers = Numbers::read(&self.shared.store).await?;
        let Some((place, index)) = numbers.place(number) else {
            return Ok(None);
        };
        let (from, until) = (index, index.saturating_add(1));
        let there = private::parts(&self.shared.store, place.shard.number, (from, until)).await?;
        Ok((!there.is_empty()).then(|| RetentionOrder {
            organisation: self.fg_keys().organisation.clone(),
            origin: place.shard.origin.clone(),
            month: None,
            term_months: None,
            from,
            until,
            count: 1,
            ground: ground.to_owned(),
        }))
    }

    /// Destroys what an order says, exactly that, and says so in the log.
    ///
    /// # Errors
    /// When the term is not over, something else is there than was ordered, or it cannot be told of: then all is there.
    pub async fn destroy(&self, signed: &SignedOrder) -> Result<Retained, LogError> {
        let order = signed.order();
        let now_us = self.shared.clock.now().as_microsecond();
        order.check(Month::of(now_us))?;
        if order.organisation != self.fg_keys().organisation {
            return Err(InvalidOrder::UnknownKey.into());
        }
        let shard = self
            .shared
            .shards
            .all()
            .into_iter()
            .find(|shard| shard.origin() == order.origin)
            .ok_or(InvalidOrder::Range)?;
        let size = self.head(shard.number).await?.size;
        if order.until > size {
            return Err(InvalidOrder::Range.into());
        }
        let mut entry = Entry::new(Kind::Retention)?;
        signed.write(&mut entry.event);
        let entry = entry.with_effect(match order.month {
            Some(month) => Effect::DropPrivate {
                shard: shard.number,
                month: month.to_string(),
                range: (order.from, order.until),
                count: order.count,
            },
            None => Effect::ErasePrivate {
                shard: shard.number,
                index: order.from,
            },
        });
        let receipt = self.append_within(entry, WAIT_MAX).await?;
        Ok(Retained {
            count: order.count,
            receipt,
        })
    }
}
