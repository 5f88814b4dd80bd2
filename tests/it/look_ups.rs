//! How many pupils may be looked up by their numbers in a day, over all replicas, and the alarm when somebody guesses.

use std::path::Path;

use doelpoort::client::Client;
use doelpoort::store::quota::LookUps;
use doelpoort_core::audit::leaf::Kind;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{fact, refusal};
use crate::support::world::pupils::{bsn, eck_id, enrolment, resident};

const BOARD: &str = "00000099000000041676";

/// The board is responsible for 525 pupils.
pub(crate) fn small(policies: &Path) {
    let file = policies.join("organisations.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("pupils = 20044"));
    std::fs::write(file, text.replace("pupils = 20044", "pupils = 525")).unwrap();
}

/// Numbers that nobody delivered, a hundred at a time.
pub(crate) fn guesses(batch: usize) -> Vec<Value> {
    let guess =
        |number: usize| json!({ "ref": number.to_string(), "bsn": bsn(10_000 + batch * 100 + number) });
    (0..100).map(guess).collect()
}

pub(crate) async fn ask(client: &Client, pupils: &[Value]) -> String {
    match client.facts(fact(BOARD, pupils)).await {
        Ok(_) => "answered".to_owned(),
        refused => refusal(refused),
    }
}

impl World {
    pub(crate) async fn looked_up(&self, board: &str) -> LookUps {
        let store = self.gateway.store();
        store.look_ups_after(&board.parse().unwrap(), 0).await.unwrap()
    }

    pub(crate) async fn alarms(&self) -> usize {
        let size = self.report().await.size;
        let entries = self.last_entries(size).await;
        let alarms = entries.iter().filter(|leaf| leaf.event.kind == Kind::Incident);
        alarms.count()
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn malformed_numbers_count_double_and_end_the_day_too(#[case] backend: Backend) {
    let Some(world) = World::prepared(backend, small, |_| ()).await else {
        return;
    };
    let client = world.client("vendor-alpha-school");
    let malformed: Vec<_> = (0..100)
        .map(|number| json!({ "ref": number.to_string(), "bsn": "123456789" }))
        .collect();
    for _ in 0..5 {
        assert_eq!(ask(&client, &malformed).await, "400 invalid-input");
    }
    assert_eq!(
        world.looked_up(BOARD).await,
        LookUps {
            looked: 1_000,
            missed: 1_000
        }
    );
    assert_eq!(world.alarms().await, 1);
    assert_eq!(ask(&client, &malformed).await, "429 rate-limited");
}

/// Who delivers a number and asks for it learns nothing, so it is no hit; it is one once somebody else delivers it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_subject_that_the_asker_made_is_a_miss_until_another_delivers_it(#[case] backend: Backend) {
    let Some(world) = World::prepared(backend, small, |_| ()).await else {
        return;
    };
    let rows: Vec<_> = (0..3).map(enrolment).collect();
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    let client = world.client("vendor-alpha-school");
    let own = [
        json!({ "ref": "1", "bsn": bsn(0) }),
        json!({ "ref": "2", "eckId": eck_id(1) }),
    ];
    client.facts(fact(BOARD, &own)).await.unwrap();
    assert_eq!(world.looked_up(BOARD).await, LookUps { looked: 2, missed: 2 });

    let residents: Vec<_> = (0..3).map(resident).collect();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    client.facts(fact(BOARD, &own[..1])).await.unwrap();
    assert_eq!(world.looked_up(BOARD).await, LookUps { looked: 3, missed: 2 });
    // The pair counts for everybody from the next day on, and so does what is known of either number.
    world.next_day().await;
    client.facts(fact(BOARD, &own[1..])).await.unwrap();
    assert_eq!(world.looked_up(BOARD).await, LookUps { looked: 4, missed: 2 });
}

/// What was used is kept for a while, and no longer.
#[tokio::test]
async fn what_was_used_is_forgotten_after_sixty_days() {
    let world = World::prepared(Backend::Sqlite, small, |_| ()).await.unwrap();
    ask(&world.client("vendor-alpha-school"), &guesses(0)).await;
    world.advance(24 * 59);
    world.gateway.tidy().await.unwrap();
    assert_eq!(world.looked_up(BOARD).await.looked, 100);
    world.advance(24 * 2);
    world.gateway.tidy().await.unwrap();
    assert_eq!(world.looked_up(BOARD).await, LookUps::default());
}
