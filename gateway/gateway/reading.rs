//! Reading the log's entries: they tell which organisation asked when and for what, so only auditors and the data
//! protection officer (FG) read them, and each reading is an entry itself, durable before the bytes leave. The sealed
//! private parts are for the FG alone, who announced the look first.

use doelpoort_core::audit::leaf::{Event, GRANTED, Kind, Value, extra};
use doelpoort_core::audit::tile::Tile;
use doelpoort_core::party::Caller;
use jiff::{SignedDuration, Timestamp};

use super::Gateway;
use crate::exchange::{FG_ROLE, Refusal, Trace, reading};
use crate::log::{Entry, Published};
use crate::store::archive;

/// The role of a program that may read the log's entries.
const AUDITOR_ROLE: &str = "auditor";
/// What the entry of a reading says was read, where that is not entries.
const PRIVATE_PARTS: &str = "private-parts";
const POLICIES: &str = "policies";
/// How long after its announcement a look may read private parts.
const LOOK_TIME_MAX: SignedDuration = SignedDuration::from_hours(24);

impl Gateway {
    /// The entries under a tile (C2SP tlog-tiles); `None` beyond the newest checkpoint.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub(crate) async fn read_entries(
        &self,
        caller: &Caller,
        (shard, tile): (Option<&Published>, Tile),
        trace: Trace,
        received: Timestamp,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let read = match (self.check_reader(caller), shard) {
            (Ok(()), Some(shard)) => shard.entries(tile).await.map_err(Refusal::from),
            (Ok(()), None) => self.log.entries(tile).await.map_err(Refusal::from),
            (Err(refusal), _) => Err(refusal),
        };
        let mut entry = reading(caller, trace, received)?;
        say_range(&mut entry, tile);
        say_shard(&mut entry, shard);
        self.record_reading(caller, entry, read).await
    }

    /// The sealed private parts under a tile of entries of a shard, or of the last one, for the look whose announcement is
    /// entry `look` of the last one; `None` beyond the newest checkpoint.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub(crate) async fn read_private_parts(
        &self,
        caller: &Caller,
        (shard, tile): (Option<&Published>, Tile),
        look: u64,
        trace: Trace,
        received: Timestamp,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let mut entry = reading(caller, trace, received)?;
        say_range(&mut entry, tile);
        say(&mut entry, PRIVATE_PARTS);
        say_shard(&mut entry, shard);
        let read = match self.announced_by(caller, look).await {
            Ok(announcement) => {
                entry.event.opening = Some(announcement.entry_id);
                let read = match shard {
                    Some(shard) => shard.private_parts(tile).await,
                    None => self.log.published()?.private_parts(tile).await,
                };
                read.map_err(Refusal::from)
            }
            Err(refusal) => Err(refusal),
        };
        self.record_reading(caller, entry, read).await
    }

    /// The files of the policies with this digest, as JSON; `None` where none like that were ever in force.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub(crate) async fn read_policies(
        &self,
        caller: &Caller,
        digest: [u8; 32],
        trace: Trace,
        received: Timestamp,
    ) -> Result<Option<String>, Refusal> {
        let read = match self.check_reader(caller) {
            Ok(()) => archive::policies(&self.store, &digest)
                .await
                .map_err(Refusal::from),
            Err(refusal) => Err(refusal),
        };
        let mut entry = reading(caller, trace, received)?;
        say(&mut entry, POLICIES);
        entry.event.policy = Some(digest);
        self.record_reading(caller, entry, read).await
    }

    /// What is not there is not read; everything else is in the log before it leaves.
    async fn record_reading<T>(
        &self,
        caller: &Caller,
        mut entry: Entry,
        read: Result<Option<T>, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        let refusal = read.as_ref().err();
        entry.event.decision = Some(refusal.map_or(GRANTED, Refusal::code).to_owned());
        match &read {
            Ok(None) => {}
            Ok(Some(_)) => drop(self.log.append(entry).await?),
            Err(_) => drop(self.log.append_refusal(&caller.client, entry).await?),
        }
        read
    }

    fn check_reader(&self, caller: &Caller) -> Result<(), Refusal> {
        self.limits.check_client(caller)?;
        let may = |role: &String| role == AUDITOR_ROLE || role == FG_ROLE;
        if caller.roles.iter().any(may) {
            Ok(())
        } else {
            Err(Refusal::Role)
        }
    }

    /// The entry that announced a look of this organisation, not long ago.
    async fn announced_by(&self, caller: &Caller, index: u64) -> Result<Event, Refusal> {
        self.check_fg(caller)?;
        let leaf = self
            .log
            .published()?
            .entry(index)
            .await?
            .ok_or(Refusal::NotAnnounced)?;
        let since = self
            .clock
            .now()
            .saturating_sub(LOOK_TIME_MAX)
            .unwrap_or(Timestamp::MIN);
        let event = leaf.event;
        let announces = event.kind == Kind::LogRead
            && event.decision.as_deref() == Some(GRANTED)
            && event.recipient.as_deref() == Some(caller.organisation.as_str())
            && (event.extra.contains_key(&extra::SOUGHT) || event.form.is_some())
            && leaf.time >= since.as_microsecond();
        if announces {
            Ok(event)
        } else {
            Err(Refusal::NotAnnounced)
        }
    }
}

fn say(entry: &mut Entry, what: &str) {
    let what = Value::Text(what.to_owned());
    entry.event.extra.insert(extra::COMMAND, what);
}

fn say_shard(entry: &mut Entry, shard: Option<&Published>) {
    let origin = shard.map(|shard| Value::Text(shard.key().name().to_owned()));
    let origin = origin.map(|origin| (extra::SHARD, origin));
    entry.event.extra.extend(origin);
}

fn say_range(entry: &mut Entry, tile: Tile) {
    let (from, until) = tile.range();
    entry.event.extra.insert(extra::FROM_INDEX, Value::Number(from));
    entry.event.extra.insert(extra::UNTIL_INDEX, Value::Number(until));
}
