//! The keys of `organisations.toml`.

use super::{FIELD, NAME, Shape, list, may, must};

const KINDS: &[&str] = &["municipality", "school-board", "swv", "vendor", "public"];

pub(super) fn organisations() -> Shape {
    Shape::Table(vec![
        must("organisation", list(organisation()), "Each participant"),
        may(
            "linking",
            list(Shape::Table(vec![
                must(
                    "asserted_by",
                    Shape::Choice(KINDS),
                    "Whose pair of numbers suffices",
                ),
                must("when_equal", list(FIELD), "The two fields that must agree"),
                may(
                    "confirmed",
                    Shape::Boolean,
                    "Whether the other field's holder must confirm each pair in its inbox",
                ),
            ])),
            "When a pair of numbers links for everybody",
        ),
    ])
}

fn organisation() -> Shape {
    Shape::Table(vec![
        must("slug", NAME, "Short name"),
        must("oin", Shape::Pattern("^[0-9]{20}$"), "OIN: 20 digits"),
        must("kind", Shape::Choice(KINDS), "What it is"),
        may("name", Shape::Text, "Name for people"),
        may(
            "board",
            Shape::Pattern("^[0-9]{5}$"),
            "Board number, of a school board",
        ),
        may(
            "swv",
            Shape::Pattern("^(PO|VO)[0-9]{4}$"),
            "SWV number, of an SWV",
        ),
        may(
            "pupils",
            Shape::Integer(1, 10_000_000),
            "Pupils that it is responsible for by public counts: it may look up twice as many in a day",
        ),
        may(
            "identifiers",
            list(Shape::Choice(&["bsn", "eckId", "local"])),
            "Kinds of identifier that it may send",
        ),
        may("client", list(client()), "Its programs"),
        may(
            "staff",
            Shape::Table(vec![
                must("issuer", Shape::Text, "The `iss` of its assertions"),
                may("jwks", jwks(), "Its public keys (RFC 7517)"),
            ]),
            "The identity provider of its staff",
        ),
        may(
            "tokens",
            Shape::Table(vec![
                must("issuer", Shape::Text, "The `iss` of its access tokens"),
                must("jwks", jwks(), "Its public keys (RFC 7517)"),
            ]),
            "Who else issues access tokens to its programs",
        ),
    ])
}

fn jwks() -> Shape {
    Shape::OneOf(vec![Shape::Text, Shape::Map(Box::new(Shape::Any))])
}

fn client() -> Shape {
    Shape::Table(vec![
        must(
            "id",
            Shape::Pattern("^[a-z0-9._-]+$"),
            "OAuth client id, unique among all",
        ),
        must("roles", list(NAME), "Roles, as grants name them"),
        may(
            "x5t_s256",
            list(Shape::Text),
            "SHA-256 of its certificates, base64url",
        ),
        may(
            "spki_sha256",
            list(Shape::Text),
            "SHA-256 of their public keys, base64url",
        ),
        may("jwks", jwks(), "Public keys of its assertions (RFC 7517)"),
    ])
}
