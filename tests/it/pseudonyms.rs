//! Records: rows under pseudonyms that link for one recipient and one purpose only.

use std::collections::BTreeSet;

use doelpoort::client::Client;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, pseudonyms, records, refusal};
use crate::support::world::pupils::{
    self, CASELOADS, CONSULENT, OTHER_SITE, SITE, at_both_schools, enrolment, enrolment_in,
};

const FIELDS: &[&str] = &[
    "pseudonym",
    "enrolment.site",
    "enrolment.year-group",
    "absence.weeks",
];

/// Twelve pupils at the sites of the consulents of both partnerships, and one elsewhere.
pub(crate) async fn consultation(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let mut rows = at_both_schools((0..12).map(enrolment).collect());
    rows.push(enrolment_in(12, OTHER_SITE, "BO", "WK003403"));
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    let absences: Vec<_> = (0..3).map(pupils::absence).collect();
    world.deliver("vendor-alpha-delivery", "absence", &absences).await;
    for (client, staff, site) in CASELOADS {
        let rows = [pupils::caseload(staff, site)];
        world.deliver(client, "caseload", &rows).await;
    }
    world.next_day().await;
    Some(world)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_consulent_sees_the_own_caseload_under_pseudonyms(#[case] backend: Backend) {
    let Some(world) = consultation(backend).await else {
        return;
    };
    let client = world.client("swv-po-consulent");

    let answer = client.query(records(FIELDS)).await.unwrap();

    let rows = answer.data().unwrap().as_array().unwrap();
    let known: BTreeSet<_> = pseudonyms(&answer).into_iter().collect();
    assert_eq!((rows.len(), known.len()), (12, 12));
    assert!(known.iter().all(|pseudonym| pseudonym.starts_with("dsp1_1_")));
    assert!(rows.iter().all(|row| row["enrolment.site"] == SITE));
    // From 10 September to 22 November.
    let weeks = rows.iter().filter(|row| row["absence.weeks"] == 10).count();
    assert_eq!(weeks, 3);
    assert_eq!(
        rows.iter().filter(|row| row["absence.weeks"].is_null()).count(),
        9
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn pseudonyms_are_the_same_tomorrow_and_after_a_restart_and_differ_by_recipient(
    #[case] backend: Backend,
) {
    let Some(mut world) = consultation(backend).await else {
        return;
    };
    let ask = async |client: Client| pseudonyms(&client.query(records(&["pseudonym"])).await.unwrap());
    let first = ask(world.client("swv-po-consulent")).await;
    let other: BTreeSet<_> = ask(world.client("swv-vo-consulent")).await.into_iter().collect();

    world.restart().await;
    world.next_day().await;
    let later = ask(world.client("swv-po-consulent")).await;

    assert_eq!(first, later);
    assert_eq!(other.len(), 12);
    assert!(first.iter().all(|pseudonym| !other.contains(pseudonym)));
    assert!(
        first.is_sorted(),
        "rows come by pseudonym, never in the order of the source"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn pages_cover_all_rows_once(#[case] backend: Backend) {
    let Some(world) = consultation(backend).await else {
        return;
    };
    let client = world.client("swv-po-consulent");
    let whole = pseudonyms(&client.query(records(&["pseudonym"])).await.unwrap());
    let (mut pages, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut body = records(&["pseudonym"]);
        let page = match &cursor {
            Value::Null => json!({ "limit": 5 }),
            cursor => json!({ "limit": 5, "cursor": cursor }),
        };
        body.insert("page".to_owned(), page);
        let answer = client.query(body).await.unwrap();
        pages.push(pseudonyms(&answer));
        cursor = answer.meta().unwrap()["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 2]);
    assert_eq!(pages.concat(), whole);
}

/// A first page's cursor.
async fn cursor(client: &Client) -> Value {
    let mut body = records(&["pseudonym"]);
    body.insert("page".to_owned(), json!({ "limit": 5 }));
    client.query(body).await.unwrap().meta().unwrap()["nextCursor"].clone()
}

#[tokio::test]
async fn a_cursor_serves_its_own_client_and_question_for_a_while() {
    let world = consultation(Backend::Sqlite).await.unwrap();
    let (mine, other) = (world.client("swv-po-consulent"), world.client("swv-vo-consulent"));
    let cursor = cursor(&mine).await;
    let next = |fields: &[&str], cursor: &Value| {
        let mut body = records(fields);
        body.insert("page".to_owned(), json!({ "limit": 5, "cursor": cursor }));
        body
    };
    let outcomes = [
        refusal(other.query(next(&["pseudonym"], &cursor)).await),
        refusal(mine.query(next(&["pseudonym", "enrolment.site"], &cursor)).await),
        refusal(mine.query(next(&["pseudonym"], &"AAAA".into())).await),
    ];
    mine.query(next(&["pseudonym"], &cursor)).await.unwrap();
    world.advance(1);
    let expired = refusal(mine.query(next(&["pseudonym"], &cursor)).await);

    insta::assert_debug_snapshot!((outcomes, expired), @r#"
(
    [
        "400 cursor-not-valid",
        "400 cursor-not-valid",
        "400 cursor-not-valid",
    ],
    "400 cursor-not-valid",
)
"#);
}

#[tokio::test]
async fn records_need_a_proved_person_and_a_case() {
    let world = consultation(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-consulent");
    let mut nobody = records(FIELDS);
    nobody.remove("onBehalfOf");
    let mut no_case = records(FIELDS);
    no_case["onBehalfOf"] = json!({});
    // Signed for one body, sent with another.
    let signed = client.signed(records(FIELDS)).unwrap();
    let mut other_body = records(&["pseudonym"]);
    other_body["onBehalfOf"] = signed["onBehalfOf"].clone();
    let mut forged = records(FIELDS);
    forged["onBehalfOf"]["assertion"] = "e30.e30.AAAA".into();

    let mut refusals = Vec::new();
    for body in [nobody, no_case, other_body, forged] {
        refusals.push(refusal(client.query(body).await));
    }

    insta::assert_debug_snapshot!(refusals, @r#"
[
    "403 staff-missing",
    "403 case-missing",
    "403 invalid-staff-assertion",
    "403 invalid-staff-assertion",
]
"#);
}

#[tokio::test]
async fn fields_are_those_asked_and_as_coarse_as_granted() {
    let world = consultation(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-consulent");
    let mut asked = records(&["absence.since", "absence.kind"]);
    asked.extend(body(json!({ "only": { "absence.kind": "unauthorised" } })));

    let answer = client.query(asked).await.unwrap();

    insta::assert_snapshot!(answer.data().unwrap(), @r#"[{"absence.since":"2026-09","absence.kind":"unauthorised"},{"absence.since":"2026-09","absence.kind":"unauthorised"},{"absence.since":"2026-09","absence.kind":"unauthorised"}]"#);
}

/// Found by reading: the caseload was taken as it stood on the date that the request chose.
#[tokio::test]
async fn a_caseload_of_the_past_gives_no_right_to_the_past() {
    let world = consultation(Backend::Sqlite).await.unwrap();
    let mut ended = pupils::caseload(CONSULENT, SITE);
    ended["until"] = "2026-10-01".into();
    world.deliver("swv-po-delivery", "caseload", &[ended]).await;
    let mut asked = records(&["pseudonym"]);
    asked.insert("at".to_owned(), "2026-09-15".into());
    let answer = world.client("swv-po-consulent").query(asked).await.unwrap();
    assert!(pseudonyms(&answer).is_empty());
}

/// Found by reading: with a date in the past, who had left the sites of the caseload was shown as well.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn who_left_the_caseload_is_not_shown_by_asking_for_an_earlier_date(#[case] backend: Backend) {
    let Some(world) = consultation(backend).await else {
        return;
    };
    let mut asked = records(&["pseudonym"]);
    asked.insert("at".to_owned(), "2026-09-15".into());
    let client = world.client("swv-po-consulent");
    let before = pseudonyms(&client.query(asked.clone()).await.unwrap());

    let mut left = enrolment(0);
    left["until"] = "2026-10-01".into();
    let mut rows: Vec<_> = (1..12).map(enrolment).collect();
    rows.push(left);
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    let after = pseudonyms(&client.query(asked).await.unwrap());
    assert_eq!((before.len(), after.len()), (12, 11));
}

/// Found by reading: rows were counted after a pupil's earlier rows had fallen away, so that a limit could cut off
/// pupils without a word.
#[tokio::test]
async fn more_rows_than_one_request_may_span_are_refused_and_not_cut_off() {
    let world = World::with(Backend::Sqlite, |config| config.limits.records_rows_max = 5)
        .await
        .unwrap();
    let again = |number: usize| {
        let mut row = enrolment(number);
        row["from"] = "2026-09-01".into();
        row
    };
    let rows: Vec<_> = (0..3)
        .flat_map(|number| [enrolment(number), again(number)])
        .collect();
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    let cases = [pupils::caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    let client = world.client("swv-po-consulent");
    let all = refusal(client.query(records(&["pseudonym"])).await);
    world
        .deliver("vendor-alpha-delivery", "enrolment", &rows[..4])
        .await;
    let fewer = client.query(records(&["pseudonym"])).await.unwrap();
    insta::assert_snapshot!(all, @"400 too-many-cells");
    assert_eq!(pseudonyms(&fewer).len(), 2);
}
