//! The counters, by name. One registry, made once, shared as `Arc`.

use std::fmt;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::log::Freshness;

/// Seconds; a figures answer takes a millisecond, a delivery minutes.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0,
];

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum ConnectionEnd {
    /// By its client, or after its last answer.
    Closed,
    /// In the middle of something.
    Broken,
    /// By us, after lying idle.
    Idle,
    /// By us, because the gateway stops.
    Drained,
    /// Never served: too many connections.
    Full,
    /// The handshake took too long.
    HandshakeTimeout,
    /// The handshake failed: wrong protocol, unknown authority, revoked or expired certificate.
    HandshakeFailed,
}

/// What became of an access that was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum AccessOutcome {
    /// Answered.
    Granted,
    /// Refused, with a reason.
    Denied,
    /// Neither: something failed.
    Failed,
}

/// What became of a delivered row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum RowOutcome {
    /// Valid.
    Accepted,
    /// Not valid.
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabel {
    end: ConnectionEnd,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccessLabel {
    outcome: AccessOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RowLabels {
    dataset: String,
    outcome: RowOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// All metrics of the gateway.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabel, Histogram>,
    connections: Family<EndLabel, Counter>,
    unidentified: Family<ReasonLabel, Counter>,
    log_entries: Family<AccessLabel, Counter>,
    delivery_rows: Family<RowLabels, Counter>,
    certificate_days_left: Gauge<i64, AtomicI64>,
    policies_in_force: Gauge<i64, AtomicI64>,
    policies_refused: Gauge<i64, AtomicI64>,
    answers_cut: Counter,
    log_checkpoint_age: Gauge<i64, AtomicI64>,
    log_quorum_age: Gauge<i64, AtomicI64>,
    log_stamp_age: Gauge<i64, AtomicI64>,
    log_stale: Gauge<i64, AtomicI64>,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("doelpoort"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            connections: Family::default(),
            unidentified: Family::default(),
            log_entries: Family::default(),
            delivery_rows: Family::default(),
            certificate_days_left: Gauge::default(),
            policies_in_force: Gauge::default(),
            policies_refused: Gauge::default(),
            answers_cut: Counter::default(),
            log_checkpoint_age: Gauge::default(),
            log_quorum_age: Gauge::default(),
            log_stamp_age: Gauge::default(),
            log_stale: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that is running", version);
        registry.register("requests", "Requests by route and status", self.requests.clone());
        registry.register(
            "request_seconds",
            "Time until an answer begins, by route",
            self.request_seconds.clone(),
        );
        registry.register(
            "connections",
            "Connections by how they ended",
            self.connections.clone(),
        );
        registry.register(
            "unidentified",
            "Requests of callers who could not be identified, by reason",
            self.unidentified.clone(),
        );
        registry.register(
            "log_entries",
            "Entries in the log by outcome",
            self.log_entries.clone(),
        );
        registry.register(
            "delivery_rows",
            "Delivered rows by dataset and outcome",
            self.delivery_rows.clone(),
        );
        registry.register(
            "certificate_days_left",
            "Days until the server certificate ends",
            self.certificate_days_left.clone(),
        );
        self.register_policies();
        self.register_log();
    }

    fn register_log(&mut self) {
        let ages = [
            (
                "log_checkpoint_age_seconds",
                "How long the oldest entry of the log without a signed checkpoint has waited",
                &self.log_checkpoint_age,
            ),
            (
                "log_quorum_age_seconds",
                "Since a quorum of the witnesses cosigned; -1 where there is none or nobody is asked",
                &self.log_quorum_age,
            ),
            (
                "log_stamp_age_seconds",
                "Since the last time stamp over the log; -1 where nobody is asked",
                &self.log_stamp_age,
            ),
            (
                "log_stale",
                "1 while nothing is answered: the log stopped, the clock jumped, or what others can check of it is too old",
                &self.log_stale,
            ),
        ];
        for (name, help, gauge) in ages {
            self.registry.register(name, help, gauge.clone());
        }
    }

    fn register_policies(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "policies_in_force",
            "1 while this replica has the policies in force; at 0 it answers nothing",
            self.policies_in_force.clone(),
        );
        registry.register(
            "policies_refused",
            "1 while the policies on disk are refused and older ones stay in force",
            self.policies_refused.clone(),
        );
        registry.register(
            "answers_cut",
            "Answers that were cut while they were sent, after a withdrawal or another change of policies",
            self.answers_cut.clone(),
        );
    }

    /// One request was answered. `route` is the route's pattern, never the path.
    pub fn request(&self, route: &str, status: u16, time: Duration) {
        let labels = RequestLabels {
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
        let route = RouteLabel { route: labels.route };
        self.request_seconds
            .get_or_create(&route)
            .observe(time.as_secs_f64());
    }

    /// One connection ended.
    pub fn connection(&self, end: ConnectionEnd) {
        self.connections.get_or_create(&EndLabel { end }).inc();
    }

    /// A request came from nobody we know; `reason` is a code of ours.
    pub fn unidentified(&self, reason: &'static str) {
        self.unidentified.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// One entry was written to the log.
    pub fn log_entry(&self, outcome: AccessOutcome) {
        self.log_entries.get_or_create(&AccessLabel { outcome }).inc();
    }

    /// Rows of a delivery. `dataset` is a name of the catalogue.
    pub fn delivery_rows(&self, dataset: &str, outcome: RowOutcome, rows: u64) {
        let labels = RowLabels {
            dataset: dataset.to_owned(),
            outcome,
        };
        self.delivery_rows.get_or_create(&labels).inc_by(rows);
    }

    /// Days until the server certificate ends.
    pub fn certificate_days_left(&self, days: i64) {
        self.certificate_days_left.set(days);
    }

    /// Whether this replica has the policies in force.
    pub fn policies_in_force(&self, in_force: bool) {
        self.policies_in_force.set(i64::from(in_force));
    }

    /// Whether the policies on disk are refused.
    pub fn policies_refused(&self, refused: bool) {
        self.policies_refused.set(i64::from(refused));
    }

    /// An answer was cut while it was sent.
    pub fn answer_cut(&self) {
        self.answers_cut.inc();
    }

    /// How fresh what others can check of the log is, and whether nothing is answered.
    pub fn published(&self, freshness: &Freshness, stopped: bool) {
        self.log_checkpoint_age.set(freshness.checkpoint_age_s);
        self.log_quorum_age.set(freshness.quorum_age_s.unwrap_or(-1));
        self.log_stamp_age.set(freshness.stamp_age_s.unwrap_or(-1));
        self.log_stale
            .set(i64::from(stopped || freshness.stale.is_some()));
    }

    /// Everything in the `OpenMetrics` text format, for `/metrics`.
    pub fn encode(&self) -> String {
        let mut page = String::new();
        match text::encode(&mut page, &self.registry) {
            Ok(()) => page,
            Err(fmt::Error) => String::new(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_was_counted_is_on_the_page() {
        let metrics = Metrics::new();
        metrics.request("/v1/queries", 200, Duration::from_millis(3));
        metrics.connection(ConnectionEnd::Full);
        metrics.unidentified("token-missing");
        metrics.log_entry(AccessOutcome::Denied);
        metrics.delivery_rows("enrolment", RowOutcome::Accepted, 7);
        metrics.certificate_days_left(89);

        let page = metrics.encode();

        for line in [
            "doelpoort_requests_total{route=\"/v1/queries\",status=\"200\"} 1",
            "doelpoort_connections_total{end=\"Full\"} 1",
            "doelpoort_unidentified_total{reason=\"token-missing\"} 1",
            "doelpoort_log_entries_total{outcome=\"Denied\"} 1",
            "doelpoort_delivery_rows_total{dataset=\"enrolment\",outcome=\"Accepted\"} 7",
            "doelpoort_certificate_days_left 89",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
