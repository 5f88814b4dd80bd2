//! Words for people, in Dutch and in English.

use serde::{Deserialize, Serialize};

/// A language that people read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Language {
    /// Nederlands.
    #[default]
    Dutch,
    /// English.
    English,
}

/// A title or description. Dutch is always there; English is the Dutch text where none was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Text {
    /// Dutch.
    pub nl: String,
    /// English.
    pub en: String,
}

impl Text {
    /// The same words in both languages, for names of places and schools.
    pub fn same(words: impl Into<String>) -> Self {
        let nl = words.into();
        Self { en: nl.clone(), nl }
    }

    /// The words in a language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Dutch => &self.nl,
            Language::English => &self.en,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    nl: String,
    en: Option<String>,
}

impl From<Written> for Text {
    fn from(Written { nl, en }: Written) -> Self {
        Self {
            en: en.unwrap_or_else(|| nl.clone()),
            nl,
        }
    }
}
