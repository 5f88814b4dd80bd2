//! One pass over the snapshot: pupils, keys and amounts by each combination of codes.

use std::collections::HashMap;

use super::{NONE, Snapshot};
use crate::catalogue::FieldName;
use crate::figures::amount::AmountTotal;

/// Up to here groups are found by a table instead of by hashing: 16 MiB.
const TABLE_MAX: u128 = 1 << 22;

/// The pupils who have one of these codes.
pub type Filter<'f> = (FieldName, Vec<&'f str>);

/// The pupils with one combination of codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The number of each field's code; none where the pupils have none.
    pub codes: Vec<Option<u32>>,
    /// How many distinct pupils: a true count, for protection only.
    pub pupils: i64,
    /// The sum of their record keys.
    pub keys: u64,
    /// The amounts asked, in their order.
    pub amounts: Vec<AmountTotal>,
}

/// What one pass found, and for which fields.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// The fields, in the order of the groups' codes.
    pub fields: Vec<FieldName>,
    /// The amounts, in the order of the groups' totals.
    pub amounts: Vec<FieldName>,
    /// Each combination once.
    pub groups: Vec<Group>,
}

/// A column and the weight of its codes in a combination's number.
struct Digit<'s> {
    column: Option<&'s [u32]>,
    weight: u128,
}

impl Snapshot {
    /// The distinct pupils, their keys and amounts, for each combination of codes of `fields` among the pupils for
    /// whom all `filters` hold.
    pub fn group(&self, fields: &[FieldName], filters: &[Filter<'_>], amounts: &[FieldName]) -> Groups {
        let (digits, combinations) = self.digits(fields);
        let allowed = self.allowed(filters);
        let summed: Vec<Option<&[i64]>> = amounts.iter().map(|field| self.amount(field)).collect();
        let mut index = Index::new(combinations);
        let mut groups: Vec<Group> = Vec::new();
        for (row, (key, sum_key)) in self.keys.iter().zip(&self.sum_keys).enumerate() {
            let passes = |(column, codes): &(Option<&[u32]>, Vec<bool>)| {
                let code = column.and_then(|column| column.get(row).copied()).unwrap_or(NONE);
                usize::try_from(code).is_ok_and(|code| codes.get(code).copied().unwrap_or(false))
            };
            if !allowed.iter().all(passes) {
                continue;
            }
            let number = digits.iter().fold(0, |number, digit| number + digit.of(row));
            let place = index.place(number, groups.len());
            if place == groups.len() {
                groups.push(Group {
                    codes: digits.iter().map(|digit| digit.code(row)).collect(),
                    pupils: 0,
                    keys: 0,
                    amounts: vec![AmountTotal::default(); amounts.len()],
                });
            }
            let Some(group) = groups.get_mut(place) else {
                continue;
            };
            group.pupils += 1;
            group.keys = group.keys.wrapping_add(u64::from(*key));
            for (total, column) in group.amounts.iter_mut().zip(&summed) {
                let amount = column.and_then(|column| column.get(row).copied()).unwrap_or(0);
                total.add(amount, *key, *sum_key);
            }
        }
        Groups {
            fields: fields.to_vec(),
            amounts: amounts.to_vec(),
            groups,
        }
    }

    /// Each combination of codes as one number: a digit a field, 0 for none.
    fn digits(&self, fields: &[FieldName]) -> (Vec<Digit<'_>>, u128) {
        let mut weight: u128 = 1;
        let mut digits = Vec::with_capacity(fields.len());
        for field in fields {
            let column = self.column(field);
            digits.push(Digit { column, weight });
            let codes = u128::try_from(self.codes(field).len()).unwrap_or(u128::MAX);
            // Seven fields of 100,000 codes fit.
            weight = weight.saturating_mul(codes.saturating_add(1));
        }
        (digits, weight)
    }

    /// For each filter its column, and for each code of it whether it passes.
    fn allowed(&self, filters: &[Filter<'_>]) -> Vec<(Option<&[u32]>, Vec<bool>)> {
        let of = |(field, wanted): &Filter<'_>| {
            let codes = self.codes(field).iter();
            (
                self.column(field),
                codes.map(|code| wanted.contains(&code.as_str())).collect(),
            )
        };
        filters.iter().map(of).collect()
    }
}

impl Digit<'_> {
    fn code(&self, row: usize) -> Option<u32> {
        self.column?.get(row).copied().filter(|code| *code != NONE)
    }

    fn of(&self, row: usize) -> u128 {
        self.code(row)
            .map_or(0, |code| (u128::from(code) + 1) * self.weight)
    }
}

/// Where the group of a combination is.
enum Index {
    Table(Vec<u32>),
    Hashed(HashMap<u128, usize>),
}

impl Index {
    fn new(combinations: u128) -> Self {
        match usize::try_from(combinations) {
            Ok(size) if combinations <= TABLE_MAX => Self::Table(vec![NONE; size]),
            _ => Self::Hashed(HashMap::new()),
        }
    }

    /// The place of a combination's group; `next` where it is the first of its kind.
    fn place(&mut self, number: u128, next: usize) -> usize {
        match self {
            Self::Hashed(places) => *places.entry(number).or_insert(next),
            Self::Table(places) => {
                let slot = usize::try_from(number)
                    .ok()
                    .and_then(|number| places.get_mut(number));
                let Some(slot) = slot else { return next };
                if *slot == NONE {
                    *slot = u32::try_from(next).unwrap_or(NONE);
                }
                usize::try_from(*slot).unwrap_or(next)
            }
        }
    }
}
