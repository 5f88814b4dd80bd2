//! Whose cosignatures a checkpoint needs: a trust policy in the format of C2SP tlog-policy, the same file for the log,
//! its readers and offline verifiers.

use std::collections::{BTreeMap, BTreeSet};

use super::checkpoint::{Checkpoint, CheckpointError};
use super::cosignature::{Cosignature, WitnessKey};
use super::note::{NoteError, Verifier};

/// The longest policy that is read, in bytes.
const BYTES_MAX: usize = 256 * 1024;
/// The most logs, witnesses or groups of each.
const ITEMS_MAX: usize = 256;

/// A trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The logs; any of them may sign.
    pub logs: Vec<Verifier>,
    /// The witnesses, in the order of the file.
    pub witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// A witness of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: WitnessKey,
    /// Where it takes checkpoints: `add-checkpoint` is below it.
    pub url: Option<String>,
}

/// At least so many of these.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    needed: usize,
    members: Vec<Member>,
}

/// A witness or a group, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// Why a text is no policy: the line and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A line is wrong.
    #[error("line {line}: {what}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong, and how to mend it.
        what: String,
    },
    /// There is no line `quorum`.
    #[error("there is no line `quorum NAME`")]
    NoQuorum,
    /// Too long, or not text.
    #[error("the policy is longer than {BYTES_MAX} bytes or has control characters")]
    NotText,
}

/// What a policy makes of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The witnesses that cosigned it, by their place in the policy.
    pub cosigned: BTreeMap<usize, Cosignature>,
    /// Are they enough?
    pub is_quorum: bool,
}

impl Policy {
    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > BYTES_MAX
            || text
                .chars()
                .any(|c| (c < ' ' && c != '\n' && c != '\t') || c == '\u{7f}')
        {
            return Err(PolicyError::NotText);
        }
        let mut reader = Reader::default();
        for (number, line) in text.split('\n').enumerate() {
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            if words.first().is_none_or(|first| first.starts_with('#')) {
                continue;
            }
            reader.line(&words).map_err(|what| PolicyError::Line {
                line: number + 1,
                what,
            })?;
        }
        if reader.has_quorum {
            Ok(reader.policy)
        } else {
            Err(PolicyError::NoQuorum)
        }
    }

    /// Are the witnesses at these places enough?
    pub fn is_met(&self, cosigned: &BTreeSet<usize>) -> bool {
        self.quorum.is_none_or(|quorum| self.holds(quorum, cosigned))
    }

    /// Does it ask for any witness at all?
    pub fn needs_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    // The members of a group stand before it, so this ends.
    fn holds(&self, member: Member, cosigned: &BTreeSet<usize>) -> bool {
        match member {
            Member::Witness(place) => cosigned.contains(&place),
            Member::Group(place) => self.groups.get(place).is_some_and(|group| {
                let held = group
                    .members
                    .iter()
                    .filter(|member| self.holds(**member, cosigned));
                held.count() >= group.needed
            }),
        }
    }

    /// Verifies a checkpoint with its cosignatures: signed by one of the logs (or by `log` where the policy names none),
    /// and by which witnesses. Signatures of unknown keys are ignored; one of a known key that does not fit spoils it.
    pub fn verify(&self, note: &str, log: Option<&Verifier>) -> Result<Witnessed, CheckpointError> {
        let mut outcome = Err(CheckpointError::Origin);
        for log in log.into_iter().chain(&self.logs) {
            outcome = Checkpoint::open(note, log);
            if outcome.is_ok() {
                break;
            }
        }
        let checkpoint = outcome?;
        let cosigned = self.cosigned(note)?;
        let is_quorum = self.is_met(&cosigned.keys().copied().collect());
        Ok(Witnessed {
            checkpoint,
            cosigned,
            is_quorum,
        })
    }

    /// The witnesses that cosigned a note, by their place.
    pub fn cosigned(&self, note: &str) -> Result<BTreeMap<usize, Cosignature>, NoteError> {
        let found = self.witnesses.iter().enumerate().map(|(place, witness)| {
            let found = witness.key.find_in(note)?;
            Ok(found.map(|cosignature| (place, cosignature)))
        });
        found.filter_map(Result::transpose).collect()
    }
}

/// A policy while its lines are read.
#[derive(Default)]
struct Reader {
    policy: Policy,
    names: BTreeMap<String, Member>,
    /// Members of a group: each may be one once.
    used: BTreeSet<Member>,
    has_quorum: bool,
}

impl Default for Policy {
    /// One that asks for nobody's cosignature.
    fn default() -> Self {
        Self {
            logs: Vec::new(),
            witnesses: Vec::new(),
            groups: Vec::new(),
            quorum: None,
        }
    }
}

impl Reader {
    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["log", key] | ["log", key, _] => self.log(key),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, needed, members @ ..] => self.group(name, needed, members),
            ["quorum", name] => self.set_quorum(name),
            [first, ..] => Err(format!(
                "`{first}` is not one of `log KEY [URL]`, `witness NAME KEY [URL]`, `group NAME K|any|all NAME…`, \
                 `quorum NAME`"
            )),
            [] => Ok(()),
        }
    }

    fn log(&mut self, key: &str) -> Result<(), String> {
        let key = Verifier::parse(key).map_err(|error| error.to_string())?;
        if self.policy.logs.iter().any(|log| log.key() == key.key()) {
            return Err("this log's key stands on an earlier line".to_owned());
        }
        self.policy.logs.push(key);
        room(self.policy.logs.len())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), String> {
        let key = WitnessKey::parse(key).map_err(|error| format!("the key of witness `{name}`: {error}"))?;
        let witnesses = &mut self.policy.witnesses;
        if witnesses.iter().any(|witness| witness.key.key() == key.key()) {
            return Err(format!("the key of witness `{name}` stands on an earlier line"));
        }
        let place = witnesses.len();
        witnesses.push(Witness {
            name: name.to_owned(),
            key,
            url: url.map(|url| url.trim_end_matches('/').to_owned()),
        });
        room(witnesses.len())?;
        self.define(name, Member::Witness(place))
    }

    fn group(&mut self, name: &str, needed: &str, members: &[&str]) -> Result<(), String> {
        let count = members.len();
        let needed = match needed {
            "all" => count,
            "any" => 1,
            number => number
                .parse()
                .ok()
                .filter(|needed: &usize| needed.to_string() == number)
                .ok_or_else(|| format!("`{number}` is neither a number nor `any` or `all`"))?,
        };
        if !(1..=count).contains(&needed) {
            return Err(format!(
                "{needed} of {count} members cannot be: 1 to {count}, and at least one member"
            ));
        }
        let members = members
            .iter()
            .map(|member| self.member(member))
            .collect::<Result<_, _>>()?;
        let place = self.policy.groups.len();
        self.policy.groups.push(Group { needed, members });
        room(self.policy.groups.len())?;
        self.define(name, Member::Group(place))
    }

    fn member(&mut self, name: &str) -> Result<Member, String> {
        let member = self.named(name)?;
        if self.used.insert(member) {
            Ok(member)
        } else {
            Err(format!(
                "`{name}` is a member of a group already, and may be of one only"
            ))
        }
    }

    fn set_quorum(&mut self, name: &str) -> Result<(), String> {
        if self.has_quorum {
            return Err("a second line `quorum`; there is one".to_owned());
        }
        self.policy.quorum = match name {
            "none" => None,
            name => Some(self.named(name)?),
        };
        self.has_quorum = true;
        Ok(())
    }

    fn named(&self, name: &str) -> Result<Member, String> {
        let unknown = || format!("no line before this one defines `{name}`");
        self.names.get(name).copied().ok_or_else(unknown)
    }

    fn define(&mut self, name: &str, member: Member) -> Result<(), String> {
        if name == "none" || self.names.insert(name.to_owned(), member).is_some() {
            return Err(format!("the name `{name}` is taken"));
        }
        Ok(())
    }
}

fn room(count: usize) -> Result<(), String> {
    if count <= ITEMS_MAX {
        Ok(())
    } else {
        Err(format!("more than {ITEMS_MAX} of a kind"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::cosignature::Cosigner;
    use crate::audit::note::Signer;
    use proptest::prelude::*;

    fn cosigner(number: u8) -> Cosigner {
        Cosigner::from_seed(&format!("w{number}.example"), &[number; 32]).unwrap()
    }

    fn witness(number: u8) -> String {
        format!(
            "witness W{number} {} https://w{number}.example/\n",
            cosigner(number).key().to_text()
        )
    }

    fn log() -> Signer {
        Signer::from_seed("example.nl/audit/2026", &[77; 32]).unwrap()
    }

    /// Two of three, and one of two others: the example of the specification.
    fn example() -> String {
        let mut text = format!(
            "# witnesses\n\n log {}\thttps://log.example\n",
            log().verifier().to_text()
        );
        for number in 1..=5 {
            text += &witness(number);
        }
        text + "group X 2 W1 W2 W3\ngroup Y any W4 W5\ngroup both all X Y\nquorum both\n"
    }

    #[test]
    fn the_example_of_the_specification_decides_as_it_says() {
        let policy = Policy::parse(&example()).unwrap();
        assert_eq!(policy.witnesses[0].url.as_deref(), Some("https://w1.example"));
        for (cosigned, met) in [
            (vec![0, 1, 3], true),
            (vec![1, 2, 4], true),
            (vec![0, 1, 2, 3, 4], true),
            (vec![0, 1, 2], false),
            (vec![0, 3, 4], false),
            (vec![], false),
        ] {
            assert_eq!(
                policy.is_met(&cosigned.iter().copied().collect()),
                met,
                "{cosigned:?}"
            );
        }
        let none = Policy::parse("quorum none").unwrap();
        assert!(none.is_met(&BTreeSet::new()) && !none.needs_witnesses() && policy.needs_witnesses());
        assert_eq!(none, Policy::default());
    }

    #[test]
    fn a_checkpoint_is_witnessed_by_those_whose_signatures_fit() {
        let policy = Policy::parse(&example()).unwrap();
        let checkpoint = Checkpoint {
            origin: log().verifier().name().to_owned(),
            size: 3,
            root: [3; 32],
        };
        let (text, mut note) = (checkpoint.to_text(), checkpoint.sign(&log()).unwrap());
        for number in [1, 3, 9] {
            note += &cosigner(number).cosign(&text, 5);
        }
        let witnessed = policy.verify(&note, None).unwrap();
        assert_eq!(witnessed.cosigned.keys().copied().collect::<Vec<_>>(), [0, 2]);
        assert!(!witnessed.is_quorum);
        note += &cosigner(4).cosign(&text, 5);
        assert!(policy.verify(&note, None).unwrap().is_quorum);
        // A known key under another text spoils it, and so does another log.
        let spoilt = note.clone() + &cosigner(5).cosign("other\n", 5);
        assert!(policy.verify(&spoilt, None).is_err());
        assert!(Policy::parse("quorum none").unwrap().verify(&note, None).is_err());
        assert!(
            Policy::parse("quorum none")
                .unwrap()
                .verify(&note, Some(log().verifier()))
                .is_ok()
        );
    }

    #[test]
    fn each_mistake_is_told_with_its_line() {
        let two = [witness(1), witness(2)].concat();
        let twice = witness(1).replace("W1", "W2");
        let log_key = log().verifier().to_text();
        for (text, expected) in [
            ("", "there is no line `quorum NAME`".to_owned()),
            (
                "quorum nobody",
                "line 1: no line before this one defines `nobody`".to_owned(),
            ),
            (
                "quorum none\nquorum none",
                "line 2: a second line `quorum`; there is one".to_owned(),
            ),
            ("witnes W1 x", "line 1: `witnes` is not one of".to_owned()),
            (
                "witness W1 x",
                "line 1: the key of witness `W1`: not a verifier key".to_owned(),
            ),
            ("\x07", "control characters".to_owned()),
            (
                &format!("{}{twice}", witness(1)),
                "line 2: the key of witness `W2` stands on an earlier line".to_owned(),
            ),
            (
                &format!("{two}group X 3 W1 W2"),
                "line 3: 3 of 2 members cannot be".to_owned(),
            ),
            (&format!("{two}group X 0 W1 W2"), "line 3: 0 of 2".to_owned()),
            (
                &format!("{two}group X 02 W1 W2"),
                "line 3: `02` is neither".to_owned(),
            ),
            (&format!("{two}group X all"), "line 3: 0 of 0".to_owned()),
            (
                &format!("{two}group X any W1 W1"),
                "line 3: `W1` is a member of a group already".to_owned(),
            ),
            (
                &format!("{two}group X any W1\ngroup Y any W1 W2"),
                "line 4: `W1` is a member".to_owned(),
            ),
            (
                &format!("{two}group W1 any W1"),
                "line 3: the name `W1` is taken".to_owned(),
            ),
            (
                &format!("{two}group none any W1"),
                "line 3: the name `none` is taken".to_owned(),
            ),
            (
                &format!("{two}group X any none"),
                "line 3: no line before this one defines `none`".to_owned(),
            ),
            (
                &format!("log {log_key}\nlog {log_key}"),
                "line 2: this log's key stands on".to_owned(),
            ),
            (
                &format!("log {}", cosigner(1).key().to_text()),
                "line 1: not a verifier key".to_owned(),
            ),
        ] {
            let message = Policy::parse(text).unwrap_err().to_string();
            assert!(message.contains(&expected), "{text}\n→ {message}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_policy_or_not(text in "((log|witness|group|quorum|none|[a-z0-9+]{0,6}|all|any|2)[ \t\n]{0,2}){0,12}") {
            let _ = Policy::parse(&text);
        }
    }
}
