//! The canonical name of a cell: what makes the same cell the same, however it was asked for.

use std::collections::BTreeMap;
use std::str::FromStr;

use thiserror::Error;

use crate::catalogue::Name;
use crate::lp::{Part, PartText, TooLong};

/// The level that stands for the whole tree: a dimension at it drops out of a name.
const ALL: &str = "all";

/// One cell of a population at an epoch: a measure, and one node in each of some dimensions.
///
/// Dimensions are `<dataset>.<field>@<level>`, values are codes, never labels. What needs the catalogue (implied
/// nodes drop out, an only child becomes its parent) is done before a name is made: [`Catalogue::cell`](crate::catalogue::Catalogue::cell).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellName {
    population: Name,
    epoch: PartText,
    measure: PartText,
    dimensions: Vec<(PartText, PartText)>,
}

impl CellName {
    /// The name of a cell. Dimensions at `@all` drop out, the rest is sorted by (dimension, value) bytes.
    /// Errors when a dimension has no level, when a field occurs twice, or when a part is too long to encode.
    pub fn new<'a>(
        population: &Name,
        epoch: &str,
        measure: &str,
        dimensions: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CellNameError> {
        let mut fields = BTreeMap::new();
        for (dimension, value) in dimensions {
            let (field, level) = dimension
                .split_once('@')
                .filter(|(field, level)| !field.is_empty() && !level.is_empty())
                .ok_or_else(|| CellNameError::NoLevel {
                    dimension: dimension.to_owned(),
                })?;
            let node = (PartText::from_str(dimension)?, PartText::from_str(value)?);
            if fields.insert(field, (level, node)).is_some() {
                return Err(CellNameError::FieldTwice {
                    field: field.to_owned(),
                });
            }
        }
        let kept = fields.into_values().filter(|(level, _)| *level != ALL);
        let mut dimensions: Vec<_> = kept.map(|(_, node)| node).collect();
        dimensions.sort();
        if u16::try_from(dimensions.len()).is_err() {
            return Err(CellNameError::TooManyDimensions);
        }
        Ok(Self {
            population: population.clone(),
            epoch: epoch.parse()?,
            measure: measure.parse()?,
            dimensions,
        })
    }

    /// The dimensions and their codes, in canonical order.
    pub fn dimensions(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.dimensions
            .iter()
            .map(|(dimension, value)| (dimension.as_str(), value.as_str()))
    }

    /// The population's name.
    pub fn population(&self) -> &Name {
        &self.population
    }

    /// The epoch, an ISO 8601 date.
    pub fn epoch(&self) -> &str {
        self.epoch.as_str()
    }

    /// What is counted: `pupils`, `sum:<dataset>.<field>` or `bin:<dataset>.<field>:<n>`.
    pub fn measure(&self) -> &str {
        self.measure.as_str()
    }

    /// `"dsg-ck1" ‖ LP(population) ‖ LP(epoch) ‖ LP(measure) ‖ u16be(#dims) ‖ {LP(dimension) ‖ LP(value)}`:
    /// what the second layer of noise is drawn by. Unique to the cell; also a key to store its figure under.
    pub fn message(&self) -> Vec<u8> {
        let mut message = b"dsg-ck1".to_vec();
        Part::from(&self.population).append_to(&mut message);
        Part::from(&self.epoch).append_to(&mut message);
        Part::from(&self.measure).append_to(&mut message);
        let [.., high, low] = self.dimensions.len().to_be_bytes();
        message.extend_from_slice(&[high, low]);
        for (dimension, value) in &self.dimensions {
            Part::from(dimension).append_to(&mut message);
            Part::from(value).append_to(&mut message);
        }
        message
    }
}

/// A cell cannot be named.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CellNameError {
    /// A dimension is not `<dataset>.<field>@<level>`.
    #[error("dimension `{dimension}` has no level: write `<dataset>.<field>@<level>`")]
    NoLevel {
        /// The dimension.
        dimension: String,
    },
    /// Two nodes of one field; a cell has one.
    #[error("`{field}` occurs twice in one cell")]
    FieldTwice {
        /// The field.
        field: String,
    },
    /// More dimensions than 16 bits count.
    #[error("a cell has more than `65535` dimensions")]
    TooManyDimensions,
    /// A part does not fit its length.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(dimensions: &[(&str, &str)]) -> Result<CellName, CellNameError> {
        CellName::new(
            &"children".parse().unwrap(),
            "2026-10-01",
            "pupils",
            dimensions.iter().copied(),
        )
    }

    #[test]
    fn order_and_all_make_no_difference() {
        let plain = name(&[("a.b@code", "1"), ("c.d@district", "X")]).unwrap();
        let respelt = name(&[("e.f@all", "all"), ("c.d@district", "X"), ("a.b@code", "1")]).unwrap();
        assert_eq!(plain, respelt);
        assert_eq!(plain.message(), respelt.message());
        assert_eq!(
            plain.dimensions().collect::<Vec<_>>(),
            [("a.b@code", "1"), ("c.d@district", "X")]
        );
    }

    #[test]
    fn sorting_is_by_bytes_not_by_field() {
        let name = name(&[("a.b@code", "1"), ("a.b-c@code", "1")]).unwrap();
        // `-` comes before `@`.
        assert_eq!(
            name.dimensions().map(|(d, _)| d).collect::<Vec<_>>(),
            ["a.b-c@code", "a.b@code"]
        );
    }

    #[test]
    fn what_is_no_cell_is_refused() {
        for text in ["a.b", "@code", "a.b@"] {
            let refused = CellNameError::NoLevel {
                dimension: text.to_owned(),
            };
            assert_eq!(name(&[(text, "1")]).err(), Some(refused));
        }
        let twice = CellNameError::FieldTwice {
            field: "a.b".to_owned(),
        };
        assert_eq!(name(&[("a.b@x", "1"), ("a.b@y", "2")]).err(), Some(twice));
        let long = "x".repeat(65_536);
        assert_eq!(
            name(&[("a.b@x", &long)]).err(),
            Some(TooLong { bytes: 65_536 }.into())
        );
    }

    fn dimensions() -> impl Strategy<Value = Vec<(String, String)>> {
        prop::collection::btree_map("[ab]\\.[ab]{1,2}", ("[ab]{1,2}", "[ab]{0,3}"), 0..4).prop_map(|map| {
            map.into_iter()
                .map(|(field, (level, value))| (format!("{field}@{level}"), value))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn two_cells_never_share_a_message(one in dimensions(), other in dimensions()) {
            let message = |dimensions: &[(String, String)]| {
                let texts: Vec<_> = dimensions.iter().map(|(d, v)| (d.as_str(), v.as_str())).collect();
                name(&texts).unwrap().message()
            };
            prop_assert_eq!(message(&one) == message(&other), one == other);
            prop_assert_eq!(message(&one), message(&one.iter().rev().cloned().collect::<Vec<_>>()));
        }
    }
}
