//! Requests without a pause, while something is changed that nobody should notice.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Requests of each kind between two changes.
const REQUESTS_BETWEEN_CHANGES: usize = 3;
/// Between two requests: both cores are needed by others, too.
const PAUSE: Duration = Duration::from_millis(10);
/// For how long none may be answered.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);

/// Tasks that ask without end, each in its own way.
#[derive(Default)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicUsize>,
    tasks: Vec<(Arc<AtomicUsize>, JoinHandle<()>)>,
}

impl Load {
    /// Asks like this from here on.
    pub(crate) fn add<E: Display + Send, F: Future<Output = Result<(), E>> + Send>(
        &mut self,
        ask: impl Fn() -> F + Send + 'static,
    ) {
        let answered = Arc::new(AtomicUsize::new(0));
        let (stop, failed, counted) = (
            Arc::clone(&self.stop),
            Arc::clone(&self.failed),
            Arc::clone(&answered),
        );
        let task = tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                if let Err(failure) = ask().await {
                    eprintln!("{failure}");
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                counted.fetch_add(1, Ordering::Relaxed);
                sleep(PAUSE).await;
            }
        });
        self.tasks.push((answered, task));
    }

    /// Until each task was answered some times more, so that every change has requests on both sides of it.
    pub(crate) async fn goes_on(&self) {
        let counts = || -> Vec<usize> {
            let counts = self.tasks.iter();
            counts
                .map(|(answered, _)| answered.load(Ordering::Relaxed))
                .collect()
        };
        let before = counts();
        let waited = tokio::time::timeout(ANSWERED_WITHIN, async {
            let more = |(now, before): (usize, &usize)| now >= before + REQUESTS_BETWEEN_CHANGES;
            while !counts().into_iter().zip(&before).all(more) {
                sleep(PAUSE).await;
            }
        });
        waited.await.expect("every task is answered");
    }

    /// Ends it; none may have failed.
    pub(crate) async fn ends(self) {
        self.goes_on().await;
        self.stop.store(true, Ordering::Relaxed);
        for (_, task) in self.tasks {
            task.await.unwrap();
        }
        assert_eq!(self.failed.load(Ordering::Relaxed), 0, "requests failed");
    }
}
