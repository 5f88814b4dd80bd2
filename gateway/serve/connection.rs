//! One connection after its handshake: requests until it ends, lies idle, or the gateway stops.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tower::Service as _;

use super::{Listener, Peer};
use crate::config::Limits;
use crate::telemetry::ConnectionEnd;

/// How often an HTTP/2 peer that says nothing is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long it may take to answer that.
const PING_TIME: Duration = Duration::from_secs(20);

/// Bytes of an answer that wait for room on an HTTP/2 stream.
const STREAM_BUFFER_BYTES_MAX: usize = 32 * 1024;

/// What the connection speaks, as agreed in the handshake; never guessed from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Serves requests with the peer in their extensions.
pub(super) async fn serve_connection<I>(
    stream: I,
    protocol: Protocol,
    listener: &Listener,
    peer: Peer,
) -> ConnectionEnd
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::default());
    let (counted, router) = (Arc::clone(&activity), listener.router.clone());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        Arc::clone(&counted).during(router.clone().call(request.map(Body::new)))
    });
    let builder = builder(protocol, &listener.limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let end = tokio::select! {
        ended = connection.as_mut() => return ended.map_or(ConnectionEnd::Broken, |()| ConnectionEnd::Closed),
        () = activity.idle(Duration::from_secs(listener.limits.header_time_s_max)) => ConnectionEnd::Idle,
        () = listener.shutdown.draining() => ConnectionEnd::Drained,
    };
    if activity.started() > 0 {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(
            Duration::from_secs(listener.limits.delivery_time_s_max),
            connection,
        )
        .await;
    }
    end
}

fn builder(protocol: Protocol, limits: &Limits) -> Builder<TokioExecutor> {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = match protocol {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_only(),
    };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.header_time_s_max))
        .max_buf_size(limits.header_bytes_max as usize)
        .max_headers(limits.headers_max as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIME)
        .max_send_buf_size(STREAM_BUFFER_BYTES_MAX)
        .max_header_list_size(limits.header_bytes_max)
        .max_concurrent_streams(limits.streams_per_connection_max);
    builder
}

/// How many requests of a connection were started and how many were answered.
#[derive(Debug, Default)]
struct Activity {
    started: AtomicU64,
    answered: AtomicU64,
}

impl Activity {
    fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    async fn during(
        self: Arc<Self>,
        answer: impl Future<Output = Result<Response, Infallible>>,
    ) -> Result<Response, Infallible> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let answered = Answered(self);
        let answer = answer.await;
        drop(answered);
        answer
    }

    /// Returns when for one to two times `span` no request was running. An answer that is still being sent
    /// does not count, which does no harm: what follows lets it finish.
    async fn idle(&self, span: Duration) {
        let mut ticks = interval(span);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut before = None;
        loop {
            let now = (self.started(), self.answered.load(Ordering::Relaxed));
            if before == Some(now) && now.0 == now.1 {
                return;
            }
            before = Some(now);
            ticks.tick().await;
        }
    }
}

/// Counts an answer also when its future is dropped, because the client went away.
struct Answered(Arc<Activity>);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}
