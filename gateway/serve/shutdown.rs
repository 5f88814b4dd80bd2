//! Stopping in two steps: drain, then hurry.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::ServeError;

/// Tells every part of the gateway to stop. Clones tell and hear the same.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    hurry: CancellationToken,
}

impl Shutdown {
    /// A shutdown that waits to be asked.
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown that follows SIGTERM and SIGINT: the first drains, the second hurries.
    pub fn on_signals() -> Result<Self, ServeError> {
        let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
        let shutdown = Self::new();
        let told = shutdown.clone();
        tokio::spawn(async move {
            for step in [Self::drain, Self::hurry] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                step(&told);
            }
        });
        Ok(shutdown)
    }

    /// No new connections; running requests finish.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Cut what is still open. Drains first, if that was not asked yet.
    pub fn hurry(&self) {
        self.drain.cancel();
        self.hurry.cancel();
    }

    /// Whether we are stopping; the admin listener's readiness answers 503 then.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Waits for the first step.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Waits for the second step.
    pub async fn hurrying(&self) {
        self.hurry.cancelled().await;
    }
}
