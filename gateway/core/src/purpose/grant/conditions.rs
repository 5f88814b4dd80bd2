//! What limits an answer besides the grant's fields: its own term, and the conditions of single holders.

use super::field::joined;
use super::figures::{ROUND_MAX, SHOW_FROM_MAX};
use crate::document::{Table, Value};
use crate::purpose::names::{Names, or_default};
use crate::purpose::parse::retention;
use crate::purpose::{Conditions, HolderRule};

/// The keys of a holder's rule that only figures have.
pub(super) const FIGURES_ONLY: [&str; 2] = ["round", "show_from"];

/// `retention`, `partial` and `[[grant.holder_rule]]`; `figures` are the keys of a rule that this form has besides.
pub(super) fn conditions(
    table: &Table<'_, '_>,
    names: &Names<'_>,
    figures: &[&'static str],
) -> Option<Conditions> {
    let kept = table.if_there("retention", retention);
    let partial = or_default(table, "partial", false, |value| value.boolean());
    let rules = or_default(table, "holder_rule", Vec::new(), |list| {
        list.each(|value| holder_rule(value, names, figures))
    });
    Some(Conditions {
        retention: kept.ok()?,
        partial: partial?,
        holder_rules: rules?,
    })
}

fn holder_rule(value: Value<'_, '_>, names: &Names<'_>, figures: &[&'static str]) -> Option<HolderRule> {
    let table = value.table()?;
    let holder = table
        .required("holder")
        .and_then(|value| names.organisation(value));
    let without = or_default(&table, "without", Vec::new(), |list| {
        list.some(|value| joined(value, names))
    });
    let kept = table.if_there("retention", retention);
    let number = |key: &'static str, most: u32| {
        if figures.contains(&key) {
            table.if_there(key, |value| value.integer(2..=most))
        } else {
            Ok(None)
        }
    };
    let (round, show_from) = (number("round", ROUND_MAX), number("show_from", SHOW_FROM_MAX));
    table.finish();
    let rule = HolderRule {
        holder: holder?.slug.clone(),
        without: without?,
        retention: kept.ok()?,
        round: round.ok()?,
        show_from: show_from.ok()?,
    };
    let says_something = rule.retention.is_some() || rule.round.is_some() || rule.show_from.is_some();
    if rule.without.is_empty() && !says_something {
        value.error("sets no condition: `without` or `retention`, and for figures `round` or `show_from`");
        return None;
    }
    Some(rule)
}
