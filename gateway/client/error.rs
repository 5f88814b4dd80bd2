//! What can go wrong on the client's side, each as one line that says what to change.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::KeyError;
use crate::tls::TlsError;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The folder's settings cannot be used.
    #[error("{file}: {message}")]
    Folder {
        /// The file, with the line where one is to blame.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// A key of the folder cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate of the folder cannot be used.
    #[error(transparent)]
    Certificate(#[from] TlsError),
    /// The certificate and its key, or the authorities, are refused.
    #[error("the client certificate cannot be used: {0}")]
    Tls(String),
    /// The call itself cannot be written.
    #[error("{0}")]
    Call(String),
    /// No connection, or it broke.
    #[error("no answer from `{gateway}`: {why}")]
    Connection {
        /// Whom we called.
        gateway: String,
        /// All reasons, outermost first.
        why: String,
    },
    /// The token endpoint refused (RFC 6749 section 5.2).
    #[error("no token: `{error}`{}", described(description))]
    Token {
        /// The error's code.
        error: String,
        /// The endpoint's sentence.
        description: String,
    },
    /// The gateway refused, with its reasons.
    #[error(transparent)]
    Refused(Box<Problem>),
    /// The answer is neither what was asked nor a problem document.
    #[error("the answer with status {status} cannot be read: {why}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
        /// Why.
        why: &'static str,
    },
}

fn described(description: &str) -> String {
    if description.is_empty() {
        String::new()
    } else {
        format!(", {description}")
    }
}

/// A problem document (RFC 9457), as the gateway writes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// Stable name of the problem.
    pub code: String,
    /// What kind of problem.
    pub title: String,
    /// What about this request.
    pub detail: String,
    /// All inputs that are wrong.
    pub errors: Vec<InputError>,
    /// The clause of the policy that decided.
    pub clause: Option<String>,
    /// What this client's own grants would have allowed.
    pub allowed: Option<Value>,
    /// For the gateway's operator.
    pub trace_id: String,
    /// The whole document.
    #[serde(skip)]
    pub document: Value,
}

/// One wrong input.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct InputError {
    /// `body`, `query`, `path` or `header`.
    #[serde(rename = "in")]
    pub place: String,
    /// Where in it.
    pub location: String,
    /// Stable name.
    pub code: String,
    /// What is wrong.
    pub detail: String,
}

impl Problem {
    /// Reads a problem document.
    pub(super) fn parse(status: u16, text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let mut problem = Self::deserialize(&document).ok()?;
        if problem.code.is_empty() && problem.title.is_empty() {
            return None;
        }
        problem.status = status;
        problem.document = document;
        Some(problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.title)?;
        if !self.detail.is_empty() {
            write!(f, "\n  {}", self.detail)?;
        }
        for error in &self.errors {
            write!(
                f,
                "\n  {} {}: {} ({})",
                error.place, error.location, error.detail, error.code
            )?;
        }
        if let Some(clause) = &self.clause {
            write!(f, "\n  decided by: {clause}")?;
        }
        if let Some(allowed) = &self.allowed {
            write!(f, "\n  allowed: {allowed}")?;
        }
        if !self.trace_id.is_empty() {
            write!(f, "\n  trace: {}", self.trace_id)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// All reasons of an HTTP error in one line, without the address.
pub(super) fn reasons(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let reason = inner.to_string();
        if !text.ends_with(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = inner.source();
    }
    text
}
