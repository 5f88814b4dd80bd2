//! From pseudonyms back to pupils, inside the gateway: a pseudonym is a one-way function of the pupil, so every pupil's
//! is made again and compared. Whether one is found or not, the same is done.

use std::collections::HashMap;

use super::{DomainKey, KeyVersion, Pseudonym, SubjectId};

/// Pseudonyms whose pupils are looked for.
pub struct Named {
    wanted: HashMap<(KeyVersion, [u8; 16]), usize>,
    domains: Vec<DomainKey>,
    found: Vec<(Pseudonym, Option<SubjectId>)>,
}

impl Named {
    /// Looks for these pseudonyms in these domains.
    pub fn new(pseudonyms: &[Pseudonym], domains: Vec<DomainKey>) -> Self {
        let wanted = pseudonyms.iter().enumerate();
        Self {
            wanted: wanted
                .map(|(place, pseudonym)| ((pseudonym.version(), pseudonym.bits()), place))
                .collect(),
            domains,
            found: pseudonyms.iter().map(|one| (one.clone(), None)).collect(),
        }
    }

    /// Compares one subject; `pupil` is whom it stands for.
    pub fn see(&mut self, subject: &SubjectId, pupil: SubjectId) {
        for domain in &self.domains {
            let Some(place) = self.wanted.get(&(domain.version(), domain.bits(subject))) else {
                continue;
            };
            if let Some((_, found)) = self.found.get_mut(*place) {
                *found = Some(pupil);
            }
        }
    }

    /// Each pseudonym with its pupil, in the order given. Behind one that is nobody's stands a pupil that there is not,
    /// so that from here on both are treated alike.
    pub fn into_pupils(self) -> impl Iterator<Item = (Pseudonym, SubjectId)> {
        self.found.into_iter().map(|(pseudonym, found)| {
            let nobody = SubjectId::from_bytes(pseudonym.bits());
            (pseudonym, found.unwrap_or(nobody))
        })
    }
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Named({})", self.found.len())
    }
}
