//! Epochs close by themselves the day after their count date: once, by whichever replica looks first.

use std::ops::Range;

use doelpoort::epoch::Closed;
use doelpoort::gateway::Gateway;
use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::figures;
use crate::support::world::pupils::{SECONDARY_SITE, city, enrolment_in, resident_in};

/// The first count date after the world's start.
const COUNT_DATE: &str = "2027-02-01";
/// The last day on which it closes by itself is 31 days later.
const TOO_LATE: &str = "2027-03-05T09:00:00Z";

const PLACE: &str = "resident.neighbourhood@neighbourhood";
const HAVEN: &str = "WK003403";
const STAD: &str = "WK003418";
const OTHER_BOARDS_SITE: &str = "32GE00";

pub(crate) fn advance_to(world: &World, moment: &str) {
    let moment: Timestamp = moment.parse().unwrap();
    world.advance(moment.duration_since(world.clock_now()).as_hours());
}

async fn due(gateway: &Gateway) -> Vec<Closed> {
    gateway.reload_policies().await.unwrap();
    gateway.close_due_epochs().await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_epoch_closes_the_day_after_its_date_once_by_one_replica(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    two_boards(&world).await;
    let replica = world.replica(None).await;
    for early in ["2027-01-31T09:00:00Z", "2027-02-01T09:00:00Z"] {
        advance_to(&world, early);
        assert_eq!(due(&world.gateway).await, []);
    }
    advance_to(&world, "2027-02-02T09:00:00Z");
    let (here, there) = tokio::join!(due(&world.gateway), due(&replica.gateway));
    let closed = [here, there].concat();
    let dates: Vec<String> = closed.iter().map(|one| one.date.to_string()).collect();
    assert_eq!(dates, [COUNT_DATE]);
    for gateway in [&world.gateway, &replica.gateway] {
        assert_eq!(due(gateway).await, []);
    }
    replica.stop().await;
    // Both boards' pupils are counted, and it says whose rows it rests on.
    let epochs = world
        .gateway
        .store()
        .closed_epochs(&"children".parse().unwrap())
        .await
        .unwrap();
    let completeness: Value = serde_json::from_str(&epochs[0].completeness).unwrap();
    let sources = completeness["sources"].as_array().unwrap().iter();
    let enrolled =
        sources.filter(|source| source["dataset"] == "enrolment" && source.get("asOfUs").is_some());
    assert_eq!(enrolled.count(), 2, "{completeness}");
    let question = figures(&[PLACE], json!({ "enrolment.sector": "VO" }));
    let shown = world.client("swv-po-dashboard").query(question).await.unwrap();
    let rows = shown.json()["data"].clone();
    let place = |code: &str| {
        let mut rows = rows.as_array().unwrap().iter();
        rows.find(|row| row[PLACE]["code"] == code).unwrap()["pupils"].as_i64()
    };
    // 60 and 4: whoever has the 60 would know the rest. 100 and 50: nobody would.
    assert_eq!(place(HAVEN), None);
    let stad = place(STAD).unwrap();
    assert!((stad - 150).abs() <= 13, "{stad}");
}

/// The city, and secondary pupils of two boards: 60 and 4 in one neighbourhood, 100 and 50 in another.
async fn two_boards(world: &World) {
    let (city, mut residents) = city();
    let of = |site: &str, places: [(Range<usize>, &str); 2], mut rows: Vec<Value>| {
        let mut homes = Vec::new();
        for (numbers, place) in places {
            for number in numbers {
                homes.push(resident_in(number, Some(site), place));
                rows.push(enrolment_in(number, site, "VO", place));
            }
        }
        (rows, homes)
    };
    let (alpha, homes) = of(SECONDARY_SITE, [(500..560, HAVEN), (560..660, STAD)], city);
    residents.extend(homes);
    let (beta, homes) = of(
        OTHER_BOARDS_SITE,
        [(400..404, HAVEN), (404..454, STAD)],
        Vec::new(),
    );
    residents.extend(homes);
    world.deliver("vendor-alpha-delivery", "enrolment", &alpha).await;
    world.deliver("vendor-beta-delivery", "enrolment", &beta).await;
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_gateway_set_up_later_does_not_count_by_itself(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver_city().await;
    advance_to(&world, TOO_LATE);
    assert_eq!(due(&world.gateway).await, []);
    let date = Some(COUNT_DATE.parse().unwrap());
    assert_eq!(
        world
            .gateway
            .close_epoch("children", date)
            .await
            .unwrap()
            .date
            .to_string(),
        COUNT_DATE
    );
}
