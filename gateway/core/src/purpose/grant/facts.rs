//! Grants of facts.

use super::conditions::conditions;
use super::field::{field_grant, own_codes};
use super::{about_pupils, parties, scope, staff};
use crate::document::Table;
use crate::party::parse::IDENTIFIERS;
use crate::purpose::names::{Names, limit, or_default};
use crate::purpose::{FactsGrant, StaffRule};

/// `form = "facts"`.
pub(super) fn facts(table: &Table<'_, '_>, names: &Names<'_>) -> Option<FactsGrant> {
    let recipients = parties(table, "recipient", names);
    let dataset = table
        .required("dataset")
        .and_then(|value| about_pupils(value, names));
    let holders = table
        .required("holders")
        .and_then(|value| names.holders(value, dataset));
    let identifiers = table
        .required("identifiers")
        .and_then(|list| list.some(|value| value.choice("kind of identifier", &IDENTIFIERS)));
    let fields = or_default(table, "fields", Vec::new(), |list| {
        list.each(|value| field_grant(value, names))
    });
    let exists = or_default(table, "exists", false, |value| value.boolean());
    let only = or_default(table, "only", Vec::new(), |value| own_codes(value, names));
    let scope = scope(table);
    let staff = staff(table);
    let break_glass = or_default(table, "break_glass", None, |value| value.parse().map(Some));
    if matches!(break_glass, Some(Some(_))) && staff.is_some_and(|staff| staff != StaffRule::Proved) {
        table.error(
            "`break_glass` wants `staff = \"proved\"`: it is always known who used the emergency procedure",
        );
    }
    let conditions = conditions(table, names, &[]);
    let limit = table.required("limit").and_then(|value| limit(value, false));
    if let Some(dataset) = dataset {
        let given = fields.iter().flatten().map(|grant| &grant.field);
        let filtered = only.iter().flatten().map(|(field, _)| field);
        for other in given
            .chain(filtered)
            .filter(|field| field.dataset != dataset.name)
        {
            table.error(format!(
                "`{other}` is not of dataset `{}`, whose rows answer",
                dataset.name
            ));
        }
    }
    if exists == Some(false) && fields.as_ref().is_some_and(Vec::is_empty) {
        table.error("grants nothing: neither `fields` nor `exists = true`");
    }
    Some(FactsGrant {
        recipients: recipients?,
        dataset: dataset?.name.clone(),
        holders: holders?,
        identifiers: identifiers?,
        fields: fields?,
        exists: exists?,
        only: only?,
        scope: scope?,
        staff: staff?,
        break_glass: break_glass?,
        conditions: conditions?,
        limit: limit?,
    })
}
