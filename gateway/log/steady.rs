//! Whether this machine's clock was set while the gateway runs. The time of an entry is what a supervisor, a court and a
//! retention term go by, so an entry under a clock that jumped is not made: whoever asks is answered 503 until the clock is
//! right again, or the gateway was started under the new time by somebody who decided so.
//!
//! Small corrections, as time services make them, and clocks that run a little fast or slow, are no jumps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::LogError;
use crate::clock::Clock;
use crate::store::log::Head;

/// By how much the clock may be set while the gateway runs, in µs.
const JUMP_US_MAX: i64 = 10_000_000;
const SECONDS_PER_DAY: u64 = 24 * 60 * 60;
/// By how much the last entry of the log may be later than now, in µs: as much as clocks of replicas may differ.
pub(super) const AHEAD_US_MAX: i64 = 10_000_000;
const US_PER_SECOND: i64 = 1_000_000;

/// What the clock showed at the start, beside the time that passed by then.
#[derive(Debug, Default)]
pub(super) struct Steady {
    ahead_us: i64,
    told: AtomicBool,
}

impl Steady {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        Self {
            ahead_us: passed_us(clock),
            told: AtomicBool::new(false),
        }
    }

    /// Refuses while the clock shows another time than the start's and what passed since.
    pub(super) fn check(&self, clock: &dyn Clock) -> Result<(), LogError> {
        let jumped_us = passed_us(clock).saturating_sub(self.ahead_us);
        let jumped = jumped_us.saturating_abs() > JUMP_US_MAX;
        let seconds = jumped_us / US_PER_SECOND;
        if jumped != self.told.swap(jumped, Ordering::SeqCst) {
            if jumped {
                tracing::error!(
                    seconds,
                    "the clock jumped: nothing is answered until it is right again"
                );
            } else {
                tracing::warn!("the clock is right again");
            }
        }
        if jumped {
            Err(LogError::ClockJumped { seconds })
        } else {
            Ok(())
        }
    }
}

/// By how much the last entry of the log is later than now, in µs.
pub(super) fn ahead_us(head: &Head, now_us: i64) -> i64 {
    head.last_us.saturating_sub(now_us)
}

/// Holds the clock at the start against the last entry of the log: it may be neither before it, nor so long after it that
/// the clock is more likely wrong than the gateway was off. An entry under a wrong time can never be taken back.
///
/// # Errors
/// [`LogError::ClockBehind`], [`LogError::ClockFarAhead`].
pub(super) fn check_start(head: &Head, now_us: i64, idle_max: Duration) -> Result<(), LogError> {
    let ahead_us = ahead_us(head, now_us);
    if ahead_us > AHEAD_US_MAX {
        let seconds = ahead_us / US_PER_SECOND;
        return Err(LogError::ClockBehind { seconds });
    }
    let idle = Duration::from_micros(ahead_us.saturating_neg().max(0).unsigned_abs());
    if head.size > 0 && idle > idle_max {
        let days = idle.as_secs() / SECONDS_PER_DAY;
        return Err(LogError::ClockFarAhead { days });
    }
    Ok(())
}

/// By how much the clock is ahead of the time that passed.
fn passed_us(clock: &dyn Clock) -> i64 {
    clock.now().as_microsecond().saturating_sub(clock.elapsed_us())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::clock::{FixedClock, SystemClock};

    #[test]
    fn time_may_pass_and_be_corrected_but_not_jump() {
        let clock = FixedClock::at("2026-11-22T10:00:00Z".parse().unwrap());
        let steady = Steady::new(&clock);
        clock.advance(SignedDuration::from_hours(48));
        clock.jump(SignedDuration::from_secs(9));
        assert!(steady.check(&clock).is_ok());
        for hours in [1, -1] {
            clock.jump(SignedDuration::from_hours(hours));
            let jumped = steady.check(&clock);
            assert!(matches!(jumped, Err(LogError::ClockJumped { seconds }) if seconds == hours * 3_600 + 9));
            clock.jump(SignedDuration::from_hours(-hours));
            assert!(steady.check(&clock).is_ok());
        }
    }

    #[test]
    fn the_machines_clock_is_steady() {
        let steady = Steady::new(&SystemClock);
        assert!(steady.check(&SystemClock).is_ok());
    }
}
