//! Parameters of support and youth care.

use super::{PopulationError, Sector, Tables, by_sector, of, several};

/// Support at regular schools: how many, and of which kind.
pub(crate) struct SupportParameters {
    allocated: Vec<(Sector, f64)>,
    /// Weights of arrangement, custom agreement and ITA.
    pub(crate) kinds: [f64; 3],
}

/// Youth care: how many in a year, and of which form.
pub(crate) struct YouthCareParameters {
    /// Probabilities at 0–3, 4–11, 12–17 and 18–22 years.
    by_age: [f64; 4],
    factors: Vec<(Sector, f64)>,
    /// Weights of the five forms, in the order of the source.
    pub(crate) forms: [f64; 5],
}

impl SupportParameters {
    pub(super) fn read(tables: &Tables) -> Result<Self, PopulationError> {
        let share = |sector| tables.value("arrangement_op_reguliere_school", [sector, "", ""]);
        Ok(Self {
            allocated: vec![(Sector::Bo, share("BO")?), (Sector::Vo, share("VO_incl_PRO")?)],
            kinds: several(
                tables,
                "arrangement_soort",
                [
                    "ONDWARR onderwijsarrangement",
                    "MWOVER maatwerkovereenkomst",
                    "ITA",
                ],
            )?,
        })
    }

    /// Probability that a pupil of this sector has support; 0 for special schools.
    pub(crate) fn allocated(&self, sector: Sector) -> f64 {
        of(&self.allocated, sector)
    }
}

impl YouthCareParameters {
    pub(super) fn read(tables: &Tables) -> Result<Self, PopulationError> {
        Ok(Self {
            by_age: several(tables, "jeugdhulp_gebruik", ["0-3", "4-11", "12-17", "18-22"])?,
            factors: by_sector(tables, "jeugdhulp_factor")?,
            forms: several(
                tables,
                "jeugdhulp_vorm",
                [
                    "ambulant bij aanbieder",
                    "in netwerk jongere",
                    "wijk-/buurtteam",
                    "daghulp",
                    "verblijf (met of zonder ambulant)",
                ],
            )?,
        })
    }

    /// Probability of youth care within a year at this age, in years, and kind of school.
    pub(crate) fn in_year(&self, age: i16, sector: Option<Sector>) -> f64 {
        let [under_four, primary, secondary, adult] = self.by_age;
        let at_age = match age {
            ..=3 => under_four,
            4..=11 => primary,
            12..=17 => secondary,
            _ => adult,
        };
        at_age * sector.map_or(1.0, |sector| of(&self.factors, sector))
    }
}
