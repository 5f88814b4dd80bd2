//! ID tokens that must prove nobody, each with the reason, beside the one that does.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::world::{Signer, encode};
use crate::identity::id_token::verify;
use crate::identity::key_set::KeySet;
use crate::identity::{Expected, IdTokenError, IdentityError as E};

const ISSUER: &str = "https://id.example";
const CLIENT: &str = "doelpoort";
const NOW: i64 = 1_795_000_000;
/// The left half of SHA-512 of `access`, as `EdDSA` has it.
const AT_HASH: &str = "kyd4-h3ZoV2sH212kLKbcOnCBajStKQ38Ae_bfT-PFI";

const EXPECTED: Expected<'_> = Expected {
    issuer: ISSUER,
    client_id: CLIENT,
    nonce: "the-nonce",
    access_token: "access",
    is_step_up: false,
    acr: "",
    role_claim: "roles",
    organisation_claim: "oin",
};
const STEP_UP: Expected<'_> = Expected {
    is_step_up: true,
    acr: "two-factor",
    ..EXPECTED
};

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "person-1", "aud": CLIENT, "exp": NOW + 3_600, "iat": NOW, "nonce": "the-nonce",
        "roles": ["holder", "something-else", 7], "oin": "00000099000000041676", "acr": "two-factor",
        "auth_time": NOW,
    })
}

fn with(name: &str, value: &Value) -> Value {
    let mut claims = claims();
    claims[name] = value.clone();
    claims
}

/// Claims by a line of a table: `what it is | claim | its value, or nothing to leave it out | the reason`.
fn cases(table: &str) -> Vec<(&str, Value, &str)> {
    let lines = table.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let [name, claim, value, reason] = line.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let mut changed = claims();
            let all = changed.as_object_mut().unwrap();
            if value.trim().is_empty() {
                all.remove(claim.trim());
            } else {
                all.insert(claim.trim().to_owned(), serde_json::from_str(value).unwrap());
            }
            (name.trim(), changed, reason.trim())
        })
        .collect()
}

const HOSTILE: &str = r#"
    another issuer                 | iss     | "https://evil.example" | the issuer is not the expected one
    the issuer with a slash        | iss     | "https://id.example/"  | the issuer is not the expected one
    no issuer                      | iss     |                        | a claim is missing or malformed
    another audience               | aud     | "other"                | the audience is not the expected one
    an audience in other case      | aud     | "Doelpoort"            | the audience is not the expected one
    two audiences                  | aud     | ["doelpoort", "other"] | the audience is not the expected one
    no audience in a list          | aud     | []                     | the audience is not the expected one
    no audience                    | aud     |                        | a claim is missing or malformed
    another party                  | azp     | "other"                | the authorised party is not us
    an empty party                 | azp     | ""                     | the authorised party is not us
    another nonce                  | nonce   | "other"                | the nonce is not that of this sign-in
    no nonce                       | nonce   |                        | the nonce is not that of this sign-in
    a nonce that is a list         | nonce   | ["the-nonce"]          | a claim is missing or malformed
    expired                        | exp     | 1794999995             | the token is expired
    no end                         | exp     |                        | a claim is missing or malformed
    an end that is text            | exp     | "9999999999"           | a claim is missing or malformed
    an end after more than a day   | exp     | 1795086406             | the token lives too long
    made in the future             | iat     | 1795000006             | the token was issued in the future
    made too long ago              | iat     | 1794999694             | the token is too old
    no time of making              | iat     |                        | a claim is missing or malformed
    not yet valid                  | nbf     | 1795000006             | the token is not yet valid
    another access token           | at_hash | "AAAA"                 | the access token beside it is another one
    an empty hash                  | at_hash | ""                     | the access token beside it is another one
    nobody                         | sub     | ""                     | a claim is missing or malformed
    no subject                     | sub     |                        | a claim is missing or malformed
    a subject that is a number     | sub     | 1                      | a claim is missing or malformed
"#;

/// What only a step-up asks for.
const NO_STEP_UP: &str = r#"
    another class                  | acr       | "password" | the person did not sign in strongly enough
    no class                       | acr       |            | the person did not sign in strongly enough
    no time of signing in          | auth_time |            | the person did not sign in anew
    signed in long ago             | auth_time | 1794999694 | the person did not sign in anew
    signed in in the future        | auth_time | 1795000006 | the person did not sign in anew
    a time that is text            | auth_time | "now"      | a claim is missing or malformed
"#;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn refused(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Option<IdTokenError> {
    verify(token, keys, expected, now()).err()
}

#[test]
fn a_good_token_proves_a_person() {
    let signer = Signer::new("key-1");
    let (keys, _) = KeySet::from_jwks(&signer.jwks());
    for expected in [EXPECTED, STEP_UP] {
        let token = signer.sign(&signer.header(), &claims());
        let person = verify(&token, &keys, &expected, now()).unwrap();
        assert_eq!(person.subject.as_str(), "person-1");
        assert_eq!(person.roles, ["holder", "something-else"]);
        assert_eq!(person.organisation.as_deref(), Some("00000099000000041676"));
        assert!(!format!("{person:?}").contains("person-1"));
    }
    for (name, value) in [
        ("at_hash", json!(AT_HASH)),
        ("azp", json!(CLIENT)),
        ("aud", json!([CLIENT])),
        ("roles", json!("holder")),
        ("iat", json!(NOW - 300)),
    ] {
        let token = signer.sign(&signer.header(), &with(name, &value));
        assert_eq!(refused(&token, &keys, &EXPECTED), None, "{name} {value}");
    }
}

#[test]
fn hostile_claims_prove_nobody() {
    let signer = Signer::new("key-1");
    let (keys, _) = KeySet::from_jwks(&signer.jwks());
    let reason = |claims: &Value, expected: &Expected<'_>| {
        let token = signer.sign(&signer.header(), claims);
        refused(&token, &keys, expected).map(|reason| reason.to_string())
    };
    for (name, claims, expected) in cases(HOSTILE) {
        assert_eq!(reason(&claims, &EXPECTED).as_deref(), Some(expected), "{name}");
        assert_eq!(reason(&claims, &STEP_UP).as_deref(), Some(expected), "{name}");
    }
    for (name, claims, expected) in cases(NO_STEP_UP) {
        assert_eq!(reason(&claims, &STEP_UP).as_deref(), Some(expected), "{name}");
    }
    let long = with("sub", &json!("s".repeat(256)));
    assert_eq!(
        reason(&long, &EXPECTED).as_deref(),
        Some("a claim is missing or malformed")
    );
}

#[test]
fn hostile_headers_prove_nobody() {
    let signer = Signer::new("key-1");
    let (keys, _) = KeySet::from_jwks(&signer.jwks());
    let cases = [
        (json!({"alg": "none"}), E::AlgorithmRefused),
        (json!({"alg": "HS256"}), E::AlgorithmRefused),
        (json!({"alg": "RS256"}), E::AlgorithmRefused),
        (json!({"alg": "eddsa"}), E::AlgorithmRefused),
        (json!({"alg": null}), E::AlgorithmRefused),
        (json!({"kid": null}), E::KeyUnknown),
        (json!({"kid": "key-2"}), E::KeyUnknown),
        (json!({"kid": "../../key-1"}), E::KeyUnknown),
        (json!({"kid": "' OR 1=1 --"}), E::KeyUnknown),
        (json!({"jwk": signer.jwks()["keys"][0]}), E::HeaderRefused),
        (json!({"jku": "https://evil.example/keys"}), E::HeaderRefused),
        (json!({"x5c": ["AAAA"]}), E::HeaderRefused),
        (json!({"x5u": "https://evil.example/chain"}), E::HeaderRefused),
        (json!({"crit": ["exp"]}), E::HeaderRefused),
        (json!({"typ": "at+jwt"}), E::TypeRefused),
    ];
    for (change, reason) in cases {
        let mut header = signer.header();
        let members = change.as_object().unwrap().clone();
        header.as_object_mut().unwrap().extend(members);
        let token = signer.sign(&header, &claims());
        assert_eq!(refused(&token, &keys, &EXPECTED), Some(reason.into()), "{change}");
    }
}

#[test]
fn hostile_forms_prove_nobody() {
    let (signer, other) = (Signer::new("key-1"), Signer::new("key-1"));
    let (keys, _) = KeySet::from_jwks(&signer.jwks());
    let good = signer.sign(&signer.header(), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, whole) = (signer.header().to_string(), claims().to_string());
    let twice = whole.replacen('{', r#"{"sub":"somebody-else","#, 1);
    let two_kids = r#"{"alg":"EdDSA","kid":"key-1","kid":"key-1"}"#;
    let somebody = encode(&with("sub", &json!("somebody-else")).to_string());
    let changed = good.replacen(&encode(&whole), &somebody, 1);
    let cases = [
        (
            "another key of that name",
            other.sign_text(&header, &whole),
            E::SignatureInvalid,
        ),
        ("no signature", format!("{message}."), E::TokenMalformed),
        (
            "a claim twice",
            signer.sign_text(&header, &twice),
            E::TokenMalformed,
        ),
        (
            "a header twice",
            signer.sign_text(two_kids, &whole),
            E::TokenMalformed,
        ),
        (
            "another signature",
            format!("{message}.AAAA"),
            E::SignatureInvalid,
        ),
        ("other claims", changed, E::SignatureInvalid),
        ("no token", String::new(), E::TokenMalformed),
        (
            "a token in a token",
            format!("{good}.{signature}"),
            E::TokenMalformed,
        ),
        (
            "a huge token",
            format!("{message}.{}", "A".repeat(16 * 1_024)),
            E::TokenTooLong,
        ),
    ];
    for (name, token, reason) in cases {
        assert_eq!(refused(&token, &keys, &EXPECTED), Some(reason.into()), "{name}");
    }
}
