//! Samples for review that nobody can choose: what is to be reviewed is announced first, and drawn by the root of a
//! checkpoint that did not exist then. Anyone with the log draws the same.

use std::collections::BinaryHeap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::filter::{Decided, Filter};
use super::leaf::{Kind, Leaf};
use super::shard::base;
use super::{Hash, base64, from_base64, sha256};

/// What an announcement says it is.
pub const FORMAT: &str = "doelpoort-sample@v1";
/// The most entries of one sample.
pub const ENTRIES_MAX: usize = 10_000;

/// What will be reviewed, said before anybody can know which entries that will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Announcement {
    /// [`FORMAT`].
    pub format: String,
    /// The name of the shard that was the last when it was announced.
    pub origin: String,
    /// How many entries are to be drawn.
    pub n: usize,
    /// From which.
    pub population: Population,
    /// How many entries of the whole log the last checkpoint covered when it was announced: a later one draws.
    pub after_size: u64,
    /// The root of that checkpoint, base64.
    pub after_root: String,
    /// When it was announced, by the announcer's clock.
    pub announced_at: Timestamp,
}

/// The decided requests that are drawn from, of entries that existed when it was announced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Population {
    /// The first index.
    pub from: u64,
    /// The index after the last.
    pub until: u64,
    /// Only of this organisation (OIN).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Only under this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Only with this decision; without it granted and refused alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

/// Why nothing can be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// Not an announcement.
    #[error("not an announcement of a sample: {0}")]
    Malformed(String),
    /// Of another format.
    #[error("the announcement has the format `{0}`, this program reads `{FORMAT}`")]
    Format(String),
    /// None, or too many.
    #[error("a sample has 1 to {ENTRIES_MAX} entries")]
    Count,
    /// A range that did not exist yet.
    #[error("the range `{from}..{until}` is not of entries that existed when the sample was announced")]
    Range {
        /// The first index.
        from: u64,
        /// The index after the last.
        until: u64,
    },
    /// The checkpoint is of another log.
    #[error("the checkpoint is of another log than the announcement")]
    Origin,
    /// The checkpoint was there already.
    #[error(
        "the checkpoint is of size `{size}`: only one larger than `{after}` can draw, which the announcer could not know"
    )]
    TooEarly {
        /// Its size.
        size: u64,
        /// The size at the announcement.
        after: u64,
    },
}

impl Announcement {
    /// An announcement over entries up to `last`, the newest checkpoint, whose shard begins at number `first` of the
    /// whole log.
    ///
    /// # Errors
    /// When the range or the count cannot be.
    pub fn new(
        (last, first): (&Checkpoint, u64),
        n: usize,
        population: Population,
        announced_at: Timestamp,
    ) -> Result<Self, SampleError> {
        let announcement = Self {
            format: FORMAT.to_owned(),
            origin: last.origin.clone(),
            n,
            population,
            after_size: first.saturating_add(last.size),
            after_root: base64(&last.root),
            announced_at,
        };
        announcement.check()?;
        Ok(announcement)
    }

    /// Reads an announcement.
    ///
    /// # Errors
    /// When it is none, or cannot be.
    pub fn parse(json: &str) -> Result<Self, SampleError> {
        let read: Self =
            serde_json::from_str(json).map_err(|error| SampleError::Malformed(error.to_string()))?;
        if read.format != FORMAT {
            return Err(SampleError::Format(read.format));
        }
        if from_base64::<32>(&read.after_root).is_none() {
            return Err(SampleError::Malformed("`afterRoot` is no hash".to_owned()));
        }
        read.check()?;
        Ok(read)
    }

    /// SHA-256 of its one spelling (RFC 8785): to be given to others before it is drawn.
    pub fn digest(&self) -> Hash {
        let canonical = serde_json_canonicalizer::to_vec(self).unwrap_or_default();
        sha256(&[b"doelpoort-sample\x01", &canonical])
    }

    /// The entries that are drawn from.
    pub fn filter(&self) -> Filter {
        let population = self.population.clone();
        Filter {
            recipient: population.recipient,
            purpose: population.purpose,
            decision: population.decision.map(Decided::Code),
            kinds: vec![Kind::AccessDecided],
            ..Filter::default()
        }
    }

    fn check(&self) -> Result<(), SampleError> {
        let Population { from, until, .. } = self.population;
        if self.n == 0 || self.n > ENTRIES_MAX {
            return Err(SampleError::Count);
        }
        if from >= until || until > self.after_size {
            return Err(SampleError::Range { from, until });
        }
        Ok(())
    }
}

/// A draw: entries are given to it in any order.
#[derive(Debug)]
pub struct Draw {
    announcement: Announcement,
    filter: Filter,
    digest: Hash,
    root: Hash,
    candidates: u64,
    /// The lowest ranks, the highest of them on top.
    lowest: BinaryHeap<(Hash, u64)>,
}

/// What was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// How many entries it was drawn from.
    pub candidates: u64,
    /// The indices, in the order of the review.
    pub indices: Vec<u64>,
}

impl Draw {
    /// Draws by the root of `checkpoint`, which must be later than the announcement, of the same shard or a later one;
    /// its shard begins at number `first` of the whole log.
    ///
    /// # Errors
    /// When the checkpoint is not a later one of the same log.
    pub fn new(announcement: Announcement, checkpoint: &Checkpoint, first: u64) -> Result<Self, SampleError> {
        if base(&checkpoint.origin) != base(&announcement.origin) {
            return Err(SampleError::Origin);
        }
        let size = first.saturating_add(checkpoint.size);
        if size <= announcement.after_size {
            return Err(SampleError::TooEarly {
                size,
                after: announcement.after_size,
            });
        }
        Ok(Self {
            filter: announcement.filter(),
            digest: announcement.digest(),
            root: checkpoint.root,
            candidates: 0,
            lowest: BinaryHeap::new(),
            announcement,
        })
    }

    /// Takes an entry, if it is one to draw from.
    pub fn entry(&mut self, index: u64, leaf: &Leaf) {
        let Population { from, until, .. } = self.announcement.population;
        if !(from..until).contains(&index) || !self.filter.takes(leaf) {
            return;
        }
        self.candidates += 1;
        let rank = sha256(&[
            b"doelpoort-draw\x01",
            &self.digest,
            &self.root,
            &index.to_be_bytes(),
        ]);
        self.lowest.push((rank, index));
        if self.lowest.len() > self.announcement.n {
            self.lowest.pop();
        }
    }

    /// The entries with the lowest ranks; all of them where there are no more than asked for.
    pub fn finish(self) -> Drawn {
        let sorted = self.lowest.into_sorted_vec();
        Drawn {
            candidates: self.candidates,
            indices: sorted.into_iter().map(|(_, index)| index).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::audit::fixture::decided;

    fn checkpoint(size: u64, root: u8) -> Checkpoint {
        Checkpoint {
            origin: "example.nl/audit/2026".to_owned(),
            size,
            root: [root; 32],
        }
    }

    fn announcement(n: usize, from: u64, until: u64) -> Result<Announcement, SampleError> {
        let population = Population {
            from,
            until,
            ..Population::default()
        };
        Announcement::new(
            (&checkpoint(100, 1), 0),
            n,
            population,
            "2026-12-01T09:00:00Z".parse().unwrap(),
        )
    }

    fn drawn(announcement: &Announcement, root: u8, order: impl Iterator<Item = u64>) -> Drawn {
        let mut draw = Draw::new(announcement.clone(), &checkpoint(101, root), 0).unwrap();
        for index in order {
            let decision = if index % 2 == 0 {
                "granted"
            } else {
                "no-such-purpose"
            };
            draw.entry(index, &decided(decision));
        }
        draw.finish()
    }

    #[test]
    fn anyone_draws_the_same_and_another_root_draws_others() {
        let announced = announcement(5, 10, 90).unwrap();
        let read = Announcement::parse(&serde_json::to_string(&announced).unwrap()).unwrap();
        let ours = drawn(&announced, 2, 0..100);
        assert_eq!(ours, drawn(&read, 2, (0..100).rev()));
        assert_eq!((ours.candidates, ours.indices.len()), (80, 5));
        assert!(ours.indices.iter().all(|index| (10..90).contains(index)));
        assert_ne!(ours.indices, drawn(&announced, 3, 0..100).indices);
        // Another announcement draws others by the same root.
        assert_ne!(
            ours.indices,
            drawn(&announcement(5, 10, 89).unwrap(), 2, 0..100).indices
        );
    }

    #[test]
    fn only_a_checkpoint_that_nobody_knew_draws() {
        let announced = announcement(5, 0, 100).unwrap();
        for size in [99, 100] {
            let early = Draw::new(announced.clone(), &checkpoint(size, 2), 0);
            assert!(matches!(early, Err(SampleError::TooEarly { .. })), "{size}");
        }
        let other = Checkpoint {
            origin: "other".to_owned(),
            ..checkpoint(101, 2)
        };
        assert!(matches!(
            Draw::new(announced, &other, 0),
            Err(SampleError::Origin)
        ));
    }

    #[test]
    fn what_was_not_there_yet_is_not_announced() {
        assert!(matches!(announcement(0, 0, 100), Err(SampleError::Count)));
        assert!(matches!(announcement(20_000, 0, 100), Err(SampleError::Count)));
        for (from, until) in [(0, 101), (5, 5), (9, 3)] {
            assert!(
                matches!(announcement(5, from, until), Err(SampleError::Range { .. })),
                "{from}..{until}"
            );
        }
        let text = serde_json::to_string(&announcement(5, 0, 100).unwrap()).unwrap();
        for (from, to) in [
            ("@v1", "@v2"),
            ("\"n\":5", "\"n\":0"),
            ("\"until\":100", "\"until\":200"),
            ("afterRoot\":\"", "afterRoot\":\"!"),
        ] {
            assert!(Announcement::parse(&text.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn a_small_population_is_drawn_whole() {
        let mut few = announcement(5, 0, 4).unwrap();
        few.population.decision = Some("granted".to_owned());
        let mut all = drawn(&few, 2, 0..100).indices;
        all.sort_unstable();
        assert_eq!(all, [0, 2]);
    }

    /// Each of ten entries is drawn about as often as each other: 1,000 draws of one, by 1,000 roots.
    #[test]
    fn no_entry_is_preferred() {
        let announced = announcement(1, 0, 10).unwrap();
        let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
        for number in 0..1_000_u64 {
            let mut root = checkpoint(101, 0);
            root.root = sha256(&[&number.to_be_bytes()]);
            let mut draw = Draw::new(announced.clone(), &root, 0).unwrap();
            (0..10).for_each(|index| draw.entry(index, &decided("granted")));
            *counts.entry(draw.finish().indices[0]).or_default() += 1;
        }
        assert!(
            counts.len() == 10 && counts.values().all(|count| (60..=145).contains(count)),
            "{counts:?}"
        );
    }
}
