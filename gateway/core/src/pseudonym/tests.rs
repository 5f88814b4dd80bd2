use std::collections::HashSet;

use proptest::prelude::*;
use serde::Deserialize;

use super::text::{ALPHABET, check_digits};
use super::*;
use crate::lp::PartText;

const VECTORS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/pseudonyms.json"
));

#[derive(Deserialize)]
struct Vectors {
    root: String,
    subjects: Vec<String>,
    domains: Vec<Domain>,
}

#[derive(Deserialize)]
struct Domain {
    version: u32,
    tenant: String,
    recipient: String,
    purpose: String,
    link_scope: String,
    epoch: String,
    pseudonyms: Vec<String>,
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    data_encoding::HEXLOWER
        .decode(hex.as_bytes())
        .unwrap()
        .try_into()
        .unwrap()
}

fn text(text: &str) -> PartText {
    text.parse().unwrap()
}

fn version(number: u32) -> KeyVersion {
    number.try_into().unwrap()
}

fn domain(recipient: &str, purpose: &str, link_scope: &str, epoch: &str) -> DomainKey {
    DomainKey::derive(
        &ExitRoot::from_bytes([9; 32]),
        version(1),
        &text("almere"),
        &recipient.parse().unwrap(),
        &purpose.parse().unwrap(),
        &text(link_scope),
        &text(epoch),
    )
}

fn swv() -> DomainKey {
    domain("00000099000000002000", "case-consultation", "", "")
}

fn subject(number: u32) -> SubjectId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    SubjectId::from_bytes(id)
}

#[test]
fn known_answers() {
    let vectors: Vectors = serde_json::from_str(VECTORS).unwrap();
    let root = ExitRoot::from_bytes(bytes(&vectors.root));
    assert_eq!((vectors.domains.len(), vectors.subjects.len()), (7, 8));
    for domain in vectors.domains {
        let key = DomainKey::derive(
            &root,
            version(domain.version),
            &text(&domain.tenant),
            &domain.recipient.parse().unwrap(),
            &domain.purpose.parse().unwrap(),
            &text(&domain.link_scope),
            &text(&domain.epoch),
        );
        for (subject, expected) in vectors.subjects.iter().zip(domain.pseudonyms) {
            let pseudonym = key.pseudonym(&SubjectId::from_bytes(bytes(subject)));
            assert_eq!(pseudonym.as_str(), expected);
            assert_eq!(Pseudonym::parse(&expected), Ok(pseudonym));
        }
    }
}

#[test]
fn twenty_domains_share_no_value() {
    const SUBJECTS: u32 = 35_000;
    let recipients: Vec<String> = (0..10).map(|i| format!("000000990000000{i:02}000")).collect();
    let purposes = ["case-consultation", "provision-closure"];
    let domains = recipients
        .iter()
        .flat_map(|r| purposes.map(|p| domain(r, p, "", "")));
    let mut seen: Vec<[u8; 16]> = domains
        .flat_map(|key| (0..SUBJECTS).map(move |number| key.bits(&subject(number))))
        .collect();
    assert_eq!(seen.len(), 20 * 35_000);
    seen.sort_unstable();
    assert!(seen.is_sorted_by(|a, b| a < b), "two values are equal");
}

#[test]
fn each_part_of_a_domain_makes_another() {
    let recipient = "00000099000000002000";
    let keys = [
        swv(),
        domain("00000099000000003000", "case-consultation", "", ""),
        domain(recipient, "case-consultations", "", ""),
        domain(recipient, "case-consultation", "2026-2027", ""),
        domain(recipient, "case-consultation", "", "2026-2027"),
        domain(recipient, "case-consultation", "2026-202", "7"),
    ];
    let distinct: HashSet<_> = keys.iter().map(|key| key.pseudonym(&subject(1))).collect();
    assert_eq!(distinct.len(), keys.len());
    assert_eq!(swv().pseudonym(&subject(1)), swv().pseudonym(&subject(1)));
}

#[test]
fn bits_are_evenly_spread() {
    let key = swv();
    let mut ones = [0_i32; 128];
    for bits in (0..4_000).map(|number| u128::from_be_bytes(key.bits(&subject(number)))) {
        ones.iter_mut()
            .zip(0..)
            .for_each(|(count, place)| *count += i32::from(bits >> place & 1 == 1));
    }
    // 2,000 expected, standard deviation 31.6; five of them.
    assert!(ones.iter().all(|count| (count - 2_000).abs() < 160), "{ones:?}");
}

#[test]
fn a_version_has_one_to_five_digits() {
    assert!(KeyVersion::try_from(0).is_err());
    assert!(KeyVersion::try_from(100_000).is_err());
    let key = |number| {
        let empty = PartText::default();
        let oin = "00000099000000002000".parse().unwrap();
        let purpose = "x".parse().unwrap();
        DomainKey::derive(
            &ExitRoot::from_bytes([9; 32]),
            version(number),
            &empty,
            &oin,
            &purpose,
            &empty,
            &empty,
        )
    };
    for (number, chars) in [(1, 35), (99_999, 39)] {
        let pseudonym = key(number).pseudonym(&subject(1));
        assert_eq!(
            (pseudonym.as_str().len(), pseudonym.version()),
            (chars, version(number))
        );
    }
}

#[test]
fn one_wrong_character_is_noticed() {
    let key = swv();
    let (mut typed, mut noticed) = (0_u32, 0_u32);
    for number in 0..200 {
        let pseudonym = key.pseudonym(&subject(number));
        let right = pseudonym.as_str();
        for at in "dsp1_1_".len()..right.len() {
            for wrong in ALPHABET.chars() {
                let typo = format!("{}{wrong}{}", &right[..at], &right[at + 1..]);
                if typo != right {
                    typed += 1;
                    noticed += u32::from(Pseudonym::parse(&typo) == Err(InvalidPseudonym::Mistyped));
                }
            }
        }
    }
    assert_eq!(typed, 200 * 28 * 31);
    assert!(
        f64::from(noticed) >= 0.999 * f64::from(typed),
        "{noticed} of {typed}"
    );
}

#[test]
fn two_swapped_characters_are_noticed() {
    let key = swv();
    let (mut typed, mut noticed) = (0_u32, 0_u32);
    for number in 0..3_000 {
        let right = key.pseudonym(&subject(number)).to_string().into_bytes();
        for at in 7..right.len() - 1 {
            let mut swapped = right.clone();
            swapped.swap(at, at + 1);
            if swapped != right {
                typed += 1;
                let text = std::str::from_utf8(&swapped).unwrap();
                noticed += u32::from(Pseudonym::parse(text) == Err(InvalidPseudonym::Mistyped));
            }
        }
    }
    assert!(
        f64::from(noticed) >= 0.999 * f64::from(typed),
        "{noticed} of {typed}"
    );
}

#[test]
fn what_is_no_pseudonym_is_refused() {
    let right = swv().pseudonym(&subject(1)).to_string();
    for wrong in [
        "",
        "dsp1_",
        "999000007",
        &right[1..],
        &right[..right.len() - 1],
        &format!("{right}0"),
        &right.replacen("dsp1_1_", "dsp2_1_", 1),
        &right.replacen("dsp1_1_", "dsp1_01_", 1),
        &right.replacen("dsp1_1_", "dsp1_0_", 1),
        &right.replacen("dsp1_1_", "dsp1_+1_", 1),
        &right.replacen("dsp1_1_", "dsp1_100000_", 1),
        &right.replacen("dsp1_1_", "dsp1__", 1),
        &format!("{}u{}", &right[..20], &right[21..]),
        &format!("{}é{}", &right[..20], &right[21..]),
        &format!("{}_{}", &right[..20], &right[21..]),
    ] {
        assert_eq!(Pseudonym::parse(wrong), Err(InvalidPseudonym::Form), "{wrong}");
    }
    let other_version = right.replacen("dsp1_1_", "dsp1_2_", 1);
    assert_eq!(Pseudonym::parse(&other_version), Err(InvalidPseudonym::Mistyped));
}

#[test]
fn spare_bits_are_zero() {
    // The 26th digit carries three bits; its two others say nothing, so another digit would be another spelling.
    let right = swv().pseudonym(&subject(1)).to_string();
    let (head, last) = (&right[..right.len() - 3], right.as_bytes()[right.len() - 3]);
    let value = ALPHABET.bytes().position(|symbol| symbol == last).unwrap();
    for spare in 1..4 {
        let before = format!("{head}{}", char::from(ALPHABET.as_bytes()[value + spare]));
        let respelt = format!("{before}{}", check_digits(&before));
        assert_eq!(Pseudonym::parse(&respelt), Err(InvalidPseudonym::Mistyped));
    }
}

#[test]
fn nothing_is_shown() {
    let key = swv();
    let shown = format!("{:?} {key:?} {:?}", subject(1), key.pseudonym(&subject(1)));
    assert_eq!(shown, "SubjectId(…) DomainKey { version: 1, .. } Pseudonym(…)");
    assert_eq!(format!("{:?}", ExitRoot::from_bytes([1; 32])), "ExitRoot(…)");
}

#[test]
fn it_is_a_string_in_json() {
    let pseudonym = swv().pseudonym(&subject(1));
    assert_eq!(
        serde_json::to_string(&pseudonym).unwrap(),
        format!("\"{pseudonym}\"")
    );
}

proptest! {
    #[test]
    fn written_and_read_it_is_the_same(id: [u8; 16], number in 1u32..100_000) {
        let pseudonym = Pseudonym::new(version(number), id);
        prop_assert_eq!(Pseudonym::parse(pseudonym.as_str()), Ok(pseudonym.clone()));
        let (head, digits) = pseudonym.as_str().rsplit_once('_').unwrap();
        prop_assert_eq!(head, format!("dsp1_{number}"));
        prop_assert!(digits.len() == 28 && digits.bytes().all(|d| d.is_ascii_alphanumeric() && !b"ilou".contains(&d)));
    }

    #[test]
    fn it_is_read_as_people_retype_it(id: [u8; 16], swaps in prop::collection::vec(0u8..4, 40)) {
        let pseudonym = Pseudonym::new(version(10), id);
        let retype = |(letter, how): (char, &u8)| match (letter, how) {
            ('0', 1) => 'o', ('0', 2) => 'O',
            ('1', 1) => 'l', ('1', 2) => 'I', ('1', 3) => 'i',
            (letter, 0) => letter,
            (letter, _) => letter.to_ascii_uppercase(),
        };
        let typed: String = pseudonym.as_str().chars().zip(&swaps).map(retype).collect();
        prop_assert_eq!(Pseudonym::parse(&format!(" {typed}\n")), Ok(pseudonym));
    }

    #[test]
    fn any_text_is_a_pseudonym_or_a_mistake(text in ".{0,50}") {
        prop_assert!(Pseudonym::parse(&text).is_err());
    }
}
