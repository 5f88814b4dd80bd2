//! What every child is made from: the tables, the calendar and the seed.

use super::PopulationError;
use super::calendar::Calendar;
use super::child::Numbers;
use super::code::{BoardNumber, Brin6};
use super::draw::Chance;
use super::parameters::Parameters;
use super::places::{Places, in_almere};
use super::provisions::{Group, groups};
use super::tables::{Site, Tables};

/// The first BSN of the test range; `RvIG`'s own test persons are in it.
const BSN_FIRST: u32 = 999_000_000;
/// The last BSN of the test range.
const BSN_LAST: u32 = 999_999_999;

/// Everything that does not change from child to child.
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) calendar: Calendar,
    pub(crate) tables: Tables,
    pub(crate) places: Places,
    pub(crate) parameters: Parameters,
    pub(crate) groups: Vec<Group>,
    bsns: Vec<u32>,
}

impl World {
    /// The world of this seed on this day.
    pub(crate) fn new(seed: u64, calendar: Calendar) -> Result<Self, PopulationError> {
        let chance = Chance::new(seed);
        let tables = Tables::read()?;
        Ok(Self {
            calendar,
            places: Places::new(&tables),
            parameters: Parameters::read(&tables)?,
            groups: groups(&tables),
            bsns: shuffled_bsns(&chance),
            tables,
            chance,
        })
    }

    /// The numbers of child `number`; BSNs are given out without putting back.
    pub(crate) fn numbers(&self, number: u32) -> Numbers {
        let place = usize::try_from(number).unwrap_or(0);
        let bsn = self.bsns.get(place).copied().unwrap_or(BSN_FIRST);
        let eck_id = data_encoding::HEXLOWER.encode(&self.chance.pupil("eck-id", number).block());
        Numbers { bsn, eck_id }
    }

    /// The sites in Almere.
    pub(crate) fn almere(&self) -> impl Iterator<Item = &Site> {
        self.tables.sites.values().filter(|site| in_almere(site))
    }

    /// The board that delivers for this site: none outside Almere, nor where the source names none.
    pub(crate) fn board(&self, site: Brin6) -> Option<BoardNumber> {
        self.tables.site(site).filter(|site| in_almere(site))?.board
    }

    /// How many children there are numbers for.
    pub(crate) fn numbers_max(&self) -> usize {
        self.bsns.len()
    }
}

fn shuffled_bsns(chance: &Chance) -> Vec<u32> {
    let mut bsns: Vec<u32> = (BSN_FIRST..=BSN_LAST).filter(|bsn| valid_bsn(*bsn)).collect();
    let mut draws = chance.cell("bsn", &[]);
    for last in (1..bsns.len()).rev() {
        let bound = u32::try_from(last).unwrap_or(0) + 1;
        let other = usize::try_from(draws.below(bound)).unwrap_or(0);
        bsns.swap(last, other);
    }
    bsns
}

/// The check of the BSN: 9 to 2 times the first eight digits, less the ninth, is a multiple of 11.
pub(crate) fn valid_bsn(bsn: u32) -> bool {
    let digit = |place: u32| i64::from(bsn / 10_u32.pow(place) % 10);
    let sum: i64 = (1..=8).map(|place| (i64::from(place) + 1) * digit(place)).sum();
    bsn != 0 && (sum - digit(0)) % 11 == 0
}
