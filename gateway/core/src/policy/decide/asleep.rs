//! Holders whose approval does not count today: their rows may not be used, and the grant says whether the others'
//! may.

use jiff::Timestamp;

use crate::party::Slug;
use crate::policy::{ApprovalRole, Dormant, Standing, StandingState};

/// The holders that sleep under this standing, whose rows may not be used; none where everybody approved. The one
/// place that reads who sleeps.
///
/// # Errors
/// Why the purpose does not act at all: another day, or an approval is missing that is not a holder's alone.
pub fn holders_asleep(standing: &Standing, now: Timestamp) -> Result<Vec<Slug>, Dormant> {
    let (asleep, missing) = match (standing.acts(now), &standing.state) {
        (Ok(()), _) => return Ok(Vec::new()),
        (Err(asleep @ Dormant::Asleep), StandingState::Asleep { missing }) => (asleep, missing),
        (Err(dormant), _) => return Err(dormant),
    };
    let day = super::civil_day(now);
    if day < standing.purpose.valid.from {
        return Err(Dormant::NotYetValid);
    }
    if day > standing.purpose.valid.until {
        return Err(Dormant::Expired);
    }
    if missing.is_empty() || missing.iter().any(|one| one.role != ApprovalRole::Holder) {
        return Err(asleep);
    }
    let mut holders: Vec<Slug> = missing.iter().map(|one| one.organisation.clone()).collect();
    holders.sort();
    holders.dedup();
    Ok(holders)
}
