//! Moments and numbers as people write them.

use doelpoort_core::audit::alert::local;
use doelpoort_core::audit::leaf::Micros;
use doelpoort_core::text::Language;
use jiff::Span;
use jiff::civil::Date;
use maud::{Markup, html};

const MONTHS: [(&str, &str); 12] = [
    ("januari", "January"),
    ("februari", "February"),
    ("maart", "March"),
    ("april", "April"),
    ("mei", "May"),
    ("juni", "June"),
    ("juli", "July"),
    ("augustus", "August"),
    ("september", "September"),
    ("oktober", "October"),
    ("november", "November"),
    ("december", "December"),
];

/// `21 november 2026`.
pub(super) fn date(date: Date, language: Language) -> String {
    let month = usize::try_from(date.month() - 1)
        .ok()
        .and_then(|month| MONTHS.get(month));
    let (dutch, english) = month.copied().unwrap_or_default();
    let month = match language {
        Language::Dutch => dutch,
        Language::English => english,
    };
    format!("{} {month} {}", date.day(), date.year())
}

/// `21 november 2026, 14.02 uur`, in Dutch time.
pub(super) fn moment(time: Micros, language: Language) -> String {
    let at = local(time);
    let day = date(at.date(), language);
    match language {
        Language::Dutch => format!("{day}, {:02}.{:02} uur", at.hour(), at.minute()),
        Language::English => format!("{day}, {:02}:{:02}", at.hour(), at.minute()),
    }
}

/// `21-11-2026 14.02`, for a column: it is short, and stays on one line.
pub(super) fn when(time: Micros, language: Language) -> Markup {
    let at = local(time);
    let (day, month, year) = (at.day(), at.month(), at.year());
    let text = match language {
        Language::Dutch => format!("{day:02}-{month:02}-{year} {:02}.{:02}", at.hour(), at.minute()),
        Language::English => format!("{day:02}/{month:02}/{year} {:02}:{:02}", at.hour(), at.minute()),
    };
    let exact = format!("{year}-{month:02}-{day:02}T{:02}:{:02}", at.hour(), at.minute());
    html! { time class="when" datetime=(exact) { (text) } }
}

/// `1 jaar en 6 maanden` for the ISO 8601 duration `P1Y6M`; what is none stays as it is.
pub(super) fn period(duration: &str, language: Language) -> String {
    let Ok(span) = duration.parse::<Span>() else {
        return duration.to_owned();
    };
    let parts = [
        (i32::from(span.get_years()), ("jaar", "jaar"), ("year", "years")),
        (span.get_months(), ("maand", "maanden"), ("month", "months")),
        (span.get_weeks(), ("week", "weken"), ("week", "weeks")),
        (span.get_days(), ("dag", "dagen"), ("day", "days")),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, dutch, english)| {
            let (one, more) = match language {
                Language::Dutch => dutch,
                Language::English => english,
            };
            format!("{number} {}", if number == 1 { one } else { more })
        })
        .collect();
    let and = match language {
        Language::Dutch => " en ",
        Language::English => " and ",
    };
    if told.is_empty() {
        duration.to_owned()
    } else {
        told.join(and)
    }
}

/// `12.345` or `12,345`.
pub(super) fn number(number: u64, language: Language) -> String {
    let separator = match language {
        Language::Dutch => '.',
        Language::English => ',',
    };
    let digits = number.to_string();
    let mut said = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            said.push(separator);
        }
        said.push(digit);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_it() {
        let at = "2026-07-01T12:02:00Z"
            .parse::<jiff::Timestamp>()
            .unwrap()
            .as_microsecond();
        assert_eq!(moment(at, Language::Dutch), "1 juli 2026, 14.02 uur");
        assert_eq!(moment(at, Language::English), "1 July 2026, 14:02");
        assert_eq!(
            when(at, Language::Dutch).into_string(),
            r#"<time class="when" datetime="2026-07-01T14:02">01-07-2026 14.02</time>"#
        );
        assert_eq!(period("P1Y", Language::Dutch), "1 jaar");
        assert_eq!(period("P1Y6M", Language::English), "1 year and 6 months");
        assert_eq!(period("P30D", Language::Dutch), "30 dagen");
        assert_eq!(period("for ever", Language::Dutch), "for ever");
        assert_eq!(number(1_234_567, Language::Dutch), "1.234.567");
        assert_eq!(number(999, Language::English), "999");
    }
}
