//! What follows from other fields: at delivery, or on the date of a question.

use jiff::civil::Date;

use super::dataset::Derive;
use super::hierarchy::Hierarchy;
use super::name::Name;
use super::value::Value;

impl Derive {
    /// The value on a date, of a field that is computed when asked; `of` gives the values of the row's other
    /// fields. None for what is stored, and where the row lacks a date.
    pub fn on<'r>(&self, date: Date, of: impl Fn(&Name) -> Option<&'r Value>) -> Option<Value> {
        match self {
            Self::Age { of: born } => age(of(born)?.as_date()?, date).map(Value::Integer),
            Self::WholeDays { since, until } => {
                whole_days(of(since)?.as_date()?, of(until)?.as_date()?, date).map(Value::Integer)
            }
            Self::WholeWeeks { since, until } => {
                let until = of(until).and_then(Value::as_date);
                whole_weeks(of(since)?.as_date()?, until, date).map(Value::Integer)
            }
            Self::Membership { .. } | Self::Mapped { .. } => None,
        }
    }
}

/// Whole years on a date; none before birth. Who was born on 29 February has their birthday on 1 March in
/// other years.
pub fn age(born: Date, on: Date) -> Option<i64> {
    let birthday_past = (on.month(), on.day()) >= (born.month(), born.day());
    let years = i64::from(on.year()) - i64::from(born.year()) - i64::from(!birthday_past);
    (born <= on).then_some(years)
}

/// Whole weeks from `since` to `until`, or to the date of the question if that is earlier; none if it had not
/// begun on that date.
pub fn whole_weeks(since: Date, until: Option<Date>, on: Date) -> Option<i64> {
    let end = until.map_or(on, |until| until.min(on));
    let days = since.until(end).ok()?.get_days();
    (since <= on).then_some(i64::from(days / 7))
}

/// Days from `since` to `until`; none where they are not both past on that date, or not in this order.
pub fn whole_days(since: Date, until: Date, on: Date) -> Option<i64> {
    let days = since.until(until).ok()?.get_days();
    (since <= until && until <= on).then_some(i64::from(days))
}

/// Whether a value is at the finest level of a hierarchy.
pub(super) fn membership<'d>(
    value: Option<&str>,
    hierarchy: &Hierarchy,
    member: &'d str,
    other: &'d str,
    empty: &'d str,
) -> &'d str {
    let is_member = |code: &str| {
        hierarchy
            .finest()
            .is_some_and(|level| hierarchy.node(level, code).is_some())
    };
    match value {
        None => empty,
        Some(code) if is_member(code) => member,
        Some(_) => other,
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_age_changes_on_the_birthday() {
        for (born, on, expected) in [
            (date(2010, 10, 2), date(2026, 10, 1), Some(15)),
            (date(2010, 10, 1), date(2026, 10, 1), Some(16)),
            (date(2026, 10, 1), date(2026, 10, 1), Some(0)),
            (date(2026, 10, 2), date(2026, 10, 1), None),
            (date(2012, 2, 29), date(2026, 2, 28), Some(13)),
            (date(2012, 2, 29), date(2026, 3, 1), Some(14)),
        ] {
            assert_eq!(age(born, on), expected, "{born} on {on}");
        }
    }

    #[test]
    fn days_are_known_when_both_dates_are_past() {
        let (since, until) = (date(2026, 9, 1), date(2026, 9, 15));
        assert_eq!(whole_days(since, until, date(2026, 9, 15)), Some(14));
        assert_eq!(whole_days(since, until, date(2026, 9, 14)), None);
        assert_eq!(whole_days(until, since, date(2026, 12, 1)), None);
        assert_eq!(whole_days(since, since, since), Some(0));
    }

    #[test]
    fn weeks_are_whole_and_end_with_the_absence_or_the_question() {
        let since = date(2026, 9, 1);
        for (until, on, expected) in [
            (None, date(2026, 9, 7), Some(0)),
            (None, date(2026, 9, 8), Some(1)),
            (Some(date(2026, 9, 15)), date(2026, 10, 1), Some(2)),
            (Some(date(2026, 12, 1)), date(2026, 9, 29), Some(4)),
            (None, date(2026, 8, 31), None),
        ] {
            assert_eq!(whole_weeks(since, until, on), expected, "{until:?} on {on}");
        }
    }

    proptest! {
        #[test]
        fn weeks_never_exceed_the_days(days in 0_i32..5000, later in 0_i32..5000) {
            let since = date(2020, 1, 1);
            let until = since + days.days();
            let weeks = whole_weeks(since, Some(until), until + later.days()).unwrap();
            prop_assert_eq!(weeks, i64::from(days / 7));
        }
    }
}
