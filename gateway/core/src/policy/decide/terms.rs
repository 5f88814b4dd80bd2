//! Strictest wins: what a purpose, a grant, the datasets and the holders of a question limit it to, and whose rule
//! that is.

use crate::catalogue::{FieldName, Name, ProtectionClass};
use crate::party::{Oin, Organisation, Slug};
use crate::purpose::{Grant, HolderRule, keep_days, months};

use super::asking::Asking;
use super::denial::{Denial, DenialCode};

/// What holds for one answer: of each limit the strictest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terms {
    retention: String,
    round: u32,
    show_from: u32,
    limited_by: Vec<LimitedBy>,
}

/// Whose rule set one limit of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LimitedBy {
    /// Which limit: `retention`, `rounding`, `show-from` or `protection`.
    pub limit: &'static str,
    /// Its value.
    pub value: String,
    /// The clause that sets it, such as `case-consultation/grant/0/holder_rule/1` or `dataset/absence`.
    pub clause: String,
    /// The holder, where it is a holder's rule.
    pub holder: Option<(Oin, Slug)>,
}

impl Terms {
    /// How long the recipient may keep the answer, an ISO 8601 duration.
    pub fn retention(&self) -> &str {
        &self.retention
    }

    /// The rounding base of figures; 1 is none.
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Figures below this are hidden.
    pub fn show_from(&self) -> u32 {
        self.show_from
    }

    /// Whose rules they are: always who sets the retention, and what is stricter than the grant itself.
    pub fn limited_by(&self) -> &[LimitedBy] {
        &self.limited_by
    }

    /// The fields that holders of this grant do not give.
    pub(super) fn withheld<'p>(
        asking: &Asking<'p, '_>,
        grant: &'p Grant,
        asleep: &[&Organisation],
    ) -> Vec<&'p FieldName> {
        let touched: Vec<&Name> = grant.named_datasets().into_iter().collect();
        let rules = applying(asking, grant, &touched, asleep);
        rules.into_iter().flat_map(|(_, rule, _)| &rule.without).collect()
    }

    /// The terms of a question that names `fields`.
    ///
    /// # Errors
    /// When it names a field that a holder of these rows does not give, or a term cannot be evaluated.
    pub(super) fn strictest<'p>(
        asking: &Asking<'p, '_>,
        grant: &'p Grant,
        clause: &str,
        fields: &[&FieldName],
        asleep: &[&Organisation],
    ) -> Result<Self, Denial> {
        let mut touched: Vec<&Name> = vec![grant.dataset()];
        touched.extend(fields.iter().map(|field| &field.dataset));
        touched.sort();
        touched.dedup();
        let rules = applying(asking, grant, &touched, asleep);
        for (position, rule, _) in &rules {
            if let Some(field) = fields.iter().find(|field| rule.without.contains(**field)) {
                return Err(withheld(grant)
                    .about(field)
                    .at(format!("{clause}/holder_rule/{position}")));
            }
        }
        let mut limited_by = vec![retention(asking, grant, clause, &touched, &rules)?];
        let retention = limited_by
            .iter()
            .map(|by| by.value.clone())
            .next()
            .unwrap_or_default();
        let (mut round, mut show_from) = (1, 0);
        if let Grant::Figures(figures) = grant {
            let of =
                |limit, own, pick: fn(&HolderRule) -> Option<u32>| highest(limit, own, clause, &rules, pick);
            let (base, rounded_by) = of("rounding", figures.round, |rule| rule.round);
            let (from, hidden_by) = of("show-from", figures.show_from, |rule| rule.show_from);
            (round, show_from) = (base, from);
            limited_by.extend(rounded_by.into_iter().chain(hidden_by));
            limited_by.extend(protection(asking, fields));
        }
        Ok(Self {
            retention,
            round,
            show_from,
            limited_by,
        })
    }
}

type Applying<'p> = (usize, &'p HolderRule, &'p Organisation);

/// The rules of the holders whose rows an answer about these datasets may hold, with their positions.
fn applying<'p>(
    asking: &Asking<'p, '_>,
    grant: &'p Grant,
    touched: &[&Name],
    asleep: &[&Organisation],
) -> Vec<Applying<'p>> {
    let rules = grant
        .conditions()
        .map(|conditions| conditions.holder_rules.as_slice());
    let policies = asking.policies;
    let own_rows = grant.is_of_own_rows();
    let applies = |holder: &Organisation| {
        let holds = |name: &&Name| {
            policies
                .catalogue
                .dataset(name)
                .is_some_and(|dataset| dataset.holder_kind == holder.kind)
        };
        touched.iter().any(holds)
            && grant
                .holders()
                .is_none_or(|holders| holders.admits(holder, &policies.organisations))
            && !asleep.iter().any(|one| one.slug == holder.slug)
            && (!own_rows || holder.slug == asking.principal.slug)
    };
    rules
        .unwrap_or_default()
        .iter()
        .enumerate()
        .filter_map(|(position, rule)| {
            let holder = policies.organisations.by_slug(&rule.holder)?;
            applies(holder).then_some((position, rule, holder))
        })
        .collect()
}

/// What is withheld is not granted, in the words of the form.
fn withheld(grant: &Grant) -> Denial {
    Denial::new(match grant {
        Grant::Figures(_) => DenialCode::DimensionNotGranted,
        _ => DenialCode::FieldNotGranted,
    })
}

/// The shortest of all terms; of equals the first, in the order purpose, grant, holders, datasets. A dataset's own
/// term is about rows, so it says nothing about figures.
fn retention(
    asking: &Asking<'_, '_>,
    grant: &Grant,
    clause: &str,
    touched: &[&Name],
    rules: &[Applying<'_>],
) -> Result<LimitedBy, Denial> {
    let purpose = &asking.standing.purpose;
    let by = |value: &str, clause: String, holder: Option<&Organisation>| LimitedBy {
        limit: "retention",
        value: value.to_owned(),
        clause,
        holder: holder.map(|holder| (holder.oin.clone(), holder.slug.clone())),
    };
    let mut terms = vec![by(&purpose.retention, format!("{}/retention", purpose.id), None)];
    let own = grant
        .conditions()
        .and_then(|conditions| conditions.retention.as_ref());
    terms.extend(own.map(|text| by(text, format!("{clause}/retention"), None)));
    for (position, rule, holder) in rules {
        let kept = rule.retention.as_ref();
        terms.extend(kept.map(|text| by(text, format!("{clause}/holder_rule/{position}"), Some(holder))));
    }
    if !matches!(grant, Grant::Figures(_)) {
        for name in touched {
            let kept = asking
                .policies
                .catalogue
                .dataset(name)
                .and_then(|dataset| dataset.retention.as_ref());
            terms.extend(kept.map(|kept| by(&months(kept.months), format!("dataset/{name}"), None)));
        }
    }
    let days: Option<Vec<i64>> = terms.iter().map(|term| keep_days(&term.value)).collect();
    let shortest = days
        .unwrap_or_default()
        .into_iter()
        .zip(terms)
        .min_by_key(|(days, _)| *days);
    shortest
        .map(|(_, term)| term)
        .ok_or_else(|| Denial::new(DenialCode::NotEvaluable).at(format!("{clause}/retention")))
}

/// The higher of the grant's own number and those of the holders, and whose it is where it is a holder's.
fn highest(
    limit: &'static str,
    own: u32,
    clause: &str,
    rules: &[Applying<'_>],
    pick: fn(&HolderRule) -> Option<u32>,
) -> (u32, Option<LimitedBy>) {
    let mut strictest = (own, None);
    for (position, rule, holder) in rules {
        let Some(number) = pick(rule).filter(|number| *number > strictest.0) else {
            continue;
        };
        strictest = (
            number,
            Some(LimitedBy {
                limit,
                value: number.to_string(),
                clause: format!("{clause}/holder_rule/{position}"),
                holder: Some((holder.oin.clone(), holder.slug.clone())),
            }),
        );
    }
    strictest
}

/// The dataset by which figures are protected as sensitive: one such field is enough for the whole question.
fn protection(asking: &Asking<'_, '_>, fields: &[&FieldName]) -> Option<LimitedBy> {
    let catalogue = &asking.policies.catalogue;
    let sensitive =
        |field: &&&FieldName| catalogue.class_of(std::iter::once(**field)) == ProtectionClass::Sensitive;
    fields.iter().find(sensitive).map(|field| LimitedBy {
        limit: "protection",
        value: "sensitive".to_owned(),
        clause: format!("dataset/{}", field.dataset),
        holder: None,
    })
}
