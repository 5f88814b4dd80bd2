//! Keys are rotated while two replicas are asked without a pause: no request fails, of the replica that reads the key
//! file first or of the one that reads it later.

use std::sync::Arc;

use doelpoort::client::Client;
use doelpoort::keys::KeyPurpose;
use ring::rand::SystemRandom;
use rstest::rstest;

use crate::support::database::Backend;
use crate::support::load::Load;
use crate::support::world::ask::{records, send_plain};
use crate::support::world::pupils::{self, CONSULENT, SITE};
use crate::support::world::{Replica, World};

const PUPILS: usize = 4;
/// All but two: the log's key lasts as long as the log, and that of the figures may not change their noise.
const ROTATED: [KeyPurpose; 6] = [
    KeyPurpose::Index,
    KeyPurpose::Exit,
    KeyPurpose::Token,
    KeyPurpose::Cursor,
    KeyPurpose::Digest,
    KeyPurpose::Seal,
];

/// A fresh token of one replica, used at the other.
async fn token_of(from: Arc<Client>, at: String) -> Result<(), String> {
    from.forget_token().await;
    let token = from.token().await.map_err(|error| format!("no token: {error}"))?;
    let asked = from.http().get(format!("{at}/v1/catalogue")).bearer_auth(token);
    let answer = send_plain(asked).await;
    if answer.status == 200 {
        Ok(())
    } else {
        Err(answer.text)
    }
}

/// Records of the caseload.
async fn records_of(client: Arc<Client>) -> Result<(), String> {
    let answer = client.query(records(&["pseudonym"])).await;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.data().unwrap().as_array().unwrap().len() {
        PUPILS => Ok(()),
        _ => Err(answer.text().to_owned()),
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

    let mut load = Load::default();
    let (here, there) = (world.url(""), late.base.clone());
    for (from, at) in [(&here, &there), (&there, &here)] {
        let (client, at) = (Arc::new(world.client_at("swv-po-dashboard", from)), at.clone());
        load.add(move || token_of(Arc::clone(&client), at.clone()));
        let client = Arc::new(world.client_at("swv-po-consulent", from));
        load.add(move || records_of(Arc::clone(&client)));
    }
    load.goes_on().await;
    for purpose in ROTATED {
        let (random, now) = (SystemRandom::new(), world.gateway.now());
        step(&world, &late, &load, |keys| keys.add(purpose, false, &random)).await;
        step(&world, &late, &load, |keys| keys.activate(purpose, now, &random)).await;
    }
    load.ends().await;
    late.stop().await;
}
