//! One call: its address, its body, and the answer that comes back.

use std::path::Path;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::error::{Problem, reasons};
use super::{Answer, Client, ClientError, ClientSettings};

/// Bytes of an answer; the gateway's own limit is 100,000 rows.
pub(super) const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How long to wait until a delivery is decided.
const DECISION_TIME_MAX: Duration = Duration::from_hours(1);
/// How often to look.
const DECISION_EVERY: Duration = Duration::from_millis(200);

/// How long one request is asked for again, where the gateway says to come back later.
const LATER_MAX: Duration = Duration::from_mins(2);

/// The refusal of a token from before the purpose changed.
const NOT_IN_TOKEN: &str = "not-in-token";

pub(super) const JSON: &str = "application/json";

/// A named question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The purpose.
    pub purpose: String,
    /// The question within it.
    pub question: String,
    /// `latest` or a date; the gateway's default where left out.
    pub epoch: Option<String>,
    /// The earlier epoch to set beside it: `previous` or a date.
    pub compared_with: Option<String>,
    /// Dimension and code each.
    pub only: Vec<(String, String)>,
}

/// Where and as what rows are delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The dataset.
    pub dataset: String,
    /// Replace or change.
    pub mode: Mode,
    /// The period, for datasets that have one.
    pub period: Option<String>,
    /// Whose rows they are: an OIN; the folder's holder, or ourselves, where left out.
    pub holder: Option<String>,
    /// The rows' form.
    pub media: Media,
    /// Whether the rows come gzipped.
    pub gzip: bool,
}

/// What a delivery does to the rows that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Replaces them.
    #[default]
    Snapshot,
    /// Adds, changes and deletes by row key.
    Changes,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Media {
    /// One JSON object a line.
    #[default]
    Ndjson,
    /// CSV with a header line.
    Csv,
}

impl Media {
    /// What a file's name says.
    pub fn of_file(file: &Path) -> Self {
        let plain = if is_gzip(file) {
            file.with_extension("")
        } else {
            file.to_owned()
        };
        if has_extension(&plain, "csv") {
            Self::Csv
        } else {
            Self::Ndjson
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }
}

impl Ask {
    pub(super) fn url(&self, gateway: &str) -> Result<String, ClientError> {
        let mut url = address(
            gateway,
            &["v1", "purposes", &self.purpose, "questions", &self.question],
        )?;
        let epoch = self.epoch.iter().map(|epoch| ("epoch", epoch.as_str()));
        let earlier = self
            .compared_with
            .iter()
            .map(|epoch| ("comparedWith", epoch.as_str()));
        let only = self
            .only
            .iter()
            .map(|(dimension, code)| (dimension.as_str(), code.as_str()));
        append(&mut url, epoch.chain(earlier).chain(only));
        Ok(url.into())
    }
}

impl Delivery {
    pub(super) fn url(&self, settings: &ClientSettings) -> Result<String, ClientError> {
        let mut url = address(&settings.gateway, &["v1", "deliveries", &self.dataset])?;
        let mode = match self.mode {
            Mode::Snapshot => "snapshot",
            Mode::Changes => "changes",
        };
        let period = self.period.iter().map(|period| ("period", period.as_str()));
        let holder = self.holder.iter().chain(&settings.holder).take(1);
        let holder = holder.map(|holder| ("holder", holder.as_str()));
        append(
            &mut url,
            std::iter::once(("mode", mode)).chain(period).chain(holder),
        );
        Ok(url.into())
    }
}

/// An address whose segments are encoded, so that none can become two.
fn address(gateway: &str, segments: &[&str]) -> Result<Url, ClientError> {
    let wrong = || ClientError::Call(format!("`{gateway}` is no address of a gateway"));
    let mut url = Url::parse(gateway).map_err(|_| wrong())?;
    url.path_segments_mut()
        .map_err(|()| wrong())?
        .clear()
        .extend(segments);
    Ok(url)
}

fn append<'a>(url: &mut Url, parameters: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut parameters = parameters.peekable();
    if parameters.peek().is_some() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
}

/// `application/x-www-form-urlencoded`.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse("form:") else {
        return String::new();
    };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

/// A call that can be made again, unlike a stream.
pub(super) struct Call {
    method: Method,
    url: String,
    body: Option<(&'static str, String)>,
}

impl Call {
    pub(super) fn get(url: String) -> Self {
        Self {
            method: Method::GET,
            url,
            body: None,
        }
    }

    pub(super) fn post(url: String, media: &'static str, body: String) -> Self {
        Self {
            method: Method::POST,
            url,
            body: Some((media, body)),
        }
    }
}

impl Client {
    /// Makes the call with a token; once more with a fresh one when the gateway does not take the token from
    /// memory, or says that it does not know the purpose: tokens end with the policies they name.
    pub(super) async fn call(&self, call: Call) -> Result<Answer, ClientError> {
        match self.call_once(&call).await {
            Err(ClientError::Refused(problem)) if problem.status == 401 || problem.code == NOT_IN_TOKEN => {
                self.forget_token().await;
                self.call_once(&call).await
            }
            answered => answered,
        }
    }

    async fn call_once(&self, call: &Call) -> Result<Answer, ClientError> {
        let token = self.token().await?;
        let mut request = self
            .http
            .request(call.method.clone(), &call.url)
            .bearer_auth(token);
        request = request.header("accept", JSON);
        if let Some((media, body)) = &call.body {
            request = request.header("content-type", *media).body(body.clone());
        }
        self.read(request.send().await).await
    }

    /// The answer, or the gateway's reasons for none.
    pub(super) async fn read(
        &self,
        response: Result<reqwest::Response, reqwest::Error>,
    ) -> Result<Answer, ClientError> {
        let (status, text) = read_text(response, &self.settings.gateway, ANSWER_BYTES_MAX).await?;
        if (200..300).contains(&status) {
            return Answer::parse(status, text);
        }
        let why = "it is no problem document";
        let problem = Problem::parse(status, &text).ok_or(ClientError::Unreadable { status, why })?;
        Err(ClientError::Refused(Box::new(problem)))
    }

    /// What is at an address, as it comes. Where the gateway says to come back later, this waits: who reads a long log asks
    /// more often than its rate.
    pub(super) async fn raw(&self, url: &str) -> Result<Vec<u8>, ClientError> {
        let began = Instant::now();
        let mut renewed = false;
        loop {
            let token = self.token().await?;
            let response = self.http.get(url).bearer_auth(token).send().await;
            let later = response.as_ref().ok().and_then(later);
            let (status, bytes) = read_bytes(response, &self.settings.gateway, ANSWER_BYTES_MAX).await?;
            if (200..300).contains(&status) {
                return Ok(bytes);
            }
            if let Some(later) = later.filter(|later| began.elapsed() + *later < LATER_MAX) {
                sleep(later).await;
                continue;
            }
            if status == 401 && !std::mem::replace(&mut renewed, true) {
                self.forget_token().await;
                continue;
            }
            let why = "it is no problem document";
            let problem = Problem::parse(status, &String::from_utf8_lossy(&bytes))
                .ok_or(ClientError::Unreadable { status, why })?;
            return Err(ClientError::Refused(Box::new(problem)));
        }
    }

    /// Looks at an accepted delivery until it has a receipt or was refused.
    pub(super) async fn decided(&self, accepted: Answer) -> Result<Answer, ClientError> {
        let id = accepted
            .json()
            .get("id")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let (mut answer, started) = (accepted, Instant::now());
        while let Some(id) = id.as_deref().filter(|_| is_open(&answer)) {
            if started.elapsed() > DECISION_TIME_MAX {
                let why = format!("delivery `{id}` was not decided in time; look again later");
                return Err(ClientError::Call(why));
            }
            sleep(DECISION_EVERY).await;
            answer = self
                .call(Call::get(
                    address(&self.settings.gateway, &["v1", "deliveries", id])?.into(),
                ))
                .await?;
        }
        Ok(answer)
    }
}

/// A delivery is decided when it has a receipt or names a final state.
fn is_open(answer: &Answer) -> bool {
    const FINAL: [&str; 5] = ["accepted", "active", "refused", "rejected", "failed"];
    let state = answer.json().get("state").and_then(Value::as_str);
    answer.receipt().is_none() && !state.is_some_and(|state| FINAL.contains(&state))
}

/// How long to wait where a rate is used up (RFC 6585 section 4).
fn later(response: &reqwest::Response) -> Option<Duration> {
    let told = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = told.parse().ok()?;
    (response.status() == StatusCode::TOO_MANY_REQUESTS).then_some(Duration::from_secs(seconds))
}

/// Status and text of an answer, within a limit of bytes.
pub(super) async fn read_text(
    response: Result<reqwest::Response, reqwest::Error>,
    gateway: &str,
    bytes_max: usize,
) -> Result<(u16, String), ClientError> {
    let (status, bytes) = read_bytes(response, gateway, bytes_max).await?;
    String::from_utf8(bytes)
        .map(|text| (status, text))
        .map_err(|_| ClientError::Unreadable {
            status,
            why: "it is no UTF-8",
        })
}

async fn read_bytes(
    response: Result<reqwest::Response, reqwest::Error>,
    gateway: &str,
    bytes_max: usize,
) -> Result<(u16, Vec<u8>), ClientError> {
    let broken = |why: reqwest::Error| ClientError::Connection {
        gateway: gateway.to_owned(),
        why: reasons(why),
    };
    let mut response = response.map_err(broken)?;
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(ClientError::Unreadable {
                status,
                why: "it is too long",
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((status, bytes))
}

/// A file's bytes as a stream.
pub(super) async fn file_stream(file: &Path) -> Result<reqwest::Body, ClientError> {
    let opened = tokio::fs::File::open(file)
        .await
        .map_err(|why| ClientError::Folder {
            file: file.display().to_string(),
            message: why.to_string(),
        })?;
    Ok(reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::new(
        opened,
    )))
}

pub(super) fn is_gzip(file: &Path) -> bool {
    has_extension(file, "gz")
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_its_form() {
        for (name, media, gzip) in [
            ("rows.csv", Media::Csv, false),
            ("ROWS.CSV.GZ", Media::Csv, true),
            ("rows.ndjson", Media::Ndjson, false),
            ("rows.jsonl.gz", Media::Ndjson, true),
            ("rows", Media::Ndjson, false),
        ] {
            let file = Path::new(name);
            assert_eq!((Media::of_file(file), is_gzip(file)), (media, gzip), "{name}");
        }
    }
}
