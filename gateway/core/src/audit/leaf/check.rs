//! The rules of each field, the same for writing and for reading.

use super::{ACTING_FOR_MAX, Event, Kind, Leaf, TAGS_MAX, Value};

/// The longest value in `extra`, in bytes.
const EXTRA_BYTES_MAX: usize = 4_096;
/// The longest clause, in bytes.
const CLAUSE_BYTES_MAX: usize = 256;
/// The longest name of a dataset, purpose or code, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Why bytes are no leaf, or a leaf has no bytes. Tells the field, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not CBOR of the right types.
    #[error("the leaf is not well-formed at byte `{0}`")]
    Malformed(usize),
    /// A version this software does not know.
    #[error("the leaf has version `{0}`, this software reads version 1")]
    Version(u64),
    /// A key that version 1 does not have.
    #[error("the leaf has the unknown key `{0}`")]
    UnknownKey(u64),
    /// Readable, but not in the one deterministic spelling.
    #[error("the leaf is not in canonical form")]
    NotCanonical,
    /// Longer than 65,535 bytes.
    #[error("the leaf is longer than 65535 bytes")]
    TooLong,
    /// A field is missing that every leaf, or every leaf of this kind, has.
    #[error("the leaf lacks `{0}`")]
    Missing(&'static str),
    /// A field breaks its rule.
    #[error("the leaf's `{0}` breaks its rule")]
    Field(&'static str),
}

pub(super) fn check(leaf: &Leaf) -> Result<(), LeafError> {
    let event = &leaf.event;
    rule("time", leaf.time >= 0)?;
    rule("requestedAt", event.requested_at.is_none_or(|time| time >= 0))?;
    rule("recipient", event.recipient.as_deref().is_none_or(is_oin))?;
    rule("actingFor", event.acting_for.iter().all(|oin| is_oin(oin)))?;
    rule(
        "actingFor",
        event.acting_for.len() <= ACTING_FOR_MAX && event.acting_for.is_sorted_by(|a, b| a < b),
    )?;
    rule("dataset", event.dataset.as_deref().is_none_or(is_name))?;
    rule(
        "purpose",
        event.purpose.as_ref().is_none_or(|purpose| is_name(&purpose.id)),
    )?;
    rule("decision", event.decision.as_deref().is_none_or(is_name))?;
    rule(
        "clause",
        event
            .clause
            .as_deref()
            .is_none_or(|clause| is_text(clause, CLAUSE_BYTES_MAX)),
    )?;
    rule("tags", event.tags.len() <= TAGS_MAX)?;
    rule(
        "tags",
        event.tags.is_empty() || event.tags.len().is_power_of_two(),
    )?;
    rule("extra", event.extra.values().all(is_extra))?;
    check_window(event)?;
    check_kind(event)
}

fn check_window(event: &Event) -> Result<(), LeafError> {
    let Some(window) = &event.window else {
        return Ok(());
    };
    rule(
        "window",
        window.from >= 0 && window.until.is_none_or(|until| until >= window.from),
    )
}

/// What a kind cannot do without.
fn check_kind(event: &Event) -> Result<(), LeafError> {
    let lacks = |name, present: bool| {
        if present {
            Ok(())
        } else {
            Err(LeafError::Missing(name))
        }
    };
    match event.kind {
        Kind::AccessDecided => lacks("decision", event.decision.is_some()),
        Kind::AccessCompleted => lacks("opening", event.opening.is_some()),
        Kind::RefusalWindowOpened => lacks("window", event.window.is_some()),
        Kind::RefusalWindowClosed => {
            lacks("window", event.window.is_some())?;
            lacks("opening", event.opening.is_some())
        }
        _ => Ok(()),
    }
}

fn rule(field: &'static str, holds: bool) -> Result<(), LeafError> {
    if holds {
        Ok(())
    } else {
        Err(LeafError::Field(field))
    }
}

fn is_oin(text: &str) -> bool {
    text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Kebab-case, as all names of the catalogue, the policies and the codes are.
fn is_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_text(text: &str, bytes_max: usize) -> bool {
    text.len() <= bytes_max && text.chars().all(|c| c == '\n' || !c.is_control())
}

fn is_extra(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Text(text) => is_text(text, EXTRA_BYTES_MAX),
        Value::Bytes(bytes) => bytes.len() <= EXTRA_BYTES_MAX,
    }
}
