//! No number that was delivered is anywhere: not in a file of the database, not in a value of a table, not in an
//! answer, not in a log line; and no subject id leaves. Each search also finds what is planted on purpose.

mod process;

use std::path::Path;

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use doelpoort::client::Mode;
use doelpoort::store::TypeClass;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::lines::Lines;
use crate::support::world::ask::{fact, figures, records, send};
use crate::support::world::pupils::{self, CONSULENT, SITE, bsn, eck_id};
use crate::support::world::{World, lines};

const PUPILS: usize = 40;
const BOARD: &str = "00000099000000041676";
/// The board's own name for a pupil.
const LOCAL: &str = "leerling-kz7";

/// Each number that was delivered, in the forms in which bytes could hold it.
fn needles() -> Vec<Vec<u8>> {
    let texts = (0..PUPILS).flat_map(|number| [bsn(number), eck_id(number)]);
    needles_of(texts.chain([LOCAL.to_owned()]))
}

/// Texts in the forms in which bytes could hold them.
fn needles_of(texts: impl IntoIterator<Item = String>) -> Vec<Vec<u8>> {
    let mut needles = Vec::new();
    for text in texts {
        if text.len() == 64 {
            needles.push(HEXLOWER.decode(text.as_bytes()).unwrap());
        }
        needles.push(HEXLOWER.encode(text.as_bytes()).into_bytes());
        needles.push(HEXUPPER.encode(text.as_bytes()).into_bytes());
        needles.push(text.to_ascii_uppercase().into_bytes());
        needles.push(text.into_bytes());
    }
    needles.sort();
    needles.dedup();
    needles
}

/// How many of the needles are in these bytes.
fn found(bytes: &[u8], needles: &[Vec<u8>]) -> usize {
    // Looked up by their first eight bytes, so that one pass is enough.
    let mut by_start: std::collections::HashMap<&[u8], Vec<&Vec<u8>>> = std::collections::HashMap::new();
    for needle in needles {
        by_start.entry(&needle[..8]).or_default().push(needle);
    }
    // Most of what is looked through begins no needle.
    let mut begins = vec![false; 1 << 16];
    let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    for needle in needles {
        begins[pair(needle)] = true;
    }
    let places = bytes.windows(8).enumerate();
    places
        .filter(|(_, start)| begins[pair(start)])
        .filter_map(|(place, start)| Some((place, by_start.get(start)?)))
        .flat_map(|(place, candidates)| candidates.iter().map(move |needle| (place, needle)))
        .filter(|(place, needle)| bytes[*place..].starts_with(needle))
        .count()
}

/// All files of the database: the file itself, the write-ahead log, the shared memory.
fn files(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

/// Values of all tables that are, or hold, a number that was delivered: table and column of each.
async fn in_tables(world: &World, needles: &[Vec<u8>]) -> Vec<String> {
    let store = world.gateway.store();
    let numbers: Vec<i64> = (0..PUPILS).map(|number| bsn(number).parse().unwrap()).collect();
    let mut places = Vec::new();
    for (table, columns) in store.schema().await.unwrap() {
        for (column, (class, _)) in columns {
            let sql: &'static str = format!("SELECT {column} FROM {table}").leak();
            for row in store.fetch_all(sql, vec![]).await.unwrap() {
                let hit = match class {
                    TypeClass::Int => row
                        .int_opt(0)
                        .unwrap()
                        .is_some_and(|value| numbers.contains(&value)),
                    TypeClass::Text => row
                        .text_opt(0)
                        .unwrap()
                        .is_some_and(|text| found(text.as_bytes(), needles) > 0),
                    TypeClass::Bytes => row
                        .bytes_opt(0)
                        .unwrap()
                        .is_some_and(|bytes| found(&bytes, needles) > 0),
                };
                if hit {
                    places.push(format!("{table}.{column}"));
                }
            }
        }
    }
    places
}

/// Deliveries of all datasets, good and bad; answers of all forms. Every byte that was answered comes back.
async fn lived_in(world: &World) -> String {
    let vendor = "vendor-alpha-delivery";
    let each = |row: fn(usize) -> Value| (0..PUPILS).map(row).collect::<Vec<_>>();
    let mut enrolments = each(pupils::enrolment);
    enrolments[0]["pupil"]["local"] = LOCAL.into();
    let cases = [pupils::caseload(CONSULENT, SITE)];
    let mut said = vec![
        world
            .deliver("municipality-delivery", "resident", &each(pupils::resident))
            .await,
        world.deliver(vendor, "enrolment", &enrolments).await,
        world.deliver(vendor, "absence", &each(pupils::absence)).await,
        world
            .deliver("swv-po-delivery", "admissibility", &each(pupils::admissibility))
            .await,
        world.deliver("swv-po-delivery", "caseload", &cases).await,
    ];
    let mut broken = each(pupils::enrolment);
    for row in &mut broken {
        row["pupil"]["bsn"] = format!("{}0", bsn(1)).into();
    }
    let refused = world
        .try_deliver(vendor, "enrolment", Mode::Snapshot, &broken)
        .await
        .unwrap_err();
    world.close_epoch().await;
    said.push(
        world
            .client("swv-po-dashboard")
            .query(figures(&["resident.neighbourhood"], json!({})))
            .await
            .unwrap(),
    );
    said.push(
        world
            .client("swv-po-consulent")
            .query(records(&["pseudonym", "enrolment.site"]))
            .await
            .unwrap(),
    );
    let asked: Vec<_> = (0..PUPILS)
        .map(|number| json!({ "ref": number.to_string(), "bsn": bsn(number) }))
        .collect();
    let school = world.client("vendor-alpha-school");
    said.push(school.facts(fact(BOARD, &asked)).await.unwrap());
    said.push(school.catalogue().await.unwrap());
    let garbled = format!("{{\"pupils\": [{{\"bsn\": \"{}\"", bsn(2));
    let garbled = school.http().post(school.url("/v1/facts")).body(garbled);
    let garbled = send(&school, garbled).await.text;
    let texts: Vec<_> = said.iter().map(|answer| answer.text().to_owned()).collect();
    format!("{}\n{refused}\n{garbled}", texts.join("\n"))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_number_that_was_delivered_is_kept_or_told(#[case] backend: Backend) {
    let (log, _guard) =
        Lines::captured("doelpoort=trace,doelpoort_core=trace,sqlx=trace,axum=trace,tower_http=trace");
    let Some(mut world) = World::new(backend).await else {
        return;
    };
    let needles = needles();
    let answers = lived_in(&world).await;

    assert_eq!(found(answers.as_bytes(), &needles), 0, "in an answer");
    let log = log.text().into_bytes();
    assert!(!log.is_empty());
    assert_eq!(found(&log, &needles), 0, "in a log line");
    assert_eq!(in_tables(&world, &needles).await, Vec::<String>::new());
    if matches!(backend, Backend::Sqlite) {
        assert_eq!(
            found(&files(world.database.folder()), &needles),
            0,
            "in a file, while it runs"
        );
        world.stop().await;
        assert_eq!(
            found(&files(world.database.folder()), &needles),
            0,
            "in a file, afterwards"
        );
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_subject_id_is_in_any_answer(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let answers = lived_in(&world).await;
    let store = world.gateway.store();
    let mut forms = Vec::new();
    for row in store
        .fetch_all("SELECT subject FROM subject", vec![])
        .await
        .unwrap()
    {
        let subject: [u8; 16] = row.array(0).unwrap();
        forms.push(subject.to_vec());
        for text in [HEXLOWER.encode(&subject), HEXUPPER.encode(&subject)] {
            forms.push(text.into_bytes());
        }
        // Base64 within a longer value begins at any of three places.
        forms.push(BASE64.encode(&subject).as_bytes()[..21].to_vec());
        forms.push(BASE64URL.encode(&subject).as_bytes()[..21].to_vec());
    }
    assert!(forms.len() >= PUPILS * 5);
    assert_eq!(found(answers.as_bytes(), &forms), 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_search_finds_what_is_planted(#[case] backend: Backend) {
    let Some(mut world) = World::new(backend).await else {
        return;
    };
    let needles = needles();
    let store = world.gateway.store();
    let number: i64 = bsn(3).parse().unwrap();
    let insert = "INSERT INTO counter (name, value) VALUES ($1, $2)";
    store
        .execute(insert, vec!["planted".into(), number.into()])
        .await
        .unwrap();
    let text = format!("planted {}", eck_id(4));
    store
        .execute(insert, vec![text.as_str().into(), 0_i64.into()])
        .await
        .unwrap();
    assert_eq!(
        in_tables(&world, &needles).await,
        ["counter.name", "counter.value"]
    );
    if matches!(backend, Backend::Sqlite) {
        world.stop().await;
        assert_eq!(found(&files(world.database.folder()), &needles), 1);
    }
    let row = lines(&[pupils::enrolment(5)]);
    assert_eq!(found(row.as_bytes(), &needles), 2);
    assert_eq!(found(HEXLOWER.encode(row.as_bytes()).as_bytes(), &needles), 2);
}
