//! Which entries somebody wants to see.

use super::leaf::{GRANTED, Kind, Leaf, Micros};

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
    /// Anything but a grant.
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
                .is_none_or(|wanted| wanted.is(event.decision.as_deref()))
            && (self.trace.is_none() || self.trace == event.trace)
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
    }
}

impl Decided {
    fn is(&self, decision: Option<&str>) -> bool {
        match self {
            Self::Refused => decision.is_some_and(|decision| decision != GRANTED),
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

    #[test]
    fn each_condition_takes_what_it_names_and_nothing_else() {
        let text = |text: &str| Some(text.to_owned());
        let none = Filter::default;
        let code = |code: &str| Some(Decided::Code(code.to_owned()));
        let cases = [
            (
                Filter {
                    since: Some(100),
                    ..none()
                },
                Filter {
                    since: Some(101),
                    ..none()
                },
            ),
            (
                Filter {
                    until: Some(101),
                    ..none()
                },
                Filter {
                    until: Some(100),
                    ..none()
                },
            ),
            (
                Filter {
                    recipient: text("00000099000000072001"),
                    ..none()
                },
                Filter {
                    recipient: text("00000099000000072002"),
                    ..none()
                },
            ),
            (
                Filter {
                    acting_for: text("00000099000000072002"),
                    ..none()
                },
                Filter {
                    acting_for: text("00000099000000072001"),
                    ..none()
                },
            ),
            (
                Filter {
                    purpose: text("youth-atlas"),
                    ..none()
                },
                Filter {
                    purpose: text("youth"),
                    ..none()
                },
            ),
            (
                Filter {
                    dataset: text("enrolment"),
                    ..none()
                },
                Filter {
                    dataset: text("resident"),
                    ..none()
                },
            ),
            (
                Filter {
                    decision: code("no-such-purpose"),
                    ..none()
                },
                Filter {
                    decision: code(GRANTED),
                    ..none()
                },
            ),
            (
                Filter {
                    clause: text("youth-atlas/grant/0"),
                    ..none()
                },
                Filter {
                    clause: text("youth-atlas/grant/1"),
                    ..none()
                },
            ),
            (
                Filter {
                    trace: Some([2; 16]),
                    ..none()
                },
                Filter {
                    trace: Some([3; 16]),
                    ..none()
                },
            ),
            (
                Filter {
                    kinds: vec![Kind::AccessDecided],
                    ..none()
                },
                Filter {
                    kinds: vec![Kind::Delivery],
                    ..none()
                },
            ),
        ];
        for (takes, leaves) in cases {
            assert!(takes.takes(&leaf()), "{takes:?}");
            assert!(!leaves.takes(&leaf()), "{leaves:?}");
        }
        assert!(none().takes(&leaf()));
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
    }
}
