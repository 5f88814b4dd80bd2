//! What is wrong with each hostile token: a name, and what is changed in a good one.

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use serde_json::{Value, json};

use super::good::{Good, encode};

/// Changes to a token's header and claims.
pub(super) type Change = fn(&mut Value, &mut Value);

/// An issuer, key server and audience that nobody here knows.
const ELSEWHERE: &str = "https://elsewhere.example";

pub(super) fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name);
}

pub(super) fn after(claims: &Value, seconds: i64) -> Value {
    json!(claims["iat"].as_i64().unwrap() + seconds)
}

fn lists(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

/// What no signed token may have, whoever made it.
pub(super) const OF_EVERY_KIND: &[(&str, Change)] = &[
    ("alg none", |h, _| h["alg"] = json!("none")),
    ("alg NONE", |h, _| h["alg"] = json!("NONE")),
    ("alg empty", |h, _| h["alg"] = json!("")),
    ("alg HS256", |h, _| h["alg"] = json!("HS256")),
    ("alg RS256", |h, _| h["alg"] = json!("RS256")),
    ("alg ES384", |h, _| h["alg"] = json!("ES384")),
    ("alg in another case", |h, _| {
        h["alg"] = json!(h["alg"].as_str().unwrap().to_lowercase());
    }),
    ("alg a list", |h, _| h["alg"] = json!([h["alg"]])),
    ("alg null", |h, _| h["alg"] = Value::Null),
    ("alg missing", |h, _| remove(h, "alg")),
    ("kid missing", |h, _| remove(h, "kid")),
    ("kid null", |h, _| h["kid"] = Value::Null),
    ("kid empty", |h, _| h["kid"] = json!("")),
    ("kid a number", |h, _| h["kid"] = json!(0)),
    ("kid a path", |h, _| h["kid"] = json!("../../../../dev/null")),
    ("kid a path in percents", |h, _| {
        h["kid"] = json!("..%2f..%2fetc%2fpasswd");
    }),
    ("kid SQL", |h, _| h["kid"] = json!("x' UNION SELECT 'AAAA' --")),
    ("kid SQL that deletes", |h, _| {
        h["kid"] = json!("'; DROP TABLE jti; --");
    }),
    ("kid a command", |h, _| h["kid"] = json!("|/usr/bin/id")),
    ("kid a URL", |h, _| {
        h["kid"] = json!(format!("{ELSEWHERE}/jwks.json"));
    }),
    ("kid with a zero byte", |h, _| {
        h["kid"] = json!(format!("{}\u{0}", h["kid"].as_str().unwrap()));
    }),
    ("kid with a blank", |h, _| {
        h["kid"] = json!(format!(" {}", h["kid"].as_str().unwrap()));
    }),
    ("crit", |h, _| h["crit"] = json!(["exp"])),
    ("crit unknown", |h, _| h["crit"] = json!(["urn:x"])),
    ("b64 false", |h, _| h["b64"] = json!(false)),
    ("jku", |h, _| h["jku"] = json!(format!("{ELSEWHERE}/jwks.json"))),
    ("jwk", |h, _| {
        h["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43)});
    }),
    ("jwk null", |h, _| h["jwk"] = Value::Null),
    ("x5u", |h, _| h["x5u"] = json!(format!("{ELSEWHERE}/cert.pem"))),
    ("x5c", |h, _| h["x5c"] = json!(["MIIB"])),
    ("a token inside", |h, _| h["cty"] = json!("JWT")),
    ("compressed", |h, _| h["zip"] = json!("DEF")),
    ("encrypted", |h, _| h["enc"] = json!("A256GCM")),
    ("rounds of a password", |h, _| h["p2c"] = json!(2_147_483_647)),
    ("typ of a proof of possession", |h, _| {
        h["typ"] = json!("dpop+jwt");
    }),
    ("typ of an id in an event", |h, _| {
        h["typ"] = json!("secevent+jwt");
    }),
    ("typ a list", |h, _| h["typ"] = json!([h["typ"]])),
    ("header too long", |h, _| h["x"] = json!("x".repeat(2_000))),
    ("header nested", |h, _| h["x"] = lists(64)),
    ("claims nested", |_, c| c["x"] = lists(64)),
    ("exp missing", |_, c| remove(c, "exp")),
    ("exp null", |_, c| c["exp"] = Value::Null),
    ("exp a text", |_, c| c["exp"] = json!("9999999999")),
    ("exp negative", |_, c| c["exp"] = json!(-1)),
    ("exp beyond all years", |_, c| c["exp"] = json!(u64::MAX)),
    ("exp infinite", |_, c| c["exp"] = json!(1e300)),
    ("exp in milliseconds", |_, c| {
        c["exp"] = json!(c["exp"].as_i64().unwrap() * 1_000);
    }),
    ("exp just past", |_, c| c["exp"] = after(c, -5)),
    ("exp long past", |_, c| c["exp"] = json!(0)),
    ("exp an hour and more ahead", |_, c| c["exp"] = after(c, 3_700)),
    ("iat missing", |_, c| remove(c, "iat")),
    ("iat a text", |_, c| c["iat"] = json!("now")),
    ("iat ahead", |_, c| c["iat"] = after(c, 20)),
    ("nbf ahead", |_, c| c["nbf"] = after(c, 20)),
    ("nbf a text", |_, c| c["nbf"] = json!("0")),
    ("iss missing", |_, c| remove(c, "iss")),
    ("iss another", |_, c| c["iss"] = json!(ELSEWHERE)),
    ("iss with a slash", |_, c| {
        c["iss"] = json!(format!("{}/", c["iss"].as_str().unwrap()));
    }),
    ("iss a list", |_, c| c["iss"] = json!([c["iss"]])),
    ("aud missing", |_, c| remove(c, "aud")),
    ("aud another", |_, c| c["aud"] = json!(ELSEWHERE)),
    ("aud also another", |_, c| c["aud"] = json!([c["aud"], ELSEWHERE])),
    ("aud twice", |_, c| c["aud"] = json!([c["aud"], c["aud"]])),
    ("aud empty", |_, c| c["aud"] = json!([])),
    ("aud an object", |_, c| c["aud"] = json!({})),
    ("aud with a slash", |_, c| {
        c["aud"] = json!(format!("{}/", c["aud"].as_str().unwrap()));
    }),
    ("aud in capitals", |_, c| {
        c["aud"] = json!(c["aud"].as_str().unwrap().to_uppercase());
    }),
    ("aud begins alike", |_, c| {
        c["aud"] = json!(format!("{}.evil", c["aud"].as_str().unwrap()));
    }),
];

/// What a client assertion may not have.
pub(super) const ASSERTIONS: &[(&str, Change)] = &[
    ("an access token's typ", |h, _| h["typ"] = json!("at+jwt")),
    ("sub missing", |_, c| remove(c, "sub")),
    ("sub a number", |_, c| c["sub"] = json!(1)),
    ("sub nobody", |_, c| c["sub"] = json!("nobody")),
    ("sub a path", |_, c| c["sub"] = json!("../municipality-dashboard")),
    ("sub SQL", |_, c| c["sub"] = json!("' OR 1=1 --")),
    ("another client's name", |_, c| {
        c["sub"] = json!("municipality-dashboard");
    }),
    ("another client altogether", |_, c| {
        (c["sub"], c["iss"]) = (json!("municipality-dashboard"), json!("municipality-dashboard"));
    }),
    ("iss of another client", |_, c| {
        c["iss"] = json!("municipality-dashboard");
    }),
    ("over 5 minutes ahead", |_, c| c["exp"] = after(c, 306)),
    ("jti missing", |_, c| remove(c, "jti")),
    ("jti empty", |_, c| c["jti"] = json!("")),
    ("jti a number", |_, c| c["jti"] = json!(42)),
    ("jti short", |_, c| c["jti"] = json!("b5Ylhm2T0oM3zq4v8XcQ1")),
    ("jti short in hexadecimal", |_, c| {
        c["jti"] = json!("6fdb1f5e-7c3e-4f0d-9b1c");
    }),
    ("jti long", |_, c| c["jti"] = json!("x".repeat(257))),
    ("jti with a zero byte", |_, c| {
        c["jti"] = json!("b5Ylhm2T0oM3zq4v8XcQ1w\u{0}");
    }),
    ("too long", |_, c| c["x"] = json!("x".repeat(7_000))),
];

/// What an access token may not have, though the gateway's own key signed it.
pub(super) const ACCESS_TOKENS: &[(&str, Change)] = &[
    ("typ missing", |h, _| remove(h, "typ")),
    ("an assertion's typ", |h, _| h["typ"] = json!("JWT")),
    ("sub missing", |_, c| remove(c, "sub")),
    ("sub another", |_, c| c["sub"] = json!("municipality-dashboard")),
    ("client another", |_, c| {
        c["client_id"] = json!("municipality-dashboard");
    }),
    ("another client altogether", |_, c| {
        (c["sub"], c["client_id"]) = (json!("municipality-dashboard"), json!("municipality-dashboard"));
    }),
    ("client gone", |_, c| {
        (c["sub"], c["client_id"]) = (json!("gone"), json!("gone"));
    }),
    ("client no name", |_, c| {
        (c["sub"], c["client_id"]) = (json!("A B"), json!("A B"));
    }),
    ("client missing", |_, c| remove(c, "client_id")),
    ("not bound", |_, c| remove(c, "cnf")),
    ("bound to null", |_, c| c["cnf"] = Value::Null),
    ("bound to nothing", |_, c| c["cnf"] = json!({"x5t#S256": ""})),
    ("bound to a key instead", |_, c| {
        c["cnf"] = json!({"jkt": "A".repeat(43)});
    }),
    ("bound by SHA-1", |_, c| c["cnf"] = json!({"x5t": "A".repeat(27)})),
    ("bound to another certificate", |_, c| {
        c["cnf"]["x5t#S256"] = json!("A".repeat(43));
    }),
    ("bound in padded base64", |_, c| {
        c["cnf"]["x5t#S256"] = json!(format!("{}=", c["cnf"]["x5t#S256"].as_str().unwrap()));
    }),
    ("purposes missing", |_, c| remove(c, "purposes")),
    ("purposes a text", |_, c| c["purposes"] = json!("youth-atlas")),
    ("purpose without digest", |_, c| {
        remove(&mut c["purposes"][0], "digest");
    }),
    ("purpose no name", |_, c| {
        c["purposes"][0]["id"] = json!("No Name");
    }),
    ("digest of another kind", |_, c| {
        c["purposes"][0]["digest"] = json!("md5:00");
    }),
    ("digest short", |_, c| {
        c["purposes"][0]["digest"] = json!("sha256:00");
    }),
    ("digest in capitals", |_, c| {
        c["purposes"][0]["digest"] = json!(format!("sha256:{}", "AB".repeat(32)));
    }),
    ("act no list", |_, c| c["act"] = json!({"sub": "x"})),
    ("act no OIN", |_, c| c["act"] = json!(["1"])),
    ("too long", |_, c| c["x"] = json!("x".repeat(15_000))),
];

/// Texts that are no token, and tokens that were made without the key or with JSON that no library writes.
pub(super) fn made_up(good: &Good) -> Vec<(&'static str, String)> {
    let (header, claims) = (good.header.to_string(), good.claims.to_string());
    let token = good.sign_text(&header, &claims);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let twice = |text: &str, name: &str| format!(r#"{{"{name}":"x",{}"#, &text[1..]);
    let unsigned = encode(&header.replace(good.header["alg"].as_str().unwrap(), "none"));
    vec![
        ("one part", head.to_owned()),
        ("two parts", message.to_owned()),
        ("four parts", format!("{token}.{signature}")),
        ("five parts, as if encrypted", format!("{token}.a.b")),
        ("only dots", "..".to_owned()),
        ("no signature", format!("{message}.")),
        ("alg none without a signature", format!("{unsigned}.{body}.")),
        (
            "alg none with the signature",
            format!("{unsigned}.{body}.{signature}"),
        ),
        ("header padded", format!("{head}=.{body}.{signature}")),
        ("claims padded", format!("{head}.{body}=.{signature}")),
        ("signature padded", format!("{token}==")),
        ("signature cut", token[..token.len() - 2].to_owned()),
        ("signature twice", format!("{token}{signature}")),
        (
            "signature of zeros",
            format!("{message}.{}", BASE64URL_NOPAD.encode(&[0; 64])),
        ),
        (
            "signature of another message",
            good.sign_text(&header, "{}")
                .rsplit_once('.')
                .map_or_else(String::new, |(_, other)| format!("{message}.{other}")),
        ),
        (
            "claims of another token",
            format!("{head}.{}.{signature}", encode(&claims.replace("iat", "iaT"))),
        ),
        ("HMAC with the public key", confused(good, &header, body)),
        ("header no JSON", format!("{}.{body}.{signature}", encode("x"))),
        ("header a list", good.sign_text("[]", &claims)),
        ("header empty", good.sign_text("{}", &claims)),
        (
            "header with a comment",
            good.sign_text(&format!("{header}/**/"), &claims),
        ),
        ("alg twice", good.sign_text(&twice(&header, "alg"), &claims)),
        ("kid twice", good.sign_text(&twice(&header, "kid"), &claims)),
        ("claims no JSON", good.sign_text(&header, "x")),
        ("claims a list", good.sign_text(&header, "[]")),
        ("claims null", good.sign_text(&header, "null")),
        ("claims empty", good.sign_text(&header, "{}")),
        ("sub twice", good.sign_text(&header, &twice(&claims, "sub"))),
        ("exp twice", good.sign_text(&header, &twice(&claims, "exp"))),
        (
            "an unknown claim twice",
            good.sign_text(&header, &format!(r#"{{"x":1,"x":1,{}"#, &claims[1..])),
        ),
        (
            "claims with a byte order mark",
            good.sign_text(&header, &format!("\u{feff}{claims}")),
        ),
        (
            "something after the claims",
            good.sign_text(&header, &format!("{claims}{{}}")),
        ),
    ]
}

/// Keyed with the public key: the classic confusion of RS256 and HS256 (RFC 8725 section 2.1).
fn confused(good: &Good, header: &str, body: &str) -> String {
    let header = header.replace(good.header["alg"].as_str().unwrap(), "HS256");
    let message = format!("{}.{body}", encode(&header));
    let mac = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &good.public),
        message.as_bytes(),
    );
    format!("{message}.{}", BASE64URL_NOPAD.encode(mac.as_ref()))
}
