//! What hostile tokens look like: a name, what is changed in a good one, and why it must be refused.

use data_encoding::BASE64URL_NOPAD;
use ring::hmac;
use serde_json::{Value, json};

use super::world::{ISSUER, Signer, encode, pin};
use crate::identity::{IdentityError, IdentityError as E};

/// Changes to a token's header and claims.
pub(super) type Change = fn(&mut Value, &mut Value);

pub(super) fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name);
}

/// What is wrong with any signed token alike, whoever made it.
pub(super) const OF_EVERY_KIND: &[(&str, Change, IdentityError)] = &[
    ("alg none", |h, _| h["alg"] = json!("none"), E::AlgorithmRefused),
    ("alg nOnE", |h, _| h["alg"] = json!("nOnE"), E::AlgorithmRefused),
    ("alg HS256", |h, _| h["alg"] = json!("HS256"), E::AlgorithmRefused),
    (
        "alg of another key type",
        |h, _| h["alg"] = json!("ES256"),
        E::AlgorithmRefused,
    ),
    ("alg missing", |h, _| remove(h, "alg"), E::AlgorithmRefused),
    ("alg a number", |h, _| h["alg"] = json!(1), E::AlgorithmRefused),
    ("kid missing", |h, _| remove(h, "kid"), E::KeyUnknown),
    ("kid unknown", |h, _| h["kid"] = json!("other"), E::KeyUnknown),
    ("kid empty", |h, _| h["kid"] = json!(""), E::KeyUnknown),
    (
        "kid a path",
        |h, _| h["kid"] = json!("../../../../dev/null"),
        E::KeyUnknown,
    ),
    (
        "kid an SQL text",
        |h, _| h["kid"] = json!("x' UNION SELECT 'AAAA"),
        E::KeyUnknown,
    ),
    (
        "kid a URL",
        |h, _| h["kid"] = json!("https://evil.example/jwks.json"),
        E::KeyUnknown,
    ),
    (
        "kid with a zero byte",
        |h, _| h["kid"] = json!("key-1\u{0}"),
        E::KeyUnknown,
    ),
    (
        "kid in another case",
        |h, _| h["kid"] = json!(h["kid"].as_str().unwrap().to_uppercase() + "X"),
        E::KeyUnknown,
    ),
    ("kid a list", |h, _| h["kid"] = json!([h["kid"]]), E::KeyUnknown),
    ("crit", |h, _| h["crit"] = json!(["exp"]), E::HeaderRefused),
    ("crit empty", |h, _| h["crit"] = json!([]), E::HeaderRefused),
    ("b64 false", |h, _| h["b64"] = json!(false), E::HeaderRefused),
    (
        "jku",
        |h, _| h["jku"] = json!("https://evil.example/jwks.json"),
        E::HeaderRefused,
    ),
    (
        "jwk",
        |h, _| h["jwk"] = Signer::new("evil").jwks()["keys"][0].clone(),
        E::HeaderRefused,
    ),
    (
        "x5u",
        |h, _| h["x5u"] = json!("https://evil.example/cert.pem"),
        E::HeaderRefused,
    ),
    ("x5c", |h, _| h["x5c"] = json!(["MIIB"]), E::HeaderRefused),
    ("nested token", |h, _| h["cty"] = json!("JWT"), E::HeaderRefused),
    ("compressed", |h, _| h["zip"] = json!("DEF"), E::HeaderRefused),
    ("encrypted", |h, _| h["enc"] = json!("A256GCM"), E::HeaderRefused),
    (
        "typ of something else",
        |h, _| h["typ"] = json!("dpop+jwt"),
        E::TypeRefused,
    ),
    ("typ a number", |h, _| h["typ"] = json!(1), E::TypeRefused),
    ("typ null", |h, _| h["typ"] = Value::Null, E::TypeRefused),
    (
        "header too long",
        |h, _| h["x"] = json!("x".repeat(2_000)),
        E::TokenMalformed,
    ),
    (
        "too long",
        |_, c| c["x"] = json!("x".repeat(20_000)),
        E::TokenTooLong,
    ),
    (
        "nested too deeply",
        |_, c| c["x"] = json!([[[[[[[[[[]]]]]]]]]]),
        E::TokenMalformed,
    ),
    ("exp missing", |_, c| remove(c, "exp"), E::ClaimsMalformed),
    (
        "exp a text",
        |_, c| c["exp"] = json!("9999999999"),
        E::ClaimsMalformed,
    ),
    ("iat missing", |_, c| remove(c, "iat"), E::ClaimsMalformed),
    (
        "expired",
        |_, c| c["exp"] = json!(c["iat"].as_i64().unwrap() - 5),
        E::Expired,
    ),
    ("expired long ago", |_, c| c["exp"] = json!(0), E::Expired),
    (
        "not yet valid",
        |_, c| c["nbf"] = json!(c["iat"].as_i64().unwrap() + 6),
        E::NotYetValid,
    ),
    (
        "issued in the future",
        |_, c| c["iat"] = json!(c["iat"].as_i64().unwrap() + 6),
        E::IssuedInFuture,
    ),
    (
        "for ever",
        |_, c| c["exp"] = json!(253_402_300_799_i64),
        E::LifetimeTooLong,
    ),
    ("iss missing", |_, c| remove(c, "iss"), E::ClaimsMalformed),
    (
        "iss another",
        |_, c| c["iss"] = json!("https://evil.example"),
        E::IssuerWrong,
    ),
    ("aud missing", |_, c| remove(c, "aud"), E::ClaimsMalformed),
    (
        "aud another",
        |_, c| c["aud"] = json!("https://other.example"),
        E::AudienceWrong,
    ),
    (
        "aud with a slash more",
        |_, c| c["aud"] = json!(format!("{ISSUER}/")),
        E::AudienceWrong,
    ),
    (
        "aud also another",
        |_, c| c["aud"] = json!([ISSUER, "https://other.example"]),
        E::AudienceWrong,
    ),
    ("aud empty", |_, c| c["aud"] = json!([]), E::AudienceWrong),
];

/// What is wrong with a client assertion only.
pub(super) const ASSERTIONS: &[(&str, Change, IdentityError)] = &[
    (
        "an access token's typ",
        |h, _| h["typ"] = json!("at+jwt"),
        E::TypeRefused,
    ),
    ("sub missing", |_, c| remove(c, "sub"), E::ClaimsMalformed),
    (
        "sub no client",
        |_, c| c["sub"] = json!("nobody"),
        E::ClientUnknown,
    ),
    (
        "sub no client id",
        |_, c| c["sub"] = json!("../x"),
        E::ClientUnknown,
    ),
    (
        "sub another client, whose certificate this is not",
        |_, c| c["sub"] = json!("sis"),
        E::CertificateWrong,
    ),
    (
        "iss another client",
        |_, c| c["iss"] = json!("sis"),
        E::IssuerWrong,
    ),
    (
        "exp over 5 minutes ahead",
        |_, c| c["exp"] = json!(c["iat"].as_i64().unwrap() + 306),
        E::LifetimeTooLong,
    ),
    ("jti missing", |_, c| remove(c, "jti"), E::ClaimsMalformed),
    ("jti short", |_, c| c["jti"] = json!("42"), E::TokenIdWeak),
    (
        "jti long",
        |_, c| c["jti"] = json!("x".repeat(257)),
        E::TokenIdWeak,
    ),
    ("jti a number", |_, c| c["jti"] = json!(42), E::ClaimsMalformed),
];

/// What is wrong with an access token only, though the gateway's own key signed it.
pub(super) const ACCESS_TOKENS: &[(&str, Change, IdentityError)] = &[
    ("typ missing", |h, _| remove(h, "typ"), E::TypeRefused),
    (
        "an assertion's typ",
        |h, _| h["typ"] = json!("JWT"),
        E::TypeRefused,
    ),
    ("sub another", |_, c| c["sub"] = json!("sis"), E::SubjectWrong),
    (
        "client another",
        |_, c| (c["sub"], c["client_id"]) = (json!("sis"), json!("sis")),
        E::CertificateWrong,
    ),
    (
        "client gone",
        |_, c| (c["sub"], c["client_id"]) = (json!("gone"), json!("gone")),
        E::ClientUnknown,
    ),
    (
        "client no id",
        |_, c| (c["sub"], c["client_id"]) = (json!("A B"), json!("A B")),
        E::ClaimsMalformed,
    ),
    ("not bound", |_, c| remove(c, "cnf"), E::ClaimsMalformed),
    (
        "bound to a key instead",
        |_, c| c["cnf"] = json!({"jkt": "AAAA"}),
        E::ClaimsMalformed,
    ),
    (
        "bound to nothing",
        |_, c| c["cnf"] = json!({"x5t#S256": ""}),
        E::ClaimsMalformed,
    ),
    (
        "bound to another certificate",
        |_, c| c["cnf"]["x5t#S256"] = json!(pin("x").to_string()),
        E::BindingWrong,
    ),
    (
        "over an hour",
        |_, c| c["exp"] = json!(c["iat"].as_i64().unwrap() + 3_606),
        E::LifetimeTooLong,
    ),
    (
        "purposes missing",
        |_, c| remove(c, "purposes"),
        E::ClaimsMalformed,
    ),
    (
        "purpose no name",
        |_, c| c["purposes"][0]["id"] = json!("No Name"),
        E::ClaimsMalformed,
    ),
    (
        "digest of another kind",
        |_, c| c["purposes"][0]["digest"] = json!("md5:00"),
        E::ClaimsMalformed,
    ),
    (
        "digest short",
        |_, c| c["purposes"][0]["digest"] = json!("sha256:00"),
        E::ClaimsMalformed,
    ),
    ("board no OIN", |_, c| c["act"] = json!(["1"]), E::ClaimsMalformed),
];

/// Texts that are no token, made of one that is.
pub(super) fn mangled(token: &str) -> Vec<(&'static str, String, IdentityError)> {
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = parts[..] else {
        unreachable!("three parts")
    };
    let last = if signature.ends_with('A') { 'B' } else { 'A' };
    vec![
        ("empty", String::new(), E::TokenMalformed),
        ("one part", head.into(), E::TokenMalformed),
        ("two parts", format!("{head}.{body}"), E::TokenMalformed),
        ("four parts", format!("{token}.{signature}"), E::TokenMalformed),
        (
            "five parts, as an encrypted token",
            format!("{token}.a.b"),
            E::TokenMalformed,
        ),
        ("no signature", format!("{head}.{body}."), E::TokenMalformed),
        ("padded", format!("{head}=.{body}.{signature}"), E::TokenMalformed),
        ("a space", format!(" {token}"), E::TokenMalformed),
        ("a line end", format!("{token}\n"), E::SignatureInvalid),
        (
            "header no JSON",
            format!("{}.{body}.{signature}", encode("x")),
            E::TokenMalformed,
        ),
        (
            "header a list",
            format!("{}.{body}.{signature}", encode("[]")),
            E::TokenMalformed,
        ),
        (
            "signature cut",
            format!("{head}.{body}.{}", &signature[..signature.len() - 2]),
            E::SignatureInvalid,
        ),
        (
            "signature changed",
            format!("{head}.{body}.{}{last}", &signature[..85]),
            E::SignatureInvalid,
        ),
    ]
}

/// Tokens that were made up with keys: somebody else's, the public one as a secret, or the right one over JSON
/// that no library would write.
pub(super) fn forged(
    signer: &Signer,
    header: &Value,
    claims: &Value,
) -> Vec<(&'static str, String, IdentityError)> {
    let (header_text, claims_text) = (header.to_string(), claims.to_string());
    let twice = |text: &str, name: &str| format!(r#"{{"{name}":"x",{}"#, &text[1..]);
    let token = signer.sign(header, claims);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    // Keyed with the public key: the classic confusion of RS256 and HS256 (RFC 8725 section 2.1).
    let confused = format!("{}.{body}", encode(&header_text.replace("EdDSA", "HS256")));
    let mac = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, signer.public()),
        confused.as_bytes(),
    );
    vec![
        (
            "signature of another",
            Signer::new("key-1").sign(header, claims),
            E::SignatureInvalid,
        ),
        (
            "claims changed",
            format!(
                "{head}.{}.{signature}",
                encode(&claims_text.replace("iat", "iaT"))
            ),
            E::SignatureInvalid,
        ),
        (
            "HS256 with the public key",
            format!("{confused}.{}", BASE64URL_NOPAD.encode(mac.as_ref())),
            E::AlgorithmRefused,
        ),
        (
            "header member twice",
            signer.sign_text(&twice(&header_text, "alg"), &claims_text),
            E::TokenMalformed,
        ),
        (
            "claim twice",
            signer.sign_text(&header_text, &twice(&claims_text, "sub")),
            E::TokenMalformed,
        ),
        (
            "unknown claim twice",
            signer.sign_text(&header_text, &format!(r#"{{"x":1,"x":1,{}"#, &claims_text[1..])),
            E::TokenMalformed,
        ),
        (
            "claims a list",
            signer.sign_text(&header_text, "[]"),
            E::TokenMalformed,
        ),
        (
            "claims no JSON",
            signer.sign_text(&header_text, "x"),
            E::TokenMalformed,
        ),
    ]
}
