//! Spans and metrics to a collector, where one is configured. They tell how the gateway does, and may be lost: what
//! does not fit is counted and dropped, and no request waits for it.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::span::{Span, text};
use super::{Metrics, points};
use crate::clock::Clock;
use crate::config::Telemetry;
use crate::keys::file::secret_text;
use crate::otlp::{Collector, Signal};

/// Spans that wait; more are dropped.
const SPANS_WAITING_MAX: usize = 4_096;
/// How long a span waits at most for others to go with.
const SEND_EVERY: Duration = Duration::from_secs(2);
/// How long an end waits for the last ones.
const LAST_TIME_MAX: Duration = Duration::from_secs(5);

/// Where spans go in. Dropped with the gateway.
#[derive(Debug)]
pub(crate) struct Exporter {
    spans: mpsc::Sender<Span>,
    metrics: Arc<Metrics>,
    stop: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Who sends: what each request says of the gateway first.
struct Sender {
    collector: Collector,
    resource: Value,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    since: Timestamp,
    /// The last request was not confirmed; that is told once.
    away: bool,
}

impl Exporter {
    /// Sends from here on; none where no collector is configured. The error says what cannot be used.
    pub(crate) fn start(
        settings: &Telemetry,
        deployment: &str,
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Self>, String> {
        if settings.otlp_url.is_empty() {
            return Ok(None);
        }
        let sender = Sender {
            collector: collector(settings)?,
            resource: resource(deployment),
            metrics: Arc::clone(metrics),
            clock: Arc::clone(clock),
            since: clock.now(),
            away: false,
        };
        let (spans, waiting) = mpsc::channel(SPANS_WAITING_MAX);
        let stop = Arc::new(Notify::new());
        let every = Duration::from_secs(settings.metrics_every_s.max(1));
        let task = tokio::spawn(sender.run(waiting, Arc::clone(&stop), every));
        Ok(Some(Self {
            spans,
            metrics: Arc::clone(metrics),
            stop,
            task: Mutex::new(Some(task)),
        }))
    }

    /// A request was answered. Never waits.
    pub(crate) fn take(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.metrics.spans_dropped(1);
        }
    }

    /// Sends what waits, for some seconds at most.
    pub(crate) async fn close(&self) {
        self.stop.notify_one();
        if let Some(mut task) = self.task.lock().await.take()
            && timeout(LAST_TIME_MAX, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

/// The collector of the settings, not asked yet; or what cannot be used.
pub(crate) fn collector(settings: &Telemetry) -> Result<Collector, String> {
    let headers = settings.otlp_headers.as_deref().map(secret_text).transpose();
    let headers = headers.map_err(|error| error.to_string())?.unwrap_or_default();
    let authority = settings.otlp_authorities.as_deref();
    Collector::new(&settings.otlp_url, authority, &headers).map_err(|error| error.to_string())
}

fn resource(deployment: &str) -> Value {
    let mut instance = [0; 16];
    // Without randomness replicas are not told apart; nothing depends on it.
    let _ = SystemRandom::new().fill(&mut instance);
    json!({ "attributes": [
        text("service.name", "doelpoort"),
        text("service.namespace", deployment),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", &HEXLOWER.encode(&instance)),
    ] })
}

impl Sender {
    async fn run(mut self, mut waiting: mpsc::Receiver<Span>, stop: Arc<Notify>, every: Duration) {
        let mut spans = Vec::new();
        let (mut flush, mut measure) = (interval(SEND_EVERY), interval(every));
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        measure.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                received = waiting.recv_many(&mut spans, Collector::SPANS_AT_ONCE_MAX) => {
                    if received == 0 {
                        return;
                    }
                    if spans.len() < Collector::SPANS_AT_ONCE_MAX {
                        continue;
                    }
                    self.send_spans(&mut spans).await;
                }
                _ = flush.tick() => self.send_spans(&mut spans).await,
                _ = measure.tick() => self.send_metrics().await,
                () = stop.notified() => break,
            }
        }
        waiting.close();
        while waiting.recv_many(&mut spans, Collector::SPANS_AT_ONCE_MAX).await > 0 {
            self.send_spans(&mut spans).await;
        }
        self.send_spans(&mut spans).await;
        self.send_metrics().await;
    }

    async fn send_spans(&mut self, spans: &mut Vec<Span>) {
        if spans.is_empty() {
            return;
        }
        let count = spans.len();
        let told: Vec<Value> = spans.drain(..).map(|span| span.to_json()).collect();
        let request = json!({ "resourceSpans": [{
            "resource": self.resource,
            "scopeSpans": [{ "scope": scope(), "spans": told }],
        }] });
        if !self.send(Signal::Traces, &request).await {
            self.metrics.spans_dropped(count as u64);
        }
    }

    async fn send_metrics(&mut self) {
        let told = points::of(&self.metrics.encode(), self.since, self.clock.now());
        let request = json!({ "resourceMetrics": [{
            "resource": self.resource,
            "scopeMetrics": [{ "scope": scope(), "metrics": told }],
        }] });
        self.send(Signal::Metrics, &request).await;
    }

    /// Whether it was confirmed.
    async fn send(&mut self, signal: Signal, request: &Value) -> bool {
        let sent = self.collector.send(signal, request).await;
        match &sent {
            Err(error) if !self.away => {
                tracing::warn!(%error, "spans and metrics do not reach the collector; they are dropped until they do");
            }
            Ok(()) if self.away => tracing::info!("spans and metrics reach the collector again"),
            _ => {}
        }
        self.away = sent.is_err();
        sent.is_ok()
    }
}

fn scope() -> Value {
    json!({ "name": "doelpoort", "version": env!("CARGO_PKG_VERSION") })
}
