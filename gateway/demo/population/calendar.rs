//! Dates of the demo: everything follows from today.

use jiff::ToSpan;
use jiff::civil::Date;

use super::draw::Draws;

/// The dates that the counts of 1 October 2024 are moved to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    /// The day of the demo.
    pub(crate) today: Date,
    /// The last 1 October that is not after today: the day the counts hold.
    pub(crate) count_date: Date,
}

impl Calendar {
    /// The calendar as seen on `today`.
    pub(crate) fn on(today: Date) -> Self {
        let year = if today.month() >= 10 {
            today.year()
        } else {
            today.year() - 1
        };
        Self {
            today,
            count_date: day(year, 10, 1),
        }
    }

    /// 1 August, `ago` years before the school year of the count date began.
    pub(crate) fn school_year(self, ago: i16) -> Date {
        day(self.count_date.year() - ago, 8, 1)
    }

    /// The date on which somebody born on `birth` turns `age`; 29 February becomes 28 February.
    pub(crate) fn birthday(birth: Date, age: i16) -> Date {
        birth.saturating_add(age.years())
    }

    /// A day in the life of a child who is `age` on the count date: its birth.
    pub(crate) fn birth(self, age: i16, draws: &mut Draws) -> Date {
        let last = self.count_date.saturating_sub(age.years());
        let first = self
            .count_date
            .saturating_sub((age + 1).years())
            .saturating_add(1.day());
        between(first, last, draws)
    }
}

/// A day of the calendar; out of its range, the first day of the year 1.
fn day(year: i16, month: i8, day: i8) -> Date {
    Date::new(year, month, day).unwrap_or(Date::ZERO)
}

/// 31 July of that year: the day a declaration ends.
pub(crate) fn end_of_july(year: i16) -> Date {
    day(year, 7, 31)
}

/// A day from `first` up to and including `last`; `first` when that is later.
pub(crate) fn between(first: Date, last: Date, draws: &mut Draws) -> Date {
    let days = u32::try_from(days_between(first, last)).unwrap_or(0);
    later(first, i32::try_from(draws.below(days + 1)).unwrap_or(0))
}

/// Days from `first` until `last`; negative when `last` is earlier.
pub(crate) fn days_between(first: Date, last: Date) -> i32 {
    i32::try_from(first.duration_until(last).as_hours() / 24).unwrap_or(0)
}

/// So many days later, or earlier when negative.
pub(crate) fn later(date: Date, days: i32) -> Date {
    date.saturating_add(days.days())
}

/// The first school day on or after `date`: no weekend, no summer holiday, no Christmas holiday.
pub(crate) fn school_day(date: Date) -> Date {
    let mut date = date;
    while on_holiday(date) {
        date = later(date, 1);
    }
    date
}

fn on_holiday(date: Date) -> bool {
    let weekend = date.weekday().to_monday_zero_offset() > 4;
    let summer = matches!((date.month(), date.day()), (7, 16..) | (8, ..=25));
    let christmas = matches!((date.month(), date.day()), (12, 21..) | (1, ..=5));
    weekend || summer || christmas
}
