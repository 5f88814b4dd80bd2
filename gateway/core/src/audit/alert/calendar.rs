//! Night and holidays in the Netherlands.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

use super::Thresholds;
use crate::audit::leaf::Micros;

/// Central European time and its summer time, by the rule in force since 1996; as a rule, so that no table is read.
const DUTCH_TIME: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// The date and time in the Netherlands.
pub fn local(moment: Micros) -> DateTime {
    let zone = TimeZone::posix(DUTCH_TIME).unwrap_or(TimeZone::UTC);
    let moment = Timestamp::from_microsecond(moment).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned(zone).datetime()
}

/// Whether a moment lies in the night or on a day off.
pub(super) fn is_off_hours(moment: Micros, limits: &Thresholds) -> bool {
    let local = local(moment);
    let hour = u8::try_from(local.hour()).unwrap_or(0);
    let (from, until) = (limits.night_from_hour, limits.night_until_hour);
    let night = if from <= until {
        (from..until).contains(&hour)
    } else {
        hour >= from || hour < until
    };
    night || is_national_holiday(local.date()) || limits.holidays.contains(&local.date())
}

fn is_national_holiday(day: Date) -> bool {
    let easter = easter(day.year());
    let after = |days: i32| easter.checked_add(Span::new().days(days)).ok();
    let moving = [Some(easter), after(1), after(39), after(49), after(50)];
    let fixed = matches!((day.month(), day.day()), (1, 1) | (12, 25 | 26));
    fixed || day == kings_day(day.year()) || moving.contains(&Some(day))
}

/// 27 April, or the day before where that is a Sunday.
fn kings_day(year: i16) -> Date {
    let day = date(year.clamp(1, 9_998), 4, 27);
    if day.weekday() == jiff::civil::Weekday::Sunday {
        day.saturating_sub(1.day())
    } else {
        day
    }
}

/// Easter Sunday in the Gregorian calendar (Meeus, Jones and Butcher).
fn easter(year: i16) -> Date {
    let civil = i32::from(year.clamp(1, 9_998));
    let (golden, century, rest) = (civil % 19, civil / 100, civil % 100);
    let moon = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - moon + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    let (month, day) = (days / 31, days % 31 + 1);
    date(
        year.clamp(1, 9_998),
        i8::try_from(month).unwrap_or(4),
        i8::try_from(day).unwrap_or(1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn easter_is_where_the_almanac_says() {
        for (year, day) in [
            (2024, "2024-03-31"),
            (2025, "2025-04-20"),
            (2026, "2026-04-05"),
            (2027, "2027-03-28"),
            (2028, "2028-04-16"),
            (2038, "2038-04-25"),
        ] {
            assert_eq!(easter(year), day.parse::<Date>().unwrap());
        }
    }

    #[test]
    fn nights_and_holidays_are_dutch() {
        let limits = Thresholds {
            holidays: vec!["2026-12-28".parse().unwrap()],
            ..Thresholds::default()
        };
        for (moment, off) in [
            ("2026-11-23T20:59:59Z", false), // 21:59 in winter
            ("2026-11-23T21:00:00Z", true),  // 22:00 in winter
            ("2026-11-23T04:59:59Z", true),  // 05:59
            ("2026-11-23T05:00:00Z", false), // 06:00
            ("2026-07-01T19:59:59Z", false), // 21:59 in summer
            ("2026-07-01T20:00:00Z", true),  // 22:00 in summer
            ("2026-12-25T12:00:00Z", true),
            ("2026-04-06T12:00:00Z", true), // Easter Monday
            ("2026-05-14T12:00:00Z", true), // Ascension Day
            ("2026-05-25T12:00:00Z", true), // Whit Monday
            ("2026-04-27T12:00:00Z", true), // King's Day
            ("2025-04-26T12:00:00Z", true), // King's Day, 27 April is a Sunday
            ("2026-12-28T12:00:00Z", true), // of the settings
            ("2026-12-29T12:00:00Z", false),
        ] {
            assert_eq!(is_off_hours(at(moment), &limits), off, "{moment}");
        }
    }

    #[test]
    fn a_night_may_lie_within_a_day() {
        let limits = Thresholds {
            night_from_hour: 1,
            night_until_hour: 5,
            ..Thresholds::default()
        };
        assert!(is_off_hours(at("2026-11-23T02:00:00Z"), &limits));
        assert!(!is_off_hours(at("2026-11-23T22:30:00Z"), &limits));
    }
}
