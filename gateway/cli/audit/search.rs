//! `doelpoort audit search`: every entry about one member of staff, about the pupil of another entry, or about a pupil
//! whose number is read from standard input.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ValueEnum, ValueHint};
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::merge_undo::MERGES_APPLIED;
use doelpoort_core::audit::place::Place;
use doelpoort_core::audit::record::time;
use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::request::LookCommand;
use zeroize::Zeroizing;

use super::fg::{FgArgs, FgLog};
use crate::audit::Entry;
use crate::clock::{Clock as _, SystemClock};
use crate::fg::follow::{Parts, follow};
use crate::fg::search::{Found, SearchError, search};
use crate::fg::{Reader, hand_out};

/// The purpose under which a pupil is looked for, unless another is named.
const PURPOSE: &str = "log-oversight";
/// Characters of a number that is read; an ECK iD may be a URL.
const NUMBER_CHARS_MAX: u64 = 256;

#[derive(Debug, clap::Args)]
pub(super) struct Search {
    #[command(flatten)]
    fg: FgArgs,
    #[command(flatten)]
    whom: Whom,
    /// With --pupil: what kind of number it is
    #[arg(long, value_enum, default_value_t = By::Bsn)]
    by: By,
    /// With --pupil: the purpose under which you look
    #[arg(long, default_value = PURPOSE)]
    purpose: String,
    /// With --pupil or --like: write a file for the parent, which `doelpoort-verify --hand-out` checks
    #[arg(long, value_name = "FILE", conflicts_with = "staff", value_hint = ValueHint::FilePath)]
    hand_out: Option<PathBuf>,
    /// Of a hand-out: a purpose whose entries are counted and not shown; more than once for several
    #[arg(long, value_name = "PURPOSE", requires = "hand_out")]
    withhold: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// A member of staff, as their organisation's assertions name them
    #[arg(long, value_name = "SUBJECT")]
    staff: Option<String>,
    /// A pupil: the number is read from standard input, never given as an argument
    #[arg(long)]
    pupil: bool,
    /// The pupil of an entry: its number, and which of its pupils, from 1: `314` or `314/2`
    #[arg(long, value_name = "INDEX[/N]", value_parser = place)]
    like: Option<(u64, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Bsn,
    #[value(name = "eckId")]
    EckId,
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::Bsn => "bsn",
            Self::EckId => "eckId",
        }
    }
}

impl Search {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let (log, subjects) = self.log().await?;
        let whom: Vec<Tagged<'_>> = match &self.whom.staff {
            Some(staff) => vec![Tagged::Staff(staff)],
            None => subjects.iter().map(Tagged::Subject).collect(),
        };
        let found = search(&log.log.entries, &log.origin, &log.keys, &whom).await?;
        tell(&log, &found, &subjects).await?;
        if let Some(file) = &self.hand_out {
            let written = hand_out::write(
                &log.log.entries,
                &log.origin,
                &log.keys,
                hand_out::Wanted {
                    subjects: &subjects,
                    withhold: &self.withhold,
                    since: 0,
                },
                file,
            );
            let (shown, withheld) = written.await?;
            let file = file.display();
            writeln!(
                std::io::stdout().lock(),
                "wrote {file}: {shown} entries shown, {withheld} counted and not shown"
            )?;
        }
        log.log.entries.close().await;
        Ok(ExitCode::SUCCESS)
    }

    /// The log after the look is in it, and the pupil that is meant.
    async fn log(&self) -> Result<(FgLog, Vec<SubjectId>), Box<dyn Error>> {
        match (&self.whom.staff, self.whom.like) {
            (Some(staff), _) => {
                let what = format!("staff {staff}");
                Ok((self.fg.open(LookCommand::SearchStaff, what).await?, Vec::new()))
            }
            (None, Some((index, place))) => {
                let what = format!("pupil {place} of entry {index}");
                let log = self.fg.open(LookCommand::SearchPupil, what).await?;
                let subject = pupil_of(&log, index, place).await?;
                Ok((log, vec![subject]))
            }
            (None, None) => self.by_number().await,
        }
    }

    /// The gateway turns the number into a place, and logs that.
    async fn by_number(&self) -> Result<(FgLog, Vec<SubjectId>), Box<dyn Error>> {
        let (keys, key) = self.fg.keys()?;
        let look = &self.fg.entries.look;
        let client = look
            .client()?
            .ok_or("a number is looked up at the gateway: give --client DIR, the FG's folder")?;
        let number = number()?;
        let month = Month::of(SystemClock.now().as_microsecond());
        let purpose = look.purpose(&client, &key);
        let named = (self.by.name(), number.trim());
        let (logged, place) = purpose.place_of(&self.purpose, named, (&keys, month)).await?;
        writeln!(std::io::stderr().lock(), "{logged}")?;
        let Place::Subjects(subjects) = place else {
            return Err("this number has no place that may be shown".into());
        };
        let log = self.fg.entries.read_by(client, &key, Some(logged.index)).await?;
        let origin = key.name().to_owned();
        Ok((
            FgLog {
                log,
                origin,
                key,
                keys,
            },
            subjects,
        ))
    }
}

/// One line of standard input. Nothing of it is ever shown.
fn number() -> Result<Zeroizing<String>, Box<dyn Error>> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        write!(std::io::stderr().lock(), "the pupil's number: ")?;
    }
    let mut number = Zeroizing::new(String::with_capacity(300));
    std::io::Read::take(stdin.lock(), NUMBER_CHARS_MAX).read_line(&mut number)?;
    if number.trim().is_empty() {
        return Err("no number on standard input".into());
    }
    Ok(number)
}

async fn tell(log: &FgLog, found: &Found, whom: &[SubjectId]) -> Result<(), Box<dyn Error>> {
    let indices: BTreeSet<u64> = found.entries.iter().map(|entry| entry.index).collect();
    let mut sealed = log.log.entries.sealed_of(&indices).await?;
    let mut out = std::io::stdout().lock();
    for entry in &found.entries {
        writeln!(out, "{}", line(log, entry, sealed.remove(&entry.index), whom)?)?;
    }
    writeln!(out, "{} entries", found.entries.len())?;
    if found.unread > 0 {
        writeln!(
            out,
            "{} entries have tags of months whose key is gone: nobody can tell whom they are about",
            found.unread
        )?;
    }
    Ok(())
}

fn line(
    log: &FgLog,
    entry: &Entry,
    sealed: Option<Vec<u8>>,
    whom: &[SubjectId],
) -> Result<String, SearchError> {
    let event = &entry.leaf.event;
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let purpose = event.purpose.as_ref().map(|purpose| purpose.id.clone());
    let private = match sealed {
        Some(sealed) => Reader::new(&entry.origin, &log.keys)
            .danger_open_unheld(&entry.leaf, &sealed)
            .map(Some)
            .map_err(|error| SearchError::Reading(entry.index, error))?,
        None => None,
    };
    let pairs = private
        .as_ref()
        .filter(|_| event.decision.as_deref() == Some(MERGES_APPLIED))
        .map_or_else(String::new, |private| pairs_of(&private.subjects, whom));
    let (who, case) = private.and_then(|private| private.staff.clone()).map_or_else(
        || ("-".to_owned(), "-".to_owned()),
        |staff| {
            let persons = [Some(staff.subject.clone()), staff.released_by.clone()];
            let persons: Vec<String> = persons.into_iter().flatten().collect();
            (persons.join("+"), text(&staff.case))
        },
    );
    Ok(format!(
        "{} {} {} {} {} {who} {case}{pairs}",
        entry.index,
        time(entry.leaf.time),
        text(&event.recipient),
        text(&purpose),
        text(&event.decision)
    ))
}

/// Which pairs of an entry that tells of merges are about somebody, as `doelpoort merges undo` names them.
fn pairs_of(subjects: &[SubjectId], whom: &[SubjectId]) -> String {
    let mut told = String::new();
    for (number, pair) in (1_u32..).zip(subjects.chunks(2)) {
        if pair.iter().any(|subject| whom.contains(subject)) {
            // Writing to a `String` cannot fail.
            let _ = write!(told, " pair {number}");
        }
    }
    told
}

/// The pupil of an entry, by place from 1.
async fn pupil_of(log: &FgLog, index: u64, place: usize) -> Result<SubjectId, Box<dyn Error>> {
    let mut found = None;
    let mut reader = Reader::new(&log.origin, &log.keys);
    follow(&log.log.entries, Parts::Sealed, &mut reader, |reader, entry| {
        if entry.index == index {
            let opened = reader
                .open_entry(&entry)
                .map_err(|error| SearchError::Reading(index, error))?;
            found = opened.and_then(|opened| opened.private.subjects.get(place - 1).copied());
        }
        Ok::<(), SearchError>(())
    })
    .await?;
    found.ok_or_else(|| format!("entry `{index}` has no pupil number {place}").into())
}

fn place(text: &str) -> Result<(u64, usize), String> {
    let (index, place) = text.split_once('/').unwrap_or((text, "1"));
    match (index.parse(), place.parse()) {
        (Ok(index), Ok(place)) if place > 0 => Ok((index, place)),
        _ => Err("must be an entry's number, or number and place such as `314/2`".to_owned()),
    }
}
