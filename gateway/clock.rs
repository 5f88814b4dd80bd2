//! The only place that reads the clock. Everything else gets a [`Clock`], or `now` as a value.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Tells what time it is.
pub trait Clock: Send + Sync {
    /// The present instant, UTC.
    fn now(&self) -> Timestamp;

    /// The time that passed since some moment, in µs. Setting the clock does not change it.
    fn elapsed_us(&self) -> i64;
}

/// When the machine's clock was first looked at.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that all others are told to use"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed_us(&self) -> i64 {
        i64::try_from(BEGAN.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

/// The machine's clock, set back by a fixed span until it is told to move to real time. The demo delivers
/// under it, so that "delivered before today" and "merges take effect the next day" hold unweakened.
#[derive(Debug)]
pub struct OffsetClock {
    back_us: AtomicI64,
}

impl OffsetClock {
    /// A clock that runs `back` behind the machine's.
    pub fn set_back(back: SignedDuration) -> Self {
        let back_us = i64::try_from(back.as_micros()).unwrap_or(i64::MAX);
        Self {
            back_us: AtomicI64::new(back_us),
        }
    }

    /// From here on the clock shows real time. It never moves backwards by this when the span was positive.
    pub fn move_to_real_time(&self) {
        self.back_us.store(0, Ordering::SeqCst);
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        let real = SystemClock.now();
        let back = SignedDuration::from_micros(self.back_us.load(Ordering::SeqCst));
        real.saturating_sub(back).unwrap_or(real)
    }

    /// The move to real time is a passing of time, too.
    fn elapsed_us(&self) -> i64 {
        SystemClock
            .elapsed_us()
            .saturating_sub(self.back_us.load(Ordering::SeqCst))
    }
}

/// A clock that stands still until it is moved; for tests and for example keys.
#[derive(Debug)]
pub struct FixedClock {
    now_us: AtomicI64,
    set_us: AtomicI64,
}

impl FixedClock {
    /// A clock that shows `now`, to the microsecond.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now_us: AtomicI64::new(now.as_microsecond()),
            set_us: AtomicI64::new(0),
        }
    }

    /// Lets `span` pass, which may be negative.
    pub fn advance(&self, span: SignedDuration) {
        let span_us = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.now_us.fetch_add(span_us, Ordering::SeqCst);
    }

    /// Sets the clock forward by `span`, or back: no time passes, as when somebody sets a machine's clock.
    pub fn jump(&self, span: SignedDuration) {
        let span_us = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.set_us.fetch_add(span_us, Ordering::SeqCst);
        self.advance(span);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now_us.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }

    fn elapsed_us(&self) -> i64 {
        self.now_us.load(Ordering::SeqCst) - self.set_us.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    #[test]
    fn an_offset_clock_runs_behind_until_it_moves_to_real_time() {
        let clock = OffsetClock::set_back(DAY);
        let behind = SystemClock.now().duration_since(clock.now());
        assert!((behind - DAY).abs() < SignedDuration::from_secs(5), "{behind}");

        clock.move_to_real_time();

        let behind = SystemClock.now().duration_since(clock.now());
        assert!(behind.abs() < SignedDuration::from_secs(5), "{behind}");
    }

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let start: Timestamp = "2026-10-01T02:11:00Z".parse().unwrap();
        let clock = FixedClock::at(start);
        assert_eq!(clock.now(), start);
        clock.advance(DAY);
        assert_eq!(clock.now().to_string(), "2026-10-02T02:11:00Z");
    }
}
