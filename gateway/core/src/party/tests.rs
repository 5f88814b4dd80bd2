use super::*;
use crate::policy::tests::shipped_catalogue;

const SOUND: &str = r#"[[linking]]
asserted_by = "school-board"
when_equal = ["enrolment.birth-date", "resident.birth-date"]

[[organisation]]
slug = "swv-po"
oin = "00000099000000240101"
kind = "swv"
name = "SWV"
swv = "PO2401"
identifiers = ["eckId"]
[organisation.staff]
issuer = "https://login.swv.example"
jwks = { keys = [{ kty = "EC", kid = "1" }] }
[organisation.tokens]
issuer = "https://tokens.swv.example"
jwks = { keys = [{ kty = "RSA", kid = "t" }] }
[[organisation.client]]
id = "swv-po-dashboard"
roles = ["dashboard"]
x5t_s256 = ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"]
jwks = '{"keys": [{"kty": "EC", "kid": "1"}]}'

[[organisation]]
slug = "board-41676"
oin = "00000099000000041676"
kind = "school-board"
board = "41676"
[[organisation.client]]
id = "board-41676-school"
roles = ["school"]
"#;

/// Each line: what is replaced, by what, and the one message that follows.
const BROKEN: &[(&str, &str, &str)] = &[
    (
        "name = \"SWV\"",
        "nam = \"SWV\"",
        "9:1: unknown key `nam`; did you mean `name`?",
    ),
    (
        "kind = \"swv\"",
        "kind = \"svw\"",
        "8:8: unknown kind of organisation `svw`, expected one of `municipality`, \
         `school-board`, `swv`, `vendor`, `public`; did you mean `swv`?",
    ),
    (
        "00000099000000240101",
        "0000009900000024010",
        "7:7: an OIN has 20 digits",
    ),
    (
        "00000099000000041676",
        "00000099000000240101",
        "26:7: this OIN is already that of `swv-po`",
    ),
    (
        "\"board-41676\"",
        "\"swv-po\"",
        "25:8: this short name is already that of `swv-po`",
    ),
    (
        "board-41676-school",
        "swv-po-dashboard",
        "30:6: this client id is already that of `swv-po`",
    ),
    (
        "roles = [\"school\"]",
        "roles = [\"school\"]\nx5t_s256 = [\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"]",
        "32:13: this certificate is already that of `swv-po`",
    ),
    (
        "swv = \"PO2401\"",
        "swv = \"2401\"",
        "10:7: must be an SWV number: `PO` or `VO` and 4 digits",
    ),
    ("swv = \"PO2401\"\n", "", "5:1: missing key `swv`"),
    (
        "board = \"41676\"",
        "board = \"41676\"\nswv = \"PO9999\"",
        "29:7: `swv` belongs to another kind of organisation",
    ),
    (
        "[\"eckId\"]",
        "[\"eckId\", \"bsn\"]",
        "11:25: an SWV gets no BSN (hard rule `no-bsn-to-swv`)",
    ),
    (
        "[\"eckId\"]",
        "[\"eckid\"]",
        "11:16: unknown kind of identifier `eckid`, expected one of `bsn`, `eckId`, `local`; did you mean `eckId`?",
    ),
    (
        "roles = [\"school\"]\n",
        "roles = [\"school\"]\n[[organisation.approver]]\nroles = [\"fg\"]\n",
        "32:16: unknown key `approver`",
    ),
    (
        "\"kid\": \"1\"}",
        "\"kid\": \"1\", \"d\": \"x\"}",
        "22:8: holds a private or symmetric key; only public keys belong here",
    ),
    (
        "{\"kty\": \"EC\", \"kid\": \"1\"}",
        "{\"kty\": \"EC\"}",
        "22:8: each key needs a `kid` of its own",
    ),
    (
        "'{\"keys\": [",
        "'{\"kays\": [",
        "22:8: is not a JWK set: `keys` with at least one key",
    ),
    (
        "\"resident.birth-date\"",
        "\"resident.birthdate\"",
        "3:39: unknown field `resident.birthdate`; did you mean `resident.birth-date`?",
    ),
    (", \"resident.birth-date\"", "", "3:14: must name two fields"),
    (
        "issuer = \"https://tokens.swv.example\"\n",
        "",
        "15:1: missing key `issuer`",
    ),
    (
        "jwks = { keys = [{ kty = \"RSA\", kid = \"t\" }] }\n",
        "",
        "15:1: missing key `jwks`",
    ),
    (
        "kid = \"t\" }",
        "kid = \"t\", d = \"x\" }",
        "17:8: holds a private or symmetric key; only public keys belong here",
    ),
];

fn messages(text: &str) -> Vec<String> {
    let errors = Organisations::parse("organisations.toml", text, &shipped_catalogue())
        .err()
        .unwrap_or_default();
    errors
        .iter()
        .map(|error| error.to_string().lines().next().unwrap().to_owned())
        .collect()
}

#[test]
fn parties_are_found_by_what_they_bring() {
    let organisations = Organisations::parse("o", SOUND, &shipped_catalogue()).unwrap();
    let swv = organisations.by_slug(&"swv-po".parse().unwrap()).unwrap();
    assert_eq!(organisations.by_oin(&swv.oin), Some(swv));
    let pin: Pin = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".parse().unwrap();
    assert_eq!(organisations.by_thumbprint(&pin), Some(swv));
    assert_eq!(organisations.by_key_pin(&pin), None);
    let (owner, client) = organisations
        .by_client(&"swv-po-dashboard".parse().unwrap())
        .unwrap();
    assert_eq!(
        (owner, client.roles.as_slice()),
        (swv, ["dashboard".to_owned()].as_slice())
    );
    assert!(client.jwks.is_some() && swv.staff.as_ref().unwrap().jwks.is_some());
    let board = organisations.by_board("41676").unwrap();
    assert_eq!(
        organisations
            .of_kind(OrganisationKind::SchoolBoard)
            .collect::<Vec<_>>(),
        [board]
    );
    assert_eq!(organisations.linking().len(), 1);
}

#[test]
fn each_mistake_is_told_at_its_place() {
    for (from, to, expected) in BROKEN {
        assert_eq!(SOUND.matches(from).count(), 1, "ambiguous: {from}");
        assert_eq!(
            messages(&SOUND.replace(from, to)),
            [format!("organisations.toml:{expected}")],
            "{to}"
        );
    }
}

#[test]
fn a_person_is_never_shown() {
    let staff = Staff {
        subject: "j.jansen".to_owned(),
        proved: true,
        case: Some("case 7".to_owned()),
    };
    assert_eq!(format!("{staff:?}"), "Staff { proved: true, .. }");
}
