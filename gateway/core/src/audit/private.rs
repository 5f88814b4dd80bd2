//! The private part of an entry: who asked, about whom, what exactly, and how much was answered. It is sealed to the
//! data protection officer (FG); the leaf holds only salted commitments to it and blinded tags.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::commitment::{Label, commitment};
use super::leaf::{Commitments, Event};
use super::tag::{self, DayKey, Tag, Tagged, Token};
use super::{Hash, base64};
use crate::pseudonym::SubjectId;

/// The shortest padded private part, in bytes; longer ones have twice that, four times …
const PADDED_BYTES_MIN: usize = 1_024;
/// Bytes of the length before the text.
const LENGTH_LEN: usize = 4;

/// What is known of one entry besides its leaf. Its `Debug` shows counts only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Private {
    /// The person for whom it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffPart>,
    /// The pupils it is about, in the order of their tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "subjects")]
    pub subjects: Vec<SubjectId>,
    /// The request as it can be decided again, without any identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Value>,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultPart>,
    /// Each commitment's own salt.
    #[serde(default)]
    pub salts: Salts,
}

/// A member of staff and their case.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StaffPart {
    /// The person, as the assertion names them.
    pub subject: String,
    /// Whether their organisation's identity provider signed for it.
    pub proved: bool,
    /// The case or reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The person who released it besides, proved as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<String>,
}

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResultPart {
    /// How many rows, or pupils found.
    pub rows: u64,
    /// Which fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The digest of the answer, base64; the commitment `result` is to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Random salts, each used once; absent where there is nothing to commit to.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Salts {
    /// For `staff`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "salt")]
    pub staff: Option<[u8; 32]>,
    /// For `subjects`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "salt")]
    pub subjects: Option<[u8; 32]>,
    /// For `query`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "salt")]
    pub query: Option<[u8; 32]>,
    /// For `result`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "salt")]
    pub result: Option<[u8; 32]>,
}

/// Why bytes are no private part, or not that of the leaf at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateError {
    /// Not a private part.
    #[error("the private part is malformed")]
    Malformed,
    /// The leaf commits to something else.
    #[error("the leaf's commitment to `{0}` is to something else")]
    Commitment(&'static str),
    /// The leaf's tags are not those of the persons.
    #[error("the leaf's tags are not those of its private part")]
    Tags,
}

impl Private {
    /// Which fields were answered: those that were asked for, as a request for one that is not granted is refused whole.
    /// None where nothing was answered, or the request named none.
    pub fn fields(&self) -> Vec<String> {
        let Some(result) = &self.result else {
            return Vec::new();
        };
        if !result.fields.is_empty() {
            return result.fields.clone();
        }
        let asked = self
            .query
            .as_ref()
            .and_then(|query| query.pointer("/asked/fields"));
        let asked = asked.and_then(Value::as_array).into_iter().flatten();
        asked
            .filter_map(|field| field.as_str().map(str::to_owned))
            .collect()
    }

    /// Is there anything to keep?
    pub fn is_empty(&self) -> bool {
        self.staff.is_none() && self.subjects.is_empty() && self.query.is_none() && self.result.is_none()
    }

    /// Gives each thing that is there a salt of its own.
    pub fn salt<E>(&mut self, mut random: impl FnMut() -> Result<[u8; 32], E>) -> Result<(), E> {
        let mut draw = |there: bool, salt: &mut Option<[u8; 32]>| -> Result<(), E> {
            if there && salt.is_none() {
                *salt = Some(random()?);
            }
            Ok(())
        };
        let answered = self.result.as_ref().is_some_and(|result| result.answer.is_some());
        draw(self.staff.is_some(), &mut self.salts.staff)?;
        draw(!self.subjects.is_empty(), &mut self.salts.subjects)?;
        draw(self.query.is_some(), &mut self.salts.query)?;
        draw(answered, &mut self.salts.result)
    }

    /// What the leaf says of it.
    pub fn commitments(&self) -> Commitments {
        let opened = |label, salt: &Option<[u8; 32]>, value: Option<Zeroizing<Vec<u8>>>| {
            salt.as_ref()
                .zip(value)
                .and_then(|(salt, value)| commitment(label, salt, &value))
        };
        let subjects = (!self.subjects.is_empty()).then(|| {
            let ids = self.subjects.iter().flat_map(|subject| *subject.as_bytes());
            Zeroizing::new(ids.collect())
        });
        let answer = self.result.as_ref().and_then(|result| result.answer.as_deref());
        let answer = answer.and_then(super::from_base64::<32>);
        Commitments {
            staff: opened(
                Label::Staff,
                &self.salts.staff,
                self.staff.as_ref().and_then(canonical),
            ),
            subjects: opened(Label::Subjects, &self.salts.subjects, subjects),
            query: opened(
                Label::Query,
                &self.salts.query,
                self.query.as_ref().and_then(canonical),
            ),
            result: opened(
                Label::Result,
                &self.salts.result,
                answer.map(|digest| Zeroizing::new(digest.to_vec())),
            ),
        }
    }

    /// The tags of its pupils, of who asked and of who released it, in this order, without padding. Nobody's where there is neither.
    pub fn tags(&self, key: &DayKey, entry_id: &[u8; 16]) -> Vec<Tag> {
        tag::tags(self.tokens(key), entry_id)
    }

    /// Whom it is about: its pupils, then who asked and who released it.
    pub fn whom(&self) -> impl Iterator<Item = Tagged<'_>> {
        let subjects = self.subjects.iter().map(Tagged::Subject);
        subjects.chain(self.staff().map(Tagged::Staff))
    }

    /// How many persons it is about, who asked included.
    pub fn persons(&self) -> usize {
        self.subjects.len() + self.staff().count()
    }

    /// Who asked, and who released it besides.
    pub fn staff(&self) -> impl Iterator<Item = &str> {
        let staff = self.staff.iter();
        staff.flat_map(|staff| std::iter::once(staff.subject.as_str()).chain(staff.released_by.as_deref()))
    }

    fn tokens<'a>(&'a self, key: &'a DayKey) -> impl Iterator<Item = Token> + 'a {
        self.whom().filter_map(|whom| key.token(whom).ok())
    }

    /// The bytes that are sealed: `u32be(length) ‖ JSON ‖ zeros`, so long that the length tells little.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let json = Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        let length = u32::try_from(json.len()).unwrap_or(0).to_be_bytes();
        let padded = (LENGTH_LEN + json.len())
            .next_power_of_two()
            .max(PADDED_BYTES_MIN);
        let mut bytes = Zeroizing::new(Vec::with_capacity(padded));
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(&json);
        bytes.resize(padded, 0);
        bytes
    }

    /// Reads what [`Private::encode`] wrote.
    ///
    /// # Errors
    /// [`PrivateError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PrivateError> {
        let (length, rest) = bytes
            .split_first_chunk::<LENGTH_LEN>()
            .ok_or(PrivateError::Malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| PrivateError::Malformed)?;
        let (json, padding) = rest.split_at_checked(length).ok_or(PrivateError::Malformed)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(PrivateError::Malformed);
        }
        serde_json::from_slice(json).map_err(|_| PrivateError::Malformed)
    }

    /// Is this the private part of the leaf, and does the leaf have all tags that it should? `key` is that of the
    /// leaf's day in the chain of its replica.
    ///
    /// # Errors
    /// The first thing that differs.
    pub fn verify(&self, event: &Event, key: &DayKey) -> Result<(), PrivateError> {
        let (ours, theirs) = (self.commitments(), &event.commitments);
        for (name, ours, theirs) in [
            ("staff", ours.staff, theirs.staff),
            ("subjects", ours.subjects, theirs.subjects),
            ("query", ours.query, theirs.query),
            ("result", ours.result, theirs.result),
        ] {
            if ours != theirs {
                return Err(PrivateError::Commitment(name));
            }
        }
        let tags = self.tags(key, &event.entry_id);
        let complete = event.tags.starts_with(&tags) && tag::padded(tags.len()) == Some(event.tags.len());
        complete.then_some(()).ok_or(PrivateError::Tags)
    }
}

impl ResultPart {
    /// The same, about an answer with this digest.
    #[must_use]
    pub fn with_answer(mut self, digest: &Hash) -> Self {
        self.answer = Some(base64(digest));
        self
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Some(staff) = &mut self.staff {
            staff.subject.zeroize();
            staff.case.zeroize();
            staff.released_by.zeroize();
        }
    }
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Private")
            .field("staff", &self.staff.is_some())
            .field("subjects", &self.subjects.len())
            .finish_non_exhaustive()
    }
}

/// The one spelling of a value (RFC 8785).
fn canonical(value: &impl Serialize) -> Option<Zeroizing<Vec<u8>>> {
    serde_json_canonicalizer::to_vec(value).ok().map(Zeroizing::new)
}

mod salt {
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(salt: &Option<[u8; 32]>, to: S) -> Result<S::Ok, S::Error> {
        match salt {
            Some(salt) => to.serialize_str(&super::base64(salt)),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Option<[u8; 32]>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| super::super::from_base64(&text).ok_or_else(|| de::Error::custom("not 32 bytes")))
            .transpose()
    }
}

mod subjects {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use zeroize::Zeroizing;

    use crate::pseudonym::SubjectId;

    pub(super) fn serialize<S: Serializer>(subjects: &[SubjectId], to: S) -> Result<S::Ok, S::Error> {
        let ids = subjects.iter().flat_map(|subject| *subject.as_bytes());
        let bytes = Zeroizing::new(ids.collect::<Vec<u8>>());
        to.serialize_str(&super::base64(&bytes))
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<SubjectId>, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| de::Error::custom("not base64"))?;
        let (ids, rest) = bytes.as_chunks::<16>();
        if rest.is_empty() {
            Ok(ids.iter().copied().map(SubjectId::from_bytes).collect())
        } else {
            Err(de::Error::custom("not subjects of 16 bytes"))
        }
    }
}

#[cfg(test)]
mod tests;
