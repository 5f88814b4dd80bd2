//! Values in the coarsest form that a grant gives.

use crate::catalogue::{Catalogue, FieldName, Value, school_year};
use crate::purpose::Generalise;

/// A value in the coarsest form that the grant gives; what cannot be made coarser is left out.
pub(crate) fn coarsen(
    catalogue: &Catalogue,
    field: &FieldName,
    generalise: Option<&Generalise>,
    value: &Value,
) -> Option<serde_json::Value> {
    let Some(generalise) = generalise else {
        return Some(value.to_json());
    };
    let text = match (generalise, value) {
        (Generalise::Band { width }, Value::Integer(number)) => band(*number, i64::from(*width))?,
        (Generalise::Brin4, Value::Text(brin6)) => first(brin6, 4)?,
        (Generalise::Level(level), Value::Text(code)) => {
            catalogue.ancestor_of_finest(field, code, level)?.to_owned()
        }
        (Generalise::Month, Value::Date(date)) => format!("{:04}-{:02}", date.year(), date.month()),
        (Generalise::Pc2, Value::Text(postcode)) => first(postcode, 2)?,
        (Generalise::Pc4, Value::Text(postcode)) => first(postcode, 4)?,
        (Generalise::Quarter, Value::Date(date)) => {
            format!("{:04}-Q{}", date.year(), (date.month() - 1) / 3 + 1)
        }
        (Generalise::SchoolYear, Value::Date(date)) => school_year(*date),
        (Generalise::Year, Value::Date(date)) => format!("{:04}", date.year()),
        _ => return None,
    };
    Some(text.into())
}

/// The band that a number lies in; bands begin at the multiples of their width.
fn band(number: i64, width: i64) -> Option<String> {
    let from = number.checked_div_euclid(width)?.checked_mul(width)?;
    Some(format!("{from}-{}", from.checked_add(width - 1)?))
}

/// The first characters, where there are as many.
fn first(text: &str, count: usize) -> Option<String> {
    text.get(..count).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{field, policies};

    fn coarse(name: &str, generalise: &Generalise, value: &Value) -> Option<String> {
        let coarse = coarsen(&policies().catalogue, &field(name), Some(generalise), value)?;
        coarse.as_str().map(str::to_owned)
    }

    #[test]
    fn each_type_has_its_coarser_forms() {
        let day = Value::Date(date(2026, 7, 31));
        let text = |text: &str| Value::Text(text.to_owned());
        let city = Generalise::Level("city".parse().unwrap());
        let cases = [
            (
                "enrolment.birth-date",
                Generalise::Year,
                day.clone(),
                Some("2026"),
            ),
            (
                "enrolment.birth-date",
                Generalise::SchoolYear,
                day.clone(),
                Some("2025-2026"),
            ),
            (
                "enrolment.birth-date",
                Generalise::Quarter,
                day.clone(),
                Some("2026-Q3"),
            ),
            ("enrolment.birth-date", Generalise::Month, day, Some("2026-07")),
            (
                "enrolment.age",
                Generalise::Band { width: 4 },
                Value::Integer(7),
                Some("4-7"),
            ),
            (
                "enrolment.age",
                Generalise::Band { width: 4 },
                Value::Integer(8),
                Some("8-11"),
            ),
            ("enrolment.postcode", Generalise::Pc4, text("1312"), Some("1312")),
            ("enrolment.postcode", Generalise::Pc2, text("1312"), Some("13")),
            ("enrolment.site", Generalise::Brin4, text("06RM00"), Some("06RM")),
            (
                "enrolment.neighbourhood",
                city.clone(),
                text("WK003403"),
                Some("GM0034"),
            ),
            // What cannot be made coarser is not given as it is.
            ("enrolment.neighbourhood", city, text("no code"), None),
            ("enrolment.site", Generalise::Brin4, text("06"), None),
            ("enrolment.age", Generalise::Year, Value::Integer(7), None),
            ("absence.stay-at-home", Generalise::Month, Value::Bool(true), None),
        ];
        for (name, generalise, value, expected) in cases {
            assert_eq!(
                coarse(name, &generalise, &value).as_deref(),
                expected,
                "{name} {generalise:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_number_lies_in_its_band(number in any::<i32>(), width in 2_u32..1_000) {
            let text = band(number.into(), width.into()).unwrap();
            let middle = text.char_indices().skip(1).find(|(_, c)| *c == '-').unwrap().0;
            let (from, to): (i64, i64) = (text[..middle].parse().unwrap(), text[middle + 1..].parse().unwrap());
            prop_assert!(from <= i64::from(number) && i64::from(number) <= to && to - from + 1 == i64::from(width));
        }
    }
}
