//! What a verification found, in words.

use std::fmt;

use crate::audit::leaf::{Leaf, Value, extra};
use crate::audit::merkle::empty_root;
use crate::audit::{Hash, base64};

/// The result of verifying a whole log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The log's name: that of its last shard.
    pub origin: String,
    /// Where the entries came from.
    pub source: Source,
    /// The number of leaves that were read, of all shards.
    pub size: u64,
    /// The root recomputed from those of the last shard.
    pub root: Hash,
    /// The checkpoints that were verified.
    pub checkpoints: u64,
    /// How many boot ids of replicas have entries.
    pub replicas: u64,
    /// Each shard, in order.
    pub shards: Vec<Shard>,
    /// The shard before the first one here, where that says so.
    pub before: Option<String>,
    /// The key of the shard after the last one here, where that says so.
    pub next: Option<String>,
    /// What restores lost, as the log says.
    pub lost: Vec<String>,
    /// What of the shards' order could not be looked at.
    pub skipped: Vec<String>,
    /// The size of the checkpoint that was given to compare with.
    pub against: Option<u64>,
    /// Were the cosignatures and time stamps looked at as well?
    pub vouched: bool,
    /// Entries about what was destroyed of which nobody looked whether the FG signed for it.
    pub unsigned_orders: u64,
    /// The figures that were released, as the log says.
    pub releases: Vec<Release>,
    /// What is wrong, by index; at most [`Report::FINDINGS_MAX`].
    pub findings: Vec<Finding>,
}

/// What was read of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its name.
    pub origin: String,
    /// The number of its leaves.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The checkpoints of it that were verified.
    pub checkpoints: u64,
    /// How many boot ids of replicas have entries in it.
    pub replicas: u64,
    /// Does its last entry close it?
    pub is_closed: bool,
}

/// The release of an epoch's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The shard of its entry.
    pub origin: String,
    /// The entry.
    pub index: u64,
    /// The population.
    pub population: String,
    /// The epoch.
    pub epoch: String,
    /// The digest of the cells: see [`crate::audit::released`].
    pub digest: Option<Hash>,
}

impl Release {
    pub(super) fn of(leaf: &Leaf, index: u64, origin: &str) -> Self {
        let text = |key| match leaf.event.extra.get(key) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let digest = match leaf.event.extra.get(&extra::CELLS_DIGEST) {
            Some(Value::Bytes(digest)) => digest.as_slice().try_into().ok(),
            _ => None,
        };
        Self {
            origin: origin.to_owned(),
            index,
            population: text(&extra::POPULATION),
            epoch: text(&extra::EPOCH),
            digest,
        }
    }
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
    /// In which shard; `None` where there is one only.
    pub shard: Option<String>,
    /// The first entry it is about; `None` if it is not about one entry.
    pub index: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Report {
    /// The most findings that are kept.
    pub const FINDINGS_MAX: usize = 20;

    /// The report on one shard.
    pub(super) fn of(shard: Shard, source: Source, against: Option<u64>, findings: Vec<Finding>) -> Self {
        Self {
            origin: shard.origin.clone(),
            source,
            size: shard.size,
            root: shard.root,
            checkpoints: shard.checkpoints,
            replicas: shard.replicas,
            shards: vec![shard],
            before: None,
            next: None,
            lost: Vec::new(),
            skipped: Vec::new(),
            against,
            vouched: false,
            unsigned_orders: 0,
            releases: Vec::new(),
            findings,
        }
    }

    /// The report on a log without a shard.
    pub(super) fn of_nothing() -> Self {
        let shard = Shard {
            origin: String::new(),
            size: 0,
            root: empty_root(),
            checkpoints: 0,
            replicas: 0,
            is_closed: false,
        };
        let missing = Finding {
            shard: None,
            index: Some(0),
            what: "there is no shard".to_owned(),
        };
        Self::of(shard, Source::Database, None, vec![missing])
    }

    /// Adds the report on the next shard.
    pub(super) fn go_on(&mut self, mut next: Self, lost: Option<String>) {
        self.named();
        next.named();
        self.origin = next.origin;
        self.size += next.size;
        self.root = next.root;
        self.checkpoints += next.checkpoints;
        self.replicas += next.replicas;
        self.unsigned_orders += next.unsigned_orders;
        self.releases.append(&mut next.releases);
        self.shards.append(&mut next.shards);
        self.against = self.against.or(next.against);
        self.lost.extend(lost);
        self.findings.append(&mut next.findings);
        if let (Source::Bundle { until: end, .. }, Source::Bundle { from, until }) =
            (&mut self.source, next.source)
        {
            // Leaves that are missing between two shards are told of like those of one.
            let skipped = *end < self.size - next.size || from > 0;
            *end = if skipped {
                *end
            } else {
                self.size - next.size + until
            };
        }
    }

    /// Adds something else that is not as it should be.
    pub fn find(&mut self, origin: &str, index: Option<u64>, what: String) {
        self.findings.push(Finding {
            shard: Some(origin.to_owned()),
            index,
            what,
        });
        self.arrange();
    }

    /// Names the shard in each finding.
    fn named(&mut self) {
        for finding in &mut self.findings {
            finding.shard.get_or_insert_with(|| self.origin.clone());
        }
    }

    /// Puts the findings in the order of the log: the first is the first bad entry.
    pub(super) fn arrange(&mut self) {
        let place = |finding: &Finding| {
            let shard = finding.shard.as_ref();
            let shard = shard.map_or(0, |origin| {
                self.shards
                    .iter()
                    .position(|one| one.origin == *origin)
                    .unwrap_or(0)
            });
            (finding.index.is_none(), shard, finding.index)
        };
        self.findings.sort_by_key(place);
        self.findings.truncate(Self::FINDINGS_MAX);
        if self.shards.len() == 1 {
            for finding in &mut self.findings {
                finding.shard = None;
            }
        }
    }

    /// Is everything that was checked as it should be?
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    /// The first index that something is wrong with, in the first shard where that is so.
    pub fn first_bad(&self) -> Option<u64> {
        self.findings.iter().find_map(|finding| finding.index)
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
        if self.unsigned_orders > 0 {
            not_checked.push(
                "that the data protection officer signed for what was destroyed: give --approvers".to_owned(),
            );
        }
        if self.against.is_none() {
            not_checked.push(
                "that the whole log was not rewritten together with its checkpoints: give --against a checkpoint \
                 that was kept elsewhere"
                    .to_owned(),
            );
        }
        if let Some(before) = &self.before {
            not_checked.push(format!("the shard before, `{before}`, which is not here"));
        }
        if let Some(next) = &self.next {
            let next = next.split('+').next().unwrap_or_default();
            not_checked.push(format!("the shard after, `{next}`, which is not here"));
        }
        not_checked.extend(self.skipped.iter().cloned());
        not_checked.extend(self.lost.iter().map(|_| {
            "what the entries said that a restore lost: the incident, receipts and the other parties' logs tell of them"
                .to_owned()
        }));
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

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(shard) = &self.shard {
            write!(f, "{shard} ")?;
        }
        if let Some(index) = self.index {
            write!(f, "index {index}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log      {}", self.origin)?;
        if self.shards.len() > 1 {
            for shard in &self.shards {
                let Shard {
                    origin, size, root, ..
                } = shard;
                let state = if shard.is_closed { "closed" } else { "open" };
                writeln!(
                    f,
                    "shard    {origin}: {size} entries, {state}, root {}",
                    base64(root)
                )?;
            }
        }
        writeln!(
            f,
            "entries  {}, by {} starts of a gateway",
            self.size, self.replicas
        )?;
        if self.shards.len() == 1 {
            writeln!(f, "root     {}", base64(&self.root))?;
        }
        writeln!(f, "signed   {} checkpoints", self.checkpoints)?;
        if let Some(size) = self.against {
            writeln!(f, "against  the given checkpoint at size {size}")?;
        }
        for lost in &self.lost {
            writeln!(f, "LOST     {lost}")?;
        }
        if self.is_intact() {
            let fits = match self.source {
                Source::Database => "every leaf, the tree, the head and every signature",
                Source::Bundle { .. } => "every leaf that is here, the tree and every signature",
            };
            writeln!(f, "result   intact: {fits} fit together")?;
        } else {
            let first = self.findings.iter().find(|finding| finding.index.is_some());
            match first.and_then(|first| Some((first.index?, first.shard.as_ref()))) {
                Some((index, None)) => writeln!(f, "result   NOT INTACT, first at index {index}")?,
                Some((index, Some(shard))) => {
                    writeln!(f, "result   NOT INTACT, first at index {index} of {shard}")?;
                }
                None => writeln!(f, "result   NOT INTACT")?,
            }
        }
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        writeln!(f, "not checked:")?;
        self.not_checked()
            .iter()
            .try_for_each(|line| writeln!(f, "  - {line}"))
    }
}
