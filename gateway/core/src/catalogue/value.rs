//! Values: what a field of a delivered row may hold.

use std::fmt;

use jiff::civil::Date;

use super::dataset::{Field, FieldType};
use super::hierarchy::Hierarchy;

/// A checked value of a field. Debug output shows its kind only, for a value is about somebody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Of a bool field.
    Bool(bool),
    /// Of a date field.
    Date(Date),
    /// Of an integer field.
    Integer(i64),
    /// Of every other field: a code, BRIN6, PC4, staff id or free text.
    Text(String),
}

/// A value as it was delivered: a CSV cell, or a JSON value.
#[derive(Clone, Copy)]
pub enum Raw<'a> {
    /// The text of a CSV cell.
    Text(&'a str),
    /// A JSON value, which has to have the field's type.
    Json(&'a serde_json::Value),
}

/// Why a value was refused. Neither part repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ValueError {
    /// What kind of mistake it is.
    pub code: ValueErrorCode,
    /// What the field expects.
    pub detail: String,
}

/// Kinds of mistakes in a value, stable and kebab-case in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueErrorCode {
    /// A JSON value of another type than the field's.
    WrongType,
    /// Neither `true` nor `false`.
    NotABool,
    /// Not an existing date written as `2026-10-01`.
    NotADate,
    /// A date outside 1900–2100.
    DateOutOfRange,
    /// Not a whole number.
    NotAnInteger,
    /// A whole number outside the field's bounds.
    IntegerOutOfRange,
    /// Not in the field's code list or hierarchy.
    UnknownCode,
    /// Not two digits, two capitals, two digits.
    NotABrin6,
    /// Not four digits, the first of which is not 0.
    NotAPc4,
    /// A text beyond its greatest length.
    TooLong,
    /// A text with a control character.
    ControlCharacter,
    /// Not 1 to 64 printable ASCII characters.
    NotAStaffId,
}

impl ValueErrorCode {
    /// The code in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongType => "wrong-type",
            Self::NotABool => "not-a-bool",
            Self::NotADate => "not-a-date",
            Self::DateOutOfRange => "date-out-of-range",
            Self::NotAnInteger => "not-an-integer",
            Self::IntegerOutOfRange => "integer-out-of-range",
            Self::UnknownCode => "unknown-code",
            Self::NotABrin6 => "not-a-brin6",
            Self::NotAPc4 => "not-a-pc4",
            Self::TooLong => "too-long",
            Self::ControlCharacter => "control-character",
            Self::NotAStaffId => "not-a-staff-id",
        }
    }
}

impl Value {
    /// The code under which a dimension knows the value; none for dates and numbers.
    pub fn as_code(&self) -> Option<&str> {
        match self {
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Text(text) => Some(text),
            Self::Date(_) | Self::Integer(_) => None,
        }
    }

    /// The number, of an integer field.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The date, of a date field.
    pub fn as_date(&self) -> Option<Date> {
        if let Self::Date(date) = self {
            Some(*date)
        } else {
            None
        }
    }

    /// The value as an answer shows it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Date(date) => date.to_string().into(),
            Self::Integer(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool(_) => "Bool(…)",
            Self::Date(_) => "Date(…)",
            Self::Integer(_) => "Integer(…)",
            Self::Text(_) => "Text(…)",
        })
    }
}

impl<'a> Raw<'a> {
    /// Whether there is no value: an empty cell, or `null`.
    pub fn is_empty(self) -> bool {
        matches!(self, Self::Text("") | Self::Json(serde_json::Value::Null))
    }

    fn text(self) -> Result<&'a str, ValueError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Json(serde_json::Value::String(text)) => Ok(text),
            Self::Json(_) => Err(error(ValueErrorCode::WrongType, "text expected")),
        }
    }
}

impl<'a> From<&'a str> for Raw<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a serde_json::Value> for Raw<'a> {
    fn from(value: &'a serde_json::Value) -> Self {
        Self::Json(value)
    }
}

impl Field {
    /// Reads a value that is not empty. `codes` is the field's hierarchy or code list
    /// ([`Catalogue::hierarchy_of`](super::Catalogue::hierarchy_of)); without it a code is unknown.
    pub fn parse_value(&self, raw: Raw<'_>, codes: Option<&Hierarchy>) -> Result<Value, ValueError> {
        match self.field_type {
            FieldType::Bool => bool(raw),
            FieldType::Date => date(raw.text()?),
            FieldType::Integer { min, max } => integer(raw, min, max),
            FieldType::Text { max_chars } => text(raw.text()?, max_chars),
            FieldType::StaffId => shaped(raw.text()?, is_staff_id, ValueErrorCode::NotAStaffId),
            FieldType::Code => known(raw.text()?.to_owned(), codes),
            FieldType::Brin6 => {
                self.known_if_listed(shaped(raw.text()?, is_brin6, ValueErrorCode::NotABrin6)?, codes)
            }
            FieldType::Pc4 => {
                self.known_if_listed(shaped(raw.text()?, is_pc4, ValueErrorCode::NotAPc4)?, codes)
            }
        }
    }

    fn known_if_listed(&self, value: Value, codes: Option<&Hierarchy>) -> Result<Value, ValueError> {
        match value {
            Value::Text(text) if self.hierarchy.is_some() => known(text, codes),
            other => Ok(other),
        }
    }
}

fn bool(raw: Raw<'_>) -> Result<Value, ValueError> {
    match raw {
        Raw::Json(serde_json::Value::Bool(value)) => Ok(Value::Bool(*value)),
        Raw::Json(_) => Err(error(ValueErrorCode::WrongType, "`true` or `false` expected")),
        Raw::Text("true") => Ok(Value::Bool(true)),
        Raw::Text("false") => Ok(Value::Bool(false)),
        Raw::Text(_) => Err(error(ValueErrorCode::NotABool, "`true` or `false` expected")),
    }
}

fn date(text: &str) -> Result<Value, ValueError> {
    const YEARS: std::ops::RangeInclusive<i16> = 1900..=2100;
    let date: Option<Date> = text.parse().ok().filter(|date: &Date| date.to_string() == text);
    match date {
        None => Err(error(
            ValueErrorCode::NotADate,
            "an existing date expected, written as `2026-10-01`",
        )),
        Some(date) if !YEARS.contains(&date.year()) => Err(error(
            ValueErrorCode::DateOutOfRange,
            "a date from 1900 to 2100 expected",
        )),
        Some(date) => Ok(Value::Date(date)),
    }
}

fn integer(raw: Raw<'_>, min: i64, max: i64) -> Result<Value, ValueError> {
    let number = match raw {
        Raw::Json(serde_json::Value::Number(number)) => number.as_i64(),
        Raw::Json(_) => return Err(error(ValueErrorCode::WrongType, "a number expected")),
        Raw::Text(text) if text.starts_with('+') => None,
        Raw::Text(text) => text.parse().ok(),
    };
    match number {
        None => Err(error(ValueErrorCode::NotAnInteger, "a whole number expected")),
        Some(number) if (min..=max).contains(&number) => Ok(Value::Integer(number)),
        Some(_) => Err(error(
            ValueErrorCode::IntegerOutOfRange,
            format!("a number from {min} to {max} expected"),
        )),
    }
}

fn text(text: &str, max_chars: u32) -> Result<Value, ValueError> {
    if text.chars().any(char::is_control) {
        return Err(error(
            ValueErrorCode::ControlCharacter,
            "a text without control characters expected",
        ));
    }
    if text.chars().count() > usize::try_from(max_chars).unwrap_or(usize::MAX) {
        return Err(error(
            ValueErrorCode::TooLong,
            format!("a text of at most {max_chars} characters expected"),
        ));
    }
    Ok(Value::Text(text.to_owned()))
}

fn shaped(text: &str, fits: fn(&str) -> bool, code: ValueErrorCode) -> Result<Value, ValueError> {
    let expected = match code {
        ValueErrorCode::NotABrin6 => "a BRIN with site number expected, such as `06RM00`",
        ValueErrorCode::NotAPc4 => "the four digits of a postcode expected, such as `1312`",
        _ => "1 to 64 printable ASCII characters expected",
    };
    if fits(text) {
        Ok(Value::Text(text.to_owned()))
    } else {
        Err(error(code, expected))
    }
}

fn known(text: String, codes: Option<&Hierarchy>) -> Result<Value, ValueError> {
    let found = codes.is_some_and(|codes| {
        codes
            .finest()
            .is_some_and(|level| codes.node(level, &text).is_some())
    });
    let list = codes.map_or("catalogue", |codes| codes.name.as_str());
    if found {
        Ok(Value::Text(text))
    } else {
        Err(error(
            ValueErrorCode::UnknownCode,
            format!("a code of `{list}` expected"),
        ))
    }
}

/// Whether a text is a BRIN with site number: two digits, two capitals, two digits.
pub(crate) fn is_brin6(text: &str) -> bool {
    let shape = |[a, b, c, d, e, f]: [u8; 6]| {
        [a, b, e, f].iter().all(u8::is_ascii_digit) && [c, d].iter().all(u8::is_ascii_uppercase)
    };
    text.as_bytes().try_into().is_ok_and(shape)
}

fn is_pc4(text: &str) -> bool {
    text.len() == 4 && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_staff_id(text: &str) -> bool {
    const CHARS_MAX: usize = 64;
    !text.is_empty() && text.len() <= CHARS_MAX && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
}

fn error(code: ValueErrorCode, detail: impl Into<String>) -> ValueError {
    ValueError {
        code,
        detail: detail.into(),
    }
}

#[cfg(test)]
mod tests;
