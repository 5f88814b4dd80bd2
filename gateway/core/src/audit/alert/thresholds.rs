//! The limits, which the FG sets in a file of their own: not the operator's to change.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Code;

/// Defines the limits with their defaults, units and rule.
macro_rules! thresholds {
    ($( $key:ident: $type:ty = $default:expr, $code:ident, $nl:literal, $en:literal; )*) => {
        /// The limits of the rules. A file names those that differ from the defaults.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Thresholds { $( #[doc = $en] pub $key: $type, )* }

        impl Default for Thresholds {
            fn default() -> Self {
                Self { $( $key: $default, )* }
            }
        }

        /// Each limit: key, rule, Dutch, English.
        const SETTINGS: &[(&str, Code, &str, &str)] = &[$( (stringify!($key), Code::$code, $nl, $en), )*];
    };
}

thresholds! {
    night_from_hour: u8 = 22, OffHours,
        "Het uur waarop de nacht begint (0 tot 23, Nederlandse tijd).",
        "The hour at which the night begins (0 to 23, Dutch time).";
    night_until_hour: u8 = 6, OffHours,
        "Het uur waarop de nacht eindigt (0 tot 23, Nederlandse tijd).",
        "The hour at which the night ends (0 to 23, Dutch time).";
    holidays: Vec<Date> = Vec::new(), OffHours,
        "Vrije dagen naast de nationale feestdagen, zoals schoolvakanties.",
        "Days off besides the national holidays, such as those of schools.";
    first_combination_learning_days: u32 = 14, FirstCombination,
        "Zoveel dagen na het begin van het logboek is elke combinatie nieuw en wordt er niets gemeld.",
        "For so many days after the log's beginning every combination is new, and none is reported.";
    bulk_pupils_max: u64 = 500, Bulk,
        "Leerlingen in één antwoord.",
        "Pupils in one answer.";
    refusals_percent_max: u64 = 5, Refusals,
        "Geweigerde vragen van een organisatie op een dag, in procenten van haar vragen.",
        "An organisation's refused requests of a day, in percent of its requests.";
    refusals_min: u64 = 20, Refusals,
        "Onder dit aantal weigeringen op een dag zegt het percentage niets.",
        "Below so many refusals a day the percentage says nothing.";
    near_identical_max: u64 = 5, NearIdentical,
        "Bijna gelijke vragen van een organisatie voor een doel, in 24 uur.",
        "Nearly equal requests of an organisation for a purpose, in 24 hours.";
    near_identical_differences_max: usize = 2, NearIdentical,
        "Vragen die in hoogstens zoveel waarden verschillen zijn bijna gelijk; een veranderde waarde telt twee keer.",
        "Requests that differ in at most so many values are nearly equal; a changed value counts twice.";
    misses_a_day_max: u64 = 10, Misses,
        "Leerlingen die op een dag voor één medewerker of organisatie niet werden gevonden.",
        "Pupils who were not found for one member of staff or organisation in a day.";
    completion_minutes_max: u64 = 20, MissingCompletion,
        "Minuten tot bekend moet zijn hoe een antwoord eindigde; de poort zelf besluit na 15.",
        "Minutes until it must be known how an answer ended; the gateway itself decides after 15.";
    checkpoint_age_s_max: u64 = 10, StaleCheckpoint,
        "Seconden tot een regel door een ondertekend controlepunt gedekt moet zijn.",
        "Seconds until an entry must be covered by a signed checkpoint.";
    clock_difference_s_max: u64 = 60, Clock,
        "Seconden tussen de klok van de poort bij een vraag en de tijd in het logboek.",
        "Seconds between the gateway's clock at a request and the time in the log.";
    person_pupils_a_day_max: u64 = 60, PersonMany,
        "Verschillende leerlingen die één medewerker op een dag opent.",
        "Different pupils that one member of staff opens in a day.";
    person_median_times_max: u64 = 3, PersonMany,
        "Zoveel keer de eigen mediaan van de laatste 30 dagen waarop iemand leerlingen opende.",
        "So many times their own median of the last 30 days on which they opened pupils.";
    person_median_days_min: usize = 5, PersonMany,
        "Zoveel eerdere dagen zijn nodig voor een mediaan.",
        "So many earlier days are needed for a median.";
    person_pupils_min: u64 = 10, PersonMany,
        "Onder dit aantal leerlingen op een dag telt de mediaan niet.",
        "Below so many pupils a day the median does not count.";
    pupil_persons_a_week_max: usize = 7, PupilMany,
        "Medewerkers die dezelfde leerling in zeven dagen openen; één meer is een melding.",
        "Members of staff who open the same pupil in seven days; one more is an alert.";
}

/// Why a file is not one of limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidThresholds {
    /// Not TOML, an unknown key, or a value of another type.
    #[error("{0}")]
    Toml(String),
    /// Not an hour.
    #[error("`{0}` is an hour from 0 to 23")]
    Hour(&'static str),
}

impl Thresholds {
    /// Reads a file of limits; what it does not name has its default.
    ///
    /// # Errors
    /// With the place of the mistake.
    pub fn parse(text: &str) -> Result<Self, InvalidThresholds> {
        let read: Self = toml::from_str(text).map_err(|error| InvalidThresholds::Toml(error.to_string()))?;
        for (hour, name) in [
            (read.night_from_hour, "night_from_hour"),
            (read.night_until_hour, "night_until_hour"),
        ] {
            if hour > 23 {
                return Err(InvalidThresholds::Hour(name));
            }
        }
        Ok(read)
    }

    /// A file with these limits, each explained in Dutch and English, under the rule that it belongs to.
    pub fn explained(&self) -> String {
        let mut text = String::new();
        for code in Code::ALL {
            let meaning = code.meaning();
            let _ = writeln!(text, "# {}\n# {}\n# {}", code.name(), meaning.nl, meaning.en);
            for (key, _, nl, en) in SETTINGS.iter().filter(|(_, of, ..)| of == code) {
                let _ = writeln!(text, "#   {nl}\n#   {en}\n{key} = {}", self.value(key));
            }
            text.push('\n');
        }
        text
    }

    fn value(&self, key: &str) -> String {
        let table = toml::Value::try_from(self).ok();
        let value = table.as_ref().and_then(|table| table.get(key));
        value.map(ToString::to_string).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_explained_is_what_is_read() {
        let limits = Thresholds {
            holidays: vec!["2027-01-04".parse().unwrap()],
            bulk_pupils_max: 7,
            ..Thresholds::default()
        };
        assert_eq!(Thresholds::parse(&limits.explained()), Ok(limits.clone()));
        assert_eq!(Thresholds::parse(""), Ok(Thresholds::default()));
        let keys = toml::Value::try_from(&limits).unwrap();
        assert_eq!(keys.as_table().unwrap().len(), SETTINGS.len());
        for code in Code::ALL {
            assert!(limits.explained().contains(code.name()), "{code:?}");
        }
    }

    #[test]
    fn a_mistake_is_told() {
        let unknown = Thresholds::parse("bulk = 3").unwrap_err().to_string();
        assert!(unknown.contains("bulk"), "{unknown}");
        assert!(Thresholds::parse("bulk_pupils_max = \"many\"").is_err());
        assert_eq!(
            Thresholds::parse("night_from_hour = 24"),
            Err(InvalidThresholds::Hour("night_from_hour"))
        );
    }
}
