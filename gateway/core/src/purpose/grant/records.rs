//! Grants of records.

use super::conditions::conditions;
use super::field::{field_grant, joined, own_codes};
use super::{about_pupils_or_places, counted, parties, scope, staff};
use crate::anonymity::Anonymity;
use crate::catalogue::{About, FieldName, Name, ProtectionClass};
use crate::document::{Table, Value};
use crate::purpose::names::{Names, limit, or_default};
use crate::purpose::{FieldGrant, Holders, KAnonymous, KeyPeriod, LinkScope, RecordsGrant, Scope};

const PAGE_ROWS_MAX: u32 = 1_000;
/// The most pupils that a grant may ask to be alike.
const K_MAX: u32 = 1_000;
const OVERLAP_DAYS_MAX: u32 = 366;
const LINK_SCOPES: [(&str, LinkScope); 2] =
    [("purpose", LinkScope::Purpose), ("dataset", LinkScope::Dataset)];
const KEY_PERIODS: [(&str, KeyPeriod); 2] =
    [("none", KeyPeriod::None), ("school-year", KeyPeriod::SchoolYear)];

/// `form = "records"`.
pub(super) fn records(table: &Table<'_, '_>, names: &Names<'_>) -> Option<RecordsGrant> {
    let recipients = parties(table, "recipient", names);
    let dataset = table
        .required("dataset")
        .and_then(|value| about_pupils_or_places(value, names));
    let holders = table
        .required("holders")
        .and_then(|value| names.holders(value, dataset));
    let fields = table
        .required("fields")
        .and_then(|list| list.some(|value| field_grant(value, names)));
    let filter_by = or_default(table, "filter_by", Vec::new(), |list| {
        list.each(|value| joined(value, names))
    });
    let only = or_default(table, "only", Vec::new(), |value| own_codes(value, names));
    let scope = scope(table);
    let epochs = ["population", "epochs"].map(|key| (key, table.optional(key)));
    let anonymous = if let Some(value) = table.optional("k_anonymity") {
        anonymous(value, epochs, fields.as_deref(), names).map(Some)
    } else {
        only_of_anonymous(epochs);
        Some(None)
    };
    finer_filters(table, fields.as_deref(), filter_by.as_deref());
    let staff = staff(table);
    let key_period = or_default(table, "key_period", KeyPeriod::None, |value| {
        value.choice("key period", &KEY_PERIODS)
    });
    let overlap_days = or_default(table, "overlap_days", 0, |value| {
        value.integer(1..=OVERLAP_DAYS_MAX)
    });
    let link = or_default(table, "link", LinkScope::Purpose, |value| {
        value.choice("link scope", &LINK_SCOPES)
    });
    if let (Some(LinkScope::Dataset), Some(dataset)) = (link, dataset) {
        own_dataset(
            table,
            &dataset.name,
            fields.as_deref(),
            filter_by.as_deref(),
            only.as_deref(),
        );
    }
    let page_max = or_default(table, "page_max", PAGE_ROWS_MAX, |value| {
        value.integer(1..=PAGE_ROWS_MAX)
    });
    let conditions = conditions(table, names, &[]);
    let limit = table.required("limit").and_then(|value| limit(value, false));
    let grant = RecordsGrant {
        recipients: recipients?,
        dataset: dataset?.name.clone(),
        holders: holders?,
        fields: fields?,
        filter_by: filter_by?,
        only: only?,
        scope: scope?,
        staff: staff?,
        key_period: key_period?,
        overlap_days: overlap_days?,
        link: link?,
        anonymous: anonymous?,
        page_max: page_max?,
        conditions: conditions?,
        limit: limit?,
    };
    if let Some(anonymous) = &grant.anonymous {
        releasable(table, &grant, anonymous, names);
    }
    Some(grant)
}

/// What says which epochs rows are released in.
type Epochs<'v, 't> = [(&'static str, Option<Value<'v, 't>>); 2];

/// `k_anonymity = 5`, with the population and the calendar of its epochs.
fn anonymous(
    value: Value<'_, '_>,
    epochs: Epochs<'_, '_>,
    fields: Option<&[FieldGrant]>,
    names: &Names<'_>,
) -> Option<KAnonymous> {
    for (key, _) in epochs.iter().filter(|(_, value)| value.is_none()) {
        value.error(format!(
            "k-anonymous records are released once an epoch: name its `{key}`"
        ));
    }
    let fields = fields.unwrap_or_default().iter().map(|granted| &granted.field);
    let class = names.catalogue.class_of(fields);
    let k = value.integer(1..=K_MAX).and_then(|k| {
        let k = Anonymity::new(k, class);
        if k.is_none() {
            value.error(format!(
                "`k_anonymity` is {} at least here",
                Anonymity::least(class)
            ));
        }
        k
    });
    let [(_, population), (_, epochs)] = epochs;
    let (population, epochs) = counted(population, epochs, names)?;
    Some(KAnonymous {
        k: k?,
        population,
        epochs,
    })
}

/// Notes what only k-anonymous records have.
fn only_of_anonymous(epochs: Epochs<'_, '_>) {
    for (key, value) in epochs {
        if let Some(value) = value {
            value.error(format!(
                "only k-anonymous records have `{key}`: add `k_anonymity`"
            ));
        }
    }
}

/// Notes what would let a pupil be found in what is released, or could not be released.
fn releasable(table: &Table<'_, '_>, grant: &RecordsGrant, anonymous: &KAnonymous, names: &Names<'_>) {
    let catalogue = names.catalogue;
    let granted = |field: &FieldName| {
        let mut fields = grant.fields.iter();
        fields.any(|granted| granted.field == *field && granted.generalise.is_none())
    };
    let fixed = grant.only.iter().map(|(field, _)| field);
    for field in grant
        .filter_by
        .iter()
        .chain(fixed)
        .filter(|field| !granted(field))
    {
        table.error(format!(
            "`{field}` is not among `fields` as it is, and over these the classes of k-anonymous records are formed"
        ));
    }
    let population = catalogue.population(&anonymous.population);
    if population.is_some_and(|population| !population.datasets.contains(&grant.dataset)) {
        table.error(format!(
            "k-anonymous records are of those whom a population counts, and `{}` does not count by `{}`",
            anonymous.population, grant.dataset
        ));
    }
    for granted in &grant.fields {
        let dataset = catalogue.dataset(&granted.field.dataset);
        if dataset.is_none_or(|dataset| dataset.about != About::Pupil) {
            table.error(format!(
                "`{}` is about no pupil, so nobody is alike in it",
                granted.field
            ));
        }
    }
    let class = |field: &FieldName| catalogue.class_of(std::iter::once(field));
    let sensitive = grant.fields.iter().map(|granted| &granted.field);
    let mut sensitive = sensitive.filter(|field| class(field) == ProtectionClass::Sensitive);
    if let (Some(one), Some(other)) = (sensitive.next(), sensitive.next()) {
        table.error(format!(
            "`{one}` and `{other}` are both sensitive: who knows the one of a pupil would read off the other"
        ));
    }
    let whole = [
        (grant.holders == Holders::All, "holders = \"all\""),
        (grant.scope == Scope::Everything, "scope = \"everything\""),
        (grant.key_period == KeyPeriod::None, "no `key_period`"),
        (grant.overlap_days == 0, "no `overlap_days`"),
        (grant.link == LinkScope::Purpose, "no `link`"),
        (!grant.conditions.partial, "no `partial`"),
    ];
    for (_, wanted) in whole.iter().filter(|(met, _)| !met) {
        table.error(format!(
            "k-anonymous records are released once an epoch, of everybody and under pseudonyms of that epoch: {wanted}"
        ));
    }
}

/// A row that shows another dataset's field links the two, whatever its pseudonym.
fn own_dataset(
    table: &Table<'_, '_>,
    dataset: &Name,
    fields: Option<&[FieldGrant]>,
    filter_by: Option<&[FieldName]>,
    only: Option<&[(FieldName, String)]>,
) {
    let fields = fields.unwrap_or_default().iter().map(|grant| &grant.field);
    let filters = filter_by.unwrap_or_default().iter();
    let fixed = only.unwrap_or_default().iter().map(|(field, _)| field);
    for field in fields.chain(filters).chain(fixed) {
        if field.dataset != *dataset {
            table.error(format!(
                "`{field}` is of another dataset than `{dataset}`, and `link = \"dataset\"` forbids to link them"
            ));
        }
    }
}

/// A filter by exact value would give back what the field's form keeps out.
fn finer_filters(table: &Table<'_, '_>, fields: Option<&[FieldGrant]>, filter_by: Option<&[FieldName]>) {
    let coarse = |field: &FieldName| {
        fields
            .unwrap_or_default()
            .iter()
            .any(|grant| grant.field == *field && grant.generalise.is_some())
    };
    for field in filter_by.unwrap_or_default().iter().filter(|field| coarse(field)) {
        table.error(format!(
            "`{field}` is given in a coarser form, so it cannot be filtered on"
        ));
    }
}
