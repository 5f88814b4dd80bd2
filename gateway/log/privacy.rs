//! What keeps pupils and staff out of the leaves: the chain of day keys that blinds tags, and the sealing of private
//! parts to the data protection officer (FG).
//!
//! Each boot id has a chain of its own a month. Its seed is random, sealed to the FG's key of that month, and stands in
//! the log before the first tag that is made with it; this process keeps today's key only, in memory. So neither the
//! database nor a replica that is taken over later can find anybody in yesterday's entries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use doelpoort_core::audit::day::{Day, Month};
use doelpoort_core::audit::leaf::{Event, Value, extra};
use doelpoort_core::audit::private::Private;
use doelpoort_core::audit::tag::{self, DayKey, Tag, Tagged, Token, padded};
use doelpoort_core::policy::FgKeys;
use doelpoort_core::pseudonym::SubjectId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::LogError;
use super::entry::{fill, random};
use super::sealing::{self, Context, Sealed, SealingError};

/// How long one key seals private parts before it is forgotten.
const ENVELOPE_AGE_MAX: Duration = Duration::from_secs(1);
/// How many tokens are kept: all pupils of a region, and less than 20 MB.
const TOKENS_KNOWN_MAX: usize = 1 << 16;
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
    keys: RwLock<Arc<FgKeys>>,
    chain: RwLock<Chain>,
}

/// The chain that tags are made with.
#[derive(Default)]
struct Chain {
    number: u64,
    month: Option<Month>,
    day: Option<DayTokens>,
}

impl Chain {
    /// Its key of that very day, if it stands there.
    fn on(&self, day: Day) -> Option<&DayTokens> {
        let today = self.day.as_ref()?;
        (self.month == Some(day.month()) && today.key.day() == day).then_some(today)
    }

    /// Can it go on to that day, or is it there?
    fn reaches(&self, day: Day) -> bool {
        let has_come = |today: &DayTokens| today.key.day() <= day;
        self.month == Some(day.month()) && self.day.as_ref().is_some_and(has_come)
    }
}

/// The key of a day, and the tokens that were made with it: a caseload is read many times a day.
struct DayTokens {
    key: DayKey,
    known: Mutex<HashMap<SubjectId, Token>>,
}

impl DayTokens {
    fn new(key: DayKey) -> Self {
        Self {
            key,
            known: Mutex::default(),
        }
    }

    /// The tokens of these persons, in their order.
    fn of<'a>(&self, whom: impl Iterator<Item = Tagged<'a>>) -> Vec<Token> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > TOKENS_KNOWN_MAX {
            known.clear();
        }
        whom.filter_map(|whom| match whom {
            Tagged::Staff(_) => self.key.token(whom).ok(),
            Tagged::Subject(subject) => {
                if let Some(token) = known.get(subject) {
                    Some(token.clone())
                } else {
                    let token = self.key.token(whom).ok()?;
                    known.insert(*subject, token.clone());
                    Some(token)
                }
            }
        })
        .collect()
    }
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
    pub(super) fn new(keys: FgKeys) -> Self {
        Self {
            keys: RwLock::new(Arc::new(keys)),
            chain: RwLock::default(),
        }
    }

    /// The FG's public keys.
    pub(super) fn keys(&self) -> Arc<FgKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From here on private parts are sealed to these.
    pub(super) fn set_keys(&self, keys: FgKeys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Begins a chain for the month of `day` in the shard of this name, unless there is one that is not ahead of that day,
    /// as after a clock that was too fast; what must be in the shard before its first tag.
    pub(super) fn begin(&self, origin: &str, day: Day) -> Result<Option<SealedSeed>, LogError> {
        let mut chain = self.chain.write().unwrap_or_else(PoisonError::into_inner);
        if chain.reaches(day) {
            return Ok(None);
        }
        let month = day.month();
        let keys = self.keys();
        let public = keys.of(month).ok_or(LogError::NoFgKey { month })?;
        let seed = Zeroizing::new(random::<32>()?);
        let bytes = sealing::seal(public, context(origin, month, Sealed::TagSeed), &*seed)?;
        chain.number += 1;
        chain.month = Some(day.month());
        chain.day = Some(DayTokens::new(DayKey::seed(day, &seed)));
        Ok(Some(SealedSeed { month, bytes }))
    }

    /// The chain's first entry did not get into the log, or another shard begins: begin another before the next tag.
    pub(super) fn forget(&self) {
        let mut chain = self.chain.write().unwrap_or_else(PoisonError::into_inner);
        chain.month = None;
        chain.day = None;
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
        let Some(today) = chain.on(day) else {
            return Ok(None);
        };
        let stamp = Stamp {
            chain: chain.number,
            day: today.key.day(),
        };
        let tokens = today.of(private.whom());
        drop(chain);
        let mut tags = tag::tags(tokens, entry_id);
        let count = padded(tags.len()).ok_or(LogError::Unavailable)?;
        let mut padding = vec![Tag::default(); count - tags.len()];
        fill(padding.as_flattened_mut())?;
        tags.append(&mut padding);
        Ok(Some((stamp, tags)))
    }

    /// With which key tags of that day are made now; `None` where there is none: the chain is of another month, or ahead.
    pub(super) fn stamp(&self, day: Day) -> Option<Stamp> {
        self.go_on_to(day);
        let chain = self.chain.read().unwrap_or_else(PoisonError::into_inner);
        chain.on(day).map(|_| Stamp {
            chain: chain.number,
            day,
        })
    }

    /// Can tags of that day be made with the chain that there is?
    pub(super) fn serves(&self, day: Day) -> bool {
        let chain = self.chain.read().unwrap_or_else(PoisonError::into_inner);
        chain.reaches(day)
    }

    /// Moves on to a later day of the same month and forgets the key of the earlier one.
    fn go_on_to(&self, day: Day) {
        let behind = |chain: &Chain| chain.day.as_ref().is_some_and(|today| today.key.day() < day);
        if !behind(&self.chain.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut chain = self.chain.write().unwrap_or_else(PoisonError::into_inner);
        if chain.month == Some(day.month())
            && let Some(later) = chain.day.as_ref().and_then(|today| today.key.on(day))
        {
            chain.day = Some(DayTokens::new(later));
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
        (privacy, origin): (&Privacy, &str),
        month: Month,
        entry_id: &[u8; 16],
        private: &Private,
    ) -> Result<Vec<u8>, LogError> {
        let envelope = match self.current.take().filter(|current| current.serves(month)) {
            Some(current) => current,
            None => Envelope::new(privacy, origin, month)?,
        };
        let mut body = private.encode();
        envelope
            .key
            .seal_in_place_append_tag(nonce(entry_id), Aad::from(aad(origin, entry_id)), &mut *body)
            .map_err(|_| SealingError)?;
        let sealed = [envelope.head.as_slice(), &body].concat();
        self.current = Some(envelope);
        Ok(sealed)
    }
}

impl Envelope {
    fn new(privacy: &Privacy, origin: &str, month: Month) -> Result<Self, LogError> {
        let keys = privacy.keys();
        let public = keys.of(month).ok_or(LogError::NoFgKey { month })?;
        let key = Zeroizing::new(random::<32>()?);
        let sealed = sealing::seal(public, context(origin, month, Sealed::PrivateKey), &*key)?;
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

fn context(origin: &str, month: Month, what: Sealed) -> Context<'_> {
    Context { origin, month, what }
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
    let key = sealing::open(private_key, context(origin, month, Sealed::PrivateKey), head)?;
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

#[cfg(test)]
mod tests {
    use doelpoort_core::audit::private::StaffPart;

    use super::*;

    fn day(text: &str) -> Day {
        let midnight = format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().unwrap();
        Day::of(midnight.as_microsecond())
    }

    #[test]
    fn there_are_no_tags_but_with_the_key_of_their_day_and_month() {
        let months =
            ["2026-11", "2026-12"].map(|month| (month.parse().unwrap(), sealing::key_pair().unwrap().0));
        let keys = FgKeys {
            organisation: "00000099000000072001".parse().unwrap(),
            months: months.into(),
        };
        let privacy = Privacy::new(keys);
        let mut private = Private::default();
        private.staff = Some(StaffPart {
            subject: "somebody".to_owned(),
            proved: true,
            case: None,
            released_by: None,
        });
        let (today, tomorrow, next) = (day("2026-11-29"), day("2026-11-30"), day("2026-12-01"));
        let made = |on| privacy.tags(on, &[1; 16], &private).unwrap();
        assert!(privacy.stamp(today).is_none() && made(today).is_none());
        assert!(privacy.begin("o", today).unwrap().is_some());
        assert_eq!(made(today).unwrap().0, privacy.stamp(today).unwrap());
        assert!(privacy.begin("o", tomorrow).unwrap().is_none());
        assert!(made(tomorrow).is_some());
        // It is a day ahead now: no tags, until it begins anew.
        assert!(!privacy.serves(today) && privacy.stamp(today).is_none() && made(today).is_none());
        assert!(privacy.begin("o", today).unwrap().is_some());
        assert!(made(today).is_some());
        // Another month has another seed.
        assert!(!privacy.serves(next) && privacy.stamp(next).is_none() && made(next).is_none());
        assert!(privacy.begin("o", next).unwrap().is_some());
        assert!(made(next).is_some() && made(tomorrow).is_none());
    }
}
