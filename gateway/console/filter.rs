//! The filters of the log page: in the address, so that a view can be kept and shared; never a person.

use doelpoort_core::audit::alert::local;
use doelpoort_core::audit::filter::{Decided, Filter};
use doelpoort_core::audit::leaf::{Kind, Micros};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// Characters of one filter.
const CHARS_MAX: usize = 200;

/// What the address says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) from: String,
    pub(super) until: String,
    pub(super) organisation: String,
    pub(super) purpose: String,
    pub(super) dataset: String,
    pub(super) decision: String,
    pub(super) trace: String,
    pub(super) kind: String,
    /// Entries before this number.
    pub(super) before: Option<u64>,
}

impl Asked {
    /// The filters with their names.
    pub(super) fn named(&self) -> [(&'static str, &str); 8] {
        [
            ("from", &self.from),
            ("until", &self.until),
            ("organisation", &self.organisation),
            ("purpose", &self.purpose),
            ("dataset", &self.dataset),
            ("decision", &self.decision),
            ("trace", &self.trace),
            ("kind", &self.kind),
        ]
    }

    /// Reads them from a form.
    pub(super) fn of(field: impl Fn(&str) -> String) -> Self {
        Self {
            from: field("from"),
            until: field("until"),
            organisation: field("organisation"),
            purpose: field("purpose"),
            dataset: field("dataset"),
            decision: field("decision"),
            trace: field("trace"),
            kind: field("kind"),
            before: None,
        }
    }

    /// The address of the log page with these filters and one of them changed.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let mut pairs: Vec<String> = Vec::new();
        let kept = self.named();
        let others = kept.iter().filter(|(key, text)| *key != name && !text.is_empty());
        pairs.extend(others.map(|(key, text)| format!("{key}={}", encoded(text))));
        if !value.is_empty() {
            pairs.push(format!("{name}={}", encoded(value)));
        }
        format!("/log?{}", pairs.join("&"))
    }

    /// The conditions; the name of a filter that cannot be understood.
    pub(super) fn filter(&self) -> Result<Filter, &'static str> {
        if let Some((name, _)) = self
            .named()
            .into_iter()
            .find(|(_, text)| text.chars().count() > CHARS_MAX)
        {
            return Err(name);
        }
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let kinds = match self.kind.as_str() {
            "" => Vec::new(),
            name => vec![*Kind::ALL.iter().find(|kind| kind.name() == name).ok_or("kind")?],
        };
        Ok(Filter {
            since: day(&self.from, "from", false)?,
            until: day(&self.until, "until", true)?,
            recipient: text(&self.organisation),
            acting_for: None,
            purpose: text(&self.purpose),
            dataset: text(&self.dataset),
            decision: text(&self.decision).map(|decision| match decision.as_str() {
                "refused" => Decided::Refused,
                _ => Decided::Code(decision),
            }),
            clause: None,
            trace: match self.trace.as_str() {
                "" => None,
                text => Some(trace(text).ok_or("trace")?),
            },
            kinds,
        })
    }
}

/// The begin of a day in the Netherlands, or its end.
fn day(text: &str, name: &'static str, end: bool) -> Result<Option<Micros>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let date: Date = text.parse().map_err(|_| name)?;
    let date = if end {
        date.checked_add(1.day()).map_err(|_| name)?
    } else {
        date
    };
    begin(date).map(Some).ok_or(name)
}

/// When a day begins in the Netherlands.
pub(super) fn begin(date: Date) -> Option<Micros> {
    let utc = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond();
    // The offset of that day's first hours, which is never that of a change: clocks change at three at night.
    let there = local(utc)
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp()
        .as_microsecond();
    Some(utc - (there - utc))
}

fn trace(text: &str) -> Option<[u8; 16]> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// As it stands in an address.
pub(super) fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| {
        if is_plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_when_it_begins_in_the_netherlands() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let filter = Asked {
            from: "2026-07-01".to_owned(),
            until: "2026-12-01".to_owned(),
            ..Asked::default()
        };
        let filter = filter.filter().unwrap();
        assert_eq!(filter.since, Some(at("2026-06-30T22:00:00Z")));
        assert_eq!(filter.until, Some(at("2026-12-01T23:00:00Z")));
    }

    #[test]
    fn what_is_no_filter_is_named() {
        for name in ["from", "until", "trace", "kind"] {
            let asked = Asked::of(|key| if key == name { "<x>" } else { "" }.to_owned());
            assert_eq!(asked.filter(), Err(name));
        }
        let long = Asked::of(|key| {
            if key == "purpose" {
                "a".repeat(201)
            } else {
                String::new()
            }
        });
        assert_eq!(long.filter(), Err("purpose"));
    }

    #[test]
    fn an_address_keeps_the_other_filters_and_escapes() {
        let asked = Asked::of(|key| if key == "purpose" { "a&b" } else { "" }.to_owned());
        assert_eq!(
            asked.with("decision", "refused"),
            "/log?purpose=a%26b&decision=refused"
        );
        assert_eq!(asked.with("purpose", ""), "/log?");
    }
}
