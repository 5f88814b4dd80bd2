//! The approvers' keys: a list of its own, which nobody can change alone.
//!
//! `approvers/0000.json` is the first list; its digest stands in the log's first entry about policies. Each change is
//! the next file, names the digest of the one before, and is signed by a key that the organisation had for the same
//! role, or by two other holders. So who holds the files but no key can add, replace or drop nobody.

mod change;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::jws::PublicKey;
use super::load::NamedText;
use crate::party::{Approver, ApproverRole, Oin};

pub use change::{Added, Change, KeySigner, Removed};

/// How many other holders sign together where an organisation has no key of its own for the role.
const OTHER_HOLDERS: usize = 2;

/// The approvers' keys, as the first list and every change since say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyList {
    /// Digest of the first list, then of each change.
    digests: Vec<[u8; 32]>,
    deployment: Option<String>,
    keys: BTreeMap<Oin, Vec<Approver>>,
    removed: BTreeMap<(Oin, String), u32>,
    events: Vec<KeyEvent>,
}

/// A key that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// Number of the change; 0 is the first list.
    pub sequence: u32,
    /// Whose key.
    pub organisation: Oin,
    /// The key's id.
    pub kid: String,
    /// Whether it came; else it went.
    pub added: bool,
}

/// Why a file of the key list is refused; what came before it does not count either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyList {
    /// Not `0000.json`, `0001.json` and so on without a gap.
    #[error("the files are `0000.json`, `0001.json` and so on; this one should be `{0:04}.json`")]
    Name(u32),
    /// Not JSON of the right shape.
    #[error("not a change of the key list: {0}")]
    Malformed(String),
    /// The number in it is not that of its file.
    #[error("its `sequence` is not that of its file")]
    Sequence,
    /// It is for another deployment than the first list.
    #[error("it is for another deployment than the first list")]
    Deployment,
    /// It continues another list.
    #[error("its `previous` is not the digest of the change before it: it continues another list")]
    Previous,
    /// It changes nothing.
    #[error("it adds and removes nothing")]
    Empty,
    /// The key that goes is not there.
    #[error("`{0}` has no key `{1}` to remove")]
    NoSuchKey(Oin, String),
    /// The id is or was in use.
    #[error("`{0}` has, or had, a key with the id `{1}`")]
    KidTaken(Oin, String),
    /// A JWK that is no approver's key.
    #[error("the key `{1}` of `{0}`: {2}")]
    Key(Oin, String, String),
    /// A signature of a key that is not listed, or that does not match.
    #[error("the signature of `{0}` with key `{1}` does not count: {2}")]
    Signature(String, String, &'static str),
    /// Nobody who may has signed for this role.
    #[error(
        "the {role} keys of `{organisation}` change without the signature of its own {role} key or of two other holders"
    )]
    NotSigned {
        /// Whose keys.
        organisation: Oin,
        /// For which role.
        role: &'static str,
    },
}

impl KeyList {
    /// Follows the files in order of name, from the first list to the newest change.
    ///
    /// # Errors
    /// The first file that is refused.
    pub fn follow(files: &[NamedText]) -> Result<Self, (String, InvalidKeyList)> {
        let mut files: Vec<&NamedText> = files.iter().collect();
        files.sort();
        let mut list = Self::default();
        for (sequence, (file, text)) in (0..).zip(files) {
            let expected = format!("{sequence:04}.json");
            let followed = if file.rsplit('/').next() == Some(expected.as_str()) {
                Change::parse(text).and_then(|change| list.append(&change, sequence))
            } else {
                Err(InvalidKeyList::Name(sequence))
            };
            followed.map_err(|error| (file.clone(), error))?;
        }
        Ok(list)
    }

    /// The digest of the newest change; none for an empty list.
    pub fn head(&self) -> Option<[u8; 32]> {
        self.digests.last().copied()
    }

    /// The digest of the first list.
    pub fn first(&self) -> Option<[u8; 32]> {
        self.digests.first().copied()
    }

    /// The number of the next change.
    pub fn next_sequence(&self) -> u32 {
        u32::try_from(self.digests.len()).unwrap_or(u32::MAX)
    }

    /// Whether this list is the one with that head, or grew from it.
    pub fn grew_from(&self, head: &[u8; 32]) -> bool {
        self.digests.contains(head)
    }

    /// The deployment that the first list is for.
    pub fn deployment(&self) -> Option<&str> {
        self.deployment.as_deref()
    }

    /// The keys of an organisation.
    pub fn keys(&self, organisation: &Oin) -> &[Approver] {
        self.keys.get(organisation).map(Vec::as_slice).unwrap_or_default()
    }

    /// All keys, by organisation.
    pub fn iter(&self) -> impl Iterator<Item = (&Oin, &Approver)> {
        self.keys
            .iter()
            .flat_map(|(organisation, keys)| keys.iter().map(move |key| (organisation, key)))
    }

    /// The change that removed a key.
    pub fn removed_by(&self, organisation: &Oin, kid: &str) -> Option<u32> {
        self.removed.get(&(organisation.clone(), kid.to_owned())).copied()
    }

    /// What came and went after the change with this digest; everything where there was none.
    pub fn events_since(&self, head: Option<&[u8; 32]>) -> impl Iterator<Item = &KeyEvent> {
        let known = head.and_then(|head| self.digests.iter().position(|digest| digest == head));
        let known = known.and_then(|position| u32::try_from(position).ok());
        self.events
            .iter()
            .filter(move |event| known.is_none_or(|known| event.sequence > known))
    }

    /// The list with one more change, if it may be made.
    ///
    /// # Errors
    /// Why not; the list stays as it was.
    pub fn append(&mut self, change: &Change, sequence: u32) -> Result<(), InvalidKeyList> {
        if change.sequence != sequence {
            return Err(InvalidKeyList::Sequence);
        }
        if self
            .deployment
            .as_ref()
            .is_some_and(|known| *known != change.deployment)
        {
            return Err(InvalidKeyList::Deployment);
        }
        if change.previous()? != self.head() {
            return Err(InvalidKeyList::Previous);
        }
        if change.add.is_empty() && change.remove.is_empty() {
            return Err(InvalidKeyList::Empty);
        }
        let mut next = self.clone();
        next.apply(change)?;
        // The first list is taken on its word: it is what the log's first entry names.
        if !self.digests.is_empty() {
            self.authorised(change)?;
        }
        next.deployment = Some(change.deployment.clone());
        next.digests.push(change.digest()?);
        *self = next;
        Ok(())
    }

    fn apply(&mut self, change: &Change) -> Result<(), InvalidKeyList> {
        for Removed { organisation, kid } in &change.remove {
            let owner = change::oin(organisation)?;
            let keys = self.keys.entry(owner.clone()).or_default();
            let Some(position) = keys.iter().position(|key| key.kid == *kid) else {
                return Err(InvalidKeyList::NoSuchKey(owner, kid.clone()));
            };
            keys.remove(position);
            self.removed.insert((owner.clone(), kid.clone()), change.sequence);
            self.event(change, &owner, kid, false);
        }
        for added in &change.add {
            let (owner, key) = added.read()?;
            let taken = self.keys(&owner).iter().any(|known| known.kid == key.kid);
            if taken || self.removed_by(&owner, &key.kid).is_some() {
                return Err(InvalidKeyList::KidTaken(owner, key.kid));
            }
            self.event(change, &owner, &key.kid, true);
            self.keys.entry(owner).or_default().push(key);
        }
        Ok(())
    }

    fn event(&mut self, change: &Change, organisation: &Oin, kid: &str, added: bool) {
        self.events.push(KeyEvent {
            sequence: change.sequence,
            organisation: organisation.clone(),
            kid: kid.to_owned(),
            added,
        });
    }

    /// Every role of every organisation that changes is signed for by who may, under the keys as they were before.
    fn authorised(&self, change: &Change) -> Result<(), InvalidKeyList> {
        let signers = change.signers(self)?;
        for (organisation, role) in self.touched(change)? {
            let own = signers
                .iter()
                .any(|(signer, key)| *signer == organisation && key.roles.contains(&role));
            if !own && !self.two_others(&signers, &organisation) {
                return Err(InvalidKeyList::NotSigned {
                    organisation,
                    role: role.name(),
                });
            }
        }
        Ok(())
    }

    /// Two holders with two keys: one key that is listed twice is one signer.
    fn two_others(&self, signers: &[(Oin, &Approver)], organisation: &Oin) -> bool {
        let mut holders = BTreeSet::new();
        let mut keys: Vec<&PublicKey> = Vec::new();
        let own: Vec<&PublicKey> = self.keys(organisation).iter().map(|key| &key.key).collect();
        for (signer, key) in signers {
            let counts = signer != organisation
                && key.roles.contains(&ApproverRole::Holder)
                && !keys.contains(&&key.key)
                && !own.contains(&&key.key);
            if counts && holders.insert(signer) {
                keys.push(&key.key);
            }
        }
        holders.len() >= OTHER_HOLDERS
    }

    /// The roles that keys which come or go have, by organisation.
    fn touched(&self, change: &Change) -> Result<BTreeSet<(Oin, ApproverRole)>, InvalidKeyList> {
        let mut touched = BTreeSet::new();
        for Removed { organisation, kid } in &change.remove {
            let owner = change::oin(organisation)?;
            let roles = self.keys(&owner).iter().filter(|key| key.kid == *kid);
            touched.extend(roles.flat_map(|key| key.roles.iter().map(|role| (owner.clone(), *role))));
        }
        for added in &change.add {
            let (owner, key) = added.read()?;
            touched.extend(key.roles.iter().map(|role| (owner.clone(), *role)));
        }
        Ok(touched)
    }
}
