//! Reads the grants of a purpose.

use super::names::{Names, limit, measure, or_default};
use super::rule;
use super::{
    DeliveryGrant, FactsGrant, FieldGrant, FiguresGrant, Generalise, Grant, Holders, KeyPeriod, Recipient,
    RecordsGrant, Scope, StaffRule,
};
use crate::catalogue::{About, Dataset, FieldName, FieldType, Name};
use crate::document::{Table, Value};
use crate::figures::release;
use crate::party::parse::IDENTIFIERS;

const PAGE_ROWS_MAX: u32 = 1_000;
const ROUND_MAX: u32 = 100;
const DIMENSIONS_MAX: u32 = 4;
const DIMENSIONS_DEFAULT: u8 = 2;

#[derive(Clone, Copy)]
enum Form {
    Delivery,
    Facts,
    Figures,
    Records,
}

const FORMS: [(&str, Form); 4] = [
    ("delivery", Form::Delivery),
    ("facts", Form::Facts),
    ("figures", Form::Figures),
    ("records", Form::Records),
];
const FORMS_TO_COME: [&str; 2] = ["resolve", "translate"];
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
const KEY_PERIODS: [(&str, KeyPeriod); 2] =
    [("none", KeyPeriod::None), ("school-year", KeyPeriod::SchoolYear)];

/// One `[[grant]]`.
pub(super) fn grant(table: &Table<'_, '_>, names: &Names<'_>) -> Option<Grant> {
    let form = table.required("form")?;
    if let Some(form_to_come) = form.as_text().filter(|text| FORMS_TO_COME.contains(text)) {
        form.error(format!("form `{form_to_come}` has no mechanism yet"));
        return None;
    }
    let grant = match form.choice("form", &FORMS)? {
        Form::Delivery => delivery(table, names).map(Grant::Delivery),
        Form::Facts => facts(table, names).map(Grant::Facts),
        Form::Figures => figures(table, names).map(Grant::Figures),
        Form::Records => records(table, names).map(Grant::Records),
    };
    table.finish();
    rule::check(table, grant.as_ref()?, names);
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

fn facts(table: &Table<'_, '_>, names: &Names<'_>) -> Option<FactsGrant> {
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
    let scope = table
        .required("scope")
        .and_then(|value| value.choice("scope", &SCOPES));
    let staff = staff(table);
    let limit = table.required("limit").and_then(|value| limit(value, false));
    if let (Some(fields), Some(dataset)) = (&fields, dataset) {
        for other in fields.iter().filter(|grant| grant.field.dataset != dataset.name) {
            table.error(format!(
                "`{}` is not of dataset `{}`, whose rows answer",
                other.field, dataset.name
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
        scope: scope?,
        staff: staff?,
        limit: limit?,
    })
}

fn figures(table: &Table<'_, '_>, names: &Names<'_>) -> Option<FiguresGrant> {
    let recipients = parties(table, "recipient", names);
    let dataset = table
        .required("dataset")
        .and_then(|value| about_pupils(value, names));
    let holders = table
        .required("holders")
        .and_then(|value| names.holders(value, dataset));
    let counted = counted(table, names);
    let group_by = table.required("group_by").and_then(|list| names.dimensions(list));
    let filter_by = or_default(table, "filter_by", Vec::new(), |list| names.dimensions(list));
    let only = or_default(table, "only", Vec::new(), |value| names.filters(value));
    let measures = table.required("measures").and_then(|list| list.some(measure));
    let round = table.required("protect").and_then(protect);
    let max_dimensions = or_default(table, "max_dimensions", DIMENSIONS_DEFAULT, |value| {
        value
            .integer(0..=DIMENSIONS_MAX)
            .and_then(|count| u8::try_from(count).ok())
    });
    let limit = table.required("limit").and_then(|value| limit(value, true));
    let (population, epochs) = counted?;
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
        round: round?,
        max_dimensions: max_dimensions?,
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
    let lattice = release::lattice(names.catalogue, grant);
    if let Err(error) = lattice.and_then(|lattice| lattice.cuboids().map(drop)) {
        table.error(error.to_string());
    }
}

fn records(table: &Table<'_, '_>, names: &Names<'_>) -> Option<RecordsGrant> {
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
    let scope = table
        .required("scope")
        .and_then(|value| value.choice("scope", &SCOPES));
    if matches!(scope, Some(Scope::OwnSchool | Scope::OwnSite)) {
        table.error(
            "records of a school's own pupils have no mechanism yet; `own-board` gives the board's own rows",
        );
    }
    finer_filters(table, fields.as_deref(), filter_by.as_deref());
    let staff = staff(table);
    let key_period = or_default(table, "key_period", KeyPeriod::None, |value| {
        value.choice("key period", &KEY_PERIODS)
    });
    let page_max = or_default(table, "page_max", PAGE_ROWS_MAX, |value| {
        value.integer(1..=PAGE_ROWS_MAX)
    });
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
        page_max: page_max?,
        limit: limit?,
    })
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

/// Filters on fields by their own codes, not by a coarser level: a row has the field, not the level.
fn own_codes(value: Value<'_, '_>, names: &Names<'_>) -> Option<Vec<(FieldName, String)>> {
    let filters = names.filters(value)?;
    let coarse = filters.iter().find(|(dimension, _)| {
        let finest = names
            .catalogue
            .hierarchy_of(&dimension.field)
            .and_then(|hierarchy| hierarchy.levels.first());
        finest != Some(&dimension.level)
    });
    if let Some((dimension, _)) = coarse {
        value.error(format!(
            "records are filtered by a field's own codes, not by `{dimension}`"
        ));
        return None;
    }
    Some(
        filters
            .into_iter()
            .map(|(dimension, code)| (dimension.field, code))
            .collect(),
    )
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

/// The population and the name of its calendar.
fn counted(table: &Table<'_, '_>, names: &Names<'_>) -> Option<(Name, Name)> {
    let (population, epochs) = (table.required("population"), table.required("epochs"));
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

/// `{ mechanism = "cell-key", round = 1 }`.
fn protect(value: Value<'_, '_>) -> Option<u32> {
    let table = value.table()?;
    let mechanism = table.required("mechanism").and_then(|value| {
        let text = value.text()?;
        if ["exact", "suppress-round"].contains(&text) {
            value.error(format!("mechanism `{text}` is not built yet"));
            return None;
        }
        value.choice("mechanism", &[("cell-key", ())])
    });
    let round = or_default(&table, "round", 1, |value| value.integer(1..=ROUND_MAX));
    table.finish();
    mechanism.and(round)
}

/// A field, or `{ field = "…", as = "…" }`.
fn field_grant(value: Value<'_, '_>, names: &Names<'_>) -> Option<FieldGrant> {
    if value.as_text().is_some() {
        return joined(value, names).map(|field| FieldGrant {
            field,
            generalise: None,
        });
    }
    let table = value.table()?;
    let field = table.required("field").and_then(|value| joined(value, names));
    let coarser = table
        .required("as")
        .and_then(|value| generalise(value, field.as_ref()?, names));
    table.finish();
    Some(FieldGrant {
        field: field?,
        generalise: Some(coarser?),
    })
}

/// A field that may stand beside a pupil: of a dataset about pupils, or of their site. Places without a person are
/// checked with the whole grant.
fn joined(value: Value<'_, '_>, names: &Names<'_>) -> Option<FieldName> {
    let field = names.field(value)?;
    if names
        .catalogue
        .dataset(&field.dataset)
        .is_some_and(|dataset| dataset.about == About::Staff)
    {
        value.error(format!(
            "dataset `{}` is about staff; it only gives scope",
            field.dataset
        ));
        return None;
    }
    Some(field)
}

fn generalise(value: Value<'_, '_>, field: &FieldName, names: &Names<'_>) -> Option<Generalise> {
    let text = value.text()?;
    let (_, declared) = names.catalogue.field(field)?;
    if declared.field_type == FieldType::Date {
        let dates = [("year", Generalise::Year), ("month", Generalise::Month)];
        let found = dates
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, coarser)| coarser.clone());
        if found.is_none() {
            value.unknown(
                format!("a date has no form `{text}`, expected `year` or `month`"),
                text,
                ["year", "month"],
            );
        }
        return found;
    }
    let levels = names
        .catalogue
        .hierarchy_of(field)
        .map(|hierarchy| hierarchy.levels.as_slice())
        .unwrap_or_default();
    let found = levels.iter().find(|level| level.as_str() == text);
    if found.is_none() {
        value.unknown(
            format!("`{field}` has no level `{text}`"),
            text,
            levels.iter().map(Name::as_str),
        );
    }
    found.cloned().map(Generalise::Level)
}
