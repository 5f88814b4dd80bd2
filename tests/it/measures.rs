//! The dashboard's own measures, each mapped to a question of ours: `policies/measures.csv`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use doelpoort::client::Ask;
use doelpoort::demo::population::Population;
use doelpoort_core::catalogue::Name;
use doelpoort_core::purpose::{Purpose, Question};
use serde::Serialize;
use serde_json::Value;

use crate::support::database::Backend;
use crate::support::world::{START, World};

/// The measures of the partnership's model; its README tells where the names come from.
const MEASURES: usize = 218;
/// Enough pupils for each question to have somebody to count.
const PUPILS: usize = 1_000;
const BOARD: &str = "41676";

#[derive(serde::Deserialize)]
struct Measure {
    #[serde(rename = "measure")]
    name: String,
    kind: String,
    questions: String,
    note: String,
}

impl Measure {
    /// The questions as purpose and name.
    fn questions(&self) -> Vec<(Name, Name)> {
        let named = self.questions.split(" / ").filter(|text| !text.is_empty());
        named
            .map(|text| text.split_once('/').unwrap())
            .map(|(purpose, question)| (purpose.parse().unwrap(), question.parse().unwrap()))
            .collect()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn measures() -> Vec<Measure> {
    let file = std::fs::read_to_string(folder().join("measures.csv")).unwrap();
    csv::Reader::from_reader(file.as_bytes())
        .deserialize()
        .map(Result::unwrap)
        .collect()
}

fn purposes() -> BTreeMap<Name, Purpose> {
    let draft = doelpoort::policies::draft(&folder()).unwrap();
    let purposes = draft.purposes.into_iter();
    purposes.map(|(id, (purpose, _))| (id, purpose)).collect()
}

/// The questions that the measures are mapped to, each once.
pub(crate) fn mapped_questions() -> BTreeSet<(Name, Name)> {
    measures().iter().flat_map(Measure::questions).collect()
}

#[test]
fn every_measure_has_a_question_or_says_why_not() {
    let (measures, purposes) = (measures(), purposes());
    let names: BTreeSet<&str> = measures.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((measures.len(), names.len()), (MEASURES, MEASURES));
    for one in &measures {
        let questions = one.questions();
        let expected = match one.kind.as_str() {
            "question" => 1,
            "ratio" => 2,
            "later" | "not-from-pupils" => 0,
            other => panic!("`{}` is of no kind `{other}`", one.name),
        };
        assert_eq!(questions.len(), expected, "{}", one.name);
        if one.kind == "later" {
            assert!(one.note.starts_with("needs "), "{}", one.name);
        } else {
            assert!(expected > 0 || !one.note.is_empty(), "{}", one.name);
        }
        for (purpose, name) in questions {
            let purpose = purposes
                .get(&purpose)
                .unwrap_or_else(|| panic!("{}: no `{purpose}`", one.name));
            let known = purpose.questions.iter().any(|question| question.name == name);
            assert!(known, "{}: no `{}/{name}`", one.name, purpose.id);
        }
    }
}

#[test]
fn what_waits_names_the_measure_that_it_waits_for() {
    let mut waiting: BTreeMap<String, usize> = BTreeMap::new();
    for one in measures().iter().filter(|one| one.kind == "later") {
        let needed = one.note.strip_prefix("needs ").unwrap();
        let needed = needed.find(')').map_or(needed, |end| &needed[..=end]);
        *waiting.entry(needed.to_owned()).or_default() += 1;
    }
    insta::assert_snapshot!(shown(&waiting), @r#"
 1 a question on status for others than stay-at-homes: a figure beside their total
 1 distribution(years that a declaration holds)
 6 mean(days from received to decided)
 5 rows(absence)
32 rows(admissibility)
 5 rows(support)
"#);
}

fn shown(waiting: &BTreeMap<String, usize>) -> String {
    let lines: Vec<String> = waiting
        .iter()
        .map(|(needed, count)| format!("{count:>3} {needed}"))
        .collect();
    lines.join("\n")
}

#[tokio::test]
async fn every_mapped_question_is_answered() {
    let Some(world) = World::new(Backend::Sqlite).await else {
        return;
    };
    deliver(&world).await;
    world.close_epoch().await;
    let purposes = purposes();
    let dashboard = world.client("swv-po-dashboard");
    for (purpose, name) in mapped_questions() {
        let question = question(&purposes, &purpose, &name);
        let ask = Ask {
            purpose: purpose.to_string(),
            question: name.to_string(),
            ..Ask::default()
        };
        let answer = dashboard
            .ask(&ask)
            .await
            .unwrap_or_else(|error| panic!("{purpose}/{name}: {error}"));
        let rows = answer.rows();
        assert!(!rows.is_empty(), "{purpose}/{name}");
        for row in &rows {
            let columns: Vec<&str> = row.0.iter().map(|(column, _)| column.as_str()).collect();
            let counted = question.measures.iter().map(ToString::to_string);
            let named = question.indicator.iter().map(|_| question.name.to_string());
            for column in counted.chain(named) {
                assert!(
                    columns.contains(&column.as_str()),
                    "{purpose}/{name}: {columns:?}"
                );
            }
            assert!(
                columns.len() > question.group_by.len(),
                "{purpose}/{name}: {columns:?}"
            );
        }
    }
}

fn question<'p>(purposes: &'p BTreeMap<Name, Purpose>, purpose: &Name, name: &Name) -> &'p Question {
    let questions = &purposes[purpose].questions;
    questions.iter().find(|question| question.name == *name).unwrap()
}

/// What the largest board, the municipality and the partnerships would deliver.
async fn deliver(world: &World) {
    let today = START[..10].parse().unwrap();
    let population = Population::generate(1, Some(PUPILS), today, &mut |_, _| {}).unwrap();
    let board = BOARD.parse().unwrap();
    let (enrolments, absences) = (&population.enrolments[&board], &population.absences[&board]);
    world
        .deliver("vendor-alpha-delivery", "enrolment", &rows(enrolments))
        .await;
    let this_year = absences
        .iter()
        .filter(|row| row.since.to_string().as_str() >= "2026-08-01");
    let this_year: Vec<_> = this_year.collect();
    world
        .deliver("vendor-alpha-delivery", "absence", &rows(&this_year))
        .await;
    let municipality = "municipality-delivery";
    world
        .deliver(municipality, "resident", &rows(&population.residents))
        .await;
    world
        .deliver(municipality, "youth-care", &rows(&population.youth_care))
        .await;
    world
        .deliver(municipality, "exemption", &rows(&population.exemptions))
        .await;
    for (swv, client) in [("PO2401", "swv-po-delivery"), ("VO2401", "swv-vo-delivery")] {
        let swv = swv.parse().unwrap();
        world
            .deliver(client, "admissibility", &rows(&population.admissibility[&swv]))
            .await;
        world
            .deliver(client, "funded", &rows(&population.funded[&swv]))
            .await;
        world
            .deliver(client, "support", &rows(&population.support[&swv]))
            .await;
    }
}

fn rows(rows: &[impl Serialize]) -> Vec<Value> {
    rows.iter()
        .map(|row| serde_json::to_value(row).unwrap())
        .collect()
}
