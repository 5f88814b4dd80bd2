//! What a replica does by itself: it asks the log several times a second whether policies changed or something was
//! withdrawn, and looks every few seconds whether its own files did: the policies, and its keys.

use std::sync::{Arc, Weak};
use std::time::Duration;

use doelpoort_core::policy::sha256;
use tokio::time::{MissedTickBehavior, interval};

use super::Gateway;
use crate::log::LogError;

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
    let (mut count, mut failing, mut seen, mut had) = (0_u32, false, None, true);
    let mut keys = FgKeysFile::default();
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
        // Whoever put others in force may have written them into this replica's folder first.
        let has = gateway.policies.current().in_force;
        if count.is_multiple_of(LOOK_EVERY) || had && !has {
            seen = gateway.look(seen).await;
            keys.look(&gateway).await;
            gateway.follow_keys().await;
        }
        had = has;
    }
}

async fn ask(gateway: &Gateway) -> Result<(), LogError> {
    let mut ledger = gateway.ledger.lock().await;
    gateway.hear(&mut ledger).await
}

/// The file with the FG's public keys, as it was seen.
#[derive(Default)]
struct FgKeysFile {
    known: Option<[u8; 32]>,
    seen: Option<[u8; 32]>,
}

impl FgKeysFile {
    /// Reads the keys again when their file changed and is the same for two looks; a file that is no good is told once.
    async fn look(&mut self, gateway: &Gateway) {
        let found = tokio::fs::read(&gateway.config.audit.fg_keys).await;
        let Ok(found) = found.map(|bytes| sha256(&bytes)) else {
            return;
        };
        if self.known.is_none() {
            self.known = Some(found);
        }
        if self.known != Some(found) && self.seen == Some(found) {
            self.known = Some(found);
            if let Err(error) = gateway.reload_fg_keys() {
                tracing::error!(%error, "the FG's keys not read again; the old ones stay");
            }
        }
        self.seen = Some(found);
    }
}
