//! Certificates, authorities and revocation lists are read again on SIGHUP, and by themselves when their files changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::Shutdown;
use crate::telemetry::Metrics;
use crate::tls::Tls;

/// How often the files are looked at. They are read when they are the same for two looks: not while they are written.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// What tells a file from its next version without reading it: when it changed, its length, and which file it is.
type Look = Vec<Option<((i64, i64), u64, u64)>>;

/// Reads again until shutdown.
pub(super) async fn watch(tls: Arc<Tls>, metrics: Arc<Metrics>, shutdown: Shutdown) {
    let files: Vec<PathBuf> = tls.files().map(PathBuf::from).collect();
    let mut hangup = signal(SignalKind::hangup()).ok();
    if hangup.is_none() {
        tracing::warn!("cannot wait for SIGHUP; certificates are read again when their files change");
    }
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut read = look(files.clone()).await;
    let mut before = read.clone();
    metrics.days_left(&tls.days_left());
    loop {
        let due = tokio::select! {
            () = shutdown.draining() => return,
            () = hung_up(&mut hangup) => true,
            _ = ticks.tick() => false,
        };
        let now = look(files.clone()).await;
        if due || (now != read && now == before) {
            again(&tls, &metrics);
            read.clone_from(&now);
        }
        before = now;
        metrics.days_left(&tls.days_left());
    }
}

fn again(tls: &Tls, metrics: &Metrics) {
    let outcome = tls.reload();
    metrics.certificates_refused(outcome.is_err());
    match outcome {
        Ok(()) => tracing::info!("certificates read again"),
        Err(why) => tracing::error!(%why, "certificates not read again; the old ones stay"),
    }
}

async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => drop(hangup.recv().await),
        None => std::future::pending().await,
    }
}

async fn look(files: Vec<PathBuf>) -> Look {
    use std::os::unix::fs::MetadataExt as _;
    let looked = tokio::task::spawn_blocking(move || {
        files
            .iter()
            .map(|file| {
                let metadata = std::fs::metadata(file).ok()?;
                Some((
                    (metadata.mtime(), metadata.mtime_nsec()),
                    metadata.len(),
                    metadata.ino(),
                ))
            })
            .collect()
    });
    looked.await.unwrap_or_default()
}
