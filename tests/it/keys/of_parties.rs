//! Keys that are others' are rotated while they are used: of programs, of their organisations' providers and issuers, of
//! approvers and of the FG; and the one that wraps ours. No request fails.

use std::path::Path;
use std::sync::{Arc, Mutex};

use doelpoort::client::{Client, PrivateKey};
use doelpoort::clock::{Clock, FixedClock};
use doelpoort::gateway::key_files;
use doelpoort::identity::PeerCertificate;
use doelpoort::keys::KekSource;
use doelpoort::keys::KeyUse;
use doelpoort::keys::file::{OpenKeys, make_held_kek};
use doelpoort_core::party::ApproverRole;
use doelpoort_core::policy::KeyList;
use doelpoort_core::policy::key_list::{Added, Change, KeySigner, Removed};
use ring::rand::SystemRandom;
use rstest::rstest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::caseload::{PROGRAM, STAFF, caseload, catalogue, load, records_of, with_fresh_token};
use crate::support::database::Backend;
use crate::support::load::Load;
use crate::support::world::World;
use crate::support::world::files::{self, DEPLOYMENT, approver};

const REALM: &str = "https://tokens.swv-po.example";
const MUNICIPALITY: &str = "00000099000000000034";

/// What each task asks with; a rotation puts another in its place.
type Held<T> = Arc<Mutex<Arc<T>>>;

fn held<T>(first: T) -> Held<T> {
    Arc::new(Mutex::new(Arc::new(first)))
}

fn put<T>(held: &Held<T>, next: T) {
    *held.lock().unwrap() = Arc::new(next);
}

fn taken<T>(held: &Held<T>) -> Arc<T> {
    Arc::clone(&held.lock().unwrap())
}

/// A token of the partnership's own realm (RFC 9068).
fn of_the_realm(world: &World, thumbprint: &str, key: &PrivateKey) -> String {
    let now = world.clock_now().as_second();
    let header = json!({ "alg": key.algorithm(), "typ": "at+jwt", "kid": key.kid() });
    let claims = json!({
        "iss": REALM, "aud": "https://localhost:8443", "sub": "service-account", "azp": PROGRAM,
        "jti": format!("{}-of-a-test", key.kid()), "iat": now, "exp": now + 600, "scope": "youth-atlas",
        "cnf": { "x5t#S256": thumbprint },
    });
    let part = |value: &Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", data_encoding::BASE64URL_NOPAD.encode(&signature))
}

/// Changes the keys that stand below `organisation.<section>` of the partnership, or of one of its programs.
fn change_keys(world: &World, section: Section, change: impl Fn(&mut Vec<Value>)) {
    let file = world.policies().join("organisations.toml");
    let mut table: toml::Table = toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let organisations = table["organisation"].as_array_mut().unwrap();
    let named =
        |one: &toml::Value, key: &str, name: &str| one.get(key).and_then(toml::Value::as_str) == Some(name);
    let of = organisations
        .iter_mut()
        .find(|one| named(one, "slug", "swv-po"))
        .unwrap();
    let holder = match section {
        Section::Staff => &mut of["staff"],
        Section::Tokens => {
            let tokens = of.as_table_mut().unwrap().entry("tokens");
            tokens.or_insert_with(|| {
                toml::Value::Table(toml::toml! { issuer = "https://tokens.swv-po.example" })
            })
        }
        Section::Program => {
            let programs = of["client"].as_array_mut().unwrap();
            programs.iter_mut().find(|one| named(one, "id", PROGRAM)).unwrap()
        }
    };
    let holder = holder.as_table_mut().unwrap();
    let mut keys: Vec<Value> = match holder.get("jwks") {
        None => Vec::new(),
        Some(toml::Value::String(text)) => {
            let jwks: Value = serde_json::from_str(text).unwrap();
            jwks["keys"].as_array().unwrap().clone()
        }
        Some(jwks) => {
            let jwks = serde_json::to_value(jwks).unwrap();
            jwks["keys"].as_array().unwrap().clone()
        }
    };
    change(&mut keys);
    holder.insert("jwks".to_owned(), json!({ "keys": keys }).to_string().into());
    std::fs::write(&file, toml::to_string(&table).unwrap()).unwrap();
}

#[derive(Clone, Copy)]
enum Section {
    Program,
    Staff,
    Tokens,
}

/// The policies as they stand are signed by all and come into force.
async fn activate(world: &World) {
    world.raise_versions();
    world.approve();
    assert!(world.gateway.reload_policies().await.unwrap());
}

/// A program with another key in a file of its folder.
fn with_key(world: &World, id: &str, file: &str, pem: &str) -> Client {
    let folder = world.client_folder(id);
    std::fs::write(folder.path().join(file), pem).unwrap();
    let clock: Arc<dyn Clock> = Arc::<FixedClock>::clone(&world.clock);
    Client::open_with_clock(folder.path(), clock).unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_programs_providers_and_issuers_rotate_under_load(#[case] backend: Backend) {
    let Some(world) = caseload(backend).await else {
        return;
    };
    let (issuer, _) = PrivateKey::generate().unwrap();
    change_keys(&world, Section::Tokens, |keys| keys.push(issuer.public_jwk()));
    activate(&world).await;
    let folder = world.client_folder(PROGRAM);
    let certificate = CertificateDer::from_pem_file(folder.path().join("client.crt")).unwrap();
    let thumbprint = PeerCertificate::from_der(&certificate)
        .unwrap()
        .thumbprint
        .to_string();
    let program = held(world.client(PROGRAM));
    let staff = held(world.client(STAFF));
    let token = held(of_the_realm(&world, &thumbprint, &issuer));
    let mut load = Load::default();
    let asks = Arc::clone(&program);
    load.add(move || with_fresh_token(taken(&asks)));
    let asks = Arc::clone(&staff);
    load.add(move || records_of(taken(&asks)));
    let (asks, client) = (Arc::clone(&token), Arc::new(world.client(PROGRAM)));
    load.add(move || {
        let (token, client) = (taken(&asks), Arc::clone(&client));
        async move { catalogue(&client, &client.url("/v1/catalogue"), &token).await }
    });
    load.goes_on().await;

    let new = [(); 3].map(|()| PrivateKey::generate().unwrap());
    let sections = [Section::Program, Section::Staff, Section::Tokens];
    for (section, (key, _)) in sections.into_iter().zip(&new) {
        change_keys(&world, section, |keys| keys.push(key.public_jwk()));
    }
    activate(&world).await;
    load.goes_on().await;
    let [(_, of_program), (_, of_staff), (of_issuer, _)] = &new;
    put(&program, with_key(&world, PROGRAM, "assertion.key", of_program));
    put(&staff, with_key(&world, STAFF, "staff.key", of_staff));
    put(&token, of_the_realm(&world, &thumbprint, of_issuer));
    load.goes_on().await;
    for section in sections {
        change_keys(&world, section, |keys| drop(keys.remove(0)));
    }
    activate(&world).await;
    load.ends().await;

    // The old ones are out.
    let (member, url) = (world.client(STAFF), world.url("/v1/catalogue"));
    let old = [
        with_fresh_token(Arc::new(world.client(PROGRAM))).await,
        records_of(Arc::new(world.client(STAFF))).await,
        catalogue(&member, &url, &of_the_realm(&world, &thumbprint, &issuer)).await,
    ];
    assert!(old.iter().all(Result::is_err), "{old:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_approvers_and_of_the_fg_rotate_under_load(#[case] backend: Backend) {
    let Some(world) = caseload(backend).await else {
        return;
    };
    let load = load(&world).await;

    // An approver's: the change of the list and what it signs anew come in one.
    let (new, pem) = PrivateKey::generate().unwrap();
    let keys = tempfile::tempdir().unwrap();
    files::copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("keys-example"),
        keys.path(),
    );
    std::fs::write(keys.path().join("approvers/municipality.fg.key"), &*pem).unwrap();
    let old = approver("municipality", "fg");
    let list = doelpoort::policies::read(world.policies()).unwrap().approvers;
    let list = KeyList::follow(&list[..1]).unwrap();
    let removed = Removed {
        organisation: MUNICIPALITY.to_owned(),
        kid: old.kid(),
    };
    let added = Added {
        organisation: MUNICIPALITY.to_owned(),
        roles: vec![ApproverRole::Fg],
        jwk: new.signing_key().public_key().to_jwk(&new.kid()),
    };
    let mut change = Change::after(&list, DEPLOYMENT, vec![removed], vec![added]);
    let signer = KeySigner {
        organisation: &MUNICIPALITY.parse().unwrap(),
        kid: &old.kid(),
        key: old.signing_key(),
    };
    change.sign(signer).unwrap();
    std::fs::write(world.policies().join("approvers/0001.json"), change.to_text()).unwrap();
    world.approve_with(keys.path());
    assert!(world.gateway.reload_policies().await.unwrap());
    load.goes_on().await;

    // The FG's: what is sealed from here on opens with the new ones.
    let (_, public) = files::fg(world.policies(), world.clock_now());
    std::fs::write(&world.files.config.audit.fg_keys, public).unwrap();
    assert!(world.gateway.reload_fg_keys().unwrap());
    load.ends().await;
    assert!(world.report().await.is_intact());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_kek_rotates_under_load(#[case] backend: Backend) {
    let Some(world) = caseload(backend).await else {
        return;
    };
    let load = load(&world).await;

    let random = SystemRandom::new();
    let kek = world.files.config.keys.kek.clone();
    let new = kek.with_extension("new");
    let source = KekSource::File(new.clone());
    make_held_kek(&source, &random).unwrap();
    let mut keys = OpenKeys::open(&key_files(&world.files.config), KeyUse::DemoOrTest).unwrap();
    keys.rewrap(&source, &random).unwrap();
    keys.save().unwrap();
    // Between the two files nothing opens, and what is in memory serves on.
    assert!(world.gateway.reload_keys().await.is_err());
    load.goes_on().await;
    std::fs::rename(&new, &kek).unwrap();
    world.gateway.reload_keys().await.unwrap();
    load.goes_on().await;
    // It wraps from here on.
    world.rotate(doelpoort::keys::KeyPurpose::Token).await;
    load.ends().await;
}
