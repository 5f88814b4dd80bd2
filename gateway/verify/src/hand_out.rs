//! Hand-outs: written by the FG's process, checked by the parent or whoever helps them. The format is
//! [`doelpoort_core::audit::hand_out`]; the file is a tar archive, read as a stream.

use std::io::{self, Read, Write};

use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::hand_out::{
    CHECKPOINT, Checked, ENTRIES_PER_FILE, HandOutCheck, Listed, MANIFEST, Manifest, NoHandOut,
};
use doelpoort_core::audit::merkle::Frontier;
use doelpoort_core::audit::note::Verifier;
use tar::{Archive, Builder};

use crate::read::{self, Bundle, Files, ReadError, Reader};
use crate::write;

/// Why a hand-out could not be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum HandOutError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It cannot be read.
    #[error("the hand-out cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is none.
    #[error(transparent)]
    None(#[from] NoHandOut),
    /// It is none.
    #[error("the hand-out's first file is none: {0}")]
    Manifest(#[from] serde_json::Error),
    /// Its checkpoint is not signed by this log.
    #[error("the checkpoint in the hand-out: {0}")]
    Checkpoint(#[from] CheckpointError),
}

/// A hand-out that is being written.
pub struct HandOutWriter<W: Write> {
    archive: Builder<W>,
    number: u64,
    count: usize,
    bytes: Vec<u8>,
}

impl<W: Write> HandOutWriter<W> {
    /// Begins one.
    pub fn new(out: W, manifest: &Manifest, checkpoint: &str) -> io::Result<Self> {
        let mut archive = Builder::new(out);
        let mut json = serde_json::to_vec_pretty(manifest)?;
        json.push(b'\n');
        write::append(&mut archive, MANIFEST, &json)?;
        write::append(&mut archive, CHECKPOINT, checkpoint.as_bytes())?;
        Ok(Self {
            archive,
            number: 0,
            count: 0,
            bytes: Vec::new(),
        })
    }

    /// Adds the next entry.
    pub fn entry(&mut self, listed: &Listed) -> io::Result<()> {
        listed.append_to(&mut self.bytes);
        self.count += 1;
        if self.count == ENTRIES_PER_FILE {
            self.flush()?;
        }
        Ok(())
    }

    /// Ends it.
    pub fn finish(mut self) -> io::Result<W> {
        if self.count > 0 {
            self.flush()?;
        }
        self.archive.into_inner()
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.bytes);
        write::append(&mut self.archive, &entries_name(self.number), &bytes)?;
        (self.number, self.count) = (self.number + 1, 0);
        Ok(())
    }
}

/// Is everything in a hand-out that was tagged? With a bundle of the same log also whether what is told of every entry is so.
pub fn verify_hand_out(
    hand_out: impl Read,
    log: &Verifier,
    bundle: Option<&mut dyn Read>,
) -> Result<Checked, HandOutError> {
    let mut archive = Archive::new(hand_out);
    let mut files = Files::of(&mut archive)?;
    let manifest: Manifest = serde_json::from_slice(&files.file("", MANIFEST)?)?;
    let note = files.file("", CHECKPOINT)?;
    let checkpoint = Checkpoint::open(&String::from_utf8_lossy(&note), log)?;
    let same = (manifest.origin.as_str(), manifest.size) == (log.name(), checkpoint.size);
    let size = manifest.size;
    let mut check = HandOutCheck::new(manifest)?;
    if !same {
        check.find(
            None,
            "the hand-out is not about the log that its checkpoint signs",
        );
    }
    let mut bundle = bundle.map(read::archive);
    let mut bundle = match &mut bundle {
        Some(archive) => Some(Bundle::open(archive)?),
        None => None,
    };
    let mut leaves = match &mut bundle {
        Some(bundle) => of_shard(bundle, log.name())?.map(Leaves::new),
        None => None,
    };
    let mut frontier = Frontier::empty();
    for number in 0..size.div_ceil(ENTRIES_PER_FILE as u64) {
        for listed in Listed::read_all(&files.file("", &entries_name(number))?)? {
            frontier.push(listed.hash);
            let leaf = match &mut leaves {
                Some(leaves) => leaves.next()?,
                None => None,
            };
            check.entry(&listed, leaf.as_deref());
        }
    }
    if (frontier.size(), frontier.root()) != (checkpoint.size, checkpoint.root) {
        check.find(None, "the hashes of the entries do not give the signed root");
    }
    Ok(check.finish())
}

/// The shard of this name; those before it are passed over.
fn of_shard<'f, 'a, R: Read>(
    bundle: &'f mut Bundle<'a, R>,
    origin: &str,
) -> Result<Option<Reader<'f, 'a, R>>, ReadError> {
    while !bundle.is_next(origin)? {
        let Some(mut shard) = bundle.shard()? else {
            return Ok(None);
        };
        while shard.tile()?.is_some() {}
        shard.upper()?;
    }
    bundle.shard()
}

/// The leaves of a bundle, one after the other.
struct Leaves<'f, 'a, R: Read> {
    reader: Reader<'f, 'a, R>,
    ahead: std::collections::VecDeque<Option<Vec<u8>>>,
}

impl<'f, 'a, R: Read> Leaves<'f, 'a, R> {
    fn new(reader: Reader<'f, 'a, R>) -> Self {
        let ahead = std::collections::VecDeque::new();
        Self { reader, ahead }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        if self.ahead.is_empty()
            && let Some(tile) = self.reader.tile()?
        {
            let entries = tile.entries()?;
            let leaves = entries.into_iter().map(|(_, _, leaf)| leaf.map(<[u8]>::to_vec));
            self.ahead.extend(leaves);
        }
        Ok(self.ahead.pop_front().flatten())
    }
}

fn entries_name(number: u64) -> String {
    format!("entries/{number}")
}
