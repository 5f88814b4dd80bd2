//! A translation of one pupil, to learn which pseudonym another party has for it: alone, among strangers, in a second
//! go, or beside many.

use doelpoort_core::pseudonym::Pseudonym;
use rstest::rstest;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::ask::refusal;
use crate::translations::{known, listed, send, two_partnerships};

fn strangers(count: u128) -> Vec<String> {
    (1..=count)
        .map(|number| Pseudonym::stand_in(number).as_str().to_owned())
        .collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn one_pupil_is_never_translated_alone(#[case] backend: Backend) {
    let Some(world) = two_partnerships(backend).await else {
        return;
    };
    let own = known(&world, "swv-po-consulent").await;
    assert_eq!(refusal(send(&world, &own[..1]).await), "400 invalid-input");
    assert_eq!(refusal(send(&world, &own[..49]).await), "400 invalid-input");
    // One among 49 that are nobody's: taken, as any other, and given to nobody.
    let mut hidden = strangers(49);
    hidden.push(own[0].clone());
    let taken = send(&world, &hidden).await.unwrap();
    assert_eq!(
        *taken.data().unwrap(),
        json!([{ "state": "taken", "values": 50 }])
    );
    assert_eq!(listed(&world, "swv-vo-consulent").await["waiting"], json!([]));
    // Sent today already: not with others either.
    assert_eq!(refusal(send(&world, &own).await), "409 sent-today");
    // The control: among enough of the sender's own pupils one is translated, and the other party gets them all.
    send(&world, &own[1..]).await.unwrap();
    let waiting = listed(&world, "swv-vo-consulent").await["waiting"].clone();
    let path = format!("/v1/translations/{}", waiting[0]["id"].as_str().unwrap());
    let got = world.client("swv-vo-consulent").get(&path).await.unwrap();
    assert_eq!(got.text().matches("dsp1_").count(), 59);
    assert_eq!(refusal(send(&world, &own[1..51]).await), "409 sent-today");
    // 109 of 200 a day are used.
    assert_eq!(
        refusal(send(&world, &strangers(1_000)[900..]).await),
        "429 rate-limited"
    );
    assert_eq!(
        listed(&world, "swv-po-consulent").await["unknown"],
        json!([]),
        "not on the same day"
    );

    world.next_day().await;
    let unknown = listed(&world, "swv-po-consulent").await["unknown"].clone();
    let count = unknown[0]["unknown"].as_i64().unwrap();
    assert!(count == 40 || count == 50, "49, rounded: {unknown}");
}
