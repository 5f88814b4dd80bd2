//! Keys are rotated while two replicas are asked without a pause: no request fails, of the replica that reads the key
//! file first or of the one that reads it later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use doelpoort::client::Client;
use doelpoort::keys::KeyPurpose;
use ring::rand::SystemRandom;
use rstest::rstest;
use tokio::time::sleep;

use crate::support::database::Backend;
use crate::support::world::ask::{records, send_plain};
use crate::support::world::pupils::{self, CONSULENT, SITE};
use crate::support::world::{Replica, World};

const PUPILS: usize = 4;
/// Requests of each kind at each replica, between two steps of a rotation.
const REQUESTS_BETWEEN_STEPS: usize = 3;
/// Between two requests: both cores are needed by others, too.
const PAUSE: Duration = Duration::from_millis(10);
/// All but two: the log's key lasts as long as the log, and that of the figures may not change their noise.
const ROTATED: [KeyPurpose; 6] = [
    KeyPurpose::Index,
    KeyPurpose::Exit,
    KeyPurpose::Token,
    KeyPurpose::Cursor,
    KeyPurpose::Digest,
    KeyPurpose::Seal,
];

/// What the requests came to.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    /// Of each task.
    answered: [AtomicUsize; 4],
    failed: AtomicUsize,
}

impl Load {
    fn count(&self, task: usize, failure: Option<String>) {
        if let Some(failure) = failure {
            eprintln!("{failure}");
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        self.answered[task].fetch_add(1, Ordering::Relaxed);
    }

    /// Until each task was answered some times more, so that every step of a rotation has requests on both sides of it.
    async fn goes_on(&self) {
        let counts = || {
            self.answered
                .each_ref()
                .map(|count| count.load(Ordering::Relaxed))
        };
        let before = counts();
        while counts()
            .iter()
            .zip(before)
            .any(|(now, before)| *now < before + REQUESTS_BETWEEN_STEPS)
        {
            sleep(PAUSE).await;
        }
    }

    /// A fresh token of one replica, used at the other.
    async fn tokens(self: Arc<Self>, task: usize, from: Client, at: String) {
        while !self.stop.load(Ordering::Relaxed) {
            from.forget_token().await;
            let failure = match from.token().await {
                Err(error) => Some(format!("no token: {error}")),
                Ok(token) => {
                    let asked = from.http().get(format!("{at}/v1/catalogue")).bearer_auth(token);
                    let answer = send_plain(asked).await;
                    (answer.status != 200).then_some(answer.text)
                }
            };
            self.count(task, failure);
            sleep(PAUSE).await;
        }
    }

    /// Records of the caseload.
    async fn records(self: Arc<Self>, task: usize, client: Client) {
        while !self.stop.load(Ordering::Relaxed) {
            let answer = client.query(records(&["pseudonym"])).await;
            let failure = match answer {
                Err(error) => Some(error.to_string()),
                Ok(answer) if answer.data().unwrap().as_array().unwrap().len() == PUPILS => None,
                Ok(answer) => Some(answer.text().to_owned()),
            };
            self.count(task, failure);
            sleep(PAUSE).await;
        }
    }
}

/// One step of a rotation; the other replica reads the file some requests later.
async fn step<T>(
    world: &World,
    late: &Replica,
    load: &Load,
    change: impl FnOnce(&mut doelpoort::keys::file::OpenKeys) -> Result<T, doelpoort::keys::file::ChangeError>,
) {
    world.change_keys(change).await;
    load.goes_on().await;
    late.gateway.reload_keys().await.unwrap();
    load.goes_on().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_under_load_and_no_request_fails(#[case] backend: Backend) {
    let world = World::with(backend, |config| {
        config.limits.client_requests_per_min_max = 1_000_000;
    });
    let Some(world) = world.await else {
        return;
    };
    let cases = [pupils::caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    let rows: Vec<_> = (0..PUPILS).map(pupils::enrolment).collect();
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    world.next_day().await;
    let late = world.replica(None).await;

    let load = Arc::new(Load::default());
    let here = world.url("");
    let client = |id, base: &str| world.client_at(id, base);
    let tasks = [
        tokio::spawn(Arc::clone(&load).tokens(0, client("swv-po-dashboard", &here), late.base.clone())),
        tokio::spawn(Arc::clone(&load).tokens(1, client("swv-po-dashboard", &late.base), here.clone())),
        tokio::spawn(Arc::clone(&load).records(2, client("swv-po-consulent", &here))),
        tokio::spawn(Arc::clone(&load).records(3, client("swv-po-consulent", &late.base))),
    ];
    load.goes_on().await;
    for purpose in ROTATED {
        let (random, now) = (SystemRandom::new(), world.gateway.now());
        step(&world, &late, &load, |keys| keys.add(purpose, false, &random)).await;
        step(&world, &late, &load, |keys| keys.activate(purpose, now, &random)).await;
    }
    load.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    late.stop().await;
    assert_eq!(load.failed.load(Ordering::Relaxed), 0);
}
