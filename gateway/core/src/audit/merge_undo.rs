//! The order to undo merges of pupils' numbers: it names the entry of the log that told of them, and so no pupil. The operator
//! may give it, or the data protection officer (FG) signs it; then the entry that tells of the undoing carries the order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fg_order::{self, FgOrder, InvalidOrder};
use super::leaf::{Event, Value, extra};
use crate::party::Oin;
use crate::policy::KeyList;
use crate::policy::jws::{JwsError, SigningKey};

/// The decision of an entry that tells of merges.
pub const MERGES_APPLIED: &str = "merges-applied";
/// The decision of an entry that tells that merges end.
pub const MERGES_UNDONE: &str = "merges-undone";

/// Which merges end, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MergeUndo {
    /// Whose FG.
    pub organisation: Oin,
    /// The name of the shard.
    pub origin: String,
    /// The entry that told of the merges, by its index in the shard.
    pub index: u64,
    /// Which of its pairs, from 1; left out: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<u32>,
    /// Why; never a person.
    pub ground: String,
}

/// An order with the signature of an FG in the approvers' list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMergeUndo {
    order: MergeUndo,
    text: String,
}

impl FgOrder for MergeUndo {
    const TYPE: &'static str = "doelpoort-merge-undo+jwt";

    fn organisation(&self) -> &Oin {
        &self.organisation
    }
}

impl MergeUndo {
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

    /// Writes it into the entry that tells of it.
    pub fn write(&self, event: &mut Event) {
        event.decision = Some(MERGES_UNDONE.to_owned());
        event.clause = Some(self.ground.clone());
        event.extra.extend([
            (extra::FROM_INDEX, Value::Number(self.index)),
            (extra::SHARD, Value::Text(self.origin.clone())),
        ]);
        let pair = self.pair.map(|pair| Value::Number(pair.into()));
        event.extra.extend(pair.map(|pair| (extra::MERGE_PAIR, pair)));
    }

    fn is_of(&self, event: &Event) -> bool {
        let mut told = Event::new(event.kind, event.entry_id);
        self.write(&mut told);
        let is_same = |key: &u64| told.extra.get(key) == event.extra.get(key);
        (&told.decision, &told.clause) == (&event.decision, &event.clause)
            && [extra::FROM_INDEX, extra::SHARD, extra::MERGE_PAIR]
                .iter()
                .all(is_same)
    }
}

impl SignedMergeUndo {
    /// Reads an order and verifies it against the approvers' keys.
    ///
    /// # Errors
    /// Why nothing may be undone by it.
    pub fn verify(text: &str, keys: &KeyList) -> Result<Self, InvalidOrder> {
        let text = text.trim();
        Ok(Self {
            order: fg_order::verify(text, keys)?,
            text: text.to_owned(),
        })
    }

    /// The order that an entry carries, if the FG signed it and the entry says the same; none where the operator undid
    /// merges without one.
    ///
    /// # Errors
    /// What does not fit.
    pub fn of_event(event: &Event, keys: &KeyList) -> Result<Option<Self>, InvalidOrder> {
        let Some(Value::Text(text)) = event.extra.get(&extra::MERGE_ORDER) else {
            return Ok(None);
        };
        let signed = Self::verify(text, keys)?;
        if signed.order.is_of(event) {
            Ok(Some(signed))
        } else {
            Err(InvalidOrder::Other)
        }
    }

    /// What is ordered.
    pub fn order(&self) -> &MergeUndo {
        &self.order
    }

    /// Writes it into the entry that tells of it.
    pub fn write(&self, event: &mut Event) {
        self.order.write(event);
        event
            .extra
            .insert(extra::MERGE_ORDER, Value::Text(self.text.clone()));
    }
}
