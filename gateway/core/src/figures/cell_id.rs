//! One name for one cell, however it is reached.

use crate::catalogue::{Catalogue, Cell, Dimension, Name};

/// The canonical id of a cell: its dimensions and codes, sorted, without what goes without saying.
///
/// A dimension at *all* is not named; an only child is its parent; what another coordinate implies drops out, such as
/// that a pupil with a code of a dataset is present in it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CellId(Vec<(String, String)>);

impl CellId {
    /// The cell of `dimensions` among the pupils present in `base`; `None` when by the catalogue's own definitions
    /// nobody can be in it, or a code is not in the catalogue.
    pub fn new(catalogue: &Catalogue, base: &Name, dimensions: &[(Dimension, String)]) -> Option<Self> {
        let mut coordinates = dimensions.to_vec();
        coordinates.push((Dimension::present(base), "true".to_owned()));
        match catalogue.cell(&coordinates) {
            Ok(Cell::Named(coordinates)) => Some(Self(
                coordinates
                    .into_iter()
                    .map(|(dimension, code)| (dimension.to_string(), code))
                    .collect(),
            )),
            Ok(Cell::Impossible) | Err(_) => None,
        }
    }

    /// Dimension texts and codes, sorted.
    pub fn dimensions(&self) -> &[(String, String)] {
        &self.0
    }

    /// The id as one line: `dimension=code`, joined by `&`; unique since neither may hold these signs.
    pub fn text(&self) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(dimension, code)| format!("{dimension}={code}"))
            .collect();
        pairs.join("&")
    }
}
