use super::*;
use crate::audit::leaf::{Event, GRANTED, Kind};
use crate::audit::merkle::Frontier;

const ANSWER: &str = r#"{"data": [{"pupils": 34}],  "meta": {"epoch":"2026-10-01"}, "receipt": "#;

fn signer() -> Signer {
    Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap()
}

fn digest() -> Hash {
    answer_digest(br#"[{"pupils": 34}]"#, br#"{"epoch":"2026-10-01"}"#)
}

/// A receipt for number 11 of 13 leaves, about [`ANSWER`].
fn receipt() -> Receipt {
    let salt = [9; 32];
    let mut event = Event::new(Kind::AccessDecided, [5; 16]);
    event.decision = Some(GRANTED.to_owned());
    event.commitments.result = commitment(Label::Result, &salt, &digest());
    let leaf = Leaf {
        time: 1,
        replica: [1; 16],
        sequence: 11,
        event,
    }
    .encode()
    .unwrap();
    let mut hashes: Vec<Hash> = (0_u8..13).map(|i| leaf_hash(&[i])).collect();
    hashes[11] = leaf_hash(&leaf);
    let mut frontier = Frontier::empty();
    let proofs = frontier.append(&hashes);
    let head = SignedHead::sign(&signer(), frontier.size(), frontier.root()).unwrap();
    head.receipt(11, &proofs[11].proof, &leaf, [5; 16], Some((&digest(), &salt)))
}

fn verified(receipt: &Receipt, answer: Option<&Hash>) -> Result<AnswerProof, ReceiptError> {
    let json = serde_json::to_string(receipt).unwrap();
    verify(&json, signer().verifier(), answer).map(|proven| proven.answer)
}

#[test]
fn a_receipt_proves_its_answer() {
    assert_eq!(verified(&receipt(), Some(&digest())), Ok(AnswerProof::Matches));
    assert_eq!(verified(&receipt(), None), Ok(AnswerProof::NotGiven));
    assert_eq!(verified(&receipt(), Some(&[0; 32])), Err(ReceiptError::Answer));
}

#[test]
fn a_whole_answer_splits_into_its_exact_bytes() {
    let json = serde_json::to_string(&receipt()).unwrap();
    let whole = format!("{ANSWER}{json}}}");
    let (inner, answer) = split_answer(&whole).unwrap();
    assert_eq!((inner, answer), (json.as_str(), digest()));
    assert_eq!(split_answer(&json), None);
    let respaced = whole.replace("\"pupils\": 34", "\"pupils\":34");
    assert_ne!(split_answer(&respaced).unwrap().1, digest());
}

type Forge = fn(&mut Receipt);

#[test]
fn each_forged_field_is_named() {
    let cases: Vec<(ReceiptError, Forge)> = vec![
        (ReceiptError::Signature, |r| r.size += 1),
        (ReceiptError::Signature, |r| r.root = base64(&[0; 32])),
        (ReceiptError::Signature, |r| r.sig = base64(&[0; 64])),
        (ReceiptError::Field("sig"), |r| r.sig = base64(&[0; 63])),
        (ReceiptError::LeafHash, |r| r.leaf_hash = base64(&[0; 32])),
        (ReceiptError::LeafHash, |r| r.leaf = base64(b"another")),
        (ReceiptError::EntryId, |r| r.entry_id = "00".repeat(16)),
        (ReceiptError::Inclusion, |r| r.index -= 1),
        (ReceiptError::Inclusion, |r| drop(r.proof.pop())),
        (ReceiptError::Inclusion, |r| r.proof.swap(0, 1)),
        (ReceiptError::Field("proof"), |r| {
            r.proof = vec![base64(&[0; 32]); 65];
        }),
        (ReceiptError::Commitment, |r| {
            r.answer_digest = Some(base64(&[0; 32]));
        }),
        (ReceiptError::Commitment, |r| {
            r.result_salt = Some(base64(&[0; 32]));
        }),
        (ReceiptError::Commitment, |r| r.result_salt = None),
        (ReceiptError::Commitment, |r| {
            (r.result_salt, r.answer_digest) = (None, None);
        }),
    ];
    for (error, forge) in cases {
        let mut forged = receipt();
        forge(&mut forged);
        assert_eq!(verified(&forged, Some(&digest())), Err(error));
    }
}

#[test]
fn another_logs_key_is_told_apart() {
    let json = serde_json::to_string(&receipt()).unwrap();
    let other_key = Signer::from_seed("example.nl/audit/2026", &[8; 32]).unwrap();
    let other_log = Signer::from_seed("other.nl/audit/2026", &[7; 32]).unwrap();
    for log in [other_key, other_log] {
        assert!(matches!(
            verify(&json, log.verifier(), None),
            Err(ReceiptError::OtherKey { .. })
        ));
    }
}

#[test]
fn a_receipt_without_an_answer_says_so() {
    let event = Event {
        decision: Some("not-granted".to_owned()),
        ..Event::new(Kind::AccessDecided, [5; 16])
    };
    let leaf = Leaf {
        time: 1,
        replica: [1; 16],
        sequence: 0,
        event,
    }
    .encode()
    .unwrap();
    let mut frontier = Frontier::empty();
    let proofs = frontier.append(&[leaf_hash(&leaf)]);
    let head = SignedHead::sign(&signer(), 1, frontier.root()).unwrap();
    let receipt = head.receipt(0, &proofs[0].proof, &leaf, [5; 16], None);
    assert_eq!(verified(&receipt, None), Ok(AnswerProof::None));
    assert_eq!(verified(&receipt, Some(&digest())), Err(ReceiptError::Answer));
}

#[test]
fn a_head_is_never_a_checkpoint() {
    let message = head_message("example.nl/audit/2026", 13, &[3; 32]).unwrap();
    assert!(message.contains(&0x01));
    assert_eq!(message.len(), 12 + 1 + 2 + 21 + 8 + 32);
}

#[test]
fn unknown_keys_and_other_json_are_refused() {
    let json = serde_json::to_string(&receipt()).unwrap();
    let more = json.replacen('{', "{\"more\":1,", 1);
    for text in ["", "{}", "[]", more.as_str()] {
        assert!(
            matches!(
                verify(text, signer().verifier(), None),
                Err(ReceiptError::Json(_))
            ),
            "{text}"
        );
    }
}
