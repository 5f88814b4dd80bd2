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
mod tests;
