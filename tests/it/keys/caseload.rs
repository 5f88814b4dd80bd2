//! A school year's caseload, and the requests that go on while keys change.

use std::sync::Arc;

use doelpoort::client::Client;

use crate::support::database::Backend;
use crate::support::load::Load;
use crate::support::world::World;
use crate::support::world::ask::{records, send_plain};
use crate::support::world::pupils::{self, CONSULENT, SITE};

pub(super) const PROGRAM: &str = "swv-po-dashboard";
pub(super) const STAFF: &str = "swv-po-consulent";
const PUPILS: usize = 4;

/// A caseload of some pupils, and no limit of requests.
pub(super) async fn caseload(backend: Backend) -> Option<World> {
    let world = World::with(backend, |config| {
        config.limits.client_requests_per_min_max = 1_000_000;
        config.limits.address_requests_per_min_max = 1_000_000;
    });
    let world = world.await?;
    let cases = [pupils::caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    let rows: Vec<_> = (0..PUPILS).map(pupils::enrolment).collect();
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    world.next_day().await;
    Some(world)
}

/// The load of a member of staff and of a program that takes a token for each request.
pub(super) async fn load(world: &World) -> Load {
    let mut load = Load::default();
    let (staff, program) = (Arc::new(world.client(STAFF)), Arc::new(world.client(PROGRAM)));
    load.add(move || records_of(Arc::clone(&staff)));
    load.add(move || with_fresh_token(Arc::clone(&program)));
    load.goes_on().await;
    load
}

/// The caseload of a member of staff, proved by the provider.
pub(super) async fn records_of(client: Arc<Client>) -> Result<(), String> {
    let answer = client.query(records(&["pseudonym"])).await;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.data().unwrap().as_array().unwrap().len() {
        PUPILS => Ok(()),
        _ => Err(answer.text().to_owned()),
    }
}

/// A token for each request, and what may be asked with it.
pub(super) async fn with_fresh_token(client: Arc<Client>) -> Result<(), String> {
    let at = client.url("/v1/catalogue");
    with_fresh_token_at(client, at).await
}

/// A token of the client's own replica, used at `url`, which may be of another.
pub(super) async fn with_fresh_token_at(client: Arc<Client>, url: String) -> Result<(), String> {
    client.forget_token().await;
    let token = client
        .token()
        .await
        .map_err(|error| format!("no token: {error}"))?;
    catalogue(&client, &url, &token).await
}

/// What may be asked with this token.
pub(super) async fn catalogue(client: &Client, url: &str, token: &str) -> Result<(), String> {
    let answer = send_plain(client.http().get(url).bearer_auth(token)).await;
    if answer.status == 200 {
        Ok(())
    } else {
        Err(answer.text)
    }
}
