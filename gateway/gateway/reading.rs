//! Reading the log's entries: they tell which organisation asked when and for what, so only auditors read them, and
//! each reading is an entry itself, durable before the bytes leave.

use doelpoort_core::audit::leaf::{GRANTED, Kind, Value, extra};
use doelpoort_core::audit::tile::Tile;
use doelpoort_core::party::Caller;
use jiff::Timestamp;

use super::Gateway;
use crate::exchange::{Refusal, Trace};
use crate::log::Entry;

/// The role of a program that may read the log's entries.
const ROLE: &str = "auditor";

impl Gateway {
    /// The entries under a tile (C2SP tlog-tiles); `None` beyond the newest checkpoint.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub(crate) async fn read_entries(
        &self,
        caller: &Caller,
        tile: Tile,
        trace: Trace,
        received: Timestamp,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let read = self.entries_for(caller, tile).await;
        let mut entry = Entry::new(Kind::LogRead)?;
        entry.event.requested_at = Some(received.as_microsecond());
        entry.event.recipient = Some(caller.organisation.to_string());
        entry.event.trace = Some(trace.trace_id);
        entry.event.span = Some(trace.span_id);
        let (from, until) = tile.range();
        entry.event.extra.insert(extra::FROM_INDEX, Value::Number(from));
        entry.event.extra.insert(extra::UNTIL_INDEX, Value::Number(until));
        let decision = read.as_ref().err().map_or(GRANTED, Refusal::code);
        entry.event.decision = Some(decision.to_owned());
        if !matches!(read, Ok(None)) {
            self.log.append(entry).await?;
        }
        read
    }

    async fn entries_for(&self, caller: &Caller, tile: Tile) -> Result<Option<Vec<u8>>, Refusal> {
        self.limits.check_client(caller)?;
        if !caller.roles.iter().any(|role| role == ROLE) {
            return Err(Refusal::Role);
        }
        Ok(self.log.entries(tile).await?)
    }
}
