//! A real gateway, from its start to its end: what it was told of pupils is in none of its files, in no backup, in nothing
//! that it says about itself, and no longer in its memory.
//!
//! The pupils are this test's own, so that no other test writes them to a server that both use.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use data_encoding::{BASE64, HEXLOWER};
use doelpoort::client::Mode;
use ring::hmac;
use rstest::rstest;
use serde_json::{Value, json};

use super::{found, needles_of};
use crate::support::database::Backend;
use crate::support::postgres::Server;
use crate::support::process::{Process, SEED};
use crate::support::world::ask::{fact, plain_client, records, send, send_plain};
use crate::support::world::files::{KEYS_FOLDER, board_of};
use crate::support::world::pupils::{self, bsn, eck_id};
use crate::support::world::{World, lines};

/// The first of this test's pupils, and how many.
const FIRST: usize = 20_000;
const PUPILS: usize = 300;
/// A pupil that the test hands to the process so that the search has something to find.
const PLANTED: usize = 29_000;
/// For how long the gateway may hold on to connections whose clients are gone, and to what is in their buffers.
const CLOSING_MAX: Duration = Duration::from_secs(20);
/// How much of a process's memory is read at once.
const WINDOW: usize = 1 << 16;

fn needles() -> Vec<Vec<u8>> {
    needles_of((FIRST..FIRST + PUPILS).flat_map(|number| [bsn(number), eck_id(number)]))
}

/// The roots that the seed gives, in the forms in which bytes could hold them.
fn roots() -> Vec<Vec<u8>> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"dsg/demo/root/v1");
    let root = |id: &str| hmac::sign(&key, &[&SEED.to_be_bytes(), id.as_bytes()].concat());
    let roots = ["index", "exit", "figures"].map(root);
    let forms = |root: &hmac::Tag| {
        let root = root.as_ref();
        let base64 = BASE64.encode(root).as_bytes()[..40].to_vec();
        [root.to_vec(), HEXLOWER.encode(root).into_bytes(), base64]
    };
    roots.iter().flat_map(forms).collect()
}

/// All bytes of all files under a folder.
fn bytes_under(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            bytes.extend(bytes_under(&entry.path()));
        } else if kind.is_file() {
            bytes.extend(std::fs::read(entry.path()).unwrap());
        }
    }
    bytes
}

/// How many of the needles are in the memory of a process, each place counted.
fn in_memory(pid: u32, needles: &[Vec<u8>]) -> usize {
    let longest = needles.iter().map(Vec::len).max().unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, until) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, until) = (address(from), address(until));
        let (mut window, zeros) = (vec![0; WINDOW + longest], vec![0; WINDOW + longest]);
        while at < until {
            let length = usize::try_from(until - at)
                .unwrap_or(usize::MAX)
                .min(window.len());
            memory.seek(SeekFrom::Start(at)).unwrap();
            // Pages of the kernel's own cannot be read; most of what is reserved was never used.
            let read = memory.read_exact(&mut window[..length]).is_ok();
            if read && window[..length] != zeros[..length] {
                count += found(&window[..length], needles);
            }
            at += WINDOW as u64;
        }
    }
    count
}

/// Deliveries, good and bad, by each kind of identifier; questions about pupils. What was answered comes back.
async fn lived_in(process: &Process) -> String {
    let numbers = FIRST..FIRST + PUPILS;
    let each = |row: fn(usize) -> Value| numbers.clone().map(row).collect::<Vec<_>>();
    let mut said = vec![
        process
            .deliver(&each(pupils::resident))
            .await
            .unwrap()
            .text()
            .to_owned(),
    ];
    let vendor = "vendor-alpha-delivery";
    let enrolment = World::delivery(vendor, "enrolment", Mode::Snapshot);
    let body = lines(&each(pupils::enrolment));
    let client = process.client(vendor);
    said.push(match client.deliver(&enrolment, body.into()).await {
        Ok(answer) => answer.text().to_owned(),
        Err(error) => error.to_string(),
    });
    let mut broken = each(pupils::resident);
    for (row, number) in broken.iter_mut().zip(numbers.clone()) {
        row["pupil"]["bsn"] = format!("{}0", bsn(number)).into();
    }
    said.push(process.deliver(&broken).await.unwrap_err().to_string());
    let asked: Vec<_> = numbers
        .map(|number| json!({ "ref": number.to_string(), "bsn": bsn(number) }))
        .collect();
    let school = process.client("vendor-alpha-school");
    said.push(match school.facts(fact(&board_of(vendor), &asked)).await {
        Ok(answer) => answer.text().to_owned(),
        Err(error) => error.to_string(),
    });
    let consulent = process.client("swv-po-consulent");
    said.push(match consulent.query(records(&["pseudonym"])).await {
        Ok(answer) => answer.text().to_owned(),
        Err(error) => error.to_string(),
    });
    let garbled = format!("{{\"pupils\": [{{\"bsn\": \"{}\"", bsn(FIRST));
    let garbled = school.http().post(school.url("/v1/facts")).body(garbled);
    said.push(send(&school, garbled).await.text);
    let metrics = format!("http://127.0.0.1:{}/metrics", process.port() + 1);
    said.push(send_plain(plain_client().get(metrics)).await.text);
    said.join("\n")
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_of_a_pupil_outlives_its_request(#[case] backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = None;
    let url = match backend {
        Backend::Sqlite => format!("sqlite://{}", folder.path().join("gateway.db").display()),
        Backend::Postgres => {
            let Some(started) = Server::start(&[]).await else {
                return;
            };
            server.insert(started).url()
        }
    };
    let mut process = Process::new(&url);
    process.configure("filter = \"warn\"", "filter = \"trace\"");
    process.set("PLANTED", bsn(PLANTED));
    process.start().await;
    let answers = lived_in(&process).await;
    let (needles, roots) = (needles(), roots());
    let secrets = [needles.as_slice(), &roots].concat();
    assert_eq!(
        found(answers.as_bytes(), &secrets),
        0,
        "in an answer or the metrics"
    );

    let pid = process.child().id();
    let planted = needles_of([bsn(PLANTED)]);
    assert!(in_memory(pid, &planted) > 0, "the search finds what is planted");
    let closing = Instant::now();
    let mut left = in_memory(pid, &needles);
    while left > 0 && closing.elapsed() < CLOSING_MAX {
        tokio::time::sleep(Duration::from_millis(500)).await;
        left = in_memory(pid, &needles);
    }
    assert_eq!(left, 0, "in memory");

    let backup = match &server {
        None => {
            let copy = folder.path().join("backup.db");
            let status = std::process::Command::new("sqlite3")
                .arg(folder.path().join("gateway.db"))
                .arg(format!(".backup {}", copy.display()))
                .status();
            // Where there is no such program, the files themselves are searched all the same.
            status.is_ok().then(|| std::fs::read(copy).unwrap_or_default())
        }
        Some(server) => Some(server.dump()),
    };
    let database = |server: &Option<Server>| match server {
        None => bytes_under(folder.path()),
        Some(server) => bytes_under(&server.data()),
    };
    assert_eq!(found(&database(&server), &secrets), 0, "in a file, while it runs");
    process.stop().await;
    if let Some(server) = &server {
        server.execute(&["CHECKPOINT"]).await;
    }
    assert_eq!(found(&database(&server), &secrets), 0, "in a file, afterwards");
    assert_eq!(found(&backup.unwrap_or_default(), &secrets), 0, "in a backup");
    let told = process.told();
    assert!(
        told.contains("TRACE") && told.len() > 10_000,
        "traces were written"
    );
    assert_eq!(found(told.as_bytes(), &secrets), 0, "in a log line");
    assert!(process.setup().gateway(KEYS_FOLDER).exists());

    // Each search finds what a bug would leave there.
    let bug = bsn(FIRST + 7);
    let sql = format!("INSERT INTO counter (name, value) VALUES ('{bug}', 0)");
    if let Some(server) = &server {
        server.execute(&[sql.leak(), "CHECKPOINT"]).await;
    } else {
        let store = doelpoort::store::Store::open(&url, doelpoort::store::StoreOptions::default()).await;
        let store = store.unwrap();
        let insert: &'static str = sql.leak();
        store.execute(insert, vec![]).await.unwrap();
        store.close().await;
    }
    assert!(found(&database(&server), &needles) > 0, "a planted row is found");
    if let Some(server) = &server {
        assert!(found(&server.dump(), &needles) > 0, "and in a backup");
    }
    let line = format!("{told}\nTRACE pupil={bug}");
    assert_eq!(found(line.as_bytes(), &needles), 1, "a planted line is found");
}
