//! What may be counted, and how it is written.

use std::fmt;
use std::str::FromStr;

use crate::catalogue::{Catalogue, Dimension, FieldName, Name};

use super::FiguresGrant;

/// What is counted of a cell. Everything is made of released cells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// `pupils`: distinct pupils.
    Pupils,
    /// `rows(absence)`: the pupils' rows of a dataset, of each pupil at most the dataset's `rows_bound`.
    Rows(Name),
    /// `sum(absence.hours)`: an amount over the pupils' rows, of each pupil at most the field's `bound`.
    Sum(FieldName),
    /// `mean(absence.hours)`: the sum by pupil who has any of it, from what is shown.
    Mean(FieldName),
    /// `distribution(absence.weeks)`: pupils by the bins that the dataset declares, with quantiles.
    Distribution(FieldName),
    /// `share(absence.status)`: per cent of the same cell without this dimension, from what is shown.
    Share(FieldName),
    /// `per-1000(enrolment)`: per 1,000 pupils of that dataset in the same place, from what is shown.
    PerThousand(Name),
}

/// A text that is no measure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a measure is `pupils`, `rows(dataset)`, `sum(dataset.field)`, `mean(dataset.field)`, \
     `distribution(dataset.field)`, `share(dataset.field)` or `per-1000(dataset)`"
)]
pub struct InvalidMeasure;

impl FromStr for Measure {
    type Err = InvalidMeasure;

    fn from_str(text: &str) -> Result<Self, InvalidMeasure> {
        if text == "pupils" {
            return Ok(Self::Pupils);
        }
        let (kind, of) = text
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .ok_or(InvalidMeasure)?;
        let dataset = || of.parse::<Name>().map_err(|_| InvalidMeasure);
        let field = || of.parse::<FieldName>().map_err(|_| InvalidMeasure);
        Ok(match kind {
            "rows" => Self::Rows(dataset()?),
            "sum" => Self::Sum(field()?),
            "mean" => Self::Mean(field()?),
            "distribution" => Self::Distribution(field()?),
            "share" => Self::Share(field()?),
            "per-1000" => Self::PerThousand(dataset()?),
            _ => return Err(InvalidMeasure),
        })
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pupils => f.write_str("pupils"),
            Self::Rows(dataset) => write!(f, "rows({dataset})"),
            Self::Sum(field) => write!(f, "sum({field})"),
            Self::Mean(field) => write!(f, "mean({field})"),
            Self::Distribution(field) => write!(f, "distribution({field})"),
            Self::Share(field) => write!(f, "share({field})"),
            Self::PerThousand(dataset) => write!(f, "per-1000({dataset})"),
        }
    }
}

impl Measure {
    /// The measure of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// The measure's name in questions.
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// The amount that is summed, by the name of its column; the rows of a dataset are `<dataset>.rows`.
    pub fn amount(&self) -> Option<FieldName> {
        match self {
            Self::Rows(dataset) => Some(FieldName::new(dataset.clone(), Name::rows())),
            Self::Sum(field) | Self::Mean(field) => Some(field.clone()),
            Self::Pupils | Self::Distribution(_) | Self::Share(_) | Self::PerThousand(_) => None,
        }
    }

    /// The field whose bins are counted.
    pub fn binned(&self) -> Option<&FieldName> {
        match self {
            Self::Distribution(field) => Some(field),
            _ => None,
        }
    }

    /// The catalogue's own field that it names.
    pub fn stored_field(&self) -> Option<&FieldName> {
        match self {
            Self::Sum(field) | Self::Mean(field) | Self::Distribution(field) | Self::Share(field) => {
                Some(field)
            }
            Self::Pupils | Self::Rows(_) | Self::PerThousand(_) => None,
        }
    }

    /// The dataset that it names as a whole.
    pub fn dataset(&self) -> Option<&Name> {
        match self {
            Self::Rows(dataset) | Self::PerThousand(dataset) => Some(dataset),
            _ => None,
        }
    }

    /// Whether it needs the pupils of the cell itself.
    pub fn counts_pupils(&self) -> bool {
        matches!(self, Self::Pupils | Self::Share(_) | Self::PerThousand(_))
    }

    /// The field that it names, besides the grant's dimensions; a dataset by whether a pupil is present in it.
    pub fn field(&self) -> Option<FieldName> {
        match self {
            Self::Pupils => None,
            Self::Rows(dataset) | Self::PerThousand(dataset) => Some(Dimension::present(dataset).field),
            Self::Sum(field) | Self::Mean(field) | Self::Distribution(field) | Self::Share(field) => {
                Some(field.clone())
            }
        }
    }

    /// What keeps it from being counted under a grant, by the catalogue; none when it can. True counts need no limit of
    /// what one pupil adds.
    pub fn unfit(&self, catalogue: &Catalogue, grant: &FiguresGrant) -> Option<String> {
        let dataset = |name: &Name| catalogue.dataset(name);
        let field = |name: &FieldName| catalogue.field(name).map(|(_, field)| field);
        match self {
            Self::Pupils => None,
            Self::Rows(name) => match dataset(name) {
                None => Some(format!("there is no dataset `{name}`")),
                Some(found) => (found.rows_bound.is_none() && grant.is_released()).then(|| {
                    format!("dataset `{name}` declares no `rows_bound`, so its rows cannot be counted")
                }),
            },
            Self::Sum(name) | Self::Mean(name) => match field(name) {
                None => Some(format!("there is no field `{name}`")),
                Some(found) => (found.bound.is_none() && grant.is_released())
                    .then(|| format!("field `{name}` declares no `bound`, so it cannot be summed")),
            },
            Self::Distribution(name) => match field(name) {
                None => Some(format!("there is no field `{name}`")),
                Some(found) => found
                    .bins
                    .is_empty()
                    .then(|| format!("field `{name}` declares no `bins`, so it has no distribution")),
            },
            Self::Share(name) => {
                let mut free = grant.group_by.iter().chain(&grant.filter_by);
                (!free.any(|dimension| dimension.field == *name))
                    .then(|| format!("`{name}` is no dimension of the grant, so there is no share by it"))
            }
            Self::PerThousand(name) => match dataset(name) {
                None => Some(format!("there is no dataset `{name}`")),
                Some(found) => (*name == grant.dataset || found.present.is_none())
                    .then(|| format!("there is no rate by `{name}`: it is another dataset, about pupils")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_written_as_it_is_read() {
        for text in [
            "pupils",
            "rows(absence)",
            "sum(absence.hours)",
            "mean(absence.hours)",
            "distribution(absence.weeks)",
            "share(enrolment.sector)",
            "per-1000(enrolment)",
        ] {
            assert_eq!(text.parse::<Measure>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "Pupils",
            "rows",
            "rows()",
            "rows(a.b)",
            "sum(absence)",
            "max(absence.hours)",
            "sum(a.b",
        ] {
            assert_eq!(wrong.parse::<Measure>(), Err(InvalidMeasure), "{wrong}");
        }
    }
}
