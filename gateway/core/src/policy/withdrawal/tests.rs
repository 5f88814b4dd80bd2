use super::*;
use crate::policy::Policies;
use crate::policy::tests::{DEPLOYMENT, approved, key, load, name, now};

const MUNICIPALITY: &str = "00000099000000000034";

fn of_atlas() -> Withdrawal {
    Withdrawal {
        organisation: Some(MUNICIPALITY.parse().unwrap()),
        purpose: Some(name("youth-atlas")),
        grant: None,
        manifest: None,
        at: now(),
    }
}

fn verify(text: &str, deployment: &str) -> Result<Withdrawal, InvalidWithdrawal> {
    Withdrawal::verify(text, deployment, &load(&approved()).evidence.keys, now())
}

fn signed(withdrawal: &Withdrawal, signer: &str) -> String {
    let key = key(signer);
    withdrawal
        .sign(DEPLOYMENT, "municipality-1", SigningKey::EdDsa(&key))
        .unwrap()
}

#[test]
fn what_was_signed_is_read_again() {
    let grant = Withdrawal {
        grant: Some(0),
        manifest: Some([7; 32]),
        ..of_atlas()
    };
    let all = Withdrawal {
        purpose: None,
        ..of_atlas()
    };
    for withdrawal in [of_atlas(), grant, all] {
        let text = signed(&withdrawal, "municipality");
        assert_eq!(verify(&text, DEPLOYMENT), Ok(withdrawal));
    }
}

#[test]
fn what_is_not_of_the_organisation_or_not_for_here_is_refused() {
    use InvalidWithdrawal as W;
    let text = signed(&of_atlas(), "municipality");
    assert_eq!(verify(&text, "elsewhere"), Err(W::OtherDeployment));
    let forged = signed(&of_atlas(), "swv-po");
    assert_eq!(
        verify(&forged, DEPLOYMENT),
        Err(W::Signature(JwsError::Signature))
    );
    let without_manifest = Withdrawal {
        grant: Some(0),
        ..of_atlas()
    };
    let refused = verify(&signed(&without_manifest, "municipality"), DEPLOYMENT);
    assert_eq!(refused, Err(W::Payload));
    let ahead = |seconds| Withdrawal {
        at: now() + SignedDuration::from_secs(seconds),
        ..of_atlas()
    };
    let refused = verify(&signed(&ahead(61), "municipality"), DEPLOYMENT);
    assert_eq!(refused, Err(W::NotYetIssued));
    let cut = verify(&signed(&ahead(60), "municipality"), DEPLOYMENT);
    assert_eq!(cut.unwrap().at, now(), "it does not reach into the future");
}

#[test]
fn withdrawing_again_changes_nothing_and_grows_nothing() {
    let policies = load(&approved());
    let once = policies.clone().after(&[of_atlas()], now());
    assert!(policies.are_changed_by(&of_atlas()));
    assert!(!once.are_changed_by(&of_atlas()));
    let size = |policies: &Policies| format!("{:?}", policies.purposes).len();
    let again = (0..5).fold(once.clone(), |policies, _| policies.after(&[of_atlas()], now()));
    assert_eq!(size(&again), size(&once));
    assert_eq!(
        size(&once.after(&[], now())),
        size(&policies),
        "what was signed is kept"
    );
}

#[test]
fn a_position_counts_for_the_manifest_that_was_looked_at() {
    let policies = load(&approved());
    let manifest = policies.purposes[&name("youth-atlas")].manifest_digest;
    let of_grant = |manifest| Withdrawal {
        grant: Some(0),
        manifest,
        ..of_atlas()
    };
    let approved_still = |withdrawal: &Withdrawal| {
        let policies = policies.clone().after(std::slice::from_ref(withdrawal), now());
        assert!(!policies.are_changed_by(withdrawal));
        policies.purposes[&name("youth-atlas")].is_approved(now())
    };
    assert!(
        approved_still(&of_grant(Some(manifest))),
        "the other grants stand"
    );
    assert!(!approved_still(&of_grant(Some([7; 32]))));
    assert!(!approved_still(&of_grant(None)));
}
