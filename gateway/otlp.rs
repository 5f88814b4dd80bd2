//! A collector: OTLP over HTTP in its JSON encoding (OpenTelemetry protocol 1.x, section OTLP/HTTP). Records of the log,
//! and the gateway's own spans and metrics, leave by it; each request is confirmed, or it is an error.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use rustls::ClientConfig;
use serde_json::Value;

use crate::clock::SystemClock;
use crate::tls::{ClockTime, TlsError, certificates, provider, roots};

/// How often one request is tried.
const TRIES_MAX: u32 = 5;
/// The wait before the second try; it doubles.
const WAIT: Duration = Duration::from_millis(500);
/// The longest wait, also where the collector asks for more.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long one request may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What a request carries, which decides where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
}

impl Signal {
    const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// Where an answer tells what was not taken.
    const fn rejected(self) -> &'static str {
        match self {
            Self::Traces => "/partialSuccess/rejectedSpans",
            Self::Metrics => "/partialSuccess/rejectedDataPoints",
        }
    }
}

/// A configured collector.
#[derive(Debug)]
pub struct Collector {
    /// Ends without a slash.
    base: String,
    http: reqwest::Client,
    headers: HeaderMap,
}

/// Why records could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The URL is none.
    #[error(
        "`{0}` is no URL of a collector: give the part before `/v1/traces`, such as `https://collector.example:4318`"
    )]
    Url(String),
    /// Without TLS, to another machine.
    #[error(
        "to another machine only by https, with a file of the authority that vouches for its certificate"
    )]
    Plain,
    /// TLS cannot be set up.
    #[error("TLS to the collector: {0}")]
    Tls(String),
    /// A header is none.
    #[error("a line of the file with headers for the collector is not `Name: value`")]
    Header,
    /// Not reached, or it did not answer.
    #[error("the collector cannot be reached ({0})")]
    Unreachable(String),
    /// It refused.
    #[error("the collector answered {0}")]
    Refused(StatusCode),
    /// It took a part; how many it did not take.
    #[error("the collector rejected {0} of what was sent")]
    Partial(u64),
}

impl From<TlsError> for CollectorError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error.to_string())
    }
}

impl Collector {
    /// Spans in one request.
    pub const SPANS_AT_ONCE_MAX: usize = 512;

    /// The collector at `url` (without `/v1/traces`). `authority` is a PEM file of who vouches for its certificate;
    /// plain HTTP is for this machine only. `headers` are lines `Name: value`, such as an authorisation.
    ///
    /// # Errors
    /// What of it cannot be used.
    pub fn new(url: &str, authority: Option<&Path>, headers: &str) -> Result<Self, CollectorError> {
        let bad = || CollectorError::Url(url.to_owned());
        let base = url.trim_end_matches('/');
        let base = base.strip_suffix(Signal::Traces.path()).unwrap_or(base);
        let url = Url::parse(base).map_err(|_| bad())?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad());
        }
        let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(REQUEST_TIME_MAX)
            .user_agent(concat!("doelpoort/", env!("CARGO_PKG_VERSION")));
        let builder = match (url.scheme(), authority) {
            ("https", Some(authority)) => builder
                .tls_backend_preconfigured(tls(authority)?)
                .https_only(true),
            ("http", None) if local => builder.tls_backend_preconfigured(no_tls()?),
            ("http" | "https", _) => return Err(CollectorError::Plain),
            _ => return Err(bad()),
        };
        Ok(Self {
            base: base.to_owned(),
            http: builder
                .build()
                .map_err(|error| CollectorError::Tls(error.to_string()))?,
            headers: read_headers(headers)?,
        })
    }

    /// Sends one request and waits until it is confirmed.
    ///
    /// # Errors
    /// When it is not confirmed after several tries.
    pub async fn send(&self, signal: Signal, request: &Value) -> Result<(), CollectorError> {
        let url = format!("{}{}", self.base, signal.path());
        let mut wait = WAIT;
        for last in (1..=TRIES_MAX).map(|number| number == TRIES_MAX) {
            let sent = self
                .http
                .post(&url)
                .headers(self.headers.clone())
                .json(request)
                .send();
            match sent.await {
                Ok(answer) if answer.status() == StatusCode::OK => return confirmed(answer, signal).await,
                Ok(answer) if last || !may_pass(answer.status()) => {
                    return Err(CollectorError::Refused(answer.status()));
                }
                Ok(answer) => wait = asked(&answer).unwrap_or(wait),
                Err(error) if last => {
                    return Err(CollectorError::Unreachable(error.without_url().to_string()));
                }
                Err(_) => {}
            }
            tokio::time::sleep(wait.min(WAIT_MAX)).await;
            wait = wait.saturating_mul(2);
        }
        Ok(())
    }
}

/// Whether trying again may help (OTLP/HTTP, "Retryable Response Codes").
fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

fn asked(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A full success says nothing of what was rejected.
async fn confirmed(mut answer: Response, signal: Signal) -> Result<(), CollectorError> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            break;
        }
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let rejected = body.pointer(signal.rejected());
    // A 64-bit number is text in this encoding; some write a number.
    let rejected = rejected.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()));
    match rejected {
        None | Some(0) => Ok(()),
        Some(rejected) => Err(CollectorError::Partial(rejected)),
    }
}

fn tls(authority: &Path) -> Result<ClientConfig, CollectorError> {
    let authorities = certificates("the collector's authority", authority)?;
    config(roots(authorities).map_err(|error| CollectorError::Tls(error.to_string()))?)
}

/// For plain HTTP to this machine: no certificate would be believed.
fn no_tls() -> Result<ClientConfig, CollectorError> {
    config(rustls::RootCertStore::empty())
}

fn config(roots: rustls::RootCertStore) -> Result<ClientConfig, CollectorError> {
    let time = Arc::new(ClockTime(Arc::new(SystemClock)));
    let builder = ClientConfig::builder_with_details(provider(), time)
        .with_safe_default_protocol_versions()
        .map_err(|error| CollectorError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn read_headers(text: &str) -> Result<HeaderMap, CollectorError> {
    let mut headers = HeaderMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once(':').ok_or(CollectorError::Header)?;
        let name: HeaderName = name.trim().parse().map_err(|_| CollectorError::Header)?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| CollectorError::Header)?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}
