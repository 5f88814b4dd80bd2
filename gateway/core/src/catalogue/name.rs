//! Names: of datasets, fields, levels; of a field in its dataset; of a dimension.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kebab-case name: `^[a-z][a-z0-9-]{0,47}$`. Safe to become part of a table or column name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// A field of a dataset: `enrolment.year-group`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldName {
    /// The dataset.
    pub dataset: Name,
    /// The field, within the dataset.
    pub field: Name,
}

/// A field at one level of its hierarchy: `enrolment.neighbourhood@district`; always with its level.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dimension {
    /// The field.
    pub field: FieldName,
    /// The level of the field's hierarchy; `code` where the field has a plain code list.
    pub level: Name,
}

/// Why a text names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not `^[a-z][a-z0-9-]{0,47}$`. The text is left out: it may hold anything.
    #[error(
        "not a name: lower case letters, digits and hyphens, beginning with a letter, at most 48 characters"
    )]
    NotAName,
    /// Not `dataset.field`.
    #[error("not a field: written as `dataset.field`")]
    NotAField,
    /// Not `dataset.field@level`.
    #[error("not a dimension: written as `dataset.field@level`")]
    NotADimension,
    /// No such dataset.
    #[error("unknown dataset `{name}`{}", hint(suggestion.as_ref()))]
    UnknownDataset {
        /// What was asked.
        name: Name,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// No such field in the dataset.
    #[error("unknown field `{name}`{}", hint(suggestion.as_ref()))]
    UnknownField {
        /// What was asked.
        name: FieldName,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// The field's hierarchy has no such level.
    #[error("`{field}` has no level `{level}`{}", hint(suggestion.as_ref()))]
    UnknownLevel {
        /// The field.
        field: FieldName,
        /// The level that was asked.
        level: Name,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// The field has neither a hierarchy nor codes, so nothing can be counted by it.
    #[error("`{field}` has no codes, so it is not a dimension")]
    NoCodes {
        /// The field.
        field: FieldName,
    },
}

fn hint(suggestion: Option<&String>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

impl Name {
    /// The longest name, in characters.
    pub const CHARS_MAX: usize = 48;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `present`: the field that every dataset about pupils has; true for whoever has a row.
    pub fn present() -> Self {
        Self("present".to_owned())
    }

    /// `rows`: the amount that every dataset about pupils has; how many rows of a pupil hold.
    pub fn rows() -> Self {
        Self("rows".to_owned())
    }

    /// `holder`: whose row it is; lives in a snapshot only.
    pub fn holder() -> Self {
        Self("holder".to_owned())
    }

    /// `code`: the only level of a field with a plain code list.
    pub fn code() -> Self {
        Self("code".to_owned())
    }
}

impl FieldName {
    /// The field `field` of `dataset`.
    pub fn new(dataset: Name, field: Name) -> Self {
        Self { dataset, field }
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let lawful = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if begins && text.len() <= Self::CHARS_MAX && text.chars().all(lawful) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::NotAName)
        }
    }
}

impl FromStr for FieldName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (dataset, field) = text.split_once('.').ok_or(NameError::NotAField)?;
        Ok(Self {
            dataset: dataset.parse()?,
            field: field.parse()?,
        })
    }
}

impl FromStr for Dimension {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (field, level) = text.split_once('@').ok_or(NameError::NotADimension)?;
        Ok(Self {
            field: field.parse()?,
            level: level.parse()?,
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.dataset, self.field)
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.field, self.level)
    }
}

/// A name reads as itself in debug output and takes part in serde as text.
macro_rules! as_text {
    ($($type:ty),*) => { $(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`{self}`")
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.to_string()
            }
        }
    )* };
}
as_text!(Name, FieldName, Dimension);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_kebab_case_is_a_name() {
        for good in ["a", "year-group", "pc4", &"a".repeat(48)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "4pc",
            "-a",
            "Year",
            "year_group",
            "a.b",
            "a b",
            "é",
            "a\"; drop",
            &"a".repeat(49),
        ] {
            assert_eq!(bad.parse::<Name>(), Err(NameError::NotAName), "{bad}");
        }
    }

    #[test]
    fn an_error_never_repeats_what_is_not_a_name() {
        let error = "999990019".parse::<Name>().unwrap_err();
        assert!(!error.to_string().contains("999990019"));
    }

    proptest! {
        #[test]
        fn a_name_survives_writing_and_reading(text in "[a-z][a-z0-9-]{0,47}") {
            prop_assert_eq!(text.parse::<Name>().unwrap().to_string(), text);
        }

        #[test]
        fn a_dimension_survives_writing_and_reading(
            dataset in "[a-z][a-z0-9-]{0,47}", field in "[a-z][a-z0-9-]{0,47}", level in "[a-z][a-z0-9-]{0,47}"
        ) {
            let text = format!("{dataset}.{field}@{level}");
            let dimension: Dimension = text.parse().unwrap();
            prop_assert_eq!(dimension.to_string(), text.clone());
            prop_assert_eq!(dimension.field.to_string().parse::<FieldName>().unwrap(), dimension.field.clone());
            prop_assert_eq!(serde_json::to_value(&dimension).unwrap(), serde_json::json!(text));
        }

        #[test]
        fn no_text_makes_reading_a_name_panic(text in ".*") {
            let _ = (text.parse::<Name>(), text.parse::<FieldName>(), text.parse::<Dimension>());
        }
    }
}
