//! Four parties deliver through the real API: two SIS vendors for their boards, the municipality, the two partnerships.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::DemoError;
use super::population::{AbsenceRow, Population, SwvNumber, school_year};
use super::setup::Setup;
use super::story::Story;
use crate::client::{Client, Delivery};
use crate::clock::{Clock, OffsetClock};

/// One delivery to make.
struct Load {
    client: String,
    holder: Option<String>,
    dataset: &'static str,
    period: Option<String>,
    rows: String,
    count: u64,
}

/// Makes all deliveries, one after the other.
///
/// # Errors
/// The first delivery that was refused.
pub async fn deliver(
    setup: &Setup,
    population: &Population,
    clock: &Arc<OffsetClock>,
    story: &mut Story,
) -> Result<(), DemoError> {
    let loads = loads(population)?;
    let total = loads.iter().map(|load| load.count).sum();
    let progress = Story::delivering(total);
    let mut clients: BTreeMap<String, Client> = BTreeMap::new();
    for load in loads {
        if !clients.contains_key(&load.client) {
            let clock: Arc<dyn Clock> = Arc::<OffsetClock>::clone(clock);
            let client = Client::open_with_clock(&setup.client(&load.client), clock)?;
            clients.insert(load.client.clone(), client);
        }
        let Some(client) = clients.get(&load.client) else {
            continue;
        };
        let delivery = Delivery {
            dataset: load.dataset.to_owned(),
            period: load.period,
            holder: load.holder,
            ..Delivery::default()
        };
        let answer = client.deliver(&delivery, reqwest::Body::from(load.rows)).await?;
        let accepted = answer
            .json()
            .get("rowsAccepted")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0);
        story.delivered(&load.client, load.dataset, accepted);
        progress.inc(load.count);
    }
    progress.finish_and_clear();
    story.deliveries()?;
    Ok(())
}

/// Every delivery, in an order that does not change.
fn loads(population: &Population) -> Result<Vec<Load>, DemoError> {
    let boards: Vec<String> = population
        .boards()
        .map(|board| format!("board-{board}"))
        .collect();
    let mut loads = Vec::new();
    for (vendor, boards) in Setup::vendors(&boards) {
        let client = format!("{vendor}-delivery");
        for slug in boards {
            let Some(board) = population.boards().find(|board| format!("board-{board}") == slug) else {
                continue;
            };
            let holder = Some(format!("000000990000000{board}"));
            if let Some(rows) = population.enrolments.get(&board) {
                loads.push(load(&client, holder.clone(), "enrolment", None, rows)?);
            }
            for (period, rows) in by_school_year(
                population
                    .absences
                    .get(&board)
                    .map(Vec::as_slice)
                    .unwrap_or_default(),
            ) {
                loads.push(load(&client, holder.clone(), "absence", Some(period), &rows)?);
            }
        }
    }
    loads.push(load(
        "municipality-delivery",
        None,
        "resident",
        None,
        &population.residents,
    )?);
    loads.push(load(
        "municipality-delivery",
        None,
        "youth-care",
        None,
        &population.youth_care,
    )?);
    loads.push(load(
        "municipality-delivery",
        None,
        "exemption",
        None,
        &population.exemptions,
    )?);
    of_partnerships(&mut loads, "admissibility", &population.admissibility)?;
    of_partnerships(&mut loads, "caseload", &population.caseload)?;
    of_partnerships(&mut loads, "funded", &population.funded)?;
    of_partnerships(&mut loads, "provision", &population.provisions)?;
    of_partnerships(&mut loads, "support", &population.support)?;
    Ok(loads)
}

fn of_partnerships<R: Serialize>(
    loads: &mut Vec<Load>,
    dataset: &'static str,
    rows: &BTreeMap<SwvNumber, Vec<R>>,
) -> Result<(), DemoError> {
    for (swv, rows) in rows {
        loads.push(load(&partnership(&swv.to_string()), None, dataset, None, rows)?);
    }
    Ok(())
}

/// The delivery client of a partnership: PO… is that of primary education.
fn partnership(number: &str) -> String {
    let sector = if number.starts_with("PO") { "po" } else { "vo" };
    format!("swv-{sector}-delivery")
}

fn by_school_year(rows: &[AbsenceRow]) -> BTreeMap<String, Vec<&AbsenceRow>> {
    let mut years: BTreeMap<String, Vec<&AbsenceRow>> = BTreeMap::new();
    for row in rows {
        let first = school_year(row.since);
        years
            .entry(format!("{first}-{}", first + 1))
            .or_default()
            .push(row);
    }
    years
}

fn load(
    client: &str,
    holder: Option<String>,
    dataset: &'static str,
    period: Option<String>,
    rows: &[impl Serialize],
) -> Result<Load, DemoError> {
    let mut lines = String::new();
    for row in rows {
        let line =
            serde_json::to_string(row).map_err(|_| DemoError::Story("a row has no JSON".to_owned()))?;
        lines.push_str(&line);
        lines.push('\n');
    }
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    Ok(Load {
        client: client.to_owned(),
        holder,
        dataset,
        period,
        rows: lines,
        count,
    })
}
