//! What comes after the close: corrections, erasures, objections and withdrawals move no figure that was released.

use doelpoort::client::{Client, Mode};
use doelpoort_attacks::cell::{Cell, Dimension, Table};
use doelpoort_attacks::mechanism::Mechanism;
use doelpoort_attacks::world::{Shape, World as City};
use serde_json::{Value, json};

use super::super::boards::{BOARD, OBJECTING};
use super::super::laboratory::{DATES, Laboratory, question, row, table};
use super::super::report::{NONE, Report};
use super::query;
use crate::support::world::ask::{body, send};
use crate::support::world::pupils::bsn;

/// Pupils whose rows change, are erased, or who object.
const TOUCHED: usize = 300;

pub(super) async fn run(laboratory: &mut Laboratory, report: &mut Report) {
    let before = released(laboratory).await;
    let changed = deliver_again(laboratory).await;
    report.way(
        "a re-delivery and an erasure after the close: figures that move",
        before.len(),
        NONE,
        moved(laboratory, &before).await,
        live(&laboratory.city, &changed),
    );

    let objecting = object(laboratory).await;
    let mut without = laboratory.city.clone();
    without.pupils.drain(..objecting);
    report.way(
        "an objection after the close: figures that move",
        before.len(),
        NONE,
        moved(laboratory, &before).await,
        live(&laboratory.city, &without),
    );

    laboratory.world.restart().await;
    let again = laboratory
        .world
        .gateway
        .close_epoch("children", Some(DATES[1].parse().unwrap()))
        .await;
    assert!(again.is_err(), "an epoch closes once");
    report.way(
        "a restart and a second close: figures that move",
        before.len(),
        NONE,
        moved(laboratory, &before).await,
        live(&laboratory.city, &changed),
    );

    let client = laboratory.attacker();
    let answered = cells_of_care(&client).await;
    withdraw(laboratory).await;
    report.way(
        "a withdrawal after the close: its cells still answered",
        answered,
        NONE,
        cells_of_care(&client).await as f64,
        answered as f64,
    );
    report.way(
        "a withdrawal after the close: others' figures that move",
        before.len(),
        NONE,
        moved(laboratory, &before).await,
        live(&laboratory.city, &changed),
    );
}

fn shape() -> Shape {
    Shape::all(&[Dimension::Lone, Dimension::First], 3, &[])
        .pop()
        .unwrap()
}

/// A table as it stands.
async fn released(laboratory: &Laboratory) -> Vec<(Cell, Option<i64>)> {
    let (asked, shown) = table(&laboratory.attacker(), "lab-first", &shape(), DATES[1]).await;
    asked
        .iter()
        .map(|cell| (*cell, shown.get(cell).copied()))
        .collect()
}

async fn moved(laboratory: &Laboratory, before: &[(Cell, Option<i64>)]) -> f64 {
    let now = released(laboratory).await;
    let pairs = before.iter().zip(&now);
    pairs.filter(|(before, now)| before != now).count() as f64
}

/// Figures that would move if they were computed when asked.
fn live(city: &City, changed: &City) -> f64 {
    let figures = |city: &City| -> Table {
        let counts = city.count(1, &[shape()]);
        let cells: Vec<Cell> = counts.keys().copied().collect();
        Mechanism::OneLayer.publish(&counts, &cells)
    };
    let (one, other) = (figures(city), figures(changed));
    one.iter()
        .filter(|(cell, figure)| other.get(cell) != Some(figure))
        .count() as f64
}

/// Corrects some rows and removes others.
async fn deliver_again(laboratory: &Laboratory) -> City {
    let mut changed = laboratory.city.clone();
    let seed = changed.seed;
    let mut rows = Vec::new();
    for (number, pupil) in changed
        .pupils
        .iter_mut()
        .enumerate()
        .skip(OBJECTING)
        .take(2 * TOUCHED)
    {
        if number % 2 == 0 {
            pupil.attributes[0] = !pupil.attributes[0];
            rows.push(row(seed, number, pupil));
        } else {
            let mut gone = row(seed, number, pupil);
            gone["_remove"] = true.into();
            rows.push(gone);
        }
    }
    let world = &laboratory.world;
    world
        .try_deliver("municipality-delivery", "resident", Mode::Changes, &rows)
        .await
        .unwrap();
    world.next_day().await;
    let mut place = 0;
    changed.pupils.retain(|_| {
        place += 1;
        let number = place - 1;
        !(OBJECTING..OBJECTING + 2 * TOUCHED).contains(&number) || number % 2 == 0
    });
    changed
}

/// The school of some pupils enters their objections.
async fn object(laboratory: &Laboratory) -> usize {
    let pupils: Vec<Value> = (0..OBJECTING)
        .map(|number| json!({ "ref": number.to_string(), "bsn": bsn(number) }))
        .collect();
    let asked = body(json!({
        "purpose": "pupil-rights", "actingFor": BOARD, "action": "enter", "kind": "objection", "against": "lab-first",
        "pupils": pupils, "onBehalfOf": { "case": "objection 1" },
    }));
    let answer = laboratory
        .world
        .client("vendor-alpha-school")
        .post("/v1/restrictions", asked)
        .await;
    answer.unwrap();
    OBJECTING
}

async fn withdraw(laboratory: &Laboratory) {
    let client = laboratory.world.client("municipality-delivery");
    let request = client.http().post(client.url("/v1/withdrawals"));
    let response = send(
        &client,
        request.body(json!({ "purpose": "lab-care" }).to_string()),
    )
    .await;
    assert_eq!(response.status, 201, "{}", response.text);
}

/// How many cells about care are shown.
async fn cells_of_care(client: &Client) -> usize {
    let asked = question(
        "lab-care",
        DATES[1],
        &["resident.block@quarter".to_owned()],
        serde_json::Map::new(),
    );
    let response = query(client, &asked, "application/json").await;
    if response.status >= 400 {
        return 0;
    }
    let document = response.json();
    let rows = document["data"].as_array().unwrap();
    rows.iter().filter(|row| !row["pupils"].is_null()).count()
}
