//! Children turned into the rows that each party would deliver.

use jiff::ToSpan;
use jiff::civil::Date;

use super::absence::Report;
use super::calendar::Calendar;
use super::child::{Child, Numbers};
use super::code::{BoardNumber, Brin6, Neighbourhood, Pc4};
use super::declaration::{Declaration, Ruling};
use super::rows::{
    AbsenceRow, AdmissibilityRow, EnrolmentRow, FundingSwv, Outcome, Pupil, ResidentRow, Sector,
};
use super::world::World;

/// Children are in the municipality's register until this age, in years.
const REGISTER_BEFORE_AGE: i16 = 19;
/// The neighbourhood of every home outside Almere.
const ELSEWHERE: &str = "ELSEWHERE";

impl Pupil {
    fn of_school(numbers: &Numbers) -> Self {
        Self {
            bsn: Some(bsn(numbers)),
            eck_id: Some(numbers.eck_id.clone()),
        }
    }

    pub(super) fn of_municipality(numbers: &Numbers) -> Self {
        Self {
            bsn: Some(bsn(numbers)),
            eck_id: None,
        }
    }

    pub(super) fn of_swv(numbers: &Numbers) -> Self {
        Self {
            bsn: None,
            eck_id: Some(numbers.eck_id.clone()),
        }
    }
}

fn bsn(numbers: &Numbers) -> String {
    format!("{:09}", numbers.bsn)
}

/// One enrolment of a child, current or ended.
struct Stay {
    site: Brin6,
    sector: Sector,
    year: Option<u8>,
    from: Date,
    until: Option<Date>,
}

/// The enrolments of this child, first the ended one, each with the board that delivers it.
pub(crate) fn enrolments(child: &Child, world: &World) -> Vec<(BoardNumber, EnrolmentRow)> {
    stays(child)
        .into_iter()
        .filter_map(|stay| enrolment(child, &stay, world))
        .collect()
}

fn stays(child: &Child) -> Vec<Stay> {
    let Some(now) = &child.schooling else {
        return Vec::new();
    };
    let before = now.before.as_ref().map(|before| Stay {
        site: before.site,
        sector: before.sector,
        year: before.year,
        from: before.from,
        until: Some(before.until),
    });
    let now = Stay {
        site: now.site,
        sector: now.sector,
        year: now.year,
        from: now.from,
        until: now.until,
    };
    before.into_iter().chain([now]).collect()
}

fn enrolment(child: &Child, stay: &Stay, world: &World) -> Option<(BoardNumber, EnrolmentRow)> {
    let board = world.board(stay.site)?;
    let (neighbourhood, postcode) = child.home_on(stay.until.unwrap_or(world.calendar.today));
    let row = EnrolmentRow {
        pupil: Pupil::of_school(&child.numbers),
        site: stay.site,
        from: stay.from,
        until: stay.until,
        sector: stay.sector,
        year_group: year_group(stay.sector, stay.year),
        postcode,
        neighbourhood: neighbourhood.map_or_else(|| ELSEWHERE.to_owned(), |code| code.to_string()),
        birth_date: child.birth_date,
        funding_swv: funding(stay.sector, child.lives_in_almere),
    };
    Some((board, row))
}

/// The code of UWLR: groups 1–8, years as 11–16, `S` and `V` without a year.
fn year_group(sector: Sector, year: Option<u8>) -> &'static str {
    const GROUPS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];
    const YEARS: [&str; 6] = ["11", "12", "13", "14", "15", "16"];
    let place = usize::from(year.unwrap_or(1).saturating_sub(1));
    match sector {
        Sector::Bo => GROUPS.get(place).copied().unwrap_or("8"),
        Sector::Vo | Sector::Pro => YEARS.get(place).copied().unwrap_or("16"),
        Sector::Sbo | Sector::So => "S",
        Sector::Vso => "V",
    }
}

/// Regular schools are funded where they stand, special ones by the partnership of the home.
fn funding(sector: Sector, lives_in_almere: bool) -> FundingSwv {
    match sector {
        Sector::Bo => FundingSwv::Primary,
        Sector::Vo => FundingSwv::Secondary,
        _ if !lives_in_almere => FundingSwv::Other,
        Sector::Sbo | Sector::So => FundingSwv::Primary,
        Sector::Vso | Sector::Pro => FundingSwv::Secondary,
    }
}

/// A report of this child, with the board that delivers it.
pub(crate) fn absence(child: &Child, report: &Report, world: &World) -> Option<(BoardNumber, AbsenceRow)> {
    let board = world.board(report.site)?;
    let row = AbsenceRow {
        pupil: Pupil::of_school(&child.numbers),
        since: report.since,
        until: report.until,
        kind: report.kind,
        reason: report.reason,
        stay_at_home: report.stay_at_home,
        status: report.status,
        hours: report.hours,
    };
    Some((board, row))
}

/// The row of a declaration or application.
pub(crate) fn admissibility(child: &Child, declaration: &Declaration) -> AdmissibilityRow {
    let mut row = AdmissibilityRow {
        pupil: Pupil::of_swv(&child.numbers),
        kind: declaration.kind,
        applicant_site: declaration.applicant,
        received: declaration.received,
        complete: declaration.complete,
        decided: declaration.decision.as_ref().map(|decision| decision.decided),
        outcome: Outcome::Pending,
        category: None,
        number: None,
        valid_from: None,
        valid_until: None,
    };
    match declaration.decision.as_ref().map(|decision| &decision.outcome) {
        None => {}
        Some(Ruling::Refused) => row.outcome = Outcome::Refused,
        Some(Ruling::Withdrawn) => row.outcome = Outcome::Withdrawn,
        Some(Ruling::Inadmissible) => row.outcome = Outcome::Inadmissible,
        Some(Ruling::Issued {
            number,
            category,
            from,
            until,
        }) => {
            row.outcome = Outcome::Granted;
            row.number = Some(number.clone());
            row.category = *category;
            row.valid_from = Some(*from);
            row.valid_until = Some(*until);
        }
    }
    row
}

/// What the municipality knows of this child: a row from each change of home or school to the next,
/// as far as it held within the last year.
pub(crate) fn residence(child: &Child, world: &World) -> Vec<ResidentRow> {
    let today = world.calendar.today;
    let Some(from) = child.resident_from else {
        return Vec::new();
    };
    if Calendar::birthday(child.birth_date, REGISTER_BEFORE_AGE) <= today {
        return Vec::new();
    }
    let changes = changes(child, from, today);
    let year_ago = today.saturating_sub(1.year());
    let ends = changes
        .iter()
        .skip(1)
        .copied()
        .map(Some)
        .chain([child.resident_until]);
    changes
        .iter()
        .zip(ends)
        .filter(|(_, until)| until.is_none_or(|until| until > year_ago))
        .filter_map(|(from, until)| resident(child, *from, until))
        .collect()
}

/// The days on which something changed, from the first day in Almere.
fn changes(child: &Child, from: Date, today: Date) -> Vec<Date> {
    let moved = child.moved.map(|(_, _, date)| date);
    let schools = stays(child)
        .into_iter()
        .flat_map(|stay| [Some(stay.from), stay.until])
        .flatten();
    let last = child.resident_until.unwrap_or(today);
    let later = moved
        .into_iter()
        .chain(schools)
        .filter(|date| *date > from && *date <= today && *date < last);
    let mut changes: Vec<Date> = [from].into_iter().chain(later).collect();
    changes.sort_unstable();
    changes.dedup();
    changes
}

fn resident(child: &Child, from: Date, until: Option<Date>) -> Option<ResidentRow> {
    let (neighbourhood, _): (Option<Neighbourhood>, Option<Pc4>) = child.home_on(from);
    let there = |stay: &Stay| stay.from <= from && stay.until.is_none_or(|until| from < until);
    Some(ResidentRow {
        pupil: Pupil::of_municipality(&child.numbers),
        birth_date: child.birth_date,
        neighbourhood: neighbourhood?,
        from,
        until,
        site: stays(child).into_iter().find(there).map(|stay| stay.site),
    })
}
