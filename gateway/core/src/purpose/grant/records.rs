//! Grants of records.

use super::conditions::conditions;
use super::field::{field_grant, joined, own_codes};
use super::{about_pupils_or_places, parties, scope, staff};
use crate::catalogue::{FieldName, Name};
use crate::document::Table;
use crate::purpose::names::{Names, limit, or_default};
use crate::purpose::{FieldGrant, KeyPeriod, LinkScope, RecordsGrant};

const PAGE_ROWS_MAX: u32 = 1_000;
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
    if let Some(value) = table.optional("k_anonymity") {
        value.error(
            "k-anonymity of records has no mechanism yet; leave it out, or generalise the fields with `as`",
        );
    }
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
    Some(RecordsGrant {
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
        page_max: page_max?,
        conditions: conditions?,
        limit: limit?,
    })
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
