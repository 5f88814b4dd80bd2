//! What keeps pupils and staff out of the leaves: the chain of day keys that blinds tags, and the sealing of private
//! parts to the data protection officer (FG).
//!
//! Each boot id has a chain of its own a month. Its seed is random, sealed to the FG's key of that month, and stands in
//! the log before the first tag that is made with it; this process keeps today's key only, in memory. So neither the
//! database nor a replica that is taken over later can find anybody in yesterday's entries.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use doelpoort_core::audit::day::{Day, Month};
use doelpoort_core::audit::leaf::{Event, Value, extra};
use doelpoort_core::audit::private::Private;
use doelpoort_core::audit::tag::{DayKey, Tag, padded};
use doelpoort_core::policy::FgKeys;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::LogError;
use super::entry::random;
use super::sealing::{self, Context, Sealed, SealingError};

/// How long one key seals private parts before it is forgotten.
const ENVELOPE_AGE_MAX: Duration = Duration::from_secs(1);
/// The first byte of a sealed private part.
const VERSION: u8 = 1;
/// The decision of an entry that begins a chain of day keys.
pub const TAG_SEED: &str = "tag-seed";

/// Which key a leaf's tags were made with: the chain's number in this process, and the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    chain: u64,
    day: Day,
}

/// The day keys of this process and the FG's public keys.
pub(super) struct Privacy {
    origin: String,
    keys: FgKeys,
    chain: RwLock<Chain>,
}

/// The chain that tags are made with.
#[derive(Default)]
struct Chain {
    number: u64,
    month: Option<Month>,
    key: Option<DayKey>,
}

/// The seed of a chain, sealed to the FG.
pub(super) struct SealedSeed {
    month: Month,
    bytes: Vec<u8>,
}

impl SealedSeed {
    /// Puts it into an entry.
    pub(super) fn say(self, event: &mut Event) {
        let month = Value::Text(self.month.to_string());
        event.extra.insert(extra::TAG_SEED, Value::Bytes(self.bytes));
        event.extra.insert(extra::PERIOD, month);
    }
}

impl Privacy {
    pub(super) fn new(origin: &str, keys: FgKeys) -> Self {
        Self {
            origin: origin.to_owned(),
            keys,
            chain: RwLock::default(),
        }
    }

    /// Begins a chain for the month of `day`, unless there is one; what must be in the log before its first tag.
    pub(super) fn begin(&self, day: Day) -> Result<Option<SealedSeed>, LogError> {
        let mut chain = self.chain.write().unwrap_or_else(PoisonError::into_inner);
        if chain.month == Some(day.month()) {
            return Ok(None);
        }
        let month = day.month();
        let public = self.keys.of(month).ok_or(LogError::NoFgKey { month })?;
        let seed = Zeroizing::new(random::<32>()?);
        let bytes = sealing::seal(public, self.context(month, Sealed::TagSeed), &*seed)?;
        chain.number += 1;
        chain.month = Some(day.month());
        chain.key = Some(DayKey::seed(day, &seed));
        Ok(Some(SealedSeed { month, bytes }))
    }

    /// The chain's first entry did not get into the log: begin another before the next tag.
    pub(super) fn forget(&self) {
        let mut chain = self.chain.write().unwrap_or_else(PoisonError::into_inner);
        chain.month = None;
        chain.key = None;
    }

    fn context(&self, month: Month, what: Sealed) -> Context<'_> {
        Context {
            origin: &self.origin,
            month,
            what,
        }
    }

    /// The padded tags of everybody an entry is about, and with which key they were made. `None` where it is about
    /// nobody, or the month's chain is not begun.
    pub(super) fn tags(
        &self,
        day: Day,
        entry_id: &[u8; 16],
        private: &Private,
    ) -> Result<Option<(Stamp, Vec<Tag>)>, LogError> {
        if private.persons() == 0 {
            return Ok(None);
        }
        self.go_on_to(day);
        let chain = self.chain.read().unwrap_or_else(PoisonError::into_inner);
        let Some(key) = chain.key.as_ref().filter(|_| chain.month == Some(day.month())) else {
            return Ok(None);
        };
        let mut tags = private.tags(key, entry_id);
        let count = padded(tags.len()).ok_or(LogError::Unavailable)?;
        while tags.len() < count {
            tags.push(random()?);
        }
        let stamp = Stamp {
            chain: chain.number,
            day: key.day(),
        };
        Ok(Some((stamp, tags)))
    }

    /// With which key tags of that day are made now.
    pub(super) fn stamp(&self, day: Day) -> Stamp {
        self.go_on_to(day);
        let chain = self.chain.read().unwrap_or_else(PoisonError::into_inner);
        let day = chain.key.as_ref().map_or(day, DayKey::day);
        Stamp {
            chain: chain.number,
            day,
        }
    }

    /// Moves on to a later day of the same month and forgets the key of the earlier one.
    fn go_on_to(&self, day: Day) {
        let behind = |chain: &Chain| chain.key.as_ref().is_some_and(|key| key.day() < day);
        if !behind(&self.chain.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut chain = self.chain.write().unwrap_or_else(PoisonError::into_inner);
        if chain.month == Some(day.month())
            && let Some(later) = chain.key.as_ref().and_then(|key| key.on(day))
        {
            chain.key = Some(later);
        }
    }
}

/// Seals private parts for the committer: each under the key of the moment, which is sealed to the FG and forgotten.
#[derive(Default)]
pub(super) struct Envelopes {
    current: Option<Envelope>,
}

struct Envelope {
    month: Month,
    since: Instant,
    key: LessSafeKey,
    /// `version ‖ sealed key`, what stands before each private part.
    head: Vec<u8>,
}

impl Envelopes {
    /// `0x01 ‖ key sealed to the FG (80 bytes) ‖ AES-256-GCM(private part)`, with `aad = LP(origin) ‖ LP(entry id)` and
    /// the first 12 bytes of the entry id as nonce; ids are random, and a key lives a second.
    pub(super) fn seal(
        &mut self,
        privacy: &Privacy,
        month: Month,
        entry_id: &[u8; 16],
        private: &Private,
    ) -> Result<Vec<u8>, LogError> {
        let envelope = match self.current.take().filter(|current| current.serves(month)) {
            Some(current) => current,
            None => Envelope::new(privacy, month)?,
        };
        let mut body = private.encode();
        envelope
            .key
            .seal_in_place_append_tag(
                nonce(entry_id),
                Aad::from(aad(&privacy.origin, entry_id)),
                &mut *body,
            )
            .map_err(|_| SealingError)?;
        let sealed = [envelope.head.as_slice(), &body].concat();
        self.current = Some(envelope);
        Ok(sealed)
    }
}

impl Envelope {
    fn new(privacy: &Privacy, month: Month) -> Result<Self, LogError> {
        let public = privacy.keys.of(month).ok_or(LogError::NoFgKey { month })?;
        let key = Zeroizing::new(random::<32>()?);
        let sealed = sealing::seal(public, privacy.context(month, Sealed::PrivateKey), &*key)?;
        Ok(Self {
            month,
            since: Instant::now(),
            key: cipher(&key)?,
            head: [&[VERSION], sealed.as_slice()].concat(),
        })
    }

    fn serves(&self, month: Month) -> bool {
        self.month == month && self.since.elapsed() < ENVELOPE_AGE_MAX
    }
}

/// Opens a sealed private part with the FG's private key of its month.
///
/// # Errors
/// Not sealed to this key, for another entry or log, or changed.
pub fn open_private(
    private_key: &[u8; 32],
    origin: &str,
    month: Month,
    entry_id: &[u8; 16],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealingError> {
    let (version, rest) = sealed.split_first().ok_or(SealingError)?;
    let (head, body) = rest
        .split_at_checked(32 + sealing::OVERHEAD_LEN)
        .ok_or(SealingError)?;
    if *version != VERSION {
        return Err(SealingError);
    }
    let context = Context {
        origin,
        month,
        what: Sealed::PrivateKey,
    };
    let key = sealing::open(private_key, context, head)?;
    let key = <&[u8; 32]>::try_from(key.as_slice()).map_err(|_| SealingError)?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = cipher(key)?
        .open_in_place(nonce(entry_id), Aad::from(aad(origin, entry_id)), &mut body)
        .map_err(|_| SealingError)?
        .len();
    body.truncate(length);
    Ok(body)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, SealingError> {
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .map_err(|_| SealingError)
}

fn nonce(entry_id: &[u8; 16]) -> Nonce {
    let [bytes @ .., _, _, _, _] = *entry_id;
    Nonce::assume_unique_for_key(bytes)
}

/// `LP(origin) ‖ LP(entry id)`.
fn aad(origin: &str, entry_id: &[u8; 16]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(origin.len() + 20);
    for part in [origin.as_bytes(), entry_id.as_slice()] {
        // A log's name is short: it is a line of a checkpoint.
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        aad.extend_from_slice(&length.to_be_bytes());
        aad.extend_from_slice(part);
    }
    aad
}
