use super::*;
use crate::audit::leaf::PurposeVersion;
use crate::policy::Policies;
use crate::policy::tests as world;
use crate::policy::tests::{approved, load, name, now};
use crate::policy::{Dormant, InvalidApproval};
use crate::purpose::Grant;

const MUNICIPALITY: &str = "00000099000000000034";

fn leaf(kind: Kind, time: i64, edit: impl FnOnce(&mut Event)) -> Leaf {
    let mut event = Event::new(kind, [u8::try_from(time % 256).unwrap(); 16]);
    edit(&mut event);
    Leaf {
        time,
        replica: [0; 16],
        sequence: 0,
        event,
    }
}

fn generation(event: &mut Event, generation: u64) {
    event.extra.insert(extra::GENERATION, Value::Number(generation));
}

/// A purpose entry that belongs to the activation at time 9.
fn told(id: &str, version: u32, digest: [u8; 32]) -> Leaf {
    leaf(Kind::PolicyChanged, 1, |event| {
        event.opening = Some([9; 16]);
        event.decision = Some(PURPOSE_ACTS.to_owned());
        event.policy = Some(digest);
        event.purpose = Some(PurposeVersion {
            id: id.to_owned(),
            version,
        });
    })
}

fn activated(number: u64, edit: impl FnOnce(&mut Event)) -> Leaf {
    leaf(Kind::PolicyChanged, 9, |event| {
        event.decision = Some(POLICY_ACTIVATED.to_owned());
        generation(event, number);
        edit(event);
    })
}

fn withdrawn(number: u64, at: Timestamp, purpose: Option<&str>, clause: Option<&str>) -> Leaf {
    leaf(Kind::Withdrawal, at.as_microsecond(), |event| {
        event.decision = Some(WITHDRAWN.to_owned());
        generation(event, number);
        event
            .extra
            .insert(extra::HOLDER, Value::Text(MUNICIPALITY.to_owned()));
        event.clause = clause.map(str::to_owned);
        event.purpose = purpose.map(|id| PurposeVersion {
            id: id.to_owned(),
            version: 1,
        });
    })
}

fn history(leaves: &[Leaf]) -> History {
    let mut history = History::default();
    for leaf in leaves {
        history.apply(leaf).unwrap();
    }
    history
}

fn regressions(history: &History, policies: &Policies) -> Vec<String> {
    history
        .regressions(policies, now())
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_was_prepared_counts_only_with_its_activation() {
    let other = activated(1, |event| event.entry_id = [8; 16]);
    let alone = history(&[told("youth-atlas", 3, [1; 32]), other]);
    assert_eq!(alone.purposes, BTreeMap::new());
    let whole = history(&[told("youth-atlas", 3, [1; 32]), activated(1, |_| ())]);
    assert_eq!(whole.purposes["youth-atlas"].acted, Some((3, [1; 32])));
    assert_eq!(whole.generation, 1);
}

#[test]
fn a_missing_entry_is_noticed() {
    let mut history = history(&[activated(1, |_| ())]);
    let gap = history.apply(&activated(3, |_| ())).unwrap_err();
    assert_eq!(gap, InvalidHistory::Gap { after: 1, found: 3 });
}

#[test]
fn there_is_no_way_back() {
    let policies = load(&approved());
    let digest = policies.purposes[&name("youth-atlas")].manifest_digest;
    let after = |version, digest| history(&[told("youth-atlas", version, digest), activated(1, |_| ())]);
    assert_eq!(regressions(&after(1, digest), &policies), Vec::<String>::new());
    assert_eq!(
        regressions(&after(2, digest), &policies),
        ["purpose `youth-atlas` has version 1, but version 2 has acted: there is no way back"]
    );
    let other = regressions(&after(1, [7; 32]), &policies);
    assert!(
        other[0].starts_with("purpose `youth-atlas` version 1 has acted with the manifest `sha256:0707"),
        "{other:?}"
    );

    let mut unsigned = approved();
    unsigned
        .approvals
        .retain(|(file, _)| !file.starts_with("approvals/youth-atlas."));
    let unsigned = load(&unsigned);
    assert_eq!(
        regressions(&after(1, [7; 32]), &unsigned),
        Vec::<String>::new(),
        "it sleeps"
    );
}

#[test]
fn another_key_list_than_the_logged_one_is_refused() {
    let policies = load(&approved());
    let with = |digest: [u8; 32]| {
        history(&[activated(1, |event| {
            event.extra.insert(extra::KEY_LIST, Value::Bytes(digest.to_vec()));
        })])
    };
    let head = policies.evidence.keys.head().unwrap();
    assert_eq!(regressions(&with(head), &policies), Vec::<String>::new());
    let other = regressions(&with([7; 32]), &policies);
    assert!(
        other[0].starts_with("approvers/: the key list does not go on"),
        "{other:?}"
    );
}

#[test]
fn a_withdrawal_voids_what_was_issued_before_it() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let standing = |leaves: &[Leaf]| {
        let policies = load(&approved()).after(&history(leaves).withdrawals, now());
        policies.purposes[&name("delivery-resident")].clone()
    };
    // The approvals are of 2026-11-01.
    let after = withdrawn(1, at("2026-11-01T00:00:00Z"), Some("delivery-resident"), None);
    let gone = standing(std::slice::from_ref(&after));
    assert_eq!(gone.acts(now()), Err(Dormant::Asleep));
    let reason = InvalidApproval::Withdrawn {
        at: at("2026-11-01T00:00:00Z"),
    };
    assert!(gone.missing(now()).iter().all(|missing| missing.reason == reason));
    let all = withdrawn(1, at("2026-11-20T00:00:00Z"), None, None);
    assert_eq!(standing(&[all]).acts(now()), Err(Dormant::Asleep));
    for elsewhere in [
        withdrawn(1, at("2026-10-31T23:59:59Z"), Some("delivery-resident"), None),
        withdrawn(1, at("2026-11-20T00:00:00Z"), Some("youth-atlas"), None),
    ] {
        assert_eq!(standing(&[elsewhere]).acts(now()), Ok(()));
    }
}

#[test]
fn one_grant_can_be_withdrawn() {
    let mut files = approved();
    let file = world::text_of(&mut files.purposes, "purposes/youth-atlas.toml");
    let grant = file
        .split("[[grant]]")
        .nth(1)
        .unwrap()
        .split("[[question]]")
        .next()
        .unwrap()
        .to_owned();
    *file = file.replacen("[[question]]", &format!("[[grant]]{grant}[[question]]"), 1);
    files.approvals.clear();
    world::approve(&mut files);
    let clause = Some("youth-atlas/grant/1");
    let mut leaf = withdrawn(
        1,
        "2026-11-20T00:00:00Z".parse().unwrap(),
        Some("youth-atlas"),
        clause,
    );
    let manifest = load(&files).purposes[&name("youth-atlas")].manifest_digest;
    let digest = Value::Bytes(manifest.to_vec());
    leaf.event.extra.insert(extra::SUBJECT_DIGEST, digest);
    let policies = load(&files).after(&history(&[leaf]).withdrawals, now());
    let standing = &policies.purposes[&name("youth-atlas")];
    assert!(matches!(standing.purpose.grants[1], Grant::Figures(_)));
    assert_eq!(standing.acts(now()), Ok(()));
    assert_eq!(standing.grant_acts(0, now()), Ok(()));
    assert_eq!(standing.grant_acts(1, now()), Err(Dormant::Asleep));
}

#[test]
fn a_missing_holder_sleeps_alone() {
    let mut files = approved();
    files
        .approvals
        .retain(|(file, _)| file != "approvals/delivery-absence.board-41676.holder.jws");
    let policies = load(&files);
    let standing = &policies.purposes[&name("delivery-absence")];
    assert_eq!(standing.acts(now()), Ok(()));
    let asleep: Vec<_> = standing
        .asleep(0, now())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(asleep, ["board-41676 as holder: there is no approval"]);
}

#[test]
fn a_board_that_withdraws_all_takes_its_mandates_back() {
    let policies = crate::fixture::policies().clone();
    let withdrawal = |text: &str| Withdrawal {
        organisation: Some(policies.mandates[0].board.clone()),
        purpose: None,
        grant: None,
        manifest: None,
        at: text.parse().unwrap(),
    };
    let before = policies
        .clone()
        .after(&[withdrawal("2026-11-22T11:59:59Z")], now());
    assert_eq!(before.mandates.len(), 1);
    assert_eq!(
        policies
            .clone()
            .after(&[withdrawal("2026-11-22T12:00:00Z")], now())
            .mandates
            .len(),
        0
    );
}
