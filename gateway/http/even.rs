//! How long it takes to refuse a token or an assertion: as long for every reason, so that the time tells none. A signature
//! that is looked at costs a hundred times what a header does that cannot be read.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Longer than any of the checks takes, that of a `jti` in the database among them, on a machine that is not at its end.
const REFUSAL_TIME: Duration = Duration::from_millis(25);

/// Waits until the time is over that every refusal of what `began` then takes.
pub(super) async fn out(began: Instant) {
    sleep_until(began + REFUSAL_TIME).await;
}
