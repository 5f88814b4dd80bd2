//! Collects the mistakes of one file.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::catalogue::file::{Code, Reference};
use crate::source_text::{SourceError, SourceText};

/// The mistakes of one file so far.
pub(super) struct Reporter<'a> {
    source: SourceText<'a>,
    stem: &'a str,
    pub(super) errors: Vec<SourceError>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(source: SourceText<'a>, stem: &'a str) -> Self {
        Self {
            source,
            stem,
            errors: Vec::new(),
        }
    }

    /// A mistake at a place.
    pub(super) fn at(&mut self, place: Range<usize>, message: impl Into<String>) {
        self.errors.push(self.source.error(place, message));
    }

    /// A word that is not among the known ones.
    pub(super) fn unknown<'k>(
        &mut self,
        what: &str,
        place: Range<usize>,
        given: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        self.errors.push(
            self.source
                .unknown(place, format!("unknown {what} `{given}`"), given, known),
        );
    }

    /// Reports a reference to something that does not exist; says whether it does.
    pub(super) fn refers_to(&mut self, what: &str, reference: &Reference, known: &BTreeSet<&str>) -> bool {
        let given = reference.get_ref().as_str();
        let exists = known.contains(given);
        if !exists {
            self.unknown(what, reference.span(), given, known.iter().copied());
        }
        exists
    }

    /// A file is named after what it declares.
    pub(super) fn named_after_file(&mut self, name: &Reference) {
        if name.get_ref().as_str() != self.stem {
            let message = format!("`{}` is declared in a file named `{}`", name.get_ref(), self.stem);
            self.at(name.span(), message);
        }
    }

    /// A code is letters, digits and hyphens, at most 32 characters, and occurs once.
    pub(super) fn new_code(&mut self, code: &Code, seen: &mut BTreeSet<String>) {
        const CHARS_MAX: usize = 32;
        let text = code.get_ref();
        let lawful = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if text.is_empty() || text.len() > CHARS_MAX || !lawful {
            self.at(
                code.span(),
                format!("a code is letters, digits and hyphens, at most {CHARS_MAX} characters"),
            );
        }
        if !seen.insert(text.clone()) {
            self.at(code.span(), format!("code `{text}` occurs twice"));
        }
    }
}
