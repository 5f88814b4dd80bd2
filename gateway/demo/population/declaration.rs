//! Admissibility (TLV): the declarations in force, and the applications of the last months.

use jiff::civil::Date;

use super::calendar::{days_between, end_of_july, later};
use super::code::{Brin6, SwvNumber};
use super::draw::Draws;
use super::parameters::AdmissibilityParameters;
use super::places::in_almere;
use super::rows::{Category, Sector};
use super::seats::Seat;
use super::world::World;

/// The partnership for primary education.
pub(crate) const SWV_PRIMARY: &str = "PO2401";
/// The partnership for secondary education.
pub(crate) const SWV_SECONDARY: &str = "VO2401";
/// How far back applications of regular pupils are kept, in days.
const WINDOW_DAYS: i32 = 365;
/// Days after which a positive decision has led to a place, so that it is no longer a regular pupil's.
const PLACED_AFTER_DAYS: i32 = 60;
/// Numbers within a partnership and year: five digits.
const NUMBERS_A_YEAR: u32 = 100_000;
/// Has no divisor in common with `NUMBERS_A_YEAR`, so numbers do not repeat.
const NUMBER_STEP: u32 = 73_037;

/// An application, decided or not.
#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    pub(crate) swv: SwvNumber,
    /// SBO, SO, VSO or PRO.
    pub(crate) kind: Sector,
    /// The site that applied; none when a child was not at school before.
    pub(crate) applicant: Option<Brin6>,
    pub(crate) received: Date,
    pub(crate) complete: Option<Date>,
    pub(crate) decision: Option<Decision>,
    /// The first day at the special school.
    pub(crate) placed: Date,
    /// Where the pupil came from.
    pub(crate) origin: Origin,
}

/// The outcome of an application.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub(crate) decided: Date,
    pub(crate) outcome: Ruling,
}

/// What was decided.
#[derive(Debug, Clone)]
pub(crate) enum Ruling {
    /// Admissible.
    Issued {
        number: String,
        category: Option<Category>,
        from: Date,
        until: Date,
    },
    /// Not admissible.
    Refused,
    /// Withdrawn by the applicant.
    Withdrawn,
    /// Not dealt with.
    Inadmissible,
}

/// Where a pupil of special education came from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin {
    /// A regular school.
    Regular { site: Brin6, sector: Sector },
    /// Not at school before.
    FromHome,
    /// Was there already: an extension, or from elsewhere.
    Own,
}

/// The two phases of an application.
struct Lead {
    received: Date,
    complete: Date,
    decided: Date,
}

impl Lead {
    fn from(received: Date, factor: f64, parameters: &AdmissibilityParameters, draws: &mut Draws) -> Self {
        let (median, sigma) = parameters.until_complete;
        let first = draws.lognormal_days(median * factor, sigma);
        let (median, sigma) = parameters.until_decided;
        let second = draws.lognormal_days(median * factor, sigma).max(1);
        let complete = later(received, first);
        Self {
            received,
            complete,
            decided: later(complete, second),
        }
    }

    /// The same, moved back so that the decision is not after `last`.
    fn decided_by(self, last: Date) -> Self {
        let early = days_between(last, self.decided).max(0);
        Self {
            received: later(self.received, -early),
            complete: later(self.complete, -early),
            decided: later(self.decided, -early),
        }
    }
}

impl Declaration {
    /// The declaration in force by which this child is in special education, if one of ours is.
    pub(crate) fn of(seat: &Seat, world: &World) -> Option<Self> {
        let seating = seat.schooling.filter(|_| seat.home.in_almere)?;
        let parameters = &world.parameters.admissibility;
        let mut draws = world.chance.pupil("declaration", seat.number);
        let kind = seating.sector;
        if !draws.happens(parameters.issued(kind)) {
            return None;
        }
        let (ago, years) = stage(seat, kind, parameters, &mut draws);
        let extends = draws.happens(parameters.extension_share(kind));
        let extension = extends && years_possible(seat, kind) > ago;
        let origin = if extension {
            Origin::Own
        } else {
            origin(seat, kind, ago, world, &mut draws)
        };
        let lead = lead(ago, world, &mut draws);
        let august = world.calendar.school_year(ago);
        let from = if days_between(lead.received, august) < 182 {
            lead.decided.max(august)
        } else {
            lead.decided
        };
        let until = end_of_july((august.year() + years).max(earliest_end(from)));
        let placed = match origin {
            Origin::Own => earlier_august(seat, kind, ago, world, &mut draws),
            Origin::Regular { .. } | Origin::FromHome => from,
        };
        let swv = swv(kind)?;
        let issued = Ruling::Issued {
            number: number(swv, lead.decided, seat.number, world),
            category: category(kind, parameters, &mut draws),
            from,
            until,
        };
        let applicant = match origin {
            Origin::Regular { site, .. } => Some(site),
            Origin::FromHome => None,
            Origin::Own => Some(seating.site),
        };
        let decision = Some(Decision {
            decided: lead.decided,
            outcome: issued,
        });
        let (received, complete) = (lead.received, Some(lead.complete));
        Some(Self {
            swv,
            kind,
            applicant,
            received,
            complete,
            decision,
            placed,
            origin,
        })
    }

    /// An application of the last year for a child at a regular school: open, refused, withdrawn, or
    /// granted so recently that the child is not yet placed.
    pub(crate) fn applied_for(seat: &Seat, world: &World) -> Option<Self> {
        let seating = seat.schooling.filter(|_| seat.home.in_almere)?;
        let parameters = &world.parameters.admissibility;
        let regular = matches!(seating.sector, Sector::Bo | Sector::Vo);
        let here = world.tables.site(seating.site).is_some_and(in_almere);
        let mut draws = world.chance.pupil("application", seat.number);
        if !regular || !here || !draws.happens(parameters.applies_a_year) {
            return None;
        }
        let today = world.calendar.today;
        let received = received_in(later(today, -WINDOW_DAYS), today, parameters, &mut draws)?;
        let lead = Lead::from(received, 1.0, parameters, &mut draws);
        let kind = wanted(seating.sector, seating.year, &mut draws);
        let swv = swv(kind)?;
        let ruling = ruling(seat, kind, &lead, world, &mut draws);
        let decided = lead.decided <= today;
        let settled = days_between(lead.decided, today) > PLACED_AFTER_DAYS;
        if settled && matches!(ruling, Ruling::Issued { .. }) {
            return None;
        }
        Some(Self {
            swv,
            kind,
            applicant: Some(seating.site),
            received,
            complete: Some(lead.complete).filter(|complete| *complete <= today),
            decision: decided.then_some(Decision {
                decided: lead.decided,
                outcome: ruling,
            }),
            placed: lead.decided,
            origin: Origin::Regular {
                site: seating.site,
                sector: seating.sector,
            },
        })
    }
}

/// How many school years ago it began, and for how many it holds.
fn stage(seat: &Seat, kind: Sector, parameters: &AdmissibilityParameters, draws: &mut Draws) -> (i16, i16) {
    let weights = (1_i16..=5).zip(parameters.years);
    let years = draws.pick(weights).unwrap_or(1);
    if kind == Sector::Pro {
        let ago = seat
            .schooling
            .and_then(|it| it.year)
            .map_or(0, |year| i16::from(year) - 1);
        return (ago, years.max(ago + 1));
    }
    let since = i16::try_from(draws.below(u32::try_from(years).unwrap_or(1))).unwrap_or(0);
    (since.min(years_possible(seat, kind)), years)
}

/// How many school years this child can have been in this kind of school.
fn years_possible(seat: &Seat, kind: Sector) -> i16 {
    let youngest = if kind == Sector::Vso { 12 } else { 4 };
    (i16::from(seat.age) - youngest).max(0)
}

fn origin(seat: &Seat, kind: Sector, ago: i16, world: &World, draws: &mut Draws) -> Origin {
    let [special_primary, special] = world.parameters.admissibility.from_regular;
    let regular = match kind {
        Sector::Sbo => special_primary,
        Sector::Pro => 1.0,
        Sector::Vso if years_possible(seat, kind) == ago => 1.0,
        _ => special,
    };
    let age = i16::from(seat.age) - ago;
    if age <= 4 {
        return Origin::FromHome;
    }
    if !draws.happens(regular) {
        return if age <= 6 { Origin::FromHome } else { Origin::Own };
    }
    let from_secondary = kind == Sector::Vso && age >= 13;
    let (site, sector) = if from_secondary {
        (
            seat.home
                .neighbourhood
                .and_then(|home| world.places.secondary(home, draws)),
            Sector::Vo,
        )
    } else {
        (
            seat.home.pc4.and_then(|home| world.places.primary(home, draws)),
            Sector::Bo,
        )
    };
    site.map_or(Origin::Own, |site| Origin::Regular { site, sector })
}

/// Received, complete and decided, for a placement in the school year that began `ago` years ago.
fn lead(ago: i16, world: &World, draws: &mut Draws) -> Lead {
    let parameters = &world.parameters.admissibility;
    let [current, before, earlier] = parameters.trend;
    let factor = match ago {
        0 => current,
        1 => before,
        _ => earlier,
    };
    let august = world.calendar.school_year(ago);
    let received = received_in(later(august, -365), later(august, -1), parameters, draws).unwrap_or(august);
    Lead::from(received, factor, parameters, draws).decided_by(world.calendar.count_date)
}

/// A day from `first` to `last`, a year apart at most, by the season of applications.
fn received_in(
    first: Date,
    last: Date,
    parameters: &AdmissibilityParameters,
    draws: &mut Draws,
) -> Option<Date> {
    let quarter = draws.pick((0_i8..4).zip(parameters.quarters))?;
    let days = (0..=days_between(first, last)).map(|days| later(first, days));
    let of_quarter: Vec<Date> = days.filter(|day| (day.month() + 4) % 12 / 3 == quarter).collect();
    let place = draws.below(u32::try_from(of_quarter.len()).unwrap_or(0));
    of_quarter.get(usize::try_from(place).unwrap_or(0)).copied()
}

/// The earliest year whose 31 July may end a declaration that starts on `from`.
pub(crate) fn earliest_end(from: Date) -> i16 {
    let by_first_of_august = (from.month(), from.day()) <= (8, 1);
    from.year() + if by_first_of_august { 1 } else { 2 }
}

/// 1 August of a school year before the extended declaration began.
fn earlier_august(seat: &Seat, kind: Sector, ago: i16, world: &World, draws: &mut Draws) -> Date {
    let possible = (years_possible(seat, kind) - ago).clamp(0, 3);
    let more = i16::try_from(draws.below(u32::try_from(possible + 1).unwrap_or(1))).unwrap_or(0);
    world.calendar.school_year(ago + more)
}

fn wanted(sector: Sector, year: Option<u8>, draws: &mut Draws) -> Sector {
    let weights = match (sector, year) {
        (Sector::Bo, Some(8)) => [(Sector::Pro, 0.6), (Sector::Vso, 0.4)],
        (Sector::Bo, _) => [(Sector::Sbo, 0.6), (Sector::So, 0.4)],
        _ => [(Sector::Vso, 0.7), (Sector::Pro, 0.3)],
    };
    draws.pick(weights.into_iter()).unwrap_or(Sector::Sbo)
}

fn ruling(seat: &Seat, kind: Sector, lead: &Lead, world: &World, draws: &mut Draws) -> Ruling {
    let parameters = &world.parameters.admissibility;
    let category = category(kind, parameters, draws);
    let inadmissible = draws.happens(0.3);
    match draws.pick((0_u8..3).zip(parameters.outcomes)) {
        Some(1) => Ruling::Refused,
        Some(2) if inadmissible => Ruling::Inadmissible,
        Some(2) => Ruling::Withdrawn,
        _ => {
            let from = later(lead.decided, 14);
            let until = end_of_july(earliest_end(from) + 1);
            let number = swv(kind).map(|swv| number(swv, lead.decided, seat.number, world));
            Ruling::Issued {
                number: number.unwrap_or_default(),
                category,
                from,
                until,
            }
        }
    }
}

fn category(kind: Sector, parameters: &AdmissibilityParameters, draws: &mut Draws) -> Option<Category> {
    let categories = [Category::L, Category::M, Category::H];
    let category = draws.pick(categories.into_iter().zip(parameters.categories));
    category.filter(|_| matches!(kind, Sector::So | Sector::Vso))
}

/// The partnership that decides on this kind.
fn swv(kind: Sector) -> Option<SwvNumber> {
    let swv = if matches!(kind, Sector::Sbo | Sector::So | Sector::Bo) {
        SWV_PRIMARY
    } else {
        SWV_SECONDARY
    };
    swv.parse().ok()
}

/// `<SWV6>-<yyyy>-<5 digits>`: different for each child within a partnership and year.
fn number(swv: SwvNumber, decided: Date, child: u32, world: &World) -> String {
    let offset = world
        .chance
        .cell("declaration-number", &[swv.as_str()])
        .below(NUMBERS_A_YEAR);
    let digits = (u64::from(child) * u64::from(NUMBER_STEP) + u64::from(offset)) % u64::from(NUMBERS_A_YEAR);
    format!("{swv}-{}-{digits:05}", decided.year())
}
