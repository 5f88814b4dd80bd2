//! The read API of the Logboek Dataverwerkingen: an organisation's own affair, and only after its look is in the log.

use doelpoort_core::audit::leaf::{GRANTED, Kind};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{Response, figures, send};

/// A world in which the municipality and the SWV for secondary schools each have an auditor.
async fn audited(backend: Backend) -> Option<World> {
    let world = World::prepared(
        backend,
        |policies| {
            let file = policies.join("organisations.toml");
            let mut text = std::fs::read_to_string(&file).unwrap();
            for client in ["municipality-dashboard", "swv-vo-dashboard"] {
                let at = text.find(&format!("id = \"{client}\"")).unwrap();
                let roles = at + text[at..].find("roles = [").unwrap() + "roles = [".len();
                text.insert_str(roles, "\"auditor\", ");
            }
            std::fs::write(&file, text).unwrap();
        },
        |_| {},
    )
    .await?;
    world.deliver_city().await;
    world.close_epoch().await;
    Some(world)
}

async fn read(world: &World, client: &str, body: Value) -> Response {
    let client = world.client(client);
    let request = client.http().post(client.url("/v1/log/processing-activities"));
    send(&client, request.body(body.to_string())).await
}

fn records(answer: &Response) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["processingActivities"].as_array().unwrap().clone()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_auditor_reads_what_is_its_own_affair(#[case] backend: Backend) {
    let Some(world) = audited(backend).await else {
        return;
    };
    let asker = world.client("swv-po-dashboard");
    asker.query(figures(&[], json!({}))).await.unwrap();
    // The municipality holds rows of the youth atlas: it sees who asked.
    let activity = json!({ "processingActivityId": "youth-atlas" });
    let found = records(&read(&world, "municipality-dashboard", activity.clone()).await);
    assert_eq!(found.len(), 1);
    let uri = found[0]["attributes"]["dpl.core.processing_activity_id"]
        .as_str()
        .unwrap();
    assert!(uri.contains("/v1/register#youth-atlas@"), "{uri}");
    assert_eq!(found[0]["status"], "Ok");
    // By its trace too, and by the URI that it found.
    let trace = json!({ "traceId": found[0]["traceId"] });
    assert_eq!(
        records(&read(&world, "municipality-dashboard", trace.clone()).await),
        found
    );
    let by_uri = json!({ "processingActivityId": uri, "startTime": found[0]["startTime"] });
    assert_eq!(
        records(&read(&world, "municipality-dashboard", by_uri).await),
        found
    );
    let later =
        json!({ "traceId": found[0]["traceId"], "startTime": found[0]["endTime"].as_i64().unwrap() + 1 });
    assert!(records(&read(&world, "municipality-dashboard", later).await).is_empty());
    // Deliveries of another are not the affair of the SWV for secondary schools.
    let deliveries = json!({ "processingActivityId": "delivery-resident" });
    assert_eq!(
        records(&read(&world, "municipality-dashboard", deliveries.clone()).await).len(),
        1
    );
    assert!(records(&read(&world, "swv-vo-dashboard", deliveries).await).is_empty());
}

#[tokio::test]
async fn each_look_is_logged_before_it_shows_anything() {
    let world = audited(Backend::Sqlite).await.unwrap();
    let body = json!({ "processingActivityId": "youth-atlas" });
    for (client, body, decision) in [
        ("municipality-dashboard", body.clone(), GRANTED),
        ("swv-po-dashboard", body, "role-missing"),
        (
            "municipality-dashboard",
            json!({ "startTime": 1 }),
            "invalid-input",
        ),
    ] {
        read(&world, client, body).await;
        let entry = world.last_entries(1).await.remove(0).event;
        assert_eq!(
            (entry.kind, entry.decision.as_deref()),
            (Kind::LogRead, Some(decision))
        );
    }
    assert!(world.report().await.is_intact());
}

#[tokio::test]
async fn what_may_not_be_asked_is_refused_with_the_way_to_mend_it() {
    let world = audited(Backend::Sqlite).await.unwrap();
    let asked = |body: Value| read(&world, "municipality-dashboard", body);
    let unselective = asked(json!({ "startTime": 1 })).await;
    assert_eq!(
        unselective.refusal(),
        "400 application/problem+json invalid-input"
    );
    let pupil = asked(json!({ "dataSubjectId": "5" })).await;
    assert_eq!(pupil.refusal(), "400 application/problem+json invalid-input");
    assert!(pupil.text.contains("FG"), "{}", pupil.text);
    let other = read(
        &world,
        "swv-po-dashboard",
        json!({ "processingActivityId": "youth-atlas" }),
    )
    .await;
    assert_eq!(other.refusal(), "403 application/problem+json role-missing");
}

/// Readings that are refused are refusals as all others: a program without the role cannot fill the log by asking.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn refused_readings_are_counted_in_a_window_past_twenty(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let client = world.client("swv-po-dashboard");
    let before = world.report().await.size;
    for path in ["tile/entries/000.p/1", "private/000.p/1?look=0"] {
        for _ in 0..20 {
            let url = client.url(&format!("/v1/log/{path}"));
            let answer = send(&client, client.http().get(url)).await;
            assert_eq!(answer.refusal(), "403 application/problem+json role-missing");
        }
    }
    assert_eq!(world.report().await.size, before + 20 + 1);
    let window = world.last_entries(1).await.remove(0).event;
    assert_eq!(window.kind, Kind::RefusalWindowOpened);
}
