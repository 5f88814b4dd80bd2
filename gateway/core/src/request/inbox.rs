//! A holder's word on what stands in its inbox, and on numbers that are not one pupil's.

use zeroize::Zeroizing;

use super::InputError;
use super::reader::{Reader, json};
use crate::identifier::{Identifier, IdentifierKind};
use crate::party::Oin;

/// The longest answer, in characters.
const ANSWER_CHARS_MAX: usize = 2_000;
/// The most pairs of one request.
const PAIRS_MAX: usize = 10;
const KINDS: [IdentifierKind; 3] = [IdentifierKind::Bsn, IdentifierKind::EckId, IdentifierKind::Local];

/// What a holder says of an item.
#[derive(Clone, PartialEq, Eq)]
pub enum InboxAnswer {
    /// An answer for who asked; it reads it when the request closes.
    Answer(String),
    /// It is one pupil.
    Confirm,
    /// No answer; not one pupil; or seen to.
    Decline,
}

/// Numbers that are not one pupil's.
#[derive(Debug)]
pub struct LinkUndo {
    /// For whom the caller says it acts.
    pub acting_for: Option<Oin>,
    /// Two numbers each, of different kinds.
    pub pairs: Vec<[Identifier; 2]>,
}

impl InboxAnswer {
    /// Reads a body: `{"action": "answer", "answer": "…"}`, or `confirm`, or `decline`.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(body: &[u8], holder: &Oin) -> Result<Self, Vec<InputError>> {
        let value = json(body)?;
        let mut reader = Reader::new(&value)?;
        let (action, answer) = (reader.text("action"), reader.text("answer"));
        let parsed = match (action.as_deref(), answer) {
            (Some("answer"), Some(text)) => answer_of(&mut reader, text, holder),
            (Some("answer"), None) => {
                reader.missing("answer", "what who asked is told");
                None
            }
            (Some("confirm" | "decline"), Some(_)) => {
                reader.wrong("answer", "contradiction", "goes with the action `answer` only");
                None
            }
            (Some("confirm"), None) => Some(Self::Confirm),
            (Some("decline"), None) => Some(Self::Decline),
            (Some(_), _) => {
                reader.wrong(
                    "action",
                    "unknown-word",
                    "must be `answer`, `confirm` or `decline`",
                );
                None
            }
            (None, _) => {
                reader.missing("action", "`answer`, `confirm` or `decline`");
                None
            }
        };
        reader.finish(parsed)
    }

    /// The action's name.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Answer(_) => "answer",
            Self::Confirm => "confirm",
            Self::Decline => "decline",
        }
    }
}

/// Shown as nothing: the answer is about a pupil.
impl std::fmt::Debug for InboxAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.action())
    }
}

/// An answer says whom to talk to, and never who it is by number.
fn answer_of(reader: &mut Reader<'_>, text: String, holder: &Oin) -> Option<InboxAnswer> {
    if text.trim().is_empty() || text.chars().count() > ANSWER_CHARS_MAX {
        reader.wrong("answer", "out-of-range", "must have 1 to 2000 characters");
        return None;
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        reader.wrong(
            "answer",
            "control-character",
            "must hold no control character but new lines",
        );
        return None;
    }
    if holds_number(&text, holder) {
        reader.wrong(
            "answer",
            "identifier-in-text",
            "holds a number that names a pupil; say whom to contact instead",
        );
        return None;
    }
    Some(InboxAnswer::Answer(text))
}

/// Whether some run of digits, however it is spaced, is a BSN, or some word an ECK iD.
fn holds_number(text: &str, holder: &Oin) -> bool {
    let is = |kind, text: &str| Identifier::parse(kind, text, holder).is_ok();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    if words
        .filter(|word| word.len() == 64)
        .any(|word| is(IdentifierKind::EckId, word))
    {
        return true;
    }
    let spaced = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '.' | '-' | '\u{a0}');
    text.split(|c| !spaced(c)).any(|run| {
        let digits: Vec<u8> = run.bytes().filter(u8::is_ascii_digit).collect();
        let found = |window: &[u8]| std::str::from_utf8(window).is_ok_and(|one| is(IdentifierKind::Bsn, one));
        digits.windows(9).any(found) || digits.len() == 8 && found(&digits)
    })
}

impl LinkUndo {
    /// Reads a body: `{"pairs": [{"bsn": "…", "eckId": "…"}], "actingFor": "…"}`.
    ///
    /// # Errors
    /// Every mistake; never a number.
    pub fn parse(caller: &Oin, body: &[u8]) -> Result<Self, Vec<InputError>> {
        let value = json(body)?;
        let mut reader = Reader::new(&value)?;
        let acting_for = reader.acting_for();
        let holder = acting_for.clone().unwrap_or_else(|| caller.clone());
        let items = reader.value("pairs").and_then(serde_json::Value::as_array);
        let items = items.map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() || items.len() > PAIRS_MAX {
            reader.wrong("pairs", "out-of-range", "must be an array of 1 to 10 pairs");
        }
        let mut pairs = Vec::new();
        for (position, item) in items.iter().enumerate().take(PAIRS_MAX) {
            let location = reader.pointer(&format!("pairs/{position}"));
            match Reader::at(item, location) {
                Ok(mut inner) => {
                    pairs.extend(pair(&mut inner, &holder));
                    reader.absorb(inner);
                }
                Err(errors) => errors
                    .into_iter()
                    .for_each(|error| reader.error(error.location, error.code, &error.detail)),
            }
        }
        reader.finish(Some(Self { acting_for, pairs }))
    }
}

fn pair(reader: &mut Reader<'_>, holder: &Oin) -> Option<[Identifier; 2]> {
    let mut numbers = Vec::new();
    for kind in KINDS {
        let Some(text) = reader.text(kind.as_str()).map(Zeroizing::new) else {
            continue;
        };
        match Identifier::parse(kind, &text, holder) {
            Ok(number) => numbers.push(number),
            Err(_) => reader.wrong(
                kind.as_str(),
                "invalid-identifier",
                "is no valid identifier of this kind",
            ),
        }
    }
    let pair = numbers.try_into().ok();
    if pair.is_none() {
        reader.wrong("", "identifier-count", "needs two of `bsn`, `eckId`, `local`");
    }
    pair
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Oin {
        "00000099000000041676".parse().unwrap()
    }

    fn code(body: &str) -> &'static str {
        InboxAnswer::parse(body.as_bytes(), &holder())
            .map_or_else(|errors| errors[0].code, |answer| answer.action())
    }

    #[test]
    fn an_answer_names_nobody_by_number() {
        let answer =
            |text: &str| code(&serde_json::json!({ "action": "answer", "answer": text }).to_string());
        assert_eq!(
            answer("Call the care coordinator, 036 5398850, about group 5."),
            "answer"
        );
        assert_eq!(answer("it is 999990019"), "identifier-in-text");
        assert_eq!(answer("it is 9999 90.019!"), "identifier-in-text");
        assert_eq!(
            answer(&format!("it is {}.", "ab".repeat(32))),
            "identifier-in-text"
        );
        assert_eq!(answer(" "), "out-of-range");
        assert_eq!(answer("a\u{0}"), "control-character");
        assert_eq!(answer(&"a".repeat(2_001)), "out-of-range");
    }

    #[test]
    fn each_action_has_its_shape() {
        assert_eq!(code(r#"{"action":"confirm"}"#), "confirm");
        assert_eq!(code(r#"{"action":"decline"}"#), "decline");
        assert_eq!(code(r#"{"action":"decline","answer":"x"}"#), "contradiction");
        assert_eq!(code(r#"{"action":"answer"}"#), "missing");
        assert_eq!(code(r#"{"action":"forget"}"#), "unknown-word");
        assert_eq!(code("{}"), "missing");
    }

    #[test]
    fn a_pair_is_two_numbers_of_two_kinds() {
        let pairs = |body: &str| LinkUndo::parse(&holder(), body.as_bytes());
        let two = pairs(r#"{"pairs":[{"bsn":"999990019","local":"7"}]}"#).unwrap();
        assert_eq!(two.pairs.len(), 1);
        let codes = |body: &str| pairs(body).map_or_else(|errors| errors[0].code, |_| "fine");
        assert_eq!(codes(r#"{"pairs":[{"bsn":"999990019"}]}"#), "identifier-count");
        assert_eq!(
            codes(r#"{"pairs":[{"bsn":"123456789","local":"7"}]}"#),
            "invalid-identifier"
        );
        assert_eq!(codes(r#"{"pairs":[]}"#), "out-of-range");
        assert_eq!(codes(r#"{"pairs":[7]}"#), "wrong-type");
    }
}
