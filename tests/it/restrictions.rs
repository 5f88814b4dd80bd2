//! Restrictions and objections (AVG 18, 21): entered by the pupil's own school, together with their log entry, and in
//! force in every answer from then on.

use doelpoort::client::{Answer, ClientError};
use doelpoort_core::audit::leaf::{Form, Value as Extra, extra};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, fact, figures, pseudonyms, records, refusal};
use crate::support::world::pupils::{
    CONSULENT, SITE, admissibility, bsn, caseload, eck_id, enrolment, enrolment_in, resident,
};

const BOARD: &str = "00000099000000041676";
const DISTRICT: &str = "resident.neighbourhood@district";

/// Six pupils of the board with a declaration each, at a site of a consulent's caseload; pupil 9 is nobody's.
async fn school(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let residents: Vec<_> = (0..6).map(resident).collect();
    let enrolments: Vec<_> = (0..6).map(enrolment).collect();
    let declarations: Vec<_> = [0, 1, 2, 3, 4, 5, 9].map(admissibility).to_vec();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    world
        .deliver("swv-po-delivery", "admissibility", &declarations)
        .await;
    let cases = [caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    world.next_day().await;
    Some(world)
}

/// What a school sends about some pupils.
fn objection(action: &str, against: &str, pupils: &[usize]) -> Map<String, Value> {
    let pupils: Vec<_> = pupils
        .iter()
        .map(|number| json!({ "ref": number.to_string(), "bsn": bsn(*number) }))
        .collect();
    body(json!({
        "purpose": "pupil-rights", "actingFor": BOARD, "action": action, "kind": "objection",
        "against": against, "pupils": pupils, "onBehalfOf": { "case": "objection 1" },
    }))
}

async fn send(world: &World, asked: Map<String, Value>) -> Result<Answer, ClientError> {
    world
        .client("vendor-alpha-school")
        .post("/v1/restrictions", asked)
        .await
}

async fn consulted(world: &World) -> usize {
    let answer = world
        .client("swv-po-consulent")
        .query(records(&["pseudonym"]))
        .await
        .unwrap();
    pseudonyms(&answer).len()
}

/// What the school's own question about a declaration gives, without the reference.
async fn declaration(world: &World, pupil: &Value) -> String {
    let mut pupil = pupil.clone();
    pupil["ref"] = "-".into();
    let answer = world
        .client("vendor-alpha-school")
        .facts(fact(BOARD, &[pupil]))
        .await
        .unwrap();
    answer.data().unwrap().to_string()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_objection_holds_at_once_for_its_purpose_until_it_is_lifted(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let own = json!({ "bsn": bsn(0) });
    assert_eq!(consulted(&world).await, 6);

    let answer = send(&world, objection("enter", "case-consultation", &[0, 1]))
        .await
        .unwrap();

    insta::allow_duplicates! {
        insta::assert_snapshot!(answer.data().unwrap(), @r#"[{"ref":"0","result":"entered"},{"ref":"1","result":"entered"}]"#);
    }
    assert_eq!(consulted(&world).await, 4);
    assert!(
        declaration(&world, &own).await.contains("found"),
        "another purpose is not concerned"
    );
    // Entered again it is still one objection.
    send(&world, objection("enter", "case-consultation", &[0]))
        .await
        .unwrap();
    let lifted = send(&world, objection("lift", "case-consultation", &[0, 1]))
        .await
        .unwrap();
    assert!(lifted.text().contains("lifted"));
    assert_eq!(consulted(&world).await, 6);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_pupil_restricted_for_all_purposes_is_unknown_to_the_byte(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let (own, unknown) = (json!({ "eckId": eck_id(0) }), json!({ "bsn": bsn(77) }));
    let mut asked = objection("enter", "all", &[0]);
    asked["kind"] = "restriction".into();
    send(&world, asked.clone()).await.unwrap();

    assert_eq!(
        declaration(&world, &own).await,
        declaration(&world, &unknown).await
    );
    assert_eq!(consulted(&world).await, 5);

    // The other kind does not end it; this one does, although the pupil is unknown to every purpose.
    send(&world, objection("lift", "all", &[0])).await.unwrap();
    assert_eq!(consulted(&world).await, 5);
    asked["action"] = "lift".into();
    send(&world, asked).await.unwrap();
    assert!(declaration(&world, &own).await.contains("found"));
}

#[tokio::test]
async fn a_school_enters_nothing_for_the_pupil_of_another() {
    let world = school(Backend::Sqlite).await.unwrap();
    let answer = send(&world, objection("enter", "all", &[0, 9, 77]))
        .await
        .unwrap();
    insta::assert_snapshot!(answer.data().unwrap(), @r#"[{"ref":"0","result":"entered"},{"ref":"9","result":"none-or-not-yours"},{"ref":"77","result":"none-or-not-yours"}]"#);
    let size = world.report().await.size;
    let mut nobody = objection("enter", "all", &[1]);
    nobody.remove("onBehalfOf");
    let refusals = [
        refusal(send(&world, objection("enter", "case-consultatoin", &[1])).await),
        refusal(send(&world, nobody).await),
        refusal(
            world
                .client("swv-po-consulent")
                .post("/v1/restrictions", objection("enter", "all", &[1]))
                .await,
        ),
    ];
    insta::assert_debug_snapshot!(refusals, @r#"
[
    "404 against-unknown",
    "403 staff-missing",
    "404 no-such-purpose",
]
"#);
    assert_eq!(world.report().await.size, size + 3, "refusals are logged too");
    assert_eq!(consulted(&world).await, 5);
}

#[tokio::test]
async fn an_objection_holds_from_its_first_day_to_its_last() {
    let world = school(Backend::Sqlite).await.unwrap();
    let mut asked = objection("enter", "case-consultation", &[0]);
    asked.extend(body(json!({ "from": "2026-11-23", "until": "2026-11-25" })));
    send(&world, asked).await.unwrap();
    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(consulted(&world).await);
        world.next_day().await;
    }
    assert_eq!(found, [6, 5, 5, 6]);
}

#[tokio::test]
async fn the_log_says_what_was_entered_and_for_how_many_and_never_for_whom() {
    let world = school(Backend::Sqlite).await.unwrap();
    let answer = send(&world, objection("enter", "case-consultation", &[0, 1, 9]))
        .await
        .unwrap();
    let entry = world.last_entries(1).await.remove(0).event;
    assert_eq!(entry.form, Some(Form::Restrict));
    assert_eq!(entry.clause.as_deref(), Some("pupil-rights/grant/0"));
    assert_eq!(entry.acting_for, [BOARD]);
    let said =
        [extra::ROWS, extra::MODE, extra::OUTCOME, extra::AGAINST].map(|key| entry.extra[&key].clone());
    assert_eq!(
        said,
        [
            Extra::Number(2),
            Extra::Text("enter".to_owned()),
            Extra::Text("objection".to_owned()),
            Extra::Text("case-consultation".to_owned()),
        ]
    );
    assert!(answer.text().contains("receipt") && !answer.text().contains(&bsn(0)));
}

/// The figures of a district under the two purposes that count by home.
async fn counted(world: &World) -> (Value, Value) {
    let client = world.client("municipality-dashboard");
    let atlas = client
        .query(figures(&[], json!({ DISTRICT: "ALM-HAVEN" })))
        .await
        .unwrap();
    let truants = client
        .query(body(json!({
            "purpose": "neighbourhood-absence", "form": "figures", "groupBy": [],
            "only": { "enrolment.neighbourhood@district": "ALM-HAVEN" }, "measures": ["pupils"],
        })))
        .await
        .unwrap();
    let first = |answer: Answer| answer.data().unwrap()[0]["pupils"].clone();
    (first(atlas), first(truants))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn figures_leave_out_who_objects_alike_for_all_purposes(#[case] backend: Backend) {
    let mut shown = Vec::new();
    for against in ["case-consultation", "youth-atlas"] {
        let Some(world) = World::new(backend).await else {
            return;
        };
        world.deliver_city().await;
        let absences: Vec<_> = (0..60).map(crate::support::world::pupils::absence).collect();
        world.deliver("vendor-alpha-delivery", "absence", &absences).await;
        // Another board's, for what rests on one board's rows alone is not shown.
        let at_other_board = |number| enrolment_in(number, "32GE00", "VO", "WK003403");
        let others: Vec<_> = (400..460).map(at_other_board).collect();
        world.deliver("vendor-beta-delivery", "enrolment", &others).await;
        let others: Vec<_> = (400..460).map(crate::support::world::pupils::absence).collect();
        world.deliver("vendor-beta-delivery", "absence", &others).await;
        world.next_day().await;
        let everybody: Vec<usize> = (0..60).collect();
        let answer = send(&world, objection("enter", against, &everybody))
            .await
            .unwrap();
        assert!(!answer.text().contains("none-or-not-yours"));
        world.close_epoch().await;
        shown.push(counted(&world).await);
    }
    let is_shown = |value: &Value| value.is_number();
    // Against a purpose without figures it changes none; against one with figures it changes those of all.
    assert!(is_shown(&shown[0].0) && is_shown(&shown[0].1), "{shown:?}");
    assert!(!is_shown(&shown[1].0) && !is_shown(&shown[1].1), "{shown:?}");
}
