//! The frozen snapshot of one epoch: a row a pupil, without the pupil.
//!
//! It lives in memory only and is wiped when dropped: nothing of it is at rest, whatever is killed when.

use std::collections::HashMap;

use zeroize::Zeroize;

use crate::catalogue::FieldName;

/// Where a pupil has no value.
const NONE: u32 = u32::MAX;

/// One row per pupil: a record key and codes, no subject.
#[derive(Default)]
pub struct Snapshot {
    fields: Vec<FieldName>,
    codes: Vec<Vec<String>>,
    interned: Vec<HashMap<String, u32>>,
    record_keys: Vec<u32>,
    cells: Vec<u32>,
}

impl Snapshot {
    /// An empty snapshot with these fields.
    pub fn new(fields: Vec<FieldName>) -> Self {
        let width = fields.len();
        Self {
            fields,
            codes: vec![Vec::new(); width],
            interned: vec![HashMap::new(); width],
            record_keys: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Adds one pupil: its record key and the codes of the fields, in their order.
    pub fn push<'v>(&mut self, record_key: u32, values: impl IntoIterator<Item = Option<&'v str>>) {
        self.record_keys.push(record_key);
        let mut values = values.into_iter();
        for (codes, interned) in self.codes.iter_mut().zip(&mut self.interned) {
            let index = match values.next().flatten() {
                None => NONE,
                Some(code) => interned.get(code).copied().unwrap_or_else(|| {
                    let index = u32::try_from(codes.len()).unwrap_or(NONE);
                    codes.push(code.to_owned());
                    interned.insert(code.to_owned(), index);
                    index
                }),
            };
            self.cells.push(index);
        }
    }

    /// How many pupils it holds.
    pub fn len(&self) -> usize {
        self.record_keys.len()
    }

    /// Whether it holds nobody.
    pub fn is_empty(&self) -> bool {
        self.record_keys.is_empty()
    }

    /// The distinct pupils and the sum of their record keys, for each combination of codes of `fields` among the
    /// pupils for whom all `fixed` hold.
    pub fn group(&self, fields: &[FieldName], fixed: &[(FieldName, Vec<&str>)]) -> Vec<Group<'_>> {
        let columns: Vec<Option<usize>> = fields.iter().map(|field| self.column(field)).collect();
        let wanted: Vec<(Option<usize>, Vec<u32>)> = fixed
            .iter()
            .map(|(field, codes)| {
                let column = self.column(field);
                let indexes = codes
                    .iter()
                    .filter_map(|code| self.interned.get(column?)?.get(*code).copied())
                    .collect();
                (column, indexes)
            })
            .collect();
        let mut groups: HashMap<Vec<u32>, (i64, u64)> = HashMap::new();
        let width = self.fields.len().max(1);
        for (row, record_key) in self.cells.chunks_exact(width).zip(&self.record_keys) {
            let value = |column: &Option<usize>| column.and_then(|c| row.get(c).copied()).unwrap_or(NONE);
            if !wanted
                .iter()
                .all(|(column, codes)| codes.contains(&value(column)))
            {
                continue;
            }
            let group = groups.entry(columns.iter().map(value).collect()).or_default();
            group.0 += 1;
            group.1 = group.1.wrapping_add(u64::from(*record_key));
        }
        groups
            .into_iter()
            .map(|(key, (pupils, record_keys))| Group {
                codes: key
                    .iter()
                    .zip(&columns)
                    .map(|(index, column)| self.code(*column, *index))
                    .collect(),
                pupils,
                record_keys,
            })
            .collect()
    }

    fn column(&self, field: &FieldName) -> Option<usize> {
        self.fields.iter().position(|other| other == field)
    }

    fn code(&self, column: Option<usize>, index: u32) -> Option<&str> {
        self.codes
            .get(column?)?
            .get(usize::try_from(index).ok()?)
            .map(String::as_str)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.record_keys.zeroize();
        self.cells.zeroize();
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} pupils)", self.record_keys.len())
    }
}

/// The pupils with one combination of codes.
pub struct Group<'s> {
    /// The code of each field; `None` where the pupils have none.
    pub codes: Vec<Option<&'s str>>,
    /// How many distinct pupils: a true count, for protection only.
    pub pupils: i64,
    /// The sum of their record keys.
    pub record_keys: u64,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const FIELDS: [&str; 3] = ["a.x", "a.y", "b.z"];
    const CODES: [&str; 3] = ["p", "q", "r"];

    type Row = (u32, [Option<&'static str>; 3]);

    fn fields(places: &[usize]) -> Vec<FieldName> {
        places
            .iter()
            .map(|place| FIELDS[*place].parse().unwrap())
            .collect()
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let code = prop::option::of(prop::sample::select(CODES.to_vec()));
        prop::collection::vec((any::<u32>(), [code.clone(), code.clone(), code]), 0..60)
    }

    fn frozen(rows: &[Row]) -> Snapshot {
        let mut snapshot = Snapshot::new(fields(&[0, 1, 2]));
        for (record_key, codes) in rows {
            snapshot.push(*record_key, *codes);
        }
        snapshot
    }

    proptest! {
        #[test]
        fn groups_are_what_counting_by_hand_gives(
            rows in rows(),
            by in prop::sample::subsequence(vec![0_usize, 1, 2], 0..=3),
            fixed in 0_usize..3,
            wanted in prop::sample::subsequence(CODES.to_vec(), 1..=3),
        ) {
            let mut expected: BTreeMap<Vec<Option<&str>>, (i64, u64)> = BTreeMap::new();
            for (record_key, codes) in rows.iter().filter(|(_, codes)| codes[fixed].is_some_and(|c| wanted.contains(&c))) {
                let group = expected.entry(by.iter().map(|place| codes[*place]).collect()).or_default();
                group.0 += 1;
                group.1 += u64::from(*record_key);
            }
            let snapshot = frozen(&rows);
            let filter = [(fields(&[fixed]).remove(0), wanted)];
            let groups = snapshot.group(&fields(&by), &filter);
            let count = groups.len();
            let found: BTreeMap<_, _> =
                groups.into_iter().map(|group| (group.codes, (group.pupils, group.record_keys))).collect();
            prop_assert_eq!(found.len(), count, "a group is given once");
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_filter_on_a_field_or_code_that_nobody_has_selects_nobody() {
        let snapshot = frozen(&[(1, [Some("p"), None, None])]);
        let count = |field: &str, codes: Vec<&'static str>| {
            snapshot.group(&[], &[(field.parse().unwrap(), codes)]).len()
        };
        assert_eq!(count("a.x", vec!["p"]), 1);
        assert_eq!(count("a.x", vec!["q"]), 0);
        assert_eq!(count("a.x", Vec::new()), 0);
        assert_eq!(count("a.y", vec!["p"]), 0);
        assert_eq!(count("c.unknown", vec!["p"]), 0);
    }

    #[test]
    fn it_prints_how_many_and_nothing_else() {
        assert_eq!(
            format!("{:?}", frozen(&[(1, [Some("p"), None, None])])),
            "Snapshot(1 pupils)"
        );
    }
}
