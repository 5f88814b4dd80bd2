//! Witnesses: cosignatures come, and a log that is not what it was is caught.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use doelpoort::log::Stale;
use doelpoort::serve::Shutdown;
use doelpoort::witness::{Witness, WitnessError};
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::cosignature::WitnessKey;
use doelpoort_core::audit::quorum::Policy;
use doelpoort_core::audit::witness::{AddCheckpoint, Refusal};
use ring::rand::SystemRandom;
use rstest::rstest;
use tokio::task::JoinSet;

use super::*;
use crate::support::world::ask::plain_client;

/// A witness that serves, in a folder of its own.
struct Running {
    folder: tempfile::TempDir,
    key: WitnessKey,
    serving: Option<(SocketAddr, JoinSet<()>)>,
}

impl Running {
    async fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Witness::create(folder.path(), name, &SystemRandom::new()).unwrap();
        let mut running = Self {
            folder,
            key,
            serving: None,
        };
        running.start().await;
        running
    }

    fn open(folder: &Path) -> Result<Witness, WitnessError> {
        let clock = Arc::new(doelpoort::clock::SystemClock);
        Witness::open(folder, vec![signer().verifier().clone()], clock)
    }

    async fn start(&mut self) {
        let router = doelpoort::http::witness(Arc::new(Self::open(self.folder.path()).unwrap()));
        let any = ([127, 0, 0, 1], 0).into();
        let limits = doelpoort::config::Limits::default();
        let served = doelpoort::serve::run_plain(router, any, limits, Shutdown::new()).await;
        self.serving = Some(served.unwrap());
    }

    async fn stop(&mut self) {
        let (_, mut tasks) = self.serving.take().unwrap();
        tasks.shutdown().await;
    }

    fn url(&self) -> String {
        let (address, _) = self.serving.as_ref().unwrap();
        format!("http://{address}")
    }

    /// The status and the body of a request.
    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let url = format!("{}/add-checkpoint", self.url());
        let response = plain_client().post(url).body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

async fn three() -> [Running; 3] {
    [
        Running::new("fg.example/witness").await,
        Running::new("board.example/witness").await,
        Running::new("city.example/witness").await,
    ]
}

/// `needed` of these witnesses.
fn asking(witnesses: &[Running], needed: usize) -> Publishing {
    let urls: Vec<String> = witnesses.iter().map(Running::url).collect();
    policy(witnesses, &urls, needed)
}

fn policy(witnesses: &[Running], urls: &[String], needed: usize) -> Publishing {
    let mut text = String::new();
    let mut names = String::new();
    for (number, (witness, url)) in witnesses.iter().zip(urls).enumerate() {
        writeln!(text, "witness W{number} {} {url}", witness.key.to_text()).unwrap();
        write!(names, " W{number}").unwrap();
    }
    write!(text, "group all {needed}{names}\nquorum all\n").unwrap();
    Publishing {
        policy: Policy::parse(&text).unwrap(),
        ..Publishing::default()
    }
}

async fn is_witnessed(log: &Log) {
    until("a quorum cosigned this start", async || !log.is_stale()).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_is_answered_before_a_quorum_saw_this_start(#[case] backend: Backend) {
    let Some(place) = Place::on(backend).await else {
        return;
    };
    let mut witnesses = three().await;
    let publishing = asking(&witnesses, 2);
    for witness in &mut witnesses[1..] {
        witness.stop().await;
    }
    let log = place.try_log(publishing.clone()).await.unwrap();
    assert_eq!(log.freshness().stale, Some(Stale::NotWitnessed));
    assert!(matches!(log.append(answer()).await, Err(LogError::Stale)));
    // What is no answer is logged all the same.
    log.append(entry()).await.unwrap();
    assert_eq!(log.witnessed().await.unwrap(), None);
    log.close().await;

    for witness in &mut witnesses[1..] {
        witness.start().await;
    }
    let log = place.try_log(asking(&witnesses, 2)).await.unwrap();
    is_witnessed(&log).await;
    log.append(answer()).await.unwrap();
    let note = log.witnessed().await.unwrap().unwrap();
    let seen = publishing
        .policy
        .verify(&note, Some(signer().verifier()))
        .unwrap();
    assert!(seen.is_quorum && seen.cosigned.len() >= 2, "{note}");
    // A proof for an entry under it carries the cosignatures too.
    let proof = log.inclusion(0).await.unwrap().unwrap();
    assert!(
        publishing
            .policy
            .verify(&proof.note, Some(signer().verifier()))
            .unwrap()
            .is_quorum
    );
    log.close().await;
}

#[tokio::test]
async fn a_log_that_grows_is_cosigned_again_and_again() {
    let place = Place::sqlite().await;
    let witnesses = three().await;
    let log = place.try_log(asking(&witnesses, 3)).await.unwrap();
    is_witnessed(&log).await;
    for _ in 0..2 {
        let size = size_of(&log.witnessed().await.unwrap().unwrap());
        for _ in 0..300 {
            drop(log.append(entry()).await.unwrap());
        }
        place.advance(61);
        until("all three cosigned what came since", async || {
            size_of(&log.witnessed().await.unwrap().unwrap()) > size
        })
        .await;
    }
    log.close().await;
}

fn size_of(note: &str) -> u64 {
    Checkpoint::open(note, signer().verifier()).unwrap().size
}

#[tokio::test]
async fn a_restored_database_is_caught_by_the_witnesses() {
    let witnesses = three().await;
    let place = Place::sqlite().await;
    let log = place.try_log(asking(&witnesses, 2)).await.unwrap();
    for _ in 0..5 {
        log.append(entry()).await.unwrap();
    }
    is_witnessed(&log).await;
    place.advance(61);
    until("all is cosigned", async || {
        log.witnessed()
            .await
            .unwrap()
            .is_some_and(|note| size_of(&note) == 7)
    })
    .await;
    log.close().await;
    // Somebody restores what stood there before, consistently: the head, the entries, the checkpoints, the cosignatures.
    for sql in [
        "DELETE FROM log_entry WHERE idx >= 2",
        "DELETE FROM log_checkpoint",
        "DELETE FROM log_cosignature",
        "UPDATE log_head SET size = 2, frontier = substr(frontier, 1, 32)",
    ] {
        place.tamper(sql).await;
    }
    let entries = doelpoort::store::log::entries(&place.store, doelpoort::log::SHARD, 0, 2)
        .await
        .unwrap();
    let mut tree = doelpoort_core::audit::merkle::Frontier::empty();
    for entry in entries {
        tree.push(doelpoort_core::audit::merkle::leaf_hash(&entry.leaf));
    }
    let values = vec![tree.root().as_slice().into(), tree.to_bytes().as_slice().into()];
    place
        .store
        .execute("UPDATE log_head SET root = $1, frontier = $2", values)
        .await
        .unwrap();

    // Without witnesses nobody notices …
    let blind = place.log().await;
    blind.append(answer()).await.unwrap();
    blind.close().await;
    // … with them it never answers again.
    let log = place.try_log(asking(&witnesses, 2)).await.unwrap();
    until("the log stops", async || log.is_stopped()).await;
    assert!(matches!(log.append(answer()).await, Err(LogError::Stopped)));
}

#[tokio::test]
async fn a_fork_is_caught_and_one_witness_alone_stops_nothing() {
    let witnesses = three().await;
    let first = Place::sqlite().await;
    let log = first.try_log(asking(&witnesses, 2)).await.unwrap();
    is_witnessed(&log).await;
    log.close().await;
    // Another history under the same key, longer than the one that was cosigned.
    let second = Place::sqlite().await;
    second.filled(9).await;
    let log = second.try_log(asking(&witnesses, 2)).await.unwrap();
    until("the fork stops", async || log.is_stopped()).await;

    // Only the first of these three has seen the other history: it is outvoted.
    let fresh = [
        Running::new("fg2.example/witness").await,
        Running::new("board2.example/witness").await,
    ];
    let [one, ..] = witnesses;
    let [two, three] = fresh;
    let outvoted = [one, two, three];
    let log = second.try_log(asking(&outvoted, 2)).await.unwrap();
    is_witnessed(&log).await;
    assert!(!log.is_stopped());
    log.close().await;
}

#[tokio::test]
async fn two_histories_for_two_readers_never_both_have_a_quorum() {
    let witnesses = three().await;
    let dead = || "http://127.0.0.1:9".to_owned();
    let urls: Vec<String> = witnesses.iter().map(Running::url).collect();
    // The operator shows one history to two witnesses, another to the third.
    let (one, other) = (Place::sqlite().await, Place::sqlite().await);
    let to_two = policy(&witnesses, &[urls[0].clone(), urls[1].clone(), dead()], 2);
    let to_one = policy(&witnesses, &[dead(), dead(), urls[2].clone()], 2);
    let log = one.try_log(to_two).await.unwrap();
    let split = other.try_log(to_one).await.unwrap();
    is_witnessed(&log).await;
    until("the third cosigned the other", async || {
        split
            .checkpoint()
            .await
            .unwrap()
            .is_some_and(|note| note.contains("city.example"))
    })
    .await;
    assert!(split.is_stale() && split.witnessed().await.unwrap().is_none());
    // Whoever compares what the third saw with the first history sees the fork.
    let shown = split.checkpoint().await.unwrap().unwrap();
    let report = verify(&one.store, signer().verifier(), Some(&shown))
        .await
        .unwrap();
    assert!(!report.is_intact());
    log.close().await;
    split.close().await;
}

/// A checkpoint of a log of this size, with what a witness is asked.
async fn asked(place: &Place, size: u64, old_size: u64) -> AddCheckpoint {
    let log = place.filled(size).await;
    log.consistency(old_size).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_witness_answers_as_the_protocol_says() {
    let mut witness = Running::new("fg.example/witness").await;
    let place = Place::sqlite().await;
    let first = asked(&place, 5, 0).await;
    let (status, line) = witness.post(first.to_text()).await;
    let text = first.note.split_once("\n\n").unwrap().0.to_owned() + "\n";
    assert_eq!(status, 200);
    assert!(witness.key.find(&text, &line).unwrap().is_some(), "{line}");

    let (grown, other) = (
        asked(&place, 9, 5).await,
        asked(&Place::sqlite().await, 20, 5).await,
    );
    let size = size_of(&grown.note);
    let stranger = Signer::from_seed(ORIGIN, &[8; 32]).unwrap();
    let unsigned = AddCheckpoint {
        note: stranger.note(&text).unwrap(),
        ..grown.clone()
    };
    let unknown = AddCheckpoint {
        note: grown.note.replace(ORIGIN, "example.nl/audit/2027"),
        ..grown.clone()
    };
    let wrong_size = AddCheckpoint {
        old_size: 3,
        ..grown.clone()
    };
    let forked = AddCheckpoint {
        old_size: 5,
        ..other.clone()
    };
    for (body, expected) in [
        (
            "nonsense".to_owned(),
            (400, Refusal::Malformed.to_string() + "\n"),
        ),
        (
            AddCheckpoint {
                old_size: 99,
                ..grown.clone()
            }
            .to_text(),
            (400, Refusal::Malformed.to_string() + "\n"),
        ),
        (unknown.to_text(), (404, Refusal::UnknownLog.to_string() + "\n")),
        (unsigned.to_text(), (403, Refusal::NotSigned.to_string() + "\n")),
        (wrong_size.to_text(), (409, "5\n".to_owned())),
        (forked.to_text(), (422, Refusal::NotConsistent.to_string() + "\n")),
    ] {
        assert_eq!(witness.post(body.clone()).await, expected, "{body}");
    }
    assert_eq!(witness.post(vec![b'x'; 70_000]).await.0, 413);

    // It remembers across a restart: the old size is a conflict, the new one goes on.
    assert_eq!(witness.post(grown.to_text()).await.0, 200);
    witness.stop().await;
    witness.start().await;
    assert_eq!(witness.post(grown.to_text()).await, (409, format!("{size}\n")));
    assert_eq!(witness.post(first.to_text()).await, (409, format!("{size}\n")));
    let again = AddCheckpoint {
        old_size: size,
        proof: Vec::new(),
        ..grown.clone()
    };
    assert_eq!(witness.post(again.to_text()).await.0, 200);
    // The same size under another root.
    let log = Place::sqlite().await.filled(size).await;
    let same_size = log.consistency(size).await.unwrap().unwrap();
    assert_eq!(
        witness.post(same_size.to_text()).await,
        (409, format!("{size}\n"))
    );
}

#[tokio::test]
async fn a_witness_without_its_memory_does_not_start() {
    let mut witness = Running::new("fg.example/witness").await;
    let folder = witness.folder.path().to_owned();
    assert!(matches!(Running::open(&folder), Err(WitnessError::Locked(_))));
    let first = asked(&Place::sqlite().await, 5, 0).await;
    assert_eq!(witness.post(first.to_text()).await.0, 200);
    witness.stop().await;
    let state = folder.join("state");
    let file = std::fs::read_dir(&state).unwrap().next().unwrap().unwrap().path();
    let note = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, note.replace("\n5\n", "\n4\n")).unwrap();
    assert!(matches!(Running::open(&folder), Err(WitnessError::State { .. })));
    std::fs::remove_dir_all(&state).unwrap();
    assert!(matches!(Running::open(&folder), Err(WitnessError::Forgotten(_))));
    let again = Witness::create(&folder, "fg.example/witness", &SystemRandom::new());
    assert!(matches!(again, Err(WitnessError::Create(_))));
}

/// What cannot be remembered is not cosigned.
#[tokio::test]
async fn a_witness_that_cannot_write_says_nothing() {
    let witness = Running::new("fg.example/witness").await;
    let first = asked(&Place::sqlite().await, 5, 0).await;
    let state = witness.folder.path().join("state");
    std::fs::rename(&state, witness.folder.path().join("gone")).unwrap();
    let (status, body) = witness.post(first.to_text()).await;
    assert_eq!((status, body.as_str()), (500, ""));
    std::fs::rename(witness.folder.path().join("gone"), &state).unwrap();
    assert_eq!(witness.post(first.to_text()).await.0, 200);
}

/// What an auditor sees of it all, from the tables and public keys alone.
#[tokio::test]
async fn an_auditor_verifies_what_the_witnesses_said() {
    let place = Place::sqlite().await;
    let witnesses = three().await;
    let publishing = asking(&witnesses, 2);
    let log = place.try_log(publishing.clone()).await.unwrap();
    let appends = (2..300).map(|_| log.append_within(entry(), SOON));
    futures_util::future::try_join_all(appends).await.unwrap();
    is_witnessed(&log).await;
    log.close().await;
    let seen = async |policy: &Policy| {
        doelpoort::log::vouched(&place.store, signer().verifier(), policy, &[])
            .await
            .unwrap()
    };
    let good = seen(&publishing.policy).await;
    assert!(
        good.is_intact(&publishing.policy) && good.cosignatures >= 2 && good.nodes == 1,
        "{good}"
    );
    // Controls: other witnesses are nobody, and what was changed does not fit.
    let strangers = asking(&three().await, 2).policy;
    let unknown = seen(&strangers).await;
    assert!(
        !unknown.is_intact(&strangers) && unknown.unknown == good.cosignatures,
        "{unknown}"
    );
    place.tamper("UPDATE log_node SET hash = zeroblob(32)").await;
    let bad = seen(&publishing.policy).await;
    assert_eq!(
        bad.findings,
        ["node `0` of tile level `1` is not what the leaf hashes give"]
    );
    place
        .tamper("UPDATE log_cosignature SET line = replace(line, '\u{2014} ', '\u{2014} x')")
        .await;
    let bad = seen(&publishing.policy).await;
    assert!(
        bad.witnessed.is_none() && bad.findings.iter().any(|one| one.contains("does not fit")),
        "{bad}"
    );
}
