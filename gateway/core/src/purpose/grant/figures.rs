//! Grants of figures.

use super::conditions::{FIGURES_ONLY, conditions};
use super::{about_pupils, counted, parties};
use crate::catalogue::{Name, ProtectionClass};
use crate::document::{Table, Value};
use crate::figures::release;
use crate::figures::suppress::{self, Suppression};
use crate::purpose::names::{Names, limit, measure, or_default};
use crate::purpose::{Entitlement, FiguresGrant, Grant, Holders, Measure, Mechanism, Party};

/// The coarsest rounding base.
pub(super) const ROUND_MAX: u32 = 100;
/// The highest figure below which a grant may hide.
pub(super) const SHOW_FROM_MAX: u32 = 10_000;
/// The fewest pupils of a shown cell of a static table; more where anything is sensitive.
const K_MIN: u32 = 5;
const K_MIN_SENSITIVE: u32 = 10;
const K_MAX: u32 = 100;
const DIMENSIONS_MAX: u32 = 4;
const DIMENSIONS_DEFAULT: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum MechanismName {
    CellKey,
    Exact,
    SuppressRound,
}

const MECHANISMS: [(&str, MechanismName); 3] = [
    ("cell-key", MechanismName::CellKey),
    ("exact", MechanismName::Exact),
    ("suppress-round", MechanismName::SuppressRound),
];

/// The keys that one mechanism has and others have not.
const OWN_KEYS: [(MechanismName, &[&str]); 3] = [
    (MechanismName::CellKey, &["round", "show_from"]),
    (MechanismName::Exact, &["article"]),
    (MechanismName::SuppressRound, &["k", "base"]),
];

/// `form = "figures"`.
pub(super) fn figures(table: &Table<'_, '_>, names: &Names<'_>) -> Option<FiguresGrant> {
    let recipients = parties(table, "recipient", names);
    let dataset = table
        .required("dataset")
        .and_then(|value| about_pupils(value, names));
    let holders = table
        .required("holders")
        .and_then(|value| names.holders(value, dataset));
    let counted = counted(table.required("population"), table.required("epochs"), names);
    let group_by = table.required("group_by").and_then(|list| names.dimensions(list));
    let filter_by = or_default(table, "filter_by", Vec::new(), |list| names.dimensions(list));
    let only = or_default(table, "only", Vec::new(), |value| names.filters(value));
    let measures = table.required("measures").and_then(|list| list.some(measure));
    let protected = table.required("protect").and_then(protect);
    let max_dimensions = or_default(table, "max_dimensions", DIMENSIONS_DEFAULT, |value| {
        value
            .integer(0..=DIMENSIONS_MAX)
            .and_then(|count| u8::try_from(count).ok())
    });
    let conditions = conditions(table, names, &FIGURES_ONLY);
    let limit = table.required("limit").and_then(|value| limit(value, true));
    let (population, epochs) = counted?;
    let (mechanism, round, show_from) = protected?;
    let grant = FiguresGrant {
        recipients: recipients?,
        dataset: dataset?.name.clone(),
        holders: holders?,
        population,
        group_by: group_by?,
        filter_by: filter_by?,
        only: only?,
        measures: measures?,
        epochs,
        mechanism,
        round,
        show_from,
        max_dimensions: max_dimensions?,
        conditions: conditions?,
        limit: limit?,
    };
    countable(table, &grant, names);
    Some(grant)
}

/// Notes what would keep an epoch from closing, or close it over rows that nobody signed for.
fn countable(table: &Table<'_, '_>, grant: &FiguresGrant, names: &Names<'_>) {
    if grant.holders != Holders::All {
        table.error("figures over some of the holders have no mechanism yet");
    }
    if grant.conditions.partial {
        table.error("figures are the same for all purposes, so `partial` cannot leave out one holder's rows");
    }
    match grant.mechanism {
        Mechanism::SuppressRound(rule) => is_table(table, grant, rule, names),
        Mechanism::Exact(Entitlement::OwnRows) => is_of_own_rows(table, grant, names),
        Mechanism::Exact(Entitlement::Article(_)) | Mechanism::CellKey => {}
    }
    for unfit in grant
        .measures
        .iter()
        .filter_map(|one| one.unfit(names.catalogue, grant))
    {
        table.error(unfit);
    }
    let lattice = release::lattice(names.catalogue, grant);
    if let Err(error) = lattice.and_then(|lattice| lattice.cuboids().map(drop)) {
        table.error(error.to_string());
    }
}

/// `{ mechanism = "cell-key", round = 5, show_from = 20 }`, the rounding base, and from where figures are shown;
/// `{ mechanism = "suppress-round", k = 5, base = 5 }`; or `{ mechanism = "exact" }`, of others' rows with `article`.
fn protect(value: Value<'_, '_>) -> Option<(Mechanism, u32, u32)> {
    let table = value.table()?;
    let name = table
        .required("mechanism")
        .and_then(|value| value.choice("mechanism", &MECHANISMS))?;
    for (owner, keys) in OWN_KEYS {
        let strange = keys.iter().filter(|_| owner != name);
        for value in strange.filter_map(|key| table.optional(key)) {
            value.error(
                "is of another mechanism: `cell-key` has `round` and `show_from`, `suppress-round` has `k` and `base`, \
                 `exact` has `article`",
            );
        }
    }
    let protected = match name {
        MechanismName::CellKey => {
            let round = or_default(&table, "round", 1, |value| value.integer(1..=ROUND_MAX));
            let show_from = or_default(&table, "show_from", 0, |value| value.integer(1..=SHOW_FROM_MAX));
            let both = round.zip(show_from);
            both.map(|(round, show_from)| (Mechanism::CellKey, round, show_from))
        }
        MechanismName::Exact => {
            let article = table.if_there("article", |value| value.words());
            let by = article
                .ok()
                .map(|article| article.map_or(Entitlement::OwnRows, Entitlement::Article));
            by.map(|by| (Mechanism::Exact(by), 1, 0))
        }
        MechanismName::SuppressRound => {
            let k = table.required("k").and_then(|value| value.integer(K_MIN..=K_MAX));
            let base = table
                .required("base")
                .and_then(|value| value.integer(1..=ROUND_MAX));
            k.zip(base)
                .map(|(k, base)| (Mechanism::SuppressRound(Suppression { k, base }), 1, 0))
        }
    };
    table.finish();
    protected
}

/// Notes where a grant of true counts would count others' rows without a law that says so.
fn is_of_own_rows(table: &Table<'_, '_>, grant: &FiguresGrant, names: &Names<'_>) {
    let whole = Grant::Figures(grant.clone());
    let is_own = |dataset: &Name| {
        let kind = names
            .catalogue
            .dataset(dataset)
            .map(|dataset| dataset.holder_kind);
        grant.recipients.iter().all(|recipient| match &recipient.who {
            Party::Kind(recipients) => kind == Some(*recipients),
            Party::Organisation(slug) => {
                let organisation = names.organisations.by_slug(slug);
                organisation.is_some_and(|organisation| kind == Some(organisation.kind))
            }
        })
    };
    let datasets = whole
        .named_datasets()
        .into_iter()
        .filter(|dataset| !is_own(dataset));
    let others: Vec<String> = datasets.map(|dataset| format!("`{dataset}`")).collect();
    if !others.is_empty() {
        table.error(format!(
            "`exact` counts the recipient's own rows, and not every recipient holds {}; where a law gives the exact \
             figure over others' rows, name it: `article = \"…\"`",
            others.join(", ")
        ));
    }
}

/// Notes what keeps a grant from being one static table.
fn is_table(table: &Table<'_, '_>, grant: &FiguresGrant, rule: Suppression, names: &Names<'_>) {
    let fields = Grant::Figures(grant.clone()).class(names.catalogue);
    if fields == ProtectionClass::Sensitive && rule.k < K_MIN_SENSITIVE {
        table.error(format!(
            "sensitive data: `suppress-round` needs `k` of at least {K_MIN_SENSITIVE}"
        ));
    }
    if !grant.filter_by.is_empty() {
        table.error("`suppress-round` is for one table: put the dimensions of `filter_by` in `group_by`");
    }
    if grant.measures != [Measure::Pupils] {
        table.error("`suppress-round` counts `pupils` and nothing else");
    }
    let whole = Grant::Figures(grant.clone());
    let several = whole.named_datasets().into_iter().find(|dataset| {
        let kind = names
            .catalogue
            .dataset(dataset)
            .map(|dataset| dataset.holder_kind);
        kind.is_some_and(|kind| names.organisations.of_kind(kind).nth(1).is_some())
    });
    if let Some(dataset) = several {
        table.error(format!(
            "several organisations hold `{dataset}`, so each could subtract its own pupils from a `suppress-round` table"
        ));
    }
    if let Err(error) = suppress::Table::of(names.catalogue, grant) {
        table.error(error.to_string());
    }
}
