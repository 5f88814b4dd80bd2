//! What the FG writes down in a case: words, and no number of a person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Characters of one text.
const CHARS_MAX: usize = 4_000;
/// Digits of a citizen service number and of an education number.
const PERSON_DIGITS: usize = 9;

/// Something that was written down, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// Why a text is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// There is none.
    #[error("there is no text")]
    Empty,
    /// Too long.
    #[error("the text is longer than {CHARS_MAX} characters")]
    TooLong,
    /// Somebody's number may be in it.
    #[error("the text has 9 digits in a row, as a number of a person has")]
    Number,
}

/// The text without the space around it. Nine digits are refused however they are spaced: that no name is in it, only the
/// FG can see to.
///
/// # Errors
/// Why it is not kept.
pub fn checked_text(text: &str) -> Result<String, InvalidText> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidText::Empty);
    }
    if text.chars().count() > CHARS_MAX {
        return Err(InvalidText::TooLong);
    }
    let mut digits = 0;
    for character in text.chars() {
        match character {
            '0'..='9' => digits += 1,
            // As people group digits; not a dash, which stands in dates, and times follow those.
            ' ' | '.' | '\u{a0}' => {}
            _ => digits = 0,
        }
        if digits >= PERSON_DIGITS {
            return Err(InvalidText::Number);
        }
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_a_person_is_kept() {
        for text in ["123456782", "zie 1234 56 782.", "123.456.782", "x 123 456 782 y"] {
            assert_eq!(checked_text(text), Err(InvalidText::Number), "{text}");
        }
        for text in [
            "gebeld op 2026-11-23 10:00",
            "zaak 2026-17, regel 12.345",
            "12345678",
        ] {
            assert_eq!(checked_text(text).as_deref(), Ok(text));
        }
        assert_eq!(checked_text("  \n"), Err(InvalidText::Empty));
        assert_eq!(checked_text(&"a".repeat(4_001)), Err(InvalidText::TooLong));
    }
}
