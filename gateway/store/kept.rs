//! PostgreSQL connections that single statements hand on to each other.
//!
//! The driver's pool asks the server at each release whether the connection is still sound: a round trip for which a
//! statement of half a millisecond waits a second time. A connection whose statement was answered to its end is sound,
//! and needs no asking: it is kept for the next statement. One whose statement failed or was given up goes back to the
//! pool, which asks. Transactions take theirs from the pool; while anybody waits there, nothing is kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Transaction};

/// After this a connection passes through the pool, which renews those that are too old.
const KEPT_TIME_MAX: Duration = Duration::from_mins(5);

/// The connections of a PostgreSQL database. Cheap to clone; all clones share them.
#[derive(Clone, Debug)]
pub struct PostgresPool {
    pub(super) pool: PgPool,
    kept: Arc<Kept>,
}

/// A connection in use by one statement.
pub(super) struct Held {
    pub(super) connection: PoolConnection<Postgres>,
    since: Instant,
}

#[derive(Default)]
struct Kept {
    /// Idle ones, none once it is closed.
    idle: Mutex<Option<Vec<Held>>>,
    /// How many wait for the pool.
    waiting: AtomicUsize,
}

impl PostgresPool {
    pub(super) fn new(pool: PgPool) -> Self {
        let kept = Kept {
            idle: Mutex::new(Some(Vec::new())),
            waiting: AtomicUsize::new(0),
        };
        Self {
            pool,
            kept: Arc::new(kept),
        }
    }

    /// A connection for one statement.
    pub(super) async fn hold(&self) -> Result<Held, sqlx::Error> {
        let idle = self.kept.idle().as_mut().and_then(Vec::pop);
        if let Some(held) = idle {
            return Ok(held);
        }
        Ok(Held {
            // Boxed, as it is seldom needed: it would make the future of every statement large.
            connection: self.of_pool(Box::pin(self.pool.acquire())).await?,
            since: Instant::now(),
        })
    }

    /// Keeps a connection whose statement was answered to its end.
    pub(super) fn keep(&self, held: Held) {
        // Looked at under the lock: who begins to wait after it takes what is kept here.
        let mut idle = self.kept.idle();
        let wanted = self.kept.waiting.load(Ordering::SeqCst) > 0;
        match idle.as_mut() {
            Some(idle) if !wanted && held.since.elapsed() <= KEPT_TIME_MAX => idle.push(held),
            // Back to the pool.
            _ => drop(held),
        }
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.of_pool(Box::pin(self.pool.begin())).await
    }

    pub(super) async fn begin_with(
        &self,
        statement: &'static str,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.of_pool(Box::pin(self.pool.begin_with(statement))).await
    }

    /// Waits for the pool, and gives it a connection to hand out.
    async fn of_pool<T>(&self, wanted: impl Future<Output = T>) -> T {
        let waiting = Waiting::new(&self.kept);
        drop(self.kept.idle().as_mut().and_then(Vec::pop));
        let got = wanted.await;
        drop(waiting);
        got
    }

    /// Waits for the running statements and closes every connection.
    pub(super) async fn close(&self) {
        drop(self.kept.idle().take());
        self.pool.close().await;
    }
}

impl Kept {
    fn idle(&self) -> MutexGuard<'_, Option<Vec<Held>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kept {
    /// Going back to the pool takes a runtime, which may be gone by now.
    fn drop(&mut self) {
        for held in self.idle().take().into_iter().flatten() {
            drop(held.connection.detach());
        }
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({})", self.idle().as_ref().map_or(0, Vec::len))
    }
}

/// One who waits for the pool, given up or not.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(kept: &'a Kept) -> Self {
        kept.waiting.fetch_add(1, Ordering::SeqCst);
        Self(&kept.waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
