//! Absence: reports of truants and stay-at-homes, calibrated on the municipality's yearly report.

use jiff::civil::Date;

use super::calendar::{Calendar, between, days_between, later, school_day};
use super::child::{Child, Schooling};
use super::code::Brin6;
use super::draw::Draws;
use super::rows::{AbsenceKind, AbsenceReason, AbsenceStatus, Sector};
use super::world::World;

/// Education is compulsory from this age, in years.
const COMPULSORY_FROM_AGE: i16 = 5;
/// Pupils in primary education for each one of 5 and older; the calibration spreads over all, the
/// reports only fall on these (20,784 of whom 2,660 are 4).
const PRIMARY_PER_COMPULSORY: f64 = 1.147;
/// How often a truant is reported in a school year: 1.76 times on average, as in the source; how it
/// spreads over one to five times is **an assumption**.
const REPORTS: [(u8, f64); 5] = [(1, 0.55), (2, 0.25), (3, 0.12), (4, 0.05), (5, 0.03)];
/// Reasons of ordinary truancy, mostly not recorded, and their weights: **an assumption**.
const TRUANCY_REASONS: [(Option<AbsenceReason>, f64); 3] = [
    (None, 0.72),
    (Some(AbsenceReason::Parents), 0.12),
    (Some(AbsenceReason::Other), 0.16),
];
/// Pupils a school year whose long illness is reported, and so authorised: **an assumption**.
const LONG_ILLNESS: f64 = 0.003;
/// Median length of ordinary truancy in days, and its spread: **an assumption**.
const TRUANCY_DAYS: (f64, f64) = (21.0, 0.5);
/// Lesson hours missed: at least 16 in four weeks, else there is nothing to report.
const HOURS_LEAST: u32 = 16;
/// Lesson hours a week of a stay-at-home, who misses all of them.
const HOURS_A_WEEK: i32 = 25;
/// School years of reports: the current one and the one before.
const SCHOOL_YEARS: i16 = 2;
/// Days after which a report is not new any more.
const NEW_DAYS: i32 = 10;

/// A report of one child.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// The site that reports.
    pub(crate) site: Brin6,
    pub(crate) since: Date,
    pub(crate) until: Option<Date>,
    pub(crate) kind: AbsenceKind,
    pub(crate) reason: Option<AbsenceReason>,
    pub(crate) stay_at_home: bool,
    pub(crate) status: AbsenceStatus,
    pub(crate) hours: u32,
}

/// All reports of this child up to today.
pub(crate) fn reports(child: &Child, world: &World) -> Vec<Report> {
    let Some(schooling) = &child.schooling else {
        return Vec::new();
    };
    let compulsory = Calendar::birthday(child.birth_date, COMPULSORY_FROM_AGE);
    let reporter = Reporter {
        schooling,
        compulsory,
        world,
    };
    let mut reports = Vec::new();
    for ago in 0..SCHOOL_YEARS {
        let label = if ago == 0 { "absence" } else { "absence-before" };
        let mut draws = world.chance.pupil(label, child.number);
        reports.extend(reporter.stay_at_home(ago, &mut draws));
        if reports.is_empty() {
            reports.extend(reporter.illness(ago, &mut draws));
            reporter.truancy(ago, &mut draws, &mut reports);
        }
    }
    reports.sort_by_key(|report| report.since);
    reports.dedup_by_key(|report| report.since);
    without_overlap(reports)
}

/// A report ends at the latest when the next one begins.
fn without_overlap(mut reports: Vec<Report>) -> Vec<Report> {
    let mut next: Option<Date> = None;
    for report in reports.iter_mut().rev() {
        if let Some(next) = next.filter(|next| report.until.is_none_or(|until| until > *next)) {
            report.until = Some(next);
            report.status = AbsenceStatus::Closed;
        }
        next = Some(report.since);
    }
    reports
}

struct Reporter<'a> {
    schooling: &'a Schooling,
    compulsory: Date,
    world: &'a World,
}

impl Reporter<'_> {
    fn truancy(&self, ago: i16, draws: &mut Draws, reports: &mut Vec<Report>) {
        let sector = self.schooling.sector;
        let spread = if sector == Sector::Bo {
            PRIMARY_PER_COMPULSORY
        } else {
            1.0
        };
        if !draws.happens(self.world.parameters.absence.truant(sector) * spread) {
            return;
        }
        let (first, last) = self.lesson_days(ago);
        let times = draws.pick(REPORTS.into_iter()).unwrap_or(1);
        for _ in 0..times {
            let since = school_day(between(first, last, draws));
            let days = draws.lognormal_days(TRUANCY_DAYS.0, TRUANCY_DAYS.1).max(3);
            let reason = draws.pick(TRUANCY_REASONS.into_iter()).flatten();
            let hours = HOURS_LEAST + draws.below(25);
            let report = self.report(since, Some(later(since, days)), reason, draws);
            reports.extend(report.map(|report| Report { hours, ..report }));
        }
    }

    fn illness(&self, ago: i16, draws: &mut Draws) -> Option<Report> {
        let ill = draws.happens(LONG_ILLNESS);
        let (first, last) = self.lesson_days(ago);
        let since = school_day(between(first, last, draws));
        let until = later(since, draws.lognormal_days(TRUANCY_DAYS.0 * 2.0, TRUANCY_DAYS.1));
        let report = self
            .report(since, Some(until), Some(AbsenceReason::Medical), draws)
            .filter(|_| ill)?;
        Some(Report {
            kind: AbsenceKind::Authorised,
            ..report
        })
    }

    fn stay_at_home(&self, ago: i16, draws: &mut Draws) -> Option<Report> {
        let parameters = &self.world.parameters.absence;
        if !draws.happens(parameters.stay_at_home(self.schooling.sector)) {
            return None;
        }
        let length = draws
            .lognormal_days(parameters.median_days, parameters.sigma)
            .max(parameters.least_days);
        let before = draws.happens(parameters.at_home_before);
        let back = draws.happens(parameters.back_within_year);
        let (first, last) = self.lesson_days(ago);
        let reason = draws.pick(STAY_AT_HOME_REASONS.into_iter().zip(parameters.reasons))?;
        let begins = if before {
            later(first, -length)
        } else {
            between(first, last, draws)
        };
        let since = school_day(begins.max(self.schooling.from));
        let (earliest, latest) = (later(since, parameters.least_days).max(first), later(last, 20));
        let until = back.then(|| later(since, length).max(earliest).min(latest.max(earliest)));
        if ago > 0 && until.is_none() {
            return None;
        }
        let weeks = days_between(since, until.unwrap_or(self.world.calendar.today)) / 7;
        let hours = u32::try_from(weeks.max(1) * HOURS_A_WEEK)
            .unwrap_or(HOURS_LEAST)
            .min(1000);
        let report = self.report(since, until, Some(reason), draws)?;
        Some(Report {
            stay_at_home: true,
            hours,
            ..report
        })
    }

    /// The report, as known today; none when it lies ahead, or the child was not there or too young.
    fn report(
        &self,
        since: Date,
        until: Option<Date>,
        reason: Option<AbsenceReason>,
        draws: &mut Draws,
    ) -> Option<Report> {
        let today = self.world.calendar.today;
        let site = self.site_on(since)?;
        let closed = until.is_some_and(|until| until <= today);
        let under_way = draws.happens(0.7) && days_between(since, today) > NEW_DAYS;
        let status = match (closed, under_way) {
            (true, _) => AbsenceStatus::Closed,
            (false, true) => AbsenceStatus::UnderWay,
            (false, false) => AbsenceStatus::Reported,
        };
        let kind = AbsenceKind::Unauthorised;
        let until = until.filter(|_| closed);
        let known = since <= today && since >= self.compulsory;
        known.then_some(Report {
            site,
            since,
            until,
            kind,
            reason,
            stay_at_home: false,
            status,
            hours: HOURS_LEAST,
        })
    }

    fn site_on(&self, date: Date) -> Option<Brin6> {
        let now = self.schooling;
        if date >= now.from && now.until.is_none_or(|until| date < until) {
            return Some(now.site);
        }
        let before = now.before.as_ref()?;
        (date >= before.from && date < before.until).then_some(before.site)
    }

    /// From the end of the summer holiday to shortly before the next one.
    fn lesson_days(&self, ago: i16) -> (Date, Date) {
        let august = self.world.calendar.school_year(ago);
        (later(august, 25), later(august, 335))
    }
}

/// In the order of the source.
const STAY_AT_HOME_REASONS: [AbsenceReason; 6] = [
    AbsenceReason::Medical,
    AbsenceReason::MentalHealth,
    AbsenceReason::WaitingForPlace,
    AbsenceReason::SchoolConflict,
    AbsenceReason::Parents,
    AbsenceReason::Other,
];
