//! What an epoch's close may show: the lattices of all active purposes, each cell once, protected.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::catalogue::{Catalogue, Dimension, FieldName, Name, ProtectionClass};
use crate::purpose::{FiguresGrant, Grant, Purpose};

use super::cell_id::CellId;
use super::lattice::{Lattice, LatticeDimension, LatticeError};
use super::snapshot::Snapshot;
use super::{CellName, QueryKey, cell_key_of_sum, protect, query_key};

/// Why an epoch could not be computed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReleaseError {
    /// A grant's dimensions make no lattice.
    #[error("purpose `{purpose}`, grant {grant}: {why}")]
    Lattice {
        /// The purpose.
        purpose: Name,
        /// The grant's position.
        grant: usize,
        /// What is wrong.
        why: String,
    },
}

/// A cell that may be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleasedCell {
    /// The canonical cell.
    pub cell: CellId,
    /// Its protected value, before rounding.
    pub y: i64,
}

/// The fields whose codes a snapshot must hold for these purposes' figures over a population.
pub fn fields<'p>(population: &Name, purposes: impl Iterator<Item = &'p Purpose>) -> Vec<FieldName> {
    let mut fields: Vec<FieldName> = grants(population, purposes)
        .flat_map(|(_, _, grant)| {
            let fixed = grant.only.iter().map(|(dimension, _)| dimension);
            grant
                .group_by
                .iter()
                .chain(&grant.filter_by)
                .chain(fixed)
                .map(|dimension| dimension.field.clone())
                .chain([Dimension::present(&grant.dataset).field])
                .collect::<Vec<_>>()
        })
        .collect();
    fields.sort();
    fields.dedup();
    fields
}

/// A digest of which cells a purpose shows of a population: two versions with the same digest read the same canonical
/// cells, in the same catalogue. Who may ask, and how figures are rounded, is no part of it.
pub fn cells_digest(catalogue: &Catalogue, population: &Name, purpose: &Purpose) -> [u8; 32] {
    let texts = |dimensions: &[Dimension]| {
        dimensions
            .iter()
            .map(ToString::to_string)
            .collect::<BTreeSet<_>>()
    };
    let mut datasets: BTreeSet<Name> = BTreeSet::new();
    let mut shown: BTreeSet<String> = BTreeSet::new();
    for (_, _, grant) in grants(population, std::iter::once(purpose)) {
        datasets.extend(Grant::Figures(grant.clone()).datasets(catalogue));
        let only: BTreeSet<String> = grant
            .only
            .iter()
            .map(|(dimension, code)| format!("{dimension}={code}"))
            .collect();
        let measures: BTreeSet<&str> = grant.measures.iter().map(|measure| measure.name()).collect();
        let (group_by, filter_by) = (texts(&grant.group_by), texts(&grant.filter_by));
        let dataset = grant.dataset.as_str();
        let crossed = grant.max_dimensions;
        shown.insert(json!([dataset, group_by, filter_by, only, measures, crossed]).to_string());
    }
    let versions: Vec<serde_json::Value> = datasets
        .iter()
        .filter_map(|name| catalogue.dataset(name))
        .map(|dataset| {
            let hierarchies: BTreeSet<(&str, u32)> = dataset
                .fields
                .iter()
                .filter_map(|field| catalogue.hierarchy(field.hierarchy.as_ref()?))
                .map(|hierarchy| (hierarchy.name.as_str(), hierarchy.version))
                .collect();
            json!([dataset.name.as_str(), dataset.version, hierarchies])
        })
        .collect();
    let population_version = catalogue
        .population(population)
        .map(|population| population.version);
    let all = json!([population.as_str(), population_version, shown, versions]);
    crate::policy::sha256(all.to_string().as_bytes())
}

/// Computes every cell that the purposes' grants reach, protects it, and keeps what may be shown.
///
/// # Errors
/// When a grant's dimensions make no lattice.
pub fn release<'p>(
    catalogue: &Catalogue,
    population: &Name,
    epoch: &str,
    purposes: impl Iterator<Item = &'p Purpose>,
    snapshot: &Snapshot,
    key: &QueryKey,
) -> Result<Vec<ReleasedCell>, ReleaseError> {
    let mut cells: BTreeMap<CellId, (i64, u64)> = BTreeMap::new();
    for (purpose, position, grant) in grants(population, purposes) {
        let found = cells_of(catalogue, grant, snapshot).map_err(|why| ReleaseError::Lattice {
            purpose: purpose.id.clone(),
            grant: position,
            why,
        })?;
        // The same cell from two grants is the same set of pupils: one figure.
        cells.extend(found);
    }
    Ok(cells
        .into_iter()
        .filter_map(|(cell, (pupils, record_keys))| {
            let name = CellName::new(
                population,
                epoch,
                "pupils",
                cell.dimensions()
                    .iter()
                    .map(|(dimension, code)| (dimension.as_str(), code.as_str())),
            )
            .ok()?;
            let ck = cell_key_of_sum(i64::try_from(record_keys & 0xFFFF_FFFF).ok()?);
            let y = protect(class(catalogue, &cell), pupils, ck, query_key(key, &name))?;
            Some(ReleasedCell { cell, y })
        })
        .collect())
}

fn grants<'p>(
    population: &Name,
    purposes: impl Iterator<Item = &'p Purpose>,
) -> impl Iterator<Item = (&'p Purpose, usize, &'p FiguresGrant)> {
    purposes.flat_map(move |purpose| {
        purpose
            .grants
            .iter()
            .enumerate()
            .filter_map(move |(position, grant)| match grant {
                Grant::Figures(grant) if grant.population == *population => Some((purpose, position, grant)),
                _ => None,
            })
    })
}

/// One class for a cell, from its fields alone, whoever asks.
fn class(catalogue: &Catalogue, cell: &CellId) -> ProtectionClass {
    let fields: Vec<FieldName> = cell
        .dimensions()
        .iter()
        .filter_map(|(dimension, _)| catalogue.dimension(dimension).ok().map(|d| d.field))
        .collect();
    catalogue.class_of(fields.iter())
}

/// Every way in which a grant's dimensions may be crossed.
///
/// # Errors
/// When a field is named twice.
pub fn lattice(
    catalogue: &Catalogue,
    grant: &FiguresGrant,
) -> Result<Lattice<FieldName, Name>, LatticeError<FieldName>> {
    let free = grant.group_by.iter().chain(&grant.filter_by);
    Lattice::new(
        free.map(|granted| LatticeDimension {
            field: granted.field.clone(),
            levels: catalogue.levels_from(granted),
            geography: catalogue.is_geography(granted),
        }),
        grant
            .only
            .iter()
            .map(|(dimension, code)| (dimension.field.clone(), dimension.level.clone(), code.clone())),
        grant.max_dimensions,
    )
}

/// True counts and key sums of all cells of a grant, each under its canonical id.
fn cells_of(
    catalogue: &Catalogue,
    grant: &FiguresGrant,
    snapshot: &Snapshot,
) -> Result<BTreeMap<CellId, (i64, u64)>, String> {
    let free: Vec<&Dimension> = grant.group_by.iter().chain(&grant.filter_by).collect();
    let lattice = lattice(catalogue, grant).map_err(|error| error.to_string())?;
    let cuboids = lattice.cuboids().map_err(|error| error.to_string())?;

    let fields: Vec<FieldName> = free.iter().map(|dimension| dimension.field.clone()).collect();
    let mut fixed: Vec<(FieldName, Vec<&str>)> = grant
        .only
        .iter()
        .map(|(dimension, code)| (dimension.field.clone(), catalogue.finest_under(dimension, code)))
        .collect();
    fixed.push((Dimension::present(&grant.dataset).field, vec!["true"]));
    let groups = snapshot.group(&fields, &fixed);

    let mut cells: BTreeMap<CellId, (i64, u64)> = BTreeMap::new();
    for cuboid in &cuboids {
        let mut totals: BTreeMap<Vec<&str>, (i64, u64)> = BTreeMap::new();
        for group in &groups {
            let codes: Option<Vec<&str>> = cuboid
                .dimensions()
                .iter()
                .map(|(field, level)| {
                    let place = fields.iter().position(|other| other == field)?;
                    let code = group.codes.get(place).copied().flatten()?;
                    catalogue.ancestor_of_finest(field, code, level)
                })
                .collect();
            let Some(codes) = codes else { continue };
            let total = totals.entry(codes).or_default();
            total.0 += group.pupils;
            total.1 = total.1.wrapping_add(group.record_keys);
        }
        for (codes, total) in totals {
            let mut dimensions = grant.only.clone();
            dimensions.extend(
                cuboid
                    .dimensions()
                    .iter()
                    .zip(codes)
                    .map(|((field, level), code)| {
                        (
                            Dimension {
                                field: field.clone(),
                                level: level.clone(),
                            },
                            code.to_owned(),
                        )
                    }),
            );
            if let Some(cell) = CellId::new(catalogue, &grant.dataset, &dimensions) {
                cells.insert(cell, total);
            }
        }
    }
    Ok(cells)
}

#[cfg(test)]
mod tests;
