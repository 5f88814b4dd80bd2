use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::figures::snapshot::PupilKeys;
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

    /// Two rows for whoever has any.
    fn amount(&self, amount: &FieldName) -> i64 {
        let present = Dimension::present(&amount.dataset).field;
        if self.code(&present) == Some("true") { 2 } else { 0 }
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
    let policies = policies();
    let layout = layout(
        &policies.catalogue,
        &policies.organisations,
        &name("children"),
        purposes(policies),
    );
    let mut snapshot = Snapshot::new(layout.clone());
    for pupil in pupils {
        let keys = PupilKeys {
            count: pupil.record_key,
            sum: pupil.record_key.rotate_left(7),
        };
        let codes = layout.fields.iter().map(|field| pupil.code(field));
        snapshot.push(
            keys,
            codes,
            layout.amounts.iter().map(|amount| pupil.amount(amount)),
        );
    }
    snapshot
}

fn released(pupils: &[Pupil]) -> Vec<ReleasedCell> {
    let policies = policies();
    let of = Release {
        catalogue: &policies.catalogue,
        organisations: &policies.organisations,
        population: policies.catalogue.population(&name("children")).unwrap(),
        epoch: EPOCH,
        key: &key(),
    };
    release(of, purposes(policies), &snapshot(pupils)).unwrap().cells
}

/// Every combination of nodes that a part reaches: no more dimensions than it allows, besides one of geography.
fn reached(part: &Part) -> Vec<Vec<(Dimension, String)>> {
    let catalogue = &policies().catalogue;
    let mut reached: Vec<Vec<(Dimension, String)>> = vec![Vec::new()];
    for granted in &part.free {
        let nodes: Vec<(Dimension, String)> = levels(catalogue, part.sensitive, granted)
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
        cell.len() - places.min(1) <= usize::from(part.dimensions_max)
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
        let cells = released(&pupils);
        let mut released: BTreeMap<CellId, i64> = cells
            .iter()
            .filter(|cell| *cell.cell.measure() == CellMeasure::Pupils)
            .map(|cell| (cell.cell.cell().clone(), cell.y))
            .collect();
        let mut seen_keys = BTreeSet::new();
        prop_assert!(cells.iter().all(|cell| seen_keys.insert(cell.cell.text())), "a cell was released twice");
        let mut seen = BTreeMap::new();
        let parts = figures_grants().into_iter().flat_map(|grant| parts(catalogue, grant)).filter(|part| part.pupils);
        for part in parts {
            for free in reached(&part) {
                let mut coordinates = part.only.clone();
                coordinates.extend(free);
                let Some(cell) = CellId::new(catalogue, &part.base, &coordinates) else { continue };
                coordinates.push((Dimension::present(&part.base), "true".to_owned()));
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
        prop_assert_eq!(released(&pupils), released(&reversed));
    }
}

#[test]
fn an_empty_population_releases_nothing() {
    assert_eq!(released(&[]), Vec::new());
}

#[test]
fn another_population_has_no_cells() {
    let policies = policies();
    let layout = layout(
        &policies.catalogue,
        &policies.organisations,
        &name("staff"),
        purposes(policies),
    );
    assert_eq!(layout, Layout::default());
}

/// A pupil in special primary education: who declared it admissible, and who supports it.
fn declared(number: u32, by: &str, supported_by: Option<&str>) -> Pupil {
    let oin = |slug: &str| {
        let mut known = policies().organisations.iter();
        known
            .find(|one| one.slug.as_str() == slug)
            .unwrap()
            .oin
            .to_string()
    };
    let mut codes = HashMap::new();
    let mut set = |text: &str, code: &str| _ = codes.insert(field(text), code.to_owned());
    set("admissibility.present", "true");
    set("admissibility.kind", "SBO");
    set("admissibility.holder", &oin(by));
    if let Some(supporter) = supported_by {
        set("support.present", "true");
        set("support.holder", &oin(supporter));
    }
    let record_key = number.wrapping_mul(2_654_435_761);
    Pupil { record_key, codes }
}

/// What the close says, and whether the figure of the pupils who are declared admissible is shown.
fn declared_by_one(pupils: &[Pupil]) -> (BTreeSet<ContradictedHolder>, bool) {
    let policies = policies();
    let of = Release {
        catalogue: &policies.catalogue,
        organisations: &policies.organisations,
        population: policies.catalogue.population(&name("children")).unwrap(),
        epoch: EPOCH,
        key: &key(),
    };
    let released = release(of, purposes(policies), &snapshot(pupils)).unwrap();
    let by_kind = |one: &ReleasedCell| one.cell.text() == "admissibility.kind@code=SBO";
    (released.contradicted, released.cells.iter().any(by_kind))
}

#[test]
fn a_sole_holder_is_relied_on_where_the_rows_that_count_do_not_contradict() {
    let contradicted = |dataset: &str| {
        BTreeSet::from([ContradictedHolder {
            dimension: policies().catalogue.dimension("admissibility.kind").unwrap(),
            dataset: name(dataset),
        }])
    };
    let mut pupils: Vec<Pupil> = (0..200).map(|number| declared(number, "swv-po", None)).collect();
    assert_eq!(declared_by_one(&pupils), (BTreeSet::new(), true));
    // One who went on to secondary education is supported there, which does not tell who was declared admissible.
    pupils.push(declared(200, "swv-po", Some("swv-vo")));
    assert_eq!(declared_by_one(&pupils), (contradicted("support"), true));
    // One whom the other declared admissible does: the first would know that there is one more.
    pupils.pop();
    pupils.push(declared(201, "swv-vo", None));
    assert_eq!(declared_by_one(&pupils), (contradicted("admissibility"), false));
}
