//! Named indicators: a ratio of cells that a purpose's own grants show, such as participation in special education.
//!
//! Definitions differ (one counts by the school attended, another by who decided), so each is written out. It is made
//! of what is shown, so it tells nothing beyond its parts.

use super::names::{Names, or_default};
use super::question::{filters, within_limit};
use super::{FiguresGrant, Grant};
use crate::catalogue::Dimension;
use crate::document::Value;

/// The most cells on one side.
const TERMS_MAX: usize = 12;

/// One ratio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// 100: per cent; 1,000: per thousand; 1: as it is.
    pub per: u32,
    /// Added up above the line.
    pub numerator: Vec<Term>,
    /// Added up below it.
    pub denominator: Vec<Term>,
}

/// Pupils of one cell of one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The grant, counted from 0.
    pub grant: usize,
    /// Filters, besides those of the grant.
    pub only: Vec<(Dimension, String)>,
}

impl Indicator {
    /// All terms.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.numerator.iter().chain(&self.denominator)
    }

    /// Whether part and whole: every term above the line is also below it, so that a share can be clipped.
    pub fn is_share(&self) -> bool {
        self.per == 100 && self.numerator.iter().all(|term| self.denominator.contains(term))
    }
}

/// `{ per = 100, numerator = [{ grant = 0, only = { … } }], denominator = [ … ] }`, all grouped by `group_by`.
pub(super) fn indicator(
    value: Value<'_, '_>,
    main: Option<&FiguresGrant>,
    group_by: &[Dimension],
    grants: &[Grant],
    names: &Names<'_>,
) -> Option<Indicator> {
    let table = value.table()?;
    let per = table
        .required("per")
        .and_then(|value| value.integer(1..=1_000))
        .filter(|per| [1, 100, 1_000].contains(per));
    if per.is_none() {
        table.error("`per` is 1, 100 or 1000");
    }
    let terms = |key| {
        table.required(key).and_then(|list| {
            let terms = list.some(|value| term(value, main, group_by, grants, names))?;
            if terms.len() > TERMS_MAX {
                list.error(format!("at most {TERMS_MAX} cells are added up"));
                return None;
            }
            Some(terms)
        })
    };
    let (numerator, denominator) = (terms("numerator"), terms("denominator"));
    table.finish();
    Some(Indicator {
        per: per?,
        numerator: numerator?,
        denominator: denominator?,
    })
}

fn term(
    value: Value<'_, '_>,
    main: Option<&FiguresGrant>,
    group_by: &[Dimension],
    grants: &[Grant],
    names: &Names<'_>,
) -> Option<Term> {
    let table = value.table()?;
    let index = table
        .required("grant")
        .and_then(|value| value.integer(0..=u32::MAX))
        .and_then(|index| usize::try_from(index).ok());
    let grant = index.and_then(|index| {
        if let Some(Grant::Figures(grant)) = grants.get(index) {
            return Some(grant);
        }
        table.error("`grant` is the number of a grant of form `figures`, from 0");
        None
    });
    let only = or_default(&table, "only", Vec::new(), |value| filters(value, grant, names));
    table.finish();
    let (grant, only) = (grant?, only?);
    // Whoever may ask one part may ask all, under the same terms: so one decision is enough.
    let alike = |main: &FiguresGrant| {
        main.recipients == grant.recipients
            && main.population == grant.population
            && main.epochs == grant.epochs
            && (main.is_released() || main.mechanism == grant.mechanism)
            && main.is_released() == grant.is_released()
            && (main.round, main.show_from) == (grant.round, grant.show_from)
            && main.conditions == grant.conditions
    };
    if main.is_some_and(|main| !alike(main)) {
        table.error("the grants of an indicator have the same recipients, population, epochs, protection and conditions");
    }
    if let Some(stranger) = group_by
        .iter()
        .find(|axis| !grant.may_group(names.catalogue, axis))
    {
        table.error(format!(
            "`{}` is not within this grant",
            names.catalogue.display(stranger)
        ));
    }
    within_limit(&table, grant, group_by, &only, names);
    Some(Term { grant: index?, only })
}
