//! Whom the partnerships pay for: pupils in special education on the last count date, as DUO would list them.

use jiff::civil::Date;
use serde::Serialize;

use super::calendar::Calendar;
use super::child::Child;
use super::code::{Brin6, SwvNumber};
use super::declaration::{Declaration, Ruling};
use super::places::in_almere;
use super::rows::{Category, FundingSwv, Pupil, Sector};
use super::world::World;

/// Share of the pupils of whom DUO has no number of a declaration: **an assumption**.
const WITHOUT_NUMBER: f64 = 0.03;
/// A partnership pays for these; practical education is funded otherwise.
const PAID: [Sector; 3] = [Sector::Sbo, Sector::So, Sector::Vso];

/// A row of `funded`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FundedRow {
    /// ECK iD.
    pub pupil: Pupil,
    /// The day of the count.
    pub count_date: Date,
    /// The next one.
    pub until: Date,
    /// The school, in Almere or elsewhere.
    pub site: Brin6,
    /// Its partnership.
    pub site_swv: FundingSwv,
    /// SBO, SO or VSO.
    pub sector: Sector,
    /// Who pays.
    pub funding_swv: SwvNumber,
    /// The funding category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The number of the declaration, as far as DUO has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tlv_number: Option<String>,
}

/// The row of a child that was in special education on the last count date by a declaration of ours.
pub(crate) fn funded(
    child: &Child,
    declaration: Option<&Declaration>,
    world: &World,
) -> Option<(SwvNumber, FundedRow)> {
    let declaration = declaration?;
    let Ruling::Issued { number, category, .. } = &declaration.decision.as_ref()?.outcome else {
        return None;
    };
    let (count_date, until) = world.calendar.last_count();
    let there =
        |from: Date, until: Option<Date>| from <= count_date && until.is_none_or(|until| until > count_date);
    let lives_here = child.lives_in_almere && child.resident_until.is_none_or(|left| left > count_date);
    let schooling = child.schooling.as_ref().filter(|it| there(it.from, it.until))?;
    if !lives_here || !PAID.contains(&schooling.sector) {
        return None;
    }
    let mut draws = world.chance.pupil("funded", child.number);
    let unknown = draws.happens(WITHOUT_NUMBER);
    let row = FundedRow {
        pupil: Pupil::of_swv(&child.numbers),
        count_date,
        until,
        site: schooling.site,
        site_swv: site_swv(schooling.site, schooling.sector, world),
        sector: schooling.sector,
        funding_swv: declaration.swv,
        category: *category,
        tlv_number: Some(number.clone()).filter(|_| !unknown),
    };
    Some((declaration.swv, row))
}

fn site_swv(site: Brin6, sector: Sector, world: &World) -> FundingSwv {
    let here = world.tables.site(site).is_some_and(in_almere);
    match (here, sector) {
        (false, _) => FundingSwv::Other,
        (true, Sector::Vso) => FundingSwv::Secondary,
        (true, _) => FundingSwv::Primary,
    }
}

impl Calendar {
    /// The last count date (1 February or 1 October) and the next.
    pub(crate) fn last_count(self) -> (Date, Date) {
        let first = |year, month| Date::new(year, month, 1).unwrap_or(self.count_date);
        let year = self.today.year();
        match self.today.month() {
            1 => (first(year - 1, 10), first(year, 2)),
            2..=9 => (first(year, 2), first(year, 10)),
            _ => (first(year, 10), first(year + 1, 2)),
        }
    }
}
