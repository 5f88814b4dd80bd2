use ring::signature::Ed25519KeyPair;

use super::super::jws::SigningKey;
use super::super::sha256;
use super::*;

const FG: &[ApproverRole] = &[ApproverRole::Fg];
const ALL: &[ApproverRole] = &[ApproverRole::Fg, ApproverRole::Holder, ApproverRole::Mandate];

fn oin(number: u8) -> Oin {
    format!("000000990000000000{number:02}").parse().unwrap()
}

fn pair(name: &str) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&sha256(name.as_bytes())).unwrap()
}

fn added(owner: u8, kid: &str, roles: &[ApproverRole]) -> Added {
    Added {
        organisation: oin(owner).to_string(),
        roles: roles.to_vec(),
        jwk: SigningKey::EdDsa(&pair(kid)).public_key().to_jwk(kid),
    }
}

fn removed(owner: u8, kid: &str) -> Removed {
    Removed {
        organisation: oin(owner).to_string(),
        kid: kid.to_owned(),
    }
}

/// Four organisations, each with one key for everything: `a1` … `d1`.
fn first() -> Change {
    let keys = [(1, "a1"), (2, "b1"), (3, "c1"), (4, "d1")];
    let keys = keys.map(|(owner, kid)| added(owner, kid, ALL));
    Change::after(&KeyList::default(), "test", Vec::new(), keys.to_vec())
}

fn list(changes: &[&Change]) -> Result<KeyList, InvalidKeyList> {
    let files: Vec<NamedText> = (0..)
        .zip(changes)
        .map(|(number, change)| (format!("approvers/{number:04}.json"), change.to_text()))
        .collect();
    KeyList::follow(&files).map_err(|(_, error)| error)
}

/// A change after the first list, signed by these (organisation, key).
fn change(remove: Vec<Removed>, add: Vec<Added>, signers: &[(u8, &str)]) -> Change {
    let mut change = Change::after(&list(&[&first()]).unwrap(), "test", remove, add);
    for (owner, kid) in signers {
        sign(&mut change, *owner, kid, kid);
    }
    change
}

fn sign(change: &mut Change, owner: u8, kid: &str, key: &str) {
    let signer = KeySigner {
        organisation: &oin(owner),
        kid,
        key: SigningKey::EdDsa(&pair(key)),
    };
    change.sign(signer).unwrap();
}

#[test]
fn a_key_changes_with_the_old_one_or_with_two_other_holders() {
    let rotate = |signers: &[(u8, &str)]| {
        let change = change(vec![removed(1, "a1")], vec![added(1, "a2", ALL)], signers);
        list(&[&first(), &change])
    };
    let own = rotate(&[(1, "a1")]).unwrap();
    let kids: Vec<_> = own.keys(&oin(1)).iter().map(|key| key.kid.as_str()).collect();
    assert_eq!((kids, own.removed_by(&oin(1), "a1")), (vec!["a2"], Some(1)));
    assert!(rotate(&[(2, "b1"), (3, "c1")]).is_ok());

    let not_signed =
        |signers: &[(u8, &str)]| matches!(rotate(signers), Err(InvalidKeyList::NotSigned { .. }));
    assert!(not_signed(&[]));
    assert!(not_signed(&[(2, "b1")]), "one other");
    assert!(not_signed(&[(2, "b1"), (2, "b1")]), "one other, twice");
    let itself = rotate(&[(1, "a2")]).unwrap_err();
    assert_eq!(
        itself.to_string(),
        "the signature of `00000099000000000001` with key `a2` does not count: the list before this change has no such key"
    );
}

#[test]
fn another_role_of_the_organisation_makes_no_fg_key() {
    let board = added(5, "e1", &[ApproverRole::Holder, ApproverRole::Mandate]);
    let joined = change(Vec::new(), vec![board], &[(1, "a1"), (2, "b1")]);
    let before = list(&[&first(), &joined]).unwrap();
    let mut own_fg = Change::after(&before, "test", Vec::new(), vec![added(5, "e2", FG)]);
    sign(&mut own_fg, 5, "e1", "e1");
    let error = list(&[&first(), &joined, &own_fg]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the fg keys of `00000099000000000005` change without the signature of its own fg key or of two other holders"
    );
}

#[test]
fn one_key_that_two_holders_list_is_one_signer() {
    let mut twin = added(5, "a1", ALL);
    twin.jwk["kid"] = "e1".into();
    let joined = change(Vec::new(), vec![twin], &[(1, "a1"), (2, "b1")]);
    let before = list(&[&first(), &joined]).unwrap();
    let mut drop_d = Change::after(&before, "test", vec![removed(4, "d1")], Vec::new());
    sign(&mut drop_d, 1, "a1", "a1");
    sign(&mut drop_d, 5, "e1", "a1");
    let error = list(&[&first(), &joined, &drop_d]).unwrap_err();
    assert!(matches!(error, InvalidKeyList::NotSigned { .. }), "{error}");
}

#[test]
fn a_list_that_was_tampered_with_is_refused() {
    let good = || change(vec![removed(1, "a1")], vec![added(1, "a2", ALL)], &[(1, "a1")]);
    let tampered = |edit: fn(&mut Change)| {
        let mut change = good();
        edit(&mut change);
        list(&[&first(), &change]).unwrap_err().to_string()
    };
    let mut other_first = first();
    other_first.add.pop();
    let told = [
        tampered(|change| change.add[0] = added(1, "x", ALL)),
        tampered(|change| change.sequence = 2),
        tampered(|change| change.deployment = "other".to_owned()),
        tampered(|change| {
            change.add.clear();
            change.remove.clear();
        }),
        tampered(|change| change.remove[0].kid = "a7".to_owned()),
        tampered(|change| change.add[0] = added(2, "b1", ALL)),
        tampered(|change| change.signatures[0].push('A')),
        tampered(|change| change.add[0].jwk["d"] = "secret".into()),
        list(&[&other_first, &good()]).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
the signature of `00000099000000000001` with key `a1` does not count: it does not match
its `sequence` is not that of its file
it is for another deployment than the first list
it adds and removes nothing
`00000099000000000001` has no key `a7` to remove
`00000099000000000002` has, or had, a key with the id `b1`
the signature of `00000099000000000001` with key `a1` does not count: it does not match
the key `a2` of `00000099000000000001`: not a public key for approvals: `OKP` with `Ed25519` or `EC` with `P-256`, public members only
its `previous` is not the digest of the change before it: it continues another list
");
}

#[test]
fn files_are_numbered_without_a_gap() {
    let files = [("approvers/0001.json".to_owned(), first().to_text())];
    let (file, error) = KeyList::follow(&files).unwrap_err();
    assert_eq!(
        (file.as_str(), error),
        ("approvers/0001.json", InvalidKeyList::Name(0))
    );
    let nonsense = [("approvers/0000.json".to_owned(), "{}".to_owned())];
    let (_, error) = KeyList::follow(&nonsense).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("not a change of the key list: missing field"),
        "{error}"
    );
}

#[test]
fn a_longer_list_grew_from_a_shorter_one_and_never_the_other_way() {
    let short = list(&[&first()]).unwrap();
    let rotated = change(vec![removed(1, "a1")], vec![added(1, "a2", ALL)], &[(1, "a1")]);
    let long = list(&[&first(), &rotated]).unwrap();
    assert!(long.grew_from(&short.head().unwrap()) && long.grew_from(&long.head().unwrap()));
    assert!(!short.grew_from(&long.head().unwrap()));
    let since: Vec<_> = long
        .events_since(short.head().as_ref())
        .map(|event| event.kid.as_str())
        .collect();
    assert_eq!(since, ["a1", "a2"]);
    assert_eq!(long.events_since(None).count(), 6);
}
