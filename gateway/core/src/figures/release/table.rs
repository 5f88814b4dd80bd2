//! The cells of a part, coarse ones from finer ones: counts, keys and amounts add up.

use std::collections::{BTreeMap, HashMap};

use crate::catalogue::{Catalogue, Dimension, FieldName, Name};
use crate::figures::amount::AmountTotal;
use crate::figures::cell_id::CellId;
use crate::figures::lattice::{Cuboid, Lattice, LatticeDimension, LatticeError};
use crate::figures::snapshot::{Filter, Group, Groups, Snapshot};

use super::holders::{Holders, holder_column};
use super::part::{Part, levels};

/// No node, or no value.
const NONE: u32 = u32::MAX;

/// Pupils of a cell, and how many of them each holder knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    pub(super) pupils: i64,
    pub(super) keys: u64,
    known: Vec<(i64, u64)>,
    counted: Vec<bool>,
}

/// All that is counted of a cell.
#[derive(Clone, Debug, Default)]
pub(super) struct CellTotal {
    pub(super) pupils: Count,
    pub(super) amounts: Vec<Summed>,
    pub(super) bins: Vec<Vec<Count>>,
}

/// An amount of a cell, and who gives it.
#[derive(Clone, Debug, Default)]
pub(super) struct Summed {
    pub(super) amount: AmountTotal,
    pub(super) contributors: Count,
}

impl Count {
    fn new(counted: &[bool]) -> Self {
        Self {
            pupils: 0,
            keys: 0,
            known: vec![(0, 0); counted.len()],
            counted: counted.to_vec(),
        }
    }

    fn add(&mut self, pupils: i64, keys: u64, known_to: &[usize]) {
        self.pupils += pupils;
        self.keys = self.keys.wrapping_add(keys);
        for holder in known_to {
            if let Some(known) = self.known.get_mut(*holder) {
                known.0 += pupils;
                known.1 = known.1.wrapping_add(keys);
            }
        }
    }

    /// For each holder that knows some of them: the rest.
    pub(super) fn others(&self) -> Vec<(i64, u64)> {
        let known = self.known.iter().zip(&self.counted);
        known
            .filter(|((pupils, _), counted)| **counted && *pupils > 0)
            .map(|((pupils, keys), _)| (self.pupils - pupils, self.keys.wrapping_sub(*keys)))
            .collect()
    }
}

/// Totals by the nodes of some dimensions, then by bins, then by holders.
struct Table<'c> {
    cuboid: &'c Cuboid<FieldName, Name>,
    totals: HashMap<Vec<u32>, Group>,
}

/// Gives every cell that anybody is in, each by its canonical id.
pub(super) fn for_each_cell(
    catalogue: &Catalogue,
    part: &Part,
    holders: &Holders<'_>,
    snapshot: &Snapshot,
    take: &mut impl FnMut(CellId, &CellTotal),
) -> Result<(), LatticeError<FieldName>> {
    let cuboids = lattice_of(catalogue, part)?.cuboids()?;
    let scan = Scan::new(catalogue, part, holders, snapshot);
    let mut done: Vec<Table<'_>> = Vec::new();
    // The widest first, so that narrower ones are made of them.
    for cuboid in cuboids.iter().rev() {
        let from = done
            .iter()
            .filter(|table| scan.contains(table.cuboid, cuboid))
            .min_by_key(|table| table.totals.len());
        let totals = match from {
            Some(table) => scan.fold(table, cuboid),
            None => scan.of_groups(cuboid),
        };
        let table = Table { cuboid, totals };
        scan.emit(&table, take);
        done.push(table);
    }
    Ok(())
}

/// Every way in which a part's dimensions may be crossed.
///
/// # Errors
/// When a field is named twice.
pub fn lattice_of(
    catalogue: &Catalogue,
    part: &Part,
) -> Result<Lattice<FieldName, Name>, LatticeError<FieldName>> {
    Lattice::new(
        part.free.iter().map(|granted| LatticeDimension {
            field: granted.field.clone(),
            levels: levels(catalogue, part.sensitive, granted),
            geography: catalogue.is_geography(granted),
        }),
        part.only
            .iter()
            .map(|(dimension, code)| (dimension.field.clone(), dimension.level.clone(), code.clone())),
        part.dimensions_max,
    )
}

/// One pass over the snapshot, and how its codes lie in the hierarchies.
struct Scan<'s> {
    catalogue: &'s Catalogue,
    part: &'s Part,
    holders: &'s Holders<'s>,
    groups: Groups,
    /// The codes of each dimension's levels, which tables number their nodes by.
    nodes: BTreeMap<(FieldName, Name), Vec<String>>,
    /// From a number in the snapshot to one at a level.
    raised: BTreeMap<(FieldName, Name), Vec<u32>>,
    /// From a number in the snapshot to the bin.
    binned: Vec<Vec<u32>>,
    /// From a number in the snapshot to the holder.
    held: Vec<Vec<u32>>,
}

impl<'s> Scan<'s> {
    fn new(
        catalogue: &'s Catalogue,
        part: &'s Part,
        holders: &'s Holders<'s>,
        snapshot: &'s Snapshot,
    ) -> Self {
        let mut fields: Vec<FieldName> = part
            .free
            .iter()
            .map(|dimension| dimension.field.clone())
            .collect();
        fields.extend(part.bins.iter().cloned());
        fields.extend(holders.datasets.iter().map(holder_column));
        let mut filters: Vec<Filter<'_>> = part
            .only
            .iter()
            .map(|(dimension, code)| (dimension.field.clone(), catalogue.finest_under(dimension, code)))
            .collect();
        filters.push((Dimension::present(&part.base).field, vec!["true"]));
        let groups = snapshot.group(&fields, &filters, &part.amounts);

        let (mut nodes, mut raised) = (BTreeMap::new(), BTreeMap::new());
        for granted in &part.free {
            for level in levels(catalogue, part.sensitive, granted) {
                let dimension = Dimension {
                    field: granted.field.clone(),
                    level,
                };
                let codes: Vec<String> = catalogue
                    .codes(&dimension)
                    .iter()
                    .map(|node| node.code.clone())
                    .collect();
                let places: HashMap<&str, u32> = codes.iter().map(String::as_str).zip(0..).collect();
                let above = |code: &String| {
                    let above = catalogue.ancestor_of_finest(&dimension.field, code, &dimension.level);
                    above.and_then(|above| places.get(above).copied()).unwrap_or(NONE)
                };
                let from: Vec<u32> = snapshot.codes(&dimension.field).iter().map(above).collect();
                raised.insert((dimension.field.clone(), dimension.level.clone()), from);
                nodes.insert((dimension.field, dimension.level), codes);
            }
        }
        let number = |text: &String| text.parse().unwrap_or(NONE);
        let place = |oin: &String| {
            holders
                .place(oin)
                .and_then(|place| u32::try_from(place).ok())
                .unwrap_or(NONE)
        };
        let binned = part
            .bins
            .iter()
            .map(|field| snapshot.codes(field).iter().map(number).collect());
        let held = holders.datasets.iter().map(|dataset| {
            snapshot
                .codes(&holder_column(dataset))
                .iter()
                .map(place)
                .collect()
        });
        Self {
            catalogue,
            part,
            holders,
            groups,
            nodes,
            raised,
            binned: binned.collect(),
            held: held.collect(),
        }
    }

    /// Whether the cells of `narrow` are sums of those of `wide`.
    fn contains(&self, wide: &Cuboid<FieldName, Name>, narrow: &Cuboid<FieldName, Name>) -> bool {
        narrow.dimensions().iter().all(|(field, level)| {
            wide.dimensions()
                .iter()
                .any(|(other, finer)| other == field && self.step(field, finer, level).is_some())
        })
    }

    /// How levels of one field lie above each other; none where `to` is finer.
    fn step(&self, field: &FieldName, from: &Name, to: &Name) -> Option<usize> {
        let depth = |level: &Name| {
            self.catalogue.depth(&Dimension {
                field: field.clone(),
                level: level.clone(),
            })
        };
        depth(to)?.checked_sub(depth(from)?)
    }

    fn of_groups(&self, cuboid: &Cuboid<FieldName, Name>) -> HashMap<Vec<u32>, Group> {
        let places: Vec<(usize, &[u32])> = cuboid
            .dimensions()
            .iter()
            .filter_map(|one| {
                let place = self.groups.fields.iter().position(|field| *field == one.0)?;
                Some((place, self.raised.get(one)?.as_slice()))
            })
            .collect();
        let first = self.part.free.len();
        let tail = self.binned.iter().chain(&self.held);
        let tail: Vec<(usize, &[u32])> = tail
            .zip(first..)
            .map(|(codes, place)| (place, codes.as_slice()))
            .collect();
        let mut totals = HashMap::new();
        for group in &self.groups.groups {
            let key = places.iter().chain(&tail).map(|(place, codes)| {
                let code = group.codes.get(*place).copied().flatten();
                let code = code.and_then(|code| codes.get(usize::try_from(code).ok()?).copied());
                code.unwrap_or(NONE)
            });
            merge(&mut totals, key.collect(), group);
        }
        totals
    }

    fn fold(&self, table: &Table<'_>, cuboid: &Cuboid<FieldName, Name>) -> HashMap<Vec<u32>, Group> {
        let wide = table.cuboid.dimensions();
        let steps: Vec<(usize, Vec<u32>)> = cuboid
            .dimensions()
            .iter()
            .filter_map(|(field, level)| {
                let place = wide.iter().position(|(other, _)| other == field)?;
                let (_, finer) = wide.get(place)?;
                Some((place, self.between(field, finer, level)))
            })
            .collect();
        let mut totals = HashMap::new();
        for (key, group) in &table.totals {
            let (nodes, tail) = key.split_at(wide.len().min(key.len()));
            let raised = steps.iter().map(|(place, above)| {
                let code = nodes
                    .get(*place)
                    .copied()
                    .and_then(|code| usize::try_from(code).ok());
                code.and_then(|code| above.get(code).copied()).unwrap_or(NONE)
            });
            merge(&mut totals, raised.chain(tail.iter().copied()).collect(), group);
        }
        totals
    }

    /// From the numbers of one level to those of a coarser one.
    fn between(&self, field: &FieldName, finer: &Name, level: &Name) -> Vec<u32> {
        let none = Vec::new();
        let of = |level: &Name| self.nodes.get(&(field.clone(), level.clone())).unwrap_or(&none);
        let places: HashMap<&str, u32> = of(level).iter().map(String::as_str).zip(0..).collect();
        let dimension = Dimension {
            field: field.clone(),
            level: finer.clone(),
        };
        let above = |code: &String| {
            let above = self.catalogue.ancestor(&dimension, code, level);
            above.and_then(|above| places.get(above).copied()).unwrap_or(NONE)
        };
        of(finer).iter().map(above).collect()
    }

    /// Each cell of a table with its total, by canonical id; pupils without a node are in none.
    fn emit(&self, table: &Table<'_>, take: &mut impl FnMut(CellId, &CellTotal)) {
        let dimensions = table.cuboid.dimensions();
        let named = self.named(dimensions);
        let rests_on = self.rests_on(&named);
        let mut cells: HashMap<&[u32], Vec<(&[u32], &Group)>> = HashMap::new();
        for (key, group) in &table.totals {
            let (nodes, tail) = key.split_at(dimensions.len().min(key.len()));
            if !nodes.contains(&NONE) {
                cells.entry(nodes).or_default().push((tail, group));
            }
        }
        for (nodes, groups) in cells {
            let crossed = dimensions.iter().zip(nodes).filter_map(|((field, level), node)| {
                let code = self
                    .nodes
                    .get(&(field.clone(), level.clone()))?
                    .get(usize::try_from(*node).ok()?)?;
                let dimension = Dimension {
                    field: field.clone(),
                    level: level.clone(),
                };
                Some((dimension, code.clone()))
            });
            let mut coordinates = self.part.only.clone();
            coordinates.extend(crossed);
            let Some(cell) = CellId::new(self.catalogue, &self.part.base, &coordinates) else {
                continue;
            };
            take(cell, &self.total(&coordinates, (&named, &rests_on), &groups));
        }
    }

    /// Which of the shared datasets a cuboid's cells name.
    fn named(&self, dimensions: &[(FieldName, Name)]) -> Vec<bool> {
        let fixed = self
            .part
            .only
            .iter()
            .map(|(dimension, _)| &dimension.field.dataset);
        let crossed = dimensions.iter().map(|(field, _)| &field.dataset);
        let names: Vec<&Name> = fixed.chain(crossed).chain([&self.part.base]).collect();
        self.holders
            .datasets
            .iter()
            .map(|dataset| names.contains(&dataset))
            .collect()
    }

    /// The same, and those whose amounts and bins are counted of them.
    fn rests_on(&self, named: &[bool]) -> Vec<bool> {
        let measured = || self.part.amounts.iter().chain(&self.part.bins);
        let counts = |dataset: &Name| measured().any(|field| field.dataset == *dataset);
        let datasets = self.holders.datasets.iter().zip(named);
        datasets
            .map(|(dataset, named)| *named || counts(dataset))
            .collect()
    }

    fn total(
        &self,
        coordinates: &[(Dimension, String)],
        (named, rests_on): (&[bool], &[bool]),
        groups: &[(&[u32], &Group)],
    ) -> CellTotal {
        let counted = self.holders.counted(coordinates, rests_on);
        let empty = || Count::new(&counted);
        let bins = self.part.bins.iter().map(|field| {
            let bins = self.catalogue.bins(field).len();
            vec![empty(); bins]
        });
        let amounts = self.part.amounts.iter().map(|_| Summed {
            amount: AmountTotal::default(),
            contributors: empty(),
        });
        let mut total = CellTotal {
            pupils: empty(),
            amounts: amounts.collect(),
            bins: bins.collect(),
        };
        for (tail, group) in groups {
            let (bins, held) = tail.split_at(self.part.bins.len().min(tail.len()));
            let knows = |measured: Option<&Name>| self.known_to(named, measured, held);
            let known_to = knows(None);
            total.pupils.add(group.pupils, group.keys, &known_to);
            for ((sum, one), field) in total
                .amounts
                .iter_mut()
                .zip(&group.amounts)
                .zip(&self.part.amounts)
            {
                sum.amount.merge(one);
                sum.contributors
                    .add(one.contributors, one.keys, &knows(Some(&field.dataset)));
            }
            for ((counts, bin), field) in total.bins.iter_mut().zip(bins).zip(&self.part.bins) {
                let count = usize::try_from(*bin).ok().and_then(|bin| counts.get_mut(bin));
                if let Some(count) = count {
                    count.add(group.pupils, group.keys, &knows(Some(&field.dataset)));
                }
            }
        }
        total
    }

    /// The holders that have one of the rows that put these pupils in the cell.
    fn known_to(&self, named: &[bool], measured: Option<&Name>, held: &[u32]) -> Vec<usize> {
        let mut known: Vec<usize> = Vec::new();
        for ((dataset, named), holder) in self.holders.datasets.iter().zip(named).zip(held) {
            let counts = *named || measured == Some(dataset);
            if let Some(holder) = usize::try_from(*holder)
                .ok()
                .filter(|one| counts && *one < self.holders.len())
                && !known.contains(&holder)
            {
                known.push(holder);
            }
        }
        known
    }
}

fn merge(totals: &mut HashMap<Vec<u32>, Group>, key: Vec<u32>, group: &Group) {
    let Some(total) = totals.get_mut(&key) else {
        let first = Group {
            codes: Vec::new(),
            ..group.clone()
        };
        totals.insert(key, first);
        return;
    };
    total.pupils += group.pupils;
    total.keys = total.keys.wrapping_add(group.keys);
    for (sum, one) in total.amounts.iter_mut().zip(&group.amounts) {
        sum.merge(one);
    }
}
