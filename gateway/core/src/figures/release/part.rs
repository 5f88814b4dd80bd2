//! What one grant makes an epoch count: its own lattice, and those below the line of its rates.

use std::collections::BTreeSet;

use crate::catalogue::{Catalogue, Dimension, FieldName, Name};
use crate::purpose::{FiguresGrant, Measure};

/// Pupils present in a dataset, within fixed nodes, crossed by free dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Who is counted: pupils present in this dataset.
    pub base: Name,
    /// The nodes that every cell has.
    pub only: Vec<(Dimension, String)>,
    /// What may be crossed, each at its finest level.
    pub free: Vec<Dimension>,
    /// How many of them at most, besides one geography.
    pub dimensions_max: u8,
    /// Whether one of the grant's fields is sensitive: then one level of geography is all there is.
    pub sensitive: bool,
    /// Whether the pupils themselves are counted.
    pub pupils: bool,
    /// The amounts that are summed.
    pub amounts: Vec<FieldName>,
    /// The fields whose bins are counted.
    pub bins: Vec<FieldName>,
}

impl Part {
    /// The datasets whose rows decide who is in a cell, all dimensions used.
    pub fn datasets(&self) -> BTreeSet<&Name> {
        let free = self.free.iter().map(|dimension| &dimension.field);
        let fixed = self.only.iter().map(|(dimension, _)| &dimension.field);
        let measured = self.amounts.iter().chain(&self.bins);
        let fields = free.chain(fixed).chain(measured);
        fields.map(|field| &field.dataset).chain([&self.base]).collect()
    }
}

/// The parts of a grant: what it counts itself, and for each rate per 1,000 the pupils of that dataset in the same
/// places.
pub fn parts(catalogue: &Catalogue, grant: &FiguresGrant) -> Vec<Part> {
    let free: Vec<Dimension> = grant.group_by.iter().chain(&grant.filter_by).cloned().collect();
    let amounts: BTreeSet<FieldName> = grant.measures.iter().filter_map(Measure::amount).collect();
    let bins: BTreeSet<FieldName> = grant
        .measures
        .iter()
        .filter_map(Measure::binned)
        .cloned()
        .collect();
    let main = Part {
        base: grant.dataset.clone(),
        only: grant.only.clone(),
        free,
        dimensions_max: grant.max_dimensions,
        sensitive: grant.is_sensitive(catalogue),
        pupils: grant.measures.iter().any(Measure::counts_pupils),
        amounts: amounts.into_iter().collect(),
        bins: bins.into_iter().collect(),
    };
    let rates = grant.measures.iter().filter_map(|measure| match measure {
        Measure::PerThousand(dataset) => Some(whole(catalogue, &main, dataset)),
        _ => None,
    });
    let rates: Vec<Part> = rates.collect();
    std::iter::once(main).chain(rates).collect()
}

/// Those of whom a rate says how many per 1,000: present in `dataset`, by that dataset's own dimensions.
fn whole(catalogue: &Catalogue, main: &Part, dataset: &Name) -> Part {
    let only = main
        .only
        .iter()
        .filter(|(dimension, _)| dimension.field.dataset == *dataset);
    let free = main
        .free
        .iter()
        .filter(|dimension| dimension.field.dataset == *dataset);
    Part {
        base: dataset.clone(),
        only: only.cloned().collect(),
        free: free.cloned().collect(),
        dimensions_max: main.dimensions_max,
        // The same places as above the line, so that there is a figure for each.
        sensitive: main.sensitive && catalogue.dataset(dataset).is_some(),
        pupils: true,
        amounts: Vec::new(),
        bins: Vec::new(),
    }
}

/// The levels of a granted dimension: its own and all coarser ones; where anything is sensitive, a geography has its own
/// only.
pub fn levels(catalogue: &Catalogue, sensitive: bool, granted: &Dimension) -> Vec<Name> {
    if sensitive && catalogue.is_geography(granted) {
        vec![granted.level.clone()]
    } else {
        catalogue.levels_from(granted)
    }
}
