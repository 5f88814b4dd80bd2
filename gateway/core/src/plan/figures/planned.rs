//! What each figure of an answer is made of: released cells, by their place among those that are read.

use std::collections::HashMap;

use crate::catalogue::{Catalogue, Dimension, FieldName, Name, ProtectionClass};
use crate::figures::cell_id::{CellId, CellKey, CellMeasure};
use crate::policy::decide::{FiguresQuestion, Permit};
use crate::purpose::{FiguresGrant, Grant, Indicator, Measure, Term};

/// What an answer says of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FigureColumn {
    /// A measure of the grant.
    Measure(Measure, Vec<(i64, i64)>),
    /// A named ratio.
    Indicator(Name, Indicator),
}

impl FigureColumn {
    /// The columns of a question, in its order; of a distribution with its bins.
    pub(super) fn of(catalogue: &Catalogue, question: &FiguresQuestion) -> Vec<Self> {
        let measures = question.measures.iter().map(|measure| {
            let bins = measure.binned().map(|field| catalogue.bins(field));
            Self::Measure(measure.clone(), bins.unwrap_or_default())
        });
        let indicator = question.indicator.iter();
        let indicator = indicator.map(|(name, indicator)| Self::Indicator(name.clone(), indicator.clone()));
        measures.chain(indicator).collect()
    }

    /// What it is called in an answer.
    pub fn name(&self) -> String {
        match self {
            Self::Measure(measure, _) => measure.name(),
            Self::Indicator(name, _) => name.to_string(),
        }
    }
}

/// What one figure is made of; numbers are places among the plan's keys, none where nobody can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedFigure {
    /// Pupils of a cell.
    Pupils(Option<usize>),
    /// An amount, and who gives it.
    Sum(Option<(usize, usize)>),
    /// The amount by who gives it.
    Mean(Option<(usize, usize)>),
    /// Pupils of each bin, and the lowest count that is shown.
    Bins(Vec<Option<usize>>, i64),
    /// Part and whole, where the rest is a cell too that cell, and the lowest count that is shown.
    Share {
        /// The cell.
        part: Option<usize>,
        /// The cell without the dimension.
        whole: Option<usize>,
        /// The rest, where it is one cell by itself.
        rest: Option<usize>,
        /// The lowest count that is shown.
        shows_from: i64,
    },
    /// Cells above and below the line.
    Ratio {
        /// Per how many.
        per: u32,
        /// Whether it is a share of a whole.
        share: bool,
        /// Added up above the line.
        numerator: Vec<Option<usize>>,
        /// Added up below it.
        denominator: Vec<Option<usize>>,
        /// The lowest count that is shown of the numerator's class.
        shows_from: i64,
    },
}

/// Finds cells and remembers which are read, each once.
pub(super) struct Planner<'p> {
    catalogue: &'p Catalogue,
    grants: &'p [Grant],
    grant: &'p FiguresGrant,
    question: &'p FiguresQuestion,
    keys: Vec<String>,
    places: HashMap<String, usize>,
}

impl<'p> Planner<'p> {
    pub(super) fn new(
        permit: &'p Permit<'_>,
        grant: &'p FiguresGrant,
        question: &'p FiguresQuestion,
    ) -> Self {
        Self {
            catalogue: &permit.policies().catalogue,
            grants: &permit.standing().purpose.grants,
            grant,
            question,
            keys: Vec::new(),
            places: HashMap::new(),
        }
    }

    pub(super) fn into_keys(self) -> Vec<String> {
        self.keys
    }

    /// One figure of the cell with these coordinates, the grant's own among them.
    pub(super) fn figure(
        &mut self,
        column: &FigureColumn,
        dimensions: &[(Dimension, String)],
    ) -> PlannedFigure {
        let measure = match column {
            FigureColumn::Indicator(_, indicator) => return self.ratio(indicator, dimensions),
            FigureColumn::Measure(measure, _) => measure,
        };
        let grant = self.grant;
        match measure {
            Measure::Pupils => PlannedFigure::Pupils(self.pupils(&grant.dataset, dimensions)),
            Measure::Rows(_) | Measure::Sum(_) => PlannedFigure::Sum(self.amount(measure, dimensions)),
            Measure::Mean(_) => PlannedFigure::Mean(self.amount(measure, dimensions)),
            Measure::Distribution(field) => self.bins(field, dimensions),
            Measure::Share(field) => self.share(field, dimensions),
            Measure::PerThousand(dataset) => {
                let place = dimensions
                    .iter()
                    .filter(|(dimension, _)| dimension.field.dataset == *dataset);
                let place: Vec<_> = place.cloned().collect();
                PlannedFigure::Ratio {
                    per: 1_000,
                    share: false,
                    numerator: vec![self.pupils(&grant.dataset, dimensions)],
                    denominator: vec![self.pupils(dataset, &place)],
                    shows_from: self.shows_from(dimensions),
                }
            }
        }
    }

    fn key(&mut self, measure: CellMeasure, cell: CellId) -> usize {
        let key = CellKey::new(measure, cell).text();
        let (keys, next) = (&mut self.keys, self.places.len());
        *self.places.entry(key).or_insert_with_key(|key| {
            keys.push(key.clone());
            next
        })
    }

    fn pupils(&mut self, base: &Name, dimensions: &[(Dimension, String)]) -> Option<usize> {
        let cell = CellId::new(self.catalogue, base, dimensions)?;
        Some(self.key(CellMeasure::Pupils, cell))
    }

    fn amount(&mut self, measure: &Measure, dimensions: &[(Dimension, String)]) -> Option<(usize, usize)> {
        let amount = measure.amount()?;
        let cell = CellId::new(self.catalogue, &self.grant.dataset, dimensions)?;
        let sum = self.key(CellMeasure::Sum(amount.clone()), cell.clone());
        Some((sum, self.key(CellMeasure::Contributors(amount), cell)))
    }

    fn bins(&mut self, field: &FieldName, dimensions: &[(Dimension, String)]) -> PlannedFigure {
        let cell = CellId::new(self.catalogue, &self.grant.dataset, dimensions);
        let bins = 0..self.catalogue.bins(field).len();
        let bins = bins.map(|bin| {
            let cell = cell.clone()?;
            Some(self.key(CellMeasure::Bin(field.clone(), bin), cell))
        });
        let bins = bins.collect();
        let class = self
            .class(dimensions)
            .max(self.catalogue.class_of([field].into_iter()));
        PlannedFigure::Bins(bins, crate::figures::shows_from(class))
    }

    fn share(&mut self, field: &FieldName, dimensions: &[(Dimension, String)]) -> PlannedFigure {
        let base = &self.grant.dataset;
        let without: Vec<_> = dimensions
            .iter()
            .filter(|(one, _)| one.field != *field)
            .cloned()
            .collect();
        let part = self.pupils(base, dimensions);
        let whole = self.pupils(base, &without);
        let own = dimensions.iter().find(|(one, _)| one.field == *field);
        let rest = own.and_then(|(dimension, code)| {
            let mut others = self
                .catalogue
                .codes(dimension)
                .into_iter()
                .filter(|node| node.code != *code);
            let (Some(other), None) = (others.next(), others.next()) else {
                return None;
            };
            let mut rest = without.clone();
            rest.push((dimension.clone(), other.code.clone()));
            Some(rest)
        });
        let rest = rest.and_then(|rest| self.pupils(base, &rest));
        PlannedFigure::Share {
            part,
            whole,
            rest,
            shows_from: self.shows_from(dimensions),
        }
    }

    /// Each term with its own filters, the question's grouping and the caller's filters.
    fn ratio(&mut self, indicator: &Indicator, dimensions: &[(Dimension, String)]) -> PlannedFigure {
        let asked: Vec<_> = dimensions
            .iter()
            .filter(|(one, code)| {
                let grouped = self.question.group_by.contains(one);
                grouped
                    || self
                        .question
                        .only
                        .iter()
                        .any(|(other, value)| (other, value) == (one, code))
            })
            .cloned()
            .collect();
        let mut side = |terms: &[Term]| -> Vec<Option<usize>> {
            terms.iter().map(|term| self.term(term, &asked)).collect()
        };
        let (numerator, denominator) = (side(&indicator.numerator), side(&indicator.denominator));
        PlannedFigure::Ratio {
            per: indicator.per,
            share: indicator.is_share(),
            numerator,
            denominator,
            shows_from: self.shows_from(dimensions),
        }
    }

    fn term(&mut self, term: &Term, asked: &[(Dimension, String)]) -> Option<usize> {
        let Some(Grant::Figures(grant)) = self.grants.get(term.grant) else {
            return None;
        };
        let mut dimensions = grant.only.clone();
        for one in term.only.iter().chain(asked) {
            if !dimensions.contains(one) {
                dimensions.push(one.clone());
            }
        }
        self.pupils(&grant.dataset, &dimensions)
    }

    fn class(&self, dimensions: &[(Dimension, String)]) -> ProtectionClass {
        let present = Dimension::present(&self.grant.dataset);
        let fields = dimensions.iter().map(|(dimension, _)| &dimension.field);
        self.catalogue.class_of(fields.chain([&present.field]))
    }

    fn shows_from(&self, dimensions: &[(Dimension, String)]) -> i64 {
        crate::figures::shows_from(self.class(dimensions))
    }
}
