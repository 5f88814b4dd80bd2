//! Ours and Cedar's decisions are the same.

use doelpoort_cedar::{
    Numbers, PARTIES, allowed, at, caller, case, cedar, cedar_allowed, cedar_request, ours, purposes, request,
};

/// Sets of purposes, purposes a set, cases a set: more than a hundred thousand cases.
const SETS: u64 = 40;
const PURPOSES: usize = 12;
const CASES: usize = 2_600;

#[test]
fn the_same_decisions_as_cedar() {
    let (mut granted, mut denied) = (0_u32, 0_u32);
    for seed in 0..SETS {
        let mut numbers = Numbers(seed);
        let purposes = purposes(PURPOSES, &mut numbers);
        let (ours, cedar) = (ours(&purposes), cedar(&purposes));
        let callers = PARTIES.map(|party| caller(&ours, party, purposes.iter().map(|one| one.id.as_str())));
        for _ in 0..CASES {
            let case = case(&purposes, &mut numbers);
            let purpose = &purposes[case.purpose];
            let who = PARTIES.iter().position(|party| *party == case.party).unwrap();
            let we = allowed(
                &ours,
                &callers[who],
                &request(&ours, purpose, &case, &callers[who]),
                at(case.day),
            );
            let they = cedar_allowed(&cedar, &cedar_request(purpose, &case));
            assert_eq!(we, they, "seed {seed}: {case:?} of {purpose:?}");
            if we { granted += 1 } else { denied += 1 }
        }
    }
    println!("{granted} granted, {denied} denied");
    assert!(
        granted + denied >= 100_000 && granted > 20_000 && denied > 20_000,
        "{granted}, {denied}"
    );
}
