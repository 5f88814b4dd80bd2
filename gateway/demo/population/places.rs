//! Which sites and neighbourhoods a child is likely to have, given where it lives.

use std::collections::BTreeMap;

use super::code::{Brin6, Neighbourhood, Pc4};
use super::draw::Draws;
use super::rows::Sector;
use super::tables::{Count, Place, PupilCounts, Site, Tables};

/// The distance at which a school in Almere has lost two thirds of its pull, in kilometres.
const PULL_KM: f64 = 4.0;
/// The same for a school outside Almere.
const PULL_ELSEWHERE_KM: f64 = 12.0;
/// Rounds of fitting; the totals of the sites are met to well below one pupil.
const FIT_ROUNDS: u32 = 40;
/// Kilometres in a degree of latitude, and in a degree of longitude at Almere.
const KM_PER_DEGREE: (f64, f64) = (111.2, 68.0);
/// The middle of Almere, for a site without an address.
const CENTRE: Place = Place {
    lon: 5.22,
    lat: 52.37,
};
/// The language class for newcomers: the only site with nothing else.
const NEWCOMERS_SITE: &str = "16AW06";

type Weights<K, V> = BTreeMap<K, Vec<(V, f64)>>;

/// The likely places.
pub(crate) struct Places {
    homes: Vec<(Pc4, f64)>,
    neighbourhoods: Weights<Pc4, Neighbourhood>,
    postcodes: Weights<Neighbourhood, Pc4>,
    primary: Weights<Pc4, Brin6>,
    secondary: Weights<Neighbourhood, Brin6>,
    practical: Weights<Neighbourhood, Brin6>,
    elsewhere: Weights<Neighbourhood, Brin6>,
    newcomers: Option<Brin6>,
}

impl Places {
    /// The weights that the tables give.
    pub(crate) fn new(tables: &Tables) -> Self {
        let homes = homes(&tables.pupils);
        Self {
            neighbourhoods: tables.postcodes.clone(),
            postcodes: postcodes(tables, &homes),
            primary: primary(tables),
            secondary: fitted(tables, |site| {
                site.sector == Sector::Vo && site.brin6.as_str() != NEWCOMERS_SITE
            }),
            practical: fitted(tables, |site| site.sector == Sector::Pro),
            elsewhere: gravity(tables, PULL_ELSEWHERE_KM, |site| {
                site.sector == Sector::Vo && !in_almere(site)
            }),
            newcomers: NEWCOMERS_SITE.parse().ok(),
            homes: homes.into_iter().collect(),
        }
    }

    /// The postcodes of Almere with their pupils in primary and special education.
    pub(crate) fn homes(&self) -> &[(Pc4, f64)] {
        &self.homes
    }

    /// A postcode of Almere, by the children who live there.
    pub(crate) fn home(&self, draws: &mut Draws) -> Option<Pc4> {
        draws.pick(self.homes.iter().copied())
    }

    /// A neighbourhood in which part of this postcode lies.
    pub(crate) fn neighbourhood(&self, home: Pc4, draws: &mut Draws) -> Option<Neighbourhood> {
        pick(&self.neighbourhoods, home, draws)
    }

    /// A postcode of which part lies in this neighbourhood.
    pub(crate) fn postcode(&self, home: Neighbourhood, draws: &mut Draws) -> Option<Pc4> {
        pick(&self.postcodes, home, draws)
    }

    /// A primary school in Almere to which children of this postcode go.
    pub(crate) fn primary(&self, home: Pc4, draws: &mut Draws) -> Option<Brin6> {
        pick(&self.primary, home, draws)
    }

    /// A secondary school in Almere.
    pub(crate) fn secondary(&self, home: Neighbourhood, draws: &mut Draws) -> Option<Brin6> {
        pick(&self.secondary, home, draws)
    }

    /// A school for practical education in Almere.
    pub(crate) fn practical(&self, home: Neighbourhood, draws: &mut Draws) -> Option<Brin6> {
        pick(&self.practical, home, draws)
    }

    /// A secondary school outside Almere.
    pub(crate) fn elsewhere(&self, home: Neighbourhood, draws: &mut Draws) -> Option<Brin6> {
        pick(&self.elsewhere, home, draws)
    }

    /// The language class for newcomers.
    pub(crate) fn newcomers(&self) -> Option<Brin6> {
        self.newcomers
    }
}

fn pick<K: Ord + Copy, V: Copy>(weights: &Weights<K, V>, key: K, draws: &mut Draws) -> Option<V> {
    draws.pick(weights.get(&key)?.iter().copied())
}

/// Whether the site stands in Almere.
pub(crate) fn in_almere(site: &Site) -> bool {
    site.municipality == super::tables::ALMERE
}

/// What a count is expected to be: `<5` stands for the mean that makes the known totals come out.
pub(crate) fn expected(count: Count, small: f64) -> f64 {
    match count {
        Count::Exact(number) => f64::from(number),
        Count::Small => small,
    }
}

/// The mean of a small count (1 to 4): fitted to sites and cities whose totals are known.
pub(crate) fn small_mean(sector: Sector, site_in_almere: bool) -> f64 {
    match sector {
        Sector::Sbo => 1.59,
        Sector::So => 1.24,
        Sector::Vso if site_in_almere => 1.47,
        Sector::Vso => 1.32,
        Sector::Bo | Sector::Vo | Sector::Pro => 1.58,
    }
}

fn total(row: &PupilCounts) -> f64 {
    let small = small_mean(row.sector, true);
    row.by_age.iter().map(|count| expected(*count, small)).sum()
}

fn homes(pupils: &[PupilCounts]) -> BTreeMap<Pc4, f64> {
    let mut homes = BTreeMap::new();
    for row in pupils.iter().filter(|row| row.lives_in_almere) {
        if let Some(home) = row.home {
            *homes.entry(home).or_insert(0.0) += total(row);
        }
    }
    homes
}

fn postcodes(tables: &Tables, homes: &BTreeMap<Pc4, f64>) -> Weights<Neighbourhood, Pc4> {
    let mut postcodes: Weights<Neighbourhood, Pc4> = BTreeMap::new();
    for (pc4, parts) in &tables.postcodes {
        let children = homes.get(pc4).copied().unwrap_or(0.0);
        for (neighbourhood, weight) in parts {
            postcodes
                .entry(*neighbourhood)
                .or_default()
                .push((*pc4, weight * children));
        }
    }
    postcodes
}

fn primary(tables: &Tables) -> Weights<Pc4, Brin6> {
    let mut primary: Weights<Pc4, Brin6> = BTreeMap::new();
    let regular = tables
        .pupils
        .iter()
        .filter(|row| row.sector == Sector::Bo && row.lives_in_almere);
    for row in regular.filter(|row| tables.site(row.site).is_some_and(in_almere)) {
        if let Some(home) = row.home {
            primary.entry(home).or_default().push((row.site, total(row)));
        }
    }
    primary
}

/// Size times nearness, for every neighbourhood.
fn gravity(tables: &Tables, scale_km: f64, wanted: impl Fn(&Site) -> bool) -> Weights<Neighbourhood, Brin6> {
    let sites: Vec<&Site> = tables
        .sites
        .values()
        .filter(|site| site.pupils > 0 && wanted(site))
        .collect();
    let pull = |home: Place, site: &Site| {
        let km = distance_km(home, site.place.unwrap_or(CENTRE));
        (site.brin6, f64::from(site.pupils) * (-km / scale_km).exp())
    };
    tables
        .centres
        .iter()
        .map(|(neighbourhood, centre)| {
            (
                *neighbourhood,
                sites.iter().map(|site| pull(*centre, site)).collect(),
            )
        })
        .collect()
}

fn distance_km(a: Place, b: Place) -> f64 {
    let (north, east) = (
        (a.lat - b.lat) * KM_PER_DEGREE.0,
        (a.lon - b.lon) * KM_PER_DEGREE.1,
    );
    (north * north + east * east).sqrt()
}

/// Gravity to sites in Almere, fitted in turn to the pupils of each site and of each neighbourhood.
fn fitted(tables: &Tables, wanted: impl Fn(&Site) -> bool) -> Weights<Neighbourhood, Brin6> {
    let mut weights = gravity(tables, PULL_KM, |site| in_almere(site) && wanted(site));
    let mut pupils: BTreeMap<Neighbourhood, f64> = BTreeMap::new();
    for cell in tables.secondary() {
        *pupils.entry(cell.neighbourhood).or_insert(0.0) += cell.expected;
    }
    weights.retain(|neighbourhood, _| pupils.contains_key(neighbourhood));
    for _ in 0..FIT_ROUNDS {
        fit_sites(tables, &mut weights);
        fit_neighbourhoods(&pupils, &mut weights);
    }
    weights
}

fn fit_sites(tables: &Tables, weights: &mut Weights<Neighbourhood, Brin6>) {
    let mut sums: BTreeMap<Brin6, f64> = BTreeMap::new();
    for (site, weight) in weights.values().flatten() {
        *sums.entry(*site).or_insert(0.0) += weight;
    }
    for (site, weight) in weights.values_mut().flatten() {
        let wanted = tables.site(*site).map_or(0.0, |site| f64::from(site.pupils));
        *weight *= wanted / sums.get(site).copied().unwrap_or(1.0);
    }
}

fn fit_neighbourhoods(pupils: &BTreeMap<Neighbourhood, f64>, weights: &mut Weights<Neighbourhood, Brin6>) {
    for (neighbourhood, row) in weights {
        let sum: f64 = row.iter().map(|(_, weight)| weight).sum();
        let wanted = pupils.get(neighbourhood).copied().unwrap_or(0.0);
        for (_, weight) in row {
            *weight *= wanted / sum;
        }
    }
}
