//! Dutch by default, English when the caller prefers it (`Accept-Language`, RFC 9110 section 12.5.4).

use axum::http::{HeaderMap, header};

/// A language that people read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Language {
    /// Nederlands.
    #[default]
    Dutch,
    /// English.
    English,
}

impl Language {
    /// The language with the highest weight in the header; Dutch when they weigh the same or neither is there.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let header = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (dutch, english) = (weight(header, "nl"), weight(header, "en"));
        if english > dutch {
            Self::English
        } else {
            Self::Dutch
        }
    }
}

impl From<Language> for doelpoort_core::text::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Dutch => Self::Dutch,
            Language::English => Self::English,
        }
    }
}

/// The weight of a language in thousandths.
fn weight(header: &str, language: &str) -> u32 {
    header
        .split(',')
        .filter_map(|range| {
            let (tag, quality) = range.split_once(';').unwrap_or((range, "q=1"));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let quality = quality
                .trim()
                .strip_prefix("q=")
                .and_then(|q| q.parse::<f32>().ok())
                .unwrap_or(0.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 0..=1000"
            )]
            let thousandths = (quality.clamp(0.0, 1.0) * 1000.0) as u32;
            primary.eq_ignore_ascii_case(language).then_some(thousandths)
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dutch_unless_english_weighs_more() {
        for (header, expected) in [
            ("", Language::Dutch),
            ("en", Language::English),
            ("en-GB,en;q=0.9,nl;q=0.8", Language::English),
            ("nl,en;q=0.9", Language::Dutch),
            ("de", Language::Dutch),
            ("en;q=0.5, nl;q=0.5", Language::Dutch),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, header.parse().unwrap());
            assert_eq!(Language::of(&headers), expected, "{header}");
        }
    }
}
