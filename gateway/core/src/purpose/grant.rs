//! Reads the grants of a purpose.

mod conditions;
mod exchange;
mod facts;
mod field;
mod figures;
mod records;

use super::names::{Names, limit, or_default};
use super::{DeliveryGrant, Grant, Recipient, Scope, StaffRule};
use super::{rule, sound};
use crate::catalogue::{About, Dataset, Name};
use crate::document::{Table, Value};
use crate::request::Form;

const FORMS: [(&str, Form); 8] = [
    ("delivery", Form::Delivery),
    ("facts", Form::Facts),
    ("figures", Form::Figures),
    ("records", Form::Records),
    ("resolve", Form::Resolve),
    ("restrict", Form::Restrict),
    ("search", Form::Search),
    ("translate", Form::Translate),
];
const SCOPES: [(&str, Scope); 5] = [
    ("caseload", Scope::Caseload),
    ("own-board", Scope::OwnBoard),
    ("own-school", Scope::OwnSchool),
    ("own-site", Scope::OwnSite),
    ("everything", Scope::Everything),
];
const STAFF: [(&str, StaffRule); 3] = [
    ("none", StaffRule::None),
    ("proved", StaffRule::Proved),
    ("stated", StaffRule::Stated),
];

/// One `[[grant]]`.
pub(super) fn grant(table: &Table<'_, '_>, names: &Names<'_>) -> Option<Grant> {
    let form = table.required("form")?.choice("form", &FORMS)?;
    let grant = match form {
        Form::Delivery => delivery(table, names).map(Grant::Delivery),
        Form::Facts => facts::facts(table, names).map(Grant::Facts),
        Form::Figures => figures::figures(table, names).map(Grant::Figures),
        Form::Records => records::records(table, names).map(Grant::Records),
        Form::Resolve => exchange::resolve(table, names).map(Grant::Resolve),
        Form::Restrict => exchange::restrict(table, names).map(Grant::Restrict),
        Form::Search => exchange::search(table, names).map(Grant::Search),
        Form::Translate => exchange::translate(table, names).map(Grant::Translate),
    };
    table.finish();
    rule::check(table, grant.as_ref()?, names);
    sound::check(table, grant.as_ref()?, names);
    grant
}

fn delivery(table: &Table<'_, '_>, names: &Names<'_>) -> Option<DeliveryGrant> {
    let dataset = table.required("dataset").and_then(|value| names.dataset(value));
    let deliverers = parties(table, "deliverer", names);
    let limit = table.required("limit").and_then(|value| limit(value, false));
    Some(DeliveryGrant {
        dataset: dataset?.name.clone(),
        deliverers: deliverers?,
        limit: limit?,
    })
}

/// The population and the name of its calendar.
fn counted(
    population: Option<Value<'_, '_>>,
    epochs: Option<Value<'_, '_>>,
    names: &Names<'_>,
) -> Option<(Name, Name)> {
    let value = population?;
    let name: Name = value.parse()?;
    let Some(population) = names.catalogue.population(&name) else {
        let known = names
            .catalogue
            .populations()
            .map(|population| population.name.as_str());
        value.unknown(format!("unknown population `{name}`"), name.as_str(), known);
        return None;
    };
    let value = epochs?;
    let calendar: Name = value.parse()?;
    if population.calendar(&calendar).is_none() {
        let known = population.calendars.iter().map(|calendar| calendar.name.as_str());
        value.unknown(
            format!("`{name}` has no calendar `{calendar}`"),
            calendar.as_str(),
            known,
        );
        return None;
    }
    Some((name, calendar))
}

fn parties(table: &Table<'_, '_>, key: &'static str, names: &Names<'_>) -> Option<Vec<Recipient>> {
    table
        .required(key)
        .and_then(|list| list.some(|value| names.recipient(value)))
}

fn staff(table: &Table<'_, '_>) -> Option<StaffRule> {
    or_default(table, "staff", StaffRule::Proved, |value| {
        value.choice("staff rule", &STAFF)
    })
}

fn about_pupils<'c>(value: Value<'_, '_>, names: &Names<'c>) -> Option<&'c Dataset> {
    let dataset = names.dataset(value)?;
    if dataset.about != About::Pupil {
        value.error(format!("dataset `{}` is not about pupils", dataset.name));
        return None;
    }
    Some(dataset)
}

/// Records are of pupils, or of places without a person.
fn about_pupils_or_places<'c>(value: Value<'_, '_>, names: &Names<'c>) -> Option<&'c Dataset> {
    let dataset = names.dataset(value)?;
    match dataset.about {
        About::Pupil | About::Provision => Some(dataset),
        About::Site | About::Staff => about_pupils(value, names),
    }
}

fn scope(table: &Table<'_, '_>) -> Option<Scope> {
    table
        .required("scope")
        .and_then(|value| value.choice("scope", &SCOPES))
}
