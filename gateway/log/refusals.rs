//! Refusals of known callers. Each has an entry of its own, as a grant has; but past 20 of one client for one reason in
//! one minute they are only counted, so that nobody can fill the log by being refused. Before the first that is counted an
//! entry says that counting begins, so that every refusal stands behind a durable entry before it is told. When the minute
//! is over, another entry has the count.
//!
//! What a crash leaves behind: a window that was opened and never closed. Its count is unknown, and after a while
//! [`Log::settle`](super::Log::settle) says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doelpoort_core::audit::leaf::{Kind, Value, Window as Period, extra};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::party::ClientId;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use super::{Entry, Log, LogError, WAIT_MAX};
use crate::clock::Clock;

/// Refusals of one client for one reason in one minute that have an entry each.
pub const REFUSALS_LOGGED_MAX: u32 = 20;
/// Refusals that wait for a commit at once. A transaction takes up to 1,000 entries, so that a flood of refusals, of however
/// many clients, never takes more than a tenth of one, and a grant behind it waits no longer than without it.
const REFUSALS_WAITING_MAX: usize = 100;
/// Clients and reasons that one minute may have. Both are few; beyond it each refusal has its entry.
const KEYS_MAX: usize = 16_384;
/// The length of a window, in µs.
const WINDOW_US: i64 = 60_000_000;

/// Who was refused, and why.
type Key = (ClientId, String);

/// The refusals of a running gateway.
pub(super) struct Refusals {
    clock: Arc<dyn Clock>,
    waiting: Semaphore,
    counts: Mutex<Counts>,
}

/// The refusals of one minute, and the windows of earlier ones that still have to be closed.
#[derive(Default)]
struct Counts {
    minute: i64,
    of: HashMap<Key, Count>,
    past: Vec<Past>,
}

#[derive(Default)]
struct Count {
    logged: u32,
    window: Option<Arc<Window>>,
    counted: u64,
}

/// A window, open once its entry is durable.
struct Window {
    client: ClientId,
    code: String,
    recipient: Option<String>,
    from_us: i64,
    opened: OnceCell<Receipt>,
}

/// A window whose minute is over.
struct Past {
    window: Arc<Window>,
    counted: u64,
}

/// How far the closing of a window came.
enum Closed {
    Done,
    /// Somebody still waits for the entry that opens it.
    StillOpening,
}

/// What becomes of one refusal.
enum Place {
    /// It has an entry of its own.
    Own,
    /// It was counted in an open window.
    Counted(Box<Receipt>),
    /// It will be, once this window is open.
    Opening(Arc<Window>),
}

impl Refusals {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            waiting: Semaphore::new(REFUSALS_WAITING_MAX),
            counts: Mutex::default(),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, key: &Key, recipient: Option<&String>) -> Place {
        let now_us = self.clock.now().as_microsecond();
        let mut counts = self.counts();
        counts.turn(now_us);
        let is_full = counts.of.len() >= KEYS_MAX && !counts.of.contains_key(key);
        if is_full {
            return Place::Own;
        }
        let count = counts.of.entry(key.clone()).or_default();
        if count.logged < REFUSALS_LOGGED_MAX {
            count.logged += 1;
            return Place::Own;
        }
        let window = count.window.get_or_insert_with(|| {
            Arc::new(Window {
                client: key.0.clone(),
                code: key.1.clone(),
                recipient: recipient.cloned(),
                from_us: now_us,
                opened: OnceCell::new(),
            })
        });
        match window.opened.get() {
            Some(receipt) => {
                count.counted += 1;
                Place::Counted(Box::new(receipt.clone()))
            }
            None => Place::Opening(Arc::clone(window)),
        }
    }
}

impl Counts {
    /// Another minute, in whichever direction the clock went: all begins anew.
    fn turn(&mut self, now_us: i64) {
        let minute = now_us.div_euclid(WINDOW_US);
        if minute != self.minute {
            self.minute = minute;
            self.end();
        }
    }

    fn end(&mut self) {
        let ended = self.of.drain().filter_map(|(_, count)| {
            let counted = count.counted;
            count.window.map(|window| Past { window, counted })
        });
        self.past.extend(ended);
    }
}

impl Window {
    fn entry(&self, kind: Kind, period: Period) -> Result<Entry, LogError> {
        let mut entry = Entry::new(kind)?;
        let event = &mut entry.event;
        event.recipient.clone_from(&self.recipient);
        event.decision = Some(self.code.clone());
        event.window = Some(period);
        let client = Value::Text(self.client.to_string());
        event.extra.insert(extra::CLIENT, client);
        Ok(entry)
    }
}

impl Log {
    /// Appends the refusal of a known caller, or counts it in a window that is durably open. The receipt is that of the
    /// refusal, or of its window; either way it may be told.
    ///
    /// # Errors
    /// As [`Log::append`]: the refusal may not be told.
    pub async fn append_refusal(&self, client: &ClientId, entry: Entry) -> Result<Receipt, LogError> {
        let refusals = &self.shared.refusals;
        let code = entry.event.decision.clone().unwrap_or_default();
        let key = (client.clone(), code);
        loop {
            match refusals.place(&key, entry.event.recipient.as_ref()) {
                Place::Own => return self.append_in_turn(entry).await,
                Place::Counted(receipt) => return Ok(*receipt),
                Place::Opening(window) => {
                    window
                        .opened
                        .get_or_try_init(|| async {
                            let (from, until, count) = (window.from_us, None, None);
                            let period = Period { from, until, count };
                            self.append_in_turn(window.entry(Kind::RefusalWindowOpened, period)?)
                                .await
                        })
                        .await?;
                }
            }
        }
    }

    /// As soon as fewer refusals wait for a commit than may; turn and commit together take no longer than a commit may.
    async fn append_in_turn(&self, entry: Entry) -> Result<Receipt, LogError> {
        let began = Instant::now();
        let turn = tokio::time::timeout(WAIT_MAX, self.shared.refusals.waiting.acquire()).await;
        let _turn = turn
            .map_err(|_| LogError::Unavailable)?
            .map_err(|_| LogError::Unavailable)?;
        self.append_within(entry, WAIT_MAX.saturating_sub(began.elapsed()))
            .await
    }

    /// Closes the windows of past minutes; call it each minute. What fails is tried again the next time.
    pub async fn close_refusal_windows(&self) {
        let now_us = self.shared.clock.now().as_microsecond();
        let past = {
            let mut counts = self.shared.refusals.counts();
            counts.turn(now_us);
            std::mem::take(&mut counts.past)
        };
        self.close_windows(past, now_us).await;
    }

    /// Closes all windows: the gateway ends.
    pub(super) async fn end_refusal_windows(&self) {
        let now_us = self.shared.clock.now().as_microsecond();
        let past = {
            let mut counts = self.shared.refusals.counts();
            counts.end();
            std::mem::take(&mut counts.past)
        };
        self.close_windows(past, now_us).await;
    }

    async fn close_windows(&self, past: Vec<Past>, now_us: i64) {
        let (mut again, mut is_down) = (Vec::new(), false);
        for past in past {
            if is_down {
                again.push(past);
                continue;
            }
            match self.close_window(&past, now_us).await {
                Ok(Closed::Done) => {}
                Ok(Closed::StillOpening) => again.push(past),
                Err(LogError::Unavailable) => {
                    is_down = true;
                    again.push(past);
                }
                Err(error) => tracing::error!(%error, "a window of refusals could not be closed"),
            }
        }
        if !again.is_empty() {
            tracing::warn!(windows = again.len(), "windows of refusals are closed later");
            self.shared.refusals.counts().past.extend(again);
        }
    }

    async fn close_window(&self, past: &Past, now_us: i64) -> Result<Closed, LogError> {
        // Whoever opens it holds it; asked before whether it is open, so that it cannot come in between.
        let is_opening = Arc::strong_count(&past.window) > 1;
        let Some(receipt) = past.window.opened.get() else {
            // If nobody opens it, its entry failed; if that is in the log after all, its count is unknown.
            return Ok(if is_opening {
                Closed::StillOpening
            } else {
                Closed::Done
            });
        };
        let from = past.window.from_us;
        let period = Period {
            from,
            until: Some(now_us.min(from.saturating_add(WINDOW_US)).max(from)),
            count: Some(past.counted),
        };
        let mut entry = past.window.entry(Kind::RefusalWindowClosed, period)?;
        entry.event.opening = opening(receipt);
        self.append(entry).await.map(|_| Closed::Done)
    }
}

/// The id of the entry that a receipt is of.
fn opening(receipt: &Receipt) -> Option<[u8; 16]> {
    let id = data_encoding::HEXLOWER.decode(receipt.entry_id.as_bytes()).ok()?;
    id.try_into().ok()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::clock::FixedClock;

    fn key(number: usize) -> Key {
        let client = format!("client-{number}").parse().unwrap();
        (client, "rate-limited".to_owned())
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_each_minute() {
        let clock = Arc::new(FixedClock::at("2026-11-22T10:00:00Z".parse().unwrap()));
        let refusals = Refusals::new(Arc::<FixedClock>::clone(&clock));
        let is_own = |number| matches!(refusals.place(&key(number), None), Place::Own);
        assert!((0..KEYS_MAX + 100).all(is_own));
        assert_eq!(refusals.counts().of.len(), KEYS_MAX);
        // Who does not fit is logged one by one; who does is counted past twenty.
        assert!((0..50).all(|_| is_own(KEYS_MAX)));
        assert_eq!((0..50).filter(|_| is_own(0)).count(), 19);
        clock.advance(SignedDuration::from_mins(1));
        assert!(is_own(0));
        assert_eq!(refusals.counts().of.len(), 1);
        assert_eq!(refusals.counts().past.len(), 1);
    }
}
