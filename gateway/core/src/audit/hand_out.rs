//! What a parent gets of the log: tokens that find the child's entries and nobody else's, of every entry its hash, id and
//! tags, and the leaves of the child's own. With it anyone sees that nothing which was tagged is missing.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::leaf::{Leaf, leaf_hash};
use super::tag::{TAG_LEN, Tag, Token};
use super::{Hash, from_base64};

/// The format's name and version.
pub const FORMAT: &str = "doelpoort-hand-out@v1";
/// The name of the first file.
pub const MANIFEST: &str = "hand-out.json";
/// The name of the checkpoint's file.
pub const CHECKPOINT: &str = "checkpoint";
/// Entries of one file.
pub const ENTRIES_PER_FILE: usize = 4_096;
/// The chain of an entry that has no tags, or whose chain of keys is gone.
const NO_CHAIN: u32 = u32::MAX;

/// What stands before the entries.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The log's name.
    pub origin: String,
    /// How many entries the log had.
    pub size: u64,
    /// The child's tokens.
    pub chains: Vec<Chain>,
    /// The child's entries, oldest first.
    pub entries: Vec<Shown>,
    /// Those that are counted and not shown.
    pub withheld: Vec<u64>,
}

/// The tokens for the entries of one gateway process on one day.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// The boot id of the process, hex.
    pub replica: String,
    /// The day, as the number of days since 1970-01-01.
    pub day: i64,
    /// One for each subject that the child was known by, base64.
    pub tokens: Vec<String>,
}

/// One entry that is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Its number.
    pub index: u64,
    /// Its exact bytes, base64.
    pub leaf: String,
}

/// What is told of every entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The hash of its leaf.
    pub hash: Hash,
    /// Its id.
    pub entry_id: [u8; 16],
    /// Which chain its tags are of; none where it has none, or nobody can tell any more.
    pub chain: Option<u32>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// Not a hand-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hand-out of the log")]
pub struct NoHandOut;

impl Listed {
    /// Appends `hash ‖ entry id ‖ u32be(chain) ‖ u16be(number of tags) ‖ tags`.
    pub fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.hash);
        bytes.extend(self.entry_id);
        bytes.extend(self.chain.unwrap_or(NO_CHAIN).to_be_bytes());
        bytes.extend(u16::try_from(self.tags.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(self.tags.as_flattened());
    }

    /// Reads the entries of a file.
    ///
    /// # Errors
    /// [`NoHandOut`].
    pub fn read_all(mut bytes: &[u8]) -> Result<Vec<Self>, NoHandOut> {
        let mut listed = Vec::new();
        while !bytes.is_empty() {
            let (hash, rest) = bytes.split_first_chunk::<32>().ok_or(NoHandOut)?;
            let (entry_id, rest) = rest.split_first_chunk::<16>().ok_or(NoHandOut)?;
            let (chain, rest) = rest.split_first_chunk::<4>().ok_or(NoHandOut)?;
            let (count, rest) = rest.split_first_chunk::<2>().ok_or(NoHandOut)?;
            let length = usize::from(u16::from_be_bytes(*count)) * TAG_LEN;
            let (tags, rest) = rest.split_at_checked(length).ok_or(NoHandOut)?;
            let (tags, _) = tags.as_chunks::<TAG_LEN>();
            listed.push(Self {
                hash: *hash,
                entry_id: *entry_id,
                chain: Some(u32::from_be_bytes(*chain)).filter(|chain| *chain != NO_CHAIN),
                tags: tags.to_vec(),
            });
            bytes = rest;
        }
        Ok(listed)
    }
}

/// What a check of a hand-out came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Entries of the log.
    pub entries: u64,
    /// Entries that are about the child and shown.
    pub shown: u64,
    /// Entries that are about the child, counted and not shown.
    pub withheld: u64,
    /// Entries with tags of which nobody can tell whose they are.
    pub unread: u64,
    /// What is wrong, by index.
    pub findings: Vec<(Option<u64>, String)>,
    /// Whether what is told of every entry was compared with its leaf.
    pub compared: bool,
}

/// A check of a hand-out, entry by entry.
pub struct HandOutCheck {
    manifest: Manifest,
    tokens: Vec<Vec<Token>>,
    next_shown: usize,
    checked: Checked,
}

impl HandOutCheck {
    /// Begins with what stands before the entries.
    ///
    /// # Errors
    /// [`NoHandOut`]: another format, or a token that is none.
    pub fn new(manifest: Manifest) -> Result<Self, NoHandOut> {
        if manifest.format != FORMAT {
            return Err(NoHandOut);
        }
        let token = |text: &String| Some(Token::from_bytes(&from_base64(text)?));
        let tokens = manifest
            .chains
            .iter()
            .map(|chain| chain.tokens.iter().map(token).collect());
        Ok(Self {
            tokens: tokens.collect::<Option<_>>().ok_or(NoHandOut)?,
            manifest,
            next_shown: 0,
            checked: Checked::default(),
        })
    }

    /// Something is wrong.
    pub fn find(&mut self, index: Option<u64>, what: &str) {
        self.checked.findings.push((index, what.to_owned()));
    }

    /// The next entry; with its leaf where it is at hand from elsewhere, which shows that what is told of it is so.
    pub fn entry(&mut self, listed: &Listed, leaf: Option<&[u8]>) {
        let index = self.checked.entries;
        self.checked.entries += 1;
        if let Some(leaf) = leaf {
            self.checked.compared = true;
            self.compare(index, listed, leaf);
        }
        let chain = listed.chain.and_then(|chain| usize::try_from(chain).ok());
        let tokens = chain.and_then(|chain| self.tokens.get(chain));
        let about = match (tokens, listed.tags.is_empty()) {
            (_, true) => false,
            (None, false) => {
                self.checked.unread += 1;
                false
            }
            (Some(tokens), false) => tokens
                .iter()
                .any(|token| token.is_among(&listed.entry_id, &listed.tags)),
        };
        let shown = self.manifest.entries.get(self.next_shown);
        if let Some(shown) = shown.filter(|shown| shown.index == index).cloned() {
            self.next_shown += 1;
            self.checked.shown += 1;
            if !about {
                self.find(Some(index), "is shown, and its tags are not the child's");
            }
            match data_encoding::BASE64.decode(shown.leaf.as_bytes()) {
                Ok(leaf) => self.compare(index, listed, &leaf),
                Err(_) => self.find(Some(index), "the entry that is shown is not base64"),
            }
        } else if about && self.manifest.withheld.contains(&index) {
            self.checked.withheld += 1;
        } else if about {
            self.find(Some(index), "is about the child and is missing");
        }
    }

    /// Is a leaf the one that is listed, with these tags, in this chain?
    fn compare(&mut self, index: u64, listed: &Listed, bytes: &[u8]) {
        if leaf_hash(bytes) != listed.hash {
            return self.find(Some(index), "its hash is not that of its leaf");
        }
        let Ok(leaf) = Leaf::decode(bytes) else {
            return self.find(Some(index), "its leaf is none");
        };
        if (leaf.event.entry_id, &leaf.event.tags) != (listed.entry_id, &listed.tags) {
            return self.find(Some(index), "its id or tags are not those of its leaf");
        }
        if listed.tags.is_empty() {
            return;
        }
        let replica = data_encoding::HEXLOWER.encode(&leaf.replica);
        let day = Day::of(leaf.time).number();
        let is_due = |chain: &Chain| chain.replica == replica && chain.day == day;
        let due = self.manifest.chains.iter().position(is_due);
        let given = listed.chain.and_then(|chain| usize::try_from(chain).ok());
        if given != due {
            self.find(Some(index), "its tokens are those of another day or process");
        }
    }

    /// What it came to.
    pub fn finish(mut self) -> Checked {
        if self.checked.entries != self.manifest.size {
            let what = format!(
                "there are {} entries, not {}",
                self.checked.entries, self.manifest.size
            );
            self.find(None, &what);
        }
        if self.next_shown != self.manifest.entries.len() {
            self.find(
                None,
                "entries are shown twice, out of order, or are not in the log",
            );
        }
        let withheld = u64::try_from(self.manifest.withheld.len()).unwrap_or(u64::MAX);
        if self.checked.withheld != withheld {
            self.find(
                None,
                "entries are counted as not shown that are not about the child",
            );
        }
        self.checked
    }
}

impl Checked {
    /// Is everything there that was tagged?
    pub fn is_complete(&self) -> bool {
        self.findings.is_empty()
    }
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "entries   {}", self.entries)?;
        writeln!(f, "shown     {}, about the child", self.shown)?;
        writeln!(
            f,
            "withheld  {}, about the child, counted and not shown",
            self.withheld
        )?;
        for (index, what) in &self.findings {
            match index {
                Some(index) => writeln!(f, "  entry {index}: {what}")?,
                None => writeln!(f, "  {what}")?,
            }
        }
        let result = if self.is_complete() {
            "complete: every entry with the child's tag is shown or counted"
        } else {
            "NOT COMPLETE"
        };
        writeln!(f, "result    {result}")?;
        writeln!(f, "not checked:")?;
        if self.unread > 0 {
            writeln!(
                f,
                "  - {} entries of months whose key was destroyed: nobody can tell whom they are about",
                self.unread
            )?;
        }
        if !self.compared {
            writeln!(
                f,
                "  - that the ids and tags of entries that are not shown are those of their leaves: somebody with a bundle \
                 can (--bundle)"
            )?;
        }
        writeln!(
            f,
            "  - that an entry which is about the child was tagged so: the FG's daily check does"
        )
    }
}

impl std::fmt::Debug for HandOutCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HandOutCheck({})", self.checked.entries)
    }
}
