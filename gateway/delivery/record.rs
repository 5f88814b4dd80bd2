//! The log's entry of a delivery, in the transaction that makes its rows visible.

use std::time::Duration;

use doelpoort_core::audit::leaf::{Event, Form, GRANTED, Kind, PurposeVersion, Value, extra};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::party::{Caller, ClientId};
use doelpoort_core::policy::decide::Permit;
use jiff::Timestamp;

use super::receive::Opened;
use super::{DeliveryAsked, DeliveryRefusal, Received};
use crate::exchange::Refusal;
use crate::gateway::{Current, Gateway};
use crate::log::{Effect, Entry, LogError};
use crate::store::delivery::Finished;
use crate::store::subjects::LinkRule;

/// How long a delivery waits for its entry; making its rows visible is part of it.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A delivery that was taken in.
#[derive(Debug)]
pub struct Delivered {
    /// What was received.
    pub received: Received,
    /// The earlier delivery with the same content, if nothing changed.
    pub same_as: Option<i64>,
    /// That it was logged.
    pub receipt: Receipt,
}

/// What is known of a delivery so far.
pub(super) struct Circumstances {
    client: ClientId,
    now: Timestamp,
    generation: i64,
    event: Event,
}

impl Circumstances {
    pub(super) fn new(caller: &Caller, asked: &DeliveryAsked<'_>, current: &Current, now: Timestamp) -> Self {
        let mut event = Event::new(Kind::Delivery, [0; 16]);
        event.requested_at = Some(asked.received.as_microsecond());
        event.recipient = Some(caller.organisation.to_string());
        event.policy = Some(current.policies.digest);
        event.trace = Some(asked.trace.trace_id);
        event.span = Some(asked.trace.span_id);
        event.form = Some(Form::Delivery);
        Self {
            client: caller.client.clone(),
            now,
            generation: current.generation,
            event,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn permitted(&mut self, permit: &Permit<'_>) {
        let standing = permit.standing();
        self.event.purpose = Some(PurposeVersion {
            id: standing.purpose.id.to_string(),
            version: standing.purpose.version,
        });
        self.event.policy = Some(standing.manifest_digest);
        self.event.clause = Some(permit.clause().to_owned());
        self.event.dataset = Some(permit.dataset().to_string());
        self.event.acting_for = permit.acting_for().map(ToString::to_string).into_iter().collect();
    }

    pub(super) fn opened(&mut self, opened: &Opened) {
        let delivery = opened.id.to_be_bytes().to_vec();
        self.event.extra.insert(extra::DELIVERY, Value::Bytes(delivery));
        self.event
            .extra
            .insert(extra::HOLDER, Value::Text(opened.holder.to_string()));
        self.event
            .extra
            .insert(extra::MODE, Value::Text(opened.mode.as_str().to_owned()));
        if !opened.period.is_empty() {
            self.event
                .extra
                .insert(extra::PERIOD, Value::Text(opened.period.clone()));
        }
    }

    pub(super) fn received(&mut self, received: &Received) {
        self.event
            .extra
            .insert(extra::ROWS, Value::Number(received.accepted.unsigned_abs()));
        self.event.extra.insert(
            extra::ROWS_REFUSED,
            Value::Number(received.rejected.unsigned_abs()),
        );
        self.event
            .extra
            .insert(extra::DIGEST, Value::Bytes(received.digest.to_vec()));
    }

    /// The entry; what is visible and what is logged become so together.
    fn entry(&self, outcome: Result<&(Received, Finished), &DeliveryRefusal>) -> Result<Entry, LogError> {
        let mut entry = Entry::new(Kind::Delivery)?;
        entry.event = Event {
            entry_id: entry.event.entry_id,
            ..self.event.clone()
        };
        match outcome {
            Ok((received, finished)) => {
                entry.event.decision = Some(GRANTED.to_owned());
                let entry = entry.decided_under(self.generation);
                Ok(match finished {
                    Finished::Ready => entry.with_effect(Effect::ActivateDelivery {
                        delivery: received.id,
                    }),
                    Finished::SameAs(_) => entry,
                })
            }
            Err(refusal) => {
                entry.event.decision = Some(code(refusal).to_owned());
                Ok(entry)
            }
        }
    }
}

fn code(refusal: &DeliveryRefusal) -> &'static str {
    match refusal {
        DeliveryRefusal::Refused(refusal) => refusal.code(),
        DeliveryRefusal::Rows { .. } => "delivery-refused",
        DeliveryRefusal::TooLarge => "too-large",
    }
}

impl Gateway {
    /// Records a delivery's outcome. Without its entry the rows stay invisible and are swept.
    pub(super) async fn record_delivery(
        &self,
        circumstances: &Circumstances,
        outcome: Result<(Received, Finished), DeliveryRefusal>,
    ) -> Result<Delivered, DeliveryRefusal> {
        let entry = circumstances.entry(outcome.as_ref())?;
        let appended = match &outcome {
            Ok(_) => self.log.append_within(entry, WAIT_MAX).await,
            Err(_) => self.log.append_refusal(&circumstances.client, entry).await,
        };
        let receipt = match appended {
            Ok(receipt) => receipt,
            Err(LogError::PolicyChanged) => {
                self.hear_now().await;
                let changed = DeliveryRefusal::from(Refusal::PolicyChanged);
                let entry = circumstances.entry(Err(&changed))?;
                self.log.append_refusal(&circumstances.client, entry).await?;
                return Err(changed);
            }
            Err(error) => return Err(error.into()),
        };
        let (received, finished) = outcome?;
        let same_as = match finished {
            Finished::Ready => None,
            Finished::SameAs(delivery) => Some(delivery),
        };
        Ok(Delivered {
            received,
            same_as,
            receipt,
        })
    }

    /// What follows from new rows: identifier pairs that are now borne out, rows that are now superseded. A failure
    /// here takes nothing back; the next turn does it again.
    pub(super) async fn settle(&self, current: &Current, dataset: &str, received: &Received) {
        let now_us = self.clock.now().as_microsecond();
        if let Ok(table) = dataset.parse()
            && let Err(error) = self.store.refresh_statistics(&table, received.accepted).await
        {
            tracing::warn!(%error, "the engine's statistics could not be refreshed after a delivery");
        }
        let rules = link_rules(current);
        let is_evidence = rules.iter().any(|rule| {
            [&rule.own, &rule.other]
                .iter()
                .any(|field| field.dataset.as_str() == dataset)
        });
        if (is_evidence || received.linked > 0)
            && let Err(error) = self.store.agree_merges(&rules, now_us).await
        {
            tracing::warn!(%error, "merges could not be agreed after a delivery");
        }
        if let Err(error) = self.store.sweep(now_us).await {
            tracing::warn!(%error, "superseded rows could not be swept after a delivery");
        }
    }
}

/// The controller's linking rules, with the holders that each is about.
pub(crate) fn link_rules(current: &Current) -> Vec<LinkRule> {
    let organisations = &current.policies.organisations;
    organisations
        .linking()
        .iter()
        .map(|rule| LinkRule {
            asserted_by: organisations
                .of_kind(rule.asserted_by)
                .map(|holder| holder.oin.clone())
                .collect(),
            own: rule.when_equal.0.clone(),
            other: rule.when_equal.1.clone(),
            confirmed: rule.confirmed,
        })
        .collect()
}

impl<E: Into<Refusal>> From<E> for DeliveryRefusal {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// Every code of a mistake in a row, and how to mend it.
const ROW_CODES: &[(&str, &str)] = &[
    ("contradiction", "two codes do not go together"),
    ("control-character", "text must not hold control characters"),
    ("date-out-of-range", "a date lies between 1900 and 2100"),
    ("derived-field", "this field follows from others; leave it out"),
    (
        "duplicate-row",
        "a row with the same key came before in this delivery",
    ),
    ("field-twice", "the field is given twice"),
    (
        "identifier-kind-not-allowed",
        "this holder may not send this kind of identifier",
    ),
    ("integer-out-of-range", "the number is outside the field's bounds"),
    ("invalid-identifier", "the identifier fails its check"),
    ("malformed-csv", "the row is not CSV (RFC 4180)"),
    ("malformed-json", "the row is not JSON"),
    ("missing", "a required value is missing"),
    ("no-pupil-here", "rows of this dataset are not about a pupil"),
    ("not-a-bool", "must be `true` or `false`"),
    ("not-a-brin6", "must be two digits, two capitals, two digits"),
    ("not-a-date", "must be an existing date such as `2026-10-01`"),
    ("not-a-pc4", "must be four digits, the first not 0"),
    ("not-a-staff-id", "must be 1 to 64 printable ASCII characters"),
    ("not-an-integer", "must be a whole number"),
    ("not-an-object", "each line is one JSON object"),
    ("not-utf-8", "must be UTF-8"),
    ("outside-period", "the row begins outside the delivery's period"),
    ("row-too-long", "the row is longer than a row may be"),
    (
        "site-not-yours",
        "a site of another board or partnership; whose it is stands in the hierarchy and the register of sites",
    ),
    ("too-long", "the text is too long"),
    ("unknown-code", "no code of the field's list; see docs/datasets"),
    (
        "unknown-field",
        "the dataset has no such field; see docs/datasets",
    ),
    (
        "unknown-identifier-kind",
        "a pupil is named by `bsn`, `eckId` or `local`",
    ),
    (
        "wrong-number-of-fields",
        "the row has another number of fields than the header",
    ),
    ("wrong-order", "two dates are in the wrong order"),
    ("wrong-type", "the value has another JSON type than the field"),
];

/// The code itself, as a constant.
pub(crate) fn known_code(code: &str) -> &'static str {
    ROW_CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or("wrong", |(known, _)| known)
}

/// How to mend a mistake with this code.
pub(crate) fn explain(code: &str) -> &'static str {
    ROW_CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map_or("is wrong", |(_, help)| help)
}
