//! The frozen snapshot of one epoch: a row a pupil, without the pupil.
//!
//! It lives in memory only and is wiped when dropped: nothing of it is at rest, whatever is killed when. Each field
//! is a column of numbers into a list of its distinct codes, so that one pass counts by any set of fields.

mod group;

use std::collections::HashMap;

use zeroize::Zeroize;

use crate::catalogue::FieldName;

pub use group::{Filter, Group, Groups};

/// Where a pupil has no value.
const NONE: u32 = u32::MAX;

/// What a snapshot holds of each pupil.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Codes: of dimensions, of who holds a row, of the bin that a number is in.
    pub fields: Vec<FieldName>,
    /// Amounts, each already bounded.
    pub amounts: Vec<FieldName>,
}

/// A pupil's part in the keys of the cells that the pupil is in. Secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PupilKeys {
    /// For counts.
    pub count: u32,
    /// For sums.
    pub sum: u32,
}

/// One row per pupil: record keys, codes and amounts, no subject.
#[derive(Default)]
pub struct Snapshot {
    layout: Layout,
    codes: Vec<Vec<String>>,
    interned: Vec<HashMap<String, u32>>,
    columns: Vec<Vec<u32>>,
    amounts: Vec<Vec<i64>>,
    keys: Vec<u32>,
    sum_keys: Vec<u32>,
}

impl Snapshot {
    /// An empty snapshot with these columns.
    pub fn new(layout: Layout) -> Self {
        let width = layout.fields.len();
        let amounts = vec![Vec::new(); layout.amounts.len()];
        Self {
            layout,
            codes: vec![Vec::new(); width],
            interned: vec![HashMap::new(); width],
            columns: vec![Vec::new(); width],
            amounts,
            keys: Vec::new(),
            sum_keys: Vec::new(),
        }
    }

    /// Adds one pupil: its keys, the codes of the fields and the amounts, in their order.
    pub fn push<'v>(
        &mut self,
        keys: PupilKeys,
        codes: impl IntoIterator<Item = Option<&'v str>>,
        amounts: impl IntoIterator<Item = i64>,
    ) {
        self.keys.push(keys.count);
        self.sum_keys.push(keys.sum);
        let mut values = codes.into_iter();
        let columns = self
            .codes
            .iter_mut()
            .zip(&mut self.interned)
            .zip(&mut self.columns);
        for ((codes, interned), column) in columns {
            let index = match values.next().flatten() {
                None => NONE,
                Some(code) => interned.get(code).copied().unwrap_or_else(|| {
                    let index = u32::try_from(codes.len()).unwrap_or(NONE);
                    codes.push(code.to_owned());
                    interned.insert(code.to_owned(), index);
                    index
                }),
            };
            column.push(index);
        }
        let mut values = amounts.into_iter();
        for column in &mut self.amounts {
            column.push(values.next().unwrap_or(0));
        }
    }

    /// How many pupils it holds.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it holds nobody.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Its columns.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The distinct codes of a field that pupils have, in the order of their numbers.
    pub fn codes(&self, field: &FieldName) -> &[String] {
        self.place(field)
            .and_then(|place| self.codes.get(place))
            .map_or(&[], Vec::as_slice)
    }

    fn place(&self, field: &FieldName) -> Option<usize> {
        self.layout.fields.iter().position(|other| other == field)
    }

    fn column(&self, field: &FieldName) -> Option<&[u32]> {
        self.columns.get(self.place(field)?).map(Vec::as_slice)
    }

    fn amount(&self, field: &FieldName) -> Option<&[i64]> {
        let place = self.layout.amounts.iter().position(|other| other == field)?;
        self.amounts.get(place).map(Vec::as_slice)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.keys.zeroize();
        self.sum_keys.zeroize();
        self.columns.iter_mut().for_each(Zeroize::zeroize);
        self.amounts.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} pupils)", self.keys.len())
    }
}

#[cfg(test)]
mod tests;
