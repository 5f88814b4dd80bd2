//! Keys of a data protection officer, the same for all logs of a test.

use std::sync::OnceLock;

use doelpoort::clock::{Clock as _, SystemClock};
use doelpoort::fg::FgPrivateKeys;
use doelpoort_core::audit::day::Month;
use doelpoort_core::policy::FgKeys;

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
