//! Days and months of the log, in UTC: what keys live by.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::leaf::Micros;

/// Microseconds of a day.
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// A day in UTC, as the number of days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// A calendar month in UTC, written `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: i16,
    month: i8,
}

/// Not a month such as `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a month such as `2026-11`")]
pub struct InvalidMonth;

impl Day {
    /// The day of a moment.
    pub fn of(moment: Micros) -> Self {
        Self(moment.div_euclid(DAY_US))
    }

    /// How many days it lies after 1970-01-01.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The day after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its month.
    pub fn month(self) -> Month {
        Month::of(self.0.saturating_mul(DAY_US))
    }

    /// How many days it lies after an earlier one; none if it is not later.
    pub fn days_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl Month {
    /// The month of a moment.
    pub fn of(moment: Micros) -> Self {
        let time = Timestamp::from_microsecond(moment).unwrap_or(Timestamp::UNIX_EPOCH);
        Self::of_date(time.to_zoned(TimeZone::UTC).date())
    }

    /// The month of a date.
    pub fn of_date(date: Date) -> Self {
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    /// The month that comes so many months after it.
    #[must_use]
    pub fn after(self, months: u32) -> Self {
        self.shifted(i64::from(months))
    }

    /// The month that comes so many months before it.
    #[must_use]
    pub fn before(self, months: u32) -> Self {
        self.shifted(-i64::from(months))
    }

    fn shifted(self, months: i64) -> Self {
        let months = i64::from(self.year) * 12 + i64::from(self.month) - 1 + months;
        Self {
            year: i16::try_from(months.div_euclid(12)).unwrap_or(i16::MAX),
            month: i8::try_from(months.rem_euclid(12) + 1).unwrap_or(1),
        }
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self.month {
            12 => Self {
                year: self.year.saturating_add(1),
                month: 1,
            },
            month => Self {
                year: self.year,
                month: month + 1,
            },
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let first = (text.len() == 7).then(|| format!("{text}-01"));
        let date = first.and_then(|first| first.parse::<Date>().ok());
        date.map(Self::of_date).ok_or(InvalidMonth)
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, InvalidMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_at_midnight_in_utc() {
        let midnight = "2026-12-01T00:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .as_microsecond();
        assert_eq!(Month::of(midnight - 1).to_string(), "2026-11");
        assert_eq!(Month::of(midnight).to_string(), "2026-12");
        assert_eq!(Day::of(midnight).days_since(Day::of(midnight - 1)), 1);
        assert_eq!(Day::of(midnight - 1).next(), Day::of(midnight));
        assert_eq!(Month::of(midnight).next().to_string(), "2027-01");
        assert_eq!(Month::of(midnight).after(61).to_string(), "2032-01");
    }

    #[test]
    fn months_are_read_as_they_are_written() {
        for text in ["2026-11", "1999-01"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        for text in ["2026-13", "2026-1", "2026-011", "", "2026-11-01"] {
            assert_eq!(text.parse::<Month>(), Err(InvalidMonth), "{text}");
        }
    }
}
