//! JSON as we take it: no name twice at any level, not deeper than needed, nothing after it.
//!
//! Two readers of `{"aud":"a","aud":"b"}` may see two different documents (RFC 8259 section 4, RFC 8725 section 2.4);
//! here nobody sees any.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Levels of nesting; the API's own bodies have three, tokens two.
pub const DEPTH_MAX: u8 = 8;

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StrictJsonError {
    /// Not UTF-8, not JSON, or something after it.
    #[error("not JSON: it breaks off or goes wrong at line {line}, column {column}")]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1; 0 before the first character of a line.
        column: usize,
    },
    /// Which of the two counts is anybody's guess.
    #[error("a name occurs twice in one object, the second time before line {line}, column {column}")]
    Twice {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// JSON, but no object.
    #[error("not an object")]
    NoObject,
}

/// Reads one JSON value.
///
/// # Errors
/// [`StrictJsonError`], the first.
pub fn value(bytes: &[u8]) -> Result<Value, StrictJsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader);
    value
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| told(&error))
}

/// Reads one JSON object.
///
/// # Errors
/// [`StrictJsonError`], the first.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, StrictJsonError> {
    match value(bytes)? {
        Value::Object(map) => Ok(map),
        _ => Err(StrictJsonError::NoObject),
    }
}

const TWICE: &str = "a name occurs twice";
const TOO_DEEP: &str = "nested too deeply";

fn told(error: &serde_json::Error) -> StrictJsonError {
    let (line, column, text) = (error.line(), error.column(), error.to_string());
    if text.starts_with(TWICE) {
        StrictJsonError::Twice { line, column }
    } else if text.starts_with(TOO_DEEP) {
        StrictJsonError::TooDeep
    } else {
        StrictJsonError::Malformed { line, column }
    }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON in which no name occurs twice")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(inner)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_one_plain_object_is_refused() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(9), "}".repeat(9));
        let hostile = [
            "",
            "1",
            "[]",
            "null",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"b":2}]}"#,
            r#"{"a":1}{"a":1}"#,
            r#"{"a":1} x"#,
            r#"{"a":1,}"#,
            r#"{"a":NaN}"#,
            r#"{"a":1e999}"#,
            &deep,
        ];
        for text in hostile {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
        assert!(matches!(
            value(br#"{"a":[{"b":1,"b":2}]}"#),
            Err(StrictJsonError::Twice { line: 1, .. })
        ));
        assert_eq!(value(deep.as_bytes()), Err(StrictJsonError::TooDeep));
        assert_eq!(object(b"[]"), Err(StrictJsonError::NoObject));
        assert!(object(format!("{}1{}", r#"{"a":"#.repeat(8), "}".repeat(8)).as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_as_serde_reads_it(text in r#"\{"[ab]":(1|-2|0\.5|true|null|"x"|\[1,2\]),"[cd]":\{\}\}"#) {
            let expected: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Value::Object(object(text.as_bytes()).unwrap()), expected);
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = object(&bytes);
        }
    }
}
