//! Samples for review, drawn from a log.

use doelpoort_core::audit::base64;
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::month::ReviewedSample;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::record::Record;
use doelpoort_core::audit::sample::{Announcement, Draw, SampleError};
use serde::{Deserialize, Serialize};

use super::{AuditError, Entries, Entry};
use crate::log::Numbers;
use crate::store::{Store, log as rows};

/// A drawn sample: a file that reviewers fill in, line by line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sample {
    /// What was announced.
    pub announcement: Announcement,
    /// The digest of the announcement, base64.
    pub announcement_digest: String,
    /// The checkpoint that drew it, a signed note.
    pub checkpoint: String,
    /// How many entries it was drawn from.
    pub candidates: u64,
    /// The entries, in the order of the review.
    pub lines: Vec<Line>,
}

/// One entry of a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Line {
    /// The entry.
    pub index: u64,
    /// Its hash, hex.
    pub leaf_hash: String,
    /// When.
    pub time: String,
    /// Who.
    pub recipient: Option<String>,
    /// For what.
    pub purpose: Option<String>,
    /// From which dataset.
    pub dataset: Option<String>,
    /// What was decided.
    pub decision: Option<String>,
    /// To be filled in: who looked at it. Signed off once there is a name, a day and an answer.
    pub reviewer: Option<String>,
    /// To be filled in: the day.
    pub reviewed_on: Option<jiff::civil::Date>,
    /// To be filled in: whether it is in order.
    pub in_order: Option<bool>,
    /// To be filled in, if there is something to say.
    pub remark: Option<String>,
}

/// A signed checkpoint, and the number in the whole log at which its shard begins.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Its note.
    pub note: String,
    /// The number of its shard's first entry.
    pub first: u64,
}

impl Numbered {
    /// The number after the last entry that it covers.
    pub fn end(&self) -> u64 {
        self.first + self.checkpoint.size
    }
}

/// The newest checkpoint of the log, by its key; of the shard before where the last has none yet.
pub async fn last_checkpoint(store: &Store, log: &Verifier) -> Result<Numbered, AuditError> {
    let numbers = Numbers::read(store).await?;
    for shard in numbers.shards().iter().rev() {
        if let Some(last) = rows::last_checkpoint(store, shard.shard.number).await? {
            return opened(last, shard.first, log);
        }
    }
    Err(AuditError::NoCheckpoint)
}

/// The first signed checkpoint that covers more than the entries up to number `after`; `None` where there is none yet.
pub async fn first_checkpoint_after(
    store: &Store,
    log: &Verifier,
    after: u64,
) -> Result<Option<Numbered>, AuditError> {
    let numbers = Numbers::read(store).await?;
    for shard in numbers.shards() {
        if shard.closed && shard.first + shard.size <= after {
            continue;
        }
        let stored = rows::checkpoints(store, shard.shard.number).await?;
        let first = stored
            .into_iter()
            .find(|stored| shard.first + stored.size > after);
        if let Some(first) = first {
            return opened(first, shard.first, log).map(Some);
        }
    }
    Ok(None)
}

fn opened(stored: rows::StoredCheckpoint, first: u64, log: &Verifier) -> Result<Numbered, AuditError> {
    let checkpoint = Checkpoint::open_of_log(&stored.note, log).map_err(AuditError::Checkpoint)?;
    Ok(Numbered {
        checkpoint,
        note: stored.note,
        first,
    })
}

/// Draws what was announced by the root of a checkpoint.
pub async fn draw(entries: &Entries, announcement: Announcement, by: Numbered) -> Result<Sample, AuditError> {
    let population = announcement.population.from..announcement.population.until;
    let mut draw = Draw::new(announcement.clone(), &by.checkpoint, by.first)?;
    let mut seen = population.start;
    entries
        .each(population.clone(), |entry| {
            if entry.index != seen {
                return Err(AuditError::Missing(seen));
            }
            seen += 1;
            draw.entry(entry.index, &entry.leaf);
            Ok(())
        })
        .await?;
    if seen != population.end {
        return Err(AuditError::Missing(seen));
    }
    let drawn = draw.finish();
    let mut lines = Vec::with_capacity(drawn.indices.len());
    for index in drawn.indices {
        let page = entries.pages(index..index + 1).next().await?;
        let entry = page.and_then(|page| page.into_iter().next());
        let entry = entry.ok_or(AuditError::Missing(index))?;
        let record = Record::new(index, &entry.bytes, &entry.leaf, None);
        lines.push(line(record));
    }
    Ok(Sample {
        announcement_digest: base64(&announcement.digest()),
        announcement,
        checkpoint: by.note,
        candidates: drawn.candidates,
        lines,
    })
}

impl Line {
    /// The line of an entry, to be filled in.
    pub fn of(entry: &Entry) -> Self {
        line(Record::new(entry.index, &entry.bytes, &entry.leaf, None))
    }
}

fn line(record: Record) -> Line {
    Line {
        index: record.index,
        leaf_hash: record.leaf_hash,
        time: record.time,
        recipient: record.recipient,
        purpose: record.purpose,
        dataset: record.dataset,
        decision: record.decision,
        reviewer: None,
        reviewed_on: None,
        in_order: None,
        remark: None,
    }
}

impl Sample {
    /// How far its review came.
    ///
    /// # Errors
    /// When the file does not hold together.
    pub fn reviewed(&self) -> Result<ReviewedSample, SampleError> {
        if base64(&self.announcement.digest()) != self.announcement_digest {
            return Err(SampleError::Malformed(
                "`announcementDigest` is not that of `announcement`".to_owned(),
            ));
        }
        let size = self.checkpoint.lines().nth(1).and_then(|size| size.parse().ok());
        let signed = self.lines.iter().filter(|line| line.is_signed_off());
        Ok(ReviewedSample {
            announcement: self.announcement_digest.clone(),
            drawn_at_size: size.ok_or_else(|| SampleError::Malformed("`checkpoint` is none".to_owned()))?,
            drawn: self.lines.len() as u64,
            signed_off: signed.clone().count() as u64,
            not_in_order: signed.filter(|line| line.in_order == Some(false)).count() as u64,
        })
    }

    /// Whether another draw gives the same entries; what reviewers filled in does not count.
    pub fn is_drawn_as(&self, other: &Self) -> bool {
        let bare = |sample: &Self| {
            let mut sample = sample.clone();
            for line in &mut sample.lines {
                (line.reviewer, line.reviewed_on, line.in_order, line.remark) = (None, None, None, None);
            }
            sample
        };
        bare(self) == bare(other)
    }
}

impl Line {
    /// Whether there is a name, a day and an answer.
    pub fn is_signed_off(&self) -> bool {
        self.reviewer.as_ref().is_some_and(|name| !name.trim().is_empty())
            && self.reviewed_on.is_some()
            && self.in_order.is_some()
    }
}
