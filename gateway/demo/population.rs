//! A synthetic population of Almere, made from public counts: who lives where, goes to which school, is
//! absent, and is admitted to special education. No child in it exists.
//!
//! Everything follows from a seed and a day. Each draw comes from a stream of its own (see `draw.rs`),
//! so that neither the order of making nor a new dataset changes what was there. The counts are those of
//! 1 October 2024, moved to the last 1 October before today; what is an assumption says so where it is.

mod absence;
mod calendar;
mod caseload;
mod child;
mod code;
mod declaration;
mod deliveries;
mod draw;
mod funded;
mod municipality;
mod parameters;
mod places;
mod provisions;
mod rows;
mod seats;
mod support;
mod tables;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;

use jiff::civil::Date;

pub use child::{Before, Child, Numbers, Schooling};
pub use code::{BoardNumber, Brin6, Code, InvalidCode, Neighbourhood, Pc4, SwvNumber};
pub use funded::FundedRow;
pub use municipality::{ExemptionKind, ExemptionRow, YouthCareForm, YouthCareRow};
pub use provisions::{ProvisionKind, ProvisionRow};
pub use rows::{
    AbsenceKind, AbsenceReason, AbsenceRow, AbsenceStatus, AdmissibilityRow, CaseloadRow, Category,
    EnrolmentRow, FundingSwv, Outcome, Pupil, ResidentRow, Sector, SiteRow, UnknownSector,
};
pub use seats::{NOWHERE_ENROLLED, YEARS_UNDER_FOUR};
pub use support::{SupportKind, SupportQuestion, SupportRow, SupportStatus};

use calendar::Calendar;
use declaration::Declaration;
use seats::{Seat, Seats};
use world::World;

/// The pupils who live in Almere when nobody is left out (expected; a seed gives a few dozen more or less).
pub const RESIDENT_PUPILS: usize = 35_394;
/// Children made between two reports of progress.
const PROGRESS_STEP: usize = 1_000;

/// Why there is no population.
#[derive(Debug, thiserror::Error)]
pub enum PopulationError {
    /// An embedded table cannot be read.
    #[error("the embedded table `{table}` cannot be read: {reason}")]
    Table {
        /// Its file name.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The marginals lack a parameter.
    #[error("the marginals have no `{marginal}` for `{cell}`")]
    Parameter {
        /// The marginal.
        marginal: String,
        /// The cell within it.
        cell: String,
    },
    /// More pupils are asked for than the counts hold.
    #[error("`{pupils}` pupils are more than the {RESIDENT_PUPILS} that the counts hold")]
    TooMany {
        /// The pupils asked for.
        pupils: usize,
    },
    /// There are more children than test numbers.
    #[error("there are more children than test numbers")]
    NumbersExhausted,
}

/// Everybody, and everything the demo's parties deliver about them.
#[derive(Debug)]
pub struct Population {
    /// The day of the demo.
    pub today: Date,
    /// The last 1 October that is not after today: the counts hold on it.
    pub count_date: Date,
    /// The children, by number.
    pub children: Vec<Child>,
    /// The 105 sites in Almere.
    pub sites: Vec<SiteRow>,
    /// Rows of `enrolment`, by the board that delivers them.
    pub enrolments: BTreeMap<BoardNumber, Vec<EnrolmentRow>>,
    /// Rows of `absence`, by the board that delivers them.
    pub absences: BTreeMap<BoardNumber, Vec<AbsenceRow>>,
    /// Rows of `admissibility`, by the partnership that delivers them.
    pub admissibility: BTreeMap<SwvNumber, Vec<AdmissibilityRow>>,
    /// Rows of `resident`, which the municipality delivers.
    pub residents: Vec<ResidentRow>,
    /// Rows of `caseload`, by the partnership that delivers them.
    pub caseload: BTreeMap<SwvNumber, Vec<CaseloadRow>>,
    /// Rows of `support`, by the partnership that delivers them.
    pub support: BTreeMap<SwvNumber, Vec<SupportRow>>,
    /// Rows of `funded`, by the partnership that delivers them.
    pub funded: BTreeMap<SwvNumber, Vec<FundedRow>>,
    /// Rows of `provision`, by the partnership that delivers them.
    pub provisions: BTreeMap<SwvNumber, Vec<ProvisionRow>>,
    /// Rows of `youth-care`, which the municipality delivers.
    pub youth_care: Vec<YouthCareRow>,
    /// Rows of `exemption`, which the municipality delivers.
    pub exemptions: Vec<ExemptionRow>,
    /// The consulent of PO2401 whose caseload is one site of about 100 pupils.
    pub small_caseload: String,
}

impl Population {
    /// The population of `seed` on the day `today`: all of it, or about `pupils` resident pupils with
    /// everybody else in proportion. `progress` hears how many children are made, and of how many.
    pub fn generate(
        seed: u64,
        pupils: Option<usize>,
        today: Date,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, PopulationError> {
        let share = share(pupils)?;
        let world = World::new(seed, Calendar::on(today))?;
        let seats = Seats::new(
            &world.chance,
            &world.tables,
            &world.places,
            &world.parameters,
            share,
        )
        .fill();
        let last = seats
            .last()
            .map_or(0, |seat| usize::try_from(seat.number).unwrap_or(usize::MAX));
        if last >= world.numbers_max() {
            return Err(PopulationError::NumbersExhausted);
        }
        let mut population = Self::empty(&world);
        let total = u64::try_from(seats.len()).unwrap_or(u64::MAX);
        for (done, seat) in (0_u64..).zip(&seats) {
            if done % (PROGRESS_STEP as u64) == 0 {
                progress(done, total);
            }
            population.add(seat, &world);
        }
        progress(total, total);
        population.divide_caseload(&world);
        population.count_provisions(&world);
        Ok(population)
    }

    /// The boards of which a site has pupils, or may have.
    pub fn boards(&self) -> impl Iterator<Item = BoardNumber> + '_ {
        self.enrolments.keys().copied()
    }

    fn empty(world: &World) -> Self {
        let boards = || world.almere().filter_map(|site| site.board);
        Self {
            today: world.calendar.today,
            count_date: world.calendar.count_date,
            children: Vec::new(),
            sites: world.almere().filter_map(site_row).collect(),
            enrolments: boards().map(|board| (board, Vec::new())).collect(),
            absences: boards().map(|board| (board, Vec::new())).collect(),
            admissibility: world
                .almere()
                .filter_map(|site| site.swv)
                .map(|swv| (swv, Vec::new()))
                .collect(),
            residents: Vec::new(),
            caseload: BTreeMap::new(),
            support: BTreeMap::new(),
            funded: BTreeMap::new(),
            provisions: BTreeMap::new(),
            youth_care: Vec::new(),
            exemptions: Vec::new(),
            small_caseload: String::new(),
        }
    }

    fn add(&mut self, seat: &Seat, world: &World) {
        let (child, declaration) = Child::new(seat, world);
        for (board, row) in deliveries::enrolments(&child, world) {
            self.enrolments.entry(board).or_default().push(row);
        }
        let reports = absence::reports(&child, world);
        for (board, row) in reports
            .into_iter()
            .filter_map(|report| deliveries::absence(&child, &report, world))
        {
            self.absences.entry(board).or_default().push(row);
        }
        let applied = Declaration::applied_for(seat, world);
        for declaration in declaration.iter().chain(&applied) {
            let row = deliveries::admissibility(&child, declaration);
            self.admissibility.entry(declaration.swv).or_default().push(row);
        }
        self.residents.extend(deliveries::residence(&child, world));
        for (swv, row) in support::support(&child, world) {
            self.support.entry(swv).or_default().push(row);
        }
        if let Some((swv, row)) = funded::funded(&child, declaration.as_ref(), world) {
            self.funded.entry(swv).or_default().push(row);
        }
        self.youth_care.extend(municipality::youth_care(&child, world));
        self.exemptions.extend(municipality::exemption(&child, world));
        self.children.push(child);
    }

    /// How many pupils each provision has, from the rows about them.
    fn count_provisions(&mut self, world: &World) {
        let mut pupils: BTreeMap<Brin6, usize> = BTreeMap::new();
        for schooling in self.children.iter().filter_map(|child| child.schooling.as_ref()) {
            *pupils.entry(schooling.site).or_default() += usize::from(schooling.until.is_none());
        }
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for code in self
            .support
            .values()
            .flatten()
            .filter_map(|row| row.provision.as_deref())
        {
            *places.entry(code).or_default() += 1;
        }
        let sites: Vec<_> = world.almere().collect();
        self.provisions = self
            .admissibility
            .keys()
            .map(|swv| {
                let in_group = |code: &str| places.get(code).copied().unwrap_or(0);
                let at_school = |site| pupils.get(&site).copied().unwrap_or(0);
                let tables = (world.groups.as_slice(), sites.as_slice());
                let rows = provisions::provisions(*swv, tables, world.calendar, in_group, at_school);
                (*swv, rows)
            })
            .collect();
    }

    fn divide_caseload(&mut self, world: &World) {
        let mut pupils: BTreeMap<Brin6, u32> = BTreeMap::new();
        for schooling in self.children.iter().filter_map(|child| child.schooling.as_ref()) {
            *pupils.entry(schooling.site).or_insert(0) += u32::from(schooling.until.is_none());
        }
        let sites: Vec<_> = world.almere().collect();
        let caseloads = caseload::caseloads(&sites, &pupils, world.calendar.school_year(0));
        self.caseload = caseloads.rows;
        self.small_caseload = caseloads.small;
    }
}

/// The year in which the school year of this day began (1 August).
pub fn school_year(day: Date) -> i16 {
    if day.month() >= 8 {
        day.year()
    } else {
        day.year() - 1
    }
}

/// What part of everybody `pupils` resident pupils are.
#[expect(clippy::cast_precision_loss, reason = "both are below a million")]
fn share(pupils: Option<usize>) -> Result<f64, PopulationError> {
    match pupils {
        None => Ok(1.0),
        Some(pupils) if pupils <= RESIDENT_PUPILS => Ok(pupils as f64 / RESIDENT_PUPILS as f64),
        Some(pupils) => Err(PopulationError::TooMany { pupils }),
    }
}

fn site_row(site: &tables::Site) -> Option<SiteRow> {
    Some(SiteRow {
        brin6: site.brin6,
        name: site.name.clone(),
        board: site
            .board
            .map_or_else(|| "UNKNOWN".to_owned(), |board| board.to_string()),
        sector: site.sector,
        swv: site.swv?,
        neighbourhood: site.neighbourhood,
    })
}
