//! True counts, for who has a right to them: the same cells as at a close, of rows as they are now, without noise and
//! never released.

use std::collections::HashMap;

use super::holders::Holders;
use super::part::Part;
use super::{CellKey, CellMeasure, table};
use crate::catalogue::{Catalogue, FieldName};
use crate::figures::lattice::LatticeError;
use crate::figures::snapshot::{Layout, Snapshot};

/// What a snapshot must hold for these parts to be counted.
pub fn layout(parts: &[Part]) -> Layout {
    super::columns(parts)
}

/// What is counted of the cells with these names; 0 where nobody is.
///
/// # Errors
/// When a part's dimensions make no lattice.
pub fn count(
    catalogue: &Catalogue,
    parts: &[Part],
    snapshot: &Snapshot,
    names: &[String],
) -> Result<Vec<i64>, LatticeError<FieldName>> {
    let wanted: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    let mut counts = vec![0; names.len()];
    let mut count = |key: &CellKey, number: i64| {
        let place = wanted.get(key.text().as_str());
        if let Some(count) = place.and_then(|place| counts.get_mut(*place)) {
            *count = number;
        }
    };
    for part in parts {
        table::for_each_cell(catalogue, part, &Holders::none(), snapshot, &mut |cell, total| {
            let key = |measure| CellKey::new(measure, cell.clone());
            if part.pupils {
                count(&key(CellMeasure::Pupils), total.pupils.pupils);
            }
            for (amount, total) in part.amounts.iter().zip(&total.amounts) {
                let contributors = key(CellMeasure::Contributors(amount.clone()));
                count(&contributors, total.contributors.pupils);
                count(&key(CellMeasure::Sum(amount.clone())), total.amount.sum());
            }
            for (field, bins) in part.bins.iter().zip(&total.bins) {
                for (number, bin) in bins.iter().enumerate() {
                    count(&key(CellMeasure::Bin(field.clone(), number)), bin.pupils);
                }
            }
        })?;
    }
    Ok(counts)
}
