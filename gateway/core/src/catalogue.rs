//! The catalogue: datasets, fields, code lists, hierarchies, populations, read from `policies/`.
//!
//! | folder | a file is |
//! |---|---|
//! | `datasets/` | a dataset: its fields, its key, its period ([`Dataset`]) |
//! | `hierarchies/` | a tree of codes ([`Hierarchy`]) |
//! | `maps/` | a table from the codes of one field to those of a hierarchy ([`Mapping`]) |
//! | `populations/` | who is counted, and when ([`Population`]) |
//!
//! A file is named after what it declares. Adding a dataset or a field needs no Rust.

use std::collections::BTreeMap;
use std::fmt;

pub use cell::{Cell, Coordinate, UnknownCode};
pub use dataset::{
    About, CodeEntry, Dataset, DatasetPeriod, Derive, ErrorPolicy, Field, FieldType, Implication,
    ProtectionClass, Retention, Rule,
};
pub use derived::{age, whole_days, whole_weeks};
pub use hierarchy::{Hierarchy, Node, Source};
pub use mapping::Mapping;
pub use name::{Dimension, FieldName, Name, NameError};
pub use population::{Bound, Calendar, MonthDay, Population, SoleHolder, school_year, school_year_days};
pub use row::{Row, RowError, RowErrorCode, RowReader};
pub(crate) use value::is_brin6;
pub use value::{Raw, Value, ValueError, ValueErrorCode};

use crate::source_text::{SourceError, closest};

mod cell;
mod check;
mod dataset;
mod derived;
pub mod docs;
mod file;
mod hierarchy;
mod lattice;
mod mapping;
mod name;
mod population;
mod row;
#[cfg(test)]
mod tests;
mod value;

/// Everything that may be named in a purpose, a delivery or a question.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    datasets: BTreeMap<Name, Dataset>,
    hierarchies: BTreeMap<Name, Hierarchy>,
    maps: BTreeMap<Name, Mapping>,
    populations: BTreeMap<Name, Population>,
    /// The code lists of fields without a hierarchy, each as a hierarchy of one level.
    code_lists: BTreeMap<FieldName, Hierarchy>,
    /// What codes imply about other fields.
    facts: cell::Facts,
}

impl Catalogue {
    /// Reads the catalogue's files, `(file name, text)` each; the folder in the name says what a file is.
    /// On mistakes, all of them in order of file and line (of a file whose structure is wrong, the first).
    pub fn parse(files: &[(String, String)]) -> Result<Self, Vec<SourceError>> {
        check::catalogue(files)
    }

    /// All datasets, by name.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.datasets.values()
    }

    /// All hierarchies of the folder `hierarchies/`, by name.
    pub fn hierarchies(&self) -> impl Iterator<Item = &Hierarchy> {
        self.hierarchies.values()
    }

    /// All populations, by name.
    pub fn populations(&self) -> impl Iterator<Item = &Population> {
        self.populations.values()
    }

    /// The dataset with this name.
    pub fn dataset(&self, name: &Name) -> Option<&Dataset> {
        self.datasets.get(name)
    }

    /// The hierarchy with this name.
    pub fn hierarchy(&self, name: &Name) -> Option<&Hierarchy> {
        self.hierarchies.get(name)
    }

    /// The table with this name.
    pub fn map(&self, name: &Name) -> Option<&Mapping> {
        self.maps.get(name)
    }

    /// The population with this name.
    pub fn population(&self, name: &Name) -> Option<&Population> {
        self.populations.get(name)
    }

    /// A field (declared, or the implicit `present`) and its dataset.
    pub fn field(&self, name: &FieldName) -> Option<(&Dataset, &Field)> {
        let dataset = self.datasets.get(&name.dataset)?;
        Some((dataset, dataset.field(&name.field)?))
    }

    /// The hierarchy of a field; of a field with codes, its code list as a hierarchy of one level.
    pub fn hierarchy_of(&self, name: &FieldName) -> Option<&Hierarchy> {
        let (_, field) = self.field(name)?;
        match &field.hierarchy {
            Some(hierarchy) => self.hierarchies.get(hierarchy),
            None => self.code_lists.get(name),
        }
    }

    /// Reads the name of a field that exists.
    pub fn field_name(&self, text: &str) -> Result<FieldName, NameError> {
        let name: FieldName = text.parse()?;
        self.known(&name)?;
        Ok(name)
    }

    /// Reads the name of a dimension, with or without `@level` (without: the finest).
    pub fn dimension(&self, text: &str) -> Result<Dimension, NameError> {
        let (field, level) = text
            .split_once('@')
            .map_or((text, None), |(field, level)| (field, Some(level)));
        let field: FieldName = field.parse()?;
        let level: Option<Name> = level.map(str::parse).transpose()?;
        self.known(&field)?;
        let Some(hierarchy) = self.hierarchy_of(&field) else {
            return Err(NameError::NoCodes { field });
        };
        match level.or_else(|| hierarchy.finest().cloned()) {
            Some(level) if hierarchy.depth(&level).is_some() => Ok(Dimension { field, level }),
            Some(level) => {
                let suggestion = closest(level.as_str(), hierarchy.levels.iter().map(Name::as_str));
                Err(NameError::UnknownLevel {
                    field,
                    level,
                    suggestion,
                })
            }
            None => Err(NameError::NoCodes { field }),
        }
    }

    /// A dimension as people write it: `@level` is left out where the hierarchy has one level.
    pub fn display(&self, dimension: &Dimension) -> String {
        match self.hierarchy_of(&dimension.field) {
            Some(hierarchy) if hierarchy.levels.len() == 1 => dimension.field.to_string(),
            _ => dimension.to_string(),
        }
    }

    /// All nodes of a dimension, from metadata, in order; none for a dimension that does not exist.
    pub fn codes(&self, dimension: &Dimension) -> Vec<&Node> {
        self.hierarchy_of(&dimension.field)
            .map(|hierarchy| hierarchy.nodes_at(&dimension.level).iter().collect())
            .unwrap_or_default()
    }

    /// The strictest protection class over fields; a field that does not exist counts as sensitive.
    pub fn class_of<'f>(&self, fields: impl Iterator<Item = &'f FieldName>) -> ProtectionClass {
        fields
            .map(|name| {
                self.field(name)
                    .map_or(ProtectionClass::Sensitive, |(_, field)| field.class)
            })
            .max()
            .unwrap_or_default()
    }

    fn known(&self, name: &FieldName) -> Result<(), NameError> {
        let Some(dataset) = self.datasets.get(&name.dataset) else {
            let suggestion = closest(name.dataset.as_str(), self.datasets.keys().map(Name::as_str));
            return Err(NameError::UnknownDataset {
                name: name.dataset.clone(),
                suggestion,
            });
        };
        if dataset.field(&name.field).is_some() {
            return Ok(());
        }
        let fields = dataset.fields.iter().map(|field| field.name.as_str());
        let suggestion =
            closest(name.field.as_str(), fields).map(|field| format!("{}.{field}", name.dataset));
        Err(NameError::UnknownField {
            name: name.clone(),
            suggestion,
        })
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue")
            .field("datasets", &self.datasets.keys())
            .field("hierarchies", &self.hierarchies.keys())
            .field("maps", &self.maps.keys())
            .field("populations", &self.populations.keys())
            .finish_non_exhaustive()
    }
}
