//! How long something may be kept, and which of two terms is the shorter.

use jiff::Span;
use jiff::civil::{Date, date};

/// From which day terms are compared: one fixed day, so that the same two always compare alike. In a year without a
/// leap day a month is its longest and a year its shortest.
const COMPARED_FROM: Date = date(2001, 1, 1);

/// The length in days of an ISO 8601 duration such as `P1Y`; none where the text is no duration of a day or more.
pub fn keep_days(text: &str) -> Option<i64> {
    let span: Span = text.parse().ok().filter(|_| text.starts_with('P'))?;
    let until = COMPARED_FROM.checked_add(span).ok()?;
    let days = until.duration_since(COMPARED_FROM).as_hours() / 24;
    (days > 0).then_some(days)
}

/// Whole months as an ISO 8601 duration.
pub(crate) fn months(count: u32) -> String {
    if count.is_multiple_of(12) {
        format!("P{}Y", count / 12)
    } else {
        format!("P{count}M")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_compare_by_their_days() {
        let days = |text| keep_days(text).unwrap();
        assert!(days("P30D") < days("P1M") && days("P1M") < days("P6W") && days("P11M") < days("P1Y"));
        assert_eq!((days("P1Y"), days("P12M")), (365, 365));
        for wrong in [
            "",
            "1 year",
            "PT1H",
            "P0D",
            "-P1Y",
            "P1Y ago",
            "p1y",
            "P999999999Y",
        ] {
            assert_eq!(keep_days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn months_are_written_as_people_do() {
        assert_eq!([months(36), months(18), months(1)], ["P3Y", "P18M", "P1M"]);
    }
}
