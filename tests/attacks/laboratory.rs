//! A gateway with a city of our own making, its two count dates closed, and the reader of its figures.

use std::collections::HashMap;

use doelpoort::client::Client;
use doelpoort_attacks::cell::{ALL, Cell, Dimension, NO, Table, YES, block, quarter};
use doelpoort_attacks::random::Random;
use doelpoort_attacks::world::{EPOCHS, Places, Pupil, Shape, World as City};
use serde_json::{Map, Value, json};

use super::boards;
use super::policies::{self, CLIENT};
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, send};
use crate::support::world::pupils::{SITE, bsn};

/// The count dates that close, in the order of the city's epochs.
pub(super) const DATES: [&str; EPOCHS] = ["2026-02-01", "2026-10-01"];
/// When those who are alone leave or come.
const MOVE: &str = "2026-06-01";

/// A gateway, and the truth behind it.
pub(super) struct Laboratory {
    pub(super) world: World,
    pub(super) city: City,
}

impl Laboratory {
    /// Delivers the city and closes both count dates.
    pub(super) async fn open(backend: Backend, seed: u64) -> Option<Self> {
        let world = World::prepared(backend, policies::prepare, |config| {
            config.limits.address_requests_per_min_max = 1_000_000;
            config.limits.client_requests_per_min_max = 1_000_000;
        });
        let world = world.await?;
        let city = City::generate(seed);
        let rows: Vec<Value> = city
            .pupils
            .iter()
            .enumerate()
            .map(|(number, pupil)| row(seed, number, pupil))
            .collect();
        world.deliver("municipality-delivery", "resident", &rows).await;
        let (first, second) = boards::enrolments(&city);
        world.deliver("vendor-alpha-delivery", "enrolment", &first).await;
        world.deliver("vendor-beta-delivery", "enrolment", &second).await;
        world.next_day().await;
        for date in DATES {
            world
                .gateway
                .close_epoch("children", Some(date.parse().unwrap()))
                .await
                .unwrap();
        }
        Some(Self { world, city })
    }

    /// An attacker: a client with the rights of a dashboard and nothing else.
    pub(super) fn attacker(&self) -> Client {
        self.world.client(CLIENT)
    }
}

/// A pupil as the municipality delivers it.
pub(super) fn row(seed: u64, number: usize, pupil: &Pupil) -> Value {
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let [first, second, third, fourth, fifth, sixth] = pupil.attributes;
    let copied = Random::new(seed ^ u64::try_from(number).unwrap()).chance(0.5);
    let mut row = json!({
        "pupil": { "bsn": bsn(number) }, "birth-date": "2016-03-04", "neighbourhood": "WK003403", "from": "2020-08-01",
        "block": format!("B{:03}", pupil.block), "lone": yes(pupil.lone), "first": yes(first), "second": yes(second),
        "third": yes(third), "fourth": yes(fourth), "fifth": yes(fifth), "sixth": yes(sixth),
        "copied": yes(copied), "twin": yes(copied), "care": yes(pupil.care), "aid": yes(pupil.care || sixth),
        "hours": pupil.hours, "kind": pupil.kind.to_string(), "band": pupil.band.to_string(), "stream": pupil.kind.div_ceil(2).to_string(),
    });
    if number < boards::OBJECTING {
        row["site"] = SITE.into();
    }
    match (pupil.lone, pupil.is_counted(0)) {
        (false, _) => {}
        (true, true) => row["until"] = MOVE.into(),
        (true, false) => row["from"] = MOVE.into(),
    }
    row
}

/// The fields of the dimensions, by their place.
const FIELDS: [(&str, Dimension); 11] = [
    ("block", Dimension::Place),
    ("lone", Dimension::Lone),
    ("first", Dimension::First),
    ("second", Dimension::Second),
    ("third", Dimension::Third),
    ("fourth", Dimension::Fourth),
    ("fifth", Dimension::Fifth),
    ("sixth", Dimension::Sixth),
    ("kind", Dimension::Kind),
    ("band", Dimension::Band),
    ("care", Dimension::Care),
];

fn field(dimension: Dimension) -> String {
    let found = FIELDS.iter().find(|(_, other)| *other == dimension);
    format!("resident.{}", found.unwrap().0)
}

/// What a cell's code is called in the gateway.
pub(super) fn code(dimension: Dimension, code: u16) -> String {
    match dimension {
        Dimension::Place if code >= block(0) => format!("B{:03}", code - block(0)),
        Dimension::Place => format!("Q{:02}", code - quarter(0)),
        Dimension::Kind | Dimension::Band => code.to_string(),
        _ => if code == YES { "yes" } else { "no" }.to_owned(),
    }
}

fn parse(dimension: Dimension, text: &str) -> u16 {
    let number = |text: &str| text.parse::<usize>().unwrap();
    match (dimension, text) {
        (Dimension::Place, text) => match text.split_at(1) {
            ("B", number_of) => block(number(number_of)),
            (_, number_of) => quarter(number(number_of)),
        },
        (_, "yes") => YES,
        (_, "no") => NO,
        (_, text) => u16::try_from(number(text)).unwrap(),
    }
}

/// A question: grouped by these, within those.
pub(super) fn question(
    purpose: &str,
    date: &str,
    group_by: &[String],
    only: Map<String, Value>,
) -> Map<String, Value> {
    body(json!({
        "purpose": purpose, "form": "figures", "epoch": date, "groupBy": group_by, "only": only, "measures": ["pupils"],
    }))
}

/// The dimension of a level of places as a question names it.
pub(super) fn place(places: Places) -> Option<String> {
    match places {
        Places::All => None,
        Places::Quarters => Some("resident.block@quarter".to_owned()),
        Places::Blocks => Some("resident.block@block".to_owned()),
    }
}

/// The whole table of a shape: every cell asked, and those that are shown.
pub(super) async fn table(client: &Client, purpose: &str, shape: &Shape, date: &str) -> (Vec<Cell>, Table) {
    let crossed = shape.crossed.iter().map(|dimension| field(*dimension));
    let group_by: Vec<String> = place(shape.places).into_iter().chain(crossed).collect();
    let mut asked = question(purpose, date, &group_by, Map::new());
    let measure = policies::measure(purpose);
    asked.insert("measures".to_owned(), json!([measure]));
    let request = client
        .http()
        .post(client.url("/v1/queries"))
        .header("accept", "text/csv")
        .json(&asked);
    let response = send(client, request).await;
    assert_eq!(response.status, 200, "{}", response.text);
    let fixed = shape.fixed.iter().fold(Cell::all(), |cell, (dimension, code)| {
        cell.with(*dimension, *code)
    });
    read(&response.text, measure, fixed)
}

/// Reads an answer's CSV: a code and a label for each dimension, the figure, and why it is hidden.
fn read(text: &str, measure: &str, fixed: Cell) -> (Vec<Cell>, Table) {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let dimensions: Vec<(usize, Dimension)> = header
        .iter()
        .enumerate()
        .filter_map(|(column, name)| {
            let name = name.strip_prefix("resident.")?.split('@').next()?;
            Some((column, FIELDS.iter().find(|(field, _)| *field == name)?.1))
        })
        .collect();
    let figure = header.iter().position(|name| *name == measure).unwrap();
    let (mut asked, mut shown) = (Vec::new(), HashMap::new());
    for line in lines {
        let values: Vec<&str> = line.split(',').collect();
        let cell = dimensions.iter().fold(fixed, |cell, (column, dimension)| {
            cell.with(*dimension, parse(*dimension, values[*column]))
        });
        asked.push(cell);
        if let Ok(value) = values[figure].parse() {
            shown.insert(cell, value);
        }
    }
    (asked, shown)
}

/// The filters that name one cell.
pub(super) fn filters(cell: &Cell) -> Map<String, Value> {
    let crossed = FIELDS
        .iter()
        .filter(|(_, dimension)| cell.code(*dimension) != ALL);
    crossed
        .map(|(name, dimension)| {
            let value = cell.code(*dimension);
            let level = match (dimension, value) {
                (Dimension::Place, value) if value >= block(0) => "@block",
                (Dimension::Place, _) => "@quarter",
                _ => "",
            };
            (
                format!("resident.{name}{level}"),
                Value::from(code(*dimension, value)),
            )
        })
        .collect()
}
