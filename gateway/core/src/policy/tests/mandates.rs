use jiff::civil::date;

use super::*;
use crate::policy::mandate::InvalidMandate;

fn mandate() -> Mandate {
    Mandate {
        vendor: "00000099000000900001".parse().unwrap(),
        board: "00000099000000041676".parse().unwrap(),
        datasets: vec![name("enrolment"), name("absence")],
        from: date(2026, 8, 1),
        until: date(2027, 7, 31),
        agreement: "VO-2026-17".to_owned(),
    }
}

fn with_mandate(
    mandate: &Mandate,
    deployment: &str,
    signer: &str,
    kid: &str,
) -> Result<Policies, Vec<PolicyError>> {
    let text = mandate
        .sign(deployment, now(), kid, SigningKey::EdDsa(&key(signer)))
        .unwrap();
    let mut files = shipped();
    files.mandates.push(("mandates/alpha.jws".to_owned(), text));
    Policies::load(&files, DEPLOYMENT, now())
}

#[test]
fn a_mandate_covers_its_vendor_board_datasets_and_days() {
    let policies = with_mandate(&mandate(), DEPLOYMENT, "board-41676", "board-41676-1").unwrap();
    let Mandate { vendor, board, .. } = mandate();
    let found = |vendor, board, dataset, day| policies.mandate(vendor, board, &name(dataset), day).is_some();
    assert!(found(&vendor, &board, "enrolment", date(2026, 8, 1)));
    assert!(found(&vendor, &board, "absence", date(2027, 7, 31)));
    assert!(!found(&vendor, &board, "admissibility", date(2026, 11, 22)));
    assert!(!found(&vendor, &board, "enrolment", date(2027, 8, 1)));
    assert!(!found(&board, &vendor, "enrolment", date(2026, 11, 22)));
}

#[test]
fn a_mandate_of_somebody_else_is_refused() {
    let swv: Oin = "00000099000000240101".parse().unwrap();
    let ours = ("board-41676", "board-41676-1");
    let other_vendor = Mandate {
        vendor: swv.clone(),
        ..mandate()
    };
    let other_board = Mandate {
        board: swv.clone(),
        ..mandate()
    };
    let other_dataset = Mandate {
        datasets: vec![name("marks")],
        ..mandate()
    };
    let backwards = Mandate {
        until: date(2026, 7, 31),
        ..mandate()
    };
    let cases = [
        (
            mandate(),
            DEPLOYMENT,
            ("board-40114", "board-41676-1"),
            JwsError::Signature.into(),
        ),
        (
            mandate(),
            DEPLOYMENT,
            ("board-41676", "board-40114-1"),
            InvalidMandate::UnknownKey,
        ),
        (mandate(), "elsewhere", ours, InvalidMandate::OtherDeployment),
        (
            other_vendor,
            DEPLOYMENT,
            ours,
            InvalidMandate::UnknownVendor(swv.clone()),
        ),
        (
            other_board,
            DEPLOYMENT,
            ("swv-po", "swv-po-1"),
            InvalidMandate::UnknownBoard(swv),
        ),
        (
            other_dataset,
            DEPLOYMENT,
            ours,
            InvalidMandate::UnknownDataset(name("marks")),
        ),
        (backwards, DEPLOYMENT, ours, InvalidMandate::Payload),
    ];
    for (mandate, deployment, (signer, kid), expected) in cases {
        let errors = with_mandate(&mandate, deployment, signer, kid).unwrap_err();
        assert_eq!(
            errors,
            [PolicyError::Mandate {
                file: "mandates/alpha.jws".to_owned(),
                error: expected
            }]
        );
    }
}
