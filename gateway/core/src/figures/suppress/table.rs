//! The table of a grant: every cell with all its margins, and which is the sum of which.

use std::collections::BTreeMap;

use crate::catalogue::{Catalogue, Dimension, FieldName, Name};
use crate::figures::cell_id::CellId;
use crate::figures::lattice::{Cuboid, LatticeError};
use crate::figures::release;
use crate::purpose::FiguresGrant;

use super::{CELLS_MAX, Sum, SuppressError, Suppression, suppress};

/// The codes of a cell, in the order of its cuboid's dimensions.
type Codes = Vec<String>;
/// The places of a cuboid's cells, by their codes; none where nobody can be in one.
type Places = BTreeMap<Codes, usize>;

/// A table, without figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    cells: Vec<CellId>,
    sums: Vec<(usize, Vec<usize>)>,
}

/// A grant makes no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Its dimensions make no lattice.
    #[error("{0}")]
    Lattice(String),
    /// It cannot be protected.
    #[error(transparent)]
    Suppress(#[from] SuppressError),
}

impl From<LatticeError<FieldName>> for TableError {
    fn from(error: LatticeError<FieldName>) -> Self {
        Self::Lattice(error.to_string())
    }
}

impl Table {
    /// The table of all cells that a grant reaches, from metadata alone.
    ///
    /// # Errors
    /// When the dimensions make no lattice, or there are more than [`CELLS_MAX`] cells.
    pub fn of(catalogue: &Catalogue, grant: &FiguresGrant) -> Result<Self, TableError> {
        let cuboids = release::lattice(catalogue, grant)?.cuboids()?;
        let sizes = cuboids.iter().map(|cuboid| size(catalogue, cuboid));
        if sizes.sum::<usize>() > CELLS_MAX {
            return Err(SuppressError::TooLarge.into());
        }
        let mut places: BTreeMap<CellId, usize> = BTreeMap::new();
        let mut tables: BTreeMap<&[(FieldName, Name)], Places> = BTreeMap::new();
        for cuboid in &cuboids {
            let found = cross(catalogue, cuboid).into_iter().filter_map(|codes| {
                let cell = cell(catalogue, grant, cuboid, &codes)?;
                let next = places.len();
                Some((codes, *places.entry(cell).or_insert(next)))
            });
            tables.insert(cuboid.dimensions(), found.collect());
        }
        let sums = cuboids
            .iter()
            .flat_map(|cuboid| sums(catalogue, cuboid, &tables))
            .collect();
        let mut cells: Vec<(usize, CellId)> = places.into_iter().map(|(cell, place)| (place, cell)).collect();
        cells.sort();
        Ok(Self {
            cells: cells.into_iter().map(|(_, cell)| cell).collect(),
            sums,
        })
    }

    /// How many cells it has.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it has no cell.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// What may be shown of these true counts; a cell that is not among them has nobody.
    ///
    /// # Errors
    /// When the table cannot be protected; then nothing may be published.
    pub fn protect(
        &self,
        counts: &BTreeMap<CellId, i64>,
        rule: Suppression,
    ) -> Result<Vec<(CellId, i64)>, SuppressError> {
        let counts: Vec<i64> = self
            .cells
            .iter()
            .map(|cell| counts.get(cell).copied().unwrap_or_default())
            .collect();
        let count = |place: &usize| counts.get(*place).copied().unwrap_or_default();
        let sums: Vec<Sum> = self
            .sums
            .iter()
            .map(|(whole, parts)| Sum {
                whole: *whole,
                parts: parts.clone(),
                rest: count(whole) - parts.iter().map(count).sum::<i64>(),
            })
            .collect();
        let shown = suppress(&counts, &sums, rule)?;
        let cells = self.cells.iter().cloned().zip(shown);
        Ok(cells.filter_map(|(cell, shown)| Some((cell, shown?))).collect())
    }
}

fn size(catalogue: &Catalogue, cuboid: &Cuboid<FieldName, Name>) -> usize {
    let nodes = cuboid
        .dimensions()
        .iter()
        .map(|dimension| codes(catalogue, dimension).len());
    nodes.fold(1, usize::saturating_mul)
}

fn dimension((field, level): &(FieldName, Name)) -> Dimension {
    Dimension {
        field: field.clone(),
        level: level.clone(),
    }
}

fn codes(catalogue: &Catalogue, of: &(FieldName, Name)) -> Vec<String> {
    let nodes = catalogue.codes(&dimension(of));
    nodes.into_iter().map(|node| node.code.clone()).collect()
}

fn cross(catalogue: &Catalogue, cuboid: &Cuboid<FieldName, Name>) -> Vec<Codes> {
    cuboid.dimensions().iter().fold(vec![Vec::new()], |rows, of| {
        let codes = codes(catalogue, of);
        let longer = rows.iter().flat_map(|row| {
            codes.iter().map(|code| {
                let mut row = row.clone();
                row.push(code.clone());
                row
            })
        });
        longer.collect()
    })
}

fn cell(
    catalogue: &Catalogue,
    grant: &FiguresGrant,
    cuboid: &Cuboid<FieldName, Name>,
    codes: &Codes,
) -> Option<CellId> {
    let mut nodes = grant.only.clone();
    nodes.extend(
        cuboid
            .dimensions()
            .iter()
            .map(dimension)
            .zip(codes.iter().cloned()),
    );
    CellId::new(catalogue, &grant.dataset, &nodes)
}

/// The sums whose parts are a cuboid's cells: over each of its dimensions, to the next coarser level or to all.
fn sums(
    catalogue: &Catalogue,
    cuboid: &Cuboid<FieldName, Name>,
    tables: &BTreeMap<&[(FieldName, Name)], Places>,
) -> Vec<(usize, Vec<usize>)> {
    let dimensions = cuboid.dimensions();
    let mut found = Vec::new();
    for (axis, fine) in dimensions.iter().enumerate() {
        let coarser = catalogue.levels_from(&dimension(fine)).into_iter().nth(1);
        let mut whole = dimensions.to_vec();
        match &coarser {
            Some(level) => {
                if let Some(node) = whole.get_mut(axis) {
                    node.1 = level.clone();
                }
            }
            None => _ = whole.remove(axis),
        }
        let (Some(wholes), Some(parts)) = (tables.get(whole.as_slice()), tables.get(dimensions)) else {
            continue;
        };
        let mut sums: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (codes, part) in parts {
            let above = above(catalogue, fine, codes, axis, coarser.as_ref());
            if let Some(whole) = above.and_then(|above| wholes.get(&above)) {
                sums.entry(*whole).or_default().push(*part);
            }
        }
        // Where a part is the whole, by the catalogue nobody is in the others.
        found.extend(sums.into_iter().filter(|(whole, parts)| !parts.contains(whole)));
    }
    found
}

/// The codes of the cell that a part adds to.
fn above(
    catalogue: &Catalogue,
    fine: &(FieldName, Name),
    codes: &Codes,
    axis: usize,
    coarser: Option<&Name>,
) -> Option<Codes> {
    let mut above = codes.clone();
    let Some(level) = coarser else {
        above.remove(axis);
        return Some(above);
    };
    let code = above.get_mut(axis)?;
    let node = catalogue.ancestor(&dimension(fine), code, level)?.to_owned();
    *code = node;
    Some(above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{figures_grant, policies};

    const RULE: Suppression = Suppression { k: 5, base: 5 };

    /// The grant of a shipped purpose, over sectors and where children go to school.
    fn grant() -> FiguresGrant {
        let mut grant = figures_grant(policies(), "youth-atlas", 0).clone();
        grant.group_by.retain(|dimension| {
            dimension.to_string().contains("sector") || dimension.to_string().contains("attends")
        });
        grant
    }

    fn id(grant: &FiguresGrant, nodes: &[(&str, &str)]) -> CellId {
        let catalogue = &policies().catalogue;
        let nodes: Vec<(Dimension, String)> = nodes
            .iter()
            .map(|(dimension, code)| (catalogue.dimension(dimension).unwrap(), (*code).to_owned()))
            .collect();
        CellId::new(catalogue, &grant.dataset, &nodes).unwrap()
    }

    #[test]
    fn a_table_has_every_margin_at_every_level() {
        let grant = grant();
        let table = Table::of(&policies().catalogue, &grant).unwrap();
        // All, 6 sectors, 2 phases, 3 places, and the crossings of both levels with these.
        assert_eq!(table.len(), 1 + 6 + 2 + 3 + 6 * 3 + 2 * 3);
        let total = table
            .cells
            .iter()
            .position(|cell| *cell == id(&grant, &[]))
            .unwrap();
        let of_total = table.sums.iter().filter(|(whole, _)| *whole == total);
        assert_eq!(of_total.count(), 2, "by phase and by where they go");
    }

    #[test]
    fn a_small_cell_takes_others_along() {
        let grant = grant();
        let table = Table::of(&policies().catalogue, &grant).unwrap();
        let mut counts = BTreeMap::new();
        let inner = [
            ("BO", 900),
            ("SBO", 60),
            ("SO", 40),
            ("VO", 700),
            ("PRO", 80),
            ("VSO", 30),
        ];
        for (sector, inside) in inner {
            let outside = if sector == "SO" { 3 } else { 25 };
            let phase = if ["BO", "SBO", "SO"].contains(&sector) {
                "PO"
            } else {
                "VO"
            };
            for (place, count) in [("inside", inside), ("outside", outside)] {
                let of = |dimension, code| [(dimension, code), ("resident.attends", place)];
                for nodes in [
                    of("enrolment.sector@sector", sector),
                    of("enrolment.sector@phase", phase),
                ] {
                    *counts.entry(id(&grant, &nodes)).or_default() += count;
                    *counts.entry(id(&grant, &nodes[..1])).or_default() += count;
                }
                *counts
                    .entry(id(&grant, &[("resident.attends", place)]))
                    .or_default() += count;
                *counts.entry(id(&grant, &[])).or_default() += count;
            }
        }
        let exact = Suppression { base: 1, ..RULE };
        let shown: BTreeMap<CellId, i64> = table.protect(&counts, exact).unwrap().into_iter().collect();
        let small = id(
            &grant,
            &[("enrolment.sector@sector", "SO"), ("resident.attends", "outside")],
        );
        assert!(!shown.contains_key(&small));
        let beside = |sector| {
            id(
                &grant,
                &[
                    ("enrolment.sector@sector", sector),
                    ("resident.attends", "outside"),
                ],
            )
        };
        assert!(
            ["BO", "SBO"]
                .iter()
                .any(|sector| !shown.contains_key(&beside(sector))),
            "{shown:?}"
        );
        assert!(shown.iter().all(|(cell, shown)| counts[cell] == *shown));
        let rounded = table.protect(&counts, RULE).unwrap();
        assert!(rounded.iter().all(|(_, shown)| shown % 5 == 0));
    }
}
