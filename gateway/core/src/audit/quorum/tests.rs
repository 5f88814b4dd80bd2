use super::*;
use crate::audit::cosignature::Cosigner;
use crate::audit::note::Signer;
use proptest::prelude::*;

fn cosigner(number: u8) -> Cosigner {
    Cosigner::from_seed(&format!("w{number}.example"), &[number; 32]).unwrap()
}

fn witness(number: u8) -> String {
    format!(
        "witness W{number} {} https://w{number}.example/\n",
        cosigner(number).key().to_text()
    )
}

fn log() -> Signer {
    Signer::from_seed("example.nl/audit/2026", &[77; 32]).unwrap()
}

/// Two of three, and one of two others: the example of the specification.
fn example() -> String {
    let mut text = format!(
        "# witnesses\n\n log {}\thttps://log.example\n",
        log().verifier().to_text()
    );
    for number in 1..=5 {
        text += &witness(number);
    }
    text + "group X 2 W1 W2 W3\ngroup Y any W4 W5\ngroup both all X Y\nquorum both\n"
}

#[test]
fn the_example_of_the_specification_decides_as_it_says() {
    let policy = Policy::parse(&example()).unwrap();
    assert_eq!(policy.witnesses[0].url.as_deref(), Some("https://w1.example"));
    for (cosigned, met) in [
        (vec![0, 1, 3], true),
        (vec![1, 2, 4], true),
        (vec![0, 1, 2, 3, 4], true),
        (vec![0, 1, 2], false),
        (vec![0, 3, 4], false),
        (vec![], false),
    ] {
        assert_eq!(
            policy.is_met(&cosigned.iter().copied().collect()),
            met,
            "{cosigned:?}"
        );
    }
    let none = Policy::parse("quorum none").unwrap();
    assert!(none.is_met(&BTreeSet::new()) && !none.needs_witnesses() && policy.needs_witnesses());
    assert_eq!(none, Policy::default());
}

#[test]
fn a_checkpoint_is_witnessed_by_those_whose_signatures_fit() {
    let policy = Policy::parse(&example()).unwrap();
    let checkpoint = Checkpoint {
        origin: log().verifier().name().to_owned(),
        size: 3,
        root: [3; 32],
    };
    let (text, mut note) = (checkpoint.to_text(), checkpoint.sign(&log()).unwrap());
    for number in [1, 3, 9] {
        note += &cosigner(number).cosign(&text, 5);
    }
    let witnessed = policy.verify(&note, None).unwrap();
    assert_eq!(witnessed.cosigned.keys().copied().collect::<Vec<_>>(), [0, 2]);
    assert!(!witnessed.is_quorum);
    note += &cosigner(4).cosign(&text, 5);
    assert!(policy.verify(&note, None).unwrap().is_quorum);
    // A known key under another text spoils it, and so does another log.
    let spoilt = note.clone() + &cosigner(5).cosign("other\n", 5);
    assert!(policy.verify(&spoilt, None).is_err());
    assert!(Policy::parse("quorum none").unwrap().verify(&note, None).is_err());
    assert!(
        Policy::parse("quorum none")
            .unwrap()
            .verify(&note, Some(log().verifier()))
            .is_ok()
    );
}

#[test]
fn each_mistake_is_told_with_its_line() {
    let two = [witness(1), witness(2)].concat();
    let twice = witness(1).replace("W1", "W2");
    let log_key = log().verifier().to_text();
    for (text, expected) in [
        ("", "there is no line `quorum NAME`".to_owned()),
        (
            "quorum nobody",
            "line 1: no line before this one defines `nobody`".to_owned(),
        ),
        (
            "quorum none\nquorum none",
            "line 2: a second line `quorum`; there is one".to_owned(),
        ),
        ("witnes W1 x", "line 1: `witnes` is not one of".to_owned()),
        (
            "witness W1 x",
            "line 1: the key of witness `W1`: not a verifier key".to_owned(),
        ),
        ("\x07", "control characters".to_owned()),
        (
            &format!("{}{twice}", witness(1)),
            "line 2: the key of witness `W2` stands on an earlier line".to_owned(),
        ),
        (
            &format!("{two}group X 3 W1 W2"),
            "line 3: 3 of 2 members cannot be".to_owned(),
        ),
        (&format!("{two}group X 0 W1 W2"), "line 3: 0 of 2".to_owned()),
        (
            &format!("{two}group X 02 W1 W2"),
            "line 3: `02` is neither".to_owned(),
        ),
        (&format!("{two}group X all"), "line 3: 0 of 0".to_owned()),
        (
            &format!("{two}group X any W1 W1"),
            "line 3: `W1` is a member of a group already".to_owned(),
        ),
        (
            &format!("{two}group X any W1\ngroup Y any W1 W2"),
            "line 4: `W1` is a member".to_owned(),
        ),
        (
            &format!("{two}group W1 any W1"),
            "line 3: the name `W1` is taken".to_owned(),
        ),
        (
            &format!("{two}group none any W1"),
            "line 3: the name `none` is taken".to_owned(),
        ),
        (
            &format!("{two}group X any none"),
            "line 3: no line before this one defines `none`".to_owned(),
        ),
        (
            &format!("log {log_key}\nlog {log_key}"),
            "line 2: this log's key stands on".to_owned(),
        ),
        (
            &format!("log {}", cosigner(1).key().to_text()),
            "line 1: not a verifier key".to_owned(),
        ),
    ] {
        let message = Policy::parse(text).unwrap_err().to_string();
        assert!(message.contains(&expected), "{text}\n→ {message}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_policy_or_not(text in "((log|witness|group|quorum|none|[a-z0-9+]{0,6}|all|any|2)[ \t\n]{0,2}){0,12}") {
        let _ = Policy::parse(&text);
    }
}
