//! Checks of what fields of a dataset say about each other: derivations and implications.

use std::collections::BTreeSet;

use toml::Spanned;

use super::dataset::Check;
use crate::catalogue::dataset::{Derive, Field, FieldType, Implication, ProtectionClass};
use crate::catalogue::file::{DeriveFile, FieldFile, ImplicationFile};
use crate::catalogue::hierarchy::Node;
use crate::catalogue::name::{Dimension, FieldName, Name};

impl<'c> Check<'c, '_> {
    /// What derived fields are derived from.
    pub(super) fn derivations(&mut self, files: &[FieldFile]) {
        for (file, field) in files.iter().zip(self.fields) {
            let Some(derive) = &file.derive else { continue };
            self.no_weaker_than_its_sources(derive, field);
            match derive.get_ref() {
                DeriveFile::Age { of } => {
                    self.date(of);
                    self.integer(derive, field);
                }
                DeriveFile::WholeDays { since, until } | DeriveFile::WholeWeeks { since, until } => {
                    self.date(since);
                    self.date(until);
                    self.integer(derive, field);
                }
                DeriveFile::Membership {
                    of,
                    hierarchy,
                    member,
                    other,
                    empty,
                } => {
                    self.field(of);
                    self.known.hierarchy(self.report, hierarchy);
                    for code in [member, other, empty] {
                        self.code_among(code, field.codes.iter().map(|entry| entry.code.as_str()));
                    }
                }
                DeriveFile::Mapped { of, table } => {
                    self.field(of);
                    let map = self.known.map(self.report, table);
                    if map.is_some_and(|map| field.hierarchy.as_ref() != Some(&map.to)) {
                        self.report.at(
                            table.span(),
                            "the map leads to another hierarchy than this field's",
                        );
                    }
                }
            }
        }
    }

    fn no_weaker_than_its_sources<T>(&mut self, derive: &Spanned<T>, field: &Field) {
        let sources = field.derive.iter().flat_map(Derive::sources);
        let strictest = sources.max_by_key(|source| self.class_of(source));
        if let Some(source) = strictest.filter(|source| field.class < self.class_of(source)) {
            self.report.at(
                derive.span(),
                format!(
                    "`{}` is derived from `{source}`, which is more strictly protected; give it the same class",
                    field.name
                ),
            );
        }
    }

    /// The class of a field of this dataset; an unknown one is reported where it is named.
    fn class_of(&self, name: &Name) -> ProtectionClass {
        let found = self.fields.iter().find(|field| field.name == *name);
        found.map_or_else(ProtectionClass::default, |field| field.class)
    }

    fn integer<T>(&mut self, derive: &Spanned<T>, field: &Field) {
        if !matches!(field.field_type, FieldType::Integer { .. }) {
            self.report.at(
                derive.span(),
                format!("`{}` is a number, so its type is `integer`", field.name),
            );
        }
    }

    /// An implication between two dimensions of this dataset.
    pub(super) fn implication(&mut self, file: &ImplicationFile) -> Option<Implication> {
        let (when, when_nodes) = self.dimension(&file.when)?;
        let (then, then_nodes) = self.dimension(&file.then)?;
        if when.field == then.field {
            self.report.at(
                file.then.span(),
                "a dimension implies another field's, not its own",
            );
        }
        if self.class_of(&when.field.field) < self.class_of(&then.field.field) {
            self.report.at(
                file.when.span(),
                format!(
                    "a code of `{}` tells one of `{}`, which is more strictly protected; give `{0}` the same class",
                    when.field.field, then.field.field
                ),
            );
        }
        let mut seen = BTreeSet::new();
        for (from, to) in &file.pairs {
            self.code_among(from, when_nodes.iter().map(|node| node.code.as_str()));
            self.code_among(to, then_nodes.iter().map(|node| node.code.as_str()));
            if !seen.insert(from.get_ref()) {
                self.report
                    .at(from.span(), format!("code `{}` occurs twice", from.get_ref()));
            }
        }
        let pairs = file
            .pairs
            .iter()
            .map(|(from, to)| (from.get_ref().clone(), to.get_ref().clone()))
            .collect();
        Some(Implication { when, then, pairs })
    }

    /// A dimension of this dataset, written as `field` or `field@level`, and its nodes.
    fn dimension(&mut self, text: &Spanned<String>) -> Option<(Dimension, &'c [Node])> {
        let (field, level) = text
            .get_ref()
            .split_once('@')
            .map_or((text.get_ref().as_str(), None), |(f, l)| (f, Some(l)));
        let fields = self.fields;
        let Some(found) = fields.iter().find(|known| known.name.as_str() == field) else {
            self.report.unknown(
                "field",
                text.span(),
                field,
                fields.iter().map(|field| field.name.as_str()),
            );
            return None;
        };
        let name = FieldName::new(self.name.clone(), found.name.clone());
        if found.field_type == FieldType::Code && found.hierarchy.is_none() && found.codes.is_empty() {
            return None; // reported with the field
        }
        let list = self
            .code_lists
            .iter()
            .find(|(of, _)| *of == name)
            .map(|(_, list)| list);
        let hierarchy = match &found.hierarchy {
            Some(hierarchy) => self.known.hierarchies.get(hierarchy),
            None => list,
        };
        let Some(hierarchy) = hierarchy else {
            if found.hierarchy.is_none() {
                self.report
                    .at(text.span(), format!("field `{field}` has no codes"));
            }
            return None;
        };
        let level_found = hierarchy
            .levels
            .iter()
            .find(|known| level.is_none_or(|level| known.as_str() == level));
        let Some(level_found) = level_found else {
            self.report.unknown(
                "level",
                text.span(),
                level?,
                hierarchy.levels.iter().map(Name::as_str),
            );
            return None;
        };
        let nodes = hierarchy.nodes_at(level_found);
        Some((
            Dimension {
                field: name,
                level: level_found.clone(),
            },
            nodes,
        ))
    }
}
