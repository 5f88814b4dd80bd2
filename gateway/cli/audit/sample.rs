//! `doelpoort audit sample`: a review sample that nobody can choose.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueHint};
use doelpoort_core::audit::base64;
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::leaf::Micros;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::sample::{Announcement, Population};
use doelpoort_core::request::LookCommand;

use super::filter::{moment, oin};
use super::look::Sought;
use super::{DatabaseArgs, EntriesArgs, FOUND, read};
use crate::audit::{
    AuditError, Entries, NumberedCheckpoint, Sample as Drawn, draw, first_checkpoint_after, last_checkpoint,
};
use crate::clock::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
pub(super) struct Sample {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// First: say what will be reviewed, and give the digest to others before it is drawn
    Announce(Announce),
    /// Then: draw it by the first checkpoint that came after
    Draw(Draw),
    /// Draw again and compare; exit code 0 if it is the same, 3 if it is not
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Announce {
    #[command(flatten)]
    database: DatabaseArgs,
    /// How many entries
    #[arg(long, default_value_t = 20)]
    n: usize,
    /// From entries of this day or moment on
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Micros>,
    /// From entries before this day or moment
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Micros>,
    /// Only requests of this organisation
    #[arg(long, value_name = "OIN", value_parser = oin)]
    organisation: Option<String>,
    /// Only under this purpose
    #[arg(long)]
    purpose: Option<String>,
    /// Only with this decision, such as `granted`
    #[arg(long, value_name = "CODE")]
    decision: Option<String>,
    /// The log's public key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// Where to write the announcement
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Draw {
    #[command(flatten)]
    from: From,
    /// The announcement
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    announcement: PathBuf,
    /// Where to write the sample, with lines to sign off
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Check {
    #[command(flatten)]
    from: From,
    /// The sample, signed off or not
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    sample: PathBuf,
}

/// What a sample is drawn from, and by.
#[derive(Debug, clap::Args)]
struct From {
    #[command(flatten)]
    entries: EntriesArgs,
    /// The log's public key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// The checkpoint that draws: the first after the announcement. Found in a database without this; needed with a bundle
    #[arg(long = "from", value_name = "CHECKPOINT", value_hint = ValueHint::FilePath)]
    checkpoint: Option<PathBuf>,
}

impl Sample {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self.step {
            Step::Announce(announce) => announce.run().await,
            Step::Draw(draw) => draw.run().await,
            Step::Check(check) => check.run().await,
        }
    }
}

impl Announce {
    async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let key = super::verify::key(&self.key)?;
        let store = self.database.open().await?;
        let last = last_checkpoint(&store, &key).await?;
        let entries = Entries::Database(store);
        let from = match self.since {
            Some(since) => entries.first_at(since).await?,
            None => 0,
        };
        let until = match self.until {
            Some(until) => entries.first_at(until).await?,
            None => last.end(),
        };
        entries.close().await;
        let population = Population {
            from,
            until: until.min(last.end()),
            recipient: self.organisation,
            purpose: self.purpose,
            decision: self.decision,
        };
        let announcement = Announcement::new(
            (&last.checkpoint, last.first),
            self.n,
            population,
            SystemClock.now(),
        )?;
        write_new(&self.output, &serde_json::to_string_pretty(&announcement)?)?;
        let digest = base64(&announcement.digest());
        writeln!(
            std::io::stdout().lock(),
            "announced {} of entries {}..{}\ndigest    {digest}\nGive the digest to others now. The first checkpoint larger than {} draws.",
            announcement.n,
            announcement.population.from,
            announcement.population.until,
            announcement.after_size
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Draw {
    async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let announcement = Announcement::parse(&read(&self.announcement)?)?;
        let sample = self.from.draw(announcement).await?;
        write_new(&self.output, &serde_json::to_string_pretty(&sample)?)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{} drawn from {}", sample.lines.len(), sample.candidates)?;
        for line in &sample.lines {
            let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let (who, why, decision) = (
                or_none(&line.recipient),
                or_none(&line.purpose),
                or_none(&line.decision),
            );
            writeln!(
                out,
                "[ ] entry {} {} {who} {why} {decision}   in order: ______ by: ______ on: ______",
                line.index, line.time
            )?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Check {
    async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let sample: Drawn = serde_json::from_str(&read(&self.sample)?)
            .map_err(|error| format!("`{}` is no sample: {error}", self.sample.display()))?;
        let reviewed = sample.reviewed()?;
        let again = self.from.draw(sample.announcement.clone()).await?;
        let mut out = std::io::stdout().lock();
        if !sample.is_drawn_as(&again) {
            writeln!(
                out,
                "NOT THE SAME: the announcement and the checkpoint give other entries"
            )?;
            return Ok(ExitCode::from(FOUND));
        }
        writeln!(
            out,
            "the same {} entries; signed off {}, of them not in order {}",
            reviewed.drawn, reviewed.signed_off, reviewed.not_in_order
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

impl From {
    async fn draw(&self, announcement: Announcement) -> Result<Drawn, Box<dyn Error>> {
        let key = super::verify::key(&self.key)?;
        let sought = Sought {
            command: LookCommand::Sample,
            what: "a sample for a review".to_owned(),
            log: Some(&key),
            keys: None,
        };
        let log = self.entries.look(sought).await?;
        let entries = &log.entries;
        let by = self.checkpoint(entries, &key, announcement.after_size).await?;
        let sample = draw(entries, announcement, by).await?;
        entries.close().await;
        Ok(sample)
    }

    /// The checkpoint that draws. In a database it is known which one was the first.
    async fn checkpoint(
        &self,
        entries: &Entries,
        key: &Verifier,
        after: u64,
    ) -> Result<NumberedCheckpoint, Box<dyn Error>> {
        let given = self.checkpoint.as_deref().map(read).transpose()?;
        let given = match given {
            Some(note) => {
                let checkpoint = Checkpoint::open_of_log(&note, key)?;
                let first = entries.first_of(&checkpoint.origin).await?;
                Some(NumberedCheckpoint {
                    checkpoint,
                    note,
                    first,
                })
            }
            None => None,
        };
        let Entries::Database(store) = entries else {
            return Ok(given.ok_or("a bundle needs --from CHECKPOINT: the first after the announcement")?);
        };
        let first = first_checkpoint_after(store, key, after)
            .await?
            .ok_or(AuditError::NoLaterCheckpoint { after })?;
        match given {
            Some(given) if given.checkpoint != first.checkpoint => Err(format!(
                "the given checkpoint has size {}; the first after the announcement has {}",
                given.checkpoint.size, first.checkpoint.size
            )
            .into()),
            _ => Ok(first),
        }
    }
}

/// An announcement or a signed-off sample is never written over.
fn write_new(file: &std::path::Path, text: &str) -> Result<(), String> {
    let written = std::fs::File::create_new(file).and_then(|mut out| writeln!(out, "{text}"));
    written.map_err(|error| format!("cannot write `{}`: {error}", file.display()))
}
