//! The parameters of the design, read from the marginals once, so that a missing one shows at the start.

mod services;

use super::PopulationError;
use super::rows::Sector;
use super::tables::Tables;

pub(crate) use services::{SupportParameters, YouthCareParameters};

/// The parameters by subject.
pub(crate) struct Parameters {
    /// Group given age 4 to 12: `(age, group, probability)`.
    pub(crate) groups: Vec<(u8, u8, f64)>,
    /// Share of secondary pupils in practical education.
    pub(crate) practical: f64,
    /// Share of secondary pupils in the language class for newcomers.
    pub(crate) newcomers: f64,
    /// Share of secondary pupils at a site outside Almere (an assumption of the design).
    pub(crate) secondary_elsewhere: f64,
    /// Probability that a pupil changes school within a school year.
    pub(crate) changes_school: f64,
    /// Probability that a child moves house within a year.
    pub(crate) moves_house: f64,
    /// Absence.
    pub(crate) absence: AbsenceParameters,
    /// Admissibility.
    pub(crate) admissibility: AdmissibilityParameters,
    /// Support at regular schools.
    pub(crate) support: SupportParameters,
    /// Youth care.
    pub(crate) youth_care: YouthCareParameters,
}

/// Yearly probabilities by sector, and what happens next.
pub(crate) struct AbsenceParameters {
    truant: Vec<(Sector, f64)>,
    stay_at_home: Vec<(Sector, f64)>,
    /// Share of a school year's stay-at-homes who were already at home when it began.
    pub(crate) at_home_before: f64,
    /// Share of a school year's stay-at-homes who are back before it ends.
    pub(crate) back_within_year: f64,
    /// Median length of a stay-at-home's absence, in days.
    pub(crate) median_days: f64,
    /// Spread of that length (natural logarithm).
    pub(crate) sigma: f64,
    /// Least length, in days.
    pub(crate) least_days: i32,
    /// Weights of the six reasons, in the order of the source.
    pub(crate) reasons: [f64; 6],
}

/// Admissibility: stock, flow and lead times.
pub(crate) struct AdmissibilityParameters {
    issued: Vec<(Sector, f64)>,
    new_a_year: Vec<(Sector, f64)>,
    /// Extensions a year, as a share of the stock.
    pub(crate) extended_a_year: f64,
    /// Share of new pupils who come from a regular school: SBO, then SO.
    pub(crate) from_regular: [f64; 2],
    /// Share of applications received in August–October, November–January, February–April, May–July.
    pub(crate) quarters: [f64; 4],
    /// Probability of: positive, negative, withdrawn or inadmissible.
    pub(crate) outcomes: [f64; 3],
    /// Probability of one, two, three, four, and five or more years.
    pub(crate) years: [f64; 5],
    /// Probability of category L, M, H.
    pub(crate) categories: [f64; 3],
    /// Received until complete: median days and spread.
    pub(crate) until_complete: (f64, f64),
    /// Complete until decided: median days and spread.
    pub(crate) until_decided: (f64, f64),
    /// Factor on the lead times: the current school year, the one before, and earlier ones.
    pub(crate) trend: [f64; 3],
    /// Applications of pupils of regular schools a year, by pupil.
    pub(crate) applies_a_year: f64,
}

const SECTORS: [Sector; 6] = [
    Sector::Bo,
    Sector::Sbo,
    Sector::So,
    Sector::Vso,
    Sector::Vo,
    Sector::Pro,
];

impl Parameters {
    /// All parameters, or the first that the tables lack.
    pub(crate) fn read(tables: &Tables) -> Result<Self, PopulationError> {
        let secondary_elsewhere = tables.value("school_buiten_almere", ["VO_incl_PRO", "", ""])?;
        Ok(Self {
            groups: groups(tables),
            practical: tables.value("vo_onderwijstype", ["PRO", "", ""])?,
            newcomers: tables.value("vo_onderwijstype", ["ISK/Taalcentrum", "", ""])?,
            secondary_elsewhere,
            changes_school: tables.value("testkenmerk", ["schoolwisseling binnen schooljaar", "", ""])?,
            moves_house: tables.value("testkenmerk", ["verhuisd binnen schooljaar", "", ""])?,
            absence: AbsenceParameters::read(tables)?,
            admissibility: AdmissibilityParameters::read(tables)?,
            support: SupportParameters::read(tables)?,
            youth_care: YouthCareParameters::read(tables)?,
        })
    }
}

/// Every pair of age and group that the source gives a probability.
fn groups(tables: &Tables) -> Vec<(u8, u8, f64)> {
    let pairs = (4..=12_u8).flat_map(|age| (1..=8_u8).map(move |group| (age, group)));
    pairs
        .filter_map(|(age, group)| {
            let cell = [&age.to_string(), &group.to_string(), ""];
            tables
                .value("bo_groep_gegeven_leeftijd", cell)
                .ok()
                .map(|weight| (age, group, weight))
        })
        .collect()
}

impl AbsenceParameters {
    fn read(tables: &Tables) -> Result<Self, PopulationError> {
        let almere = |what| tables.value("verzuim_almere", [what, "", ""]);
        let length = |what| tables.value("thuiszitter_duur", [what, "", ""]);
        let in_year = almere("thuiszitters_start_schooljaar")? + almere("thuiszitters_nieuw")?;
        Ok(Self {
            truant: by_sector(tables, "verzuimer_kans_per_jaar")?,
            stay_at_home: by_sector(tables, "thuiszitter_kans_per_jaar")?,
            at_home_before: almere("thuiszitters_start_schooljaar")? / in_year,
            back_within_year: almere("thuiszitters_afgesloten")? / in_year,
            median_days: length("mediaan_weken")? * 7.0,
            sigma: length("sigma_ln")?,
            least_days: i32::try_from(super::draw::whole(length("min_weken")? * 7.0)).unwrap_or(28) + 1,
            reasons: several(
                tables,
                "reden_verzuim_thuiszitter",
                [
                    "ziekte/medisch",
                    "psychisch/overbelasting",
                    "wachtend op passende plek",
                    "schoolconflict/schorsing",
                    "ouders/visie",
                    "overig",
                ],
            )?,
        })
    }

    /// Probability of at least one report in a school year.
    pub(crate) fn truant(&self, sector: Sector) -> f64 {
        of(&self.truant, sector)
    }

    /// Probability of being a stay-at-home at some time in a school year.
    pub(crate) fn stay_at_home(&self, sector: Sector) -> f64 {
        of(&self.stay_at_home, sector)
    }
}

impl AdmissibilityParameters {
    fn read(tables: &Tables) -> Result<Self, PopulationError> {
        let process = |what| tables.value("tlv_proces", [what, "", ""]);
        let phase =
            |phase, parameter| tables.value("tlv_doorlooptijd_dagen", [phase, "lognormaal", parameter]);
        let residents = |sector| tables.value("leerlingen_woonachtig_totaal", [sector, "", ""]);
        let stock = |sector| tables.value("tlv_voorraad", [sector, "", ""]);
        let inflow = |sector| tables.value("tlv_instroom_per_jaar", [sector, "", ""]);
        let flow = stock("SBO")? * inflow("SBO")?
            + stock("SO")? * inflow("SO")?
            + stock("VSO")? * inflow("VSO")?
            + stock("PRO")? * inflow("PRO")?;
        let regular = residents("BO")? + residents("VO_incl_PRO")? - stock("PRO")?;
        Ok(Self {
            issued: vec![
                (Sector::Sbo, stock("SBO")? / residents("SBO")?),
                (Sector::So, stock("SO")? / residents("SO")?),
                (Sector::Vso, stock("VSO")? / residents("VSO")?),
                (Sector::Pro, 1.0),
            ],
            new_a_year: vec![
                (Sector::Sbo, inflow("SBO")?),
                (Sector::So, inflow("SO")?),
                (Sector::Vso, inflow("VSO")?),
                (Sector::Pro, inflow("PRO")?),
            ],
            extended_a_year: process("verlenging per jaar / voorraad")?,
            from_regular: several(
                tables,
                "tlv_instroom_herkomst",
                ["regulier bo -> sbo", "regulier bo -> so"],
            )?,
            quarters: several(
                tables,
                "tlv_proces",
                [
                    "aanvraag aug-okt",
                    "aanvraag nov-jan",
                    "aanvraag feb-apr",
                    "aanvraag in mei-juli",
                ],
            )?,
            outcomes: several(
                tables,
                "tlv_proces",
                [
                    "besluit positief",
                    "besluit negatief",
                    "ingetrokken/niet behandelbaar",
                ],
            )?,
            years: several(tables, "tlv_duur_jaren", ["1", "2", "3", "4", "5+"])?,
            categories: several(
                tables,
                "tlv_bekostigingscategorie",
                ["1 (laag)", "2 (midden)", "3 (hoog)"],
            )?,
            until_complete: (
                phase("ontvangst -> compleet", "mediaan")?,
                phase("ontvangst -> compleet", "sigma")?,
            ),
            until_decided: (
                phase("compleet -> besluit", "mediaan")?,
                phase("compleet -> besluit", "sigma")?,
            ),
            trend: several(
                tables,
                "tlv_doorlooptijd_trend",
                ["2024-2025", "2023-2024", "2022-2023"],
            )?,
            applies_a_year: flow / regular,
        })
    }

    /// Probability that a pupil of this sector has a declaration of this partnership; 0 for regular schools.
    pub(crate) fn issued(&self, sector: Sector) -> f64 {
        of(&self.issued, sector)
    }

    /// Share of the declarations in force that are extensions, not first ones.
    pub(crate) fn extension_share(&self, sector: Sector) -> f64 {
        self.extended_a_year / (self.extended_a_year + of(&self.new_a_year, sector))
    }
}

fn of(list: &[(Sector, f64)], sector: Sector) -> f64 {
    list.iter()
        .find(|(of, _)| *of == sector)
        .map_or(0.0, |(_, value)| *value)
}

fn by_sector(tables: &Tables, marginal: &str) -> Result<Vec<(Sector, f64)>, PopulationError> {
    SECTORS
        .into_iter()
        .map(|sector| {
            let dutch = match sector {
                Sector::Vo | Sector::Pro => "VO_incl_PRO",
                other => other.as_str(),
            };
            Ok((sector, tables.value(marginal, [dutch, "", ""])?))
        })
        .collect()
}

fn several<const N: usize>(
    tables: &Tables,
    marginal: &str,
    cells: [&str; N],
) -> Result<[f64; N], PopulationError> {
    let mut values = [0.0; N];
    for (value, cell) in values.iter_mut().zip(cells) {
        *value = tables.value(marginal, [cell, "", ""])?;
    }
    Ok(values)
}
