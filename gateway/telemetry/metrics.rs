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
use crate::tls::Ending;

/// Seconds; a figures answer takes a millisecond, a delivery minutes.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0,
];

/// Bytes of a page of memory on the machines that we build for.
const PAGE_BYTES: i64 = 4096;

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
    /// By us: a reload no longer believes the client's certificate.
    Disbelieved,
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
struct ScopeLabel {
    scope: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    certificate: &'static str,
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
    look_up_alarms: Family<ReasonLabel, Counter>,
    log_entries: Family<AccessLabel, Counter>,
    delivery_rows: Family<RowLabels, Counter>,
    limited: Family<ScopeLabel, Counter>,
    connections_open: Gauge<i64, AtomicI64>,
    certificate_days_left: Family<CertificateLabel, Gauge<i64, AtomicI64>>,
    certificates_refused: Gauge<i64, AtomicI64>,
    resident_bytes: Gauge<i64, AtomicI64>,
    policies_in_force: Gauge<i64, AtomicI64>,
    policies_refused: Gauge<i64, AtomicI64>,
    answers_cut: Counter,
    spans_dropped: Counter,
    undeclared_equivalences: Counter,
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
            look_up_alarms: Family::default(),
            log_entries: Family::default(),
            delivery_rows: Family::default(),
            limited: Family::default(),
            connections_open: Gauge::default(),
            certificate_days_left: Family::default(),
            certificates_refused: Gauge::default(),
            resident_bytes: Gauge::default(),
            policies_in_force: Gauge::default(),
            policies_refused: Gauge::default(),
            answers_cut: Counter::default(),
            spans_dropped: Counter::default(),
            undeclared_equivalences: Counter::default(),
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
            "look_up_alarms",
            "Organisations that seemed to guess pupils' numbers, once a day each, by reason",
            self.look_up_alarms.clone(),
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
            "limited",
            "Requests refused because of a rate, by which: client, purpose or address",
            self.limited.clone(),
        );
        registry.register(
            "resident_bytes",
            "Memory of the process, as the system counts it",
            self.resident_bytes.clone(),
        );
        registry.register(
            "spans_dropped",
            "Spans that did not reach the collector: it is away, or there are too many",
            self.spans_dropped.clone(),
        );
        self.register_connections();
        self.register_policies();
        self.register_log();
    }

    fn register_connections(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "connections_open",
            "Connections that are open, on all listeners",
            self.connections_open.clone(),
        );
        registry.register(
            "certificate_days_left",
            "Days until a certificate or revocation list ends",
            self.certificate_days_left.clone(),
        );
        registry.register(
            "certificates_refused",
            "1 while the certificates on disk are refused and older ones stay in force",
            self.certificates_refused.clone(),
        );
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
            "Answers that were cut while they were sent, because they were granted no longer",
            self.answers_cut.clone(),
        );
        registry.register(
            "undeclared_equivalences",
            "Dimensions found at the close of an epoch to repeat others without the catalogue saying so",
            self.undeclared_equivalences.clone(),
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

    /// An organisation seems to guess pupils' numbers; `reason` is a code of ours.
    pub fn look_up_alarm(&self, reason: &'static str) {
        self.look_up_alarms.get_or_create(&ReasonLabel { reason }).inc();
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

    /// A connection is open now, or no longer.
    pub fn connections_open(&self, more: i64) {
        self.connections_open.inc_by(more);
    }

    /// A request was refused because of this rate.
    pub fn limited(&self, scope: &'static str) {
        self.limited.get_or_create(&ScopeLabel { scope }).inc();
    }

    /// Days until each certificate and revocation list ends; those of which there is none are gone.
    pub fn days_left(&self, days: &[(Ending, i64)]) {
        for (ending, days) in days {
            let label = CertificateLabel {
                certificate: ending.as_str(),
            };
            self.certificate_days_left.get_or_create(&label).set(*days);
        }
    }

    /// What was told last of one of them; none where there is no such thing.
    pub fn told_days_left(&self, ending: Ending) -> Option<i64> {
        let label = CertificateLabel {
            certificate: ending.as_str(),
        };
        let told = self.certificate_days_left.get(&label)?;
        Some(told.get())
    }

    /// Whether the certificates on disk are refused.
    pub fn certificates_refused(&self, refused: bool) {
        self.certificates_refused.set(i64::from(refused));
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

    /// So many spans do not reach the collector.
    pub(super) fn spans_dropped(&self, number: u64) {
        self.spans_dropped.inc_by(number);
    }

    /// So many dimensions repeat others without the catalogue saying so, in an epoch that was closed.
    pub fn undeclared_equivalences(&self, number: usize) {
        self.undeclared_equivalences
            .inc_by(u64::try_from(number).unwrap_or(u64::MAX));
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
        self.resident_bytes.set(resident_bytes().unwrap_or(0));
        let mut page = String::new();
        match text::encode(&mut page, &self.registry) {
            Ok(()) => page,
            Err(fmt::Error) => String::new(),
        }
    }
}

/// Memory of this process: the second number of `statm`, in pages (proc(5)).
fn resident_bytes() -> Option<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(PAGE_BYTES)
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
        metrics.days_left(&[(Ending::Exchange, 89)]);
        metrics.limited("client");

        let page = metrics.encode();

        for line in [
            "doelpoort_requests_total{route=\"/v1/queries\",status=\"200\"} 1",
            "doelpoort_connections_total{end=\"Full\"} 1",
            "doelpoort_unidentified_total{reason=\"token-missing\"} 1",
            "doelpoort_log_entries_total{outcome=\"Denied\"} 1",
            "doelpoort_delivery_rows_total{dataset=\"enrolment\",outcome=\"Accepted\"} 7",
            "doelpoort_certificate_days_left{certificate=\"exchange\"} 89",
            "doelpoort_limited_total{scope=\"client\"} 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }
}
