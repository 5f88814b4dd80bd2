//! The entries themselves, packed: each is read when a page shows it.

use std::ops::Range;

/// Byte strings one behind the other.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Leaves {
    pub(super) fn push(&mut self, leaf: &[u8]) {
        self.bytes.extend_from_slice(leaf);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let start = match place.checked_sub(1) {
            None => 0,
            Some(before) => *self.ends.get(before)?,
        };
        self.bytes.get(start..end)
    }

    /// Those of a range that is there as a whole.
    pub(super) fn range(&self, range: Range<usize>) -> Option<impl Iterator<Item = &[u8]>> {
        (range.end <= self.len()).then(|| range.filter_map(|place| self.get(place)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut leaves = Leaves::default();
        for leaf in [&b"one"[..], b"", b"three"] {
            leaves.push(leaf);
        }
        let all: Vec<_> = (0..4).map(|place| leaves.get(place)).collect();
        assert_eq!(
            all,
            [Some(&b"one"[..]), Some(&b""[..]), Some(&b"three"[..]), None]
        );
        assert_eq!(
            leaves.range(1..3).unwrap().collect::<Vec<_>>(),
            [&b""[..], b"three"]
        );
        assert!(leaves.range(1..4).is_none());
    }
}
