//! What one holder's links make of its own rows. Pure.

use std::collections::HashMap;

use doelpoort_core::pseudonym::SubjectId;

use super::Known;

/// One holder's sets of linked subjects, as far as a batch touches them.
#[derive(Default)]
pub(super) struct Sets {
    members: Vec<Vec<Known>>,
    set_of: HashMap<SubjectId, usize>,
    stored_root: HashMap<SubjectId, SubjectId>,
}

/// A member whose root is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) subject: SubjectId,
    pub(super) old_root: SubjectId,
    pub(super) root: SubjectId,
}

impl Sets {
    /// Takes a member of a stored set; members of one set have the same root.
    pub(super) fn restore(&mut self, member: Known, root: SubjectId) {
        self.stored_root.insert(member.subject, root);
        let set = match self.set_of.get(&root) {
            Some(set) => *set,
            None => self.new_set(root),
        };
        self.set_of.insert(member.subject, set);
        if let Some(members) = self.members.get_mut(set) {
            members.push(member);
        }
    }

    /// Puts a subject that is in no set into one of its own.
    pub(super) fn add(&mut self, known: Known) {
        if !self.set_of.contains_key(&known.subject) {
            let set = self.new_set(known.subject);
            if let Some(members) = self.members.get_mut(set) {
                members.push(known);
            }
        }
    }

    fn new_set(&mut self, subject: SubjectId) -> usize {
        self.members.push(Vec::new());
        self.set_of.insert(subject, self.members.len() - 1);
        self.members.len() - 1
    }

    /// Joins the sets of two subjects, unless one pupil would then have two identifiers of one kind: that is a
    /// conflict, and both stay as they were.
    pub(super) fn join(&mut self, a: SubjectId, b: SubjectId) {
        let (Some(a), Some(b)) = (self.set_of.get(&a).copied(), self.set_of.get(&b).copied()) else {
            return;
        };
        let clash = |known: &Known| self.of(b).iter().any(|other| other.kind == known.kind);
        if a == b || self.of(a).iter().any(clash) {
            return;
        }
        let moved = self.members.get_mut(b).map(std::mem::take).unwrap_or_default();
        for known in &moved {
            self.set_of.insert(known.subject, a);
        }
        if let Some(members) = self.members.get_mut(a) {
            members.extend(moved);
        }
    }

    fn of(&self, set: usize) -> &[Known] {
        self.members.get(set).map(Vec::as_slice).unwrap_or_default()
    }

    /// The subject under which this holder's rows of `subject` are stored: the lowest creation sequence.
    pub(super) fn root(&self, subject: SubjectId) -> SubjectId {
        let members = self
            .set_of
            .get(&subject)
            .map(|set| self.of(*set))
            .unwrap_or_default();
        members
            .iter()
            .min_by_key(|known| known.sequence)
            .map_or(subject, |known| known.subject)
    }

    /// The subject of a row that names its pupil by `identifiers`: their common root; in a conflict the one that
    /// counts most (a number issued by the state before all others), so that two pupils never become one.
    pub(super) fn row_subject(&self, identifiers: &[Known]) -> Option<SubjectId> {
        identifiers
            .iter()
            .min_by_key(|known| known.kind)
            .map(|known| self.root(known.subject))
    }

    /// Members of sets of two or more whose stored root is missing or another one.
    pub(super) fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for members in self.members.iter().filter(|members| members.len() > 1) {
            for Known { subject, .. } in members {
                let (stored, root) = (self.stored_root.get(subject).copied(), self.root(*subject));
                if stored != Some(root) {
                    changes.push(Change {
                        subject: *subject,
                        old_root: stored.unwrap_or(*subject),
                        root,
                    });
                }
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BSN: i64 = 1;
    const LOCAL: i64 = 3;
    const ECK: i64 = 4;

    fn known(sequence: u8, kind: i64) -> Known {
        Known {
            subject: SubjectId::from_bytes([sequence; 16]),
            sequence: i64::from(sequence),
            kind,
        }
    }

    fn sets(known: &[Known]) -> Sets {
        let mut sets = Sets::default();
        for known in known {
            sets.add(*known);
        }
        sets
    }

    #[test]
    fn the_lowest_sequence_is_the_root_whatever_the_order_of_joining() {
        let all = [known(3, BSN), known(1, ECK), known(2, LOCAL)];
        for order in [[(0, 1), (1, 2)], [(1, 2), (0, 1)], [(2, 0), (0, 1)]] {
            let mut sets = sets(&all);
            for (a, b) in order {
                sets.join(all[a].subject, all[b].subject);
            }
            for member in all {
                assert_eq!(sets.root(member.subject), all[1].subject);
            }
            assert_eq!(sets.changes().len(), 3);
        }
    }

    #[test]
    fn two_numbers_of_one_kind_never_become_one_pupil() {
        let (first, second, eck) = (known(2, BSN), known(3, BSN), known(1, ECK));
        let mut sets = sets(&[first, second, eck]);
        sets.join(first.subject, eck.subject);
        sets.join(second.subject, eck.subject);
        assert_eq!(sets.row_subject(&[first, eck]), Some(eck.subject));
        assert_eq!(sets.row_subject(&[second, eck]), Some(second.subject));
    }

    #[test]
    fn a_stored_set_that_does_not_change_is_not_stored_again() {
        let (bsn, eck, local) = (known(1, BSN), known(2, ECK), known(3, LOCAL));
        let mut sets = Sets::default();
        sets.restore(eck, bsn.subject);
        sets.restore(bsn, bsn.subject);
        sets.join(bsn.subject, eck.subject);
        assert_eq!(sets.changes(), []);

        sets.add(local);
        sets.join(local.subject, eck.subject);
        let change = Change {
            subject: local.subject,
            old_root: local.subject,
            root: bsn.subject,
        };
        assert_eq!(sets.changes(), [change]);
    }
}
