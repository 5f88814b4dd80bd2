use ring::signature::Ed25519KeyPair;

use super::*;
use crate::policy::key_list::{Added, Change};

const DEPLOYMENT: &str = "almere";

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn oin() -> Oin {
    "00000099000000072001".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// A list with one key of one organisation, for these roles.
fn approvers(roles: &[ApproverRole]) -> KeyList {
    let added = Added {
        organisation: oin().to_string(),
        roles: roles.to_vec(),
        jwk: SigningKey::EdDsa(&pair(1)).public_key().to_jwk("fg-1"),
    };
    let first = Change::after(&KeyList::default(), DEPLOYMENT, Vec::new(), vec![added]);
    KeyList::follow(&[("approvers/0000.json".to_owned(), first.to_text())]).unwrap()
}

fn keys(months: &[(&str, u8)]) -> FgKeys {
    let months = months
        .iter()
        .map(|(month, key)| (month.parse().unwrap(), [*key; 32]));
    FgKeys {
        organisation: oin(),
        months: months.collect(),
    }
}

fn signed(keys: &FgKeys, deployment: &str, at: Timestamp, seed: u8) -> String {
    keys.sign(deployment, at, "fg-1", SigningKey::EdDsa(&pair(seed)))
        .unwrap()
}

#[test]
fn what_the_fg_signed_is_read() {
    let keys = keys(&[("2026-11", 1), ("2026-12", 2)]);
    let text = signed(&keys, DEPLOYMENT, now(), 1);
    let read = FgKeys::verify(&text, DEPLOYMENT, &approvers(&[ApproverRole::Fg]), now()).unwrap();
    assert_eq!(read, keys);
    assert_eq!(read.of("2026-12".parse().unwrap()), Some(&[2; 32]));
    assert_eq!(read.of("2027-01".parse().unwrap()), None);
    assert_eq!(read.last(), Some("2026-12".parse().unwrap()));
}

#[test]
fn anothers_keys_are_refused() {
    let list = approvers(&[ApproverRole::Fg]);
    let good = keys(&[("2026-11", 1)]);
    let verify = |text: &str, list: &KeyList| FgKeys::verify(text, DEPLOYMENT, list, now()).unwrap_err();
    let later = now() + jiff::SignedDuration::from_secs(1);

    assert!(matches!(
        verify(&signed(&good, DEPLOYMENT, now(), 2), &list),
        InvalidFgKeys::Signature(_)
    ));
    assert_eq!(
        verify(
            &signed(&good, DEPLOYMENT, now(), 1),
            &approvers(&[ApproverRole::Holder])
        ),
        InvalidFgKeys::UnknownKey
    );
    assert_eq!(
        verify(&signed(&good, "elsewhere", now(), 1), &list),
        InvalidFgKeys::OtherDeployment
    );
    assert_eq!(
        verify(&signed(&good, DEPLOYMENT, later, 1), &list),
        InvalidFgKeys::NotYetIssued
    );
    for wrong in [keys(&[]), keys(&[("2026-11", 1), ("2026-12", 1)])] {
        assert_eq!(
            verify(&signed(&wrong, DEPLOYMENT, now(), 1), &list),
            InvalidFgKeys::Payload
        );
    }
    assert!(matches!(verify("nonsense", &list), InvalidFgKeys::Signature(_)));
}
