//! The embedded public tables, read into typed rows. What they are, and where they come from, is in
//! `gateway/demo/data/README.md`.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::PopulationError;
use super::code::{BoardNumber, Brin6, Neighbourhood, Pc4, SwvNumber};
use super::rows::Sector;

const PUPILS_PO: (&str, &str) = (
    "pupils_po_2024-10-01.csv",
    include_str!("../data/pupils_po_2024-10-01.csv"),
);
const SITES_ALMERE: (&str, &str) = ("sites_almere.csv", include_str!("../data/sites_almere.csv"));
const SITES_ELSEWHERE: (&str, &str) = ("sites_elsewhere.csv", include_str!("../data/sites_elsewhere.csv"));
const POSTCODES: (&str, &str) = (
    "postcode_neighbourhood.csv",
    include_str!("../data/postcode_neighbourhood.csv"),
);
const NEIGHBOURHOODS: (&str, &str) = ("neighbourhoods.csv", include_str!("../data/neighbourhoods.csv"));
const MARGINALS: (&str, &str) = ("marginals.csv", include_str!("../data/marginals.csv"));

/// The municipality whose children these are.
pub(crate) const ALMERE: &str = "Almere";
/// The first age, in years on the count date, of a pupil in the matrix of DUO.
pub(crate) const FIRST_AGE: u8 = 4;

/// Everything the generator draws from.
pub(crate) struct Tables {
    /// DUO's counts of primary and special education.
    pub(crate) pupils: Vec<PupilCounts>,
    /// The sites, in Almere and elsewhere.
    pub(crate) sites: BTreeMap<Brin6, Site>,
    /// What part of a postcode lies in which neighbourhood; the weights of a postcode add up to 1.
    pub(crate) postcodes: BTreeMap<Pc4, Vec<(Neighbourhood, f64)>>,
    /// The centre of each neighbourhood.
    pub(crate) centres: BTreeMap<Neighbourhood, Place>,
    marginals: HashMap<[String; 4], f64>,
    secondary: Vec<SecondaryCell>,
}

/// Pupils of one postcode at one site, by age.
pub(crate) struct PupilCounts {
    /// None: DUO does not say where they live.
    pub(crate) home: Option<Pc4>,
    /// Whether that postcode is in Almere.
    pub(crate) lives_in_almere: bool,
    /// Where they go to school.
    pub(crate) site: Brin6,
    /// What kind of school it is.
    pub(crate) sector: Sector,
    /// One count for each age from `FIRST_AGE`.
    pub(crate) by_age: Vec<Count>,
}

/// A count as DUO publishes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// The number.
    Exact(u32),
    /// One to four: published as `<5`.
    Small,
}

/// A school site.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// Its code.
    pub(crate) brin6: Brin6,
    /// What kind of school it is.
    pub(crate) sector: Sector,
    /// Its name.
    pub(crate) name: String,
    /// Its board, where the source names one.
    pub(crate) board: Option<BoardNumber>,
    /// Its partnership, where the source names one.
    pub(crate) swv: Option<SwvNumber>,
    /// The municipality it stands in.
    pub(crate) municipality: String,
    /// The neighbourhood it stands in, for sites in Almere.
    pub(crate) neighbourhood: Option<Neighbourhood>,
    /// Where it stands.
    pub(crate) place: Option<Place>,
    /// Pupils in the last known count.
    pub(crate) pupils: u32,
}

/// A point, in degrees (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// Degrees east.
    pub(crate) lon: f64,
    /// Degrees north.
    pub(crate) lat: f64,
}

/// The expected pupils in secondary education of one neighbourhood and year.
pub(crate) struct SecondaryCell {
    /// Where they live.
    pub(crate) neighbourhood: Neighbourhood,
    /// The year of secondary education, 1 to 6.
    pub(crate) year: u8,
    /// How many.
    pub(crate) expected: f64,
}

impl Tables {
    /// Reads the embedded tables.
    pub(crate) fn read() -> Result<Self, PopulationError> {
        let (marginals, secondary) = marginals()?;
        Ok(Self {
            pupils: pupils()?,
            sites: sites()?,
            postcodes: postcodes()?,
            centres: centres()?,
            marginals,
            secondary,
        })
    }

    /// The parameter `marginal` for `cell`, whose absent dimensions are empty texts.
    pub(crate) fn value(&self, marginal: &str, cell: [&str; 3]) -> Result<f64, PopulationError> {
        let [first, second, third] = cell.map(str::to_owned);
        let key = [marginal.to_owned(), first, second, third];
        self.marginals
            .get(&key)
            .copied()
            .ok_or_else(|| PopulationError::Parameter {
                marginal: marginal.to_owned(),
                cell: cell.join(","),
            })
    }

    /// The expected pupils in secondary education.
    pub(crate) fn secondary(&self) -> &[SecondaryCell] {
        &self.secondary
    }

    /// The site of this code.
    pub(crate) fn site(&self, brin6: Brin6) -> Option<&Site> {
        self.sites.get(&brin6)
    }
}

#[derive(Deserialize)]
struct PupilLine {
    home_pc4: String,
    home_municipality: String,
    brin6: String,
    sector: String,
}

fn pupils() -> Result<Vec<PupilCounts>, PopulationError> {
    let (table, text) = PUPILS_PO;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let wrong = |error: csv::Error| PopulationError::Table {
        table,
        reason: error.to_string(),
    };
    let headers = reader.headers().map_err(wrong)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let line: PupilLine = record.deserialize(Some(&headers)).map_err(wrong)?;
        let by_age = record.iter().skip(4).map(count).collect::<Option<Vec<_>>>();
        rows.push(PupilCounts {
            home: line.home_pc4.parse().ok(),
            lives_in_almere: line.home_municipality == ALMERE,
            site: parsed(table, &line.brin6)?,
            sector: parsed(table, &line.sector)?,
            by_age: by_age.ok_or_else(|| PopulationError::Table {
                table,
                reason: "a count is not a number".into(),
            })?,
        });
    }
    Ok(rows)
}

fn count(text: &str) -> Option<Count> {
    if text == "<5" {
        Some(Count::Small)
    } else {
        text.parse().ok().map(Count::Exact)
    }
}

#[derive(Deserialize)]
struct SiteLine {
    brin6: String,
    sector: String,
    name: String,
    board: String,
    swv: String,
    municipality: String,
    neighbourhood: String,
    lon: Option<f64>,
    lat: Option<f64>,
    pupils: Option<u32>,
}

fn sites() -> Result<BTreeMap<Brin6, Site>, PopulationError> {
    let mut sites = BTreeMap::new();
    for source in [SITES_ALMERE, SITES_ELSEWHERE] {
        let (table, _) = source;
        for line in lines::<SiteLine>(source)? {
            let brin6 = parsed(table, &line.brin6)?;
            let site = Site {
                brin6,
                sector: parsed(table, &line.sector)?,
                name: line.name,
                board: line.board.parse().ok(),
                swv: line.swv.parse().ok(),
                municipality: line.municipality,
                neighbourhood: line.neighbourhood.parse().ok(),
                place: line.lon.zip(line.lat).map(|(lon, lat)| Place { lon, lat }),
                pupils: line.pupils.unwrap_or(0),
            };
            sites.insert(brin6, site);
        }
    }
    Ok(sites)
}

#[derive(Deserialize)]
struct PostcodeLine {
    pc4: String,
    neighbourhood: String,
    weight: f64,
}

fn postcodes() -> Result<BTreeMap<Pc4, Vec<(Neighbourhood, f64)>>, PopulationError> {
    let mut postcodes: BTreeMap<Pc4, Vec<(Neighbourhood, f64)>> = BTreeMap::new();
    for line in lines::<PostcodeLine>(POSTCODES)? {
        let neighbourhood = parsed(POSTCODES.0, &line.neighbourhood)?;
        postcodes
            .entry(parsed(POSTCODES.0, &line.pc4)?)
            .or_default()
            .push((neighbourhood, line.weight));
    }
    Ok(postcodes)
}

#[derive(Deserialize)]
struct NeighbourhoodLine {
    neighbourhood: String,
    lon: f64,
    lat: f64,
}

fn centres() -> Result<BTreeMap<Neighbourhood, Place>, PopulationError> {
    lines::<NeighbourhoodLine>(NEIGHBOURHOODS)?
        .into_iter()
        .map(|line| {
            let place = Place {
                lon: line.lon,
                lat: line.lat,
            };
            Ok((parsed(NEIGHBOURHOODS.0, &line.neighbourhood)?, place))
        })
        .collect()
}

#[derive(Deserialize)]
struct MarginalLine {
    marginal: String,
    dim1: String,
    dim2: String,
    dim3: String,
    value: f64,
}

type Marginals = (HashMap<[String; 4], f64>, Vec<SecondaryCell>);

fn marginals() -> Result<Marginals, PopulationError> {
    let mut values = HashMap::new();
    let mut secondary = Vec::new();
    for line in lines::<MarginalLine>(MARGINALS)? {
        if line.marginal == "leerlingen_naar_woonwijk" {
            secondary.push(SecondaryCell {
                neighbourhood: parsed(MARGINALS.0, &line.dim1)?,
                year: parsed(MARGINALS.0, &line.dim3)?,
                expected: line.value,
            });
        } else {
            values.insert([line.marginal, line.dim1, line.dim2, line.dim3], line.value);
        }
    }
    Ok((values, secondary))
}

fn lines<T: DeserializeOwned>((table, text): (&'static str, &str)) -> Result<Vec<T>, PopulationError> {
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|error| PopulationError::Table {
            table,
            reason: error.to_string(),
        })
}

fn parsed<T: FromStr>(table: &'static str, text: &str) -> Result<T, PopulationError> {
    text.parse().map_err(|_| PopulationError::Table {
        table,
        reason: format!("`{text}` is not what it should be"),
    })
}
