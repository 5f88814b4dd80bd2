//! The order to destroy private parts of the log: signed by the data protection officer (FG) with their approval key, over
//! what, which range, how many and why. The entry that tells of it carries the order, so that whoever has the approvers'
//! list can check that nobody else gave it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::day::Month;
use super::fg_order::{self, FgOrder};
use super::leaf::{Event, Kind, Leaf, Value, extra};
use crate::party::Oin;
use crate::policy::KeyList;
use crate::policy::jws::{JwsError, SigningKey};

pub use super::fg_order::{InvalidOrder, SIGNED_BYTES_MAX};

/// The decision of an entry about the private parts of a month.
pub const MONTH_DROPPED: &str = "private-parts-dropped";
/// The decision of an entry about one private part.
pub const ONE_ERASED: &str = "private-part-erased";

/// What is to be destroyed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetentionOrder {
    /// Whose FG.
    pub organisation: Oin,
    /// The name of the shard.
    pub origin: String,
    /// All private parts of this month; left out: that of one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<Month>,
    /// How many months those of a month are kept after it; at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term_months: Option<u32>,
    /// The first index that is meant.
    pub from: u64,
    /// The index after the last one.
    pub until: u64,
    /// How many private parts.
    pub count: u64,
    /// Why; never a person.
    pub ground: String,
}

/// An order with the signature of an FG in the approvers' list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOrder {
    order: RetentionOrder,
    text: String,
}

impl FgOrder for RetentionOrder {
    const TYPE: &'static str = "doelpoort-retention+jwt";

    fn organisation(&self) -> &Oin {
        &self.organisation
    }
}

impl RetentionOrder {
    /// Signs it with the FG's approval key.
    ///
    /// # Errors
    /// When the key cannot sign, or the order is longer than an entry can hold.
    pub fn sign(
        &self,
        deployment: &str,
        issued_at: Timestamp,
        kid: &str,
        key: SigningKey<'_>,
    ) -> Result<String, JwsError> {
        fg_order::sign(self, deployment, issued_at, (kid, key))
    }

    /// The order that an entry carries, if the entry says the same, is about what is before it, and the term was over. Its
    /// signature is not looked at: see [`SignedOrder::verify`].
    ///
    /// # Errors
    /// What does not fit.
    pub fn of_entry(leaf: &Leaf, origin: &str, index: u64) -> Result<Self, InvalidOrder> {
        let Some(Value::Text(text)) = leaf.event.extra.get(&extra::ORDER) else {
            return Err(InvalidOrder::None);
        };
        let order: Self = fg_order::read(text)?;
        if !order.is_of(&leaf.event) {
            return Err(InvalidOrder::Other);
        }
        if order.origin == origin && order.until > index {
            return Err(InvalidOrder::Range);
        }
        order.check(Month::of(leaf.time))?;
        Ok(order)
    }

    /// Is it about something, and was the term over in the month of `now`?
    ///
    /// # Errors
    /// [`InvalidOrder::Range`], [`InvalidOrder::Term`].
    pub fn check(&self, now: Month) -> Result<(), InvalidOrder> {
        let length = self.until.checked_sub(self.from).filter(|length| *length > 0);
        let length = length.ok_or(InvalidOrder::Range)?;
        if self.count == 0 || self.count > length || (self.month.is_none() && length > 1) {
            return Err(InvalidOrder::Range);
        }
        match (self.month, self.term_months) {
            (None, None) => Ok(()),
            (Some(month), Some(term)) if term > 0 && month.after(term) <= now => Ok(()),
            _ => Err(InvalidOrder::Term),
        }
    }

    /// Writes it into the entry that tells of it.
    fn write(&self, event: &mut Event) {
        let decision = if self.month.is_some() {
            MONTH_DROPPED
        } else {
            ONE_ERASED
        };
        event.decision = Some(decision.to_owned());
        event.clause = Some(self.ground.clone());
        event.extra.extend([
            (extra::FROM_INDEX, Value::Number(self.from)),
            (extra::UNTIL_INDEX, Value::Number(self.until)),
            (extra::ROWS, Value::Number(self.count)),
            // By the time it is appended the next shard may have begun.
            (extra::SHARD, Value::Text(self.origin.clone())),
        ]);
        let month = self.month.map(|month| Value::Text(month.to_string()));
        event.extra.extend(month.map(|month| (extra::PERIOD, month)));
    }

    fn is_of(&self, event: &Event) -> bool {
        let mut told = Event::new(Kind::Retention, event.entry_id);
        self.write(&mut told);
        let is_same = |key: &u64| told.extra.get(key) == event.extra.get(key);
        (&told.decision, &told.clause) == (&event.decision, &event.clause)
            && [
                extra::FROM_INDEX,
                extra::UNTIL_INDEX,
                extra::ROWS,
                extra::SHARD,
                extra::PERIOD,
            ]
            .iter()
            .all(is_same)
    }
}

impl SignedOrder {
    /// Reads an order and verifies it against the approvers' keys.
    ///
    /// # Errors
    /// Why nothing may be destroyed by it.
    pub fn verify(text: &str, keys: &KeyList) -> Result<Self, InvalidOrder> {
        let text = text.trim();
        Ok(Self {
            order: fg_order::verify(text, keys)?,
            text: text.to_owned(),
        })
    }

    /// The order that an entry carries, signed.
    ///
    /// # Errors
    /// As [`SignedOrder::verify`].
    pub fn of_event(event: &Event, keys: &KeyList) -> Result<Self, InvalidOrder> {
        match event.extra.get(&extra::ORDER) {
            Some(Value::Text(text)) => Self::verify(text, keys),
            _ => Err(InvalidOrder::None),
        }
    }

    /// What is ordered.
    pub fn order(&self) -> &RetentionOrder {
        &self.order
    }

    /// Writes it into the entry that tells of it.
    pub fn write(&self, event: &mut Event) {
        self.order.write(event);
        let text = Value::Text(self.text.clone());
        event.extra.insert(extra::ORDER, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> RetentionOrder {
        RetentionOrder {
            organisation: "00000099000000072001".parse().unwrap(),
            origin: "example.nl/audit/2026".to_owned(),
            month: Some("2026-11".parse().unwrap()),
            term_months: Some(2),
            from: 3,
            until: 9,
            count: 6,
            ground: "term".to_owned(),
        }
    }

    #[test]
    fn a_month_is_destroyed_after_its_term_and_what_is_there_only() {
        let [december, january] = ["2026-12", "2027-01"].map(|month| month.parse().unwrap());
        assert_eq!(order().check(december), Err(InvalidOrder::Term));
        assert_eq!(order().check(january), Ok(()));
        let wrong: [fn(&mut RetentionOrder); 4] = [
            |order| order.until = 3,
            |order| order.count = 7,
            |order| order.count = 0,
            |order| (order.month, order.term_months) = (None, None),
        ];
        for change in wrong {
            let mut order = order();
            change(&mut order);
            assert_eq!(order.check(january), Err(InvalidOrder::Range));
        }
        for term_months in [None, Some(0)] {
            let order = RetentionOrder {
                term_months,
                ..order()
            };
            assert_eq!(order.check(january), Err(InvalidOrder::Term));
        }
    }
}
