//! The register of requests under AVG 15 to 21: what was asked, when it must be answered (AVG 12(3)), and what was done,
//! each effect with the entry of the log that shows it. Who asked is in the FG's own files, not here.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::dates::{days_until, months_after};
use super::{Dossier, InvalidText, Note, checked_text};

/// Months in which a request is answered.
const TERM_MONTHS: i32 = 1;
/// Months by which that can be extended, once and with a reason.
const EXTENSION_MONTHS: i32 = 2;
/// What can be kept of one request, of each.
const LISTED_MAX: usize = 200;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// To see what is known (AVG 15).
    Access,
    /// To have it mended (AVG 16).
    Rectification,
    /// To have it destroyed (AVG 17).
    Erasure,
    /// To have its use restricted (AVG 18).
    Restriction,
    /// To object to its use (AVG 21).
    Objection,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All of it was done.
    Granted,
    /// A part of it.
    PartlyGranted,
    /// Refused, with reasons.
    Refused,
    /// Taken back.
    TakenBack,
}

/// More time, told to who asked within the first month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Extension {
    /// On which day it was extended.
    pub on: Date,
    /// Why: the complexity and number of requests.
    pub reason: String,
}

/// The end of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Closing {
    /// On which day it was answered.
    pub on: Date,
    /// How.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

/// What was done, as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Effect {
    /// The number of its entry.
    pub entry: u64,
    /// When it was put here.
    pub at: Timestamp,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PupilRequest {
    /// Its number in the FG's own files.
    pub number: String,
    /// What is asked for.
    pub right: Right,
    /// The day on which it came in.
    pub received: Date,
    /// Where it was extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// What was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// What was written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Where it is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
}

/// Why a request is not kept, or not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// Received in the future.
    #[error("the day of receipt is still to come")]
    Received,
    /// A second extension, or one after the first month.
    #[error("a request is extended once, within the first month")]
    Extension,
    /// It is answered already.
    #[error("the request is answered")]
    Closed,
    /// It is not answered yet.
    #[error("the request is not answered yet")]
    Open,
    /// The entry is linked already.
    #[error("this entry is linked already")]
    Linked,
    /// More than is kept.
    #[error("there are {LISTED_MAX} already")]
    TooMany,
    /// A text that is not kept.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

impl Dossier for PupilRequest {
    const KIND: &'static str = "request";
}

impl Right {
    /// All of them, in the order of the AVG.
    pub const ALL: [Self; 5] = [
        Self::Access,
        Self::Rectification,
        Self::Erasure,
        Self::Restriction,
        Self::Objection,
    ];

    /// Its name in forms.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Rectification => "rectification",
            Self::Erasure => "erasure",
            Self::Restriction => "restriction",
            Self::Objection => "objection",
        }
    }

    /// The article of the AVG.
    pub const fn article(self) -> u32 {
        match self {
            Self::Access => 15,
            Self::Rectification => 16,
            Self::Erasure => 17,
            Self::Restriction => 18,
            Self::Objection => 21,
        }
    }
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Granted, Self::PartlyGranted, Self::Refused, Self::TakenBack];

    /// Its name in forms.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::PartlyGranted => "partly-granted",
            Self::Refused => "refused",
            Self::TakenBack => "taken-back",
        }
    }
}

impl PupilRequest {
    /// A request that came in.
    ///
    /// # Errors
    /// When it came in later than today.
    pub fn new(number: &str, right: Right, received: Date, today: Date) -> Result<Self, InvalidRequest> {
        if received > today {
            return Err(InvalidRequest::Received);
        }
        Ok(Self {
            number: checked_text(number)?,
            right,
            received,
            extension: None,
            effects: Vec::new(),
            notes: Vec::new(),
            closing: None,
        })
    }

    /// The last day on which an answer is in time.
    pub fn due(&self) -> Date {
        let months = TERM_MONTHS + self.extension.as_ref().map_or(0, |_| EXTENSION_MONTHS);
        months_after(self.received, months)
    }

    /// Days left; negative when it is late. None once it is answered.
    pub fn days_left(&self, today: Date) -> Option<i64> {
        self.closing.is_none().then(|| days_until(today, self.due()))
    }

    /// Whether it can be extended today.
    pub fn may_extend(&self, today: Date) -> bool {
        self.closing.is_none()
            && self.extension.is_none()
            && today <= months_after(self.received, TERM_MONTHS)
    }

    /// Takes two months more.
    ///
    /// # Errors
    /// When it was extended before, is too late, or there is no reason.
    pub fn extend(&mut self, reason: &str, today: Date) -> Result<(), InvalidRequest> {
        if !self.may_extend(today) {
            return Err(InvalidRequest::Extension);
        }
        self.extension = Some(Extension {
            on: today,
            reason: checked_text(reason)?,
        });
        Ok(())
    }

    /// Names an entry that shows what was done.
    ///
    /// # Errors
    /// When it was named before, or too many were.
    pub fn link(&mut self, entry: u64, at: Timestamp) -> Result<(), InvalidRequest> {
        if self.effects.iter().any(|effect| effect.entry == entry) {
            return Err(InvalidRequest::Linked);
        }
        if self.effects.len() >= LISTED_MAX {
            return Err(InvalidRequest::TooMany);
        }
        self.effects.push(Effect { entry, at });
        Ok(())
    }

    /// Writes something down.
    ///
    /// # Errors
    /// When the text is not kept.
    pub fn note(&mut self, text: &str, at: Timestamp) -> Result<(), InvalidRequest> {
        if self.notes.len() >= LISTED_MAX {
            return Err(InvalidRequest::TooMany);
        }
        let text = checked_text(text)?;
        self.notes.push(Note { at, text });
        Ok(())
    }

    /// Answers it.
    ///
    /// # Errors
    /// When it is answered, or there is no reason.
    pub fn close(&mut self, outcome: Outcome, reason: &str, today: Date) -> Result<(), InvalidRequest> {
        if self.closing.is_some() {
            return Err(InvalidRequest::Closed);
        }
        self.closing = Some(Closing {
            on: today,
            outcome,
            reason: checked_text(reason)?,
        });
        Ok(())
    }

    /// Takes it up again; that it was answered before is written down.
    ///
    /// # Errors
    /// When it is not answered.
    pub fn reopen(&mut self, at: Timestamp) -> Result<(), InvalidRequest> {
        let closing = self.closing.take().ok_or(InvalidRequest::Open)?;
        let Closing { on, outcome, reason } = closing;
        self.notes.push(Note {
            at,
            text: format!("{on} {}: {reason}", outcome.name()),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn request() -> PupilRequest {
        PupilRequest::new("2026-17", Right::Erasure, date(2026, 11, 1), date(2026, 11, 23)).unwrap()
    }

    #[test]
    fn a_request_is_due_in_a_month_and_extended_once_by_two() {
        let mut request = request();
        assert_eq!(request.due(), date(2026, 12, 1));
        assert_eq!(request.days_left(date(2026, 11, 23)), Some(8));
        assert_eq!(request.days_left(date(2026, 12, 3)), Some(-2));
        assert!(request.extend(" ", date(2026, 11, 23)).is_err());
        request.extend("veel verzoeken", date(2026, 12, 1)).unwrap();
        assert_eq!(request.due(), date(2027, 2, 1));
        assert_eq!(
            request.extend("nog eens", date(2026, 12, 1)),
            Err(InvalidRequest::Extension)
        );
    }

    #[test]
    fn nothing_is_extended_after_its_month() {
        let mut request = request();
        assert_eq!(
            request.extend("te laat", date(2026, 12, 2)),
            Err(InvalidRequest::Extension)
        );
    }

    #[test]
    fn an_answer_ends_it_and_taking_it_up_again_is_written_down() {
        let (mut request, now) = (request(), "2026-11-23T10:00:00Z".parse().unwrap());
        request.link(7, now).unwrap();
        assert_eq!(request.link(7, now), Err(InvalidRequest::Linked));
        assert_eq!(request.reopen(now), Err(InvalidRequest::Open));
        let today = date(2026, 11, 23);
        request.close(Outcome::PartlyGranted, "deels", today).unwrap();
        assert_eq!(request.days_left(today), None);
        assert_eq!(
            request.close(Outcome::Granted, "x", today),
            Err(InvalidRequest::Closed)
        );
        request.reopen(now).unwrap();
        assert_eq!(request.notes[0].text, "2026-11-23 partly-granted: deels");
        let tomorrow = date(2026, 11, 24);
        assert!(PupilRequest::new("1", Right::Access, tomorrow, today).is_err());
        assert!(PupilRequest::new("123456782", Right::Access, today, today).is_err());
    }
}
