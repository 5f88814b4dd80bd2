//! `token`, `ask`, `query`, `facts`: one call as a client.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{CliError, ClientArgs, output, print};
use crate::client::{self, Answer};

/// Bytes of a file with a question; the gateway's own limit is lower.
const QUESTION_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// `doelpoort token`.
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(flatten)]
    client: ClientArgs,
}

/// `doelpoort ask`.
#[derive(Debug, Args)]
pub(super) struct Ask {
    #[command(flatten)]
    client: ClientArgs,
    /// The purpose
    purpose: String,
    /// The question within it
    question: String,
    /// The epoch: `latest` or a date
    #[arg(long)]
    epoch: Option<String>,
    /// The earlier epoch to set beside it: `previous` or a date
    #[arg(long, value_name = "EPOCH")]
    compared_with: Option<String>,
    /// A filter, such as `enrolment.sector=VO`; may be repeated
    #[arg(long, value_name = "DIMENSION=CODE", value_parser = pair)]
    only: Vec<(String, String)>,
}

/// `doelpoort query`.
#[derive(Debug, Args)]
pub(super) struct Query {
    #[command(flatten)]
    client: ClientArgs,
    /// A JSON file with the question; `-` for standard input
    file: PathBuf,
    /// The case or reason, said with the person's assertion
    #[arg(long)]
    case: Option<String>,
}

/// `doelpoort facts`.
#[derive(Debug, Args)]
pub(super) struct Facts {
    #[command(flatten)]
    client: ClientArgs,
    /// The purpose, or a JSON file with the whole request (`-` for standard input)
    purpose: String,
    /// A field, such as `admissibility.outcome`; may be repeated
    #[arg(long = "field", value_name = "DATASET.FIELD")]
    fields: Vec<String>,
    /// A pupil, such as `bsn=…`, `eckId=…` or `local=…`; may be repeated. Other users of this machine can see
    /// the arguments of a command: use a file for real numbers
    #[arg(long = "pupil", value_name = "KIND=NUMBER", value_parser = pair)]
    pupils: Vec<(String, String)>,
    /// The board for which a vendor asks: its OIN
    #[arg(long, value_name = "OIN")]
    acting_for: Option<String>,
    /// The case or reason, said with the person's assertion
    #[arg(long)]
    case: Option<String>,
}

impl Token {
    pub(super) async fn run(self) -> Result<(), CliError> {
        Ok(print(&self.client.open()?.token().await?)?)
    }
}

impl Ask {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let ask = client::Ask {
            purpose: self.purpose,
            question: self.question,
            epoch: self.epoch,
            compared_with: self.compared_with,
            only: self.only,
        };
        let answer = self.client.open()?.ask(&ask).await?;
        show(&answer, &self.client)
    }
}

impl Query {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let mut body = object(&self.file)?;
        if let Some(case) = self.case {
            on_behalf_of(&mut body, Some(case));
        }
        let answer = self.client.open()?.query(body).await?;
        show(&answer, &self.client)
    }
}

impl Facts {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let client = self.client.open()?;
        let mut body = self.body()?;
        if let Some(board) = self.acting_for.as_ref().or(client.settings().holder.as_ref()) {
            body.entry("actingFor").or_insert_with(|| board.as_str().into());
        }
        if client.settings().staff.is_some() || self.case.is_some() {
            on_behalf_of(&mut body, self.case);
        }
        let answer = client.facts(body).await?;
        show(&answer, &self.client)
    }

    /// The request from the file, or from the arguments.
    fn body(&self) -> Result<Map<String, Value>, CliError> {
        if self.fields.is_empty() && self.pupils.is_empty() {
            return object(Path::new(&self.purpose));
        }
        let pupil = |(place, (kind, number)): (usize, &(String, String))| {
            let mut pupil = Map::new();
            pupil.insert("ref".to_owned(), (place + 1).to_string().into());
            pupil.insert(kind.clone(), number.as_str().into());
            Value::Object(pupil)
        };
        let pupils: Vec<Value> = self.pupils.iter().enumerate().map(pupil).collect();
        let body = json!({ "purpose": self.purpose, "fields": self.fields, "pupils": pupils });
        Ok(body.as_object().cloned().unwrap_or_default())
    }
}

fn show(answer: &Answer, client: &ClientArgs) -> Result<(), CliError> {
    Ok(print(&output::answer(answer, client.format)?)?)
}

/// Makes room for the person's assertion, which the client then signs.
fn on_behalf_of(body: &mut Map<String, Value>, case: Option<String>) {
    let entry = body.entry("onBehalfOf").or_insert_with(|| json!({}));
    if let (Value::Object(entry), Some(case)) = (entry, case) {
        entry.insert("case".to_owned(), case.into());
    }
}

/// `key=value`.
fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "write it as `name=value`".to_owned())
}

/// A JSON object from a file or from standard input. The error never shows the content.
fn object(file: &Path) -> Result<Map<String, Value>, CliError> {
    let name = file.display().to_string();
    let unreadable = |why: &dyn std::fmt::Display| CliError::Unreadable {
        file: name.clone(),
        why: why.to_string(),
    };
    let mut text = String::new();
    let read = if name == "-" {
        std::io::stdin()
            .lock()
            .take(QUESTION_BYTES_MAX)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(QUESTION_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|why| unreadable(&why))?;
    serde_json::from_str(&text).map_err(|why| {
        unreadable(&format_args!(
            "no JSON object, at line {} column {}",
            why.line(),
            why.column()
        ))
    })
}
