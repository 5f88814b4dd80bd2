//! Hostile assertions of staff, over HTTPS: each is refused in the same words, and the log has an entry of each. Why each is
//! refused is tried beside the code (`gateway/identity/tests/staff.rs`).

use std::time::Instant;

use data_encoding::BASE64URL_NOPAD;
use doelpoort::client::Client;
use doelpoort_core::audit::leaf::Kind;
use doelpoort_core::request_digest::{RequestDigest, nonce};
use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Map, Value, json};

use super::cases::{Change, OF_EVERY_KIND, after, remove};
use super::good::Good;
use super::{REFUSAL_TIME, names_differ};
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{Response, records, send};
use crate::support::world::pupils::{CONSULENT, SITE, caseload};

const CLIENT: &str = "swv-po-consulent";
const OTHER: &str = "swv-vo-consulent";
/// The organisation of the first.
const OIN: &str = "00000099000000240101";
/// All that is tried, whose names differ.
const TRIED: usize = 129;
/// So many a minute: from 20 on the log counts refusals of a client together.
const A_MINUTE: usize = 15;

/// What an assertion of staff may not have.
const STAFF: &[(&str, Change)] = &[
    ("an access token's typ", |h, _| h["typ"] = json!("at+jwt")),
    ("aud the provider's own client", |_, c| {
        c["aud"] = json!("client-7");
    }),
    ("iss the client", |_, c| c["iss"] = json!(CLIENT)),
    ("iss another organisation's provider", |_, c| {
        c["iss"] = json!("https://login.swv-vo.example");
    }),
    ("over 5 minutes ahead", |_, c| c["exp"] = after(c, 306)),
    ("sub missing", |_, c| remove(c, "sub")),
    ("sub null", |_, c| c["sub"] = Value::Null),
    ("sub a number", |_, c| c["sub"] = json!(7)),
    ("sub a list", |_, c| c["sub"] = json!([c["sub"]])),
    ("sub empty", |_, c| c["sub"] = json!("")),
    ("sub long", |_, c| c["sub"] = json!("x".repeat(256))),
    ("another client", |_, c| c["client_id"] = json!(OTHER)),
    ("client a list", |_, c| c["client_id"] = json!([CLIENT])),
    ("client in capitals", |_, c| {
        c["client_id"] = json!(CLIENT.to_uppercase());
    }),
    ("another request", |_, c| {
        c["request_digest"] = json!(BASE64URL_NOPAD.encode(&[0; 32]));
    }),
    ("digest no digest", |_, c| c["request_digest"] = json!("x")),
    ("digest empty", |_, c| c["request_digest"] = json!("")),
    ("digest in hexadecimal", |_, c| {
        let digest = c["request_digest"].as_str().unwrap().as_bytes();
        c["request_digest"] = json!(data_encoding::HEXLOWER.encode(&BASE64URL_NOPAD.decode(digest).unwrap()));
    }),
    ("digest a list", |_, c| {
        c["request_digest"] = json!([c["request_digest"]]);
    }),
    ("bound to nothing", |_, c| {
        remove(c, "request_digest");
        remove(c, "client_id");
    }),
    ("bound to the client only", |_, c| remove(c, "request_digest")),
    ("bound to the request only", |_, c| remove(c, "client_id")),
    ("nonce of another", |_, c| {
        remove(c, "request_digest");
        remove(c, "client_id");
        c["nonce"] = json!(BASE64URL_NOPAD.encode(&[0; 32]));
    }),
    ("nonce the digest itself", |_, c| {
        c["nonce"] = c["request_digest"].take();
        remove(c, "request_digest");
        remove(c, "client_id");
    }),
];

/// Tokens that are good elsewhere.
async fn of_others(world: &World, client: &Client, digest: &RequestDigest) -> Vec<(&'static str, String)> {
    let mut borrowed = Good::staff(world, OTHER, digest);
    borrowed.claims = Good::staff(world, CLIENT, digest).claims;
    let other_request = RequestDigest::of(&records(&["enrolment.site"])).unwrap();
    vec![
        (
            "the client's own assertion",
            Good::assertion(world, CLIENT).token(),
        ),
        ("the client's access token", client.token().await.unwrap()),
        (
            "another organisation's person",
            Good::staff(world, OTHER, digest).token(),
        ),
        ("by another organisation's key", borrowed.token()),
        (
            "a good one of another request",
            Good::staff(world, CLIENT, &other_request).token(),
        ),
    ]
}

async fn ask(client: &Client, asked: &Map<String, Value>, assertion: &str) -> Response {
    let mut asked = asked.clone();
    asked["onBehalfOf"]["assertion"] = json!(assertion);
    let request = client.http().post(client.url("/v1/queries"));
    send(client, request.body(Value::Object(asked).to_string())).await
}

/// What the caller reads, without what names this very request.
fn told(answer: &Response) -> String {
    let mut document = answer.json();
    remove(&mut document, "traceId");
    format!("{} {document}", answer.refusal())
}

/// That the last entries are refusals of this kind, one each, with nobody named.
async fn logged(world: &World, before: u64, refused: usize) {
    let size = world.report().await.size;
    assert_eq!(size, before + refused as u64);
    for leaf in world.last_entries(refused as u64).await {
        let event = &leaf.event;
        assert_eq!(event.kind, Kind::AccessDecided);
        assert_eq!(event.decision.as_deref(), Some("invalid-staff-assertion"));
        assert_eq!(event.recipient.as_deref(), Some(OIN));
        assert!(!format!("{event:?}").contains(CONSULENT));
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_hostile_assertion_proves_a_person(#[case] backend: Backend) {
    let Some(world) = super::world(backend).await else {
        return;
    };
    let cases = [caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    let client = world.client(CLIENT);
    let asked = records(&["pseudonym"]);
    let digest = RequestDigest::of(&asked).unwrap();
    let (mut tried, mut wrong) = (0, Vec::new());
    let mut words = None;
    loop {
        let all = Good::staff(&world, CLIENT, &digest).spoiled(&[OF_EVERY_KIND, STAFF]);
        let all: Vec<_> = all
            .into_iter()
            .chain(of_others(&world, &client, &digest).await)
            .collect();
        names_differ(&all);
        let count = all.len();
        let before = world.report().await.size;
        let now: Vec<_> = all.into_iter().skip(tried).take(A_MINUTE).collect();
        for (name, assertion) in &now {
            let began = Instant::now();
            let answer = ask(&client, &asked, assertion).await;
            assert!(began.elapsed() >= REFUSAL_TIME, "{name}: {:?}", began.elapsed());
            let told = told(&answer);
            if answer.status != 403 || words.get_or_insert_with(|| told.clone()) != &told {
                wrong.push((*name, told));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        logged(&world, before, now.len()).await;
        tried += now.len();
        world.clock.advance(SignedDuration::from_mins(1));
        world.gateway.tidy().await.unwrap();
        if tried == count {
            break;
        }
    }
    assert_eq!(tried, TRIED);
    assert!(
        words
            .unwrap()
            .starts_with("403 application/problem+json invalid-staff-assertion ")
    );
    proved(&world, &client, &asked, &digest).await;
    assert!(world.report().await.is_intact());
}

/// The good one is taken all the same, in both of its forms.
async fn proved(world: &World, client: &Client, asked: &Map<String, Value>, digest: &RequestDigest) {
    let by_claims = Good::staff(world, CLIENT, digest);
    let mut by_nonce = Good::staff(world, CLIENT, digest);
    remove(&mut by_nonce.claims, "client_id");
    remove(&mut by_nonce.claims, "request_digest");
    by_nonce.claims["nonce"] = json!(BASE64URL_NOPAD.encode(&nonce(&CLIENT.parse().unwrap(), digest)));
    for good in [by_claims, by_nonce] {
        let answer = ask(client, asked, &good.token()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}
