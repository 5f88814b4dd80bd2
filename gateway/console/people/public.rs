//! For everybody: what data are shared for, with whom, how often, and how to check the log. No count is below ten, none is
//! exact, and none is of a month that still runs: what is shown, and how it changes, tells of no single request.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use doelpoort_core::audit::day::Month;
use doelpoort_core::catalogue::Name;
use doelpoort_core::policy::{Policies, Standing};
use doelpoort_core::purpose::Grant;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::guard::Visitor;
use super::words::Word;
use super::{Console, Visited, names};
use crate::console::say::{date, number, period};
use crate::gateway::Tally;

/// The smallest count that is shown; all are rounded down to a multiple of it.
const COUNT_MIN: u64 = 10;
/// Months that are shown.
const MONTHS: u32 = 12;
/// How long after its end a month is shown: until then an entry could still be of it.
const MONTH_SETTLES: SignedDuration = SignedDuration::from_hours(24);

pub(in crate::console) async fn show(State(gateway): Console, Extension(visitor): Visited) -> Response {
    let now = visitor.visit.received;
    let months = months_before(now);
    let counts = match gateway.tally().await {
        Ok(tally) => Counts::of(&tally, &gateway.policies().current().policies, &months),
        Err(error) => {
            tracing::warn!(%error, "the log could not be counted");
            return visitor.unavailable();
        }
    };
    let checkpoint = match gateway.log().checkpoint().await {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            tracing::warn!(%error, "the log's checkpoint cannot be read");
            return visitor.unavailable();
        }
    };
    let current = gateway.policies().current();
    let policies = &current.policies;
    let acting: Vec<&Standing> = policies
        .purposes
        .values()
        .filter(|standing| current.in_force && standing.acts(now).is_ok())
        .collect();
    let title = visitor.say(Word::PublicTitle);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visitor.say(Word::PublicLead)) }
        @if acting.is_empty() { p { (visitor.say(Word::NoPurposes)) } }
        @for standing in acting { (purpose(&visitor, policies, standing, &counts)) }
        (log(&visitor, checkpoint.as_deref(), &gateway.log().verifier().to_text()))
    };
    visitor.page(title, &content)
}

fn purpose(visitor: &Visitor, policies: &Policies, standing: &Standing, counts: &Counts) -> Markup {
    let (purpose, language) = (&standing.purpose, visitor.language);
    let named = |is_delivery: bool| -> BTreeSet<String> {
        let grants = purpose
            .grants
            .iter()
            .filter(|grant| matches!(grant, Grant::Delivery(_)) == is_delivery);
        grants
            .flat_map(Grant::recipients)
            .map(|one| names::recipient(policies, one, language))
            .collect()
    };
    let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
    let (receives, delivers) = (list(named(false)), list(named(true)));
    html! {
        section class="card" {
            h2 { (purpose.title.in_language(language)) }
            p { (purpose.why.in_language(language)) }
            dl {
                @if !receives.is_empty() { dt { (visitor.say(Word::Who)) } dd { (receives) } }
                @if !delivers.is_empty() { dt { (visitor.say(Word::Delivers)) } dd { (delivers) } }
                dt { (visitor.say(Word::Basis)) }
                dd { "AVG " (purpose.basis.avg) @if let Some(special) = &purpose.basis.special { "; AVG " (special) } }
                dt { (visitor.say(Word::Keep)) } dd { (period(&purpose.retention, visitor.language)) }
                dt { (visitor.say(Word::Until)) } dd { (date(purpose.valid.until, language)) }
                dt { (visitor.say(Word::Contact)) } dd { (purpose.contact) }
            }
            @if !receives.is_empty() { (counted(visitor, purpose.title.in_language(language), &purpose.id, counts)) }
        }
    }
}

fn counted(visitor: &Visitor, title: &str, id: &Name, counts: &Counts) -> Markup {
    let counted: Vec<(Month, u64)> = counts.by_month(id).collect();
    html! {
        details {
            summary { (visitor.say(Word::Counts)) }
            p class="small" { (visitor.say(Word::CountsLead)) }
            @if counted.is_empty() { p { (visitor.say(Word::NeverTen)) } }
            @else {
                table {
                    caption { (title) }
                    thead { tr { th scope="col" { (visitor.say(Word::Month)) } th scope="col" class="number" { (visitor.say(Word::Answered)) } } }
                    tbody {
                        @for (month, count) in counted {
                            tr { th scope="row" { (month) } td class="number" { (number(count, visitor.language)) "+" } }
                        }
                    }
                }
                p class="small" { (visitor.say(Word::OtherMonths)) }
            }
        }
    }
}

fn log(visitor: &Visitor, checkpoint: Option<&str>, key: &str) -> Markup {
    html! {
        section class="card" {
            h2 { (visitor.say(Word::LogTitle)) }
            p { (visitor.say(Word::LogLead)) }
            @match checkpoint {
                Some(checkpoint) => pre { (checkpoint) },
                None => p { (visitor.say(Word::NoCheckpoint)) },
            }
            h3 { (visitor.say(Word::PublicKey)) }
            pre { (key) }
            h3 { (visitor.say(Word::HowToCheck)) }
            p { (visitor.say(Word::HowToCheckText)) }
            pre { "doelpoort audit verify --key log.vkey --against checkpoint --bundle log.tar" }
        }
    }
}

/// What may be told of how often each purpose was used: nothing else of a tally leaves.
struct Counts(Vec<(Name, Month, u64)>);

impl Counts {
    fn of(tally: &Tally, policies: &Policies, months: &[Month]) -> Self {
        let each = policies
            .purposes
            .keys()
            .flat_map(|purpose| months.iter().map(move |month| (purpose, *month)));
        let counted = each.filter_map(|(purpose, month)| {
            let count = shown(tally.answered(purpose, month))?;
            Some((purpose.clone(), month, count))
        });
        Self(counted.collect())
    }

    fn by_month<'c>(&'c self, purpose: &'c Name) -> impl Iterator<Item = (Month, u64)> + 'c {
        let of_purpose = self.0.iter().filter(move |(id, ..)| id == purpose);
        of_purpose.map(|(_, month, count)| (*month, *count))
    }
}

/// A count as it is shown: none below ten, and otherwise rounded down to tens.
fn shown(count: u64) -> Option<u64> {
    let rounded = count - count % COUNT_MIN;
    (rounded >= COUNT_MIN).then_some(rounded)
}

/// The months that are over, the last first.
fn months_before(now: Timestamp) -> Vec<Month> {
    let settled = now.saturating_sub(MONTH_SETTLES).unwrap_or(Timestamp::MIN);
    let running = Month::of(settled.as_microsecond());
    (1..=MONTHS).map(|back| running.before(back)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_count_is_small_or_exact() {
        let counts: Vec<_> = [0, 1, 9, 10, 11, 19, 20, 1_234].map(shown).into();
        let expected = [
            None,
            None,
            None,
            Some(10),
            Some(10),
            Some(10),
            Some(20),
            Some(1_230),
        ];
        assert_eq!(counts, expected);
    }

    #[test]
    fn a_month_is_shown_when_it_is_long_over() {
        let first = |now: &str| months_before(now.parse().unwrap())[0].to_string();
        assert_eq!(first("2026-11-30T23:59:59Z"), "2026-10");
        assert_eq!(first("2026-12-01T23:59:59Z"), "2026-10");
        assert_eq!(first("2026-12-02T00:00:00Z"), "2026-11");
        let year = months_before("2026-03-15T00:00:00Z".parse().unwrap());
        assert_eq!((year.len(), year[11].to_string()), (12, "2025-03".to_owned()));
    }
}
