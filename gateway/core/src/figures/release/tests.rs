use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::figures::{FiguresRoot, cell_key};
use crate::fixture::{field, name, policies};
use crate::policy::Policies;

const EPOCH: &str = "2026-10-01";

/// One pupil as the snapshot has it: a record key and a code for each field.
#[derive(Clone, Debug)]
struct Pupil {
    record_key: u32,
    codes: HashMap<FieldName, String>,
}

impl Pupil {
    fn code(&self, field: &FieldName) -> Option<&str> {
        self.codes.get(field).map(String::as_str)
    }

    /// Whether the pupil is at all these nodes.
    fn is_in(&self, coordinates: &[(Dimension, String)]) -> bool {
        let catalogue = &policies().catalogue;
        coordinates.iter().all(|(dimension, code)| {
            let own = self.code(&dimension.field);
            own.and_then(|own| catalogue.ancestor_of_finest(&dimension.field, own, &dimension.level))
                == Some(code.as_str())
        })
    }
}

fn key() -> QueryKey {
    QueryKey::derive(&FiguresRoot::from_bytes([3; 32]))
}

fn purposes(policies: &Policies) -> impl Iterator<Item = &Purpose> {
    policies.purposes.values().map(|standing| &standing.purpose)
}

/// A few neighbourhoods, sectors and states, so that some cells are large and many are small or empty. What the
/// catalogue declares to follow does follow.
fn pupil() -> impl Strategy<Value = Pupil> {
    let places = prop::option::weighted(0.9, select(vec!["WK003401", "WK003402", "WK003411", "WK003496"]));
    let sectors = select(vec!["BO", "VO", "SBO"]);
    let absent = prop::option::weighted(0.6, select(vec!["home", "truant", "authorised"]));
    let row = (
        places.clone(),
        any::<bool>(),
        any::<bool>(),
        places,
        sectors,
        absent,
        any::<u32>(),
    );
    row.prop_map(|(home, resident, enrolled, place, sector, absent, record_key)| {
        let mut codes = HashMap::new();
        let mut set = |text: &str, code: &str| _ = codes.insert(field(text), code.to_owned());
        set("resident.present", if resident { "true" } else { "false" });
        set("enrolment.present", if enrolled { "true" } else { "false" });
        set("absence.present", if absent.is_some() { "true" } else { "false" });
        if resident {
            if let Some(home) = home {
                set("resident.neighbourhood", home);
            }
            set("resident.attends", if enrolled { "inside" } else { "nowhere" });
        }
        if enrolled {
            if let Some(place) = place {
                set("enrolment.neighbourhood", place);
            }
            set("enrolment.sector", sector);
        }
        if let Some(absent) = absent {
            set(
                "absence.kind",
                if absent == "authorised" {
                    "authorised"
                } else {
                    "unauthorised"
                },
            );
            set(
                "absence.stay-at-home",
                if absent == "home" { "true" } else { "false" },
            );
        }
        Pupil { record_key, codes }
    })
}

fn snapshot(pupils: &[Pupil]) -> Snapshot {
    let fields = fields(&name("children"), purposes(policies()));
    let mut snapshot = Snapshot::new(fields.clone());
    for pupil in pupils {
        snapshot.push(pupil.record_key, fields.iter().map(|field| pupil.code(field)));
    }
    snapshot
}

/// Every combination of nodes that a grant reaches: no more dimensions than it allows, besides one of geography.
fn reached(grant: &FiguresGrant) -> Vec<Vec<(Dimension, String)>> {
    let catalogue = &policies().catalogue;
    let mut reached: Vec<Vec<(Dimension, String)>> = vec![Vec::new()];
    for granted in grant.group_by.iter().chain(&grant.filter_by) {
        let nodes: Vec<(Dimension, String)> = catalogue
            .levels_from(granted)
            .into_iter()
            .flat_map(|level| {
                let dimension = Dimension {
                    field: granted.field.clone(),
                    level,
                };
                let codes = catalogue
                    .codes(&dimension)
                    .into_iter()
                    .map(|node| node.code.clone());
                codes.map(|code| (dimension.clone(), code)).collect::<Vec<_>>()
            })
            .collect();
        let wider = reached
            .iter()
            .flat_map(|cell| {
                nodes
                    .iter()
                    .map(move |node| [cell.as_slice(), std::slice::from_ref(node)].concat())
            })
            .collect::<Vec<_>>();
        reached.extend(wider);
    }
    reached.retain(|cell| {
        let places = cell
            .iter()
            .filter(|(dimension, _)| catalogue.is_geography(dimension))
            .count();
        cell.len() - places.min(1) <= usize::from(grant.max_dimensions)
    });
    reached
}

fn figures_grants() -> Vec<&'static FiguresGrant> {
    grants(&name("children"), purposes(policies()))
        .map(|(_, _, grant)| grant)
        .collect()
}

/// What the definition says of one cell: count, key and noise over the pupils who are in it.
fn by_definition(coordinates: &[(Dimension, String)], cell: &CellId, pupils: &[Pupil]) -> Option<i64> {
    let inside: Vec<&Pupil> = pupils.iter().filter(|pupil| pupil.is_in(coordinates)).collect();
    let n = i64::try_from(inside.len()).unwrap();
    let ck = cell_key(inside.iter().map(|pupil| pupil.record_key));
    let nodes = cell
        .dimensions()
        .iter()
        .map(|(dimension, code)| (dimension.as_str(), code.as_str()));
    let name = CellName::new(&name("children"), EPOCH, "pupils", nodes).unwrap();
    protect(
        class(&policies().catalogue, cell),
        n,
        ck,
        query_key(&key(), &name),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn every_cell_that_a_purpose_reaches_is_what_the_definition_says(
        pupils in prop::collection::vec(pupil(), 60..400),
    ) {
        let catalogue = &policies().catalogue;
        let frozen = snapshot(&pupils);
        let cells = release(catalogue, &name("children"), EPOCH, purposes(policies()), &frozen, &key()).unwrap();
        let mut released: BTreeMap<CellId, i64> = cells.iter().map(|cell| (cell.cell.clone(), cell.y)).collect();
        prop_assert_eq!(released.len(), cells.len(), "a cell was released twice");
        let mut seen = BTreeMap::new();
        for grant in figures_grants() {
            for free in reached(grant) {
                let mut coordinates = grant.only.clone();
                coordinates.extend(free);
                let Some(cell) = CellId::new(catalogue, &grant.dataset, &coordinates) else { continue };
                coordinates.push((Dimension::present(&grant.dataset), "true".to_owned()));
                if seen.contains_key(&cell) {
                    continue;
                }
                let expected = by_definition(&coordinates, &cell, &pupils);
                prop_assert_eq!(released.remove(&cell), expected, "{}", cell.text());
                seen.insert(cell, expected);
            }
        }
        prop_assert!(released.is_empty(), "no purpose reaches {released:?}");
        prop_assert!(seen.values().any(Option::is_some) && seen.values().any(Option::is_none));
    }

    #[test]
    fn the_order_of_pupils_makes_no_difference(pupils in prop::collection::vec(pupil(), 100..200)) {
        let reversed: Vec<Pupil> = pupils.iter().rev().cloned().collect();
        let of = |pupils: &[Pupil]| {
            let frozen = snapshot(pupils);
            release(&policies().catalogue, &name("children"), EPOCH, purposes(policies()), &frozen, &key()).unwrap()
        };
        prop_assert_eq!(of(&pupils), of(&reversed));
    }
}

#[test]
fn an_empty_population_releases_nothing() {
    let cells = release(
        &policies().catalogue,
        &name("children"),
        EPOCH,
        purposes(policies()),
        &snapshot(&[]),
        &key(),
    );
    assert_eq!(cells, Ok(Vec::new()));
}

#[test]
fn another_population_has_no_cells() {
    assert_eq!(fields(&name("staff"), purposes(policies())), []);
}
