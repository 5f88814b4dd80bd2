//! What an epoch's close may show: the lattices of all active purposes, each cell once, protected.

pub mod exact;
mod holders;
mod part;
mod table;
mod undeclared;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::catalogue::{Catalogue, Dimension, FieldName, Name, Population, ProtectionClass};
use crate::party::Organisations;
use crate::purpose::{FiguresGrant, Grant, Measure, Mechanism, Purpose};

use super::amount::protect_sum;
use super::cell_id::{CellId, CellKey, CellMeasure};
use super::lattice::{Lattice, LatticeError};
use super::snapshot::{Layout, Snapshot};
use super::suppress::{Suppression, Table};
use super::{CellName, QueryKey, protect, query_key};
use holders::Holders;
use table::{CellTotal, Count};
use undeclared::{Refused, undeclared};

pub use holders::{ContradictedHolder, contradicted, holder_column};
pub use part::{Part, levels, parts};
pub use table::lattice_of;
pub use undeclared::Undeclared;

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
    /// The canonical cell and what is counted of it.
    pub cell: CellKey,
    /// Its protected value, before rounding.
    pub y: i64,
}

/// What a close makes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Released {
    /// The cells that may be shown.
    pub cells: Vec<ReleasedCell>,
    /// Dimensions that repeat others and were not declared: cells that they would name a second time are refused.
    pub undeclared: BTreeSet<Undeclared>,
    /// Sole holders that rows say otherwise of: cells that rest on those rows need an others' part.
    pub contradicted: BTreeSet<ContradictedHolder>,
}

/// Whose figures are computed, and by which rules.
#[derive(Clone, Copy)]
pub struct Release<'r> {
    /// Dimensions, and what implies what.
    pub catalogue: &'r Catalogue,
    /// Who holds which rows.
    pub organisations: &'r Organisations,
    /// Who is counted.
    pub population: &'r Population,
    /// The count date.
    pub epoch: &'r str,
    /// Draws the second layer of noise.
    pub key: &'r QueryKey,
}

/// What a snapshot must hold for these purposes' figures over a population.
pub fn layout<'p>(
    catalogue: &Catalogue,
    organisations: &Organisations,
    population: &Name,
    purposes: impl Iterator<Item = &'p Purpose>,
) -> Layout {
    let parts = grants(population, purposes).flat_map(|(_, _, grant)| parts(catalogue, grant));
    let parts: Vec<Part> = parts.collect();
    let mut columns = columns(&parts);
    let shared = |dataset: &&Name| holders::shared(catalogue, organisations, dataset);
    let held = parts
        .iter()
        .flat_map(Part::datasets)
        .filter(shared)
        .map(holder_column);
    let fields: BTreeSet<FieldName> = columns.fields.into_iter().chain(held).collect();
    columns.fields = fields.into_iter().collect();
    columns
}

/// What a snapshot must hold for parts to be counted.
fn columns(parts: &[Part]) -> Layout {
    let mut fields: BTreeSet<FieldName> = BTreeSet::new();
    let mut amounts: BTreeSet<FieldName> = BTreeSet::new();
    for part in parts {
        fields.extend(part.free.iter().map(|dimension| dimension.field.clone()));
        fields.extend(part.only.iter().map(|(dimension, _)| dimension.field.clone()));
        fields.insert(Dimension::present(&part.base).field);
        fields.extend(part.bins.iter().cloned());
        amounts.extend(part.amounts.iter().cloned());
    }
    Layout {
        fields: fields.into_iter().collect(),
        amounts: amounts.into_iter().collect(),
    }
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
        let measures: BTreeSet<String> = grant.measures.iter().map(Measure::name).collect();
        let (group_by, filter_by) = (texts(&grant.group_by), texts(&grant.filter_by));
        let dataset = grant.dataset.as_str();
        let crossed = grant.max_dimensions;
        let epochs = grant.epochs.as_str();
        // Noise is drawn by the cell alone; what a table hides is its own.
        let table = grant.publishes_table().then(|| format!("{:?}", grant.mechanism));
        let mut parts = vec![
            json!(dataset),
            json!(group_by),
            json!(filter_by),
            json!(only),
            json!(measures),
            json!(crossed),
            json!(epochs),
        ];
        parts.extend(table.map(serde_json::Value::from));
        shown.insert(serde_json::Value::from(parts).to_string());
    }
    let versions = versions(catalogue, &datasets);
    let population_version = catalogue
        .population(population)
        .map(|population| population.version);
    let all = json!([population.as_str(), population_version, shown, versions]);
    crate::policy::sha256(all.to_string().as_bytes())
}

/// What the codes of these datasets mean: the versions of each and of its hierarchies.
pub(crate) fn versions(catalogue: &Catalogue, datasets: &BTreeSet<Name>) -> Vec<serde_json::Value> {
    let versions = datasets.iter().filter_map(|name| catalogue.dataset(name));
    let versions = versions.map(|dataset| {
        let hierarchies: BTreeSet<(&str, u32)> = dataset
            .fields
            .iter()
            .filter_map(|field| catalogue.hierarchy(field.hierarchy.as_ref()?))
            .map(|hierarchy| (hierarchy.name.as_str(), hierarchy.version))
            .collect();
        json!([dataset.name.as_str(), dataset.version, hierarchies])
    });
    versions.collect()
}

/// Computes every cell that the purposes' grants reach, protects it, and keeps what may be shown.
///
/// # Errors
/// When a grant's dimensions make no lattice.
pub fn release<'p>(
    of: Release<'_>,
    purposes: impl Iterator<Item = &'p Purpose>,
    snapshot: &Snapshot,
) -> Result<Released, ReleaseError> {
    let counted: Vec<_> = grants(&of.population.name, purposes)
        .filter(|(_, _, grant)| is_counted(&of, grant))
        .collect();
    let undeclared = undeclared(of.catalogue, &noisy_parts(&of, &counted), snapshot);
    let refused = Refused::new(of.catalogue, &undeclared);
    let mut released: BTreeMap<CellKey, i64> = BTreeMap::new();
    let mut seen: BTreeSet<Part> = BTreeSet::new();
    let contradicted = contradicted(&of, snapshot);
    for (purpose, position, grant) in counted {
        let failed = |why: String| ReleaseError::Lattice {
            purpose: purpose.id.clone(),
            grant: position,
            why,
        };
        for part in parts(of.catalogue, grant) {
            if seen.contains(&part) {
                continue;
            }
            let holders = Holders::new(&of, &part, &contradicted);
            if let Mechanism::SuppressRound(rule) = grant.mechanism {
                publish(&of, grant, &part, &holders, snapshot, rule, &mut released).map_err(failed)?;
                continue;
            }
            // The same cell from two grants is the same set of pupils: one figure.
            table::for_each_cell(of.catalogue, &part, &holders, snapshot, &mut |cell, total| {
                if !refused.has(&cell) {
                    show(&of, &part, &cell, total, &mut released);
                }
            })
            .map_err(|error| failed(error.to_string()))?;
            seen.insert(part);
        }
    }
    let cells = released.into_iter().map(|(cell, y)| ReleasedCell { cell, y });
    Ok(Released {
        cells: cells.collect(),
        undeclared,
        contradicted,
    })
}

/// The parts whose cells get noise by their names. A static table draws none, so a second name tells nothing new.
fn noisy_parts(of: &Release<'_>, counted: &[(&Purpose, usize, &FiguresGrant)]) -> BTreeSet<Part> {
    let noisy = counted.iter().filter(|(_, _, grant)| !grant.publishes_table());
    noisy
        .flat_map(|(_, _, grant)| parts(of.catalogue, grant))
        .collect()
}

/// Protects a static table as a whole.
fn publish(
    of: &Release<'_>,
    grant: &FiguresGrant,
    part: &Part,
    holders: &Holders<'_>,
    snapshot: &Snapshot,
    rule: Suppression,
    released: &mut BTreeMap<CellKey, i64>,
) -> Result<(), String> {
    let mut counts: BTreeMap<CellId, i64> = BTreeMap::new();
    table::for_each_cell(of.catalogue, part, holders, snapshot, &mut |cell, total| {
        counts.insert(cell, total.pupils.pupils);
    })
    .map_err(|error| error.to_string())?;
    let table = Table::of(of.catalogue, grant).map_err(|error| error.to_string())?;
    let shown = table.protect(&counts, rule).map_err(|error| error.to_string())?;
    let keyed = shown
        .into_iter()
        .map(|(cell, y)| (CellKey::new(CellMeasure::Pupils, cell), y));
    released.extend(keyed);
    Ok(())
}

/// Whether the epoch is one of the grant's calendar.
fn is_counted(of: &Release<'_>, grant: &FiguresGrant) -> bool {
    let date = of.epoch.parse().ok();
    let calendar = of.population.calendar(&grant.epochs);
    date.zip(calendar)
        .is_some_and(|(date, calendar)| calendar.is_epoch(date))
}

/// Protects what was counted of one cell.
fn show(
    of: &Release<'_>,
    part: &Part,
    cell: &CellId,
    total: &CellTotal,
    released: &mut BTreeMap<CellKey, i64>,
) {
    let class = class(of.catalogue, cell);
    let mut keep = |measure: CellMeasure, y: Option<i64>| {
        if let Some(y) = y {
            released.insert(CellKey::new(measure, cell.clone()), y);
        }
    };
    if part.pupils {
        let measure = CellMeasure::Pupils;
        let y = count(of, class, cell, &measure, &total.pupils);
        keep(measure, y);
    }
    for (amount, total) in part.amounts.iter().zip(&total.amounts) {
        let class = class.max(of.catalogue.class_of([&stored(amount)].into_iter()));
        let contributors = CellMeasure::Contributors(amount.clone());
        let Some(y) = count(of, class, cell, &contributors, &total.contributors) else {
            continue;
        };
        let sum = CellMeasure::Sum(amount.clone());
        let shown = qk(of, cell, &sum).map(|qk| protect_sum(class, &total.amount, qk));
        keep(contributors, Some(y));
        keep(sum, shown);
    }
    for (field, bins) in part.bins.iter().zip(&total.bins) {
        let class = class.max(of.catalogue.class_of([field].into_iter()));
        for (number, bin) in bins.iter().enumerate() {
            let measure = CellMeasure::Bin(field.clone(), number);
            let y = count(of, class, cell, &measure, bin);
            keep(measure, y);
        }
    }
}

/// The protected count, if the cell may be shown and so may the others' part of every holder that knows its own.
///
/// A part is drawn by its own pupils and by the cell's name. Its figure is never shown; with a name of its own, each
/// holder that has nobody in a cell would be one more chance to hide it.
fn count(
    of: &Release<'_>,
    class: ProtectionClass,
    cell: &CellId,
    measure: &CellMeasure,
    count: &Count,
) -> Option<i64> {
    let qk = qk(of, cell, measure)?;
    let others = count.others();
    let all = others
        .into_iter()
        .all(|(pupils, keys)| protect(class, pupils, folded(keys), qk).is_some());
    protect(class, count.pupils, folded(count.keys), qk).filter(|_| all)
}

/// The sum of keys modulo 2^32.
fn folded(keys: u64) -> u32 {
    let [.., a, b, c, d] = keys.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn qk(of: &Release<'_>, cell: &CellId, measure: &CellMeasure) -> Option<u32> {
    let nodes = cell
        .dimensions()
        .iter()
        .map(|(dimension, code)| (dimension.as_str(), code.as_str()));
    let name = CellName::new(&of.population.name, of.epoch, &measure.to_string(), nodes).ok()?;
    Some(query_key(of.key, &name))
}

/// The field whose class an amount has: the rows of a dataset are as sensitive as being in it.
fn stored(amount: &FieldName) -> FieldName {
    if amount.field == Name::rows() {
        Dimension::present(&amount.dataset).field
    } else {
        amount.clone()
    }
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
                Grant::Figures(grant) if grant.population == *population && grant.is_released() => {
                    Some((purpose, position, grant))
                }
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
    // The first part is the grant's own.
    match parts(catalogue, grant).first() {
        Some(part) => lattice_of(catalogue, part),
        None => Lattice::new([], [], 0),
    }
}

#[cfg(test)]
mod tests;
