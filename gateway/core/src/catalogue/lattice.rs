//! What the lattice of figures asks of the catalogue: levels, ancestors, and what implies what.

use super::{Catalogue, Dimension, FieldName, FieldType, Name, Node, Raw, Value};

/// The hierarchy that says where: one dimension of it may be crossed besides the others.
const GEOGRAPHY: &str = "neighbourhood";

impl Dimension {
    /// The dimension that says whether a pupil has a row in the dataset at all.
    pub fn present(dataset: &Name) -> Self {
        Self {
            field: FieldName::new(dataset.clone(), Name::present()),
            level: Name::code(),
        }
    }
}

impl Catalogue {
    /// The node of a dimension with this code.
    pub fn code(&self, dimension: &Dimension, code: &str) -> Option<&Node> {
        self.hierarchy_of(&dimension.field)?.node(&dimension.level, code)
    }

    /// A field's value from text; none where it is not one.
    pub fn value(&self, field: &FieldName, text: &str) -> Option<Value> {
        let (_, definition) = self.field(field)?;
        definition
            .parse_value(Raw::Text(text), self.hierarchy_of(field))
            .ok()
    }

    /// How coarse a dimension's level is: 0 is the finest.
    pub fn depth(&self, dimension: &Dimension) -> Option<usize> {
        self.hierarchy_of(&dimension.field)?.depth(&dimension.level)
    }

    /// A dimension's level and all coarser ones.
    pub fn levels_from(&self, dimension: &Dimension) -> Vec<Name> {
        let Some(hierarchy) = self.hierarchy_of(&dimension.field) else {
            return Vec::new();
        };
        let depth = hierarchy.depth(&dimension.level).unwrap_or(usize::MAX);
        hierarchy.levels.iter().skip(depth).cloned().collect()
    }

    /// Whether a dimension says where.
    pub fn is_geography(&self, dimension: &Dimension) -> bool {
        self.hierarchy_of(&dimension.field)
            .is_some_and(|hierarchy| hierarchy.name.as_str() == GEOGRAPHY)
    }

    /// The bins of a field's distribution, each from its first to its last value; none where none are declared.
    pub fn bins(&self, field: &FieldName) -> Vec<(i64, i64)> {
        let Some((_, field)) = self.field(field) else {
            return Vec::new();
        };
        let FieldType::Integer { min, max } = field.field_type else {
            return Vec::new();
        };
        if field.bins.is_empty() {
            return Vec::new();
        }
        let starts = std::iter::once(min).chain(field.bins.iter().copied());
        let ends = field.bins.iter().map(|start| start - 1).chain([max]);
        starts.zip(ends).collect()
    }

    /// The number of the bin that a value is in.
    pub fn bin(&self, field: &FieldName, value: i64) -> Option<usize> {
        let bins = self.bins(field);
        bins.iter()
            .position(|(first, last)| (*first..=*last).contains(&value))
    }

    /// The code at level `to` above the node `code` of a dimension.
    pub fn ancestor(&self, dimension: &Dimension, code: &str, to: &Name) -> Option<&str> {
        let hierarchy = self.hierarchy_of(&dimension.field)?;
        hierarchy
            .ancestor(code, &dimension.level, to)
            .map(|node| node.code.as_str())
    }

    /// The code at level `to` above a code of the field's finest level.
    pub fn ancestor_of_finest(&self, field: &FieldName, code: &str, to: &Name) -> Option<&str> {
        let hierarchy = self.hierarchy_of(field)?;
        hierarchy
            .ancestor(code, hierarchy.finest()?, to)
            .map(|node| node.code.as_str())
    }

    /// The codes of the finest level under a node.
    pub fn finest_under(&self, dimension: &Dimension, code: &str) -> Vec<&str> {
        let Some(hierarchy) = self.hierarchy_of(&dimension.field) else {
            return Vec::new();
        };
        let Some(finest) = hierarchy.finest() else {
            return Vec::new();
        };
        hierarchy
            .nodes_at(finest)
            .iter()
            .filter(|node| {
                hierarchy
                    .ancestor(&node.code, finest, &dimension.level)
                    .is_some_and(|above| above.code == code)
            })
            .map(|node| node.code.as_str())
            .collect()
    }
}
