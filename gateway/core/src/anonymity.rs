//! k-anonymous records: who may be among the rows that leave, decided once over all that a grant can ever show.
//!
//! Rows that are alike in every field but the sensitive ones form a class. A class of fewer than `k` pupils is left out
//! whole, and so is one whose sensitive field is known as soon as the class is: fewer than two values, or one that more
//! than four in five have. Classes are formed over **all** fields of the grant, before any filter and any choice of
//! fields: two questions that show other columns of the same rows then differ in nobody, and a filter selects whole
//! classes or, on a sensitive field, rows within classes that are varied enough.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::ProtectionClass;

/// The least distinct values of a sensitive field in a class.
const DISTINCT_MIN: usize = 2;
/// The greatest share of one value of a sensitive field in a class, in percent.
const SHARE_MAX_PERCENT: usize = 80;

/// How many pupils a class holds at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anonymity(u32);

impl Anonymity {
    /// The least `k` by protection class: 5, and 10 where anything is sensitive.
    pub fn least(class: ProtectionClass) -> u32 {
        match class {
            ProtectionClass::Normal => 5,
            ProtectionClass::Sensitive => 10,
        }
    }

    /// A `k`, if it is no less than the class asks.
    pub fn new(k: u32, class: ProtectionClass) -> Option<Self> {
        (k >= Self::least(class)).then_some(Self(k))
    }

    /// `k`.
    pub fn k(self) -> u32 {
        self.0
    }

    /// Which rows may be shown, by their place. Each row has a value for each field of the grant, as coarse as it is
    /// granted; none where it is empty. `sensitive` says of each field whether it is.
    pub fn released<V: Ord>(self, rows: &[Vec<Option<V>>], sensitive: &[bool]) -> Vec<bool> {
        let mut classes: BTreeMap<Vec<&Option<V>>, Vec<usize>> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            let key = columns(row, sensitive, false).collect();
            classes.entry(key).or_default().push(place);
        }
        let mut released = vec![false; rows.len()];
        for places in classes
            .into_values()
            .filter(|places| self.may_leave(places, rows, sensitive))
        {
            for place in places {
                if let Some(row) = released.get_mut(place) {
                    *row = true;
                }
            }
        }
        released
    }

    fn may_leave<V: Ord>(self, places: &[usize], rows: &[Vec<Option<V>>], sensitive: &[bool]) -> bool {
        if places.len() < usize::try_from(self.0).unwrap_or(usize::MAX) {
            return false;
        }
        let of_class = || places.iter().filter_map(|place| rows.get(*place));
        let secrets = sensitive.iter().filter(|is_sensitive| **is_sensitive).count();
        (0..secrets).all(|secret| {
            let values = of_class().filter_map(|row| columns(row, sensitive, true).nth(secret));
            is_varied(values, places.len())
        })
    }
}

/// The values of a row in the fields that are sensitive, or in those that are not.
fn columns<'r, V>(
    row: &'r [Option<V>],
    sensitive: &'r [bool],
    wanted: bool,
) -> impl Iterator<Item = &'r Option<V>> {
    let both = row.iter().zip(sensitive);
    both.filter(move |(_, is_sensitive)| **is_sensitive == wanted)
        .map(|(value, _)| value)
}

/// Whether nobody's value is known for sure, or nearly, from the class alone. To have none is a value.
fn is_varied<'r, V: Ord + 'r>(values: impl Iterator<Item = &'r Option<V>>, pupils: usize) -> bool {
    let mut counts: BTreeMap<&Option<V>, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let largest = counts.values().copied().max().unwrap_or(0);
    counts.keys().collect::<BTreeSet<_>>().len() >= DISTINCT_MIN
        && largest * 100 <= pupils * SHARE_MAX_PERCENT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Row = Vec<Option<u8>>;

    fn anonymity(k: u32) -> Anonymity {
        Anonymity::new(k, ProtectionClass::Normal).unwrap()
    }

    /// So many pupils with these values, the last one sensitive.
    fn class(size: usize, open: u8, secrets: &[u8]) -> Vec<Row> {
        (0..size)
            .map(|place| vec![Some(open), Some(secrets[place % secrets.len()])])
            .collect()
    }

    const SECRET: [bool; 2] = [false, true];

    #[test]
    fn k_is_five_and_ten_where_sensitive() {
        assert_eq!(Anonymity::new(4, ProtectionClass::Normal), None);
        assert_eq!(Anonymity::new(9, ProtectionClass::Sensitive), None);
        assert_eq!(
            Anonymity::new(10, ProtectionClass::Sensitive).map(Anonymity::k),
            Some(10)
        );
    }

    #[test]
    fn a_small_class_is_left_out_whole() {
        let rows = [class(4, 1, &[1, 2]), class(5, 2, &[1, 2])].concat();
        let released = anonymity(5).released(&rows, &SECRET);
        assert_eq!(released, [[false; 4].as_slice(), &[true; 5]].concat());
    }

    #[test]
    fn a_class_of_one_mind_tells_what_each_of_them_has() {
        assert!(
            !anonymity(5)
                .released(&class(40, 1, &[7]), &SECRET)
                .contains(&true)
        );
        // Nine in ten, and four in five.
        assert!(
            !anonymity(5)
                .released(&class(40, 1, &[7, 7, 7, 7, 7, 7, 7, 7, 7, 8]), &SECRET)
                .contains(&true)
        );
        assert!(
            !anonymity(5)
                .released(&class(40, 1, &[7, 7, 7, 7, 8]), &SECRET)
                .contains(&false)
        );
    }

    #[test]
    fn to_have_none_is_a_value() {
        let rows: Vec<Row> = (0..10).map(|_| vec![Some(1), None]).collect();
        assert!(!anonymity(5).released(&rows, &SECRET).contains(&true));
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let value = prop::option::of(0_u8..3);
        prop::collection::vec(prop::collection::vec(value, 3), 0..80)
    }

    proptest! {
        /// Whatever columns are shown of what is released, and whatever open field it is filtered by, nobody is among
        /// fewer than k that look alike.
        #[test]
        fn every_projection_and_filter_leaves_k_who_look_alike(rows in rows(), shown in any::<[bool; 2]>(), filter in prop::option::of((0_usize..2, 0_u8..3))) {
            let sensitive = [false, false, true];
            let released = anonymity(5).released(&rows, &sensitive);
            let kept = rows.iter().zip(&released).filter(|(_, released)| **released).map(|(row, _)| row);
            let kept = kept.filter(|row| filter.is_none_or(|(field, value)| row[field] == Some(value)));
            let mut alike: BTreeMap<Vec<Option<u8>>, usize> = BTreeMap::new();
            for row in kept {
                let open = row.iter().take(2).zip(shown).filter(|(_, shown)| *shown).map(|(value, _)| *value);
                *alike.entry(open.collect()).or_default() += 1;
            }
            prop_assert!(alike.values().all(|count| *count >= 5), "{alike:?}");
        }

        /// Two projections of what is released hold the same pupils, so that their difference names nobody.
        #[test]
        fn released_rows_do_not_depend_on_what_is_asked(rows in rows()) {
            let sensitive = [false, false, true];
            let mut turned: Vec<Row> = rows.clone();
            turned.reverse();
            let mut released = anonymity(5).released(&turned, &sensitive);
            released.reverse();
            prop_assert_eq!(released, anonymity(5).released(&rows, &sensitive));
        }
    }
}
