//! The fields of a grant, and how they are made coarser.

use crate::catalogue::{About, FieldName, FieldType, Name};
use crate::document::{Table, Value};
use crate::purpose::names::Names;
use crate::purpose::{FieldGrant, Generalise};

/// The widest band of numbers.
const BAND_WIDTH_MAX: u32 = 1_000_000;

/// A field, or `{ field = "…", as = "…" }`.
pub(super) fn field_grant(value: Value<'_, '_>, names: &Names<'_>) -> Option<FieldGrant> {
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
        .and_then(|value| generalise(value, &table, field.as_ref()?, names));
    table.finish();
    Some(FieldGrant {
        field: field?,
        generalise: Some(coarser?),
    })
}

/// A field that may stand beside a pupil: of a dataset about pupils, or of their site. Places without a person are
/// checked with the whole grant.
pub(super) fn joined(value: Value<'_, '_>, names: &Names<'_>) -> Option<FieldName> {
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

/// Filters on fields by their own codes, not by a coarser level: a row has the field, not the level.
pub(super) fn own_codes(value: Value<'_, '_>, names: &Names<'_>) -> Option<Vec<(FieldName, String)>> {
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

/// The coarser forms of a type, by name. A code has the levels of its hierarchy besides.
fn forms(field_type: FieldType) -> &'static [(&'static str, Generalise)] {
    match field_type {
        FieldType::Brin6 => &[("brin4", Generalise::Brin4)],
        FieldType::Date => &[
            ("year", Generalise::Year),
            ("school-year", Generalise::SchoolYear),
            ("quarter", Generalise::Quarter),
            ("month", Generalise::Month),
        ],
        FieldType::Pc4 => &[("pc4", Generalise::Pc4), ("pc2", Generalise::Pc2)],
        FieldType::Bool
        | FieldType::Code
        | FieldType::Integer { .. }
        | FieldType::StaffId
        | FieldType::Text { .. } => &[],
    }
}

/// `as = "month"`, `as = "district"`, `as = "band", width = 4`.
fn generalise(
    value: Value<'_, '_>,
    table: &Table<'_, '_>,
    field: &FieldName,
    names: &Names<'_>,
) -> Option<Generalise> {
    let text = value.text()?;
    let (_, declared) = names.catalogue.field(field)?;
    if let FieldType::Integer { .. } = declared.field_type {
        return band(value, table, field, text);
    }
    if let Some(width) = table.optional("width") {
        width.error("only a `band` of numbers has a `width`");
        return None;
    }
    let forms = forms(declared.field_type);
    if let Some((_, form)) = forms.iter().find(|(name, _)| *name == text) {
        return Some(form.clone());
    }
    let levels = names
        .catalogue
        .hierarchy_of(field)
        .map(|hierarchy| hierarchy.levels.as_slice())
        .unwrap_or_default();
    let found = levels.iter().find(|level| level.as_str() == text);
    if found.is_none() {
        let known: Vec<&str> = forms
            .iter()
            .map(|(name, _)| *name)
            .chain(levels.iter().map(Name::as_str))
            .collect();
        let message = if known.is_empty() {
            format!("`{field}` has no coarser form; leave `as` out")
        } else {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!(
                "`{field}` has no form `{text}`, expected one of {}",
                known.join(", ")
            )
        };
        value.unknown(message, text, known);
    }
    found.cloned().map(Generalise::Level)
}

fn band(value: Value<'_, '_>, table: &Table<'_, '_>, field: &FieldName, text: &str) -> Option<Generalise> {
    if text != "band" {
        value.unknown(
            format!("`{field}` is a number: it has no form `{text}`, expected `band` with a `width`"),
            text,
            ["band"],
        );
        return None;
    }
    let width = table.required("width")?.integer(2..=BAND_WIDTH_MAX)?;
    Some(Generalise::Band { width })
}
