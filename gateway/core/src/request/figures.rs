//! A question for figures: for each dimension all, one node, or grouped by one level.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::catalogue::{Catalogue, Dimension, Name};
use crate::purpose::Measure;

use super::date;
use super::reader::{InputError, Reader, name_error_code, name_error_detail};

/// Which epoch is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EpochChoice {
    /// The latest that closed while the purpose was active.
    Latest,
    /// The epoch of this date.
    On(Date),
}

/// The earlier epoch that figures are set beside: a trend is the difference of two shown figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Earlier {
    /// The one before the epoch asked.
    Previous,
    /// That of this date, which is before the epoch asked.
    On(Date),
}

/// What is selected from the lattice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selection {
    /// Composed by the caller.
    Composed {
        /// Grouped by these, each at its level.
        group_by: Vec<Dimension>,
        /// Which measures.
        measures: Vec<Measure>,
    },
    /// A question that the purpose names.
    Named(Name),
}

/// A parsed question for figures.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FiguresRequest {
    /// The purpose.
    pub purpose: Name,
    /// The epoch.
    pub epoch: EpochChoice,
    /// The earlier epoch beside it, if any.
    pub earlier: Option<Earlier>,
    /// Named or composed.
    pub selection: Selection,
    /// One node each.
    pub only: Vec<(Dimension, String)>,
}

impl FiguresRequest {
    pub(super) fn composed(catalogue: &Catalogue, reader: &mut Reader<'_>) -> Option<Self> {
        let purpose = reader.purpose();
        let epoch = match reader.text("epoch").as_deref() {
            None | Some("latest") => Some(EpochChoice::Latest),
            Some(text) => {
                let epoch = date(text).map(EpochChoice::On);
                if epoch.is_none() {
                    reader.wrong(
                        "epoch",
                        "bad-date",
                        "must be `latest` or a date such as `2026-10-01`",
                    );
                }
                epoch
            }
        };
        let earlier = reader.text(COMPARED_WITH).map(|text| {
            let earlier = earlier(&text);
            if earlier.is_none() {
                reader.wrong(COMPARED_WITH, "bad-date", EARLIER_EXPECTED);
            }
            earlier
        });
        let group_by = group_by(catalogue, reader);
        let measures = measures(reader);
        let only = only(catalogue, reader);
        repeated(reader, "groupBy", group_by.iter());
        repeated(reader, "only", only.iter().map(|(dimension, _)| dimension));
        if let Some((dimension, axis)) = finer_filter(catalogue, &group_by, &only) {
            let detail = format!(
                "filters by `{}`, which is finer than `{}` in `groupBy`; filter by that level, or group by the finer one",
                catalogue.display(dimension),
                catalogue.display(axis)
            );
            reader.wrong("only", FINER_THAN_GROUPED, &detail);
        }
        Some(Self {
            purpose: purpose?,
            epoch: epoch?,
            earlier: match earlier {
                None => None,
                Some(earlier) => Some(earlier?),
            },
            selection: Selection::Composed {
                group_by,
                measures: measures?,
            },
            only,
        })
    }

    /// What of a question that is wrong somewhere was understood, so that the nearest right one can be told.
    pub(super) fn understood(catalogue: &Catalogue, reader: &mut Reader<'_>) -> Option<Self> {
        let epoch = reader.text("epoch").and_then(|text| date(&text));
        let mut group_by = group_by(catalogue, reader);
        let mut seen = BTreeSet::new();
        group_by.retain(|dimension| seen.insert(dimension.field.clone()));
        let mut only = only(catalogue, reader);
        seen.clear();
        only.retain(|(dimension, _)| seen.insert(dimension.field.clone()));
        Some(Self {
            purpose: reader.purpose()?,
            epoch: epoch.map_or(EpochChoice::Latest, EpochChoice::On),
            earlier: reader.text(COMPARED_WITH).and_then(|text| earlier(&text)),
            selection: Selection::Composed {
                group_by,
                measures: measures(reader).unwrap_or_default(),
            },
            only,
        })
    }

    pub(super) fn named(
        catalogue: &Catalogue,
        purpose: &str,
        question: &str,
        parameters: &[(String, String)],
    ) -> Result<Self, Vec<InputError>> {
        let mut errors = Vec::new();
        let mut wrong = |part, location: &str, code, detail: String| {
            errors.push(InputError {
                part,
                location: location.to_owned(),
                code,
                detail,
            });
        };
        let mut epoch = EpochChoice::Latest;
        let mut compared_with = None;
        let mut only: Vec<(Dimension, String)> = Vec::new();
        for (key, value) in parameters {
            if key == "epoch" {
                match (value.as_str(), date(value)) {
                    ("latest", _) => {}
                    (_, Some(day)) => epoch = EpochChoice::On(day),
                    _ => wrong(
                        "query",
                        "epoch",
                        "bad-date",
                        "must be `latest` or a date such as `2026-10-01`".to_owned(),
                    ),
                }
                continue;
            }
            if key == COMPARED_WITH {
                compared_with = earlier(value);
                if compared_with.is_none() {
                    wrong("query", COMPARED_WITH, "bad-date", EARLIER_EXPECTED.to_owned());
                }
                continue;
            }
            match catalogue.dimension(key) {
                Ok(dimension) if only.iter().any(|(other, _)| other.field == dimension.field) => {
                    wrong("query", "*", "repeated", "a dimension is given twice".to_owned());
                }
                Ok(dimension) => match catalogue.code(&dimension, value) {
                    Some(_) => only.push((dimension, value.clone())),
                    None => wrong(
                        "query",
                        key,
                        "unknown-code",
                        "is no code of this dimension; see `GET /v1/catalogue`".to_owned(),
                    ),
                },
                Err(error) => wrong("query", "*", name_error_code(&error), name_error_detail(&error)),
            }
        }
        let purpose = purpose.parse::<Name>();
        let question = question.parse::<Name>();
        if purpose.is_err() || question.is_err() {
            wrong(
                "path",
                "",
                "malformed-name",
                "a purpose and a question are kebab-case names".to_owned(),
            );
        }
        match (purpose, question) {
            (Ok(purpose), Ok(question)) if errors.is_empty() => Ok(Self {
                purpose,
                epoch,
                earlier: compared_with,
                selection: Selection::Named(question),
                only,
            }),
            _ => Err(errors),
        }
    }
}

/// The key of the earlier epoch.
const COMPARED_WITH: &str = "comparedWith";
const EARLIER_EXPECTED: &str = "must be `previous` or a date such as `2025-10-01`";

fn earlier(text: &str) -> Option<Earlier> {
    if text == "previous" {
        return Some(Earlier::Previous);
    }
    date(text).map(Earlier::On)
}

/// The code of a filter that is finer than the grouping of its own field.
pub const FINER_THAN_GROUPED: &str = "finer-than-grouped";

/// The first filter that is finer than what its own field is grouped by, with that grouping: a group would then hold
/// a part of itself, which no released cell is.
pub fn finer_filter<'d>(
    catalogue: &Catalogue,
    group_by: &'d [Dimension],
    only: &'d [(Dimension, String)],
) -> Option<(&'d Dimension, &'d Dimension)> {
    only.iter().find_map(|(dimension, _)| {
        let axis = group_by.iter().find(|axis| axis.field == dimension.field)?;
        (catalogue.depth(dimension) < catalogue.depth(axis)).then_some((dimension, axis))
    })
}

fn group_by(catalogue: &Catalogue, reader: &mut Reader<'_>) -> Vec<Dimension> {
    let mut group_by = Vec::new();
    for (location, text) in reader.texts("groupBy").unwrap_or_default() {
        group_by.extend(reader.dimension(catalogue, location, &text));
    }
    group_by
}

fn measures(reader: &mut Reader<'_>) -> Option<Vec<Measure>> {
    let Some(texts) = reader.texts("measures") else {
        reader.missing("measures", "at least one measure, such as `pupils`");
        return None;
    };
    if texts.is_empty() {
        reader.wrong("measures", "missing", "at least one measure, such as `pupils`");
    }
    let mut measures = Vec::with_capacity(texts.len());
    for (location, text) in texts {
        match Measure::from_name(&text) {
            Some(measure) if measures.contains(&measure) => {
                reader.error(location, "repeated", "is asked twice");
            }
            Some(measure) => measures.push(measure),
            None => reader.error(
                location,
                "unknown-measure",
                "is no measure; see `GET /v1/catalogue`",
            ),
        }
    }
    Some(measures)
}

fn only(catalogue: &Catalogue, reader: &mut Reader<'_>) -> Vec<(Dimension, String)> {
    let mut only = Vec::new();
    for (location, name, code) in reader.scalars(catalogue, "only") {
        let Some(dimension) = reader.dimension(catalogue, location.clone(), &name) else {
            continue;
        };
        if catalogue.code(&dimension, &code).is_none() {
            reader.error(
                location,
                "unknown-code",
                "is no code of this dimension; see `GET /v1/catalogue`",
            );
            continue;
        }
        only.push((dimension, code));
    }
    only
}

fn repeated<'d>(reader: &mut Reader<'_>, key: &str, dimensions: impl Iterator<Item = &'d Dimension>) {
    let mut seen = Vec::new();
    for dimension in dimensions {
        if seen.contains(&&dimension.field) {
            reader.wrong(
                key,
                "repeated",
                "names one field twice; a field is grouped or filtered at one level",
            );
        }
        seen.push(&dimension.field);
    }
}
