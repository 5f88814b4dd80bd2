//! Facts: a few fields about named pupils, of one's own and of nobody else's.

use doelpoort::client::Mode;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{fact, refusal};
use crate::support::world::pupils::{admissibility, bsn, eck_id, enrolment, resident};

const BOARD: &str = "00000099000000041676";
const OTHER_BOARD: &str = "00000099000000020041";

/// Pupils 0 to 4 at the board; all but pupil 1 have a declaration, and so has pupil 9, who is not at the board.
async fn declared(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let enrolments: Vec<_> = (0..5).map(enrolment).collect();
    let residents: Vec<_> = (0..5).map(resident).collect();
    let declarations: Vec<_> = [0, 2, 3, 4, 9].map(admissibility).to_vec();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    world
        .deliver("swv-po-delivery", "admissibility", &declarations)
        .await;
    Some(world)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_school_finds_its_own_pupil_and_learns_nothing_of_others(#[case] backend: Backend) {
    let Some(world) = declared(backend).await else {
        return;
    };
    world.next_day().await;
    let pupils = [
        json!({ "ref": "own, by BSN", "bsn": bsn(0) }),
        json!({ "ref": "own, by ECK iD", "eckId": eck_id(2) }),
        json!({ "ref": "own, without declaration", "bsn": bsn(1) }),
        json!({ "ref": "not ours", "eckId": eck_id(9) }),
        json!({ "ref": "unknown", "bsn": bsn(77) }),
    ];
    let answer = world
        .client("vendor-alpha-school")
        .facts(fact(BOARD, &pupils))
        .await
        .unwrap();
    let rows: Vec<String> = answer
        .data()
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    insta::allow_duplicates! {
        insta::assert_snapshot!(rows.join("\n"), @r#"
{"ref":"own, by BSN","result":"found","fields":{"admissibility.outcome":"granted","admissibility.valid-until":"2028-07-31"}}
{"ref":"own, by ECK iD","result":"found","fields":{"admissibility.outcome":"granted","admissibility.valid-until":"2028-07-31"}}
{"ref":"own, without declaration","result":"none-or-not-yours","fields":{"admissibility.outcome":null,"admissibility.valid-until":null}}
{"ref":"not ours","result":"none-or-not-yours","fields":{"admissibility.outcome":null,"admissibility.valid-until":null}}
{"ref":"unknown","result":"none-or-not-yours","fields":{"admissibility.outcome":null,"admissibility.valid-until":null}}
"#);
    }
}

#[tokio::test]
async fn one_pupil_named_twice_is_found_twice() {
    let world = declared(Backend::Sqlite).await.unwrap();
    world.next_day().await;
    let pupils = [
        json!({ "ref": "1", "bsn": bsn(0) }),
        json!({ "ref": "2", "eckId": eck_id(0) }),
    ];
    let answer = world
        .client("vendor-alpha-school")
        .facts(fact(BOARD, &pupils))
        .await
        .unwrap();
    let rows = answer.data().unwrap().as_array().unwrap();
    assert!(rows.iter().all(|row| row["result"] == "found"), "{rows:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_pupil_delivered_today_is_not_yet_ones_own(#[case] backend: Backend) {
    let Some(world) = declared(backend).await else {
        return;
    };
    let client = world.client("vendor-alpha-school");
    let ask = async || {
        let pupils = [json!({ "ref": "1", "bsn": bsn(0) })];
        let answer = client.facts(fact(BOARD, &pupils)).await.unwrap();
        answer.data().unwrap()[0]["result"].clone()
    };
    let today = ask().await;
    world.next_day().await;
    assert_eq!((today, ask().await), ("none-or-not-yours".into(), "found".into()));
}

#[tokio::test]
async fn only_existence_is_answered_where_only_that_is_asked() {
    let world = declared(Backend::Sqlite).await.unwrap();
    world.next_day().await;
    let mut asked = fact(BOARD, &[json!({ "ref": "1", "bsn": bsn(0) })]);
    asked.remove("fields");
    asked.insert("exists".to_owned(), true.into());
    let answer = world.client("vendor-alpha-school").facts(asked).await.unwrap();
    insta::assert_snapshot!(answer.data().unwrap(), @r#"[{"ref":"1","result":"found"}]"#);
}

#[tokio::test]
async fn a_vendor_without_the_boards_mandate_is_refused() {
    let world = declared(Backend::Sqlite).await.unwrap();
    let asked = fact(OTHER_BOARD, &[json!({ "ref": "1", "bsn": bsn(0) })]);
    let facts = refusal(world.client("vendor-alpha-school").facts(asked).await);
    let client = world.client("vendor-alpha-delivery");
    let mut delivery = World::delivery("vendor-alpha-delivery", "enrolment", Mode::Snapshot);
    delivery.holder = Some(OTHER_BOARD.to_owned());
    let delivered = refusal(client.deliver(&delivery, "".into()).await);
    insta::assert_debug_snapshot!((facts, delivered), @r#"
(
    "403 mandate-missing",
    "403 mandate-missing",
)
"#);
}

#[tokio::test]
async fn the_board_that_a_vendor_acts_for_vouches_for_its_person() {
    let world = declared(Backend::Sqlite).await.unwrap();
    world.next_day().await;
    let pupils = [json!({ "ref": "1", "bsn": bsn(0) })];
    // The folder's person is of board 41676; board 62584 gave a mandate too, but does not know this person.
    let other = refusal(
        world
            .client("vendor-alpha-school")
            .facts(fact("00000099000000062584", &pupils))
            .await,
    );
    assert_eq!(other, "403 invalid-staff-assertion");
    let own = world
        .client("vendor-alpha-school")
        .facts(fact(BOARD, &pupils))
        .await;
    assert_eq!(own.unwrap().status(), 200);
}
