//! What systemd is told (`sd_notify`): ready, reading again, stopping, alive. Without systemd nobody listens, and nothing
//! happens.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use super::Shutdown;

/// It listens, and answers.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// It reads its files again; [`ready`] follows.
pub fn reloading() {
    let now = NotifyState::monotonic_usec_now();
    match now {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// It drains: for at most so many seconds more.
pub fn stopping(seconds: u64) {
    let more = u32::try_from(Duration::from_secs(seconds + 10).as_micros()).unwrap_or(u32::MAX);
    tell(&[
        NotifyState::Stopping,
        NotifyState::Status("draining"),
        NotifyState::ExtendTimeoutUsec(more),
    ]);
}

/// Tells twice in each term of the watchdog (`WatchdogSec=`) that this program still turns, until it has stopped. That
/// the database is away is no reason to be restarted; that no task is run any more is.
pub async fn alive(shutdown: &Shutdown) {
    let Some(term) = sd_notify::watchdog_enabled() else {
        return shutdown.hurrying().await;
    };
    let mut ticks = interval((term / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.hurrying() => return,
            _ = ticks.tick() => tell(&[NotifyState::Watchdog]),
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(why) = sd_notify::notify(states) {
        tracing::warn!(%why, "systemd cannot be told how it goes");
    }
}
