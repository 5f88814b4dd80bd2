//! What a replica does by itself: it asks the log several times a second whether policies changed or something was
//! withdrawn, and looks every few seconds whether its own files did.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Gateway;
use crate::log::LogError;
use crate::policies;

/// How often the log is asked: a withdrawal counts on every replica well within a second.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Looks at the files every so many times that the log is asked: every three seconds.
const LOOK_EVERY: u32 = 12;

/// Begins to follow; it ends with the gateway.
pub(super) fn start(gateway: &Arc<Gateway>) {
    let task = tokio::spawn(follow(Arc::downgrade(gateway)));
    // Started once: whoever starts again keeps the first.
    if gateway.follower.set(task.abort_handle()).is_err() {
        task.abort();
    }
}

async fn follow(gateway: Weak<Gateway>) {
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut count, mut failing, mut seen) = (0_u32, false, None);
    loop {
        ticks.tick().await;
        let Some(gateway) = gateway.upgrade() else { return };
        match ask(&gateway).await {
            Ok(()) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::error!(%error, "the log cannot be asked for policies; answers that run wait for it");
                }
                failing = true;
            }
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(LOOK_EVERY) {
            seen = look(&gateway, seen).await;
        }
    }
}

async fn ask(gateway: &Gateway) -> Result<(), LogError> {
    let mut ledger = gateway.ledger.lock().await;
    gateway.hear(&mut ledger).await
}

/// Reads the policies again when their files changed and are the same for two looks: not while they are being written.
async fn look(gateway: &Gateway, seen: Option<[u8; 32]>) -> Option<[u8; 32]> {
    let folder = gateway.config.policies.dir.clone();
    let found = tokio::task::spawn_blocking(move || policies::fingerprint(&folder))
        .await
        .ok()?;
    let known = gateway.ledger.lock().await.fingerprint;
    if found != known && seen == Some(found) {
        // Why they are refused is told where that is decided.
        let _ = gateway.reload_policies().await;
    }
    Some(found)
}
