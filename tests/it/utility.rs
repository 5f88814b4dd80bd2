//! What is left of the figures: the demo population, counted under the shipped purposes, against the truth.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use doelpoort::demo::population::Population;
use doelpoort_core::catalogue::{Dimension, FieldName, Name};
use doelpoort_core::figures::cell_id::{CellId, CellMeasure};
use doelpoort_core::figures::release::{Release, ReleasedCell, layout, release};
use doelpoort_core::figures::snapshot::{PupilKeys, Snapshot};
use doelpoort_core::figures::{FiguresRoot, QueryKey, RecordKey, record_key, sum_record_key};
use doelpoort_core::party::OrganisationKind;
use doelpoort_core::policy::Draft;
use doelpoort_core::pseudonym::SubjectId;
use ring::digest;
use serde::Serialize;
use serde_json::Value;

const EPOCH: &str = "2026-10-01";
/// A report counts when it overlaps the twelve months before.
const SINCE: &str = "2025-10-01";
const POPULATION: &str = "children";

/// Of each dataset a pupil's latest row that holds, with its holder.
type Pupil = HashMap<Name, (String, Value)>;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn draft() -> Draft {
    doelpoort::policies::draft(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap()
}

/// Everybody with the latest rows that hold at the epoch.
struct City {
    draft: Draft,
    pupils: HashMap<String, Pupil>,
    same: HashMap<String, String>,
}

impl City {
    fn of(population: &Population) -> Self {
        let mut city = Self {
            draft: draft(),
            pupils: HashMap::new(),
            same: HashMap::new(),
        };
        for rows in population.enrolments.values() {
            for row in rows {
                if let (Some(bsn), Some(eck)) = (&row.pupil.bsn, &row.pupil.eck_id) {
                    city.same.insert(eck.clone(), bsn.clone());
                }
            }
        }
        for (board, rows) in &population.enrolments {
            city.add("enrolment", &city.board(board.as_str()), rows, "from", "until");
        }
        for (board, rows) in &population.absences {
            city.add("absence", &city.board(board.as_str()), rows, "since", "until");
        }
        city.add("resident", "municipality", &population.residents, "from", "until");
        city
    }

    fn board(&self, board: &str) -> String {
        let board = self.draft.organisations.by_board(board);
        board.map(|board| board.oin.to_string()).unwrap_or_default()
    }

    fn add(&mut self, dataset: &str, holder: &str, rows: &[impl Serialize], since: &str, until: &str) {
        for row in rows {
            let row = serde_json::to_value(row).unwrap();
            let day = |field: &str| row[field].as_str().map(str::to_owned);
            let begins = day(since).unwrap_or_default();
            let after = if dataset == "absence" { SINCE } else { EPOCH };
            if begins.as_str() > EPOCH || day(until).is_some_and(|until| until.as_str() <= after) {
                continue;
            }
            let pupil = &row["pupil"];
            let bsn = pupil["bsn"].as_str().map(str::to_owned);
            let bsn = bsn.or_else(|| self.same.get(pupil["eckId"].as_str()?).cloned());
            let Some(bsn) = bsn else { continue };
            let rows = self.pupils.entry(bsn).or_default();
            let latest = rows
                .get(&name(dataset))
                .and_then(|(_, row)| row[since].as_str().map(str::to_owned));
            if latest.is_none_or(|latest| latest < begins) {
                rows.insert(name(dataset), (holder.to_owned(), row));
            }
        }
    }

    fn code(&self, pupil: &Pupil, field: &FieldName) -> Option<String> {
        let row = pupil.get(&field.dataset);
        match field.field.as_str() {
            "present" => Some(row.is_some().to_string()),
            "holder" => row.map(|(holder, _)| holder.clone()),
            // Derived on delivery: whether the site is in the hierarchy.
            "attends" => {
                let site = row?.1["site-attended"].as_str();
                let known = |site: &str| {
                    self.draft
                        .catalogue
                        .hierarchy(&name("site"))
                        .is_some_and(|sites| {
                            sites
                                .finest()
                                .is_some_and(|level| sites.node(level, site).is_some())
                        })
                };
                Some(
                    site.map_or("nowhere", |site| if known(site) { "inside" } else { "outside" })
                        .to_owned(),
                )
            }
            field => match &row?.1[field] {
                Value::String(text) => Some(text.clone()),
                Value::Bool(flag) => Some(flag.to_string()),
                _ => None,
            },
        }
    }

    fn released(&self) -> Vec<ReleasedCell> {
        let root = || FiguresRoot::from_bytes([9; 32]);
        let (records, key) = (RecordKey::derive(&root()), QueryKey::derive(&root()));
        let purposes = || self.draft.purposes.values().map(|(purpose, _)| purpose);
        let (catalogue, organisations) = (&self.draft.catalogue, &self.draft.organisations);
        let layout = layout(catalogue, organisations, &name(POPULATION), purposes());
        let mut snapshot = Snapshot::new(layout.clone());
        for (bsn, pupil) in &self.pupils {
            if !pupil.contains_key(&name("enrolment")) && !pupil.contains_key(&name("resident")) {
                continue;
            }
            let digest = digest::digest(&digest::SHA256, bsn.as_bytes());
            let subject = SubjectId::from_bytes(digest.as_ref()[..16].try_into().unwrap());
            let keys = PupilKeys {
                count: record_key(&records, &name(POPULATION), &subject),
                sum: sum_record_key(&records, &name(POPULATION), &subject),
            };
            let codes: Vec<Option<String>> = layout
                .fields
                .iter()
                .map(|field| self.code(pupil, field))
                .collect();
            snapshot.push(
                keys,
                codes.iter().map(Option::as_deref),
                layout.amounts.iter().map(|_| 0),
            );
        }
        let of = Release {
            catalogue,
            organisations,
            population: catalogue.population(&name(POPULATION)).unwrap(),
            epoch: EPOCH,
            key: &key,
        };
        release(of, purposes(), &snapshot).unwrap().cells
    }

    /// True counts by the nodes of some dimensions, of those present in `base`, each under its cell.
    fn truth(&self, base: &str, only: &[(&str, &str)], dimensions: &[&str]) -> BTreeMap<CellId, i64> {
        self.truth_of(base, only, dimensions, None)
    }

    /// The same, of those whose enrolment this holder delivered.
    fn truth_of(
        &self,
        base: &str,
        only: &[(&str, &str)],
        dimensions: &[&str],
        holder: Option<&str>,
    ) -> BTreeMap<CellId, i64> {
        let catalogue = &self.draft.catalogue;
        let dimensions: Vec<Dimension> = dimensions
            .iter()
            .map(|text| catalogue.dimension(text).unwrap())
            .collect();
        let only: Vec<(Dimension, String)> = only
            .iter()
            .map(|(text, code)| (catalogue.dimension(text).unwrap(), (*code).to_owned()))
            .collect();
        let mut counts = BTreeMap::new();
        for pupil in self
            .pupils
            .values()
            .filter(|pupil| pupil.contains_key(&name(base)))
        {
            let enrolled = pupil.get(&name("enrolment")).map(|(holder, _)| holder.as_str());
            if holder.is_some_and(|holder| enrolled != Some(holder)) {
                continue;
            }
            if !only
                .iter()
                .all(|(dimension, code)| self.code(pupil, &dimension.field).as_ref() == Some(code))
            {
                continue;
            }
            let nodes: Option<Vec<(Dimension, String)>> = dimensions
                .iter()
                .map(|dimension| {
                    let code = self.code(pupil, &dimension.field)?;
                    let above = catalogue.ancestor_of_finest(&dimension.field, &code, &dimension.level)?;
                    Some((dimension.clone(), above.to_owned()))
                })
                .collect();
            let Some(mut nodes) = nodes else { continue };
            nodes.extend(only.iter().cloned());
            if let Some(cell) = CellId::new(catalogue, &name(base), &nodes) {
                *counts.entry(cell).or_default() += 1;
            }
        }
        counts
    }
}

fn shown(released: &[ReleasedCell]) -> HashMap<&CellId, i64> {
    let pupils = released
        .iter()
        .filter(|cell| *cell.cell.measure() == CellMeasure::Pupils);
    pupils.map(|cell| (cell.cell.cell(), cell.y)).collect()
}

/// Visible cells, all cells, and the median relative error of the visible ones in thousandths, of those with `least`.
fn compare(truth: &BTreeMap<CellId, i64>, shown: &HashMap<&CellId, i64>, least: i64) -> (usize, usize, i64) {
    let counted: Vec<(Option<i64>, i64)> = truth
        .iter()
        .filter(|(_, n)| **n >= least)
        .map(|(cell, n)| (shown.get(cell).copied(), *n))
        .collect();
    let mut errors: Vec<i64> = counted
        .iter()
        .filter_map(|(y, n)| Some((((*y)? - n).abs() * 1_000) / n))
        .collect();
    errors.sort_unstable();
    (
        errors.len(),
        counted.len(),
        errors.get(errors.len() / 2).copied().unwrap_or(1_000),
    )
}

#[test]
fn figures_of_the_demo_population_are_of_use() {
    let population = Population::generate(1, None, "2026-11-22".parse().unwrap(), &mut |_, _| {}).unwrap();
    let city = City::of(&population);
    let released = city.released();
    let shown = shown(&released);

    let dimensions = ["resident.neighbourhood@neighbourhood", "enrolment.sector@sector"];
    let fine = city.truth("resident", &[], &dimensions);
    let (visible, all, error) = compare(&fine, &shown, 15);
    println!("neighbourhood × sector, 15 or more: {visible} of {all} visible, median error {error} ‰");
    assert!(error <= 50, "{error}");
    // Where one board has nearly all, it would subtract its own: these are hidden however many there are.
    let mut others = fine.clone();
    for board in city.draft.organisations.of_kind(OrganisationKind::SchoolBoard) {
        let holder = board.oin.to_string();
        let own = city.truth_of("resident", &[], &dimensions, Some(&holder));
        for (cell, rest) in &mut others {
            *rest = (*rest).min(fine[cell] - own.get(cell).copied().unwrap_or(0));
        }
    }
    let open: BTreeMap<CellId, i64> = fine.into_iter().filter(|(cell, _)| others[cell] >= 15).collect();
    let (visible, all, error) = compare(&open, &shown, 15);
    println!("of which no board has all but 15: {visible} of {all} visible, median error {error} ‰");
    assert!(visible * 10 >= all * 9, "{visible} of {all}");

    let districts = city.truth("resident", &[], &["resident.neighbourhood@district"]);
    let (visible, all, error) = compare(&districts, &shown, 15);
    println!("districts: {visible} of {all} visible, median error {error} ‰");
    assert_eq!((visible, error <= 10), (all, true));

    let home = [("absence.stay-at-home", "true")];
    let in_all = city.truth("absence", &home, &[]);
    let by_district = city.truth("absence", &home, &["enrolment.neighbourhood@district"]);
    for (level, truth) in [("city", &in_all), ("district", &by_district)] {
        let (visible, all, error) = compare(truth, &shown, 20);
        println!("stay-at-homes by {level}, 20 or more: {visible} of {all} visible, median error {error} ‰");
        assert_eq!(visible, all, "{level}");
    }
    let truants = city.truth("absence", &[("absence.kind", "unauthorised")], &[]);
    let (visible, all, error) = compare(&truants, &shown, 15);
    println!("truants: {truants:?}, {visible} of {all}, median error {error} ‰");
    assert!(visible == 1 && error <= 10);
}
