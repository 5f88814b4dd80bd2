//! Log lines on standard error, metrics for Prometheus, and both spans and metrics for a collector. None ever carries personal data: no
//! identifier, pseudonym, body, token or SQL parameter, and no label whose values a caller chooses.

mod export;
mod metrics;
mod points;
mod span;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

pub(crate) use export::{Exporter, collector};
pub use metrics::{AccessOutcome, ConnectionEnd, Metrics, RowOutcome};
pub(crate) use span::Span;

/// Always appended to the configured filter: clients that put an address in SNI make rustls warn once a
/// connection, and database drivers log statements and waits.
const QUIET: &str = "rustls::msgs=error,sqlx=warn,sqlx::pool=error,hyper=warn,h2=warn";

/// Why log lines cannot be written as configured.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is no filter.
    #[error("`log.filter` cannot be read: {0}")]
    Filter(String),
    /// There is a subscriber already.
    #[error("log lines are set up already: {0}")]
    Twice(String),
}

/// Sends this process's log lines to standard error. Called once, by the command line.
pub fn start(settings: &Log) -> Result<(), TelemetryError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(&settings.filter)?)
        .with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
        LogFormat::Human => lines.finish().try_init(),
    };
    started.map_err(|why| TelemetryError::Twice(why.to_string()))
}

fn filter(configured: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(format!("{configured},{QUIET}")).map_err(|why| TelemetryError::Filter(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_and_quietened() {
        assert!(filter("info").unwrap().to_string().contains("rustls::msgs=error"));
        assert!(filter("=[=").is_err());
    }
}
