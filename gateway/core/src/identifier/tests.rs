use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const VECTORS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/pseudonyms.json"
));
const NUMBERS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/testvectoren_bsn_onderwijsnummer.csv"
));

#[derive(Deserialize)]
struct Vectors {
    holder: String,
    index_key: String,
    identifiers: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    kind: IdentifierKind,
    text: String,
    #[serde(rename = "type")]
    type_byte: u8,
    encoded: String,
    index: String,
}

fn holder() -> Oin {
    "00000099000000001000".parse().unwrap()
}

fn key() -> IndexKey {
    IndexKey::from_bytes([7; 32])
}

fn parse(kind: IdentifierKind, text: &str) -> Result<Identifier, InvalidIdentifier> {
    Identifier::parse(kind, text, &holder())
}

fn bsn(text: &str) -> Result<u8, InvalidIdentifier> {
    parse(IdentifierKind::Bsn, text).map(|identifier| identifier.type_byte())
}

#[test]
fn known_answers() {
    let vectors: Vectors = serde_json::from_str(VECTORS).unwrap();
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let key = IndexKey::from_bytes(hex(&vectors.index_key).try_into().unwrap());
    let holder: Oin = vectors.holder.parse().unwrap();
    assert!(vectors.identifiers.len() >= 15);
    for vector in vectors.identifiers {
        let identifier = Identifier::parse(vector.kind, &vector.text, &holder).unwrap();
        assert_eq!(identifier.type_byte(), vector.type_byte, "{}", vector.text);
        assert_eq!(*identifier.encoded, hex(&vector.encoded), "{}", vector.text);
        assert_eq!(
            identifier.index(&key).as_bytes().to_vec(),
            hex(&vector.index),
            "{}",
            vector.text
        );
    }
}

#[test]
fn listed_numbers_are_valid_as_what_they_are() {
    let mut rows = csv::Reader::from_reader(NUMBERS.as_bytes());
    let mut count = 0;
    for row in rows.deserialize() {
        let (number, meant_as, remainder, valid, _): (String, String, u8, u8, String) = row.unwrap();
        let type_meant = if meant_as == "bsn" { 1 } else { 2 };
        assert_eq!(bsn(&number) == Ok(type_meant), valid == 1, "{number}");
        // Remainder 0 makes a BSN of it, whatever it was meant as (tests/vectors/README.md).
        assert_eq!(
            bsn(&number) == Ok(1),
            remainder == 0 && number != "000000000",
            "{number}"
        );
        count += 1;
    }
    assert_eq!(count, 15);
}

#[test]
fn what_is_wrong_has_a_stable_code() {
    use IdentifierKind::{Bsn, EckId, Local};
    let long = "1".repeat(257);
    let eck = "a".repeat(64);
    for (kind, text, code) in [
        (Bsn, "", "empty"),
        (Bsn, " -. ", "empty"),
        (Bsn, &long, "too-long"),
        (Bsn, "99900000a", "not-digits"),
        (Bsn, "999/000/007", "not-digits"),
        (Bsn, "٩٩٩٠٠٠٠٠٧", "not-digits"),
        (Bsn, "9990000", "wrong-length"),
        (Bsn, "9990000070", "wrong-length"),
        (Bsn, "000000000", "all-zeros"),
        (Bsn, "00000000", "all-zeros"),
        (Bsn, "999000008", "check-failed"),
        (Bsn, "101222332", "check-failed"),
        (EckId, "", "empty"),
        (EckId, " ", "empty"),
        (EckId, "999000007", "not-an-eck-id"),
        (EckId, &eck[1..], "not-an-eck-id"),
        (EckId, &format!("{eck}a"), "not-an-eck-id"),
        (EckId, &eck.replacen('a', "g", 1), "not-an-eck-id"),
        (EckId, &format!("https://ketenid.nl/{eck}"), "not-an-eck-id"),
        (EckId, &format!("https://ketenid.nl//{eck}"), "not-an-eck-id"),
        (EckId, &format!("https://ketenid.nl/1/2/{eck}"), "not-an-eck-id"),
        (EckId, &format!("http://ketenid.nl/1/{eck}"), "not-an-eck-id"),
        (Local, "", "empty"),
        (Local, &long, "too-long"),
        (Local, " 12", "not-plain"),
        (Local, "12\u{a0}", "not-plain"),
        (Local, "1\t2", "not-plain"),
    ] {
        let error = parse(kind, text).unwrap_err();
        assert_eq!(error.code(), code, "{kind} `{text}`");
    }
}

#[test]
fn kinds_are_named_as_in_the_api() {
    for kind in [IdentifierKind::Bsn, IdentifierKind::EckId, IdentifierKind::Local] {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
    }
    assert_eq!("BSN".parse::<IdentifierKind>(), Err(UnknownIdentifierKind));
}

#[test]
fn the_type_keeps_equal_digits_apart() {
    let key = key();
    let namespaces = [
        Namespace::Bsn,
        Namespace::Onderwijsnummer,
        Namespace::Local,
        Namespace::EckId,
    ];
    let of_type = namespaces.map(|namespace| {
        let mut identifier = parse(IdentifierKind::Bsn, "999000007").unwrap();
        identifier.namespace = namespace;
        identifier.index(&key)
    });
    for (i, one) in of_type.iter().enumerate() {
        assert!(!of_type[i + 1..].contains(one));
    }
}

#[test]
fn a_local_identifier_belongs_to_its_holder() {
    let other: Oin = "00000099000000002000".parse().unwrap();
    let at = |holder: &Oin| {
        Identifier::parse(IdentifierKind::Local, "12", holder)
            .unwrap()
            .index(&key())
    };
    assert_eq!(at(&holder()), at(&holder()));
    assert_ne!(at(&holder()), at(&other));
}

#[test]
fn another_key_gives_another_index() {
    let identifier = parse(IdentifierKind::Bsn, "999000007").unwrap();
    assert_ne!(
        identifier.index(&key()),
        identifier.index(&IndexKey::from_bytes([8; 32]))
    );
}

#[test]
fn nothing_is_shown() {
    let identifier = parse(IdentifierKind::Bsn, "999000007").unwrap();
    let index = identifier.index(&key());
    assert_eq!(
        format!("{identifier:?} {:?} {index:?}", key()),
        "Identifier(…) IndexKey(…) Index(…)"
    );
}

proptest! {
    #[test]
    fn any_text_is_an_identifier_or_a_mistake(text in ".{0,80}") {
        for kind in [IdentifierKind::Bsn, IdentifierKind::EckId, IdentifierKind::Local] {
            if let Err(error) = parse(kind, &text) {
                prop_assert!(!error.code().is_empty());
            }
        }
    }

    #[test]
    fn separators_make_no_difference(at in 0usize..9, separator in "[ .\u{a0}-]{1,3}") {
        let mut text = "999000019".to_owned();
        text.insert_str(at, &separator);
        let plain = parse(IdentifierKind::Bsn, "999000019").unwrap().index(&key());
        prop_assert_eq!(parse(IdentifierKind::Bsn, &text).unwrap().index(&key()), plain);
    }

    #[test]
    fn a_number_is_never_both_kinds(number in 0u32..1_000_000_000) {
        let text = format!("{number:09}");
        let remainder = [9, 8, 7, 6, 5, 4, 3, 2, -1].iter().zip(text.bytes())
            .map(|(weight, digit)| weight * i32::from(digit - b'0')).sum::<i32>().rem_euclid(11);
        let expected = match remainder {
            _ if number == 0 => Err(InvalidIdentifier::AllZeros),
            0 => Ok(1),
            5 if text.starts_with("10") => Ok(2),
            _ => Err(InvalidIdentifier::CheckFailed),
        };
        prop_assert_eq!(bsn(&text), expected);
    }

    #[test]
    fn a_wrong_digit_is_no_longer_a_valid_bsn(at in 0usize..9, by in 1u8..10) {
        let mut digits = *b"999000019";
        digits[at] = b'0' + (digits[at] - b'0' + by) % 10;
        prop_assert_eq!(bsn(std::str::from_utf8(&digits).unwrap()), Err(InvalidIdentifier::CheckFailed));
    }
}
