use super::*;
use crate::answer::Answer;
use crate::audit::commitment;
use crate::audit::leaf::{Event, GRANTED, Kind, Leaf};
use crate::audit::merkle::Frontier;
use crate::audit::note::Signer;
use crate::audit::receipt::{AnswerProof, Receipt, SignedHead, split_answer, verify};

/// A receipt for the release, as the committer makes it.
fn receipt(release: &Release, log: &Signer) -> Receipt {
    let (salt, digest) = ([9; 32], release.digest());
    let mut event = Event::new(Kind::AccessDecided, [5; 16]);
    event.decision = Some(GRANTED.to_owned());
    event.commitments.result = commitment::commitment(commitment::Label::Result, &salt, &digest);
    let leaf = Leaf {
        time: 1,
        replica: [1; 16],
        sequence: 0,
        event,
    }
    .encode()
    .unwrap();
    let mut frontier = Frontier::empty();
    let proofs = frontier.append(&[crate::audit::merkle::leaf_hash(&leaf)]);
    let head = SignedHead::sign(log, frontier.size(), frontier.root()).unwrap();
    head.receipt(0, &proofs[0].proof, &leaf, [5; 16], Some((&digest, &salt)))
}

#[test]
fn the_bytes_that_leave_are_those_of_the_digest() {
    let log = Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap();
    let answers: [fn(Format) -> Release; 3] = [
        |format| figures(vec![None; by_attendance_count()], format),
        |format| consultation(vec![pupil(1, "7"), pupil(2, "8")], format),
        |format| statuses(["é\u{2028}\"", "b"], false, format),
    ];
    for make in answers {
        let release = make(Format::Json);
        let digest = release.digest();
        let given = receipt(&release, &log);
        let answer = Answer::new(release, given.clone());
        assert_eq!(answer.digest(), digest);
        let (body, kept) = answer.into_body();
        assert_eq!(kept, given);
        let (inner, split) = split_answer(text(&body)).unwrap();
        assert_eq!(split, digest);
        let proven = verify(inner, log.verifier(), Some(&split)).unwrap();
        assert_eq!(proven.answer, AnswerProof::Matches);

        // NDJSON: the rows as they are, then one line of meta and one of receipt.
        let release = make(Format::Ndjson);
        let (digest, rows) = (release.digest(), release.data.clone());
        let given = receipt(&release, &log);
        let (body, _) = Answer::new(release, given).into_body();
        let rest = text(&body).strip_prefix(text(&rows)).unwrap();
        let [meta, last] = rest.lines().collect::<Vec<_>>()[..] else {
            panic!("two lines")
        };
        let meta = meta
            .strip_prefix("{\"meta\":")
            .unwrap()
            .strip_suffix('}')
            .unwrap();
        assert_eq!(answer_digest(&rows, meta.as_bytes()), digest);
        assert!(serde_json::from_str::<Json>(last).unwrap()["receipt"].is_object());

        // CSV: the rows alone; the receipt travels in a header.
        let release = make(Format::Csv);
        let rows = release.data.clone();
        let given = receipt(&release, &log);
        assert_eq!(Answer::new(release, given).into_body().0, rows);
    }
}
