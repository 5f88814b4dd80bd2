//! Mistakes in a file that people write: file, line, column, the line itself with a caret, and a hint.
//!
//! The catalogue and the purposes are both read through [`SourceText`], so that a mistake in either looks
//! the same.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;

/// One mistake in a text file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceError {
    /// The file's name as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line of the mistake and, below it, carets under the mistake.
    pub excerpt: String,
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        write!(f, "\n{}", self.excerpt)
    }
}

impl std::error::Error for SourceError {}

/// A file and its text; turns places in the text into [`SourceError`]s.
#[derive(Debug, Clone, Copy)]
pub struct SourceText<'a> {
    file: &'a str,
    text: &'a str,
}

impl<'a> SourceText<'a> {
    /// The text of `file`.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    /// Reads the text as TOML. serde stops at the first structural mistake, so there is one error a file.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, SourceError> {
        toml::from_str(self.text).map_err(|error| self.toml_error(&error))
    }

    /// A mistake at a place (byte offsets, as `toml::Spanned::span` gives them).
    pub fn error(&self, place: Range<usize>, message: impl Into<String>) -> SourceError {
        let (line, column) = self.position(place.start);
        SourceError {
            file: self.file.to_owned(),
            line,
            column,
            excerpt: self.excerpt(place, line, column),
            message: message.into(),
            suggestion: None,
        }
    }

    /// A mistake about a word that is not one of `known`, with the nearest of them as the hint.
    pub fn unknown<'k>(
        &self,
        place: Range<usize>,
        message: impl Into<String>,
        given: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> SourceError {
        SourceError {
            suggestion: closest(given, known),
            ..self.error(place, message)
        }
    }

    /// A mistake that the TOML reader found.
    pub fn toml_error(&self, error: &toml::de::Error) -> SourceError {
        let (message, suggestion) = reword(error.message());
        SourceError {
            suggestion,
            ..self.error(error.span().unwrap_or(0..0), message)
        }
    }

    /// The line of a place (a byte offset), from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.position(offset).0
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).map_or(0, |part| part.chars().count()) + 1;
        (before.matches('\n').count() + 1, column)
    }

    fn excerpt(&self, place: Range<usize>, line: usize, column: usize) -> String {
        let shown = self.text.lines().nth(line - 1).unwrap_or_default();
        let marked = self
            .text
            .get(place)
            .and_then(|part| part.lines().next())
            .map_or(0, |p| p.chars().count());
        let room = shown.chars().count().saturating_sub(column - 1);
        let number = line.to_string();
        format!(
            "{number} | {shown}\n{gutter} | {indent}{carets}",
            gutter = " ".repeat(number.len()),
            indent = " ".repeat(column - 1),
            carets = "^".repeat(marked.min(room).max(1)),
        )
    }
}

/// The known word nearest to a misspelt one, if one is near enough to be meant.
pub fn closest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    const NEAR_ENOUGH: f64 = 0.6;
    known
        .into_iter()
        .map(|word| (strsim::normalized_damerau_levenshtein(given, word), word))
        .filter(|(nearness, _)| *nearness >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, word)| word.to_owned())
        .filter(|word| word != given)
}

/// serde's words in ours, and the hint that its list of expected words gives.
fn reword(message: &str) -> (String, Option<String>) {
    let message = message.trim().replace('\n', ", ");
    for (theirs, ours) in [
        ("unknown field ", "unknown key "),
        ("unknown variant ", "unknown value "),
    ] {
        if let Some(rest) = message.strip_prefix(theirs) {
            let (given, expected) = rest.split_once(", ").unwrap_or((rest, ""));
            let suggestion = closest(given.trim_matches('`'), backticked(expected));
            let list = if suggestion.is_none() && !expected.is_empty() {
                format!(", {expected}")
            } else {
                String::new()
            };
            return (format!("{ours}{given}{list}"), suggestion);
        }
    }
    if let Some((found, expected)) = message
        .strip_prefix("invalid type: ")
        .and_then(|m| m.rsplit_once(", expected "))
    {
        return (format!("expected {}, found {found}", kind(expected)), None);
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return (format!("missing key {rest}"), None);
    }
    (message, None)
}

/// What serde expected, in words of the file's author.
fn kind(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "i64" => "a whole number",
        "a string" | "string" => "a text",
        "a sequence" => "a list",
        "a map" => "a table",
        other => other,
    }
}

fn backticked(list: &str) -> impl Iterator<Item = &str> {
    list.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read from text")]
    struct File {
        required: bool,
        count: Option<u32>,
    }

    fn told(text: &str) -> String {
        SourceText::new("a.toml", text)
            .decode::<File>()
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_mistake_shows_its_line_and_what_was_meant() {
        for (text, says) in [
            (
                "requird = true",
                "a.toml:1:1: unknown key `requird`; did you mean `required`?\n1 | requird = true\n  | ^^^^^^^",
            ),
            (
                "colour = 1",
                "a.toml:1:1: unknown key `colour`, expected `required` or `count`\n1 | colour = 1\n  | ^^^^^^",
            ),
            (
                "count = 1",
                "a.toml:1:1: missing key `required`\n1 | count = 1\n  | ^",
            ),
            (
                "\n\nrequired = true\ncount = \"é\"",
                "a.toml:4:9: expected a whole number, found string \"é\"\n4 | count = \"é\"\n  |         ^^^",
            ),
        ] {
            assert_eq!(told(text), says);
        }
    }

    #[test]
    fn a_place_is_counted_in_characters() {
        let error = SourceText::new("b", "één\ntwéé drie\n").error(13..17, "wrong");
        assert_eq!(error.to_string(), "b:2:6: wrong\n2 | twéé drie\n  |      ^^^^");
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["site", "sector", "since"];
        assert_eq!(closest("sectr", known).as_deref(), Some("sector"));
        assert_eq!(closest("postcode", known), None);
        assert_eq!(closest("site", known), None);
    }

    proptest! {
        #[test]
        fn no_place_makes_an_error_panic(text in "(?s).{0,60}", from in 0_usize..100, len in 0_usize..100) {
            let error = SourceText::new("c", &text).error(from..from + len, "wrong");
            prop_assert!(error.line >= 1 && error.column >= 1);
        }
    }
}
