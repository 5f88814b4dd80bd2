//! k-anonymous records: who may be among the rows that leave, decided once over all that a grant can ever show.
//!
//! Rows that are alike in every field but the sensitive ones form a class. A class of fewer than `k` pupils is left out
//! whole, and so is one whose sensitive field is known as soon as the class is: fewer than two values, or one that more
//! than four in five have. Classes are formed over **all** fields of the grant, before any filter and any choice of
//! fields: two questions that show other columns of the same rows then differ in nobody, and a filter selects whole
//! classes or, on a sensitive field, rows within classes that are varied enough.

mod table;

use std::collections::BTreeMap;

use crate::catalogue::ProtectionClass;

pub use table::{RecordsTable, TableRow, kept, restored, table};

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

    /// Which members may be shown, by their place. A class is shown where it is large and varied enough, and so is what
    /// is left of it for each holder that knows its own pupils among them.
    pub fn released<V: Ord>(self, members: &[Member<V>]) -> Vec<bool> {
        let mut classes: BTreeMap<&[V], Vec<&Member<V>>> = BTreeMap::new();
        for member in members {
            classes.entry(&member.open).or_default().push(member);
        }
        classes.retain(|_, class| self.may_leave(class) && self.others_may_leave(class));
        members
            .iter()
            .map(|member| classes.contains_key(member.open.as_slice()))
            .collect()
    }

    fn may_leave<V: Ord>(self, class: &[&Member<V>]) -> bool {
        let secrets = class.first().map_or(0, |member| member.sensitive.len());
        class.len() >= usize::try_from(self.0).unwrap_or(usize::MAX)
            && (0..secrets).all(|secret| {
                let values = class.iter().filter_map(|member| member.sensitive.get(secret));
                is_varied(values, class.len())
            })
    }

    /// The others' part: a board takes its own pupils out of the class, and knows the rest the better.
    fn others_may_leave<V: Ord>(self, class: &[&Member<V>]) -> bool {
        let datasets = class.first().map_or(0, |member| member.holders.len());
        (0..datasets).all(|dataset| {
            let mut holders: Vec<&V> = class.iter().filter_map(|member| member.holder(dataset)).collect();
            holders.sort_unstable();
            holders.dedup();
            holders.into_iter().all(|one| {
                let others = class.iter().filter(|member| member.holder(dataset) != Some(one));
                let others: Vec<_> = others.copied().collect();
                others.is_empty() || self.may_leave(&others)
            })
        })
    }
}

/// One pupil as classes are formed by.
#[derive(Clone, Debug)]
pub struct Member<V> {
    /// What may be known of a pupil: who is alike in all of it is of one class.
    pub open: Vec<V>,
    /// What must not be known from the class.
    pub sensitive: Vec<V>,
    /// Who holds the pupil's rows of each dataset that several may hold; none where there is no row.
    pub holders: Vec<Option<V>>,
}

impl<V> Member<V> {
    fn holder(&self, dataset: usize) -> Option<&V> {
        self.holders.get(dataset)?.as_ref()
    }
}

/// Whether nobody's value is known for sure, or nearly, from the class alone. To have none is a value.
fn is_varied<'m, V: Ord + 'm>(values: impl Iterator<Item = &'m V>, pupils: usize) -> bool {
    let mut counts: BTreeMap<&V, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let largest = counts.values().copied().max().unwrap_or(0);
    counts.len() >= DISTINCT_MIN && largest * 100 <= pupils * SHARE_MAX_PERCENT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Row = Member<Option<u8>>;

    fn anonymity(k: u32) -> Anonymity {
        Anonymity::new(k, ProtectionClass::Normal).unwrap()
    }

    /// So many pupils of one holder with this open value, who have these sensitive ones in turn.
    fn class(size: usize, open: u8, secrets: &[u8], holder: u8) -> Vec<Row> {
        let row = |place: usize| Member {
            open: vec![Some(open)],
            sensitive: vec![Some(secrets[place % secrets.len()])],
            holders: vec![Some(Some(holder))],
        };
        (0..size).map(row).collect()
    }

    fn all_of(rows: &[Row]) -> bool {
        let released = anonymity(5).released(rows);
        assert!(released.windows(2).all(|two| two[0] == two[1]), "one class");
        released[0]
    }

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
        let rows = [class(4, 1, &[1, 2], 0), class(5, 2, &[1, 2], 0)].concat();
        let released = anonymity(5).released(&rows);
        assert_eq!(released, [[false; 4].as_slice(), &[true; 5]].concat());
    }

    #[test]
    fn a_class_of_one_mind_tells_what_each_of_them_has() {
        assert!(!all_of(&class(40, 1, &[7], 0)));
        // Nine in ten, and four in five.
        assert!(!all_of(&class(40, 1, &[7, 7, 7, 7, 7, 7, 7, 7, 7, 8], 0)));
        assert!(all_of(&class(40, 1, &[7, 7, 7, 7, 8], 0)));
    }

    #[test]
    fn to_have_none_is_a_value() {
        let mut rows = class(10, 1, &[1], 0);
        for row in &mut rows {
            row.sensitive = vec![None];
        }
        assert!(!all_of(&rows));
    }

    #[test]
    fn what_is_left_for_a_board_that_knows_its_own_pupils_is_large_and_varied_enough() {
        let own = || class(40, 1, &[1, 2], 7);
        assert!(all_of(&own()));
        assert!(all_of(&[own(), class(5, 1, &[1, 2], 8)].concat()));
        // Four others; five others who all have the same.
        assert!(!all_of(&[own(), class(4, 1, &[1, 2], 8)].concat()));
        assert!(!all_of(&[own(), class(5, 1, &[2], 8)].concat()));
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let value = || prop::option::of(0_u8..3);
        let row = (value(), value(), value(), prop::option::of(0_u8..2));
        let row = row.prop_map(|(one, other, secret, holder)| Member {
            open: vec![one, other],
            sensitive: vec![secret],
            holders: vec![holder.map(Some)],
        });
        prop::collection::vec(row, 0..80)
    }

    proptest! {
        /// Whatever columns are shown of what is released, and whatever open field it is filtered by, nobody is among
        /// fewer than k that look alike.
        #[test]
        fn every_projection_and_filter_leaves_k_who_look_alike(rows in rows(), shown in any::<[bool; 2]>(), filter in prop::option::of((0_usize..2, 0_u8..3))) {
            let released = anonymity(5).released(&rows);
            let kept = rows.iter().zip(&released).filter(|(_, released)| **released).map(|(row, _)| row);
            let kept = kept.filter(|row| filter.is_none_or(|(field, value)| row.open[field] == Some(value)));
            let mut alike: BTreeMap<Vec<Option<u8>>, usize> = BTreeMap::new();
            for row in kept {
                let open = row.open.iter().zip(shown).filter(|(_, shown)| *shown).map(|(value, _)| *value);
                *alike.entry(open.collect()).or_default() += 1;
            }
            prop_assert!(alike.values().all(|count| *count >= 5), "{alike:?}");
        }

        /// Which rows are released does not depend on their order, and what is released stands by itself: checked again
        /// without what was left out, nothing more goes.
        #[test]
        fn released_rows_do_not_depend_on_order_and_stand_by_themselves(rows in rows()) {
            let released = anonymity(5).released(&rows);
            let mut turned: Vec<Row> = rows.clone();
            turned.reverse();
            let mut again = anonymity(5).released(&turned);
            again.reverse();
            prop_assert_eq!(&again, &released);
            let kept: Vec<Row> = rows.into_iter().zip(released).filter(|(_, kept)| *kept).map(|(row, _)| row).collect();
            prop_assert!(anonymity(5).released(&kept).into_iter().all(|kept| kept));
        }
    }
}
