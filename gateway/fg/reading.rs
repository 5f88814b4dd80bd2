//! Reading private parts: the FG follows the log from its begin, opens the seeds of the day keys and the private parts
//! with the months' keys, and checks each against its leaf.

use std::collections::HashMap;
use std::sync::Arc;

use doelpoort_core::audit::day::{Day, Month};
use doelpoort_core::audit::leaf::{Event, Leaf, Value, extra};
use doelpoort_core::audit::private::{Private, PrivateError};
use doelpoort_core::audit::tag::{DayKey, Tagged, Token};
use doelpoort_core::pseudonym::SubjectId;

use super::keys::{FgKeyError, FgPrivateKeys};
use crate::audit::Entry;
use crate::log::open_private;
use crate::log::sealing::{self, Context, Sealed, SealingError};

/// Opens what was sealed to one FG in one log, shard by shard. Leaves are given to it in their order.
pub struct Reader<'k> {
    origin: String,
    keys: &'k FgPrivateKeys,
    /// The newest chain of each boot id, on the day of its last entry.
    chains: HashMap<[u8; 16], DayKey>,
    /// Tokens of whom is looked for, by boot id, for one day.
    tokens: HashMap<[u8; 16], (Day, Tokens)>,
}

/// The tokens of all that are looked for, on one day of one chain.
pub type Tokens = Arc<[Token]>;

/// A private part that was opened.
#[derive(Debug)]
pub struct Opened {
    /// What it says.
    pub private: Private,
    /// Whether it is that of the leaf, with all tags: else somebody's entry does not say what was done.
    pub honest: Result<(), PrivateError>,
}

impl Opened {
    /// The private part, if it is what the leaf commits to.
    ///
    /// # Errors
    /// What differs.
    pub fn held(&self) -> Result<&Private, PrivateError> {
        self.honest.map(|()| &self.private)
    }
}

/// Why nothing can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// The key of the month is gone.
    #[error(transparent)]
    Key(#[from] FgKeyError),
    /// Not sealed to this FG, or not for this entry.
    #[error("the private part of this entry {0}")]
    Sealing(#[from] SealingError),
    /// Not a private part.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// The entry has tags, and there was no seed of its boot id before.
    #[error("there is no seed for the tags of this entry's replica")]
    NoSeed,
    /// The staff's name is longer than any.
    #[error("the name is longer than 65535 bytes")]
    TooLong,
}

impl<'k> Reader<'k> {
    /// A reader at the begin of a log.
    pub fn new(origin: &str, keys: &'k FgPrivateKeys) -> Self {
        Self {
            origin: origin.to_owned(),
            keys,
            chains: HashMap::new(),
            tokens: HashMap::new(),
        }
    }

    /// Goes on in the shard of this name, where the next leaf is; each boot id begins anew there.
    pub fn enter(&mut self, origin: &str) {
        if self.origin != origin {
            origin.clone_into(&mut self.origin);
            self.chains.clear();
            self.tokens.clear();
        }
    }

    /// Takes note of the next leaf: of the seed in it, if there is one.
    ///
    /// # Errors
    /// When a seed cannot be opened though there is the month's key. Without that key its tags are noise, and stay so.
    pub fn follow(&mut self, leaf: &Leaf) -> Result<(), ReadingError> {
        let Some(Value::Bytes(sealed)) = leaf.event.extra.get(&extra::TAG_SEED) else {
            return Ok(());
        };
        self.chains.remove(&leaf.replica);
        self.tokens.remove(&leaf.replica);
        let month = Month::of(leaf.time);
        let Ok(key) = self.keys.of(month) else {
            return Ok(());
        };
        let context = Context {
            origin: &self.origin,
            month,
            what: Sealed::TagSeed,
        };
        let seed = sealing::open(key, context, sealed)?;
        let seed = <&[u8; 32]>::try_from(seed.as_slice()).map_err(|_| SealingError)?;
        self.chains
            .insert(leaf.replica, DayKey::seed(Day::of(leaf.time), seed));
        Ok(())
    }

    /// The key of an entry's tags.
    fn day_key(&mut self, leaf: &Leaf) -> Result<&DayKey, ReadingError> {
        self.key_of(&leaf.replica, Day::of(leaf.time))
    }

    /// The key of a boot id's chain on a day.
    fn key_of(&mut self, replica: &[u8; 16], day: Day) -> Result<&DayKey, ReadingError> {
        let chain = self.chains.get_mut(replica).ok_or(ReadingError::NoSeed)?;
        if chain.day() != day {
            *chain = chain.on(day).ok_or(ReadingError::NoSeed)?;
        }
        Ok(chain)
    }

    /// Opens the private part of a leaf and holds it against the leaf.
    ///
    /// # Errors
    /// When it cannot be opened at all.
    pub fn open(&mut self, leaf: &Leaf, sealed: &[u8]) -> Result<Opened, ReadingError> {
        let month = Month::of(leaf.time);
        let key = self.keys.of(month)?;
        let plain = open_private(key, &self.origin, month, &leaf.event.entry_id, sealed)?;
        let private = Private::decode(&plain)?;
        let honest = if private.persons() == 0 {
            without_tags(&private, &leaf.event)
        } else {
            private.verify(&leaf.event, self.day_key(leaf)?)
        };
        Ok(Opened { private, honest })
    }

    /// Opens the private part of an entry, if it has one.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_entry(&mut self, entry: &Entry) -> Result<Option<Opened>, ReadingError> {
        let sealed = entry.sealed.as_deref();
        sealed.map(|sealed| self.open(&entry.leaf, sealed)).transpose()
    }

    /// Opens the private part of a leaf without holding it against the leaf: for one entry alone, whose chain this reader
    /// did not follow. That it fits is what `audit monitor` is for.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn danger_open_unheld(&self, leaf: &Leaf, sealed: &[u8]) -> Result<Private, ReadingError> {
        let month = Month::of(leaf.time);
        let key = self.keys.of(month)?;
        let plain = open_private(key, &self.origin, month, &leaf.event.entry_id, sealed)?;
        Ok(Private::decode(&plain)?)
    }

    /// Whether one of a leaf's tags is that of one of these pupils or members of staff. Needs no private part, so it tells
    /// even what was erased. A reader looks for the same ones always.
    ///
    /// # Errors
    /// When the leaf's chain is unknown.
    pub fn is_about_any(&mut self, leaf: &Leaf, whom: &[Tagged<'_>]) -> Result<bool, ReadingError> {
        let Event { entry_id, tags, .. } = &leaf.event;
        if tags.is_empty() {
            return Ok(false);
        }
        let tokens = self.tokens(&leaf.replica, Day::of(leaf.time), whom)?;
        Ok(tokens.iter().any(|token| token.is_among(entry_id, tags)))
    }

    /// The tokens of these pupils or members of staff for the tags of a boot id on a day. A reader looks for the same ones
    /// always.
    ///
    /// # Errors
    /// When the chain is unknown.
    pub fn tokens(
        &mut self,
        replica: &[u8; 16],
        day: Day,
        whom: &[Tagged<'_>],
    ) -> Result<Tokens, ReadingError> {
        if let Some((on, tokens)) = self.tokens.get(replica)
            && *on == day
        {
            return Ok(Arc::clone(tokens));
        }
        let key = self.key_of(replica, day)?;
        let tokens = whom.iter().map(|whom| key.token(*whom));
        let tokens: Result<Tokens, _> = tokens.collect();
        let tokens = tokens.map_err(|_| ReadingError::TooLong)?;
        self.tokens.insert(*replica, (day, Arc::clone(&tokens)));
        Ok(tokens)
    }

    /// The token of a pupil for a leaf's day and replica, to be handed to them: with it they find their own entries and
    /// nobody else's.
    ///
    /// # Errors
    /// When the leaf's chain is unknown.
    pub fn hand_out(&mut self, leaf: &Leaf, subject: &SubjectId) -> Result<[u8; 32], ReadingError> {
        Ok(self.day_key(leaf)?.hand_out(subject))
    }
}

/// A private part about nobody: the commitments must fit, and the leaf has no tags.
fn without_tags(private: &Private, event: &Event) -> Result<(), PrivateError> {
    // Any key gives no tags for nobody.
    private.verify(event, &DayKey::seed(Day::of(0), &[0; 32]))
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({}, {} chains)", self.origin, self.chains.len())
    }
}
