//! Whether a pupil is a board's own: a row that a party delivered does not by itself give that party scope.

mod sites;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::party::Oin;

pub use sites::{OwnSites, SiteBoards, SitePartnerships};

/// How long an unconfirmed enrolment must stand, in hours, before it counts.
pub const STANDING_HOURS: i64 = 72;
/// How long before an unconfirmed enrolment another board's may have ended, in days: a summer and some weeks. A child
/// that has been enrolled nowhere for longer is claimed only with the municipality's word.
pub const ENDED_DAYS_MAX: i32 = 92;

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
/// It needs an active enrolment at a site of the board, first delivered before today, which no active resident row
/// contradicts, and which either a resident row confirms or which has stood for [`STANDING_HOURS`] after another
/// board's enrolment ended, at most [`ENDED_DAYS_MAX`] before. An active enrolment at another board suspends scope. With
/// a site, the enrolment must be there. A claim at a site that the claiming board does not run counts for nothing.
pub fn own_pupil(
    board: &Oin,
    site: Option<&str>,
    boards: &SiteBoards,
    enrolments: &[EnrolmentClaim],
    residents: &[ResidentClaim],
    now: Timestamp,
) -> bool {
    let today = crate::policy::decide::civil_day(now);
    let enrolments: Vec<&EnrolmentClaim> = enrolments
        .iter()
        .filter(|claim| boards.runs(&claim.holder, &claim.site))
        .collect();
    let active =
        |claim: &&&EnrolmentClaim| claim.from <= today && claim.until.is_none_or(|until| until > today);
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
                && (confirmed || stands(claim, board, &enrolments, now))
        })
}

fn delivered_before(claim: &EnrolmentClaim, today: Date) -> bool {
    Timestamp::from_microsecond(claim.first_us)
        .is_ok_and(|first| crate::policy::decide::civil_day(first) < today)
}

fn stands(claim: &EnrolmentClaim, board: &Oin, enrolments: &[&EnrolmentClaim], now: Timestamp) -> bool {
    let stood_us = now.as_microsecond() - claim.first_us;
    let longest_ago = claim.from.saturating_sub(ENDED_DAYS_MAX.days());
    let just_before = |until: Date| longest_ago <= until && until <= claim.from;
    let ended_elsewhere = enrolments
        .iter()
        .any(|other| other.holder != *board && other.until.is_some_and(just_before));
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
        own_pupil(
            &board(1),
            None,
            &boards(),
            enrolments,
            &residents,
            NOW.parse().unwrap(),
        )
    }

    fn boards() -> SiteBoards {
        let runs = [("16QA00", 1), ("16QA01", 1), ("16QB00", 2)];
        SiteBoards(runs.map(|(site, holder)| (site.to_owned(), board(holder))).into())
    }

    #[test]
    fn a_claim_at_a_site_of_another_board_or_of_nobody_is_not() {
        for site in ["16QB00", "99ZZ00"] {
            let claimed = claim(1, site, "2026-08-01", None, "2026-09-01T00:00:00Z");
            assert!(!own(&[claimed], Some(site)), "{site}");
        }
    }

    #[test]
    fn nobody_suspends_another_board_from_a_site_that_is_not_theirs() {
        let claimed = claim(1, "16QA00", "2026-08-01", None, "2026-09-01T00:00:00Z");
        let other = claim(2, "16QA00", "2026-08-01", None, "2026-09-01T00:00:00Z");
        assert!(own(&[claimed, other], Some("16QA00")));
    }

    #[test]
    fn who_was_nowhere_for_long_is_claimed_only_with_the_municipalitys_word() {
        let ended = |until| claim(2, "16QB00", "2024-08-01", Some(until), "2025-09-01T00:00:00Z");
        let claimed = claim(1, "16QA00", "2026-08-01", None, "2026-09-01T00:00:00Z");
        assert!(own(&[claimed.clone(), ended("2026-05-01")], None));
        assert!(!own(&[claimed.clone(), ended("2026-04-30")], None));
        assert!(own(&[claimed, ended("2026-04-30")], Some("16QA00")));
    }

    #[test]
    fn the_sites_of_almere_are_run_by_their_boards() {
        let policies = crate::fixture::policies();
        let boards = SiteBoards::of(&policies.catalogue, &policies.organisations);
        let of = |number: &str| policies.organisations.by_board(number).unwrap().oin.clone();
        assert!(boards.runs(&of("41676"), "16KK00") && !boards.runs(&of("62584"), "16KK00"));
        assert!(boards.runs(&of("62584"), "06RM00"));
        // No board of theirs is known.
        let unknown = ["17JI02", "24RW05", "27VD00"];
        assert!(unknown.iter().all(|site| !boards.0.contains_key(*site)));
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
