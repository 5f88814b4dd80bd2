//! One name for one cell, however it is reached.

use crate::catalogue::{Catalogue, Dimension, Name};

/// The canonical id of a cell: its dimensions and codes, sorted, without those that others imply.
///
/// A dimension at *all* is not named. `<dataset>.present` is implied by any other dimension of that dataset, since a
/// code is held by present rows only. A node without siblings is its parent. What the catalogue declares as implied
/// drops out.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CellId(Vec<(String, String)>);

impl CellId {
    /// The cell of `dimensions` among the pupils present in `base`.
    pub fn new(catalogue: &Catalogue, base: &Name, dimensions: &[(Dimension, String)]) -> Self {
        let mut named: Vec<(Dimension, String)> =
            dimensions.iter().map(|(dimension, code)| catalogue.without_single_children(dimension, code)).collect();
        named.push((Dimension::present(base), "true".to_owned()));
        let kept = named
            .iter()
            .filter(|(dimension, code)| {
                let implied_presence = dimension.is_present()
                    && code == "true"
                    && named.iter().any(|(other, _)| {
                        other.field.dataset == dimension.field.dataset && !other.is_present()
                    });
                !implied_presence && !catalogue.is_implied(dimension, code, &named)
            })
            .map(|(dimension, code)| (dimension.to_string(), code.clone()))
            .collect::<std::collections::BTreeSet<_>>();
        Self(kept.into_iter().collect())
    }

    /// Dimension texts and codes, sorted by their bytes.
    pub fn dimensions(&self) -> &[(String, String)] {
        &self.0
    }

    /// The id as one line: `dimension=code`, joined by `&`; unique since neither may hold these signs.
    pub fn text(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(dimension, code)| format!("{dimension}={code}")).collect();
        pairs.join("&")
    }
}
