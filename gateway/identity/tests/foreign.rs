//! Tokens of another issuer, of a realm as in RFC 9068 and of a Manager of FSC: for whom they vouch, what they can ask,
//! and what is refused of them.

use doelpoort_core::party::Caller;
use serde_json::{Value, json};

use super::cases::{ACCESS_TOKENS, Change, OF_EVERY_KIND, forged, mangled, remove};
use super::world::{BOARD, FSC_PEER, ISSUER, Member, SWV, TOKEN_ISSUER, VENDOR, World};
use crate::identity::{Identity, IdentityError as E, Settings, TokenKeys};

/// A token of the realm, for the partnership's dashboard.
fn realm(world: &World) -> (Value, Value) {
    let now = world.now.as_second();
    let member = &world.dashboard;
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": world.issuer.kid});
    let claims = json!({
        "iss": TOKEN_ISSUER, "aud": ISSUER, "sub": "8c1a4c1e-service-account", "azp": member.id, "client_id": member.id,
        "iat": now, "exp": now + 600, "jti": "1", "scope": "openid youth-atlas asleep delivery-enrolment",
        "cnf": {"x5t#S256": member.certificate.thumbprint.to_string()},
    });
    (header, claims)
}

/// A token of the Manager, for the vendor in the board's name.
fn fsc(world: &World) -> (Value, Value) {
    let now = world.now.as_second();
    let header = json!({"alg": "EdDSA", "x5t#S256": world.issuer.kid});
    let claims = json!({
        "gth": "$1$4$+PQI7we01qIfEwq4O5UioLKzjGBgRva6F5", "gid": "almere", "iss": FSC_PEER, "svc": "doelpoort",
        "sub": BOARD, "act": {"sub": VENDOR}, "aud": ISSUER, "nbf": now, "exp": now + 600,
        "cnf": {"x5t#S256": world.vendor.certificate.thumbprint.to_string()},
        "prp": {"purposes": ["delivery-enrolment", "youth-atlas"], "of another extension": [1]}, "add": {},
    });
    (header, claims)
}

fn ask(world: &World, member: &Member, token: &str) -> Result<Caller, E> {
    let certificate = Some(&member.certificate);
    world
        .identity
        .caller(&world.policies, token, certificate, world.now)
}

fn purposes(caller: &Caller) -> Vec<&str> {
    caller
        .purposes
        .iter()
        .map(|purpose| purpose.id.as_str())
        .collect()
}

/// A good token, changed and signed by its issuer.
fn changed(world: &World, (mut header, mut claims): (Value, Value), change: Change) -> String {
    change(&mut header, &mut claims);
    world.issuer.sign(&header, &claims)
}

#[tokio::test]
async fn a_program_of_the_organisation_that_names_the_issuer_is_let_in() {
    let world = World::new().await;
    let (header, claims) = realm(&world);
    let caller = ask(&world, &world.dashboard, &world.issuer.sign(&header, &claims)).unwrap();
    assert_eq!(
        (caller.organisation.as_str(), caller.client.as_str()),
        (SWV, "swv-dashboard")
    );
    assert_eq!(caller.roles, ["dashboard"]);
    // Of what the scope names, what the policies give: one sleeps, one is for boards, one is no purpose.
    assert_eq!(purposes(&caller), ["youth-atlas"]);
    let standing = &world.policies.purposes[&"youth-atlas".parse().unwrap()];
    assert_eq!(caller.purposes[0].manifest_digest, standing.manifest_digest);
    let by_one_name: [Change; 2] = [|_, c| remove(c, "azp"), |_, c| remove(c, "client_id")];
    for change in by_one_name {
        let token = changed(&world, realm(&world), change);
        assert_eq!(ask(&world, &world.dashboard, &token), Ok(caller.clone()));
    }
}

#[tokio::test]
async fn a_scope_that_names_no_purpose_gives_none() {
    let world = World::new().await;
    let scopes: [Change; 3] = [
        |_, c| remove(c, "scope"),
        |_, c| c["scope"] = json!(""),
        |_, c| c["scope"] = json!("openid profile ../x"),
    ];
    for scope in scopes {
        let token = changed(&world, realm(&world), scope);
        let caller = ask(&world, &world.dashboard, &token).unwrap();
        assert_eq!(purposes(&caller), [""; 0]);
    }
}

#[tokio::test]
async fn what_it_may_ask_is_that_of_the_moment_though_the_token_was_verified_before() {
    let mut world = World::new().await;
    let token = changed(&world, realm(&world), |_, _| ());
    assert_eq!(
        purposes(&ask(&world, &world.dashboard, &token).unwrap()),
        ["youth-atlas"]
    );
    let name = "youth-atlas".parse().unwrap();
    let withdrawn = world.policies.purposes.remove(&name).unwrap();
    assert_eq!(purposes(&ask(&world, &world.dashboard, &token).unwrap()), [""; 0]);
    world.policies.purposes.insert(name, withdrawn);
    let named = |world: &mut World, change: fn(&mut doelpoort_core::party::Organisation)| {
        let mut organisations = world.policies.organisations.iter_mut();
        change(organisations.find(|one| one.oin.as_str() == SWV).unwrap());
    };
    // Other keys of the same issuer, and no issuer at all: what was verified counts no more.
    named(&mut world, |swv| {
        let tokens = swv.tokens.as_mut().unwrap();
        tokens.jwks = super::world::Signer::new("issuer-2").jwks();
    });
    assert_eq!(ask(&world, &world.dashboard, &token), Err(E::KeyUnknown));
    named(&mut world, |swv| swv.tokens = None);
    assert_eq!(ask(&world, &world.dashboard, &token), Err(E::KeyUnknown));
}

#[tokio::test]
async fn nobody_else_is_vouched_for() {
    let world = World::new().await;
    let other = |member: &Member, change: Change| {
        let token = changed(&world, realm(&world), change);
        let own = changed(&world, realm(&world), |_, _| ());
        // With the good token in the cache as without.
        assert!(ask(&world, &world.dashboard, &own).is_ok());
        ask(&world, member, &token).err()
    };
    // A board that names no issuer, with its own certificate and a token that is bound to it.
    let school = |_: &mut Value, claims: &mut Value| {
        claims["client_id"] = json!("board-client");
        claims["azp"] = json!("board-client");
    };
    assert_eq!(other(&world.school, school), Some(E::KeyUnknown));
    assert_eq!(other(&world.dashboard, school), Some(E::ClientUnknown));
    // A vendor that names another issuer.
    assert_eq!(other(&world.vendor, |_, _| ()), Some(E::KeyUnknown));
    // The issuer in the gateway's own name, and the gateway's key in the issuer's.
    assert_eq!(
        other(&world.dashboard, |_, c| c["iss"] = json!(ISSUER)),
        Some(E::KeyUnknown)
    );
    let (mut header, claims) = realm(&world);
    header["kid"] = json!(world.identity.jwks().keys[0].kid);
    let token = world.gateway.sign(&header, &claims);
    assert_eq!(ask(&world, &world.dashboard, &token), Err(E::KeyUnknown));
}

/// Where a hostile token of ours is refused for another reason than one of theirs.
fn reason(name: &str, expected: E) -> Option<E> {
    match name {
        // It is then no token of theirs, and not of ours either.
        "iss missing" | "iss another" | "nested too deeply" => Some(E::KeyUnknown),
        "client another" | "client gone" | "client no id" => Some(E::SubjectWrong),
        // The subject is theirs to choose; purposes are in the scope, and `purposes` is of our own tokens.
        "sub another"
        | "purposes missing"
        | "purpose no name"
        | "digest of another kind"
        | "digest short" => None,
        _ => Some(expected),
    }
}

#[tokio::test]
async fn hostile_tokens_of_a_realm() {
    let world = World::new().await;
    let mut tried = 0;
    for (name, change, expected) in OF_EVERY_KIND.iter().chain(ACCESS_TOKENS) {
        let Some(expected) = reason(name, *expected) else {
            continue;
        };
        let token = changed(&world, realm(&world), *change);
        assert_eq!(ask(&world, &world.dashboard, &token), Err(expected), "{name}");
        tried += 1;
    }
    let (header, claims) = realm(&world);
    let good = world.issuer.sign(&header, &claims);
    let no_tokens = mangled(&good).into_iter();
    for (name, token, _) in no_tokens.chain(forged(&world.issuer, &header, &claims)) {
        assert!(ask(&world, &world.dashboard, &token).is_err(), "{name}");
        tried += 1;
    }
    for (name, change, expected) in OF_A_REALM {
        let token = changed(&world, realm(&world), *change);
        assert_eq!(ask(&world, &world.dashboard, &token), Err(*expected), "{name}");
        tried += 1;
    }
    assert!(ask(&world, &world.dashboard, &good).is_ok());
    assert!(tried >= 85, "{tried}");
}

const OF_A_REALM: &[(&str, Change, E)] = &[
    (
        "nobody named",
        |_, c| {
            remove(c, "client_id");
            remove(c, "azp");
        },
        E::ClaimsMalformed,
    ),
    (
        "two programs named",
        |_, c| c["azp"] = json!("board-client"),
        E::SubjectWrong,
    ),
    (
        "scope a list",
        |_, c| c["scope"] = json!(["youth-atlas"]),
        E::ClaimsMalformed,
    ),
    (
        "key named by its certificate",
        |h, _| {
            h["x5t#S256"] = h["kid"].clone();
            remove(h, "kid");
        },
        E::KeyUnknown,
    ),
    (
        "in its own name by way of another actor",
        |_, c| c["act"] = json!({"sub": VENDOR}),
        E::SubjectWrong,
    ),
    (
        "an actor's actor",
        |_, c| c["act"] = json!({"sub": SWV, "act": {"sub": VENDOR}}),
        E::ClaimsMalformed,
    ),
    (
        "in the name of no OIN",
        |_, c| c["act"] = json!({"sub": SWV}),
        E::ClaimsMalformed,
    ),
    (
        "a grant hash, to be spared the type",
        |_, c| {
            c["gth"] = json!("$1$3$x");
            c["sub"] = json!(VENDOR);
        },
        E::SubjectWrong,
    ),
];

#[tokio::test]
async fn an_fsc_token_lets_a_vendor_act_for_the_board_that_mandated_it() {
    let world = World::new().await;
    let caller = ask(&world, &world.vendor, &changed(&world, fsc(&world), |_, _| ())).unwrap();
    assert_eq!(
        (caller.organisation.as_str(), caller.client.as_str()),
        (VENDOR, "sis")
    );
    assert_eq!(caller.acting_for, [BOARD.parse().unwrap()]);
    // Of what the grant's properties name, what the mandate and the policies give.
    assert_eq!(purposes(&caller), ["delivery-enrolment"]);
    let accepted: &[(&str, Change)] = &[
        ("typed", |h, _| h["typ"] = json!("JWT")),
        ("key by its id", |h, _| {
            h["kid"] = h["x5t#S256"].clone();
        }),
        ("program named", |_, c| c["prp"]["client_id"] = json!("sis")),
    ];
    for (name, change) in accepted {
        let token = changed(&world, fsc(&world), *change);
        assert_eq!(ask(&world, &world.vendor, &token), Ok(caller.clone()), "{name}");
    }
}

#[tokio::test]
async fn an_fsc_audience_may_write_out_the_port_of_https_and_no_other() {
    let mut world = World::new().await;
    let settings = Settings::new("https://gateway.example", None, 600).unwrap();
    world.identity = Identity::new(settings, TokenKeys::from_seeds(&[9; 32], &[]).unwrap());
    let cases: [(Change, Option<E>); 3] = [
        (|_, c| c["aud"] = json!("https://gateway.example"), None),
        (|_, c| c["aud"] = json!("https://gateway.example:443"), None),
        (
            |_, c| c["aud"] = json!("https://gateway.example:8443"),
            Some(E::AudienceWrong),
        ),
    ];
    for (change, expected) in cases {
        let token = changed(&world, fsc(&world), change);
        assert_eq!(ask(&world, &world.vendor, &token).err(), expected);
    }
}

#[tokio::test]
async fn an_fsc_token_without_a_mandate_gives_no_board_and_without_properties_no_purpose() {
    let mut world = World::new().await;
    let own = changed(&world, fsc(&world), |_, c| {
        remove(c, "act");
        c["sub"] = json!(VENDOR);
    });
    // In its own name the vendor has what mandates give it, as with a token of ours.
    let caller = ask(&world, &world.vendor, &own).unwrap();
    assert_eq!(caller.acting_for, [BOARD.parse().unwrap()]);
    let nothing: [Change; 3] = [
        |_, c| remove(c, "prp"),
        |_, c| c["prp"] = json!({}),
        |_, c| c["prp"]["purposes"] = json!(["no name at all"]),
    ];
    for change in nothing {
        let token = changed(&world, fsc(&world), change);
        assert_eq!(purposes(&ask(&world, &world.vendor, &token).unwrap()), [""; 0]);
    }
    world.policies.mandates.clear();
    let token = changed(&world, fsc(&world), |_, _| ());
    let caller = ask(&world, &world.vendor, &token).unwrap();
    assert_eq!((caller.acting_for.len(), caller.purposes.len()), (0, 0));
}

#[tokio::test]
async fn hostile_tokens_of_fsc() {
    let world = World::new().await;
    for (name, change, expected) in OF_FSC {
        let token = changed(&world, fsc(&world), *change);
        assert_eq!(ask(&world, &world.vendor, &token), Err(*expected), "{name}");
    }
    let (header, claims) = fsc(&world);
    let good = world.issuer.sign(&header, &claims);
    for (name, token, _) in mangled(&good) {
        assert!(ask(&world, &world.vendor, &token).is_err(), "{name}");
    }
    assert_eq!(ask(&world, &world.dashboard, &good), Err(E::TypeRefused));
    assert!(ask(&world, &world.vendor, &good).is_ok());
}

const OF_FSC: &[(&str, Change, E)] = &[
    ("alg none", |h, _| h["alg"] = json!("none"), E::AlgorithmRefused),
    ("alg RS512", |h, _| h["alg"] = json!("RS512"), E::AlgorithmRefused),
    ("crit", |h, _| h["crit"] = json!(["exp"]), E::HeaderRefused),
    (
        "certificate unknown",
        |h, _| h["x5t#S256"] = json!("other"),
        E::KeyUnknown,
    ),
    // It cannot be read as theirs, and as ours it lacks its type.
    ("kid that is none", |h, _| h["kid"] = Value::Null, E::TypeRefused),
    (
        "typ of a proof",
        |h, _| h["typ"] = json!("dpop+jwt"),
        E::TypeRefused,
    ),
    ("grant empty", |_, c| c["gth"] = json!(""), E::ClaimsMalformed),
    ("grant a number", |_, c| c["gth"] = json!(1), E::ClaimsMalformed),
    ("no grant", |_, c| remove(c, "gth"), E::TypeRefused),
    ("not bound", |_, c| remove(c, "cnf"), E::ClaimsMalformed),
    (
        "bound to another certificate",
        |_, c| c["cnf"]["x5t#S256"] = json!(super::world::pin("x").to_string()),
        E::BindingWrong,
    ),
    (
        "aud of another Inway",
        |_, c| c["aud"] = json!("https://inway.example:443"),
        E::AudienceWrong,
    ),
    (
        "aud also another",
        |_, c| c["aud"] = json!([ISSUER, "https://inway.example"]),
        E::AudienceWrong,
    ),
    (
        "begins later",
        |_, c| c["nbf"] = json!(c["nbf"].as_i64().unwrap() + 6),
        E::IssuedInFuture,
    ),
    ("no beginning", |_, c| remove(c, "nbf"), E::ClaimsMalformed),
    (
        "expired",
        |_, c| c["exp"] = json!(c["nbf"].as_i64().unwrap() - 5),
        E::Expired,
    ),
    (
        "a day long",
        |_, c| c["exp"] = json!(c["nbf"].as_i64().unwrap() + 86_400),
        E::LifetimeTooLong,
    ),
    (
        "another connects",
        |_, c| c["act"]["sub"] = json!(SWV),
        E::SubjectWrong,
    ),
    (
        "another's token, without an actor",
        |_, c| remove(c, "act"),
        E::SubjectWrong,
    ),
    (
        "boards as in a token of ours",
        |_, c| c["act"] = json!([BOARD]),
        E::ClaimsMalformed,
    ),
    ("act a text", |_, c| c["act"] = json!(VENDOR), E::ClaimsMalformed),
    ("sub no OIN", |_, c| c["sub"] = json!("x"), E::ClaimsMalformed),
    ("sub missing", |_, c| remove(c, "sub"), E::ClaimsMalformed),
    (
        "program of another",
        |_, c| c["prp"]["client_id"] = json!("swv-dashboard"),
        E::ClientUnknown,
    ),
    (
        "properties a list",
        |_, c| c["prp"] = json!([]),
        E::ClaimsMalformed,
    ),
    (
        "purposes a number",
        |_, c| c["prp"]["purposes"] = json!(7),
        E::ClaimsMalformed,
    ),
];
