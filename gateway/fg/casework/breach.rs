//! The file of a data breach: what happened, what the log says was in reach, and the 72 hours within which the supervisory
//! authority (AP) is told (AVG 33). Pupils are counted here, never named.

use std::collections::{BTreeMap, BTreeSet};

use doelpoort_core::audit::leaf::Leaf;
use doelpoort_core::audit::private::Private;
use doelpoort_core::pseudonym::SubjectId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Dossier, InvalidText, Note, checked_text};

/// Within which the authority is told, from the moment of knowing.
const TELL_WITHIN: SignedDuration = SignedDuration::from_hours(72);
/// What can be kept of one breach, of each.
const LISTED_MAX: usize = 200;

/// A breach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Breach {
    /// Its number in the FG's own files.
    pub number: String,
    /// When it became known.
    pub discovered: Timestamp,
    /// What happened.
    pub what: String,
    /// What the log says was in reach; each time it was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// What was written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Whether the authority was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// Whether the authority was told, and why or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Told or not.
    pub told: bool,
    /// Whether those concerned were told too (AVG 34).
    pub persons_told: bool,
    /// The reason, or the authority's reference.
    pub reason: String,
}

/// Which accesses are asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Asked {
    /// The first day.
    pub from: String,
    /// The last day.
    pub until: String,
    /// The OIN of an organisation.
    pub organisation: String,
    /// A purpose.
    pub purpose: String,
    /// A dataset.
    pub dataset: String,
}

/// What was in reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scope {
    /// What was asked about.
    pub asked: Asked,
    /// When it was asked.
    pub at: Timestamp,
    /// The number of the entry that says so.
    pub entry: u64,
    /// Answers that data left with.
    pub answers: u64,
    /// Different pupils in them.
    pub pupils: u64,
    /// Answers whose private part is destroyed: about whom they were is not known any more.
    pub unread: u64,
    /// Figures, which are about no pupil.
    pub figures: u64,
    /// By recipient (OIN), purpose and dataset.
    pub parts: Vec<Part>,
}

/// What one recipient got of one dataset for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// The OIN of who received.
    pub recipient: String,
    /// For what.
    pub purpose: String,
    /// From which.
    pub dataset: String,
    /// Which fields.
    pub fields: Vec<String>,
    /// How many answers.
    pub answers: u64,
    /// Different pupils in them.
    pub pupils: u64,
}

/// Counts what was in reach, entry by entry.
#[derive(Default)]
pub struct Counting {
    pupils: BTreeSet<SubjectId>,
    answers: u64,
    unread: u64,
    figures: u64,
    parts: BTreeMap<(String, String, String), Counted>,
}

#[derive(Default)]
struct Counted {
    pupils: BTreeSet<SubjectId>,
    fields: BTreeSet<String>,
    answers: u64,
}

/// Why a file is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBreach {
    /// Known in the future.
    #[error("the moment of discovery is still to come")]
    Discovered,
    /// More than is kept.
    #[error("there are {LISTED_MAX} already")]
    TooMany,
    /// A text that is not kept.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

impl Dossier for Breach {
    const KIND: &'static str = "breach";
}

impl Breach {
    /// A breach that became known.
    ///
    /// # Errors
    /// When that is still to come, or a text is not kept.
    pub fn new(
        number: &str,
        what: &str,
        discovered: Timestamp,
        now: Timestamp,
    ) -> Result<Self, InvalidBreach> {
        if discovered > now {
            return Err(InvalidBreach::Discovered);
        }
        Ok(Self {
            number: checked_text(number)?,
            discovered,
            what: checked_text(what)?,
            scopes: Vec::new(),
            notes: Vec::new(),
            decision: None,
        })
    }

    /// Until when the authority is told in time.
    pub fn due(&self) -> Timestamp {
        self.discovered
            .saturating_add(TELL_WITHIN)
            .unwrap_or(Timestamp::MAX)
    }

    /// Whole hours left, rounded down; negative when it is late. None once it is decided.
    pub fn hours_left(&self, now: Timestamp) -> Option<i64> {
        let left = self.due().duration_since(now).as_secs().div_euclid(60 * 60);
        self.decision.is_none().then_some(left)
    }

    /// Whether the authority was told after the 72 hours, which needs its reason (AVG 33(1)).
    pub fn was_late(&self) -> bool {
        self.decision
            .as_ref()
            .is_some_and(|decision| decision.told && decision.at > self.due())
    }

    /// Keeps what was in reach.
    ///
    /// # Errors
    /// When there are too many.
    pub fn found(&mut self, scope: Scope) -> Result<(), InvalidBreach> {
        if self.scopes.len() >= LISTED_MAX {
            return Err(InvalidBreach::TooMany);
        }
        self.scopes.push(scope);
        Ok(())
    }

    /// Writes something down.
    ///
    /// # Errors
    /// When the text is not kept.
    pub fn note(&mut self, text: &str, at: Timestamp) -> Result<(), InvalidBreach> {
        if self.notes.len() >= LISTED_MAX {
            return Err(InvalidBreach::TooMany);
        }
        let text = checked_text(text)?;
        self.notes.push(Note { at, text });
        Ok(())
    }

    /// Says whether the authority was told. An earlier decision is written down, not lost.
    ///
    /// # Errors
    /// When there is no reason.
    pub fn decide(&mut self, decision: &Decision) -> Result<(), InvalidBreach> {
        let reason = checked_text(&decision.reason)?;
        let earlier = self.decision.replace(Decision {
            reason,
            ..decision.clone()
        });
        if let Some(Decision { at, told, reason, .. }) = earlier {
            let told = if told { "AP ✓" } else { "AP –" };
            self.notes.push(Note {
                at,
                text: format!("{told}: {reason}"),
            });
        }
        Ok(())
    }
}

impl Counting {
    /// Takes a granted access; `private` is its private part where it could be read.
    pub fn take(&mut self, leaf: &Leaf, private: Option<&Private>) {
        let event = &leaf.event;
        self.answers += 1;
        if event.tags.is_empty() {
            self.figures += 1;
        } else if private.is_none() {
            self.unread += 1;
        }
        let key = (
            event.recipient.clone().unwrap_or_default(),
            event
                .purpose
                .as_ref()
                .map(|purpose| purpose.id.clone())
                .unwrap_or_default(),
            event.dataset.clone().unwrap_or_default(),
        );
        let counted = self.parts.entry(key).or_default();
        counted.answers += 1;
        let Some(private) = private else { return };
        counted.pupils.extend(private.subjects.iter().copied());
        self.pupils.extend(private.subjects.iter().copied());
        counted.fields.extend(private.fields());
    }

    /// What it came to.
    pub fn finish(self, asked: Asked, at: Timestamp, entry: u64) -> Scope {
        let part = |((recipient, purpose, dataset), counted): ((String, String, String), Counted)| Part {
            recipient,
            purpose,
            dataset,
            fields: counted.fields.into_iter().collect(),
            answers: counted.answers,
            pupils: counted.pupils.len() as u64,
        };
        Scope {
            asked,
            at,
            entry,
            answers: self.answers,
            pupils: self.pupils.len() as u64,
            unread: self.unread,
            figures: self.figures,
            parts: self.parts.into_iter().map(part).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_runs_from_the_discovery_until_the_decision() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (found, now) = (at("2026-11-20T10:00:00Z"), at("2026-11-23T09:30:00Z"));
        assert_eq!(
            Breach::new("2026-19", "mail", now, found),
            Err(InvalidBreach::Discovered)
        );
        let mut breach = Breach::new("2026-19", "verkeerde mail", found, now).unwrap();
        assert_eq!(breach.hours_left(now), Some(0));
        assert_eq!(breach.hours_left(at("2026-11-23T10:00:01Z")), Some(-1));
        let decision = |told, reason: &str| Decision {
            at: at("2026-11-23T11:00:00Z"),
            told,
            persons_told: false,
            reason: reason.to_owned(),
        };
        assert!(breach.decide(&decision(true, "")).is_err());
        breach.decide(&decision(false, "geen risico")).unwrap();
        assert_eq!((breach.hours_left(now), breach.was_late()), (None, false));
        breach.decide(&decision(true, "kenmerk 7")).unwrap();
        assert!(breach.was_late());
        assert_eq!(breach.notes[0].text, "AP –: geen risico");
    }
}
