//! Salted commitments: one field can be opened to a court or an owner without opening the rest.

use super::{Hash, sha256};

/// `SHA-256("gwaudit/v1/" ‖ label ‖ 0x00 ‖ salt ‖ u32be(len(value)) ‖ value)`. The salt is random, used once, and
/// kept apart from the commitment. `None` if the value is 4 GiB or longer.
pub fn commitment(label: Label, salt: &[u8; 32], value: &[u8]) -> Option<Hash> {
    let length = u32::try_from(value.len()).ok()?.to_be_bytes();
    Some(sha256(&[
        b"gwaudit/v1/",
        label.text().as_bytes(),
        &[0x00],
        salt,
        &length,
        value,
    ]))
}

/// What is committed to: its name goes into the hash, so that no field can be opened as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// The member of staff who asked.
    Staff,
    /// The pupils it is about.
    Subjects,
    /// The query.
    Query,
    /// The digest of the answer.
    Result,
}

impl Label {
    /// The text that is hashed.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Subjects => "subjects",
            Self::Query => "query",
            Self::Result => "result",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_is_the_documented_one() {
        let written_out = sha256(&[b"gwaudit/v1/result\0", &[7; 32], &[0, 0, 0, 5], b"hello"]);
        assert_eq!(commitment(Label::Result, &[7; 32], b"hello"), Some(written_out));
    }

    #[test]
    fn label_salt_and_value_all_count() {
        let base = commitment(Label::Staff, &[7; 32], b"hello");
        assert_ne!(base, commitment(Label::Query, &[7; 32], b"hello"));
        assert_ne!(base, commitment(Label::Staff, &[8; 32], b"hello"));
        assert_ne!(base, commitment(Label::Staff, &[7; 32], b"hell"));
    }
}
