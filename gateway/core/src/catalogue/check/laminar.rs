//! Divisions of the same values must be jointly laminar: of any two nodes one holds the other, or they have nothing in
//! common. Where two cross, what is shown of both tells, by subtraction, of the few on one side of the line between them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Known;
use super::reporter::Reporter;
use crate::catalogue::dataset::{Dataset, Derive, Field, FieldType};
use crate::catalogue::file::FieldFile;
use crate::catalogue::hierarchy::Hierarchy;
use crate::catalogue::mapping::Mapping;
use crate::catalogue::name::{FieldName, Name};

/// What is divided. A postcode is where somebody lives, whichever dataset has it; anything else is one field's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Home,
    Field(FieldName),
}

/// How a field divides a source: by a table into a hierarchy, or by the source's own hierarchy.
#[derive(Clone)]
struct Division {
    field: FieldName,
    hierarchy: Name,
    table: Option<Name>,
}

/// The divisions of all datasets so far.
#[derive(Default)]
pub(super) struct Divisions(BTreeMap<Source, Vec<Division>>);

/// Two nodes that cross, each by its level and code, and a value in both.
struct Crossing<'h> {
    one: (&'h Name, &'h str),
    other: (&'h Name, &'h str),
    value: Option<String>,
}

/// The places of the fields' derivations, by field.
pub(super) fn places(files: &[FieldFile]) -> BTreeMap<Name, Range<usize>> {
    let place = |file: &FieldFile| {
        let derive = file.derive.as_ref().map(toml::Spanned::span);
        derive.unwrap_or_else(|| file.name.span())
    };
    files
        .iter()
        .map(|file| (file.name.get_ref().clone(), place(file)))
        .collect()
}

impl Divisions {
    /// Holds the fields of a dataset against those before them, and against each other.
    pub(super) fn add(
        &mut self,
        report: &mut Reporter<'_>,
        dataset: &Dataset,
        places: &BTreeMap<Name, Range<usize>>,
        known: &Known<'_>,
    ) {
        for field in &dataset.fields {
            for (source, division) in divisions(dataset, field) {
                let before = self.0.entry(source).or_default();
                let crossing = before
                    .iter()
                    .find_map(|earlier| Some((earlier, crossing(known, earlier, &division)?)));
                if let Some((earlier, crossing)) = crossing {
                    let place = places.get(&field.name).cloned().unwrap_or_default();
                    report.at(place, message(earlier, &division, &crossing));
                }
                before.push(division);
            }
        }
    }
}

/// How a field divides another, and itself where others divide it.
fn divisions(dataset: &Dataset, field: &Field) -> Vec<(Source, Division)> {
    let name = |field: &Name| FieldName::new(dataset.name.clone(), field.clone());
    let mut found = Vec::new();
    let Some(hierarchy) = field.hierarchy.clone() else {
        return found;
    };
    let division = |table| Division {
        field: name(&field.name),
        hierarchy: hierarchy.clone(),
        table,
    };
    if let Some(Derive::Mapped { of, table }) = &field.derive {
        let is_home = dataset
            .fields
            .iter()
            .any(|one| one.name == *of && one.field_type == FieldType::Pc4);
        let source = if is_home {
            Source::Home
        } else {
            Source::Field(name(of))
        };
        found.push((source, division(Some(table.clone()))));
    }
    found.push((Source::Field(name(&field.name)), division(None)));
    found
}

/// The first two nodes of two divisions that cross, coarsest levels last; none where a hierarchy or a table is unknown,
/// which is told where it is named.
fn crossing<'k>(known: &'k Known<'_>, one: &Division, other: &Division) -> Option<Crossing<'k>> {
    if (&one.hierarchy, &one.table) == (&other.hierarchy, &other.table) {
        return None;
    }
    let [(left, left_table), (right, right_table)] = [one, other].map(|division| {
        let table = division.table.as_ref().map(|table| known.maps.get(table));
        (known.hierarchies.get(&division.hierarchy), table)
    });
    let (left, right) = (left?, right?);
    // A table that is named but unknown divides nothing.
    if matches!(left_table, Some(None)) || matches!(right_table, Some(None)) {
        return None;
    }
    let (left_table, right_table) = (left_table.flatten(), right_table.flatten());
    let values = values((left, left_table), (right, right_table));
    let levels = left.levels.iter().flat_map(|level| {
        let others = right.levels.iter();
        others.map(move |other| (level, other))
    });
    for (level, other) in levels {
        let nodes: Vec<(&Option<String>, &str, &str)> = values
            .iter()
            .filter_map(|value| {
                let one = node(left, left_table, value.as_deref(), level)?;
                Some((value, one, node(right, right_table, value.as_deref(), other)?))
            })
            .collect();
        let (mut ones, mut others) = (BTreeMap::new(), BTreeMap::new());
        let mut both: BTreeMap<(&str, &str), (usize, &Option<String>)> = BTreeMap::new();
        for (value, a, b) in &nodes {
            *ones.entry(*a).or_insert(0_usize) += 1;
            *others.entry(*b).or_insert(0_usize) += 1;
            both.entry((a, b)).or_insert((0, value)).0 += 1;
        }
        let crossed = both.into_iter().find(|((a, b), (count, _))| {
            let more = |all: Option<&usize>| all.is_some_and(|all| all > count);
            more(ones.get(a)) && more(others.get(b))
        });
        if let Some(((a, b), (_, value))) = crossed {
            return Some(Crossing {
                one: (level, a),
                other: (other, b),
                value: value.clone(),
            });
        }
    }
    None
}

/// Every value that a division tells apart, and `None` for all others, which tables give one code.
fn values(
    one: (&Hierarchy, Option<&Mapping>),
    other: (&Hierarchy, Option<&Mapping>),
) -> BTreeSet<Option<String>> {
    let mut values = BTreeSet::from([None]);
    for (hierarchy, table) in [one, other] {
        if let Some(table) = table {
            values.extend(table.heaviest.keys().cloned().map(Some));
        } else {
            let nodes = hierarchy
                .finest()
                .map_or(&[][..], |finest| hierarchy.nodes_at(finest));
            values.extend(nodes.iter().map(|node| Some(node.code.clone())));
        }
    }
    values
}

/// The node that a value is in at a level; none where the source has no such value.
fn node<'h>(
    hierarchy: &'h Hierarchy,
    table: Option<&'h Mapping>,
    value: Option<&str>,
    level: &Name,
) -> Option<&'h str> {
    let finest = hierarchy.finest()?;
    let code = match (table, value) {
        (Some(table), Some(value)) => table.of(value),
        (Some(table), None) => &table.other,
        (None, value) => &hierarchy.node(finest, value?)?.code,
    };
    hierarchy
        .ancestor(code, finest, level)
        .map(|node| node.code.as_str())
}

fn message(one: &Division, other: &Division, crossing: &Crossing<'_>) -> String {
    let common = match &crossing.value {
        Some(value) => format!("`{value}`"),
        None => "what their tables do not name".to_owned(),
    };
    format!(
        "`{}@{}` and `{}@{}` divide the same values and cross: `{}` and `{}` have {common} in common, and each has \
         values that the other has not; let every node of one lie within one node of the other, or drop one of them",
        one.field, crossing.one.0, other.field, crossing.other.0, crossing.one.1, crossing.other.1
    )
}
