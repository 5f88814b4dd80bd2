//! A holder's word that it withdraws what it approved.

use super::InputError;
use super::reader::{Reader, json};
use crate::catalogue::Name;

/// What is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalRequest {
    /// Everything that the organisation ever approved.
    All,
    /// Its part in one purpose.
    Purpose(Name),
    /// Its part in one grant of a purpose, by position.
    Grant(Name, usize),
}

impl WithdrawalRequest {
    /// Reads a body: `{"purpose": "…"}`, with `"grant": 0` for one grant, or `{"all": true}`.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<InputError>> {
        let value = json(body)?;
        let mut reader = Reader::new(&value)?;
        let all = reader.flag("all").unwrap_or(false);
        let grant = reader.number("grant").map(usize::try_from);
        if all {
            for key in ["purpose", "grant"] {
                if value.get(key).is_some() {
                    reader.wrong(key, "contradiction", "cannot stand beside `all`: leave one out");
                }
            }
            // So that it counts as known.
            let _ = reader.value("purpose");
            return reader.finish(Some(Self::All));
        }
        let purpose = reader.purpose();
        let parsed = match (purpose, grant) {
            (Some(purpose), None) => Some(Self::Purpose(purpose)),
            (Some(purpose), Some(Ok(grant))) => Some(Self::Grant(purpose, grant)),
            _ => None,
        };
        reader.finish(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_read_and_each_mistake_told() {
        let parsed = |body: &str| WithdrawalRequest::parse(body.as_bytes());
        let atlas: Name = "youth-atlas".parse().unwrap();
        assert_eq!(parsed(r#"{"all":true}"#), Ok(WithdrawalRequest::All));
        assert_eq!(
            parsed(r#"{"purpose":"youth-atlas"}"#),
            Ok(WithdrawalRequest::Purpose(atlas.clone()))
        );
        assert_eq!(
            parsed(r#"{"purpose":"youth-atlas","grant":1}"#),
            Ok(WithdrawalRequest::Grant(atlas, 1))
        );
        let codes = |body: &str| {
            let errors = parsed(body).unwrap_err();
            errors
                .iter()
                .map(|error| format!("{} {}", error.location, error.code))
                .collect::<Vec<_>>()
        };
        assert_eq!(codes("{}"), ["/purpose missing"]);
        assert_eq!(codes(r#"{"all":false}"#), ["/purpose missing"]);
        assert_eq!(codes(r#"{"all":true,"purpose":"x"}"#), ["/purpose contradiction"]);
        assert_eq!(codes(r#"{"purpose":"x","grants":0}"#), [" unknown-key"]);
        assert_eq!(codes(r#"{"purpose":"x","grant":-1}"#), ["/grant wrong-type"]);
        assert_eq!(codes("[]"), [" wrong-type"]);
        assert_eq!(codes("{"), [" malformed-json"]);
    }
}
