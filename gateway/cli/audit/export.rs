//! `doelpoort audit export`: the log in another form.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ValueEnum, ValueHint};
use doelpoort_core::audit::ldv::Register;
use doelpoort_core::audit::private::Private;
use doelpoort_core::request::LookCommand;

use super::filter::FilterArgs;
use super::look::Sought;
use super::{EntriesArgs, read};
use crate::audit::{AuditError, Entries, Entry, Export as Exported, Form, Opened, opening, write_bundle};
use crate::fg::{FgPrivateKeys, Reader};
use crate::otlp::Collector;

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
    /// As the FG: also staff and case, and a record for each pupil under a code of yours (`doelpoort fg new`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from_index", "until_index"], value_hint = ValueHint::FilePath)]
    fg_key: Option<PathBuf>,
    /// The log's public key: verifies the receipt of the look
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// Of a bundle: only this shard of the log, such as `2027`; all of them without
    #[arg(long, value_name = "LABEL")]
    shard: Option<String>,
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
    /// The same as a spreadsheet (ODS)
    Ods,
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
            Self::Ods => Form::Ods,
            Self::Ndjson => Form::Ndjson,
            Self::Ldv => Form::Ldv,
            Self::Adl => Form::Adl,
            Self::Nen7513 => Form::Nen7513,
        })
    }
}

impl Export {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let keys = self.fg_key.as_deref().map(FgPrivateKeys::read).transpose()?;
        let key = self.key.as_deref().map(super::verify::key).transpose()?;
        let sought = Sought {
            command: LookCommand::Export,
            what: format!("{:?}, {:?}", self.format, self.filter),
            log: key.as_ref(),
            keys: keys.as_ref(),
        };
        let log = self.entries.look(sought).await?;
        let (entries, keys) = (&log.entries, keys.as_ref());
        let told = match (self.format.form(), &self.otlp) {
            (None, _) => self.bundle(entries).await?,
            (Some(Form::Ldv), Some(url)) => self.send(entries, url, keys).await?,
            (Some(_), Some(_)) => return Err("--otlp sends records of `--format ldv` only".into()),
            (Some(form), None) => self.write(entries, form, keys).await?,
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
        let written = write_bundle(store, out, Some(range), self.shard.as_deref()).await;
        let bundled = whole(&part, output, written)?;
        let told = bundled.shards.iter().map(|manifest| {
            let (origin, size) = (&manifest.origin, manifest.size);
            let (from, until) = (manifest.from, manifest.until);
            format!("{size} entries of {origin}, the leaves of {from}..{until}")
        });
        Ok(told.collect::<Vec<_>>().join("\n"))
    }

    async fn write(
        &self,
        entries: &Entries,
        form: Form,
        keys: Option<&FgPrivateKeys>,
    ) -> Result<String, Box<dyn Error>> {
        let origin = entries.origin().await?;
        let mut open = keys.map(|keys| opening(Reader::new(&origin, keys)));
        let export = self.export(entries, open.as_mut().zip(keys)).await?;
        let count = match self.output.as_deref() {
            None => export.write(form, BufWriter::new(std::io::stdout())).await?,
            Some(output) => {
                let (part, out) = part_of(output)?;
                whole(&part, output, export.write(form, out).await)?
            }
        };
        Ok(format!("{count} entries"))
    }

    async fn send(
        &self,
        entries: &Entries,
        url: &str,
        keys: Option<&FgPrivateKeys>,
    ) -> Result<String, Box<dyn Error>> {
        let headers = self.otlp_headers.as_deref().map(read).transpose()?;
        let collector = Collector::new(url, self.otlp_ca.as_deref(), &headers.unwrap_or_default())?;
        let origin = entries.origin().await?;
        let mut open = keys.map(|keys| opening(Reader::new(&origin, keys)));
        let export = self.export(entries, open.as_mut().zip(keys)).await?;
        let count = export.send(&collector).await?;
        Ok(format!("{count} records, confirmed"))
    }

    async fn export<'e>(
        &self,
        entries: &'e Entries,
        opened: Option<(
            &'e mut (impl FnMut(&Entry) -> Result<Option<Private>, AuditError> + Send + Sync + 'e),
            &FgPrivateKeys,
        )>,
    ) -> Result<Exported<'e>, Box<dyn Error>> {
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
            opened: opened.map(|(open, keys)| Opened {
                open,
                subjects: keys.subject_key(),
            }),
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
