//! Code lists of a dataset's fields, declared and implicit.

use super::dataset::CodeLists;
use crate::catalogue::dataset::{CodeEntry, Field, FieldType, ProtectionClass};
use crate::catalogue::hierarchy::{Hierarchy, Node};
use crate::catalogue::name::{FieldName, Name};
use crate::text::Text;

/// The implicit field of whoever has a row.
pub(super) fn present(class: ProtectionClass) -> Field {
    let text = |nl: &str, en: &str| Text {
        nl: nl.to_owned(),
        en: en.to_owned(),
    };
    Field {
        name: Name::present(),
        field_type: FieldType::Bool,
        required: false,
        class,
        hierarchy: None,
        bound: None,
        bins: Vec::new(),
        codes: Vec::new(),
        derive: None,
        title: text("Komt voor", "Present"),
        description: text(
            "Of de leerling een regel heeft die dan geldt.",
            "Whether the pupil has a row that holds then.",
        ),
    }
}

/// The code lists of fields without a hierarchy.
pub(super) fn code_lists<'f>(dataset: &Name, fields: impl Iterator<Item = &'f Field>) -> CodeLists {
    let listed = fields
        .filter(|field| field.hierarchy.is_none())
        .filter_map(|field| {
            let entries = match field.field_type {
                FieldType::Bool => yes_no(),
                FieldType::Code => field.codes.clone(),
                _ => return None,
            };
            let nodes = entries.into_iter().map(|entry| Node {
                code: entry.code,
                label: Text {
                    nl: entry.nl,
                    en: entry.en,
                },
                parent: None,
            });
            let hierarchy = Hierarchy::of_codes(field.name.clone(), 1, field.title.clone(), nodes.collect());
            Some((FieldName::new(dataset.clone(), field.name.clone()), hierarchy))
        });
    listed.collect()
}

fn yes_no() -> Vec<CodeEntry> {
    let entry = |code: &str, nl: &str, en: &str| CodeEntry {
        code: code.into(),
        nl: nl.into(),
        en: en.into(),
    };
    vec![entry("true", "Ja", "Yes"), entry("false", "Nee", "No")]
}
