//! `deliver`: rows from a file, as a client.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::output::{self, Format};
use super::{CliError, ClientArgs, print};
use crate::client::{self, Answer, Media};

/// Row errors that are shown; the report itself has them all.
const ROW_ERRORS_SHOWN_MAX: usize = 20;

/// `doelpoort deliver`.
#[derive(Debug, Args)]
pub(super) struct Deliver {
    #[command(flatten)]
    client: ClientArgs,
    /// The dataset
    dataset: String,
    /// The rows: `.ndjson` or `.csv`, also with `.gz`
    file: PathBuf,
    /// Whose rows they are: an OIN; without it the folder's holder, or the client's own organisation
    #[arg(long, value_name = "OIN")]
    holder: Option<String>,
    /// What the rows do to those that are there
    #[arg(long, value_enum, default_value_t = Mode::Snapshot)]
    mode: Mode,
    /// The period, for datasets that have one, such as `2026-2027`
    #[arg(long)]
    period: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// They replace them
    Snapshot,
    /// They add, change and delete by row key
    Changes,
}

impl Deliver {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let delivery = client::Delivery {
            dataset: self.dataset,
            mode: match self.mode {
                Mode::Snapshot => client::Mode::Snapshot,
                Mode::Changes => client::Mode::Changes,
            },
            period: self.period,
            holder: self.holder,
            media: Media::of_file(&self.file),
            gzip: false,
        };
        let answer = self.client.open()?.deliver_file(&delivery, &self.file).await?;
        print(&report(&answer, self.client.format)?)?;
        match answer.json().get("state").and_then(Value::as_str) {
            Some(state @ ("refused" | "rejected" | "failed")) => {
                Err(CliError::Told(format!("the delivery was {state}")))
            }
            _ => Ok(()),
        }
    }
}

/// The delivery's report: its own members, then the first row errors, then where it is in the log.
fn report(answer: &Answer, format: Format) -> Result<String, CliError> {
    if format != Format::Table {
        return output::answer(answer, Format::Json);
    }
    let mut lines = Vec::new();
    let mut errors = Vec::new();
    for (name, value) in answer.json().as_object().into_iter().flatten() {
        match value {
            Value::Array(rows) => errors.extend(rows.iter().filter_map(row)),
            Value::Object(_) | Value::Null => {}
            Value::String(text) => lines.push(format!("{name}: {text}")),
            other => lines.push(format!("{name}: {other}")),
        }
    }
    if !errors.is_empty() {
        let shown = errors.get(..ROW_ERRORS_SHOWN_MAX).unwrap_or(&errors);
        lines.push(output::table(shown));
        if errors.len() > shown.len() {
            lines.push(format!(
                "and {} more; see --format json",
                errors.len() - shown.len()
            ));
        }
    }
    lines.extend(output::footer(answer));
    Ok(lines.join("\n"))
}

fn row(value: &Value) -> Option<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(
        value
            .as_object()?
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
    )
}
