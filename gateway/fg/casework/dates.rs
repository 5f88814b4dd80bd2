//! Terms of the AVG, counted from the day of receipt. A weekend at the end gives no respite: that is for who is late.

use jiff::ToSpan as _;
use jiff::civil::Date;

/// So many months after a day; in a month that has no such day, its last.
pub(super) fn months_after(day: Date, months: i32) -> Date {
    day.saturating_add(months.months())
}

/// Days from one day until another; negative when that is past.
pub(super) fn days_until(from: Date, until: Date) -> i64 {
    from.until(until).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_month_is_a_month() {
        assert_eq!(months_after(date(2026, 1, 31), 1), date(2026, 2, 28));
        assert_eq!(months_after(date(2026, 11, 23), 3), date(2027, 2, 23));
        assert_eq!(days_until(date(2026, 11, 23), date(2026, 12, 23)), 30);
        assert_eq!(days_until(date(2026, 12, 25), date(2026, 12, 23)), -2);
    }
}
