//! One child: numbers, birth, home and schooling, each from a stream of its own.

use std::fmt;

use jiff::ToSpan;
use jiff::civil::Date;

use super::calendar::{Calendar, between, days_between, school_day};
use super::code::{Brin6, Neighbourhood, Pc4};
use super::declaration::{Declaration, Origin};
use super::draw::Draws;
use super::rows::Sector;
use super::seats::{Home, Seat, Seating};
use super::world::World;

/// Share of the children who have lived in Almere since birth: **an assumption**.
const LIVES_SINCE_BIRTH: f64 = 0.45;
/// Share of the children who left Almere since the count date: **an assumption**.
const LEFT_SINCE_COUNT: f64 = 0.003;
/// Share of the school changes that fall on 1 August: **an assumption**.
const CHANGES_IN_SUMMER: f64 = 0.5;

/// The numbers by which organisations know a child. Test numbers, yet treated as real ones.
#[derive(Clone, PartialEq, Eq)]
pub struct Numbers {
    /// A BSN of the `RvIG` test range `999xxxxxx`, valid by its check digit.
    pub bsn: u32,
    /// The ECK iD: 64 lower-case hex digits.
    pub eck_id: String,
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbers(..)")
    }
}

/// A child of the demo.
#[derive(Debug, Clone)]
pub struct Child {
    /// Its number within the demo; the same for the same seed, however many children there are.
    pub number: u32,
    /// BSN and ECK iD.
    pub numbers: Numbers,
    /// Date of birth.
    pub birth_date: Date,
    /// The neighbourhood where it lives; none outside Almere.
    pub neighbourhood: Option<Neighbourhood>,
    /// The digits of its postcode; none where DUO does not say.
    pub pc4: Option<Pc4>,
    /// Whether it lives in Almere (until `resident_until`).
    pub lives_in_almere: bool,
    /// Since when it has lived in Almere.
    pub resident_from: Option<Date>,
    /// The first day on which it no longer lives in Almere.
    pub resident_until: Option<Date>,
    /// A former home in Almere and the day of the move.
    pub moved: Option<(Neighbourhood, Pc4, Date)>,
    /// Where it goes to school; none before school or when nowhere enrolled.
    pub schooling: Option<Schooling>,
}

/// Where, and since when, a child goes to school.
#[derive(Debug, Clone)]
pub struct Schooling {
    /// The site, in Almere or elsewhere.
    pub site: Brin6,
    /// The kind of school.
    pub sector: Sector,
    /// Group 1 to 8 of primary, or year 1 to 6 of secondary education; none in special education.
    pub year: Option<u8>,
    /// The first day.
    pub from: Date,
    /// The first day on which it no longer goes there.
    pub until: Option<Date>,
    /// The school before, when that was left recently.
    pub before: Option<Before>,
}

/// The school before.
#[derive(Debug, Clone)]
pub struct Before {
    /// The site.
    pub site: Brin6,
    /// The kind of school.
    pub sector: Sector,
    /// As in [`Schooling`].
    pub year: Option<u8>,
    /// The first day there.
    pub from: Date,
    /// The first day on which it no longer went there.
    pub until: Date,
}

impl Child {
    /// The child on this seat, and the declaration of admissibility it is in special education by.
    pub(crate) fn new(seat: &Seat, world: &World) -> (Self, Option<Declaration>) {
        let mut draws = world.chance.pupil("birth", seat.number);
        let birth_date = world.calendar.birth(i16::from(seat.age), &mut draws);
        let declaration = Declaration::of(seat, world);
        let mut draws = world.chance.pupil("home", seat.number);
        let home = residence(seat.home, birth_date, world, &mut draws);
        let mut draws = world.chance.pupil("schooling", seat.number);
        let history = History {
            birth_date,
            home: &seat.home,
            world,
        };
        let schooling = match &seat.schooling {
            Some(seating) => Some(history.of(*seating, declaration.as_ref(), &mut draws)),
            None => history.just_four(&mut draws),
        };
        let child = Self {
            number: seat.number,
            numbers: world.numbers(seat.number),
            birth_date,
            neighbourhood: seat.home.neighbourhood,
            pc4: seat.home.pc4,
            lives_in_almere: seat.home.in_almere,
            resident_from: home.from,
            resident_until: home.until,
            moved: home.moved,
            schooling: schooling.map(|schooling| schooling.ended(home.until)),
        };
        (child, declaration)
    }

    /// The neighbourhood, postcode digits included, where the child lived on `date`.
    pub(crate) fn home_on(&self, date: Date) -> (Option<Neighbourhood>, Option<Pc4>) {
        match self.moved {
            Some((neighbourhood, pc4, moved)) if date < moved => (Some(neighbourhood), Some(pc4)),
            _ => (self.neighbourhood, self.pc4),
        }
    }
}

struct Residence {
    from: Option<Date>,
    until: Option<Date>,
    moved: Option<(Neighbourhood, Pc4, Date)>,
}

fn residence(home: Home, birth_date: Date, world: &World, draws: &mut Draws) -> Residence {
    if !home.in_almere {
        return Residence {
            from: None,
            until: None,
            moved: None,
        };
    }
    let Calendar { today, count_date } = world.calendar;
    let year_ago = today.saturating_sub(1.year());
    let since_birth = draws.happens(LIVES_SINCE_BIRTH) || birth_date > year_ago;
    let from = if since_birth {
        birth_date
    } else {
        between(birth_date, year_ago, draws)
    };
    let left = draws.happens(LEFT_SINCE_COUNT) && days_between(count_date, today) > 2;
    let until = left.then(|| between(count_date.saturating_add(1.day()), today, draws));
    let removal = draws.happens(world.parameters.moves_house) && !left;
    let moved = removal
        .then(|| former_home(from.max(year_ago), world, draws))
        .flatten();
    Residence {
        from: Some(from),
        until,
        moved,
    }
}

fn former_home(after: Date, world: &World, draws: &mut Draws) -> Option<(Neighbourhood, Pc4, Date)> {
    let today = world.calendar.today;
    if days_between(after, today) < 2 {
        return None;
    }
    let pc4 = world.places.home(draws)?;
    let neighbourhood = world.places.neighbourhood(pc4, draws)?;
    Some((
        neighbourhood,
        pc4,
        between(after.saturating_add(1.day()), today, draws),
    ))
}

/// What the schooling of a child follows from.
struct History<'a> {
    birth_date: Date,
    home: &'a Home,
    world: &'a World,
}

impl History<'_> {
    fn of(&self, seating: Seating, declaration: Option<&Declaration>, draws: &mut Draws) -> Schooling {
        let Seating { site, sector, year } = seating;
        let schooling = |from, before| Schooling {
            site,
            sector,
            year,
            from,
            until: None,
            before,
        };
        match (sector, declaration) {
            (Sector::Bo, _) => self.primary(schooling(self.fourth_birthday(), None), draws),
            (Sector::Vo, _) => self.secondary(schooling(self.start_of_year(year), None), draws),
            (Sector::Pro, declaration) => {
                let from = self.start_of_year(year);
                let before = (year == Some(1)).then(|| declaration.map_or(Origin::Own, |it| it.origin));
                schooling(from, before.and_then(|origin| self.before(origin, from, draws)))
            }
            (_, Some(declaration)) => {
                let from = school_day(declaration.placed).max(self.fourth_birthday());
                let recent = from >= self.world.calendar.school_year(0);
                let origin = if recent { declaration.origin } else { Origin::Own };
                schooling(from, self.before(origin, from, draws))
            }
            (_, None) => schooling(self.some_august(draws), None),
        }
    }

    /// A child that turned 4 since the count date, and so went to school since.
    fn just_four(&self, draws: &mut Draws) -> Option<Schooling> {
        let Calendar { today, count_date } = self.world.calendar;
        let from = self.fourth_birthday();
        if from <= count_date || school_day(from) > today {
            return None;
        }
        let site = self.world.places.primary(self.home.pc4?, draws)?;
        let from = school_day(from);
        Some(Schooling {
            site,
            sector: Sector::Bo,
            year: Some(1),
            from,
            until: None,
            before: None,
        })
    }

    fn primary(&self, schooling: Schooling, draws: &mut Draws) -> Schooling {
        let first_day = schooling.from;
        let other = |draws: &mut Draws| self.world.places.primary(self.home.pc4?, draws);
        self.changed(schooling, first_day, other, draws)
    }

    fn secondary(&self, schooling: Schooling, draws: &mut Draws) -> Schooling {
        let first_day = schooling.from;
        if schooling.year == Some(1) {
            let site = self
                .home
                .pc4
                .and_then(|pc4| self.world.places.primary(pc4, draws));
            let before = site.map(|site| self.left_primary(site, first_day));
            return Schooling { before, ..schooling };
        }
        let other = |draws: &mut Draws| self.world.places.secondary(self.home.neighbourhood?, draws);
        self.changed(schooling, first_day, other, draws)
    }

    fn left_primary(&self, site: Brin6, until: Date) -> Before {
        let from = self.fourth_birthday();
        Before {
            site,
            sector: Sector::Bo,
            year: Some(8),
            from,
            until,
        }
    }

    /// A few change school, in summer or during the year.
    fn changed(
        &self,
        schooling: Schooling,
        first_day: Date,
        other: impl Fn(&mut Draws) -> Option<Brin6>,
        draws: &mut Draws,
    ) -> Schooling {
        let start = self.world.calendar.school_year(0);
        let changes = draws.happens(self.world.parameters.changes_school) && self.home.in_almere;
        let in_summer = draws.happens(CHANGES_IN_SUMMER);
        let during = school_day(between(start, self.world.calendar.today, draws));
        let site = other(draws).filter(|site| *site != schooling.site);
        let on = if in_summer { start } else { during };
        let possible = changes && first_day < on && on <= self.world.calendar.today;
        let Some(site) = site.filter(|_| possible) else {
            return schooling;
        };
        let year = schooling.year.map(|year| {
            if in_summer {
                year.saturating_sub(1).max(1)
            } else {
                year
            }
        });
        let before = Before {
            site,
            sector: schooling.sector,
            year,
            from: first_day,
            until: on,
        };
        Schooling {
            from: on,
            before: Some(before),
            ..schooling
        }
    }

    /// The regular school that a pupil of special education came from.
    fn before(&self, origin: Origin, until: Date, draws: &mut Draws) -> Option<Before> {
        let Origin::Regular { site, sector } = origin else {
            return None;
        };
        let from = match sector {
            Sector::Vo => self.world.calendar.school_year(1),
            _ => self.fourth_birthday(),
        };
        let last_group = match sector {
            Sector::Vo => 1,
            _ => u8::try_from(days_between(from, until) / 365 + 1)
                .unwrap_or(8)
                .clamp(1, 8),
        };
        let year = last_group.saturating_sub(u8::from(draws.happens(0.2))).max(1);
        (from < until).then_some(Before {
            site,
            sector,
            year: Some(year),
            from,
            until,
        })
    }

    fn fourth_birthday(&self) -> Date {
        Calendar::birthday(self.birth_date, 4)
    }

    fn start_of_year(&self, year: Option<u8>) -> Date {
        self.world.calendar.school_year(i16::from(year.unwrap_or(1)) - 1)
    }

    /// 1 August of one of the years before this one in which the child was at least 4.
    fn some_august(&self, draws: &mut Draws) -> Date {
        let ago = 1 + i16::try_from(draws.below(3)).unwrap_or(0);
        self.world.calendar.school_year(ago).max(self.fourth_birthday())
    }
}

impl Schooling {
    /// The same, ended when the child left Almere.
    fn ended(self, left: Option<Date>) -> Self {
        Self {
            until: left.map(|left| left.max(self.from)),
            ..self
        }
    }
}
