//! A holder's inbox: which pupils of its own somebody asks about, and which of its links are in doubt. Every look at it
//! and every word on it is in the log first; to everybody but the data protection officer they all look the same there.

use doelpoort_core::audit::leaf::{GRANTED, Kind, Value, extra};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::{Caller, Oin};
use doelpoort_core::policy::decide::{Denial, DenialCode, civil_day};
use doelpoort_core::request::InboxAnswer;
use serde_json::json;

use super::Gateway;
use crate::delivery::reference_context;
use crate::exchange::{Refusal, Trace, sealed_to};
use crate::log::{Effect, Entry, LogError};
use crate::store::StoreError;
use crate::store::dataset::ROWS_PER_DELIVERY_MAX;
use crate::store::inbox::{Item, ItemKind, ItemState, Settlement};

/// The role of a program that may read and answer its organisation's inbox.
pub(super) const ROLE: &str = "inbox";

/// An item as its holder reads it.
#[derive(Debug)]
pub struct Opened {
    /// The item.
    pub item: Item,
    /// The holder's own reference for the pupil.
    pub reference: Option<String>,
    /// What else the holder is told, by name.
    pub told: serde_json::Map<String, serde_json::Value>,
}

/// Whose inbox a program may see, and of which datasets.
pub(super) struct Inbox {
    pub(super) holder: Oin,
    /// None: of all.
    datasets: Option<Vec<Name>>,
}

impl Inbox {
    fn covers(&self, item: &Item) -> bool {
        let named = |name: &Name| name.as_str() == item.dataset;
        self.datasets
            .as_ref()
            .is_none_or(|datasets| datasets.iter().any(named))
    }
}

impl Gateway {
    /// What is in a holder's inbox, the newest first; without references.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn inbox(
        &self,
        caller: &Caller,
        holder: Option<&Oin>,
        trace: Trace,
    ) -> Result<Vec<Item>, Refusal> {
        let inbox = self.own_inbox(caller, holder, trace).await?;
        let entry = look(caller, &inbox.holder, trace, json!({ "inbox": "list" }))?;
        self.log.append(entry).await?;
        let items = self.store.inbox(&inbox.holder).await?;
        Ok(items.into_iter().filter(|item| inbox.covers(item)).collect())
    }

    /// One item, with the holder's own reference.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn open_item(
        &self,
        caller: &Caller,
        holder: Option<&Oin>,
        id: &[u8; 16],
        trace: Trace,
    ) -> Result<Opened, Refusal> {
        let inbox = self.own_inbox(caller, holder, trace).await?;
        let looks = json!({ "inbox": "read", "item": data_encoding::HEXLOWER.encode(id) });
        let entry = look(caller, &inbox.holder, trace, looks)?;
        self.log.append(entry).await?;
        let item = self.item_of(&inbox, id).await?;
        self.opened(item)
    }

    /// The holder's last word on an item.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn settle_item(
        &self,
        caller: &Caller,
        holder: Option<&Oin>,
        id: &[u8; 16],
        body: &[u8],
        trace: Trace,
    ) -> Result<(ItemState, Receipt), Refusal> {
        let inbox = self.own_inbox(caller, holder, trace).await?;
        let settled = self.settlement(&inbox, id, body).await;
        let settlement = match settled {
            Ok(settlement) => settlement,
            Err(refusal) => return Err(self.refuse(caller, refusal, trace).await?),
        };
        let state = settlement.state;
        let says = json!({
            "inbox": state.as_str(), "item": data_encoding::HEXLOWER.encode(id),
        });
        let entry = look(caller, &inbox.holder, trace, says)?.with_effect(Effect::SettleItem(settlement));
        match self.log.append(entry).await {
            Ok(receipt) => Ok((state, receipt)),
            Err(LogError::Effect(StoreError::Conflict { .. })) => {
                Err(self.refuse(caller, Refusal::Settled, trace).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn settlement(&self, inbox: &Inbox, id: &[u8; 16], body: &[u8]) -> Result<Settlement, Refusal> {
        let item = self.item_of(inbox, id).await?;
        let answer = InboxAnswer::parse(body, &inbox.holder)?;
        let (state, answer, confirms) = match (item.kind, answer) {
            (ItemKind::Resolution, InboxAnswer::Answer(text)) => {
                let sealed = self.sealed("answer", id, 0, text.as_bytes())?;
                (ItemState::Answered, Some(sealed), None)
            }
            (ItemKind::Link, InboxAnswer::Confirm) => (ItemState::Confirmed, None, item.pair),
            (_, InboxAnswer::Decline) => (ItemState::Declined, None, None),
            (_, answer) => return Err(other_kind(item.kind, &answer)),
        };
        Ok(Settlement {
            id: *id,
            holder: inbox.holder.clone(),
            state,
            answer,
            confirms,
        })
    }

    async fn item_of(&self, inbox: &Inbox, id: &[u8; 16]) -> Result<Item, Refusal> {
        let item = self.store.inbox_item(&inbox.holder, id).await?;
        item.filter(|item| inbox.covers(item)).ok_or(Refusal::NoSuchItem)
    }

    fn opened(&self, item: Item) -> Result<Opened, Refusal> {
        let reference = match (&item.reference, item.row) {
            (Some(sealed), Some(row)) => {
                let plain = self
                    .keyring()
                    .seal
                    .open(&reference_aad(&item.dataset, row)?, sealed);
                let plain = plain.map_err(|_| Refusal::Internal)?;
                Some(String::from_utf8_lossy(&plain).into_owned())
            }
            _ => None,
        };
        let told = match &item.told {
            Some(sealed) => {
                let plain = self.keyring().seal.open(&sealed_to("told", &item.id, 0)?, sealed);
                let plain = plain.map_err(|_| Refusal::Internal)?;
                serde_json::from_slice(&plain).map_err(|_| Refusal::Internal)?
            }
            None => serde_json::Map::new(),
        };
        Ok(Opened {
            item,
            reference,
            told,
        })
    }

    /// Whose inbox it is: the caller's own, or that of a board that gave it a mandate, for the mandate's datasets.
    pub(super) async fn own_inbox(
        &self,
        caller: &Caller,
        holder: Option<&Oin>,
        trace: Trace,
    ) -> Result<Inbox, Refusal> {
        match self.check_inbox(caller, holder) {
            Ok(inbox) => Ok(inbox),
            Err(refusal) => Err(self.refuse(caller, refusal, trace).await?),
        }
    }

    fn check_inbox(&self, caller: &Caller, holder: Option<&Oin>) -> Result<Inbox, Refusal> {
        let current = self.policies.current();
        current.check_in_force()?;
        self.limits.check_client(caller)?;
        if !caller.roles.iter().any(|role| role == ROLE) {
            return Err(Refusal::Role);
        }
        let Some(board) = holder.filter(|holder| **holder != caller.organisation) else {
            return Ok(Inbox {
                holder: caller.organisation.clone(),
                datasets: None,
            });
        };
        let (policies, day) = (&current.policies, civil_day(self.clock.now()));
        let mandated = |name: &&Name| {
            let mandate = policies.mandate(&caller.organisation, board, name, day);
            mandate.is_some()
        };
        let datasets = policies.catalogue.datasets().map(|dataset| &dataset.name);
        let datasets: Vec<Name> = datasets.filter(mandated).cloned().collect();
        if datasets.is_empty() || !caller.acting_for.contains(board) {
            return Err(Denial::new(DenialCode::MandateMissing).into());
        }
        Ok(Inbox {
            holder: board.clone(),
            datasets: Some(datasets),
        })
    }

    /// Logs a refusal and gives it back.
    pub(super) async fn refuse(
        &self,
        caller: &Caller,
        refusal: Refusal,
        trace: Trace,
    ) -> Result<Refusal, Refusal> {
        let mut entry = Entry::new(Kind::Resolution)?;
        entry.event.recipient = Some(caller.organisation.to_string());
        (entry.event.trace, entry.event.span) = (Some(trace.trace_id), Some(trace.span_id));
        entry.event.decision = Some(refusal.code().to_owned());
        self.log.append_refusal(&caller.client, entry).await?;
        Ok(refusal)
    }
}

/// The entry of a look at an inbox, or a word on it: what exactly, only the data protection officer reads.
pub(super) fn look(
    caller: &Caller,
    holder: &Oin,
    trace: Trace,
    what: serde_json::Value,
) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::Resolution)?;
    let event = &mut entry.event;
    event.recipient = Some(caller.organisation.to_string());
    event.acting_for = [holder]
        .into_iter()
        .filter(|holder| **holder != caller.organisation)
        .map(ToString::to_string)
        .collect();
    (event.trace, event.span) = (Some(trace.trace_id), Some(trace.span_id));
    event.decision = Some(GRANTED.to_owned());
    event.extra.insert(extra::HOLDER, Value::Text(holder.to_string()));
    entry.private.query = Some(what);
    Ok(entry)
}

fn other_kind(kind: ItemKind, answer: &InboxAnswer) -> Refusal {
    let may = match kind {
        ItemKind::Resolution => "`answer` or `decline`",
        ItemKind::Link => "`confirm` or `decline`",
        ItemKind::Conflict => "`decline`",
    };
    Refusal::Invalid(vec![doelpoort_core::request::InputError {
        part: "body",
        location: "/action".to_owned(),
        code: "contradiction",
        detail: format!("`{}` says nothing of this item; it takes {may}", answer.action()),
    }])
}

/// What a holder's own reference is sealed to: its dataset, row and column.
fn reference_aad(dataset: &str, row: i64) -> Result<Vec<u8>, Refusal> {
    let (delivery, number) = (
        row.div_euclid(ROWS_PER_DELIVERY_MAX),
        row.rem_euclid(ROWS_PER_DELIVERY_MAX),
    );
    let dataset = dataset.parse().map_err(|_| Refusal::Internal)?;
    reference_context(&dataset, delivery, number).ok_or(Refusal::Internal)
}
