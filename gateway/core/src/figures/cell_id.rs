//! One name for one cell, however it is reached.

use std::fmt;

use crate::catalogue::{Catalogue, Cell, Dimension, FieldName, Name};

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

/// What is counted of a cell, as the cell's name has it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CellMeasure {
    /// Its distinct pupils.
    Pupils,
    /// Its pupils who have any of an amount.
    Contributors(FieldName),
    /// An amount; `<dataset>.rows` for rows.
    Sum(FieldName),
    /// Its pupils in one bin of a field, counted from 0.
    Bin(FieldName, usize),
}

impl fmt::Display for CellMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pupils => f.write_str("pupils"),
            Self::Contributors(field) => write!(f, "contributors:{field}"),
            Self::Sum(field) => write!(f, "sum:{field}"),
            Self::Bin(field, number) => write!(f, "bin:{field}:{number}"),
        }
    }
}

/// A cell and what is counted of it: what one released figure is stored under.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CellKey {
    measure: CellMeasure,
    cell: CellId,
}

impl CellKey {
    /// The figure of this measure.
    pub fn new(measure: CellMeasure, cell: CellId) -> Self {
        Self { measure, cell }
    }

    /// The cell.
    pub fn cell(&self) -> &CellId {
        &self.cell
    }

    /// What is counted.
    pub fn measure(&self) -> &CellMeasure {
        &self.measure
    }

    /// The key as one line: the cell's, for other measures than pupils after `measure?`; no name of a dimension has
    /// a question mark.
    pub fn text(&self) -> String {
        match &self.measure {
            CellMeasure::Pupils => self.cell.text(),
            measure => format!("{measure}?{}", self.cell.text()),
        }
    }
}
