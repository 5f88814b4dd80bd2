//! What a verification found, in words.

use std::fmt;

use crate::audit::{Hash, base64};

/// The result of verifying a whole log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The log's name.
    pub origin: String,
    /// Where the entries came from.
    pub source: Source,
    /// The number of leaves that were read.
    pub size: u64,
    /// The root recomputed from them.
    pub root: Hash,
    /// The checkpoints that were verified.
    pub checkpoints: u64,
    /// How many boot ids of replicas have entries.
    pub replicas: u64,
    /// The size of the checkpoint that was given to compare with.
    pub against: Option<u64>,
    /// Were the cosignatures and time stamps looked at as well?
    pub vouched: bool,
    /// What is wrong, by index; at most [`Report::FINDINGS_MAX`].
    pub findings: Vec<Finding>,
}

/// Where the entries of a verification came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The tables of a gateway, with the head.
    Database,
    /// A bundle, with the leaves of `from..until`; of all others it has only the hashes.
    Bundle {
        /// The first leaf.
        from: u64,
        /// The index after the last leaf.
        until: u64,
    },
}

impl Source {
    /// The first index of which the leaf is there.
    pub(super) fn from(self) -> u64 {
        match self {
            Self::Database => 0,
            Self::Bundle { from, .. } => from,
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The first entry it is about; `None` if it is not about one entry.
    pub index: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Report {
    /// The most findings that are kept.
    pub const FINDINGS_MAX: usize = 20;

    /// Is everything that was checked as it should be?
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    /// The first index that something is wrong with.
    pub fn first_bad(&self) -> Option<u64> {
        self.findings.iter().filter_map(|finding| finding.index).min()
    }

    /// What no verification of this kind can tell, or this one did not look at.
    pub fn not_checked(&self) -> Vec<String> {
        let mut not_checked: Vec<String> = [
            "that nothing was left out before it was logged: compare with the logs of the other parties",
            "the sealed private parts and the commitments to them: that needs the key of the data protection officer",
            "that an old policy would decide the same again",
        ]
        .map(str::to_owned)
        .into();
        if !self.vouched {
            not_checked.push(
                "the cosignatures of witnesses and the time stamps: give --policy and --timestamp-authorities"
                    .to_owned(),
            );
        }
        if self.against.is_none() {
            not_checked.push(
                "that the whole log was not rewritten together with its checkpoints: give --against a checkpoint \
                 that was kept elsewhere"
                    .to_owned(),
            );
        }
        if let Source::Bundle { from, until } = self.source {
            not_checked.push("entries that were added after the bundle was made".to_owned());
            if (from, until) != (0, self.size) {
                not_checked.push(format!(
                    "what the entries outside `{from}..{until}` say: the bundle has only their hashes"
                ));
            }
        }
        not_checked
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log      {}", self.origin)?;
        writeln!(
            f,
            "entries  {}, by {} starts of a gateway",
            self.size, self.replicas
        )?;
        writeln!(f, "root     {}", base64(&self.root))?;
        writeln!(f, "signed   {} checkpoints", self.checkpoints)?;
        if let Some(size) = self.against {
            writeln!(f, "against  the given checkpoint at size {size}")?;
        }
        if self.is_intact() {
            let fits = match self.source {
                Source::Database => "every leaf, the tree, the head and every signature",
                Source::Bundle { .. } => "every leaf that is here, the tree and every signature",
            };
            writeln!(f, "result   intact: {fits} fit together")?;
        } else {
            match self.first_bad() {
                Some(index) => writeln!(f, "result   NOT INTACT, first at index {index}")?,
                None => writeln!(f, "result   NOT INTACT")?,
            }
        }
        for finding in &self.findings {
            match finding.index {
                Some(index) => writeln!(f, "  index {index}: {}", finding.what)?,
                None => writeln!(f, "  {}", finding.what)?,
            }
        }
        writeln!(f, "not checked:")?;
        self.not_checked()
            .iter()
            .try_for_each(|line| writeln!(f, "  - {line}"))
    }
}
