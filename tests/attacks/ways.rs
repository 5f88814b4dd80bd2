//! Attacks on the ways of asking: other spellings, other names, other forms; what comes after the close; side channels.

mod afterwards;
mod channels;
mod names;

use std::collections::BTreeSet;

use doelpoort::client::Client;
use doelpoort_attacks::cell::{Cell, Dimension, YES, block};
use doelpoort_attacks::mechanism::{noise_of_text, round};
use doelpoort_attacks::random::Random;
use doelpoort_attacks::world::{Places, Shape};
use serde_json::{Map, Value, json};

use super::boards;
use super::laboratory::{DATES, Laboratory, filters, place, question, table};
use super::policies::OTHER_CLIENT;
use super::report::{Limit, NONE, Report};
use crate::support::world::ask::{Response, send};

const SPELLINGS: usize = 200;

pub(super) async fn run(laboratory: &mut Laboratory, report: &mut Report) {
    respelling(laboratory, report).await;
    two_purposes(laboratory, report).await;
    names::run(laboratory, report).await;
    boards::subtract(laboratory, report).await;
    language(laboratory, report).await;
    channels::run(laboratory, report).await;
    afterwards::run(laboratory, report).await;
}

/// A query in one of the media.
async fn query(client: &Client, asked: &Map<String, Value>, media: &str) -> Response {
    let request = client
        .http()
        .post(client.url("/v1/queries"))
        .header("accept", media);
    send(client, request.body(Value::from(asked.clone()).to_string())).await
}

/// One cell, asked 200 times, never twice in the same words.
async fn respelling(laboratory: &Laboratory, report: &mut Report) {
    let cell = Cell::all()
        .with(Dimension::Place, block(17))
        .with(Dimension::First, YES);
    let clients = [laboratory.attacker(), laboratory.world.client(OTHER_CLIENT)];
    let mut random = Random::new(1);
    let (mut figures, mut by_text) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..SPELLINGS {
        let mut only: Vec<(String, Value)> = filters(&cell).into_iter().collect();
        let grouped = random.below(3);
        let mut group_by = Vec::new();
        if grouped > 0 {
            only.retain(|(name, _)| !name.starts_with("resident.first"));
            group_by.push("resident.first".to_owned());
        }
        if random.chance(0.5) {
            only.reverse();
        }
        if grouped == 2 {
            only.retain(|(name, _)| !name.starts_with("resident.block"));
            group_by.insert(
                usize::try_from(random.below(2)).unwrap(),
                place(Places::Blocks).unwrap(),
            );
        }
        let date = if random.chance(0.5) { DATES[1] } else { "latest" };
        let media = ["application/json", "text/csv", "application/x-ndjson"][number % 3];
        let client = &clients[usize::from(random.chance(0.5))];
        let asked = question("lab-first", date, &group_by, only.into_iter().collect());
        let response = query(client, &asked, media).await;
        assert_eq!(response.status, 200, "{}", response.text);
        figures.insert(figure(&response.text, media, &asked));
        by_text.insert(noise_of_text(
            30,
            &format!("{} {media} {number}", Value::from(asked)),
        ));
    }
    report.way(
        "averaging: one cell in 200 spellings, distinct figures",
        SPELLINGS,
        Limit::AtMost(1.0),
        figures.len() as f64,
        by_text.len() as f64,
    );
}

/// The figure of block 17 and the first attribute in an answer of any form.
fn figure(text: &str, media: &str, asked: &Map<String, Value>) -> String {
    let groups = asked["groupBy"].as_array().unwrap();
    let needs = |name: &str| {
        groups
            .iter()
            .any(|group| group.as_str().unwrap().starts_with(name))
    };
    let (block, first) = (needs("resident.block"), needs("resident.first"));
    if media == "text/csv" {
        let lines = text.lines().skip(1);
        let mut wanted = lines.filter(|line| {
            let values: Vec<&str> = line.split(',').collect();
            (!block || values.contains(&"B017")) && (!first || values.contains(&"yes"))
        });
        let line: Vec<&str> = wanted.next().unwrap().split(',').collect();
        return line[line.len() - 2].to_owned();
    }
    let rows: Vec<Value> = if media == "application/json" {
        let document: Value = serde_json::from_str(text).unwrap();
        document["data"].as_array().unwrap().clone()
    } else {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let has = |row: &Value, name: &str, code: &str| row[name]["code"] == code;
    let mut wanted = rows.iter().filter(|row| {
        row.get("pupils").is_some()
            && (!block || has(row, "resident.block@block", "B017"))
            && (!first || has(row, "resident.first", "yes") || has(row, "resident.first@code", "yes"))
    });
    wanted.next().unwrap()["pupils"].to_string()
}

/// One cell under two purposes: rounded by one, filtered on what the other fixes.
async fn two_purposes(laboratory: &Laboratory, report: &mut Report) {
    let (one, other) = (laboratory.attacker(), laboratory.world.client(OTHER_CLIENT));
    let shape = |crossed: &[Dimension], places| Shape {
        places,
        crossed: crossed.to_vec(),
        fixed: Vec::new(),
    };
    let (mut differ, mut by_purpose, mut cells) = (0, 0, 0);
    for date in DATES {
        let first = shape(&[Dimension::First], Places::Blocks);
        let (asked, exact) = table(&one, "lab-first", &first, date).await;
        let (_, rounded) = table(&other, "lab-rounded", &first, date).await;
        for cell in asked {
            let expected = exact.get(&cell).map(|figure| round(*figure, 5));
            differ += usize::from(rounded.get(&cell) != expected.as_ref());
            let again =
                expected.map(|_| round(noise_of_text(exact[&cell], &format!("lab-rounded {cell:?}")), 5));
            by_purpose += usize::from(again != expected);
            cells += 1;
        }
        let fixed = Shape {
            fixed: vec![(Dimension::Care, YES)],
            ..shape(&[], Places::Quarters)
        };
        let (asked, fixed) = table(&one, "lab-care", &fixed, date).await;
        let (_, filtered) = table(
            &other,
            "lab-filtered",
            &shape(&[Dimension::Care], Places::Quarters),
            date,
        )
        .await;
        differ += asked
            .iter()
            .filter(|cell| fixed.get(cell) != filtered.get(cell))
            .count();
        cells += asked.len();
    }
    report.way(
        "two purposes over one cell: figures that differ",
        cells,
        NONE,
        differ as f64,
        by_purpose as f64,
    );
}

#[expect(clippy::too_many_lines, reason = "a list of questions")]
/// What is no conjunction of nodes is refused; the same within the lattice is answered, so that this can fail.
async fn language(laboratory: &Laboratory, report: &mut Report) {
    let client = laboratory.attacker();
    let plain = || question("lab-third", DATES[1], &["resident.third".to_owned()], Map::new());
    let changed = |key: &str, value: Value| {
        let mut asked = plain();
        asked.insert(key.to_owned(), value);
        asked
    };
    let probes: Vec<(Map<String, Value>, Map<String, Value>)> = vec![
        (
            changed("only", json!({ "resident.block@block": ["B001", "B002"] })),
            changed("only", json!({ "resident.block@block": "B001" })),
        ),
        (
            changed("only", json!({ "not": { "resident.lone": "yes" } })),
            changed("only", json!({ "resident.lone": "yes" })),
        ),
        (
            changed(
                "only",
                json!({ "or": [{ "resident.lone": "yes" }, { "resident.lone": "no" }] }),
            ),
            plain(),
        ),
        (
            changed("only", json!({ "resident.birth-date": { "from": "2016-01-01" } })),
            plain(),
        ),
        (
            changed("only", json!({ "resident.birth-date": "2016-03-04" })),
            plain(),
        ),
        (changed("only", json!({ "pseudonym": "x" })), plain()),
        (
            changed("only", json!({ "resident.block@block": "B00*" })),
            plain(),
        ),
        (
            changed("groupBy", json!(["resident.birth-date"])),
            changed("groupBy", json!(["resident.lone"])),
        ),
        (
            changed(
                "groupBy",
                json!([
                    "resident.lone",
                    "resident.third",
                    "resident.block@block",
                    "resident.first"
                ]),
            ),
            plain(),
        ),
        (
            changed(
                "groupBy",
                json!(["resident.block@block", "resident.block@quarter"]),
            ),
            changed("groupBy", json!(["resident.block@quarter"])),
        ),
        (changed("groupBy", json!(["resident.first"])), plain()),
        (changed("having", json!({ "pupils": 5 })), plain()),
        (changed("orderBy", json!(["pupils"])), plain()),
        (changed("limit", json!(1)), plain()),
        (
            changed("epoch", json!("2026-05-17")),
            changed("epoch", json!(DATES[0])),
        ),
        (
            changed("measures", json!(["median(resident.birth-date)"])),
            plain(),
        ),
        (changed("measures", json!(["max(resident.block)"])), plain()),
        (changed("bins", json!([0, 7, 13])), plain()),
        (changed("seed", json!(1)), plain()),
        (changed("round", json!(1)), plain()),
    ];
    let (mut answered, mut allowed) = (0, 0);
    for (probe, within) in &probes {
        answered += usize::from(query(&client, probe, "application/json").await.status < 400);
        allowed += usize::from(query(&client, within, "application/json").await.status == 200);
    }
    assert_eq!(
        allowed,
        probes.len(),
        "each probe is a change of a question that is answered"
    );
    report.way(
        "outside the lattice: questions answered",
        probes.len(),
        NONE,
        answered as f64,
        allowed as f64,
    );
}
