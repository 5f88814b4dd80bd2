//! Attacks by another name for the same pupils: what follows from a node, what repeats it, what is protected otherwise,
//! and what counts rows where pupils are meant.

use doelpoort::client::Client;
use doelpoort_attacks::cell::{Cell, Dimension, YES, quarter};
use doelpoort_attacks::mechanism::noise_of_text;
use doelpoort_attacks::world::{BLOCKS, BLOCKS_PER_QUARTER, Places, Shape};
use serde_json::{Map, Value};

use super::super::laboratory::{DATES, Laboratory, filters, question, table};
use super::super::report::{Limit, NONE, Report};
use super::query;

pub(super) async fn run(laboratory: &Laboratory, report: &mut Report) {
    implied(laboratory, report).await;
    two_classes(laboratory, report).await;
    renamed(laboratory, report).await;
    rows(laboratory, report).await;
}

/// A node, and the same with what the catalogue says follows from it.
async fn implied(laboratory: &Laboratory, report: &mut Report) {
    let client = laboratory.attacker();
    let mut both = BothNames::new("lab-implied", &client);
    for kind in 1..=6_u16 {
        for number in 0..BLOCKS / BLOCKS_PER_QUARTER {
            let cell = Cell::all()
                .with(Dimension::Place, quarter(number))
                .with(Dimension::Kind, kind);
            let implied = ("resident.stream", kind.div_ceil(2).to_string());
            both.compare(&cell, implied, &format!("{cell:?}")).await;
        }
    }
    both.report("implied dimension: figures that differ", report);
}

/// Each cell is asked for plainly, and with one more filter that follows from it.
struct BothNames<'a> {
    question: &'a str,
    client: &'a Client,
    cells: usize,
    /// Cells that got two figures.
    differ: usize,
    /// Cells that would have got two, were the noise drawn by the name.
    by_name: usize,
}

impl<'a> BothNames<'a> {
    fn new(question: &'a str, client: &'a Client) -> Self {
        Self {
            question,
            client,
            cells: 0,
            differ: 0,
            by_name: 0,
        }
    }

    /// `name`: what the weakened gateway draws its noise by.
    async fn compare(&mut self, cell: &Cell, (field, value): (&str, String), name: &str) {
        let plain = one(self.client, self.question, filters(cell)).await;
        let mut with = filters(cell);
        with.insert(field.to_owned(), value.into());
        let other = one(self.client, self.question, with).await;
        self.cells += 1;
        self.differ += usize::from(plain != other);
        self.by_name += usize::from(plain.is_some_and(|figure| noise_of_text(figure, name) != figure));
    }

    fn report(self, what: &str, report: &mut Report) {
        report.way(what, self.cells, NONE, self.differ as f64, self.by_name as f64);
    }
}

/// The figure of one cell; none where it is hidden.
async fn one(client: &Client, purpose: &str, only: Map<String, Value>) -> Option<i64> {
    let asked = question(purpose, DATES[1], &[], only);
    let response = query(client, &asked, "application/json").await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["data"][0]["pupils"].as_i64()
}

/// A field that repeats another: two names for the same pupils, of which two figures would make a better one.
async fn renamed(laboratory: &Laboratory, report: &mut Report) {
    let client = laboratory.attacker();
    let (mut gained, mut shown, mut by_name, mut cells) = (0, 0, 0, 0);
    for number in 0..BLOCKS / BLOCKS_PER_QUARTER {
        let cell = Cell::all().with(Dimension::Place, quarter(number));
        let mut answers = Vec::new();
        for name in ["resident.copied", "resident.twin"] {
            let mut only = filters(&cell);
            only.insert(name.to_owned(), "yes".into());
            let asked = question("lab-renamed", DATES[1], &[], only);
            let response = query(&client, &asked, "application/json").await;
            let figure = &response.json()["data"][0]["pupils"];
            answers.push(figure.as_i64());
        }
        gained += usize::from(answers.iter().all(Option::is_some));
        shown += usize::from(answers.iter().any(Option::is_some));
        let drawn =
            ["resident.copied", "resident.twin"].map(|name| noise_of_text(400, &format!("{name} {number}")));
        by_name += usize::from(drawn[0] != drawn[1]);
        cells += 1;
    }
    assert_eq!(shown, cells, "the first name keeps its figures");
    report.way(
        "renamed dimension: cells with a figure under both names",
        cells,
        NONE,
        gained as f64,
        by_name as f64,
    );
}

/// A cell of the stricter class, and the same with a weaker protected node that follows from it.
async fn two_classes(laboratory: &Laboratory, report: &mut Report) {
    let client = laboratory.attacker();
    let mut both = BothNames::new("lab-aid", &client);
    for place in (0..BLOCKS / BLOCKS_PER_QUARTER).map(quarter) {
        let cell = Cell::all()
            .with(Dimension::Place, place)
            .with(Dimension::Care, YES);
        let weaker = ("resident.aid", "yes".to_owned());
        both.compare(&cell, weaker, &format!("normal {cell:?}")).await;
    }
    both.report("two classes over one cell: figures that differ", report);
}

/// Where each pupil has one row, rows are a second count of heads.
async fn rows(laboratory: &Laboratory, report: &mut Report) {
    let client = laboratory.attacker();
    let shape = Shape {
        places: Places::Blocks,
        crossed: vec![Dimension::Kind],
        fixed: Vec::new(),
    };
    let counts = laboratory.city.count(1, std::slice::from_ref(&shape));
    let (asked, rows) = table(&client, "lab-rows", &shape, DATES[1]).await;
    let (_, pupils) = table(&client, "lab-small", &shape, DATES[1]).await;
    let few: Vec<&Cell> = asked
        .iter()
        .filter(|cell| counts.get(cell).is_some_and(|(count, _)| *count < 5))
        .collect();
    report.way(
        "rows as a head count: cells of 1 to 4 that are shown",
        few.len(),
        NONE,
        few.iter().filter(|cell| rows.contains_key(cell)).count() as f64,
        few.len() as f64,
    );
    let errors: Vec<[f64; 2]> = asked
        .iter()
        .filter_map(|cell| {
            let (count, _) = counts.get(cell)?;
            let (rows, pupils) = (rows.get(cell)?, pupils.get(cell)?);
            let exact = (count + pupils) as f64 / 2.0;
            Some([(rows + pupils) as f64 / 2.0, exact].map(|mean| mean - *count as f64))
        })
        .collect();
    let error = |of: usize| (errors.iter().map(|e| e[of].powi(2)).sum::<f64>() / errors.len() as f64).sqrt();
    report.way(
        "rows as a head count: error of the mean of both",
        errors.len(),
        Limit::AtLeast(0.85 * f64::sqrt(4.0 / 2.0)),
        error(0),
        error(1),
    );
}
