//! The log read by an organisation's own auditor: the records of the Logboek Dataverwerkingen about what it asked, what
//! was asked for it, and what was asked under purposes that it controls or holds rows for. That it looks is in the log
//! before it sees anything.

use doelpoort_core::audit::ldv::{LdvRecord, Register, records};
use doelpoort_core::audit::leaf::{GRANTED, Leaf, Value, extra};
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Caller;
use doelpoort_core::request::LogReading;
use jiff::Timestamp;

use super::{Current, Gateway};
use crate::audit::{AuditError, Entries};
use crate::exchange::{Refusal, Trace, reading};
use crate::log::Entry;

/// The role of a program that may read the log for its organisation.
const ROLE: &str = "auditor";
/// Records of one answer.
const RECORDS_MAX: usize = 1_000;
/// Entries that are looked at for one answer.
const ENTRIES_MAX: u64 = 100_000;

/// What was found.
#[derive(Debug)]
pub struct LogRead {
    /// The records.
    pub records: Vec<LdvRecord>,
    /// Where to go on; none at the end of the log or of the period.
    pub next: Option<u64>,
}

impl Gateway {
    /// Reads records for the caller's own organisation. A part at a time: the answer says where to go on.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn read_log(
        &self,
        caller: &Caller,
        body: &[u8],
        trace: Trace,
        received: Timestamp,
    ) -> Result<LogRead, Refusal> {
        let entry = || reading(caller, trace, received);
        match self.check_log_reading(caller, body) {
            Ok(asked) => self.read_pages(caller, &asked, entry()?).await,
            Err(refusal) => {
                let mut entry = entry()?;
                entry.event.decision = Some(refusal.code().to_owned());
                self.log.append_refusal(&caller.client, entry).await?;
                Err(refusal)
            }
        }
    }

    fn check_log_reading(&self, caller: &Caller, body: &[u8]) -> Result<LogReading, Refusal> {
        self.limits.check_client(caller)?;
        if !caller.roles.iter().any(|role| role == ROLE) {
            return Err(Refusal::Role);
        }
        Ok(LogReading::parse(body)?)
    }

    async fn read_pages(
        &self,
        caller: &Caller,
        reading: &LogReading,
        mut entry: Entry,
    ) -> Result<LogRead, Refusal> {
        let entries = Entries::Database(self.store.clone());
        let first = match reading.since() {
            Some(since) => entries.first_at(since).await.map_err(failed)?,
            None => 0,
        };
        let from = reading.from.max(first);
        let until = from.saturating_add(ENTRIES_MAX);
        let event = &mut entry.event;
        event.decision = Some(GRANTED.to_owned());
        event.extra.insert(extra::FROM_INDEX, Value::Number(from));
        event.extra.insert(extra::UNTIL_INDEX, Value::Number(until));
        self.log.append(entry).await?;
        let register = Register {
            url: format!("{}/v1/register", self.config.token.issuer.trim_end_matches('/')),
            origin: self.log.verifier().name().to_owned(),
        };
        let current = self.policies.current();
        let mut read = LogRead {
            records: Vec::new(),
            next: None,
        };
        let mut seen = from;
        let mut pages = entries.pages(from..until);
        while let Some(page) = pages.next().await.map_err(failed)? {
            for entry in page {
                if reading.is_past(&entry.leaf) {
                    return Ok(read);
                }
                if read.records.len() >= RECORDS_MAX {
                    read.next = Some(entry.index);
                    return Ok(read);
                }
                seen = entry.index + 1;
                if reading.takes(&entry.leaf) && concerns(&entry.leaf, caller, &current) {
                    read.records.extend(records(&entry.leaf, &register, None));
                }
            }
        }
        read.next = (seen == until).then_some(until);
        Ok(read)
    }
}

/// Whether an entry is the organisation's own affair.
fn concerns(leaf: &Leaf, caller: &Caller, current: &Current) -> bool {
    let event = &leaf.event;
    let own = caller.organisation.as_str();
    let holder = event.extra.get(&extra::HOLDER);
    if event.recipient.as_deref() == Some(own)
        || event.acting_for.iter().any(|oin| oin == own)
        || matches!(holder, Some(Value::Text(oin)) if oin == own)
    {
        return true;
    }
    let purpose = event
        .purpose
        .as_ref()
        .and_then(|purpose| purpose.id.parse::<Name>().ok());
    let standing = purpose.and_then(|id| current.policies.purposes.get(&id));
    standing.is_some_and(|standing| standing.asks(&caller.organisation))
}

fn failed(error: AuditError) -> Refusal {
    match error {
        AuditError::Store(error) => error.into(),
        error => {
            tracing::error!(%error, "the log cannot be read");
            Refusal::Log
        }
    }
}
