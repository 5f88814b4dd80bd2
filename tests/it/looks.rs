//! The data protection officer (FG) looks at the log over the exchange: logged first, two persons for a pupil, and nobody
//! else learns anything, not even whether a number is known.

mod hand_out;
mod keys;

use std::collections::BTreeSet;

use doelpoort::audit::Entries;
use doelpoort::client::Client;
use doelpoort::fg::Reader;
use doelpoort::fg::fetch::fetch;
use doelpoort::fg::follow::{FollowError, Parts, follow};
use doelpoort::fg::look::{LookError, Purpose, open_sought};
use doelpoort::fg::monitor::monitor;
use doelpoort::fg::replay::{self, Archive, Archived};
use doelpoort::fg::search::search;
use doelpoort_core::audit::leaf::{GRANTED, Kind, Leaf, Value as Extra, extra};
use doelpoort_core::audit::note::Signer;
use doelpoort_core::audit::place::Place;
use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::policy::History;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::request::LookCommand;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::private::{ORIGIN, ask_about, school};
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, refusal, send};
use crate::support::world::pupils::{bsn, enrolment, resident};

/// How many private parts are read at once.
const PARTS: u64 = 3;
const MONTH: &str = "2026-11";
const FG: &str = "swv-po-fg";
/// A valid number that nobody has.
const NOBODY: &str = "999999990";

fn purpose<'a>(world: &'a World, client: &'a Client) -> Purpose<'a> {
    Purpose {
        client,
        log: world.gateway.log().verifier(),
        reason: "subject-access",
        case: Some("2026-17"),
    }
}

/// The pupil's place, as the FG learns it.
async fn place(world: &World, number: &str) -> Result<Vec<SubjectId>, LookError> {
    let client = world.client(FG);
    let keys = (&world.files.fg, MONTH.parse().unwrap());
    let purpose = purpose(world, &client);
    let found = purpose.place_of("log-oversight", ("bsn", number), keys);
    match found.await?.1 {
        Place::Subjects(subjects) => Ok(subjects),
        Place::Unconfirmed => panic!("told otherwise"),
    }
}

/// The body of a search.
fn asked(number: &str) -> Map<String, Value> {
    body(json!({
        "purpose": "log-oversight", "reason": "subject-access", "months": [MONTH],
        "pupils": [{ "ref": "1", "bsn": number }],
        "onBehalfOf": { "case": "2026-17" }, "releasedBy": { "case": "2026-17" },
    }))
}

fn database(world: &World) -> Entries {
    Entries::Database(world.gateway.store().clone())
}

async fn last(world: &World) -> Leaf {
    world.last_entries(1).await.remove(0)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn from_a_pupils_number_to_every_entry_about_the_pupil(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    for number in [1, 0, 1] {
        ask_about(&world, number).await;
    }
    let before = world.report().await.size;
    let subjects = place(&world, &bsn(1)).await.unwrap();

    // The look was logged before it showed anything, for two persons, and it is about the pupil as well.
    let entry = last(&world).await.event;
    assert_eq!(
        (entry.kind, entry.decision.as_deref()),
        (Kind::LogRead, Some(GRANTED))
    );
    assert_eq!(entry.clause.as_deref(), Some("log-oversight/grant/0"));
    let whom: Vec<_> = subjects.iter().map(Tagged::Subject).collect();
    let found = search(&database(&world), ORIGIN, &world.files.fg, &whom)
        .await
        .unwrap();
    let found: Vec<u64> = found.entries.iter().map(|entry| entry.index).collect();
    // The first is the gateway's own: the school's two numbers of the pupil became one.
    assert_eq!(found, [before - 4, before - 3, before - 1, before]);
    for person in ["fg-01", "fg-02"] {
        let found = search(
            &database(&world),
            ORIGIN,
            &world.files.fg,
            &[Tagged::Staff(person)],
        )
        .await;
        assert_eq!(found.unwrap().entries.len(), 1, "{person}");
    }
    let all = crate::private::read(&world, &world.files.fg).await;
    let private = all.last().unwrap().1.as_ref().unwrap();
    let staff = private.staff.as_ref().unwrap();
    assert_eq!(
        (
            staff.subject.as_str(),
            staff.released_by.as_deref(),
            staff.case.as_deref()
        ),
        ("fg-01", Some("fg-02"), Some("2026-17"))
    );
    let query = private.query.as_ref().unwrap().to_string();
    assert!(
        query.contains("subject-access") && !query.contains(&bsn(1)),
        "{query}"
    );
    let monitored = monitor(
        &database(&world),
        world.gateway.log().verifier(),
        &world.files.fg,
        None,
        0,
    )
    .await
    .unwrap();
    assert!(monitored.is_honest(), "{monitored:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whether_a_number_is_known_does_not_show(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let client = world.client(FG);
    let mut shapes = BTreeSet::new();
    for number in [bsn(1), NOBODY.to_owned(), bsn(2)] {
        let answer = client.post("/v1/log/subjects", asked(&number)).await.unwrap();
        let sealed = answer.data().unwrap().to_string();
        let leaf = last(&world).await;
        let parts = database(&world)
            .sealed_of(&[world.report().await.size - 1].into())
            .await
            .unwrap();
        shapes.insert((
            answer.status(),
            sealed.len(),
            leaf.encode().unwrap().len(),
            leaf.event.tags.len(),
            parts.into_values().map(|part| part.len()).collect::<Vec<_>>(),
        ));
        // Nothing of the pupil is in the clear.
        assert!(!answer.text().contains(&number));
        let subjects = place(&world, &number).await.unwrap();
        assert!(
            !answer
                .text()
                .contains(&doelpoort_core::audit::base64(subjects[0].as_bytes()))
        );
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    // One who does not hold the key of the month reads nothing.
    let keys = crate::support::fg::fg();
    let purpose = purpose(&world, &client);
    let keys = (&keys.0, MONTH.parse().unwrap());
    let other = purpose.place_of("log-oversight", ("bsn", NOBODY), keys);
    assert!(matches!(other.await, Err(LookError::NoPlace(_))));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_persons_with_a_reason_and_a_case_or_nobody(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let client = world.client(FG);
    let changed = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut body = asked(&bsn(1));
        change(&mut body);
        body
    };
    let set = |key: &'static str, value: Value| {
        move |body: &mut Map<String, Value>| {
            body.insert(key.to_owned(), value.clone());
        }
    };
    let without = |key: &'static str| {
        move |body: &mut Map<String, Value>| {
            body.remove(key);
        }
    };
    for (change, expected) in [
        (
            &without("releasedBy") as &dyn Fn(&mut Map<String, Value>),
            "403 second-person-missing",
        ),
        (&without("reason"), "400 invalid-input"),
        (&set("reason", json!("curiosity")), "403 reason-not-granted"),
        (&set("onBehalfOf", json!({})), "403 case-missing"),
        (&without("onBehalfOf"), "403 second-person-missing"),
        (&set("months", json!(["2031-01"])), "400 invalid-input"),
        (&set("purpose", json!("case-consultation")), "404 no-such-purpose"),
    ] {
        let outcome = client.post("/v1/log/subjects", changed(change)).await;
        assert_eq!(refusal(outcome), expected);
        let entry = last(&world).await.event;
        let code = expected.split(' ').next_back();
        assert_eq!((entry.kind, entry.decision.as_deref()), (Kind::LogRead, code));
    }
    // One person twice.
    let folder = world.client_folder(FG);
    let file = folder.path().join("client.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, settings.replace("fg-02", "fg-01")).unwrap();
    let clock: std::sync::Arc<dyn doelpoort::clock::Clock> = world.clock.clone();
    let alone = Client::open_with_clock(folder.path(), clock).unwrap();
    let outcome = alone.post("/v1/log/subjects", asked(&bsn(1))).await;
    assert_eq!(refusal(outcome), "403 second-person-missing");
    // Another role, another organisation.
    for id in ["swv-po-consulent", "swv-po-auditor", "municipality-auditor"] {
        let outcome = world.client(id).post("/v1/log/subjects", asked(&bsn(1))).await;
        assert_eq!(refusal(outcome), "403 role-missing", "{id}");
    }
    // The control.
    client.post("/v1/log/subjects", asked(&bsn(1))).await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_assertion_works_once_and_for_its_request_alone(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let client = world.client(FG);
    let signed = client.signed(asked(&bsn(1))).unwrap();
    let post = |body: &Map<String, Value>| {
        let request = client.http().post(client.url("/v1/log/subjects"));
        request.body(Value::Object(body.clone()).to_string())
    };
    assert_eq!(send(&client, post(&signed)).await.status, 200);
    let again = send(&client, post(&signed)).await;
    assert_eq!(
        again.refusal(),
        "403 application/problem+json invalid-staff-assertion"
    );
    let mut other = client.signed(asked(&bsn(1))).unwrap();
    other.insert("pupils".to_owned(), json!([{ "ref": "1", "bsn": bsn(2) }]));
    let other = send(&client, post(&other)).await;
    assert_eq!(
        other.refusal(),
        "403 application/problem+json invalid-staff-assertion"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_day_has_so_many_searches_and_no_more(#[case] backend: Backend) {
    let narrowed = |policies: &std::path::Path| {
        let file = policies.join("purposes/log-oversight.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("per_day = 20", "per_day = 2")).unwrap();
    };
    let Some(world) = World::prepared(backend, narrowed, |_| ()).await else {
        return;
    };
    let client = world.client(FG);
    for expected in [200, 200, 429] {
        let signed = client.signed(asked(NOBODY)).unwrap();
        let request = client.http().post(client.url("/v1/log/subjects"));
        let answer = send(&client, request.body(Value::Object(signed).to_string())).await;
        assert_eq!(answer.status, expected);
    }
    world.advance(24);
    world
        .client(FG)
        .post("/v1/log/subjects", asked(NOBODY))
        .await
        .unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_merge_that_nobody_confirmed_is_not_looked_through(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    // The school links two numbers of one pupil; that the municipality agrees counts from the next day on.
    world
        .deliver("municipality-delivery", "resident", &[resident(1)])
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &[enrolment(1)])
        .await;
    assert!(matches!(
        place(&world, &bsn(1)).await,
        Err(LookError::Unconfirmed)
    ));
    world.next_day().await;
    assert_eq!(place(&world, &bsn(1)).await.unwrap().len(), 2);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_fg_reads_over_the_exchange_what_it_announced(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    for number in [1, 0] {
        ask_about(&world, number).await;
    }
    let client = world.client(FG);
    let keys = (&world.files.fg, MONTH.parse().unwrap());
    let logged = purpose(&world, &client)
        .announce(LookCommand::Replay, "every decision", Some(keys))
        .await
        .unwrap();
    assert_eq!(logged.index, world.report().await.size - 1);
    published(&world, logged.index).await;

    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("log.tar");
    let log = world.gateway.log().verifier();
    let size = fetch(&client, log, Some(logged.index), &|_, _| None, &bundle)
        .await
        .unwrap();
    assert!(size > logged.index);
    let file = std::fs::File::open(&bundle).unwrap();
    assert!(doelpoort_verify::verify(file, log, None).unwrap().is_intact());
    let copy = Entries::Bundle(bundle);
    let monitored = monitor(&copy, world.gateway.log().verifier(), &world.files.fg, None, 0)
        .await
        .unwrap();
    assert!(monitored.is_honest() && monitored.opened == 4, "{monitored:?}");

    // What was sought is in the log for the FG alone, and decisions are made again with what the exchange has.
    let mut reader = Reader::new(ORIGIN, &world.files.fg);
    let (mut asked, mut sought) = (Vec::new(), None);
    let mut history = History::default();
    follow(&copy, Parts::Sealed, &mut reader, |reader, entry| {
        history.apply(&entry.leaf).unwrap();
        let Some(opened) = reader.open_entry(&entry).unwrap() else {
            return Ok(());
        };
        if entry.index == logged.index {
            sought = Some((entry, opened));
        } else if replay::is_decision(&entry.leaf.event) {
            asked.push((entry, opened, history.clone()));
        }
        Ok::<(), FollowError>(())
    })
    .await
    .unwrap();
    let (entry, opened) = sought.unwrap();
    let Some(Extra::Bytes(commitment)) = entry.leaf.event.extra.get(&extra::SOUGHT) else {
        panic!("no commitment")
    };
    let text = opened.private.query.as_ref().unwrap()["sought"]
        .as_str()
        .unwrap()
        .to_owned();
    let sealed = data_encoding::BASE64.decode(text.as_bytes()).unwrap();
    let told = open_sought(
        &world.files.fg,
        MONTH.parse().unwrap(),
        ORIGIN,
        &sealed,
        commitment,
    )
    .unwrap();
    assert_eq!(told.as_deref(), Some("every decision"));
    let other = open_sought(&world.files.fg, MONTH.parse().unwrap(), ORIGIN, &sealed, &[0; 32]).unwrap();
    assert_eq!(other, None);
    assert_eq!(asked.len(), 2);
    let mut archive = Archive::new(Archived::Exchange(&client), crate::support::world::DEPLOYMENT);
    for (entry, opened, history) in &asked {
        let (at, digest) = replay::decided(&entry.leaf, &opened.private, history).unwrap();
        let policies = archive.policies(digest.unwrap(), history, at).await.unwrap();
        assert!(
            replay::decide(&policies, &entry.leaf, &opened.private)
                .unwrap()
                .is_same()
        );
    }
}

/// Waits until a checkpoint covers an entry.
pub(crate) async fn published(world: &World, index: u64) {
    let covers = async {
        loop {
            let note = world
                .gateway
                .log()
                .checkpoint()
                .await
                .unwrap()
                .unwrap_or_default();
            let size = note
                .lines()
                .nth(1)
                .and_then(|size| size.parse().ok())
                .unwrap_or(0);
            if index < size {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), covers)
        .await
        .unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_private_is_read_without_a_look_that_was_announced(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    ask_about(&world, 1).await;
    let client = world.client(FG);
    let announced = |command| {
        let purpose = purpose(&world, &client);
        async move { purpose.announce(command, "x", None).await.unwrap().index }
    };
    let look = announced(LookCommand::Monitor).await;
    published(&world, look).await;
    let read = async |id: &str, look: &str| {
        let client = world.client(id);
        let request = client
            .http()
            .get(client.url(&format!("/v1/log/private/000.p/{PARTS}?{look}")));
        send(&client, request).await
    };
    assert_eq!(read(FG, &format!("look={look}")).await.status, 200);
    let entry = last(&world).await.event;
    let announcement = world.last_entries(2).await.remove(0).event.entry_id;
    assert_eq!((entry.kind, entry.opening), (Kind::LogRead, Some(announcement)));
    for (id, look, expected) in [
        (
            FG,
            "look=0".to_owned(),
            "403 application/problem+json look-not-announced",
        ),
        (
            FG,
            "look=99999".to_owned(),
            "403 application/problem+json look-not-announced",
        ),
        (FG, String::new(), "400 application/problem+json invalid-input"),
        (
            "swv-po-auditor",
            format!("look={look}"),
            "403 application/problem+json role-missing",
        ),
        (
            "municipality-auditor",
            format!("look={look}"),
            "403 application/problem+json role-missing",
        ),
    ] {
        assert_eq!(read(id, &look).await.refusal(), expected, "{id} {look}");
    }
    world.advance(25);
    let late = read(FG, &format!("look={look}")).await;
    assert_eq!(late.refusal(), "403 application/problem+json look-not-announced");
}

#[tokio::test]
async fn a_look_is_announced_by_who_may_and_its_receipt_must_hold() {
    let world = school(Backend::Sqlite).await.unwrap();
    let client = world.client(FG);
    let announce = |body: Value| client.post("/v1/log/readings", crate::support::world::ask::body(body));
    let commitment = doelpoort_core::audit::base64(&[7; 32]);
    let full = json!({
        "command": "search-pupil", "reason": "review", "commitment": commitment,
        "onBehalfOf": { "case": "1" }, "releasedBy": {},
    });
    announce(full.clone()).await.unwrap();
    for (key, value, expected) in [
        ("releasedBy", Value::Null, "403 second-person-missing"),
        ("onBehalfOf", json!({}), "400 invalid-input"),
        ("command", json!("peek"), "400 invalid-input"),
        ("commitment", json!("none"), "400 invalid-input"),
    ] {
        let mut body = full.clone();
        body[key] = value;
        if body[key].is_null() {
            body.as_object_mut().unwrap().remove(key);
        }
        assert_eq!(refusal(announce(body).await), expected, "{key}");
    }
    for id in ["swv-po-consulent", "swv-po-auditor", "municipality-auditor"] {
        let mut body = body(full.clone());
        body.insert("command".to_owned(), json!("monitor"));
        let outcome = world.client(id).post("/v1/log/readings", body).await;
        assert_eq!(refusal(outcome), "403 role-missing", "{id}");
    }
    // A receipt of another log's key proves nothing, so nothing is looked at.
    let signer = Signer::from_seed(ORIGIN, &[9; 32]).unwrap();
    let other = Purpose {
        log: signer.verifier(),
        ..purpose(&world, &client)
    };
    let look = other.announce(LookCommand::Search, "staff x", None).await;
    assert!(matches!(look, Err(LookError::Receipt(_))), "{look:?}");
}
