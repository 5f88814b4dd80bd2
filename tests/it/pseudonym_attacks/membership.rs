//! A resolution used to learn whether a pseudonym is somebody's, or somebody's at that school.

use doelpoort_core::audit::leaf::Form;
use rstest::rstest;
use serde_json::{Value, json};

use crate::resolutions::{item, items, known, released, school, state, unknown};
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::body;

/// The school answers the item that came since it looked last.
async fn says(world: &World, before: &[Value], answer: Value) {
    let inbox = items(world).await;
    let known = |item: &&Value| before.iter().any(|old| old["id"] == item["id"]);
    let new = inbox.iter().find(|item| !known(item)).unwrap();
    world
        .client("vendor-alpha-school")
        .post(&item(&new["id"], "/_answer"), body(answer))
        .await
        .unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn unknown_declined_expired_and_of_another_are_the_same_to_who_asks(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let (own, others) = (
        known(&world, "swv-po-consulent").await,
        known(&world, "swv-vo-consulent").await,
    );
    let client = world.client("swv-po-consulent");
    let mut asked = Vec::new();
    // The control comes first: one that is answered.
    for (at, pseudonym) in [&own[2], &own[0], &own[1], &unknown(1), &others[0]]
        .into_iter()
        .enumerate()
    {
        let before = items(&world).await;
        let request = released(&world, std::slice::from_ref(pseudonym));
        let answer = client.post("/v1/resolutions", request).await.unwrap();
        let mut said = answer.data().unwrap().clone();
        let id = said[0]["id"].as_str().unwrap().to_owned();
        said[0]["id"] = "-".into();
        asked.push((id, said.to_string()));
        match at {
            0 => {
                says(
                    &world,
                    &before,
                    json!({ "action": "answer", "answer": "Call us." }),
                )
                .await;
            }
            1 => says(&world, &before, json!({ "action": "decline" })).await,
            _ => {}
        }
    }
    assert_eq!(
        items(&world).await.len(),
        3,
        "the school is asked about its own pupils only"
    );
    let mut seen = Vec::new();
    for (id, said) in &asked {
        let pending = state(&world, id).await.to_string();
        seen.push((said.clone(), pending));
    }
    assert!(
        seen.iter().all(|one| *one == seen[0]),
        "whatever happens: {seen:?}"
    );
    world.advance(24 * 8);
    for ((id, _), seen) in asked.iter().zip(&mut seen) {
        let mut closed = state(&world, id).await;
        closed["results"][0]["pseudonym"] = "-".into();
        seen.1.push_str(&closed.to_string());
    }
    assert!(seen[1..].iter().all(|one| *one == seen[1]), "{seen:?}");
    assert!(seen[1].1.contains(r#""result":"none""#));
    assert_ne!(seen[0], seen[1], "an answer is seen, by who has the right to it");

    // Nor does the log tell: every entry of a resolution has as many tags, and all look at inboxes alike.
    let entries = world.last_entries(world.report().await.size).await;
    let tags: Vec<_> = entries
        .iter()
        .filter(|leaf| leaf.event.form == Some(Form::Resolve))
        .map(|leaf| (leaf.event.tags.len(), leaf.event.extra.len()))
        .collect();
    assert_eq!(tags.len(), 5);
    assert!(tags.iter().all(|one| *one == tags[0]));
}
