//! Assertions of staff, over HTTPS: one that proves nobody gets no record, and the refusal is in the log.

use doelpoort::client::PrivateKey;
use doelpoort_core::request_digest::RequestDigest;
use serde_json::{Map, Value};

use super::cases::Change;
use super::*;
use crate::support::world::ask::records;
use crate::support::world::pupils::{self, CONSULENT, SITE};

const ASKS: &str = "swv-po-consulent";
const PUPILS: usize = 3;

/// What only an assertion of staff can have wrong.
const STAFF: &[(&str, Change)] = &[
    ("of another program", |_, c| {
        c["client_id"] = json!("swv-po-dashboard")
    }),
    ("of another request", |_, c| {
        c["request_digest"] = json!("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    }),
    ("bound to no request", |_, c| {
        c.as_object_mut().unwrap().remove("request_digest");
    }),
    ("bound to no program", |_, c| {
        c.as_object_mut().unwrap().remove("client_id");
    }),
    ("of another organisation's provider", |_, c| {
        c["iss"] = json!("https://login.swv-vo.example");
    }),
    ("of a provider that nobody names", |_, c| {
        c["iss"] = json!("https://login.example")
    }),
    ("for six minutes", |_, c| {
        c["exp"] = json!(c["iat"].as_i64().unwrap() + 306)
    }),
    ("sub empty", |_, c| c["sub"] = json!("")),
    ("sub long", |_, c| c["sub"] = json!("x".repeat(256))),
    ("an access token's typ", |h, _| h["typ"] = json!("at+jwt")),
];

/// The question with this assertion.
fn asked(body: &Map<String, Value>, assertion: &str) -> String {
    let mut body = body.clone();
    body["onBehalfOf"]["assertion"] = assertion.into();
    Value::Object(body).to_string()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_hostile_staff_assertion_proves_anybody(#[case] backend: Backend) {
    let world = World::with(backend, |config| {
        config.limits.client_requests_per_min_max = 100_000;
    });
    let Some(world) = world.await else { return };
    let cases = [pupils::caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    let rows: Vec<_> = (0..PUPILS).map(pupils::enrolment).collect();
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    world.next_day().await;
    let client = world.client(ASKS);
    let token = client.token().await.unwrap();
    let body = records(&["pseudonym"]);
    let good = good_of_staff(&world, &body);
    let ask = async |assertion: &str| {
        let request = client.http().post(client.url("/v1/queries")).bearer_auth(&token);
        send_plain(request.body(asked(&body, assertion))).await
    };
    let tried = good.spoiled(&[OF_EVERY_KIND, STAFF]);
    names_differ(&tried);
    let size = world.report().await.size;
    let mut wrong = Vec::new();
    for (name, assertion) in &tried {
        let told = ask(assertion).await;
        let code = told.refusal();
        // What is no text of a token at all is wrong input.
        let expected = [
            "403 application/problem+json invalid-staff-assertion",
            "400 application/problem+json invalid-input",
        ]
        .contains(&code.as_str());
        if !expected || told.text.contains("pseudonym\":") {
            wrong.push((name, code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(world.report().await.size > size, "refusals are in the log");
    let let_in = ask(&good.token()).await;
    assert_eq!(let_in.status, 200, "{}", let_in.text);
    assert_eq!(let_in.json()["data"].as_array().unwrap().len(), PUPILS);
}

/// One that proves the consulent, for this question.
fn good_of_staff(world: &World, body: &Map<String, Value>) -> Good {
    let folder = world.client_folder(ASKS);
    let key = PrivateKey::read(&folder.path().join("staff.key")).unwrap();
    let now = world.clock_now().as_second();
    let header = json!({"alg": key.algorithm(), "typ": "JWT", "kid": key.kid()});
    let claims = json!({
        "iss": "https://login.swv-po.example", "sub": CONSULENT, "aud": "https://localhost:8443", "client_id": ASKS,
        "request_digest": RequestDigest::of(body).unwrap().to_string(), "iat": now, "exp": now + 120,
        "jti": good::fresh_id(),
    });
    Good::with(key, header, claims)
}
