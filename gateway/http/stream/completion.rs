//! How an answer ended that left in pieces, told to the log. The decided entry says what may have left; this one how far it
//! came. If it is never told, because the process died, the log presumes that all was disclosed (`log/settle.rs`).

use std::sync::Arc;

use doelpoort_core::audit::leaf::{Event, Kind, Value, extra};
use tokio::runtime::Handle;

use crate::gateway::Gateway;
use crate::keys::Digesting;
use crate::log::{Entry, Log, LogError};
use crate::telemetry::Metrics;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All of it was given to the connection.
    Complete,
    /// Policies stopped it.
    Cut,
    /// The connection broke, or the gateway ended.
    Aborted,
    /// The client has it already (RFC 9110 section 15.4.5): nothing left.
    Unchanged,
}

impl End {
    fn code(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Cut => "cut",
            Self::Aborted => "aborted",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What is known of an answer on its way. Dropped before its end, it was aborted.
pub(super) struct Completion {
    log: Log,
    metrics: Arc<Metrics>,
    opening: [u8; 16],
    recipient: Option<String>,
    rows: u64,
    given: u64,
    /// Of what was given; absent where the answer is short, and its decided entry tells all.
    digest: Option<Digesting>,
    told: bool,
}

impl Completion {
    /// Of an answer with this entry and this many rows.
    pub(super) fn of(gateway: &Gateway, event: &Event, rows: u64) -> Self {
        let in_pieces = event.extra.contains_key(&extra::BODY);
        Self {
            log: gateway.log.clone(),
            metrics: Arc::clone(&gateway.metrics),
            opening: event.entry_id,
            recipient: event.recipient.clone(),
            rows,
            given: 0,
            digest: in_pieces.then(|| gateway.keyring().digest.begin("answer")),
            told: false,
        }
    }

    /// These bytes were given to the connection.
    pub(super) fn given(&mut self, piece: &[u8]) {
        self.given += piece.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(piece);
        }
    }

    /// Tells the log, once; of a short answer only that it was cut.
    pub(super) fn tell(&mut self, end: End) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        if end == End::Cut {
            self.metrics.answer_cut();
        } else if self.digest.is_none() {
            return;
        }
        let entry = self.entry(end);
        let log = self.log.clone();
        // Outside of a runtime the process ends, and others presume the worst.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let logged = async { log.append(entry?).await };
                if let Err(error) = logged.await {
                    tracing::error!(%error, "the log could not be told how an answer ended");
                }
            });
        }
    }

    fn entry(&mut self, end: End) -> Result<Entry, LogError> {
        let mut entry = Entry::new(Kind::AccessCompleted)?;
        entry.event.opening = Some(self.opening);
        entry.event.recipient = self.recipient.take();
        let mut say = |key, value| drop(entry.event.extra.insert(key, value));
        say(extra::OUTCOME, Value::Text(end.code().to_owned()));
        say(extra::BYTES, Value::Number(self.given));
        if end == End::Complete {
            say(extra::ROWS, Value::Number(self.rows));
        }
        if let Some(digest) = self.digest.take() {
            say(extra::DIGEST, Value::Bytes(digest.finish().to_vec()));
        }
        Ok(entry)
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.tell(End::Aborted);
    }
}
