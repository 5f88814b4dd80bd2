//! Populations: who is counted, and on which dates.

use jiff::civil::Date;
use serde::Deserialize;

use super::name::{Dimension, Name};
use crate::text::Text;

/// Who is counted: everyone with a row of one of the datasets that holds on the count date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Population {
    /// `children`.
    pub name: Name,
    /// Grows with every change.
    pub version: u32,
    /// Short title.
    pub title: Text,
    /// The datasets whose rows make someone a member.
    pub datasets: Vec<Name>,
    /// The calendars of count dates.
    pub calendars: Vec<Calendar>,
    /// Codes at which one organisation holds all rows that organisations of its kind hold.
    pub sole_holders: Vec<SoleHolder>,
    /// How much an attacker may learn of one pupil.
    pub bound: Bound,
}

/// Codes at which one organisation holds all rows of its kind: nobody else's part can be told apart there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoleHolder {
    /// The dimension.
    pub when: Dimension,
    /// From its code to the organisation's slug.
    pub pairs: Vec<(String, String)>,
}

/// The greatest probability, in thousandths, with which somebody who knows all but one bit may be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bound {
    /// In one epoch, of what is ordinary.
    pub normal: u16,
    /// In one epoch, of what is sensitive.
    pub sensitive: u16,
    /// Over three years.
    pub total: u16,
}

impl Default for Bound {
    fn default() -> Self {
        Self {
            normal: 850,
            sensitive: 700,
            total: 950,
        }
    }
}

impl Population {
    /// The calendar with this name.
    pub fn calendar(&self, name: &Name) -> Option<&Calendar> {
        self.calendars.iter().find(|calendar| calendar.name == *name)
    }
}

/// Count dates that return every year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// `count-dates`.
    pub name: Name,
    /// Short title.
    pub title: Text,
    /// The days, in the order of the year.
    pub days: Vec<MonthDay>,
}

impl Calendar {
    /// Whether figures are counted on this date.
    pub fn is_epoch(&self, date: Date) -> bool {
        self.days
            .iter()
            .any(|day| day.month == date.month() && day.day == date.day())
    }

    /// The count dates on or before a date, latest first, without end.
    pub fn epochs_on_or_before(&self, date: Date) -> impl Iterator<Item = Date> + '_ {
        let years = (0..=date.year()).rev();
        years
            .flat_map(|year| self.days.iter().rev().filter_map(move |day| day.in_year(year)))
            .filter(move |epoch| *epoch <= date)
    }

    /// The first count date after a date.
    pub fn epoch_after(&self, date: Date) -> Option<Date> {
        let years = [date.year(), date.year().saturating_add(1)];
        let days = years
            .into_iter()
            .flat_map(|year| self.days.iter().filter_map(move |day| day.in_year(year)));
        days.filter(|epoch| *epoch > date).min()
    }
}

/// A day of the year, written `10-01`. 29 February does not occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct MonthDay {
    /// 1–12.
    pub month: i8,
    /// 1–31.
    pub day: i8,
}

impl MonthDay {
    /// The date in a year.
    pub fn in_year(self, year: i16) -> Option<Date> {
        Date::new(year, self.month, self.day).ok()
    }
}

impl TryFrom<String> for MonthDay {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const ANY_COMMON_YEAR: &str = "2001";
        let date: Date = format!("{ANY_COMMON_YEAR}-{text}")
            .parse()
            .map_err(|_| "not a day of the year such as `10-01`")?;
        Ok(Self {
            month: date.month(),
            day: date.day(),
        })
    }
}

/// The school year (1 August – 31 July) of a date, as `2026-2027`.
pub fn school_year(date: Date) -> String {
    let first = school_year_first(date);
    format!("{first}-{}", first + 1)
}

/// The first and last day of the school year written as `2026-2027`.
pub fn school_year_days(text: &str) -> Option<(Date, Date)> {
    let (first, second) = text.split_once('-')?;
    if first.len() != 4 || second.len() != 4 {
        return None;
    }
    let (first, second): (i16, i16) = (first.parse().ok()?, second.parse().ok()?);
    (second == first.checked_add(1)?).then_some(())?;
    Some((Date::new(first, 8, 1).ok()?, Date::new(second, 7, 31).ok()?))
}

fn school_year_first(date: Date) -> i16 {
    if date.month() >= 8 {
        date.year()
    } else {
        date.year() - 1
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn count_dates() -> Calendar {
        let days = ["02-01", "10-01"].map(|day| MonthDay::try_from(day.to_owned()).unwrap());
        Calendar {
            name: "count-dates".parse().unwrap(),
            title: Text::same("count dates"),
            days: days.into(),
        }
    }

    #[test]
    fn count_dates_return_every_year() {
        let calendar = count_dates();
        let last: Vec<_> = calendar.epochs_on_or_before(date(2026, 11, 22)).take(3).collect();
        assert_eq!(last, [date(2026, 10, 1), date(2026, 2, 1), date(2025, 10, 1)]);
        assert_eq!(
            calendar.epochs_on_or_before(date(2026, 10, 1)).next(),
            Some(date(2026, 10, 1))
        );
        assert_eq!(calendar.epoch_after(date(2026, 10, 1)), Some(date(2027, 2, 1)));
        assert_eq!(calendar.epoch_after(date(2026, 1, 31)), Some(date(2026, 2, 1)));
        assert!(calendar.is_epoch(date(2027, 2, 1)) && !calendar.is_epoch(date(2027, 2, 2)));
    }

    #[test]
    fn a_school_year_begins_on_the_first_of_august() {
        assert_eq!(school_year(date(2026, 7, 31)), "2025-2026");
        assert_eq!(school_year(date(2026, 8, 1)), "2026-2027");
        assert_eq!(
            school_year_days("2026-2027"),
            Some((date(2026, 8, 1), date(2027, 7, 31)))
        );
        for wrong in ["2026", "2026-2028", "26-27", "-1-0", "2027-2026", "abcd-efgh"] {
            assert_eq!(school_year_days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_leap_day_is_no_count_date() {
        for wrong in ["02-29", "13-01", "1-1", "10-01T", ""] {
            assert!(MonthDay::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_date_lies_in_its_school_year(year in 1900_i16..2100, month in 1_i8..=12, day in 1_i8..=28) {
            let date = date(year, month, day);
            let (first, last) = school_year_days(&school_year(date)).unwrap();
            prop_assert!(first <= date && date <= last);
        }
    }
}
