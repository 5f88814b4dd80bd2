//! A request to enter or lift restrictions (AVG 18) and objections (AVG 21).

use jiff::civil::Date;

use crate::catalogue::Name;
use crate::party::Oin;

use super::facts::pupils;
use super::reader::Reader;
use super::{OnBehalfOf, Pupil};

/// What is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RestrictAction {
    /// It holds from a day on.
    Enter,
    /// It ends now.
    Lift,
}

/// By which right a pupil's data are left out. Both have the same effect; the holder's register tells them apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Objection {
    /// Restriction of processing (AVG 18).
    Restriction,
    /// Objection to processing (AVG 21).
    Objection,
}

/// A parsed request.
#[derive(Debug)]
pub struct RestrictRequest {
    /// The purpose under which it is entered.
    pub purpose: Name,
    /// For whom the caller acts, if not for itself.
    pub acting_for: Option<Oin>,
    /// The pupils.
    pub pupils: Vec<Pupil>,
    /// What is done.
    pub action: RestrictAction,
    /// By which right.
    pub kind: Objection,
    /// The purpose whose answers leave the pupils out; none: every purpose's.
    pub against: Option<Name>,
    /// The first day; today where absent.
    pub from: Option<Date>,
    /// The first day on which it no longer holds; absent: until it is lifted.
    pub until: Option<Date>,
    /// The person who asks.
    pub on_behalf_of: Option<OnBehalfOf>,
}

impl RestrictAction {
    /// The action's name in the API and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Lift => "lift",
        }
    }
}

impl Objection {
    /// The kind's name in the API, the store and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Objection => "objection",
            Self::Restriction => "restriction",
        }
    }
}

impl RestrictRequest {
    pub(super) fn read(caller: &Oin, reader: &mut Reader<'_>) -> Option<Self> {
        let purpose = reader.purpose();
        let acting_for = reader.acting_for();
        let action = word(
            reader,
            "action",
            &[
                (RestrictAction::Enter.as_str(), RestrictAction::Enter),
                (RestrictAction::Lift.as_str(), RestrictAction::Lift),
            ],
        );
        let kind = word(
            reader,
            "kind",
            &[
                (Objection::Objection.as_str(), Objection::Objection),
                (Objection::Restriction.as_str(), Objection::Restriction),
            ],
        );
        let against = against(reader);
        let (from, until) = (reader.date("from"), reader.date("until"));
        if action == Some(RestrictAction::Lift) && (from.is_some() || until.is_some()) {
            reader.wrong(
                "action",
                "contradiction",
                "what is lifted ends now: `from` and `until` say nothing",
            );
        }
        if from.zip(until).is_some_and(|(from, until)| until <= from) {
            reader.wrong("until", "out-of-range", "must lie after `from`");
        }
        let on_behalf_of = reader.on_behalf_of();
        let pupils = pupils(reader, acting_for.as_ref().unwrap_or(caller));
        Some(Self {
            purpose: purpose?,
            acting_for,
            pupils,
            action: action?,
            kind: kind?,
            against: against.ok()?,
            from,
            until,
            on_behalf_of,
        })
    }
}

/// `"all"`, or the id of a purpose. It must be said: what is left out by mistake would be believed to hold. An error
/// is noted where it is found.
fn against(reader: &mut Reader<'_>) -> Result<Option<Name>, ()> {
    let Some(text) = reader.text("against") else {
        reader.missing(
            "against",
            "`all`, or the id of the purpose that leaves the pupils out",
        );
        return Err(());
    };
    if text == "all" {
        return Ok(None);
    }
    let name = text.parse().map_err(|_| ());
    if name.is_err() {
        reader.wrong(
            "against",
            "malformed-name",
            "must be `all` or the id of a purpose",
        );
    }
    name.map(Some)
}

fn word<T: Copy>(reader: &mut Reader<'_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let known = known.join(" or ");
    let Some(text) = reader.text(key) else {
        reader.missing(key, &known);
        return None;
    };
    let found = words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value);
    if found.is_none() {
        reader.wrong(key, "unknown-word", &format!("must be {known}"));
    }
    found
}
