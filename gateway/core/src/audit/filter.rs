//! Which entries somebody wants to see.

use super::leaf::{GRANTED, Kind, Leaf, Micros};
use super::merge_undo::{MERGES_APPLIED, MERGES_UNDONE};

/// Kinds whose decision is a grant or a refusal.
const REFUSABLE: [Kind; 6] = [
    Kind::AccessDecided,
    Kind::Delivery,
    Kind::LogRead,
    Kind::RefusalWindowClosed,
    Kind::RefusalWindowOpened,
    Kind::Resolution,
];

/// Decisions that are neither: the gateway's own work, which nobody asked for.
const OWN: [&str; 2] = [MERGES_APPLIED, MERGES_UNDONE];

/// Conditions on an entry, all of which must hold; an absent one always does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not older than this.
    pub since: Option<Micros>,
    /// Older than this.
    pub until: Option<Micros>,
    /// The OIN of who receives, delivers or asks.
    pub recipient: Option<String>,
    /// The OIN of an organisation that it acts for.
    pub acting_for: Option<String>,
    /// The purpose.
    pub purpose: Option<String>,
    /// The dataset.
    pub dataset: Option<String>,
    /// What was decided.
    pub decision: Option<Decided>,
    /// The clause of the policy that decided.
    pub clause: Option<String>,
    /// The W3C trace id.
    pub trace: Option<[u8; 16]>,
    /// The kinds; none: all.
    pub kinds: Vec<Kind>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// A request, a delivery or a reading of the log that was not granted; windows that count such.
    Refused,
    /// This code.
    Code(String),
}

impl Filter {
    /// Whether an entry fulfils all conditions.
    pub fn takes(&self, leaf: &Leaf) -> bool {
        let event = &leaf.event;
        let is =
            |wanted: &Option<String>, found: Option<&String>| wanted.is_none() || wanted.as_ref() == found;
        self.since.is_none_or(|since| leaf.time >= since)
            && self.until.is_none_or(|until| leaf.time < until)
            && is(&self.recipient, event.recipient.as_ref())
            && self
                .acting_for
                .as_ref()
                .is_none_or(|wanted| event.acting_for.contains(wanted))
            && is(&self.purpose, event.purpose.as_ref().map(|purpose| &purpose.id))
            && is(&self.dataset, event.dataset.as_ref())
            && is(&self.clause, event.clause.as_ref())
            && self
                .decision
                .as_ref()
                .is_none_or(|wanted| wanted.is(event.kind, event.decision.as_deref()))
            && (self.trace.is_none() || self.trace == event.trace)
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
    }
}

impl Decided {
    /// Whether an entry of this kind with this decision is meant.
    pub fn is(&self, kind: Kind, decision: Option<&str>) -> bool {
        match self {
            Self::Refused => {
                REFUSABLE.contains(&kind)
                    && decision.is_some_and(|code| code != GRANTED && !OWN.contains(&code))
            }
            Self::Code(code) => decision == Some(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaf::{Event, PurposeVersion};
    use super::*;

    fn leaf() -> Leaf {
        let mut event = Event::new(Kind::AccessDecided, [1; 16]);
        event.recipient = Some("00000099000000072001".to_owned());
        event.acting_for = vec!["00000099000000072002".to_owned()];
        event.purpose = Some(PurposeVersion {
            id: "youth-atlas".to_owned(),
            version: 1,
        });
        event.dataset = Some("enrolment".to_owned());
        event.decision = Some("no-such-purpose".to_owned());
        event.clause = Some("youth-atlas/grant/0".to_owned());
        event.trace = Some([2; 16]);
        Leaf {
            time: 100,
            replica: [0; 16],
            sequence: 0,
            event,
        }
    }

    fn text(right: bool, yes: &str) -> String {
        if right { yes } else { "other" }.to_owned()
    }

    #[test]
    fn each_condition_takes_what_it_names_and_nothing_else() {
        type Set = fn(&mut Filter, bool);
        let cases: [Set; 10] = [
            |filter, right| filter.since = Some(if right { 100 } else { 101 }),
            |filter, right| filter.until = Some(if right { 101 } else { 100 }),
            |filter, right| filter.recipient = Some(text(right, "00000099000000072001")),
            |filter, right| filter.acting_for = Some(text(right, "00000099000000072002")),
            |filter, right| filter.purpose = Some(text(right, "youth-atlas")),
            |filter, right| filter.dataset = Some(text(right, "enrolment")),
            |filter, right| filter.decision = Some(Decided::Code(text(right, "no-such-purpose"))),
            |filter, right| filter.clause = Some(text(right, "youth-atlas/grant/0")),
            |filter, right| filter.trace = Some([if right { 2 } else { 3 }; 16]),
            |filter, right| {
                filter.kinds = vec![if right {
                    Kind::AccessDecided
                } else {
                    Kind::Delivery
                }];
            },
        ];
        for (place, set) in cases.into_iter().enumerate() {
            for right in [true, false] {
                let mut filter = Filter::default();
                set(&mut filter, right);
                assert_eq!(filter.takes(&leaf()), right, "case {place}");
            }
        }
        assert!(Filter::default().takes(&leaf()));
    }

    #[test]
    fn refused_is_every_decision_but_a_grant() {
        let refused = Filter {
            decision: Some(Decided::Refused),
            ..Filter::default()
        };
        let mut leaf = leaf();
        assert!(refused.takes(&leaf));
        leaf.event.decision = Some(GRANTED.to_owned());
        assert!(!refused.takes(&leaf));
        leaf.event.decision = None;
        assert!(!refused.takes(&leaf));
        // Nor is what the gateway itself did, nor what was decided about policies.
        leaf.event.kind = Kind::Resolution;
        leaf.event.decision = Some(MERGES_APPLIED.to_owned());
        assert!(!refused.takes(&leaf));
        leaf.event.kind = Kind::PolicyChanged;
        leaf.event.decision = Some("purpose-acts".to_owned());
        assert!(!refused.takes(&leaf));
    }
}
