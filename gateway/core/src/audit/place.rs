//! A pupil's place in the log, as it is sealed to the data protection officer (FG): what tags are made of. Every place
//! has the same length, whoever is meant, and one that may not be told is a place as well.

use zeroize::Zeroizing;

use crate::pseudonym::SubjectId;

/// The most subjects that one pupil may have been known by.
pub const SUBJECTS_MAX: usize = 32;
/// The format's version.
const VERSION: u8 = 1;
/// Bytes of every place: version, what it is, how many subjects, and room for all.
const PLACE_LEN: usize = 3 + SUBJECTS_MAX * 16;

/// Where entries about a pupil are.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// Under these subjects: the one that survived all merges first, then those that were merged into it.
    Subjects(Vec<SubjectId>),
    /// Two numbers may be of one pupil and that is not confirmed: looking at one would miss the other, looking at both
    /// might show another child's.
    Unconfirmed,
}

/// Bytes that are no place, or more subjects than one has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no place in the log")]
pub struct NoPlace;

impl Place {
    /// Its bytes, always as many.
    ///
    /// # Errors
    /// [`NoPlace`]: more than [`SUBJECTS_MAX`] subjects, or none.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, NoPlace> {
        let subjects: &[SubjectId] = match self {
            Self::Subjects(subjects) if subjects.is_empty() => return Err(NoPlace),
            Self::Subjects(subjects) => subjects,
            Self::Unconfirmed => &[],
        };
        let count = u8::try_from(subjects.len()).map_err(|_| NoPlace)?;
        if subjects.len() > SUBJECTS_MAX {
            return Err(NoPlace);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(PLACE_LEN));
        bytes.extend_from_slice(&[VERSION, u8::from(*self == Self::Unconfirmed), count]);
        for subject in subjects {
            bytes.extend_from_slice(subject.as_bytes());
        }
        bytes.resize(PLACE_LEN, 0);
        Ok(bytes)
    }

    /// Reads what [`Place::encode`] wrote.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NoPlace> {
        let [VERSION, what, count, rest @ ..] = bytes else {
            return Err(NoPlace);
        };
        let (subjects, padding) = rest.split_at_checked(usize::from(*count) * 16).ok_or(NoPlace)?;
        if bytes.len() != PLACE_LEN || padding.iter().any(|byte| *byte != 0) {
            return Err(NoPlace);
        }
        let (subjects, _) = subjects.as_chunks::<16>();
        match (what, subjects) {
            (1, []) => Ok(Self::Unconfirmed),
            (0, [_, ..]) => Ok(Self::Subjects(
                subjects.iter().copied().map(SubjectId::from_bytes).collect(),
            )),
            _ => Err(NoPlace),
        }
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Subjects(subjects) => write!(f, "Place({})", subjects.len()),
            Self::Unconfirmed => f.write_str("Place(unconfirmed)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_the_same_length_and_is_read_again() {
        let subject = |byte| SubjectId::from_bytes([byte; 16]);
        for place in [
            Place::Unconfirmed,
            Place::Subjects(vec![subject(1)]),
            Place::Subjects((0..32).map(subject).collect()),
        ] {
            let bytes = place.encode().unwrap();
            assert_eq!(bytes.len(), PLACE_LEN);
            assert!(Place::decode(&bytes) == Ok(place));
        }
        assert!(Place::Subjects((0..33).map(subject).collect()).encode().is_err());
        assert!(Place::Subjects(Vec::new()).encode().is_err());
    }

    #[test]
    fn anything_else_is_none() {
        let bytes = Place::Subjects(vec![SubjectId::from_bytes([7; 16])])
            .encode()
            .unwrap();
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] = to;
            bytes
        };
        for wrong in [
            changed(0, 2),
            changed(1, 1),
            changed(1, 9),
            changed(2, 0),
            changed(2, 33),
            changed(100, 1),
        ] {
            assert_eq!(Place::decode(&wrong), Err(NoPlace));
        }
        assert_eq!(Place::decode(&bytes[..50]), Err(NoPlace));
        assert_eq!(Place::decode(&[]), Err(NoPlace));
    }
}
