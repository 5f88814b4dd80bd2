//! What the FG hands to a parent: the child's tokens and entries, and of all others what shows that none is missing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use doelpoort_core::audit::base64;
use doelpoort_core::audit::day::Day;
use doelpoort_core::audit::hand_out::{Chain, FORMAT, Listed, Manifest, Shown};
use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_verify::HandOutWriter;

use super::follow::{FollowError, Parts, follow};
use super::keys::FgPrivateKeys;
use super::reading::{Reader, ReadingError};
use super::search::SearchError;
use crate::audit::{AuditError, Entries};

/// Why there is no hand-out.
#[derive(Debug, thiserror::Error)]
pub enum HandOutError {
    /// The log cannot be searched.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// The file cannot be written.
    #[error("the hand-out cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

impl From<FollowError> for HandOutError {
    fn from(error: FollowError) -> Self {
        Self::Search(error.into())
    }
}

/// Whom a hand-out is for, and what of it is only counted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The child, under each id that is theirs.
    pub subjects: &'w [SubjectId],
    /// Purposes whose entries are counted and not shown.
    pub withhold: &'w [String],
    /// Entries before this are counted and not shown, in µs.
    pub since: i64,
}

/// Chains by process and day, with the tokens of the child.
#[derive(Default)]
struct Chains {
    numbers: BTreeMap<([u8; 16], Day), u32>,
    chains: Vec<Chain>,
}

impl Chains {
    fn number(
        &mut self,
        reader: &mut Reader<'_>,
        leaf: &Leaf,
        subjects: &[SubjectId],
    ) -> Result<Option<u32>, ReadingError> {
        let day = Day::of(leaf.time);
        if let Some(number) = self.numbers.get(&(leaf.replica, day)) {
            return Ok(Some(*number));
        }
        let tokens = subjects.iter().map(|subject| reader.hand_out(leaf, subject));
        let tokens: Vec<String> = match tokens.collect::<Result<Vec<_>, _>>() {
            Ok(tokens) => tokens.iter().map(|token| base64(token)).collect(),
            Err(ReadingError::NoSeed) => return Ok(None),
            Err(error) => return Err(error),
        };
        let number = u32::try_from(self.chains.len()).unwrap_or(u32::MAX);
        self.numbers.insert((leaf.replica, day), number);
        self.chains.push(Chain {
            replica: data_encoding::HEXLOWER.encode(&leaf.replica),
            day: day.number(),
            tokens,
        });
        Ok(Some(number))
    }
}

/// Writes that of the shard of this name to a new file, up to its newest checkpoint; tells how many entries are shown, and how many are counted and
/// not shown because of their purpose or their time. Staff are never in it: their names are in private parts.
///
/// # Errors
/// Why not.
pub async fn write(
    entries: &Entries,
    origin: &str,
    keys: &FgPrivateKeys,
    wanted: Wanted<'_>,
    file: &Path,
) -> Result<(usize, usize), HandOutError> {
    let Wanted {
        subjects,
        withhold,
        since,
    } = wanted;
    let published = entries.shards().await?;
    let first = entries.first_of(origin).await?;
    let published = published.into_iter().find(|shard| shard.first == first);
    let note = published.ok_or(AuditError::NoCheckpoint)?.note;
    let size = note.lines().nth(1).and_then(|size| size.parse().ok());
    let size: u64 = size.ok_or(AuditError::NoCheckpoint)?;
    let (mut chains, mut shown, mut withheld) = (Chains::default(), Vec::new(), Vec::new());
    let whom: Vec<Tagged<'_>> = subjects.iter().map(Tagged::Subject).collect();
    let mut listed = Vec::new();
    let mut reader = Reader::new(origin, keys);
    follow(entries, Parts::Leaves, &mut reader, |reader, entry| {
        let index = entry.index.checked_sub(first).filter(|index| *index < size);
        let Some(index) = index.filter(|_| *entry.origin == *origin) else {
            return Ok(());
        };
        let failed = |error| SearchError::Reading(entry.index, error);
        let event = &entry.leaf.event;
        let chain = if event.tags.is_empty() {
            None
        } else {
            chains.number(reader, &entry.leaf, subjects).map_err(failed)?
        };
        if chain.is_some() && reader.is_about_any(&entry.leaf, &whom).map_err(failed)? {
            let purpose = event.purpose.as_ref().map(|purpose| &purpose.id);
            if entry.leaf.time < since || purpose.is_some_and(|purpose| withhold.contains(purpose)) {
                withheld.push(index);
            } else {
                shown.push(Shown {
                    index,
                    leaf: base64(&entry.bytes),
                });
            }
        }
        listed.push(Listed {
            hash: leaf_hash(&entry.bytes),
            entry_id: event.entry_id,
            chain,
            tags: event.tags.clone(),
        });
        Ok::<(), HandOutError>(())
    })
    .await?;
    let counts = (shown.len(), withheld.len());
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        origin: origin.to_owned(),
        size,
        chains: chains.chains,
        entries: shown,
        withheld,
    };
    let mut writer = HandOutWriter::new(BufWriter::new(File::create_new(file)?), &manifest, &note)?;
    for one in &listed {
        writer.entry(one)?;
    }
    writer.finish()?.flush()?;
    Ok(counts)
}
