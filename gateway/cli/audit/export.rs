//! `doelpoort audit export`: the log in another form.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ValueEnum, ValueHint};
use doelpoort_core::audit::ldv::Register;

use super::filter::FilterArgs;
use super::{EntriesArgs, read};
use crate::audit::{Collector, Entries, Export as Exported, Form, write_bundle};

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    entries: EntriesArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// In which form
    #[arg(long, value_enum)]
    format: Format,
    /// The file to write; standard output without it. A bundle needs one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Of a bundle: the first entry whose leaf is in it; of the others it has the hashes
    #[arg(long, value_name = "INDEX")]
    from_index: Option<u64>,
    /// Of a bundle: the first entry after the last whose leaf is in it
    #[arg(long, value_name = "INDEX")]
    until_index: Option<u64>,
    /// The register of processing activities that records point to; without it that of the log's host
    #[arg(long, value_name = "URL")]
    register: Option<String>,
    /// Send the records of `ldv` to this collector (OTLP over HTTP, JSON) instead of writing them
    #[arg(long, value_name = "URL", conflicts_with = "output")]
    otlp: Option<String>,
    /// Who vouches for the collector's certificate, PEM
    #[arg(long, value_name = "FILE", requires = "otlp", value_hint = ValueHint::FilePath)]
    otlp_ca: Option<PathBuf>,
    /// Headers for the collector, a line `Name: value` each
    #[arg(long, value_name = "FILE", requires = "otlp", value_hint = ValueHint::FilePath)]
    otlp_headers: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One file to take home, for `audit verify --bundle` and `doelpoort-verify`; whole, whatever the conditions
    Bundle,
    /// A row an entry, for a spreadsheet
    Csv,
    /// A JSON object a line
    Ndjson,
    /// Logboek Dataverwerkingen, as OTLP (JSON), a request a line
    Ldv,
    /// Authorization Decision Log, a decision a line
    Adl,
    /// NEN 7513, a message a line
    Nen7513,
}

impl Format {
    fn form(self) -> Option<Form> {
        Some(match self {
            Self::Bundle => return None,
            Self::Csv => Form::Csv,
            Self::Ndjson => Form::Ndjson,
            Self::Ldv => Form::Ldv,
            Self::Adl => Form::Adl,
            Self::Nen7513 => Form::Nen7513,
        })
    }
}

impl Export {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let entries = self.entries.open().await?;
        let told = match (self.format.form(), &self.otlp) {
            (None, _) => self.bundle(&entries).await?,
            (Some(Form::Ldv), Some(url)) => self.send(&entries, url).await?,
            (Some(_), Some(_)) => return Err("--otlp sends records of `--format ldv` only".into()),
            (Some(form), None) => self.write(&entries, form).await?,
        };
        entries.close().await;
        writeln!(std::io::stderr().lock(), "{told}")?;
        Ok(ExitCode::SUCCESS)
    }

    async fn bundle(&self, entries: &Entries) -> Result<String, Box<dyn Error>> {
        let Entries::Database(store) = entries else {
            return Err("a bundle is made from a database".into());
        };
        let output = self
            .output
            .as_deref()
            .ok_or("give --output FILE for the bundle")?;
        let range = self.from_index.unwrap_or(0)..self.until_index.unwrap_or(u64::MAX);
        let (part, out) = part_of(output)?;
        let written = write_bundle(store, out, Some(range)).await;
        let manifest = whole(&part, output, written)?;
        let (origin, size) = (&manifest.origin, manifest.size);
        Ok(format!(
            "{size} entries of {origin}, the leaves of {}..{}",
            manifest.from, manifest.until
        ))
    }

    async fn write(&self, entries: &Entries, form: Form) -> Result<String, Box<dyn Error>> {
        let export = self.export(entries).await?;
        let count = match self.output.as_deref() {
            None => export.write(form, BufWriter::new(std::io::stdout())).await?,
            Some(output) => {
                let (part, out) = part_of(output)?;
                whole(&part, output, export.write(form, out).await)?
            }
        };
        Ok(format!("{count} entries"))
    }

    async fn send(&self, entries: &Entries, url: &str) -> Result<String, Box<dyn Error>> {
        let headers = self.otlp_headers.as_deref().map(read).transpose()?;
        let collector = Collector::new(url, self.otlp_ca.as_deref(), &headers.unwrap_or_default())?;
        let count = self.export(entries).await?.send(&collector).await?;
        Ok(format!("{count} records, confirmed"))
    }

    async fn export<'e>(&self, entries: &'e Entries) -> Result<Exported<'e>, Box<dyn Error>> {
        let origin = entries.origin().await?;
        let host = origin.split('/').next().unwrap_or_default();
        let url = self.register.clone();
        Ok(Exported {
            entries,
            filter: self.filter.filter()?,
            register: Register {
                url: url.unwrap_or_else(|| format!("https://{host}/v1/register")),
                origin,
            },
            opened: None,
        })
    }
}

/// What breaks off is no export: it gets its name once it is whole.
fn part_of(output: &Path) -> Result<(PathBuf, BufWriter<File>), String> {
    let part = output.with_added_extension("part");
    let file = File::create(&part).map_err(|error| format!("cannot write `{}`: {error}", part.display()))?;
    Ok((part, BufWriter::new(file)))
}

fn whole<T, E: Error + 'static>(
    part: &Path,
    output: &Path,
    written: Result<T, E>,
) -> Result<T, Box<dyn Error>> {
    match written {
        Ok(written) => {
            std::fs::rename(part, output)?;
            Ok(written)
        }
        Err(error) => {
            std::fs::remove_file(part)?;
            Err(error.into())
        }
    }
}
