//! Keys of a data protection officer, the same for all logs of a test.

use std::sync::OnceLock;

use doelpoort::clock::{Clock as _, SystemClock};
use doelpoort::fg::FgPrivateKeys;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::retention::{RetentionOrder, SignedOrder};
use doelpoort_core::party::ApproverRole;
use doelpoort_core::policy::key_list::{Added, Change};
use doelpoort_core::policy::{FgKeys, KeyList};

use super::world::files::approver;

/// The FG's keys of 2026-10 and the year after it.
pub(crate) fn fg() -> &'static (FgPrivateKeys, FgKeys) {
    static KEYS: OnceLock<(FgPrivateKeys, FgKeys)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let organisation = "00000099000000072001".parse().unwrap();
        let (mut months, mut month) = (13, "2026-10".parse::<Month>().unwrap());
        // And this month, for tests under the real clock.
        while month < Month::of(SystemClock.now().as_microsecond()) {
            (months, month) = (months + 1, month.next());
        }
        FgPrivateKeys::generate(organisation, "2026-10".parse().unwrap(), months).unwrap()
    })
}

/// An order as the FG of swv-po signs it.
pub(crate) fn sign(order: &RetentionOrder, deployment: &str) -> String {
    let key = approver("swv-po", "fg");
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    order
        .sign(deployment, now, &key.kid(), key.signing_key())
        .unwrap()
}

/// An approvers' list with a key of the FG of [`fg`], for the deployment `test`.
pub(crate) fn approvers() -> KeyList {
    let key = approver("swv-po", "fg");
    let added = Added {
        organisation: fg().1.organisation.to_string(),
        roles: vec![ApproverRole::Fg],
        jwk: key.signing_key().public_key().to_jwk(&key.kid()),
    };
    let first = Change::after(&KeyList::default(), "test", Vec::new(), vec![added]);
    KeyList::follow(&[("approvers/0000.json".to_owned(), first.to_text())]).unwrap()
}

/// The order, signed by that key.
pub(crate) fn signed(order: &RetentionOrder) -> SignedOrder {
    SignedOrder::verify(&sign(order, "test"), &approvers()).unwrap()
}
