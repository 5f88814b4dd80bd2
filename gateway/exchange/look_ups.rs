//! How many pupils an organisation may look up by their numbers in a day, and the alarm when somebody seems to guess.
//!
//! The most is twice the pupils that the organisation is responsible for by public counts, whatever it delivered itself.
//! A number that nobody has is a miss, and so is one that nobody but the asker ever delivered. Of random numbers one in
//! two thousand is somebody's, so who guesses misses nearly always.

use doelpoort_core::audit::leaf::{Kind, Value, extra};
use doelpoort_core::party::{Caller, Oin, Organisations};
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::request::InputError;
use jiff::Timestamp;

use super::Refusal;
use crate::gateway::Gateway;
use crate::limit::{LimitScope, Limited};
use crate::log::Entry;
use crate::store::quota::LookUps;
use crate::store::render::days;

/// An organisation may look up so many times the pupils that it is responsible for, in a day.
const TIMES_RESPONSIBLE: i64 = 2;
/// A malformed number counts as so many look-ups.
const MALFORMED: i64 = 2;
/// Below so many look-ups the share of misses says nothing.
const LOOKED_MIN: i64 = 1_000;
/// Misses above this share give the alarm, in percent.
const MISSED_PERCENT_MAX: i64 = 1;
/// Who looks up few pupils a day is judged over so many days.
const DAYS: i64 = 30;
/// Seconds of a day.
const DAY_S: i64 = 24 * 60 * 60;

/// The decision of the entry that tells of an alarm.
const TOO_MANY_MISSES: &str = "look-ups-missed";
const QUOTA_REACHED: &str = "look-up-quota-reached";

impl Gateway {
    /// Counts look-ups in the name of an organisation, refuses those above its quota, and gives the alarm. Whatever was
    /// found, the same is done.
    pub(crate) async fn count_look_ups(
        &self,
        organisations: &Organisations,
        principal: &Oin,
        add: LookUps,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let day = days(civil_day(now));
        let most = quota(organisations, principal);
        let counted = self.store.count_look_ups(principal, day, add, most).await?;
        let alarm = match counted {
            None => Some(QUOTA_REACHED),
            Some(today) if is_guessing(today) => Some(TOO_MANY_MISSES),
            Some(today) if today.missed > 0 => {
                let lately = self.store.look_ups_after(principal, day - DAYS).await?;
                is_guessing(lately).then_some(TOO_MANY_MISSES)
            }
            Some(_) => None,
        };
        if let Some(reason) = alarm
            && self
                .store
                .claim_look_up_alarm(principal, day, now.as_microsecond())
                .await?
        {
            self.tell_of_look_ups(principal, reason).await?;
        }
        counted
            .map(drop)
            .ok_or_else(|| Refusal::Limited(used_up(most, now)))
    }

    /// Numbers that fail their check count too: who sends many of them makes them up. They are counted in the name of
    /// the board that the body names, if the caller may act for it.
    pub(super) async fn count_malformed(
        &self,
        organisations: &Organisations,
        caller: &Caller,
        asked: &super::Asked<'_>,
        errors: &[InputError],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let malformed = errors
            .iter()
            .filter(|error| error.code == "invalid-identifier")
            .count();
        if malformed == 0 {
            return Ok(());
        }
        let named = asked
            .names_board()
            .filter(|board| caller.acting_for.contains(board));
        let principal = named.as_ref().unwrap_or(&caller.organisation);
        // Who is responsible for nobody can look nobody up, and hears what is wrong with the request.
        if quota(organisations, principal) == 0 {
            return Ok(());
        }
        let looked = MALFORMED * i64::try_from(malformed).unwrap_or(i64::MAX / MALFORMED);
        let add = LookUps {
            looked,
            missed: looked,
        };
        self.count_look_ups(organisations, principal, add, now).await
    }

    /// An alarm is an entry of the log, which the data protection officer gets, a metric, and a line for the operator.
    async fn tell_of_look_ups(&self, principal: &Oin, reason: &'static str) -> Result<(), Refusal> {
        let mut entry = Entry::new(Kind::Incident)?;
        entry.event.recipient = Some(principal.to_string());
        entry.event.decision = Some(reason.to_owned());
        entry
            .event
            .extra
            .insert(extra::OUTCOME, Value::Text(reason.to_owned()));
        self.log.append(entry).await?;
        self.metrics.look_up_alarm(reason);
        tracing::error!(organisation = %principal, reason, "somebody seems to guess pupils' numbers");
        Ok(())
    }
}

/// The most look-ups of a day; none for who is responsible for nobody.
fn quota(organisations: &Organisations, principal: &Oin) -> i64 {
    let organisation = organisations.by_oin(principal);
    let pupils = organisation.and_then(|organisation| organisation.pupils);
    TIMES_RESPONSIBLE * i64::from(pupils.unwrap_or(0))
}

fn is_guessing(look_ups: LookUps) -> bool {
    let LookUps { looked, missed } = look_ups;
    looked >= LOOKED_MIN && missed.saturating_mul(100) > looked.saturating_mul(MISSED_PERCENT_MAX)
}

/// Until the next day, UTC.
pub(crate) fn used_up(most: i64, now: Timestamp) -> Limited {
    let left = DAY_S - now.as_second().rem_euclid(DAY_S);
    Limited {
        scope: LimitScope::Day,
        limit: u32::try_from(most).unwrap_or(u32::MAX),
        retry_after_s: u64::try_from(left).unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_more_than_one_miss_in_a_hundred_of_a_thousand() {
        let guesses = |looked, missed| is_guessing(LookUps { looked, missed });
        assert!(!guesses(999, 999));
        assert!(guesses(1_000, 11));
        assert!(!guesses(1_000, 10));
        assert!(!guesses(100_000, 1_000));
        assert!(guesses(100_000, 1_001));
    }

    #[test]
    fn a_day_ends_at_midnight() {
        let now: Timestamp = "2026-11-22T23:59:30Z".parse().unwrap();
        assert_eq!(used_up(3, now).retry_after_s, 30);
    }
}
