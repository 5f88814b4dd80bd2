//! `doelpoort audit search`: every entry about one member of staff, or about the pupil of another entry.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use doelpoort_core::audit::record::time;
use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::pseudonym::SubjectId;

use super::fg::{FgArgs, FgLog};
use crate::fg::follow::{FollowError, LogEntry, follow};
use crate::fg::{Reader, ReadingError};
use crate::log::SHARD;

#[derive(Debug, clap::Args)]
pub(super) struct Search {
    #[command(flatten)]
    fg: FgArgs,
    #[command(flatten)]
    whom: Whom,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// A member of staff, as their organisation's assertions name them
    #[arg(long, value_name = "SUBJECT")]
    staff: Option<String>,
    /// The pupil of an entry: its number, and which of its pupils, from 1: `314` or `314/2`
    #[arg(long, value_name = "INDEX[/N]", value_parser = place)]
    like: Option<(u64, usize)>,
}

/// Why a search fails.
#[derive(Debug, thiserror::Error)]
enum SearchError {
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error("entry `{0}`: {1}")]
    Reading(u64, ReadingError),
}

impl Search {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let log = self.fg.open().await?;
        let subject;
        let whom = match (&self.whom.staff, self.whom.like) {
            (Some(staff), _) => Tagged::Staff(staff),
            (None, Some((index, place))) => {
                subject = pupil_of(&log, index, place).await?;
                Tagged::Subject(&subject)
            }
            (None, None) => return Err("name a member of staff or an entry".into()),
        };
        let (found, unread) = find(&log, whom).await?;
        log.store.close().await;
        let mut out = std::io::stdout().lock();
        for line in &found {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "{} entries", found.len())?;
        if unread > 0 {
            writeln!(
                out,
                "{unread} entries have tags of months whose key is gone: nobody can tell whom they are about"
            )?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A line for each entry that is about them, and how many entries cannot be searched.
async fn find(log: &FgLog, whom: Tagged<'_>) -> Result<(Vec<String>, u64), SearchError> {
    let (mut found, mut unread) = (Vec::new(), 0);
    let mut reader = Reader::new(&log.origin, &log.keys);
    follow(&log.store, SHARD, &mut reader, |reader, entry| {
        match reader.is_about(&entry.leaf, whom) {
            Ok(true) => found.push(line(reader, &entry)?),
            Ok(false) => {}
            Err(ReadingError::NoSeed) => unread += 1,
            Err(error) => return Err(SearchError::Reading(entry.index, error)),
        }
        Ok(())
    })
    .await?;
    Ok((found, unread))
}

fn line(reader: &mut Reader<'_>, entry: &LogEntry) -> Result<String, SearchError> {
    let event = &entry.leaf.event;
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let purpose = event.purpose.as_ref().map(|purpose| purpose.id.clone());
    let opened = entry
        .open(reader)
        .map_err(|error| SearchError::Reading(entry.index, error))?;
    let (who, case) = opened
        .and_then(|opened| opened.private.staff.clone())
        .map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |staff| (staff.subject, text(&staff.case)),
        );
    Ok(format!(
        "{} {} {} {} {} {who} {case}",
        entry.index,
        time(entry.leaf.time),
        text(&event.recipient),
        text(&purpose),
        text(&event.decision)
    ))
}

/// The pupil of an entry, by place from 1.
async fn pupil_of(log: &FgLog, index: u64, place: usize) -> Result<SubjectId, Box<dyn Error>> {
    let mut found = None;
    let mut reader = Reader::new(&log.origin, &log.keys);
    follow(&log.store, SHARD, &mut reader, |reader, entry| {
        if entry.index == index {
            let opened = entry
                .open(reader)
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
