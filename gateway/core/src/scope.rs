//! Whether a pupil is a board's own: a row that a party delivered does not by itself give that party scope.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::party::Oin;

/// How long an unconfirmed enrolment must stand, in hours, before it counts.
pub const STANDING_HOURS: i64 = 72;

/// An enrolment as far as scope needs it; visible rows only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnrolmentClaim {
    /// The board that delivered it.
    pub holder: Oin,
    /// The school site, BRIN6.
    pub site: String,
    /// The first day.
    pub from: Date,
    /// The day it ended, if it did.
    pub until: Option<Date>,
    /// When the holder first delivered this row, in microseconds UTC.
    pub first_us: i64,
}

/// What the municipality's register says, as far as scope needs it; visible rows only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResidentClaim {
    /// The school site that the child attends, if any.
    pub site: Option<String>,
}

/// Whether the pupil with these claims is the board's own at `now`.
///
/// It needs an active enrolment at the board, first delivered before today, which no active resident row contradicts,
/// and which either a resident row confirms or which has stood for [`STANDING_HOURS`] after another board's enrolment
/// ended. An active enrolment at another board suspends scope. With a site, the enrolment must be there.
pub fn own_pupil(
    board: &Oin,
    site: Option<&str>,
    enrolments: &[EnrolmentClaim],
    residents: &[ResidentClaim],
    now: Timestamp,
) -> bool {
    let today = crate::policy::decide::civil_day(now);
    let active =
        |claim: &&EnrolmentClaim| claim.from <= today && claim.until.is_none_or(|until| until > today);
    if enrolments
        .iter()
        .filter(active)
        .any(|claim| claim.holder != *board)
    {
        return false;
    }
    enrolments
        .iter()
        .filter(active)
        .filter(|claim| claim.holder == *board && site.is_none_or(|site| claim.site == site))
        .any(|claim| {
            let contradicted = residents
                .iter()
                .any(|resident| resident.site.as_ref().is_some_and(|site| *site != claim.site));
            let confirmed = residents
                .iter()
                .any(|resident| resident.site.as_ref() == Some(&claim.site));
            delivered_before(claim, today)
                && !contradicted
                && (confirmed || stands(claim, board, enrolments, now))
        })
}

fn delivered_before(claim: &EnrolmentClaim, today: Date) -> bool {
    Timestamp::from_microsecond(claim.first_us)
        .is_ok_and(|first| crate::policy::decide::civil_day(first) < today)
}

fn stands(claim: &EnrolmentClaim, board: &Oin, enrolments: &[EnrolmentClaim], now: Timestamp) -> bool {
    let stood_us = now.as_microsecond() - claim.first_us;
    let ended_elsewhere = enrolments
        .iter()
        .any(|other| other.holder != *board && other.until.is_some_and(|until| until <= claim.from));
    stood_us >= STANDING_HOURS * 3_600_000_000 && ended_elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn board(last: u8) -> Oin {
        format!("0000009900000000000{last}").parse().unwrap()
    }

    fn claim(holder: u8, site: &str, from: &str, until: Option<&str>, first: &str) -> EnrolmentClaim {
        EnrolmentClaim {
            holder: board(holder),
            site: site.to_owned(),
            from: from.parse().unwrap(),
            until: until.map(|day| day.parse().unwrap()),
            first_us: first.parse::<Timestamp>().unwrap().as_microsecond(),
        }
    }

    fn own(enrolments: &[EnrolmentClaim], resident: Option<&str>) -> bool {
        let residents = [ResidentClaim {
            site: resident.map(str::to_owned),
        }];
        own_pupil(&board(1), None, enrolments, &residents, NOW.parse().unwrap())
    }

    #[test]
    fn a_confirmed_enrolment_of_yesterday_is_ones_own() {
        assert!(own(
            &[claim(1, "16QA00", "2026-08-01", None, "2026-11-21T23:00:00Z")],
            Some("16QA00")
        ));
    }

    #[test]
    fn a_claim_delivered_today_is_not() {
        assert!(!own(
            &[claim(1, "16QA00", "2026-08-01", None, "2026-11-22T00:00:01Z")],
            Some("16QA00")
        ));
    }

    #[test]
    fn a_contradicted_claim_is_not() {
        assert!(!own(
            &[claim(1, "16QA00", "2026-08-01", None, "2026-11-01T00:00:00Z")],
            Some("16QA01")
        ));
    }

    #[test]
    fn an_unconfirmed_claim_needs_72_hours_and_an_ending_elsewhere() {
        let previous = claim(
            2,
            "16QB00",
            "2024-08-01",
            Some("2026-08-01"),
            "2026-09-01T00:00:00Z",
        );
        let claimed = claim(1, "16QA00", "2026-08-01", None, "2026-11-19T11:00:00Z");
        assert!(own(&[claimed.clone(), previous.clone()], None));
        assert!(!own(&[claimed], None));
        let young = claim(1, "16QA00", "2026-08-01", None, "2026-11-20T13:00:00Z");
        assert!(!own(&[young, previous], None));
    }

    #[test]
    fn an_enrolment_elsewhere_suspends() {
        let other = claim(2, "16QB00", "2026-08-01", None, "2026-09-01T00:00:00Z");
        assert!(!own(
            &[
                claim(1, "16QA00", "2026-08-01", None, "2026-09-01T00:00:00Z"),
                other
            ],
            Some("16QA00")
        ));
    }

    #[test]
    fn an_ended_enrolment_is_nobodys() {
        let ended = claim(
            1,
            "16QA00",
            "2025-08-01",
            Some("2026-11-22"),
            "2026-09-01T00:00:00Z",
        );
        assert!(!own(&[ended], Some("16QA00")));
    }
}
