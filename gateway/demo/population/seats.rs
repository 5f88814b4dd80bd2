//! Who there is: one seat a child, cell by cell from the tables. A seat's number never depends on how
//! many children are wanted, so a smaller population is a part of the larger one.

use super::code::{Brin6, Neighbourhood, Pc4};
use super::draw::{Chance, Draws, whole};
use super::parameters::Parameters;
use super::places::{Places, expected, in_almere, small_mean};
use super::rows::Sector;
use super::tables::{Count, FIRST_AGE, PupilCounts, Tables};

/// Children under 4: **an assumption**, for DUO counts nobody before school. Each year of birth is as
/// large as the 5-year-olds of the same postcode.
pub const YEARS_UNDER_FOUR: u8 = 4;
/// Children of school age in all of Almere who are nowhere enrolled: **an assumption**, about the
/// national rate of exemptions and absolute absence (4 per 1,000).
pub const NOWHERE_ENROLLED: u32 = 140;
/// The ages of those children, in years: **an assumption**.
const NOWHERE_AGES: (u8, u8) = (5, 17);
/// How much older or younger than 11 + year a pupil in secondary education is on 1 October, and how
/// often: **an assumption** (born in autumn, on time, once retained, twice).
const SECONDARY_AGES: [(u8, f64); 4] = [(0, 0.15), (1, 0.70), (2, 0.13), (3, 0.02)];

/// One child to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    /// Its number.
    pub(crate) number: u32,
    /// Years of age on the count date.
    pub(crate) age: u8,
    /// Where it lives.
    pub(crate) home: Home,
    /// Where it goes to school; none before school or when nowhere enrolled.
    pub(crate) schooling: Option<Seating>,
}

/// Where a child lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home {
    /// The neighbourhood, in Almere.
    pub(crate) neighbourhood: Option<Neighbourhood>,
    /// The postcode; none when DUO does not say.
    pub(crate) pc4: Option<Pc4>,
    /// Whether it is in Almere.
    pub(crate) in_almere: bool,
}

/// Where a child goes to school.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seating {
    /// The site.
    pub(crate) site: Brin6,
    /// The kind of school.
    pub(crate) sector: Sector,
    /// Group 1 to 8 of primary, or year 1 to 6 of secondary education; none in special education.
    pub(crate) year: Option<u8>,
}

/// Makes the seats.
pub(crate) struct Seats<'a> {
    chance: &'a Chance,
    tables: &'a Tables,
    places: &'a Places,
    parameters: &'a Parameters,
    share: f64,
    next: u32,
    filled: Vec<Seat>,
}

impl<'a> Seats<'a> {
    /// Seats for the part `share` (up to 1) of everybody.
    pub(crate) fn new(
        chance: &'a Chance,
        tables: &'a Tables,
        places: &'a Places,
        parameters: &'a Parameters,
        share: f64,
    ) -> Self {
        Self {
            chance,
            tables,
            places,
            parameters,
            share,
            next: 0,
            filled: Vec::new(),
        }
    }

    /// All of them: primary and special, secondary, before school, nowhere enrolled.
    pub(crate) fn fill(mut self) -> Vec<Seat> {
        for row in &self.tables.pupils {
            self.primary(row);
        }
        self.secondary();
        self.before_school();
        self.nowhere();
        self.filled
    }

    fn primary(&mut self, row: &PupilCounts) {
        let small = small_mean(row.sector, self.tables.site(row.site).is_some_and(in_almere));
        let home = row.home.map_or(String::new(), |home| home.to_string());
        for (age, count) in (FIRST_AGE..).zip(&row.by_age) {
            if expected(*count, small) == 0.0 {
                continue;
            }
            let cell = [
                home.as_str(),
                row.site.as_str(),
                row.sector.as_str(),
                &age.to_string(),
            ];
            let number = counted(*count, small, &mut self.chance.cell("primary", &cell));
            for _ in 0..number {
                self.take(|seats, draws| Some(seats.primary_seat(row, age, draws)));
            }
        }
    }

    fn primary_seat(&self, row: &PupilCounts, age: u8, draws: &mut Draws) -> Seat {
        let home = Home {
            neighbourhood: row
                .home
                .filter(|_| row.lives_in_almere)
                .and_then(|home| self.places.neighbourhood(home, draws)),
            pc4: row.home,
            in_almere: row.lives_in_almere,
        };
        let groups = self.parameters.groups.iter().filter(|(of, _, _)| *of == age);
        let year = match row.sector {
            Sector::Bo => draws
                .pick(groups.map(|(_, group, weight)| (*group, *weight)))
                .or(Some(8)),
            _ => None,
        };
        let schooling = Some(Seating {
            site: row.site,
            sector: row.sector,
            year,
        });
        Seat {
            number: self.next,
            age,
            home,
            schooling,
        }
    }

    fn secondary(&mut self) {
        for cell in self.tables.secondary() {
            let name = [cell.neighbourhood.as_str(), &cell.year.to_string()];
            let number = self.chance.cell("secondary", &name).rounded(cell.expected);
            for _ in 0..number {
                self.take(|seats, draws| seats.secondary_seat(cell.neighbourhood, cell.year, draws));
            }
        }
    }

    fn secondary_seat(&self, neighbourhood: Neighbourhood, year: u8, draws: &mut Draws) -> Option<Seat> {
        let pc4 = self.places.postcode(neighbourhood, draws);
        let (site, sector) = self.secondary_site(neighbourhood, year, draws)?;
        let older = draws.pick(SECONDARY_AGES.into_iter())?;
        Some(Seat {
            number: self.next,
            age: 10 + year + older,
            home: Home {
                neighbourhood: Some(neighbourhood),
                pc4,
                in_almere: true,
            },
            schooling: Some(Seating {
                site,
                sector,
                year: Some(year),
            }),
        })
    }

    /// Practical education has five years, so its share of the first five is a little higher.
    fn secondary_site(&self, home: Neighbourhood, year: u8, draws: &mut Draws) -> Option<(Brin6, Sector)> {
        let practical = if year <= 5 {
            self.parameters.practical * 1.093
        } else {
            0.0
        };
        let newcomers = self.parameters.newcomers;
        let regular = 1.0 - practical - newcomers;
        let elsewhere = self.parameters.secondary_elsewhere.min(regular);
        let [practice, language, out, here] = [0_u8, 1, 2, 3];
        let weights = [
            (practice, practical),
            (language, newcomers),
            (out, elsewhere),
            (here, regular - elsewhere),
        ];
        match draws.pick(weights.into_iter())? {
            0 => Some((self.places.practical(home, draws)?, Sector::Pro)),
            1 => Some((self.places.newcomers()?, Sector::Vo)),
            2 => Some((self.places.elsewhere(home, draws)?, Sector::Vo)),
            _ => Some((self.places.secondary(home, draws)?, Sector::Vo)),
        }
    }

    fn before_school(&mut self) {
        let five = usize::from(5 - FIRST_AGE);
        for (home, _) in self.places.homes() {
            let rows = self
                .tables
                .pupils
                .iter()
                .filter(|row| row.lives_in_almere && row.home == Some(*home));
            let expected: f64 = rows
                .filter_map(|row| {
                    row.by_age
                        .get(five)
                        .map(|count| expected(*count, small_mean(row.sector, true)))
                })
                .sum();
            for age in 0..YEARS_UNDER_FOUR {
                let name = [home.as_str(), &age.to_string()];
                let number = self.chance.cell("before-school", &name).rounded(expected);
                for _ in 0..number {
                    self.take(|seats, draws| Some(seats.seat_without_school(*home, age, draws)));
                }
            }
        }
    }

    fn nowhere(&mut self) {
        let all: f64 = self.places.homes().iter().map(|(_, children)| children).sum();
        for (home, children) in self.places.homes() {
            let wanted = f64::from(NOWHERE_ENROLLED) * children / all;
            let number = self.chance.cell("nowhere", &[home.as_str()]).rounded(wanted);
            for _ in 0..number {
                self.take(|seats, draws| {
                    let (first, last) = NOWHERE_AGES;
                    let years = draws.below(u32::from(last - first) + 1);
                    let age = first + u8::try_from(years).unwrap_or(0);
                    Some(seats.seat_without_school(*home, age, draws))
                });
            }
        }
    }

    fn seat_without_school(&self, home: Pc4, age: u8, draws: &mut Draws) -> Seat {
        let neighbourhood = self.places.neighbourhood(home, draws);
        let home = Home {
            neighbourhood,
            pc4: Some(home),
            in_almere: true,
        };
        Seat {
            number: self.next,
            age,
            home,
            schooling: None,
        }
    }

    /// Gives out the next number, and makes its seat when it is in the wanted part.
    fn take(&mut self, seat: impl Fn(&Self, &mut Draws) -> Option<Seat>) {
        let number = self.next;
        let before = whole(f64::from(number) * self.share);
        if whole((f64::from(number) + 1.0) * self.share) > before {
            let mut draws = self.chance.pupil("seat", number);
            let seat = seat(self, &mut draws);
            self.filled.extend(seat);
        }
        self.next += 1;
    }
}

/// The number behind a count: itself, or one to four with the given mean.
fn counted(count: Count, mean: f64, draws: &mut Draws) -> u32 {
    match count {
        Count::Exact(number) => number,
        Count::Small => {
            let ratio = small_ratio(mean);
            let weights = (1..=4_u8).map(|n| (u32::from(n), ratio.powi(i32::from(n) - 1)));
            draws.pick(weights).unwrap_or(1)
        }
    }
}

/// The ratio at which 1, r, r², r³ as the weights of 1 to 4 have this mean.
fn small_ratio(mean: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..30 {
        let ratio = f64::midpoint(low, high);
        let powers = [1.0, ratio, ratio * ratio, ratio * ratio * ratio];
        let sum: f64 = powers.iter().sum();
        let weighted: f64 = powers
            .iter()
            .zip([1.0, 2.0, 3.0, 4.0])
            .map(|(weight, n)| weight * n)
            .sum();
        if weighted / sum < mean {
            low = ratio;
        } else {
            high = ratio;
        }
    }
    low
}
