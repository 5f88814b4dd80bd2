//! Keys are rotated while two replicas are asked without a pause: no request fails, of the replica that reads the key
//! file first or of the one that reads it later.

use std::sync::Arc;

use doelpoort::keys::KeyPurpose;
use ring::rand::SystemRandom;
use rstest::rstest;

use super::caseload::{PROGRAM, STAFF, caseload, records_of, with_fresh_token_at};
use crate::support::database::Backend;
use crate::support::load::Load;
use crate::support::world::{Replica, World};

/// All but two: the log's key lasts as long as the log, and that of the figures may not change their noise.
const ROTATED: [KeyPurpose; 6] = [
    KeyPurpose::Index,
    KeyPurpose::Exit,
    KeyPurpose::Token,
    KeyPurpose::Cursor,
    KeyPurpose::Digest,
    KeyPurpose::Seal,
];

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
    let Some(world) = caseload(backend).await else {
        return;
    };
    let late = world.replica(None).await;

    let mut load = Load::default();
    let (here, there) = (world.url(""), late.base.clone());
    for (from, at) in [(&here, &there), (&there, &here)] {
        let client = Arc::new(world.client_at(PROGRAM, from));
        let url = format!("{at}/v1/catalogue");
        load.add(move || with_fresh_token_at(Arc::clone(&client), url.clone()));
        let client = Arc::new(world.client_at(STAFF, from));
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
