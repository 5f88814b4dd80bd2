//! What came of pseudonyms that were sent: a resolution's state for who asked, translated ones for who gets them.

use doelpoort_core::audit::leaf::{GRANTED, Kind};
use doelpoort_core::party::{Caller, Oin};
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::purpose::Grant;
use serde_json::json;

use super::Gateway;
use crate::exchange::{Refusal, Trace, sealed_to, unknown_of};
use crate::log::{Entry, LogError};
use crate::store::render::{date, days};
use crate::store::translation::Translation;

/// Unknown pseudonyms of a day are told as multiples of this.
const UNKNOWN_ROUND: i64 = 10;
/// For so many days.
const UNKNOWN_DAYS: i64 = 30;

/// A resolution, as who asked sees it.
#[derive(Debug)]
pub struct ResolutionState {
    /// When it closes or closed, µs.
    pub closes_us: i64,
    /// Once it is closed, each pseudonym with the holder's answer, if it gave one. A pseudonym that is nobody's, one whose
    /// holder declined and one whose holder said nothing are the same.
    pub results: Option<Vec<(String, Option<String>)>>,
}

/// How many pseudonyms of a day were nobody's.
#[derive(Debug)]
pub struct Unknown {
    /// The purpose under which they were sent.
    pub purpose: String,
    /// The day.
    pub day: jiff::civil::Date,
    /// How many, rounded.
    pub count: i64,
}

impl Gateway {
    /// How a resolution stands: pending until it closes, whatever happened.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn resolution(
        &self,
        caller: &Caller,
        id: &[u8; 16],
        trace: Trace,
    ) -> Result<ResolutionState, Refusal> {
        self.check_recipient(caller, trace).await?;
        let looks = json!({ "resolution": data_encoding::HEXLOWER.encode(id) });
        self.log.append(look(caller, trace, looks)?).await?;
        let found = self.store.resolution(id, &caller.organisation).await?;
        let found = found.ok_or(Refusal::NoSuchResolution)?;
        let mut state = ResolutionState {
            closes_us: found.closes_us,
            results: None,
        };
        if self.clock.now().as_microsecond() < found.closes_us {
            return Ok(state);
        }
        let mut results = Vec::new();
        for (place, pupil) in (0_u64..).zip(self.store.resolved(id).await?) {
            let pseudonym = self.unsealed("pseudonym", id, place, &pupil.pseudonym)?;
            let answer = pupil
                .answer
                .map(|sealed| self.unsealed("answer", &pupil.item, 0, &sealed));
            results.push((pseudonym, answer.transpose()?));
        }
        state.results = Some(results);
        Ok(state)
    }

    /// Translations that wait for the caller, without their pseudonyms.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn translations(
        &self,
        caller: &Caller,
        trace: Trace,
    ) -> Result<(Vec<Translation>, Vec<Unknown>), Refusal> {
        self.check_recipient(caller, trace).await?;
        self.log
            .append(look(caller, trace, json!({ "translations": "list" }))?)
            .await?;
        let waiting = self.store.translations(&caller.organisation).await?;
        let waiting = waiting
            .into_iter()
            .filter(|one| self.is_still_for(caller, one))
            .collect();
        Ok((waiting, self.unknown(&caller.organisation).await?))
    }

    /// The pseudonyms of one translation, sorted.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn translation(
        &self,
        caller: &Caller,
        id: &[u8; 16],
        trace: Trace,
    ) -> Result<(Translation, Vec<String>), Refusal> {
        self.check_recipient(caller, trace).await?;
        let looks = json!({ "translation": data_encoding::HEXLOWER.encode(id) });
        self.log.append(look(caller, trace, looks)?).await?;
        let found = self.store.translation(&caller.organisation, id).await?;
        let found = found
            .filter(|one| self.is_still_for(caller, one))
            .ok_or(Refusal::NoSuchTranslation)?;
        let pseudonyms = self.unsealed("translation", id, 0, &found.pseudonyms)?;
        let pseudonyms = pseudonyms.lines().map(str::to_owned).collect();
        Ok((found, pseudonyms))
    }

    /// Whether the purpose that gives the caller these pseudonyms still acts, and its program has the role.
    fn is_still_for(&self, caller: &Caller, translation: &Translation) -> bool {
        let current = self.policies.current();
        let policies = &current.policies;
        let acts = |purpose: &str| {
            let standing = policies
                .purposes
                .iter()
                .find(|(name, _)| name.as_str() == purpose);
            standing
                .map(|(_, standing)| standing)
                .filter(|standing| standing.acts(self.clock.now()).is_ok())
        };
        let receives = |grant: &Grant| {
            let organisation = policies.organisations.by_oin(&caller.organisation);
            matches!(grant, Grant::Records(records) if records.anonymous.is_none())
                && organisation.is_some_and(|organisation| grant.is_for(organisation, &caller.roles))
        };
        acts(&translation.purpose).is_some()
            && acts(&translation.to_purpose)
                .is_some_and(|standing| standing.purpose.grants.iter().any(receives))
    }

    /// Of each day that is over, how many of the caller's pseudonyms were nobody's. Rounded from a point of its own each
    /// day, which nobody knows: else somebody could send so many that one more would show.
    async fn unknown(&self, sender: &Oin) -> Result<Vec<Unknown>, Refusal> {
        let today = days(civil_day(self.clock.now()));
        let current = self.policies.current();
        let mut unknown = Vec::new();
        for standing in current.policies.purposes.values() {
            let grants = standing.purpose.grants.iter().enumerate();
            for (position, _) in grants.filter(|(_, grant)| matches!(grant, Grant::Translate(_))) {
                let what = unknown_of(&format!("{}/grant/{position}", standing.purpose.id));
                for day in today - UNKNOWN_DAYS..today {
                    let Some(count) = self.store.used_if_any(&what, sender, day).await? else {
                        continue;
                    };
                    let seed = format!("{what} {sender} {day}");
                    let digest = self.keyring().digest.digest("rounding", seed.as_bytes());
                    let from = i64::from(digest.first().copied().unwrap_or(0)) % UNKNOWN_ROUND;
                    unknown.push(Unknown {
                        purpose: standing.purpose.id.to_string(),
                        day: date(day).ok_or(Refusal::Internal)?,
                        count: (count + from).div_euclid(UNKNOWN_ROUND) * UNKNOWN_ROUND,
                    });
                }
            }
        }
        Ok(unknown)
    }

    async fn check_recipient(&self, caller: &Caller, trace: Trace) -> Result<(), Refusal> {
        let checked = self
            .policies
            .current()
            .check_in_force()
            .and_then(|()| self.limits.check_client(caller).map_err(Refusal::from));
        match checked {
            Ok(_) => Ok(()),
            Err(refusal) => Err(self.refuse(caller, refusal, trace).await?),
        }
    }

    fn unsealed(&self, what: &str, id: &[u8; 16], place: u64, sealed: &[u8]) -> Result<String, Refusal> {
        let plain = self.keyring().seal.open(&sealed_to(what, id, place)?, sealed);
        let plain = plain.map_err(|_| Refusal::Internal)?;
        Ok(String::from_utf8_lossy(&plain).into_owned())
    }
}

/// The entry of a recipient's look at what came of its pseudonyms.
fn look(caller: &Caller, trace: Trace, what: serde_json::Value) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::Resolution)?;
    entry.event.recipient = Some(caller.organisation.to_string());
    (entry.event.trace, entry.event.span) = (Some(trace.trace_id), Some(trace.span_id));
    entry.event.decision = Some(GRANTED.to_owned());
    entry.private.query = Some(what);
    Ok(entry)
}
