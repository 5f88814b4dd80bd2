//! An answer: its exact text, its rows in their own order, and its receipt.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::ClientError;

/// What the gateway answered. Its `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    text: String,
    json: Value,
}

/// One row of an answer, with its members in the order in which they were sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Row(pub Vec<(String, Value)>);

impl Answer {
    pub(super) fn parse(status: u16, text: String) -> Result<Self, ClientError> {
        let json = if text.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_str(&text)
        };
        let json = json.map_err(|_| ClientError::Unreadable {
            status,
            why: "it is no JSON",
        })?;
        Ok(Self { status, text, json })
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The exact bytes, which the receipt's digest is about.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The answer as JSON.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// `data`.
    pub fn data(&self) -> Option<&Value> {
        self.json.get("data")
    }

    /// `meta`.
    pub fn meta(&self) -> Option<&Value> {
        self.json.get("meta")
    }

    /// The receipt: the proof that this access is in the log.
    pub fn receipt(&self) -> Option<&Value> {
        self.json.get("receipt").filter(|receipt| !receipt.is_null())
    }

    /// The rows of `data`, with their members in the order of the answer; none where `data` is no list.
    pub fn rows(&self) -> Vec<Row> {
        #[derive(Deserialize)]
        struct Ordered {
            #[serde(default)]
            data: Vec<Row>,
        }
        serde_json::from_str::<Ordered>(&self.text)
            .map(|ordered| ordered.data)
            .unwrap_or_default()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.text.len())
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} members)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Row, A::Error> {
                let mut row = Vec::new();
                while let Some(member) = members.next_entry()? {
                    row.push(member);
                }
                Ok(Row(row))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
